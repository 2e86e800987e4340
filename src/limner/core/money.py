"""Money: what pictures have taken, what was said with a model, and sums that do not drift.

Sums are kept in nanodollars, whole billionths of a dollar: three times 0.1 is 0.3.
"""

from __future__ import annotations

from collections.abc import Iterable

from .calls import Call
from .messages import NOTHING, Usage
from .state import State

__all__ = [
    "add_usage",
    "conversation_nanos",
    "dollars",
    "fits",
    "nanos",
    "price",
    "taken",
    "turn_nanos",
    "usage_of_failure",
]

_NANO = 10**9
_MOST_USD = 1e9
_SLACK = 100
"""Nanodollars: a rounded price must not refuse the last affordable picture, and none is so cheap."""

_UNBILLED = frozenset(
    {
        "context_length_exceeded",
        "upstream_5xx",
        "upstream_auth",
        "upstream_bad_request",
        "upstream_model_not_found",
        "upstream_quota",
        "upstream_rate_limited",
        "upstream_unreachable",
    }
)
"""Failures of a model that refused before it began. Source: providers bill for tokens, and here are none."""


def price(told_usd: float | None) -> float | None:
    """A price that can be reckoned with; None for what is none, like NaN or less than nothing."""
    return min(told_usd, _MOST_USD) if told_usd is not None and told_usd >= 0 else None


def nanos(usd: float) -> int:
    """Dollars in nanodollars; what is no price counts as nothing."""
    return round((price(usd) or 0.0) * _NANO)


def dollars(nanos: int) -> float:
    """Nanodollars in dollars."""
    return nanos / _NANO


def fits(sum_nanos: int, limit_usd: float) -> bool:
    """Whether a sum stays within a limit."""
    return sum_nanos <= nanos(limit_usd) + _SLACK


def taken(call: Call) -> int:
    """Nanodollars that a call has spent, has set aside, or may have spent."""
    outcome, reserved_usd = call.outcome, call.reserved_usd or 0.0
    if outcome is None:
        return nanos(reserved_usd)
    if outcome.paid is False:
        return 0
    costs = [each.picture.cost_usd for each in outcome.pictures] or [outcome.cost_usd]
    return sum([nanos(reserved_usd if cost is None else cost) for cost in costs])


def turn_nanos(state: State, turn: int) -> int:
    """What one turn has taken, with those of its pictures that were drawn again."""
    return _sum([call for call in state.calls if call.turn == turn])


def conversation_nanos(state: State) -> int:
    """What the whole conversation has taken, with whatever is still under way."""
    return _sum(state.calls)


def _sum(calls: Iterable[Call]) -> int:
    return sum(map(taken, calls))


def add_usage(total: Usage, more: Usage) -> Usage:
    """Both together; what nobody knows of one, nobody knows of the sum."""
    known = total.cost_usd is not None and more.cost_usd is not None
    return Usage(
        total.prompt_tokens + more.prompt_tokens,
        total.completion_tokens + more.completion_tokens,
        dollars(nanos(total.cost_usd or 0.0) + nanos(more.cost_usd or 0.0)) if known else None,
        total.estimated or more.estimated,
        total.cached_tokens + more.cached_tokens,
        total.reasoning_tokens + more.reasoning_tokens,
    )


def usage_of_failure(code: str, said: str) -> Usage:
    """What a request used that failed: nothing where the model never began, else nobody knows."""
    return NOTHING if code in _UNBILLED and not said else Usage()
