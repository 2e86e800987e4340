"""One call of the model, from the asking to its outcome."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Literal

from limner.errors import CALL_CODES

from .messages import ToolCall
from .pictures import Picture
from .repair import canonical_arguments

__all__ = ["LIMIT_CODES", "REPAIR_CODES", "Call", "Kind", "NumberedPicture", "Outcome", "answer", "reference"]

Kind = Literal["image", "tool", "caller"]

REPAIR_CODES = frozenset(
    {
        "unknown_tool",
        "arguments_invalid_json",
        "arguments_not_object",
        "arguments_schema",
        "arguments_truncated",
    }
)
"""What the model can put right by asking again."""

LIMIT_CODES = frozenset(
    {"too_many_calls", "too_many_images", "budget_exceeded", "price_unknown", "turn_deadline"}
)
"""What asking again cannot change in this turn."""


@dataclass(frozen=True, slots=True)
class NumberedPicture:
    """A picture and its reference number, which is unique in the conversation."""

    number: int
    picture: Picture


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a call ended."""

    code: str | None = None
    """None where it succeeded, else one of `errors.CALL_CODES`."""
    error: str = ""
    """What the model reads about a failure; empty for the code's own sentence."""
    content: str = ""
    """Of a tool that is not the image tool: what the model reads."""
    pictures: tuple[NumberedPicture, ...] = ()
    paid: bool | None = None
    """Whether a picture was paid for; None where nobody knows."""
    cost_usd: float | None = None
    """Of a failure: what the provider said it cost all the same."""
    rescued: str = ""
    """Where the bytes of a picture lie that was paid for and could not be kept; empty where none do."""


@dataclass(frozen=True, slots=True)
class Call:
    """One call, with all that is known of it."""

    key: str
    """Its name in the journal, like "t2/r1/c0/generate_image": positions in facts, never provider ids."""
    turn: int
    round: int
    """Of that turn, from 1; 0 where a picture is drawn again."""
    id: str
    name: str
    arguments: str
    kind: Kind
    number: int | None = None
    """Of a picture: its reference number, given when it was reserved."""
    prompt: str = ""
    alt: str = ""
    aspect_ratio: str | None = None
    label: str = ""
    """What later calls may name its picture by."""
    like: tuple[int, ...] = ()
    """The references of the pictures that it should resemble; it waits for those of its own turn."""
    redraws: int | None = None
    """The reference that it takes over, where a picture is drawn again; no model asked for it."""
    reserved_usd: float | None = None
    ordered_in: int = 0
    """The number of the receipt on which it stands as ordered; 0 before."""
    settled_in: int = 0
    """The number of the receipt that says what became of it; 0 before."""
    submitted_at_s: float | None = None
    job_id: str | None = None
    promised: bool = False
    detached: bool = False
    """The turn does not wait for it any more; what was submitted is still received."""
    outcome: Outcome | None = None

    @property
    def answered(self) -> bool:
        """Whether the model can be told something about it."""
        return self.promised or self.outcome is not None

    @property
    def drawn(self) -> bool:
        """Whether its picture is there."""
        return self.kind == "image" and self.outcome is not None and self.outcome.code is None

    @property
    def tool_call(self) -> ToolCall:
        """The call as it is sent back to a provider."""
        return ToolCall(self.id, self.name, canonical_arguments(self.arguments))


def reference(number: int) -> str:
    """What the model writes instead of a link."""
    return f"image://{number}"


def answer(call: Call) -> str:
    """What the model reads about `call` now: the truth at this moment, never an older one."""
    outcome = call.outcome
    if outcome is None:
        assert call.number is not None
        return _json({"status": "ok", "imageUrl": reference(call.number), "pending": True})
    if outcome.code is not None:
        sentence = outcome.error or CALL_CODES[outcome.code].sentence
        return _json({"status": "error", "error": sentence, "code": outcome.code})
    if call.kind == "image":
        return _json({"status": "ok", "imageUrl": reference(outcome.pictures[0].number)})
    if not outcome.pictures:
        # Some providers refuse a tool message without content (quirk 30).
        return outcome.content or _json({"status": "ok"})
    images = [{"imageUrl": reference(each.number), "alt": each.picture.alt} for each in outcome.pictures]
    return _json({"status": "ok", "result": outcome.content, "images": images})


def _json(value: dict[str, object]) -> str:
    return json.dumps(value, ensure_ascii=False)
