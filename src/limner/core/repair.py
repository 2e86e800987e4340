"""What a model got almost right: arguments that can be read, names that are meant. Never a guess."""

from __future__ import annotations

import json
import re
from collections.abc import Collection
from typing import Any

__all__ = [
    "ArgumentsError",
    "call_id",
    "canonical_arguments",
    "clean",
    "parse_arguments",
    "replayable_name",
    "tool_name",
]

_ALPHABET = "0123456789abcdefghijklmnopqrstuvwxyz"
_PREFIX = re.compile(r"^(?:functions?|tools?|default|default_api)[.:]")
_SUFFIX = re.compile(r"[:.]\d+$")
_SURROGATE = re.compile("[\ud800-\udfff]")
_NO_NAME = re.compile(r"[^A-Za-z0-9_-]")


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
    value: Any = _load(clean(text)) if text.strip() else {}
    if isinstance(value, str):
        try:
            value = _load(value) if value.strip() else {}
        except ArgumentsError:
            raise ArgumentsError("arguments_not_object") from None
    if value is None:
        value = {}
    if not isinstance(value, dict):
        raise ArgumentsError("arguments_not_object")
    return _cleaned(value) if "\\u" in text else value


def canonical_arguments(text: str) -> str:
    """What is sent back to a provider: always a JSON object, because some refuse the rest for ever.

    Source: quirk 23.
    """
    try:
        return clean(_ENCODER.encode(parse_arguments(text)))
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


def replayable_name(name: str) -> str:
    """A name of a tool that a strict provider takes back, whatever the model made up."""
    return _NO_NAME.sub("_", name)[:64] or "unknown"


def clean(text: str) -> str:
    """`text` with a replacement character for each lone surrogate, which no encoding can hold (U15)."""
    return _SURROGATE.sub("\ufffd", text)


def call_id(turn: int, round: int, index: int) -> str:
    """Nine letters and digits that name a call's position, accepted by the strictest provider."""
    return f"c{_base36(turn, 3)}{_base36(round, 2)}{_base36(index, 3)}"


def _cleaned(value: Any) -> Any:
    """`value` with every text in it clean: an escape may have hidden a lone surrogate."""
    if isinstance(value, str):
        return clean(value)
    if isinstance(value, list):
        return [_cleaned(each) for each in value]
    if isinstance(value, dict):
        return {clean(key): _cleaned(each) for key, each in value.items()}
    return value


def _base36(value: int, width: int) -> str:
    digits = ""
    for _ in range(width):
        value, digit = divmod(value, 36)
        digits = _ALPHABET[digit] + digits
    return digits


def _load(text: str) -> Any:
    try:
        return _DECODER.decode(text)
    except (ValueError, RecursionError):
        raise ArgumentsError("arguments_invalid_json") from None


def _refuse_constant(name: str) -> Any:
    raise ValueError(name)


_DECODER = json.JSONDecoder(parse_constant=_refuse_constant)
_ENCODER = json.JSONEncoder(ensure_ascii=False)
