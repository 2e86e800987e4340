"""A turn that was cut short, as the reply that it is so far."""

from __future__ import annotations

from dataclasses import replace

from limner.core.calls import Call
from limner.core.messages import Message
from limner.core.state import Entry, State
from limner.core.transcript import turn_texts
from limner.engine.conversation import Conversation
from limner.engine.engine import Engine
from limner.reply.assembly import call_lines, notice, parts, tell_turn
from limner.reply.reply import Reply
from limner.spending.receipts import receipt

__all__ = ["anything_said", "missing_notice", "standing_reply", "under_way"]


def standing_reply(engine: Engine, conversation: Conversation) -> Reply:
    """What was said so far, and the pictures that are there."""
    state = _as_heard(conversation.state)
    return Reply(
        parts=parts(state, tell_turn(state), engine.storage.link),
        calls=call_lines(state),
        receipt=receipt(state, chat_model=engine.model.name),
        offline=engine.model.offline,
        incomplete=state.incomplete or "interrupted",
        run=conversation.id,
        read=engine.storage.open,
    )


def _as_heard(state: State) -> State:
    """With the beginning of the reply that was being spoken."""
    if not state.interrupted:
        return state
    return replace(state, entries=(*state.entries, Entry(Message("assistant", state.interrupted))))


def anything_said(state: State) -> bool:
    """Whether the model has said a word, or a picture is there, in this turn."""
    words = any(text.strip() for _, text in turn_texts(_as_heard(state)))
    return words or any(call.outcome is not None and call.outcome.pictures for call in state.turn_calls)


def under_way(state: State) -> tuple[Call, ...]:
    """Pictures that were ordered and are not there yet."""
    return tuple(call for call in state.calls if call.submitted_at_s is not None and call.outcome is None)


def missing_notice(state: State, number: int) -> str:
    """The sentence that takes the place of picture `number`, which never came."""
    return next((notice(state, call) for call in state.calls if call.number == number), "")
