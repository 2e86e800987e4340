"""A turn that was cut short, as the reply that it is so far."""

from __future__ import annotations

from limner.core.calls import Call
from limner.core.state import State
from limner.core.transcript import turn_texts
from limner.reply.assembly import notice

__all__ = ["anything_said", "missing_notice", "under_way"]


def anything_said(state: State) -> bool:
    """Whether the model has said a word, or a picture is there, in this turn."""
    words = any(text.strip() for _, text in turn_texts(state))
    return words or any(call.outcome is not None and call.outcome.pictures for call in state.turn_calls)


def under_way(state: State) -> tuple[Call, ...]:
    """Pictures that were ordered and are not there yet."""
    return tuple(call for call in state.calls if call.submitted_at_s is not None and call.outcome is None)


def missing_notice(state: State, number: int) -> str:
    """The sentence that takes the place of picture `number`, which never came."""
    return next((notice(state, call) for call in state.calls if call.number == number), "")
