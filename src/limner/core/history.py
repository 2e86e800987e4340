"""What lies behind: messages of another conversation, and earlier turns of this one."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import replace

from .messages import Message, Usage
from .state import Phase, State

__all__ = ["as_of", "continued"]

# No conversation comes that far, and what somebody else counts up to must leave room for ours.
_REFERENCE = re.compile(r"image://(\d{1,6})(?!\d)", re.ASCII)


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
        if message.given is None:
            calls = tuple(replace(call, id=ids[call.id]) for call in message.calls)
            call_id = ids.get(message.call_id, message.call_id) if message.call_id is not None else None
            messages.append(replace(message, calls=calls, call_id=call_id))
        else:
            # Its ids stand in what is sent as it is.
            messages.append(message)
        highest = max([highest, *(int(number) for number in _REFERENCE.findall(message.text))])
    return tuple(messages), highest


def as_of(state: State, turn: int) -> State:
    """The conversation as it was at the end of `turn`, with the pictures as they are now.

    What is kept of the current turn alone (usage, why it ended early) is that of no turn then.
    """
    if turn == state.turn:
        return state
    entries = state.entries[: state.turns[turn]]
    kept = sum(len(entry.pictures) for entry in entries)
    own = entries[state.turns[turn - 1] :]
    rounds = sum(entry.message.role == "assistant" for entry in own)
    return replace(
        state,
        entries=entries,
        calls=tuple(call for call in state.calls if call.turn <= turn),
        user_pictures=state.user_pictures[:kept],
        turns=state.turns[:turn],
        turn=turn,
        round=rounds,
        phase=Phase.DONE,
        incomplete=None,
        failure=None,
        interrupted="",
        usage=Usage(),
    )
