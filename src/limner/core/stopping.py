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
    facts = {
        "step_count_is": lambda each: steps >= each.number,
        "has_tool_call": lambda each: each.word in called,
        "max_tokens_used": lambda each: usage.prompt_tokens + usage.completion_tokens >= each.number,
        "max_cost": lambda each: cost_usd >= each.number,
        "finish_reason_is": lambda each: finish_reason == each.word,
    }
    return any(facts[each.kind](each) for each in conditions)
