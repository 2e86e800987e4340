"""The Images API: an order as JSON, and the picture in what comes back.

Source: OpenAI API reference, "Create image"; facts on self-hosted servers (2026-11-21).
"""

from __future__ import annotations

import base64
import binascii
import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import unquote_to_bytes

from limner.errors import PictureError

from .parsing import finite
from .text import clean

__all__ = ["FoundPicture", "data_url_bytes", "image_body", "nearest_size", "picture_in"]

SIZES = ("1024x1024", "1536x1024", "1024x1536")
"""What every endpoint of this kind can draw."""

_MAX_USD = 10.0**6
_MAX_PROMPT = 8_000
_MAX_MODEL = 200
"""Characters; both are recorded with every picture."""


@dataclass(frozen=True, slots=True)
class FoundPicture:
    """The picture in an answer: either its bytes or its link."""

    data: bytes | None
    url: str | None
    """As it was sent: absolute or relative."""
    revised_prompt: str | None
    cost_usd: float | None
    model: str | None


def image_body(
    model: str,
    prompt: str,
    *,
    size: str | None = None,
    quality: str | None = None,
    output_format: str | None = None,
    response_format: str | None = None,
    extra: Mapping[str, Any] | None = None,
) -> dict[str, Any]:
    """An order for one picture; what is None is not sent.

    `response_format` is sent only when told to: some models need it, others refuse it (quirk 40).
    `extra` wins over what stands here, and its None removes a key.
    """
    body: dict[str, Any] = {
        "model": model,
        "prompt": prompt,
        "size": size,
        "quality": quality,
        "output_format": output_format,
        "response_format": response_format,
        **(extra or {}),
    }
    return {key: value for key, value in body.items() if value is not None}


def nearest_size(aspect_ratio: str | None) -> str | None:
    """The size whose shape is nearest to "16:9" and the like; None where that is no ratio."""
    width, _, height = (aspect_ratio or "").partition(":")
    try:
        wanted = math.log(float(width) / float(height))
    except (ValueError, ZeroDivisionError, OverflowError):
        return None
    if not math.isfinite(wanted):
        return None
    # The logarithm, because 1:2 is as far from a square as 2:1.
    return min(SIZES, key=lambda size: abs(_log_ratio(size) - wanted))


def picture_in(body: object, max_bytes: int) -> FoundPicture:
    """The first picture of an answer.

    Raises: PictureError, `image_bad_payload` where there is none, `image_too_large`.
    """
    answer = body if isinstance(body, dict) else {}
    entry = _first(answer.get("data")) or _first(answer.get("images")) or _first(answer)
    if entry is None:
        raise PictureError("image_bad_payload")
    encoded, url = entry.get("b64_json") or entry.get("image"), _url(entry)
    if isinstance(encoded, str) and encoded.startswith(("http://", "https://")):
        encoded, url = None, encoded
    data = None
    if isinstance(encoded, str) and encoded.strip():
        data = _decoded(encoded, max_bytes)
    elif url is not None and url[:5].lower() == "data:":
        data, url = data_url_bytes(url, max_bytes), None
    if data is None and url is None:
        raise PictureError("image_bad_payload")
    return FoundPicture(
        data=data,
        url=None if data is not None else url,
        revised_prompt=_said(entry.get("revised_prompt"), _MAX_PROMPT),
        cost_usd=_cost(answer),
        model=_said(answer.get("model"), _MAX_MODEL),
    )


def data_url_bytes(url: str, max_bytes: int) -> bytes:
    """What a `data:` URL holds. Raises: PictureError."""
    head, comma, payload = url.partition(",")
    if not comma:
        raise PictureError("image_bad_payload")
    if head.lower().endswith(";base64"):
        return _decoded(payload, max_bytes)
    data = unquote_to_bytes(payload)
    if len(data) > max_bytes:
        raise PictureError("image_too_large", billed="yes")
    return data


def _first(entries: object) -> Mapping[str, Any] | None:
    """The first of `entries` that is an object or a text, which then is the picture itself."""
    for entry in entries if isinstance(entries, list) else (entries,):
        if isinstance(entry, str) and entry:
            return {"b64_json": entry}
        if isinstance(entry, dict) and (entry.get("b64_json") or entry.get("image") or _url(entry)):
            return entry
    return None


def _url(entry: Mapping[str, Any]) -> str | None:
    """A link, plain or wrapped as chat answers wrap it."""
    url = entry.get("url") or entry.get("image_url")
    if isinstance(url, dict):
        url = url.get("url")
    return clean(url.strip()) if isinstance(url, str) and url.strip() else None


def _decoded(text: str, max_bytes: int) -> bytes:
    """Base64 with or without white space, padding and a `data:` prefix."""
    if text[:5].lower() == "data:":
        text = text.partition(",")[2]
    # Four characters hold three bytes; white space may stand between them.
    if len(text) > 2 * max_bytes:
        raise PictureError("image_too_large", billed="yes")
    try:
        data = binascii.a2b_base64(text, strict_mode=True)
    except ValueError:
        data = _decoded_loosely(text)
    if not data:
        raise PictureError("image_bad_payload")
    if len(data) > max_bytes:
        raise PictureError("image_too_large", billed="yes")
    return data


def _decoded_loosely(text: str) -> bytes:
    packed = "".join(text.split()).rstrip("=")
    try:
        return base64.b64decode(
            packed.translate(_URL_SAFE).encode("ascii") + b"=" * (-len(packed) % 4), validate=True
        )
    except ValueError:
        raise PictureError("image_bad_payload") from None


_URL_SAFE = str.maketrans("-_", "+/")


def _cost(answer: Mapping[str, Any]) -> float | None:
    usage = answer.get("usage")
    cost = finite(usage.get("cost")) if isinstance(usage, dict) else None
    return None if cost is None else min(cost, _MAX_USD)


def _said(words: object, most: int) -> str | None:
    return clean(words[:most]) if isinstance(words, str) and words else None


def _log_ratio(size: str) -> float:
    width, _, height = size.partition("x")
    return math.log(int(width) / int(height))
