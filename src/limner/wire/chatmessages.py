"""The messages of a chat request: their shapes, held against what every provider expects."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from .asking import AskError
from .parameters import shown

__all__ = ["MOST_MESSAGES", "read_messages"]

MOST_MESSAGES = 10_000
_MOST_ENTRIES = 10_000
"""Of one message: parts and calls."""
_ROLES = ("system", "developer", "user", "assistant", "tool", "function")
_WITHOUT_CONTENT = ("assistant", "function")
_TEXTUAL = ("text", "refusal")


def read_messages(messages: object) -> tuple[Mapping[str, Any], ...]:
    """The messages as the client wrote them.

    Checked is what is read here or what every provider refuses; fields and kinds of parts that are
    not known go on as they are, for providers have their own.

    Raises: AskError.
    """
    if messages is None:
        raise AskError("missing_parameter", "'messages' is missing.", "messages")
    if not isinstance(messages, list) or not messages:
        raise AskError("invalid_value", "'messages' must be a list with at least one message.", "messages")
    if len(messages) > MOST_MESSAGES:
        raise AskError(
            "invalid_value",
            f"'messages' has {len(messages)} entries; at most {MOST_MESSAGES} are accepted.",
            "messages",
        )
    for place, message in enumerate(messages):
        _check(message, f"messages[{place}]")
    return tuple(messages)


def _check(message: object, at: str) -> None:
    if not isinstance(message, Mapping):
        raise _wrong(at, "must be an object")
    role = message.get("role")
    if role is None:
        raise AskError("missing_parameter", f"'{at}.role' is missing.", f"{at}.role")
    if not isinstance(role, str) or role not in _ROLES:
        raise _wrong(f"{at}.role", f"must be one of {', '.join(_ROLES)}")
    _check_content(message.get("content"), role, f"{at}.content")
    if role == "tool":
        _check_text(message, "tool_call_id", at)
    elif role == "function":
        _check_text(message, "name", at)
    elif role == "assistant" and message.get("tool_calls") is not None:
        for place, call in enumerate(_entries(message["tool_calls"], f"{at}.tool_calls")):
            _check_call(call, f"{at}.tool_calls[{place}]")


def _check_content(content: object, role: str, at: str) -> None:
    if isinstance(content, str):
        return
    if content is None:
        # Some clients leave it null beside calls, others when a model said nothing at all.
        if role in _WITHOUT_CONTENT:
            return
        raise AskError("missing_parameter", f"{at!r} is missing.", at)
    for place, part in enumerate(_entries(content, at, "a string or a list of parts")):
        _check_part(part, f"{at}[{place}]")


def _check_part(part: object, at: str) -> None:
    if not isinstance(part, Mapping):
        raise _wrong(at, "must be an object")
    kind = _check_text(part, "type", at)
    if kind in _TEXTUAL:
        if not isinstance(part.get(kind), str):
            raise _wrong(f"{at}.{kind}", "must be a string")
    elif kind == "image_url":
        image = part.get("image_url")
        if not isinstance(image, str):
            if not isinstance(image, Mapping):
                raise _wrong(f"{at}.image_url", "must be an object with 'url'")
            _check_text(image, "url", f"{at}.image_url")


def _check_call(call: object, at: str) -> None:
    if not isinstance(call, Mapping):
        raise _wrong(at, "must be an object")
    _check_text(call, "id", at)
    kind = call.get("type", "function")
    if kind not in ("function", "custom"):
        shown_kind = shown(kind) if isinstance(kind, str) else "this"
        raise _wrong(f"{at}.type", f"must be 'function', not {shown_kind}")
    called, words = call.get(kind), "arguments" if kind == "function" else "input"
    if not isinstance(called, Mapping):
        raise _wrong(f"{at}.{kind}", f"must be an object with 'name' and {words!r}")
    _check_text(called, "name", f"{at}.{kind}")
    if not isinstance(called.get(words), str):
        raise _wrong(f"{at}.{kind}.{words}", "must be a string")


def _check_text(fields: Mapping[str, Any], name: str, at: str) -> str:
    value = fields.get(name)
    if value is None:
        raise AskError("missing_parameter", f"'{at}.{name}' is missing.", f"{at}.{name}")
    if not isinstance(value, str) or not value:
        raise _wrong(f"{at}.{name}", "must be a string that is not empty")
    return value


def _entries(value: object, at: str, what: str = "a list") -> list[Any]:
    if not isinstance(value, list):
        raise _wrong(at, f"must be {what}")
    if len(value) > _MOST_ENTRIES:
        raise _wrong(at, f"has {len(value)} entries; at most {_MOST_ENTRIES} are accepted")
    return value


def _wrong(param: str, what: str) -> AskError:
    return AskError("invalid_value", f"{param!r} {what}.", param)
