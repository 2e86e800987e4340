"""The conversation's state machine. No I/O, no clock, no randomness, no logging.

Rule 1: everything that decides what happens next lives in this file.
Rule 2: this file never learns who drives it (whole, streamed, promised or resumed).

    state  = reduce(apply, facts, State())
    wishes = pending(state)

`pending` reads only `state`, so a driver that lost its memory resumes by folding the
recorded facts and asking again. A fact with no row in `TRANSITIONS` raises and changes nothing.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from .actions import Action, CallModel, HandBack, RunTool
from .asking import settle_asked_calls
from .calls import LIMIT_CODES, REPAIR_CODES, Call, NumberedPicture, Outcome
from .copies import copied
from .events import (
    AnswerAsked,
    Event,
    LimitReached,
    ModelFailed,
    ModelInterrupted,
    ModelReplied,
    PictureDrawn,
    PictureReserved,
    PictureSubmitted,
    RedrawAsked,
    ToolPromised,
    ToolReturned,
    TurnResumed,
    UserSpoke,
)
from .messages import NOTHING, Message, Usage
from .money import add_usage, dollars, turn_nanos, usage_of_failure
from .repair import call_id
from .state import Entry, Phase, State
from .stopping import met

__all__ = ["TRANSITIONS", "IllegalEvent", "apply", "orphans", "pending", "waits_for_caller"]


class IllegalEvent(Exception):
    """A fact that this state cannot accept: a mistake of the driver, not of a user."""


def _user_spoke(state: State, event: UserSpoke) -> State:
    state = _begin_turn(state)
    numbers = tuple(range(state.pictures + 1, state.pictures + 1 + len(event.pictures)))
    entry = Entry(Message("user", event.text), pictures=numbers)
    return copied(
        state,
        entries=(*state.entries, entry),
        pictures=state.pictures + len(numbers),
        user_pictures=(*state.user_pictures, *event.pictures),
    )


def _answer_asked(state: State, event: AnswerAsked) -> State:  # noqa: ARG001  one signature for all rows
    if not state.entries:
        raise IllegalEvent("there is nothing to answer")
    return _begin_turn(state)


def _begin_turn(state: State) -> State:
    state = _close_turn(_on_receipt(state))
    return copied(
        state,
        turns=(*state.turns, len(state.entries)),
        phase=Phase.AWAITING_MODEL,
        turn=state.turn + 1,
        round=0,
        repairs=0,
        closing=state.settings.limits.rounds == 0,
        incomplete=None,
        failure=None,
        interruptions=0,
        resumptions=0,
        overtime="",
    )


def _on_receipt(state: State) -> State:
    """What is bought from now on stands on a new receipt, unless nobody was handed the last one."""
    return copied(state, receipt=state.receipt + 1, requests=0, usage=NOTHING) if state.at_rest else state


def _close_turn(state: State) -> State:
    """End a turn that was left open: what was not submitted is cancelled, the rest is received late."""
    if state.interrupted:
        said = Entry(Message("assistant", state.interrupted))
        state = copied(state, entries=(*state.entries, said), interrupted="")
    # Those before were given up when their turns were closed.
    recent = state.recent_calls
    before = state.calls[: len(state.calls) - len(recent)]
    return copied(state, calls=(*before, *(_give_up(call, "cancelled") for call in recent)))


def _give_up(call: Call, code: str) -> Call:
    if call.outcome is not None:
        return call
    if call.submitted_at_s is not None:
        return copied(call, promised=True, detached=True)
    return copied(call, outcome=Outcome(code=code, paid=False))


def _model_replied(state: State, event: ModelReplied) -> State:
    _check_key(state, event.key)
    off = state.closing or state.settings.tool_choice == "none"
    asked = () if off or event.finish_reason == "content_filter" else event.calls
    state = copied(_used(state, event.usage), round=state.round + 1, interrupted="")
    calls = settle_asked_calls(state, asked, truncated=event.finish_reason in ("length", "error"))
    asked_for = tuple(call.tool_call for call in calls)
    message = Message("assistant", event.text, asked_for, reasoning=event.reasoning)
    state = copied(
        state,
        entries=(*state.entries, Entry(message, tuple(call.key for call in calls))),
        calls=(*state.calls, *calls),
    )
    if calls:
        return _turn_over_to_tools(copied(state, closing=state.closing or _stops(state, calls, event)))
    if event.calls and state.closing:
        reason = "max_tool_rounds" if state.round > state.settings.limits.rounds else "limit"
        state = copied(state, incomplete=state.incomplete or reason)
    elif event.finish_reason not in ("stop", "tool_calls"):
        state = copied(state, incomplete=event.finish_reason)
    return _settle(state)


def _turn_over_to_tools(state: State) -> State:
    last = state.round >= state.settings.limits.rounds
    return _tools_progressed(copied(state, phase=Phase.AWAITING_TOOLS, closing=state.closing or last))


def _stops(state: State, calls: tuple[Call, ...], event: ModelReplied) -> bool:
    if not state.settings.stop_when:
        return False
    return met(
        state.settings.stop_when,
        steps=state.round,
        names=[call.name for call in calls],
        usage=state.usage,
        cost_usd=(state.usage.cost_usd or 0.0) + dollars(turn_nanos(state, state.turn)),
        finish_reason=event.finish_reason,
    )


def _model_interrupted(state: State, event: ModelInterrupted) -> State:
    return copied(_used(state, Usage()), interrupted=event.text, interruptions=state.interruptions + 1)


def _model_failed(state: State, event: ModelFailed) -> State:
    _check_key(state, event.key)
    usage = usage_of_failure(event.code, event.text)
    return _settle(copied(_used(state, usage), failure=event.code, interrupted=event.text))


def _used(state: State, usage: Usage) -> State:
    return copied(state, requests=state.requests + 1, usage=add_usage(state.usage, usage))


def _turn_resumed(state: State, event: TurnResumed) -> State:  # noqa: ARG001  one signature for all rows
    # The receipt is open again, and what came while the turn had failed stands on it.
    calls = tuple(
        copied(call, settled_in=state.receipt) if call.settled_in > state.receipt else call
        for call in state.calls
    )
    return copied(
        state,
        calls=calls,
        phase=Phase.AWAITING_MODEL,
        failure=None,
        incomplete=None,
        overtime="",
        resumptions=state.resumptions + 1,
    )


def _picture_reserved(state: State, event: PictureReserved) -> State:
    call = _open_call(state, event.key)
    if call.number is not None:
        raise IllegalEvent(f"{event.key} is reserved already")
    number = call.redraws or state.pictures + 1
    reserved = copied(
        call,
        number=number,
        prompt=event.prompt,
        alt=event.alt,
        aspect_ratio=event.aspect_ratio,
        label=event.label,
        like=event.like,
        reserved_usd=event.price_usd,
    )
    return _with_call(copied(state, pictures=max(state.pictures, number)), reserved)


def _redraw_asked(state: State, event: RedrawAsked) -> State:
    drawn = next((c for c in state.calls if c.number == event.number and c.redraws is None), None)
    if drawn is None or drawn.kind != "image" or drawn.outcome is None:
        raise IllegalEvent(f"there is no picture {event.number} to draw again")
    call = Call(
        key=event.key,
        turn=drawn.turn,
        round=0,
        id=call_id(drawn.turn, 0, len(state.calls)),
        name=event.name,
        arguments="{}",
        kind="image",
        prompt=event.prompt,
        alt=event.alt,
        aspect_ratio=event.aspect_ratio,
        like=event.like,
        redraws=event.number,
    )
    return copied(_on_receipt(state), calls=(*state.calls, call), phase=Phase.SETTLING)


def _picture_submitted(state: State, event: PictureSubmitted) -> State:
    call = _open_call(state, event.key)
    if call.number is None:
        raise IllegalEvent(f"{event.key} was never reserved")
    if call.submitted_at_s is not None and event.job_id is None:
        raise IllegalEvent(f"{event.key} is submitted already")
    at_s = event.at_s if call.submitted_at_s is None else call.submitted_at_s
    ordered_in = call.ordered_in or state.receipt
    submitted = copied(call, submitted_at_s=at_s, job_id=event.job_id, ordered_in=ordered_in)
    return _with_call(state, submitted)


def _picture_drawn(state: State, event: PictureDrawn) -> State:
    call = _open_call(state, event.key)
    if call.number is None or call.submitted_at_s is None:
        raise IllegalEvent(f"{event.key} was never submitted")
    drawn = Outcome(pictures=(NumberedPicture(call.number, event.picture),), paid=True)
    return _call_settled(_ended(state, call, drawn))


def _tool_promised(state: State, event: ToolPromised) -> State:
    call = _open_call(state, event.key)
    if call.number is None or call.promised:
        raise IllegalEvent(f"{event.key} cannot be promised")
    return _tools_progressed(_with_call(state, copied(call, promised=True)))


def _tool_returned(state: State, event: ToolReturned) -> State:
    call = _open_call(state, event.key)
    if call.kind == "image" and event.code is None:
        raise IllegalEvent(f"{event.key} can only succeed with its picture")
    first = state.pictures + 1
    numbered = tuple(NumberedPicture(first + at, picture) for at, picture in enumerate(event.pictures))
    outcome = Outcome(
        event.code, event.error, event.content, numbered, event.paid, event.cost_usd, event.rescued
    )
    state = copied(state, pictures=state.pictures + len(numbered))
    return _call_settled(_ended(state, call, outcome))


def _ended(state: State, call: Call, outcome: Outcome) -> State:
    # A receipt is handed out when the conversation comes to rest: what comes later stands on the next.
    receipt = state.receipt + state.at_rest
    return _with_call(state, copied(call, outcome=outcome, settled_in=receipt))


def _limit_reached(state: State, event: LimitReached) -> State:
    if state.overtime:
        raise IllegalEvent("the turn is over its time already")
    calls = tuple(
        call if call.turn != state.turn or call.kind == "caller" else _give_up(call, "turn_deadline")
        for call in state.calls
    )
    # A request that is under way has its tools on: what it still calls is refused, and then it is
    # asked to finish like any other.
    speaking = state.phase is Phase.AWAITING_MODEL and not state.closing
    state = copied(
        state,
        calls=calls,
        closing=state.closing or not speaking,
        overtime="speaking" if speaking else "over",
        incomplete=state.incomplete or event.limit,
    )
    return _call_settled(state)


def _call_settled(state: State) -> State:
    """What follows when a call of any turn has ended."""
    if state.phase is Phase.AWAITING_TOOLS:
        return _tools_progressed(state)
    if state.phase is Phase.SETTLING:
        return _settle(state)
    return state


def _tools_progressed(state: State) -> State:
    """Ask the model again once every call of the round has an answer."""
    calls = _round_calls(state)
    if not all(call.answered for call in calls):
        return state
    codes = {call.outcome.code for call in calls if call.outcome is not None}
    repairs = state.repairs + bool(codes & REPAIR_CODES)
    closing = state.closing or bool(codes & LIMIT_CODES) or repairs > state.settings.limits.repairs
    return copied(state, phase=Phase.AWAITING_MODEL, repairs=repairs, closing=closing)


def _settle(state: State) -> State:
    """End the turn, unless a promise is neither kept nor broken."""
    if _unsettled(state):
        return copied(state, phase=Phase.SETTLING)
    return copied(state, phase=Phase.FAILED if state.failure else Phase.DONE)


_CALL_FACTS: dict[type[Any], Callable[..., State]] = {
    PictureSubmitted: _picture_submitted,
    PictureDrawn: _picture_drawn,
    ToolReturned: _tool_returned,
}

_SPOKEN: dict[type[Any], Callable[..., State]] = {UserSpoke: _user_spoke, AnswerAsked: _answer_asked}

TRANSITIONS: dict[Phase, dict[type[Any], Callable[..., State]]] = {
    Phase.READY: _SPOKEN,
    Phase.AWAITING_MODEL: {
        **_CALL_FACTS,
        ModelReplied: _model_replied,
        ModelInterrupted: _model_interrupted,
        ModelFailed: _model_failed,
        LimitReached: _limit_reached,
        **_SPOKEN,
    },
    Phase.AWAITING_TOOLS: {
        **_CALL_FACTS,
        PictureReserved: _picture_reserved,
        ToolPromised: _tool_promised,
        LimitReached: _limit_reached,
        **_SPOKEN,
    },
    Phase.SETTLING: {
        **_CALL_FACTS,
        PictureReserved: _picture_reserved,
        LimitReached: _limit_reached,
        **_SPOKEN,
    },
    Phase.DONE: {**_CALL_FACTS, RedrawAsked: _redraw_asked, **_SPOKEN},
    Phase.FAILED: {**_CALL_FACTS, **_SPOKEN, TurnResumed: _turn_resumed},
}


def apply(state: State, event: Event) -> State:
    """Fold one fact into the state.

    Raises: IllegalEvent, where `event` has no row in `TRANSITIONS[state.phase]` or contradicts the state.
    """
    try:
        step = TRANSITIONS[state.phase][type(event)]
    except KeyError:
        raise IllegalEvent(f"{type(event).__name__} while {state.phase.value}") from None
    return step(state, event)


def pending(state: State) -> tuple[Action, ...]:
    """All that the conversation wants now; () means at rest."""
    unsettled = _unsettled(state)
    ready = (call for call in unsettled if call.kind != "caller" and not _waits(state, call))
    actions: list[Action] = [RunTool(call) for call in ready]
    if state.phase is Phase.AWAITING_MODEL:
        actions.append(CallModel(model_key(state), _tool_choice(state)))
    elif state.phase is Phase.AWAITING_TOOLS:
        handed = tuple(call for call in unsettled if call.kind == "caller")
        if handed:
            actions.append(HandBack(handed))
    return tuple(actions)


def waits_for_caller(state: State) -> bool:
    """Whether nothing is wanted but results that only the caller can hand in."""
    wanted = pending(state)
    return bool(wanted) and all(isinstance(action, HandBack) for action in wanted)


def orphans(state: State) -> tuple[RunTool, ...]:
    """Submitted pictures that no turn waits for and nobody has seen the outcome of."""
    return tuple([RunTool(call) for call in state.calls if call.outcome is None and call.detached])


def model_key(state: State) -> str:
    """The name of the model's next reply in the journal."""
    again = f"/again{state.resumptions}" if state.resumptions else ""
    return f"t{state.turn}/r{state.round + 1}/model{again}"


