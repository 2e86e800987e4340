"""Messages of another conversation, as the beginning of this one."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import replace

from .messages import Message

__all__ = ["continued"]

_REFERENCE = re.compile(r"image://(\d{1,9})", re.ASCII)


def continued(history: Iterable[Message]) -> tuple[tuple[Message, ...], int]:
    """The messages with call ids that none of ours will have, and the highest reference in them.

    A reference that was given out elsewhere is never given out again: it would show another picture.
    """
    ids: dict[str, str] = {}
    messages: list[Message] = []
    highest = 0
    for message in history:
        for call in message.calls:
            ids[call.id] = f"h{len(ids):08}"
        calls = tuple(replace(call, id=ids[call.id]) for call in message.calls)
        call_id = ids.get(message.call_id, message.call_id) if message.call_id is not None else None
        messages.append(replace(message, calls=calls, call_id=call_id))
        highest = max([highest, *(int(number) for number in _REFERENCE.findall(message.text))])
    return tuple(messages), highest
