"""Strict JSON from a client: nothing that two readers could understand in two ways.

Python's own reader is lenient: it takes NaN, turns 1e999 into infinity, keeps the last of two equal names,
and lets half a surrogate pair through, which no answer can be written with.
"""

from __future__ import annotations

import json
import math
import re
from typing import Any, NoReturn

from limner.beside import beside

from ..refusal import Refusal

__all__ = ["DEEPEST", "read_object"]

DEEPEST = 64
"""Source: scorecard S07."""

_MOST_VALUES = 500_000
"""A conversation of a million tokens has a fraction of that; reading more would hold everybody up."""

_LONGEST_INTEGER = 20
# Possessive, and content with half a text: what was read is never gone through again, whatever follows.
_TOKEN = re.compile(r'"[^"\\]*+(?:\\.[^"\\]*+)*+"?|[\[{]|[\]}]', re.DOTALL)
_SURROGATE = re.compile(r"\\u[dD][89a-fA-F]")


async def read_object(body: bytes) -> dict[str, Any]:
    """The JSON object that `body` is; a large one is read beside the event loop.

    Raises: Refusal (`invalid_json`, `json_too_deep`, `body_too_large`).
    """
    return await beside(len(body), lambda: _read_object(body))


def _read_object(body: bytes) -> dict[str, Any]:
    if body.count(b",") + body.count(b"[") + body.count(b"{") > _MOST_VALUES:
        raise Refusal("body_too_large", f"The body holds more than {_MOST_VALUES} values; send fewer.")
    try:
        text = body.decode()
    except UnicodeDecodeError:
        raise Refusal("invalid_json", "The body is not valid UTF-8; send JSON in UTF-8.") from None
    # First of all, so that no reader has to go down deeper than this: there is no recursion to exhaust.
    _check_depth(text)
    try:
        value = _DECODER.decode(text)
    except _Unclear as unclear:
        raise Refusal("invalid_json", str(unclear)) from None
    except ValueError:
        raise Refusal("invalid_json") from None
    if not isinstance(value, dict):
        raise Refusal("invalid_json", "The body is not a JSON object; send an object, like {…}.")
    if _SURROGATE.search(text):
        _check_surrogates(value)
    return value


def _check_depth(text: str) -> None:
    if text.count("[") + text.count("{") <= DEEPEST:
        return
    depth = 0
    for match in _TOKEN.finditer(text):
        first = text[match.start()]
        if first in "[{":
            depth += 1
            if depth > DEEPEST:
                raise Refusal("json_too_deep", f"The body is nested deeper than {DEEPEST}; send it flatter.")
        elif first in "]}":
            depth -= 1


class _Unclear(ValueError):
    """JSON by its grammar, and yet not clear."""


def _constant(_name: str) -> NoReturn:
    raise _Unclear("The body holds NaN or Infinity, which are no JSON; leave them out.")


def _float(digits: str) -> float:
    value = float(digits)
    if math.isinf(value):
        raise _Unclear("The body holds a number that is too large.")
    return value


def _integer(digits: str) -> int:
    if len(digits) > _LONGEST_INTEGER:
        raise _Unclear("The body holds a number with too many digits.")
    return int(digits)


def _pairs(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    value = dict(pairs)
    if len(value) != len(pairs):
        raise _Unclear("The body says a name twice in the same object; say it once.")
    return value


_DECODER = json.JSONDecoder(
    object_pairs_hook=_pairs, parse_float=_float, parse_int=_integer, parse_constant=_constant
)


def _check_surrogates(value: Any) -> None:
    waiting = [value]
    while waiting:
        each = waiting.pop()
        if isinstance(each, dict):
            waiting.extend(each.keys())
            waiting.extend(each.values())
        elif isinstance(each, list):
            waiting.extend(each)
        elif isinstance(each, str):
            try:
                each.encode()
            except UnicodeEncodeError:
                raise Refusal("invalid_json", "The body holds half a surrogate pair; send UTF-8.") from None