def _tool_choice(state: State) -> str:
    if state.closing or state.settings.tool_choice == "none":
        return "none"
    # A forced choice would force for ever, so it holds for the first round alone (quirk 37).
    return state.settings.tool_choice if state.round == 0 else "auto"


def _check_key(state: State, key: str) -> None:
    if key != model_key(state):
        raise IllegalEvent(f"{key} while {model_key(state)} is awaited")


def _open_call(state: State, key: str) -> Call:
    try:
        call = state.call(key)
    except KeyError:
        raise IllegalEvent(f"nobody asked for {key}") from None
    if call.outcome is not None:
        raise IllegalEvent(f"{key} has ended already")
    return call


def _with_call(state: State, changed: Call) -> State:
    calls = state.calls
    # From the end: nearly always it is one of the last.
    at = next(at for at in range(len(calls) - 1, -1, -1) if calls[at].key == changed.key)
    return copied(state, calls=(*calls[:at], changed, *calls[at + 1 :]))


def _unsettled(state: State) -> tuple[Call, ...]:
    # Calls of earlier turns are settled or detached, but for pictures that are drawn again.
    return tuple(call for call in state.recent_calls if call.outcome is None and not call.detached)


def _waits(state: State, call: Call) -> bool:
    """Whether a picture of the same turn that `call` should resemble is still to come."""
    if not call.like:
        return False
    siblings = (each for each in state.recent_calls if each is not call and not each.detached)
    return any(each.number in call.like and each.outcome is None for each in siblings)


def _round_calls(state: State) -> tuple[Call, ...]:
    return tuple(call for call in state.turn_calls if call.round == state.round)
