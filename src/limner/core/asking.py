"""From the calls that a model wrote to calls that can be run, or that are refused at once."""

from __future__ import annotations

from collections import Counter

from .calls import Call, Kind, Outcome
from .events import AskedCall
from .repair import call_id, canonical_arguments, tool_name
from .state import State

__all__ = ["settle_asked_calls"]

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
    seen = Counter((call.name, canonical_arguments(call.arguments)) for call in state.turn_calls)
    made = len(state.turn_calls)
    images = sum(call.kind == "image" for call in state.turn_calls)
    calls: list[Call] = []
    for index, each in enumerate(asked):
        name = tool_name(each.name, kinds)
        kind = kinds.get(name, "tool")
        same = (name, canonical_arguments(each.arguments))
        code: str | None = None
        if truncated:
            code = "arguments_truncated"
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
                id=call_id(state.turn, state.round, index),
                name=name,
                arguments=each.arguments,
                kind=kind,
                outcome=Outcome(code=code, paid=False) if code else None,
            )
        )
    return tuple(calls)
