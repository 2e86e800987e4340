"""When a turn's tools are put away: conditions that whoever asks may set beside the limits."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

from .messages import Usage

__all__ = ["StopWhen", "met"]

Kind = Literal["step_count_is", "has_tool_call", "max_tokens_used", "max_cost", "finish_reason_is"]


@dataclass(frozen=True, slots=True)
class StopWhen:
    """One condition; the first that is met lets the calls at hand run, and then the model finishes.

    A threshold, not a ceiling: the step that meets it may go beyond it.
    Source: OpenRouter API reference, "stop_server_tools_when".
    """

    kind: Kind
    number: float = 0
    """Of `step_count_is` (replies of the model), `max_tokens_used` and `max_cost` (US dollars)."""
    word: str = ""
    """Of `has_tool_call` (a tool's name) and `finish_reason_is`."""


def met(
    conditions: Iterable[StopWhen],
    *,
    steps: int,
    names: Iterable[str],
    usage: Usage,
    cost_usd: float,
    finish_reason: str,
) -> bool:
    """Whether one of `conditions` holds after a reply of the model.

    `names`: the tools that it called; `usage`: of the turn; `cost_usd`: of its words and pictures.
    """
    called = set(names)
    reached: dict[Kind, float] = {
        "step_count_is": steps,
        "max_tokens_used": usage.prompt_tokens + usage.completion_tokens,
        "max_cost": cost_usd,
    }
    for each in conditions:
        if each.kind == "has_tool_call":
            holds = each.word in called
        elif each.kind == "finish_reason_is":
            holds = each.word == finish_reason
        else:
            holds = reached[each.kind] >= each.number
        if holds:
            return True
    return False
