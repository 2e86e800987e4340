"""The ids by which clients know calls: unique in the world, and ours at sight.

Inside a conversation a call's id is its position (`core.repair.call_id`); outside, the run's id stands before
it. So an id that comes back says which turn it belongs to. 39 characters: some providers take 40 at most, and
ids go to them when a client replays its history at another one.
"""

from __future__ import annotations

import base64
import re
import secrets
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

__all__ = ["MARK", "OurCall", "new_run_id", "our_call", "our_ids", "public_id", "with_short_ids"]

MARK = "call_lm"
"""What all of our ids begin with."""

_ID = re.compile(MARK + r"(?P<run>[0-9a-v]{24})(?P<place>[0-9a-z]{3}(?P<round>[0-9a-z]{2})[0-9a-z]{3})")


@dataclass(frozen=True, slots=True)
class OurCall:
    """What an id of ours says."""

    run: str
    id: str
    """Inside the run."""
    round: int
    """Of the model's reply that asked for it."""


def new_run_id() -> str:
    """24 small letters and digits that nobody can guess."""
    return base64.b32hexencode(secrets.token_bytes(15)).decode("ascii").lower()


def public_id(run: str, call_id: str) -> str:
    """How a client knows the call `call_id` of `run`."""
    return f"{MARK}{run}{call_id[1:]}"


def our_call(id: object) -> OurCall | None:
    """What `id` says; None where it is not one of ours."""
    found = _ID.fullmatch(id) if isinstance(id, str) else None
    return None if found is None else OurCall(found["run"], f"c{found['place']}", int(found["round"], 36))


def our_ids(message: Mapping[str, Any]) -> Iterator[tuple[str, OurCall]]:
    """The calls of ours that an assistant message speaks of."""
    for call in message.get("tool_calls") or ():
        ours = our_call(call.get("id"))
        if ours is not None:
            yield call["id"], ours


def with_short_ids(messages: Iterable[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    """The messages with ids in place of ours that the strictest provider takes (quirk 27)."""
    short: dict[str, str] = {}

    def shortened(id: Any) -> Any:
        return id if our_call(id) is None else short.setdefault(id, f"r{len(short):08}")

    said: list[Mapping[str, Any]] = []
    for message in messages:
        if message.get("tool_calls"):
            calls = [{**call, "id": shortened(call.get("id"))} for call in message["tool_calls"]]
            said.append({**message, "tool_calls": calls})
        elif our_call(message.get("tool_call_id")) is not None:
            said.append({**message, "tool_call_id": shortened(message["tool_call_id"])})
        else:
            said.append(message)
    return said
