"""What one of several answers of a turn has cost."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

__all__ = ["less"]


def less(total: Mapping[str, Any], told: Mapping[str, Any]) -> dict[str, Any]:
    """`total`, as `wire.chat.said.usage` gives it, without what an earlier answer has told of it.

    What is unknown in one of them is unknown of the difference, and left out.
    """
    rest: dict[str, Any] = {}
    for name, value in total.items():
        before = told.get(name)
        if isinstance(value, Mapping):
            rest[name] = less(value, before if isinstance(before, Mapping) else {})
        elif isinstance(value, bool) or not isinstance(value, int | float) or not told:
            rest[name] = value
        elif before is not None:
            rest[name] = max(0, round(value - before, 9) if isinstance(value, float) else value - before)
        elif name not in ("cost", "server_tool_cost"):
            rest[name] = value
    if not rest.get("server_tool_use_details", {"tool_calls_requested": 1}).get("tool_calls_requested"):
        del rest["server_tool_use_details"]
    return rest
