"""JSON as providers write it, and the figures in it."""

from __future__ import annotations

import json
import math
from collections.abc import Callable

__all__ = ["finite", "marks", "parsed"]

_MOST_DIGITS = 400
_MOST_VALUES = 500_000
"""Of one text: each takes up to a hundred times its bytes while nothing else can run, and a picture is one."""
_SLICE = 1 << 20
_LARGEST = 10**18


def parsed(data: bytes | bytearray | str, constant: Callable[[str], object] | None = None) -> object:
    """The value that `data` holds; bytes that are no UTF-8 become U+FFFD, absurd integers infinite.

    `constant` is what `NaN` and the two infinities mean, where they are not to be numbers.
    Raises: ValueError, also where it is nested too deeply or made of too many values.
    """
    text = data if isinstance(data, str) else data.decode("utf-8", "replace").removeprefix("\ufeff")
    if len(text) > _MOST_VALUES and marks(text, _MOST_VALUES) > _MOST_VALUES:
        raise ValueError("too many values")
    # A short text has no room for an absurd integer, and reading each by a function of ours is slow.
    decoder = _PLAIN if len(text) <= _MOST_DIGITS else _CAREFUL
    if constant is not None:
        decoder = json.JSONDecoder(parse_int=_integer, parse_constant=constant)
    try:
        return decoder.decode(text)
    except RecursionError:
        raise ValueError("nested too deeply") from None


def finite(value: object) -> float | None:
    """A number that is neither negative nor infinite, clamped to 10^18; None for anything else."""
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value < math.inf:
        return None
    return float(min(value, _LARGEST))


def marks(text: str, most: int) -> int:
    """How many values `text` may hold, counted to a little beyond `most`; marks in its strings count too."""
    counted = 0
    for at in range(0, len(text), _SLICE):
        part = text[at : at + _SLICE]
        counted += part.count(",") + part.count("[") + part.count("{")
        if counted > most:
            break
    return counted


def _integer(digits: str) -> int | float:
    # Python refuses to read thousands of digits, and everything else in the answer with them.
    return int(digits) if len(digits) <= _MOST_DIGITS else float(digits)


_PLAIN = json.JSONDecoder()
_CAREFUL = json.JSONDecoder(parse_int=_integer)
