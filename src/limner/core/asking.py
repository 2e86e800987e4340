"""From the calls that a model wrote to calls that can be run, or that are refused at once."""

from __future__ import annotations

from collections import Counter

from .calls import LIMIT_CODES, REPAIR_CODES, Call, Kind, Outcome
from .events import AskedCall
from .repair import call_id, canonical_arguments, replayable_name, tool_name
from .state import State

__all__ = ["settle_asked_calls"]

_REFUSED = REPAIR_CODES | LIMIT_CODES | {"repeated_call"}
REPEATS = 2
"""How often the same call may be made in one turn. Source: scorecard U30."""


def settle_asked_calls(state: State, asked: tuple[AskedCall, ...], *, truncated: bool) -> tuple[Call, ...]:
    """The calls of one reply, in the model's order; those beyond a limit have their outcome already.

    `truncated`: the reply was cut off, so none of its calls may run (scorecard U22).
    """
    settings = state.settings
    kinds: dict[str, Kind] = {
        **dict.fromkeys(settings.tools, "tool"),
        **dict.fromkeys(settings.caller_tools, "caller"),
        **dict.fromkeys(settings.image_tools, "image"),
    }
    # What was refused before it could run has used up nothing.
    counted = [call for call in state.turn_calls if not (call.outcome and call.outcome.code in _REFUSED)]
    seen = Counter((call.name, canonical_arguments(call.arguments)) for call in state.turn_calls)
    made = len(counted)
    images = sum(call.kind == "image" for call in counted)
    calls: list[Call] = []
    for index, each in enumerate(asked):
        name = tool_name(each.name, kinds)
        if name not in kinds:
            name = replayable_name(name)
        kind = kinds.get(name, "tool")
        same = (name, canonical_arguments(each.arguments))
        code: str | None = None
        if truncated:
            code = "arguments_truncated"
        elif state.overtime == "speaking":
            code = "turn_deadline"
        elif name not in kinds:
            code = "unknown_tool"
        elif made >= settings.limits.calls:
            code = "too_many_calls"
        elif kind == "image" and images >= settings.limits.images:
            code = "too_many_images"
        elif seen[same] >= REPEATS:
            code = "repeated_call"
        else:
            seen[same] += 1
            made += 1
            images += kind == "image"
        calls.append(
            Call(
                key=f"t{state.turn}/r{state.round}/c{index}/{name}",
                turn=state.turn,
                round=state.round,
                id=call_id(state.turn, state.round, index),
                name=name,
                arguments=each.arguments,
                kind=kind,
                outcome=Outcome(code=code, paid=False) if code else None,
            )
        )
    return tuple(calls)
