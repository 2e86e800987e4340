"""Runs tasks one after the other and prints what each came to, as one JSON object."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable, Mapping, Sequence
from typing import Any

__all__ = ["WEATHER", "shown", "tell"]

WEATHER = {
    "type": "function",
    "name": "get_weather",
    "description": "The weather at a place.",
    "parameters": {
        "type": "object",
        "properties": {"place": {"type": "string"}},
        "required": ["place"],
        "additionalProperties": False,
    },
    "strict": True,
}
"""A function as `/responses` wants it declared."""


def tell(
    version: str, tasks: object, described: Callable[[Exception], Mapping[str, Any]], only: Sequence[str] = ()
) -> None:
    """Each public method of `tasks` is one task; what it returns, or what it raised, is printed.

    `only`: the names of those that are run; all of them by default.
    """
    told: dict[str, Any] = {"version": version}
    for name in only or [name for name in vars(type(tasks)) if not name.startswith("_")]:
        try:
            told[name] = {"value": getattr(tasks, name)()}
        except Exception as error:
            told[name] = {"raised": described(error)}
    print(json.dumps(told))


def shown(picture: bytes) -> str:
    """A picture as it is printed."""
    return base64.b64encode(picture).decode("ascii")
