"""The pictures in an answer of the Images API, and of the many services that answer nearly like it.

Sources: OpenAI API reference, "Create image"; OpenRouter API reference, "Images"; facts on
self-hosted servers and on other shapes (2026-11-21).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from limner.errors import PictureError

from ..encodings import data_url_bytes, decoded
from ..figures import Tokens, cost_usd, tokens
from ..text import clean

__all__ = ["Delivery", "FoundPicture", "blurred", "delivery", "pictures_in"]

_MAX_PROMPT = 8_000
_MAX_MODEL = 200
"""Characters; both are recorded with every picture."""
_MOST_PICTURES = 64
"""Of one answer; several times what anybody can order."""
_MOST_LISTS = 8
"""One within the other."""


@dataclass(frozen=True, slots=True)
class FoundPicture:
    """One picture of an answer: either its bytes or its link."""

    data: bytes | None = field(repr=False)
    url: str | None = field(repr=False)
    """As it was sent: absolute or relative."""
    revised_prompt: str | None = None


@dataclass(frozen=True, slots=True)
class Delivery:
    """What one order was answered with."""

    pictures: tuple[FoundPicture, ...]
    """At least one."""
    model: str | None
    """What drew them, as the answer says."""
    cost_usd: float | None
    """Of all of them together, as the answer says."""
    tokens: Tokens | None


def pictures_in(body: object, max_bytes: int, *, with_references: bool = False) -> Delivery:
    """All pictures of an answer.

    One that cannot be read does not take the others with it. `with_references`: the order had
    pictures to resemble, which tells what uncounted tokens were.

    Raises: PictureError where there is none: `image_policy` where the answer says that one was
    held back, `image_too_large`, else `image_bad_payload`.
    """
    answer = body if isinstance(body, dict) else {}
    entries: list[object] = []
    if not blurred(answer):
        entries = next((found for path in _WHERE if (found := [*_at(answer, path)])), [])
    told = (answer, *_at(answer, ("candidates",)), *entries)
    refused = any(_held_back(each) for each in told)
    return delivery(answer, entries, max_bytes, refused=refused, with_references=with_references)


def delivery(
    answer: Mapping[str, Any],
    entries: Iterable[object],
    max_bytes: int,
    *,
    refused: bool,
    with_references: bool = False,
) -> Delivery:
    """The pictures among `entries`, with what `answer` says about them all.

    Raises: PictureError where there is none, with what the answer says that it cost all the same;
    `refused` says that a policy is why.
    """
    usage = answer.get("usage")
    told_usd = cost_usd(usage)
    try:
        pictures = _chosen(entries, max_bytes, refused=refused)
    except PictureError as error:
        error.cost_usd = told_usd
        raise
    return Delivery(
        pictures,
        _said(answer.get("model"), _MAX_MODEL),
        told_usd,
        tokens(usage, with_references=with_references),
    )


def _chosen(entries: Iterable[object], max_bytes: int, *, refused: bool) -> tuple[FoundPicture, ...]:
    pictures: list[FoundPicture] = []
    error = PictureError("image_policy" if refused else "image_bad_payload")
    for entry in entries:
        try:
            picture = _picture(entry, max_bytes)
        except PictureError as broken:
            # That it was too large says more than that nothing was found.
            error = broken if broken.code == "image_too_large" else error
            continue
        if picture is not None:
            pictures.append(picture)
        if len(pictures) == _MOST_PICTURES:
            break
    if not pictures:
        raise error
    return tuple(pictures)


_WHERE: tuple[tuple[str, ...], ...] = (
    ("data",),
    ("images",),
    ("image",),
    ("predictions",),
    ("candidates", "content", "parts"),
    ("output", "choices", "message", "content"),
    ("output",),
    ("result", "sample"),
    (),
)
"""Where pictures stand, keys one below the other; lists on the way are gone through. The first that
leads anywhere counts, and the empty one is the answer itself. Source: facts, images, 2.3, 4 and 5."""


def _at(value: object, path: tuple[str, ...], lists: int = _MOST_LISTS) -> Iterator[object]:
    if isinstance(value, list):
        for each in value if lists else ():
            yield from _at(each, path, lists - 1)
    elif path:
        if isinstance(value, dict):
            yield from _at(value.get(path[0]), path[1:])
    elif value:
        yield value


def _picture(entry: object, max_bytes: int) -> FoundPicture | None:
    """The picture of one entry; None where it holds none. Raises: PictureError."""
    entry = {"b64_json": entry} if isinstance(entry, str) else entry
    if not isinstance(entry, dict) or entry.get("thought") is True or blurred(entry):
        return None
    encoded, url = _encoded(entry), _url(entry)
    if isinstance(encoded, str) and encoded.startswith(("http://", "https://")):
        encoded, url = "", clean(encoded.strip())
    source = encoded if encoded.strip() else url
    if source is None:
        return None
    data: bytes | None = None
    if isinstance(source, bytes):
        data = _fitting(source, max_bytes)
    elif source is encoded:
        data = decoded(source, max_bytes)
    elif source[:5].lower() == "data:":
        data = data_url_bytes(source, max_bytes)
    revised = entry.get("revised_prompt") or entry.get("revisedPrompt")
    link = source if isinstance(source, str) and data is None else None
    return FoundPicture(data, link, _said(revised, _MAX_PROMPT))


def _fitting(data: bytes, max_bytes: int) -> bytes:
    if len(data) > max_bytes:
        raise PictureError("image_too_large", billed="yes")
    return data


def _encoded(entry: Mapping[str, Any]) -> str | bytes:
    """Base64, under any of the names that it has; a link that stands there instead is found by its scheme.

    Bytes, where it was decoded while it came.
    """
    for key in ("b64_json", "image", "b64", "bytesBase64Encoded", "imageB64", "result"):
        value = entry.get(key)
        if isinstance(value, str | bytes) and value.strip():
            return value
    for key in ("inlineData", "inline_data", "source"):
        value = entry.get(key)
        if isinstance(value, dict) and isinstance(value.get("data"), str):
            return str(value["data"])
    value = entry.get("data")
    return value if isinstance(value, str) and entry.get("type") == "image" else ""


def _url(entry: Mapping[str, Any]) -> str | bytes | None:
    """A link, plain or wrapped as chat answers wrap it; bytes, where its data were decoded while they came."""
    for key in ("url", "image_url", "imageUrl"):
        url = entry.get(key)
        if isinstance(url, dict):
            url = url.get("url")
        if isinstance(url, str) and url.strip():
            return clean(url.strip())
        if isinstance(url, bytes):
            return url
    return None


def blurred(entry: Mapping[str, Any]) -> bool:
    """Whether what stands there is no picture, or what a policy left of one."""
    words = _words(entry, "finish_reason", "finishReason", "native_finish_reason", "status")
    return bool(words & _REFUSALS)


_HELD_BACK: tuple[Callable[[Mapping[str, Any]], object], ...] = (
    lambda entry: entry.get("is_image_safe") is False,
    lambda entry: entry.get("respect_moderation") is False,
    lambda entry: entry.get("raiFilteredReason"),
    blurred,
    lambda entry: _words(entry.get("promptFeedback"), "blockReason"),
)
"""How answers with status 200 say that a policy held a picture back. Source: facts, images, 1b and 5."""
_REFUSALS = frozenset(
    {
        "CONTENT_FILTERED",
        "CONTENT_FILTER",
        "CONTENT MODERATED",
        "REQUEST MODERATED",
        "SAFETY",
        "IMAGE_SAFETY",
        "PROHIBITED_CONTENT",
        "IMAGE_PROHIBITED_CONTENT",
        "BLOCKLIST",
        "RECITATION",
        "IMAGE_RECITATION",
        "REFUSAL",
    }
)


def _held_back(entry: object) -> bool:
    return isinstance(entry, dict) and any(says(entry) for says in _HELD_BACK)


def _words(entry: object, *keys: str) -> set[str]:
    """What stands under `keys`, in capitals."""
    values = [entry.get(key) for key in keys] if isinstance(entry, dict) else []
    return {value.upper() for value in values if isinstance(value, str) and value}


def _said(words: object, most: int) -> str | None:
    return clean(words[:most]) if isinstance(words, str) and words else None
