"""Mixed turns: our tool is run here, the client's own are handed to it, and it comes back with results."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from limner.core.actions import HandBack
from limner.core.calls import Call
from limner.core.machine import pending
from limner.core.messages import Message
from limner.core.state import Phase, State
from limner.core.transcript import messages as transcript
from limner.core.transcript import turn_texts
from limner.reply.assembly import introduce, known_pictures, notice
from limner.reply.pieces import Piece, Place
from limner.reply.telling import Telling
from limner.wire.chat.history import history
from limner.wire.chat.links import Rewriting

from ..refusal import Refusal
from .callids import OurCall, our_call, our_ids, public_id

__all__ = ["Return", "continued", "goes_on", "read_return", "results", "told_before", "waiting_calls"]


@dataclass(frozen=True, slots=True)
class Return:
    """A client that comes back to a turn."""

    run: str
    round: int
    """Of the model's reply whose calls were handed out."""
    handed: Mapping[str, OurCall]
    """By the ids that the client knows."""
    said: Mapping[str, Mapping[str, Any]]
    """The tool messages that answer calls of the turn, by those ids."""
    after: tuple[Mapping[str, Any], ...]
    """What else the client says after the calls."""


def read_return(messages: Sequence[Mapping[str, Any]]) -> Return | None:
    """What of a turn of ours `messages` end with; None where they do not end in one."""
    for at in range(len(messages) - 1, -1, -1):
        if messages[at]["role"] != "assistant":
            continue
        handed = dict(our_ids(messages[at]))
        if not handed:
            return None
        first = next(iter(handed.values()))
        return Return(
            run=first.run,
            round=first.round,
            handed={name: call for name, call in handed.items() if call.run == first.run},
            said=_said(messages, first.run),
            after=tuple(each for each in messages[at + 1 :] if our_call(each.get("tool_call_id")) is None),
        )
    return None


def _said(messages: Sequence[Mapping[str, Any]], run: str) -> dict[str, Mapping[str, Any]]:
    """All of them in the conversation: some clients write a message of its own for each call."""
    answers = (each for each in messages if each["role"] == "tool")
    return {
        each["tool_call_id"]: each
        for each in answers
        if (call := our_call(each["tool_call_id"])) is not None and call.run == run
    }


def waiting_calls(state: State) -> tuple[Call, ...]:
    """The calls that the client executes, in the order asked."""
    for action in pending(state):
        if isinstance(action, HandBack):
            return action.calls
    return ()


def results(run: str, calls: Sequence[Call], back: Return, links: Mapping[str, int]) -> dict[str, str]:
    """What the client's tools returned, by the run's own ids; `links`: the numbers of pictures in it.

    Raises: Refusal (`results_missing`), which names the calls.
    """
    names = {public_id(run, call.id): call for call in calls}
    missing = [name for name in names if name not in back.said]
    if missing:
        raise Refusal(
            "results_missing",
            f"These tool calls have no result: {', '.join(missing)}. Send a message of role 'tool' for each.",
            param="messages",
        )
    rewriting = Rewriting(links, {}, "")
    return {
        call.id: rewriting.text(_text(back.said[name].get("content")), pictures=True)
        for name, call in names.items()
    }


def continued(
    state: State, answers: Mapping[str, str], back: Return, links: Mapping[str, int], ours: str
) -> tuple[Message, ...]:
    """The run's own transcript with the results, and what else the client says, as the history of a new turn.

    For whoever changes the conversation instead of going on with it: what the turn has drawn is not lost.
    """
    said = list(transcript(state))
    answered = {message.call_id for message in said if message.role == "tool"}
    said += [Message("tool", text, call_id=call) for call, text in answers.items() if call not in answered]
    return (*said, *history(back.after, links, image_tool="generate_image", ours=ours))


def told_before(state: State, rounds: int) -> int:
    """How long the part of a turn is, a picture counting one, that was told when round `rounds` was handed out.

    What sets the next words apart counts, too: they stand in another message.
    """
    telling = Telling()
    introduce(telling, state)
    texts = dict(turn_texts(state))
    pieces: list[Piece] = []
    for number in range(1, rounds + 1):
        pieces.extend(telling.say(number, texts.get(number, "")))
        introduce(telling, state, round=number)
    pieces.extend(telling.end())
    return sum(_length(piece, state) for piece in pieces) + len(telling.apart)


def _length(piece: Piece, state: State) -> int:
    """A picture counts one, whatever its link; one that failed is the sentence that stands in its place."""
    if not isinstance(piece, Place):
        return len(piece.text)
    if piece.number in known_pictures(state):
        return 1
    calls = (call for call in state.calls if call.number == piece.number and call.redraws is None)
    call = next(calls, None)
    failed = call is not None and call.outcome is not None
    return len(notice(state, call)) if failed and call is not None else 1


def goes_on(state: State, back: Return) -> bool:
    """Whether the turn waits for just these results."""
    calls = waiting_calls(state)
    return state.phase is Phase.AWAITING_TOOLS and bool(calls) and calls[0].round == back.round


def _text(content: object) -> str:
    if isinstance(content, str):
        return content
    parts = content if isinstance(content, list) else []
    return "".join(part["text"] for part in parts if isinstance(part.get("text"), str))
