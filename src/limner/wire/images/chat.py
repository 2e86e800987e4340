"""The pictures in a chat answer, whole or streamed.

Sources: OpenRouter API reference, "Image generation" (read 2026-11-21); facts on other shapes.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

from ..errors import says_no
from .deliveries import Delivery, blurred, delivery

__all__ = ["ChatGathering", "chat_pictures_in"]

_MAX_CHARACTERS = 64 * 1024 * 1024
"""Of all text that a stream says: relays put pictures into it."""
_DATA = re.compile(r"data:image/[a-z0-9.+-]{1,40};base64,[A-Za-z0-9+/=_-]+")
_LINK = re.compile(r"\]\(<?(https?://[^\s<>()]{1,4000})")
_MOST_ALT = 500
"""Characters between `![` and the link."""
_MOST_PLACES = 1000
"""At which a picture may begin; a text that only looks full of them ends the search."""


def chat_pictures_in(body: object, max_bytes: int) -> Delivery:
    """All pictures of a whole chat answer, each once.

    Raises: PictureError where there is none: `image_policy` where the model or its provider refused
    to draw, `image_too_large`, else `image_bad_payload`.
    """
    answer = body if isinstance(body, dict) else {}
    choices = answer.get("choices")
    entries: list[object] = []
    refused = False
    for choice in choices if isinstance(choices, list) else ():
        if not isinstance(choice, dict):
            continue
        message = choice.get("message")
        message = message if isinstance(message, dict) else {}
        entries.extend(_entries(message))
        refused = refused or blurred(choice) or _declined(message)
    found = delivery(answer, entries, max_bytes, refused=refused)
    # Some relays say the same picture in two places.
    return replace(found, pictures=tuple(dict.fromkeys(found.pictures)))


class ChatGathering:
    """A streamed chat answer, put together again; feed it each chunk in order."""

    def __init__(self) -> None:
        self._images: list[object] = []
        self._text: list[str] = []
        self._size = 0
        self._choice: dict[str, Any] = {}
        self._refusal = False
        self._answer: dict[str, Any] = {}

    @property
    def drawn(self) -> bool:
        """Whether a picture has come."""
        return bool(self._images)

    @property
    def finished(self) -> bool:
        """Whether the model has said that it has finished."""
        return "finish_reason" in self._choice

    def add(self, chunk: object) -> None:
        """One chunk; what it says about pictures is kept."""
        if not isinstance(chunk, dict):
            return
        for key in ("model", "usage"):
            if chunk.get(key):
                self._answer[key] = chunk[key]
        choices = chunk.get("choices")
        for choice in choices if isinstance(choices, list) else ():
            if isinstance(choice, dict):
                self._add_choice(choice)

    def whole(self) -> dict[str, Any]:
        """What was said, as a whole answer would have said it."""
        message = {
            "images": self._images,
            "content": "".join(self._text),
            "refusal": self._refusal or None,
        }
        return {**self._answer, "choices": [{**self._choice, "message": message}]}

    def _add_choice(self, choice: Mapping[str, Any]) -> None:
        said = choice.get("delta")
        said = said if isinstance(said, dict) else choice.get("message")
        said = said if isinstance(said, dict) else {}
        for key in ("finish_reason", "native_finish_reason"):
            if isinstance(choice.get(key), str):
                self._choice[key] = choice[key]
        self._refusal = self._refusal or bool(said.get("refusal"))
        self._images.extend(_attached(said))
        content = said.get("content")
        if isinstance(content, list):
            self._images.extend(part for part in content if isinstance(part, dict))
        elif isinstance(content, str) and self._size < _MAX_CHARACTERS:
            self._size += len(content)
            self._text.append(content)


def _entries(message: Mapping[str, Any]) -> Iterator[object]:
    yield from _attached(message)
    content = message.get("content")
    if isinstance(content, list):
        for part in content:
            if isinstance(part, dict):
                yield part
                yield from _in_text(part.get("text"))
    else:
        yield from _in_text(content)


def _attached(message: Mapping[str, Any]) -> Iterator[object]:
    """What stands beside the text: a list of pictures, or one."""
    for key in ("images", "image"):
        value = message.get(key)
        if isinstance(value, list):
            yield from value
        elif value:
            yield value


def _in_text(text: object) -> Iterator[str]:
    """Pictures in the Markdown of a text, or as bare data URLs: how relays that know no better hand them on."""
    if not isinstance(text, str):
        return
    for at in _places(text, "data:image/"):
        found = _DATA.match(text, at)
        if found:
            yield found[0]
    for at in (*_places(text, "](http"), *_places(text, "](<http")):
        found = _LINK.match(text, at)
        if found and "![" in text[max(0, at - _MOST_ALT) : at]:
            yield found[1]


def _places(text: str, mark: str) -> Iterator[int]:
    at = -1
    for _ in range(_MOST_PLACES):
        at = text.find(mark, at + 1)
        if at < 0:
            return
        yield at


def _declined(message: Mapping[str, Any]) -> bool:
    """Whether the model says in words that it won't draw this."""
    if message.get("refusal"):
        return True
    content = message.get("content")
    parts = content if isinstance(content, list) else [{"text": content}]
    texts = [part.get("text") for part in parts if isinstance(part, dict)]
    return any(isinstance(text, str) and says_no(text) for text in texts)
