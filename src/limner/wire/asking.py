"""What a client may ask wrongly, and the fields of requests, read one by one."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

from .text import clean

__all__ = ["AskError", "flag", "number", "one_of", "text", "whole_number"]


class AskError(Exception):
    """A request that cannot be read; who answers it says so with the status of its code."""

    def __init__(self, code: str, sentence: str, param: str | None = None) -> None:
        """`code` is one that refusals know; `param` is the field's path: "tools[0].function.name"."""
        super().__init__(sentence)
        self.code = code
        self.sentence = sentence
        self.param = param


def text(
    body: Mapping[str, Any], name: str, *, least: int = 0, most: int | None = None, at: str = ""
) -> str | None:
    """A text of `least` to `most` characters; None where it is missing or null.

    Of every reader here: `at` is the path of `body` ("tools[0]"), "" for the request itself.

    Raises: AskError.
    """
    value = body.get(name)
    if value is None:
        return None
    if not isinstance(value, str):
        raise _wrong(at, name, "must be a string")
    if len(value) < least:
        raise _wrong(at, name, "must not be empty" if least == 1 else f"must have {least} or more characters")
    if most is not None and len(value) > most:
        raise _wrong(at, name, f"has {len(value)} characters; at most {most} are accepted")
    return clean(value)


def one_of(body: Mapping[str, Any], name: str, values: Sequence[str], *, at: str = "") -> str | None:
    """One of `values`; None where it is missing or null.

    Raises: AskError.
    """
    value = body.get(name)
    if value is None or (isinstance(value, str) and value in values):
        return value
    raise _wrong(at, name, f"must be one of {', '.join(values)}")


def whole_number(
    body: Mapping[str, Any], name: str, *, least: int, most: int | None = None, at: str = ""
) -> int | None:
    """A whole number in that range, also as 3.0; None where it is missing or null.

    Raises: AskError.
    """
    value = body.get(name)
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    if value is None or (
        isinstance(value, int)
        and not isinstance(value, bool)
        and value >= least
        and (most is None or value <= most)
    ):
        return value
    raise _wrong(at, name, f"must be a whole number {_range(least, most)}")


def number(
    body: Mapping[str, Any], name: str, *, least: float, most: float | None = None, at: str = ""
) -> float | None:
    """A finite number in that range; None where it is missing or null.

    Raises: AskError.
    """
    value = body.get(name)
    if value is None:
        return None
    if (
        isinstance(value, int | float)
        and not isinstance(value, bool)
        and least <= value < math.inf
        and (most is None or value <= most)
    ):
        try:
            return float(value)
        except OverflowError:
            pass
    raise _wrong(at, name, f"must be a number {_range(least, most)}")


def flag(body: Mapping[str, Any], name: str, *, at: str = "") -> bool | None:
    """True or false; None where it is missing or null.

    Raises: AskError.
    """
    value = body.get(name)
    if value is None or isinstance(value, bool):
        return value
    raise _wrong(at, name, "must be true or false")


def _wrong(at: str, name: str, what: str) -> AskError:
    path = f"{at}.{name}" if at else name
    return AskError("invalid_value", f"{path!r} {what}.", path)


def _range(least: float, most: float | None) -> str:
    return f"of {least} or more" if most is None else f"from {least} to {most}"
