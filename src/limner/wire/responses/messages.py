"""A conversation of items as messages in the shape of Chat Completions.

All that an assistant says, thinks, draws and calls in one go is one message there, so consecutive items of
its are put together; results and messages of others come after it, one for each item.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from ..asking import AskError
from ..parameters import shown
from ..servertool import SERVER_CALL
from .items import chat_message, reference

__all__ = ["messages_of"]

_APART = {"type": "text", "text": "\n\n"}


def messages_of(
    items: Iterable[tuple[str, Mapping[str, Any]]], instructions: str | None = None
) -> tuple[Mapping[str, Any], ...]:
    """`items`: each with its path in the request, checked by `read_items`.

    Raises: AskError, also where an item only names one that stands elsewhere.
    """
    messages: list[Mapping[str, Any]] = []
    if instructions:
        messages.append({"role": "system", "content": instructions})
    turn = _Turn()
    for at, item in items:
        named = reference(item)
        if named is not None:
            raise AskError(
                "invalid_value",
                f"There is no item {shown(named)} here: 'store' was off, or it is too old; send the whole item.",
                f"{at}.id" if at.startswith("input") else at,
            )
        message = chat_message(item, at)
        if message is None:
            continue
        if message["role"] == "assistant":
            turn.add(message)
        else:
            messages += turn.ended()
            messages.append(message)
    return (*messages, *turn.ended())


class _Turn:
    """The message of an assistant, as its items come."""

    def __init__(self) -> None:
        self._content: list[dict[str, Any]] = []
        self._details: list[dict[str, Any]] = []
        self._calls: list[dict[str, Any]] = []
        self._thoughts: list[dict[str, Any]] = []
        """Not yet followed by what they led to, without which providers refuse them."""

    def add(self, message: Mapping[str, Any]) -> None:
        details = message.get("reasoning_details", [])
        if details and all(detail["type"] != SERVER_CALL for detail in details):
            self._thoughts += details
            return
        self._details += [*self._thoughts, *details]
        self._thoughts = []
        content = message.get("content", [])
        self._content += [_APART, *content] if self._content and content else content
        self._calls += message.get("tool_calls", [])

    def ended(self) -> list[Mapping[str, Any]]:
        """The message, where there is one; the next begins."""
        content, details, calls = self._content, self._details, self._calls
        self._content, self._details, self._calls, self._thoughts = [], [], [], []
        if not (content or details or calls):
            return []
        message: dict[str, Any] = {
            "role": "assistant",
            "content": _joined(content, empty=None if calls else ""),
        }
        if details:
            message["reasoning_details"] = [{**each, "index": index} for index, each in enumerate(details)]
        if calls:
            message["tool_calls"] = calls
        return [message]


def _joined(content: list[dict[str, Any]], *, empty: str | None) -> str | list[dict[str, Any]] | None:
    """One text where all of it is words."""
    if any(part["type"] != "text" for part in content):
        return content
    return "".join(part["text"] for part in content) or empty
