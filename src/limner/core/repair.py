"""What a model got almost right: arguments that can be read, names that are meant. Never a guess."""

from __future__ import annotations

import json
import re
from collections.abc import Collection
from typing import Any

__all__ = ["ArgumentsError", "call_id", "canonical_arguments", "parse_arguments", "tool_name"]

_ALPHABET = "0123456789abcdefghijklmnopqrstuvwxyz"
_PREFIX = re.compile(r"^(?:functions?|tools?|default|default_api)[.:]")
_SUFFIX = re.compile(r"[:.]\d+$")


class ArgumentsError(ValueError):
    """The arguments cannot be read; `code` says how."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


def parse_arguments(text: str) -> dict[str, Any]:
    """Read a call's arguments.

    An empty text and `null` are no arguments; an object inside a JSON string is unpacked once.
    Raises: ArgumentsError (`arguments_invalid_json`, `arguments_not_object`).
    Source: scorecard U23 and U24.
    """
    value: Any = _load(text) if text.strip() else {}
    if isinstance(value, str):
        try:
            value = _load(value) if value.strip() else {}
        except ArgumentsError:
            raise ArgumentsError("arguments_not_object") from None
    if value is None:
        value = {}
    if not isinstance(value, dict):
        raise ArgumentsError("arguments_not_object")
    return value


def canonical_arguments(text: str) -> str:
    """What is sent back to a provider: always a JSON object, because some refuse the rest for ever.

    Source: quirk 23.
    """
    try:
        return json.dumps(parse_arguments(text), ensure_ascii=False)
    except ArgumentsError:
        return "{}"


def tool_name(name: str, known: Collection[str]) -> str:
    """The tool that `name` means where only decoration differs, else `name` itself.

    Source: quirk 25 (`functions.x`, `default_api:x`, `x:0`).
    """
    if name in known:
        return name
    bare = _SUFFIX.sub("", _PREFIX.sub("", name.strip()))
    return bare if bare in known else name


def call_id(turn: int, round: int, index: int) -> str:
    """Nine letters and digits that name a call's position, accepted by the strictest provider."""
    return f"c{_base36(turn, 3)}{_base36(round, 2)}{_base36(index, 3)}"


def _base36(value: int, width: int) -> str:
    digits = ""
    for _ in range(width):
        value, digit = divmod(value, 36)
        digits = _ALPHABET[digit] + digits
    return digits


def _load(text: str) -> Any:
    try:
        return json.loads(text, parse_constant=_refuse_constant)
    except (ValueError, RecursionError):
        raise ArgumentsError("arguments_invalid_json") from None


def _refuse_constant(name: str) -> Any:
    raise ValueError(name)
