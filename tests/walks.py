"""Random walks through all that can happen in a conversation."""

from __future__ import annotations

from collections.abc import Callable

from hypothesis import strategies as st

from limner.core.events import (
    AskedCall,
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
from limner.core.machine import TRANSITIONS, model_key
from limner.core.messages import Usage
from limner.core.pictures import Picture
from limner.core.state import Phase, Settings, State
from limner.errors import CALL_CODES

__all__ = ["PICTURE", "SETTINGS", "legal_events"]

PICTURE = Picture("id", "sha", "png", 8, 8, 100, alt="a fox", cost_usd=0.5)
SETTINGS = Settings(image_tools=("draw",), tools=("look",), caller_tools=("ask",))


def legal_events(state: State, draw: Callable[..., object]) -> list[Event]:
    """All that the world could report now."""
    found: list[Event] = []
    for call in state.calls:
        if call.outcome is not None or (call.kind == "caller" and state.phase is not Phase.AWAITING_TOOLS):
            continue
        codes = [*CALL_CODES] if call.kind == "image" else [None, *CALL_CODES]
        found.append(ToolReturned(call.key, "{}", code=draw(st.sampled_from(codes))))  # type: ignore[arg-type]
        if call.kind != "image":
            continue
        if call.number is None:
            found = found[:-1]
            if PictureReserved in TRANSITIONS[state.phase] and (
                call.redraws or state.phase is not Phase.SETTLING
            ):
                given = [number for number in range(1, state.pictures + 1) if number != call.redraws]
                like = draw(st.lists(st.sampled_from(given), max_size=2)) if given else []
                found.append(
                    PictureReserved(call.key, "p", "alt", price_usd=0.1, like=tuple(like))  # type: ignore[arg-type]
                )
        elif call.submitted_at_s is None:
            found.append(PictureSubmitted(call.key, 1.0))
        else:
            found.append(PictureDrawn(call.key, PICTURE))
        if call.number is not None and not call.promised and state.phase is Phase.AWAITING_TOOLS:
            found.append(ToolPromised(call.key))
    if state.phase is Phase.AWAITING_MODEL:
        names = draw(st.lists(st.sampled_from(["draw", "look", "ask", "nothing"]), max_size=4))
        calls = tuple(AskedCall(name, f'{{"n": {at}}}') for at, name in enumerate(names))  # type: ignore[arg-type, var-annotated]
        reason = draw(st.sampled_from(["stop", "tool_calls", "length", "content_filter"]))
        found.append(ModelReplied(model_key(state), "text", calls, reason, Usage(1, 1)))  # type: ignore[arg-type]
        found.append(ModelFailed(model_key(state), "upstream_5xx", "te"))
        found.append(ModelInterrupted(model_key(state), "te"))
    if LimitReached in TRANSITIONS[state.phase] and not state.overtime:
        found.append(LimitReached("seconds"))
    if state.phase is Phase.FAILED:
        found.append(TurnResumed())
    if state.phase is Phase.DONE:
        ended = [call for call in state.calls if call.number and call.outcome and not call.redraws]
        key = f"redraw{sum(call.redraws is not None for call in state.calls)}"
        found += [RedrawAsked(key, call.number, "draw", "p", "alt") for call in ended if call.number]
    if state.at_rest or draw(st.integers(0, 9)) == 0:
        found.append(UserSpoke("go on", 2.0))
    return found
