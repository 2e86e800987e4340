"""The messages of a chat request: their shapes, held against what every provider expects."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ..asking import AskError
from ..parameters import shown
from ..shapes import MOST_ENTRIES, entries, needed_text, wrong

__all__ = ["MOST_MESSAGES", "read_messages"]

MOST_MESSAGES = MOST_ENTRIES
_SOME = "a list with at least one message"
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
    said = entries(messages, "messages", _SOME)
    if not said:
        raise wrong("messages", f"must be {_SOME}")
    for place, message in enumerate(said):
        _check(message, f"messages[{place}]")
    return tuple(said)


def _check(message: object, at: str) -> None:
    if not isinstance(message, Mapping):
        raise wrong(at, "must be an object")
    role = message.get("role")
    if role is None:
        raise AskError("missing_parameter", f"'{at}.role' is missing.", f"{at}.role")
    if not isinstance(role, str) or role not in _ROLES:
        raise wrong(f"{at}.role", f"must be one of {', '.join(_ROLES)}")
    _check_content(message.get("content"), role, f"{at}.content")
    if role == "tool":
        needed_text(message, "tool_call_id", at)
    elif role == "function":
        needed_text(message, "name", at)
    elif role == "assistant" and message.get("tool_calls") is not None:
        for place, call in enumerate(entries(message["tool_calls"], f"{at}.tool_calls")):
            _check_call(call, f"{at}.tool_calls[{place}]")


def _check_content(content: object, role: str, at: str) -> None:
    if isinstance(content, str):
        return
    if content is None:
        # Some clients leave it null beside calls, others when a model said nothing at all.
        if role in _WITHOUT_CONTENT:
            return
        raise AskError("missing_parameter", f"{at!r} is missing.", at)
    for place, part in enumerate(entries(content, at, "a string or a list of parts")):
        _check_part(part, f"{at}[{place}]")


def _check_part(part: object, at: str) -> None:
    if not isinstance(part, Mapping):
        raise wrong(at, "must be an object")
    kind = needed_text(part, "type", at)
    if kind in _TEXTUAL:
        if not isinstance(part.get(kind), str):
            raise wrong(f"{at}.{kind}", "must be a string")
    elif kind == "image_url":
        image = part.get("image_url")
        if not isinstance(image, str):
            if not isinstance(image, Mapping):
                raise wrong(f"{at}.image_url", "must be an object with 'url'")
            needed_text(image, "url", f"{at}.image_url")


def _check_call(call: object, at: str) -> None:
    if not isinstance(call, Mapping):
        raise wrong(at, "must be an object")
    needed_text(call, "id", at)
    kind = call.get("type", "function")
    if kind not in ("function", "custom"):
        shown_kind = shown(kind) if isinstance(kind, str) else "this"
        raise wrong(f"{at}.type", f"must be 'function', not {shown_kind}")
    called, words = call.get(kind), "arguments" if kind == "function" else "input"
    if not isinstance(called, Mapping):
        raise wrong(f"{at}.{kind}", f"must be an object with 'name' and {words!r}")
    needed_text(called, "name", f"{at}.{kind}")
    if not isinstance(called.get(words), str):
        raise wrong(f"{at}.{kind}.{words}", "must be a string")
