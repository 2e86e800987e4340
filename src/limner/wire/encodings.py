"""Bytes as text: base64 as providers write it, and `data:` URLs."""

from __future__ import annotations

import base64
import binascii
from urllib.parse import unquote_to_bytes

from limner.core.formats import media_type_of
from limner.errors import PictureError

__all__ = ["data_url", "data_url_bytes", "decoded"]

_URL_SAFE = bytes.maketrans(b"-_", b"+/")
_WHITE_SPACE = b" \t\r\n\v\f"
_SLICE = 1 << 18
"""Characters, a multiple of four."""


def decoded(text: str, max_bytes: int) -> bytes:
    """Base64 with or without white space, padding and a `data:` prefix, in either alphabet.

    Raises: PictureError, `image_bad_payload` or `image_too_large`.
    """
    if text[:5].lower() == "data:":
        text = text.partition(",")[2]
    # Four characters hold three bytes; white space may stand between them.
    if len(text) > 2 * max_bytes:
        raise PictureError("image_too_large", billed="yes")
    try:
        # In slices, between which other threads get their turn: the whole would hold them up.
        slices = (text[at : at + _SLICE] for at in range(0, len(text), _SLICE))
        data = b"".join([binascii.a2b_base64(each, strict_mode=True) for each in slices])
    except ValueError:
        data = _decoded_loosely(text)
    if not data:
        raise PictureError("image_bad_payload")
    if len(data) > max_bytes:
        raise PictureError("image_too_large", billed="yes")
    return data


def data_url_bytes(url: str, max_bytes: int) -> bytes:
    """What a `data:` URL holds. Raises: PictureError."""
    head, comma, payload = url.partition(",")
    if not comma:
        raise PictureError("image_bad_payload")
    if head.lower().endswith(";base64"):
        return decoded(payload, max_bytes)
    data = _unescaped(payload)
    if len(data) > max_bytes:
        raise PictureError("image_too_large", billed="yes")
    return data


def data_url(data: bytes) -> str:
    """`data` as a URL; its type is what its first bytes say."""
    return f"data:{media_type_of(data)};base64,{base64.b64encode(data).decode()}"


def _decoded_loosely(text: str) -> bytes:
    try:
        # Bytes from here on: texts of other letters are translated one letter at a time.
        packed = text.encode("ascii").translate(_URL_SAFE, _WHITE_SPACE).rstrip(b"=")
        return base64.b64decode(packed + b"=" * (-len(packed) % 4), validate=True)
    except ValueError:
        raise PictureError("image_bad_payload") from None


def _unescaped(text: str) -> bytes:
    """What percent signs stand for; in slices, for each of them costs a hundred times its bytes meanwhile."""
    data, at = bytearray(), 0
    while at < len(text):
        end = at + _SLICE
        # The two digits stay with their sign.
        cut = text.rfind("%", end - 2, end)
        end = cut if cut > at else end
        data += unquote_to_bytes(text[at:end])
        at = end
    return bytes(data)
