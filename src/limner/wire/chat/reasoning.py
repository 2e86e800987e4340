"""What a chat model thinks, in the three fields that servers of Chat Completions write it in.

`reasoning_details` and `reasoning_content` are wanted back by those who send them, each in its own
field (quirk 34); `reasoning` is only for reading. Which field it was stands in `format`, for in the
house all of it has the shape of `reasoning_details`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from limner.core.messages import Reasoning

from ..text import clean

__all__ = ["read_reasoning", "with_reasoning"]

_CONTENT = "reasoning_content"
_READ_ONLY = "reasoning"


def read_reasoning(said: Mapping[str, Any], *, whole: bool) -> Reasoning:
    """The reasoning in a message, or the fragments of it in one streamed piece."""
    told = said.get("reasoning_details")
    details = [_flat(each) for each in told if isinstance(each, Mapping)] if isinstance(told, list) else []
    if details:
        return tuple(_numbered(details) if whole else details)
    content = said.get(_CONTENT)
    # An empty one is wanted back beside calls too; in front of text it says nothing.
    if isinstance(content, str) and (content or whole or said.get("tool_calls")):
        return (_text(content, _CONTENT),)
    text = said.get(_READ_ONLY)
    return (_text(text, _READ_ONLY),) if isinstance(text, str) and text else ()


def with_reasoning(message: dict[str, Any], reasoning: Iterable[object]) -> dict[str, Any]:
    """An assistant's `message` with what its provider wants back of `reasoning`, in the field that it came in."""
    details: list[object] = []
    content: str | None = None
    for each in reasoning:
        mark = each.get("format") if isinstance(each, Mapping) else None
        if isinstance(each, Mapping) and mark == _CONTENT:
            content = (content or "") + str(each.get("text") or "")
        elif mark != _READ_ONLY:
            details.append(_unplaced(each) if isinstance(each, Mapping) else each)
    written = {key: value for key, value in message.items() if key != "reasoning_details"}
    if details:
        written["reasoning_details"] = details
    # Without calls it is of no use to anybody, and one maker refuses it there.
    if content is not None and message.get("tool_calls"):
        written.setdefault(_CONTENT, content)
    return written


def _text(text: str, field: str) -> dict[str, Any]:
    return {"type": "reasoning.text", "text": clean(text), "format": field, "index": 0}


def _flat(detail: Mapping[str, Any]) -> Mapping[str, Any]:
    """An entry without what is no text and no number: it is written down, and told to clients."""
    return {
        clean(name): clean(value) if isinstance(value, str) else value
        for name, value in detail.items()
        if value is None or isinstance(value, str | int)
    }


def _unplaced(detail: Mapping[str, Any]) -> Mapping[str, Any]:
    """An entry without its place among calls, which is for another API."""
    return {name: value for name, value in detail.items() if name != "place"} if "place" in detail else detail


def _numbered(details: list[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    """Entries of a whole message: each is one, also where several have the same number or none."""
    places = {(str(each.get("type")), each.get("index")) for each in details if _has_number(each)}
    if len(places) == len(details):
        return details
    return [{**each, "index": place} for place, each in enumerate(details)]


def _has_number(detail: Mapping[str, Any]) -> bool:
    return isinstance(detail.get("index"), int)
