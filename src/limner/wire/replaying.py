"""What a provider must not be shown again: broken arguments, and results that say nothing."""

from __future__ import annotations

import json

__all__ = ["NO_OUTPUT", "replayable"]

NO_OUTPUT = "(no output)"
"""Stands for an empty tool result: several providers refuse an empty one (quirk 30)."""


def replayable(arguments: str) -> str:
    """`arguments` where they are a JSON object, else an empty one.

    A provider that is shown its model's broken arguments again answers 400 for ever (quirk 23);
    the tool message that follows says what was wrong with them.
    """
    try:
        value = _DECODER.decode(arguments)
    except (ValueError, RecursionError):
        return "{}"
    return arguments if isinstance(value, dict) else "{}"


def _no_constant(name: str) -> object:
    raise ValueError(name)


_DECODER = json.JSONDecoder(parse_constant=_no_constant)
