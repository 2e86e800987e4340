"""Whether bytes are a picture that can be trusted: asked before anything else reads them.

The magic bytes decide what it is, whatever a header claims; pixels are counted from the
picture's own header before anything is decoded; everything after the end marker is cut, and
everything before it stays as it was sent, so that provenance (C2PA, XMP) survives.
"""

from __future__ import annotations

import hashlib
import io
import re
import struct
from dataclasses import dataclass, field
from typing import Literal

from limner.errors import PictureError
from limner.images.protocol import Content

__all__ = ["MAX_BYTES", "MAX_PIXELS", "Inspected", "inspect", "is_whole"]

MAX_BYTES = 25 * 1024 * 1024
MAX_PIXELS = 40_000_000
"""Source: scorecard I12; Pillow's own limit lets a picture of 676 MiB pass."""

_MAX_BLOCKS = 50_000
"""Chunks or segments of one picture: more are made to keep us busy."""
_MAX_SCANS = 100
"""Of one JPEG: encoders write about ten, and few bytes are enough for thousands."""
_MAX_SCANNED_PIXELS = 20 * MAX_PIXELS
"""Each scan goes over all pixels once more; these many take about a second of CPU."""

Format = Literal["png", "jpeg", "webp"]


@dataclass(frozen=True, slots=True)
class Inspected:
    """A picture that decodes."""

    format: Format
    width: int
    height: int
    size_bytes: int
    sha256: str
    """In lower-case hexadecimal."""
    content: Content = field(repr=False)
    """What is left: nothing after the end marker."""


@dataclass(frozen=True, slots=True)
class _Outline:
    """What the structure says, without decoding."""

    width: int
    height: int
    animated: bool
    end: int | None
    """Where the picture's own end marker stops; None where it is missing."""
    scans: int = 1
    """How often a decoder goes over all pixels."""


def inspect(data: bytes) -> Inspected:
    """Check `data` from the cheapest question to the dearest; takes milliseconds of CPU, at most about a second.

    Raises: PictureError (`image_bad_payload`, `image_too_large`, `image_type_not_allowed`,
    `image_too_many_pixels`, `image_truncated`, `image_decode_failed`).
    """
    if not data:
        raise _refused("image_bad_payload")
    if len(data) > MAX_BYTES:
        raise _refused("image_too_large")
    kind = _kind(data)
    if kind is None:
        raise _refused("image_type_not_allowed")
    outline = _OUTLINES[kind](data)
    if outline.width * outline.height > MAX_PIXELS:
        raise _refused("image_too_many_pixels")
    if outline.animated:
        raise _refused("image_type_not_allowed")
    if outline.end is None:
        raise _refused("image_truncated")
    if outline.scans * outline.width * outline.height > _MAX_SCANNED_PIXELS:
        raise _refused("image_decode_failed")
    whole = data[: outline.end]
    _decode(whole, kind, (outline.width, outline.height))
    digest = hashlib.sha256(whole).hexdigest()
    return Inspected(kind, outline.width, outline.height, len(whole), digest, whole)


def is_whole(data: bytes) -> bool:
    """Whether a picture has its end marker; True for what is no picture, as nothing is missing there."""
    kind = _kind(data)
    try:
        return kind is None or _OUTLINES[kind](data).end is not None
    except PictureError:
        return True


def _refused(code: str, error: Exception | None = None) -> PictureError:
    # Whatever the bytes are, the provider has sent and counted them.
    return PictureError(code, billed="yes", detail="" if error is None else repr(error))


def _kind(data: bytes) -> Format | None:
    if data.startswith(b"\x89PNG\r\n\x1a\n"):
        return "png"
    if data.startswith(b"\xff\xd8\xff"):
        return "jpeg"
    if data.startswith(b"RIFF") and data[8:12] == b"WEBP":
        return "webp"
    return None


def _decode(data: bytes, kind: Format, size: tuple[int, int]) -> None:
    # Pillow takes 50 ms to import; `import limner` does not need it.
    from PIL import Image

    formats = (kind.upper(),)
    try:
        with Image.open(io.BytesIO(data), formats=formats) as picture:
            claimed = picture.size
            # verify() misses a JPEG that is cut in half, load() a PNG without its last bytes.
            picture.verify()
        if claimed != size:
            raise _refused("image_decode_failed")
        with Image.open(io.BytesIO(data), formats=formats) as picture:
            picture.load()
    except PictureError:
        raise
    except OSError as error:
        code = "image_truncated" if "truncated" in str(error) else "image_decode_failed"
        raise _refused(code, error) from error
    except Exception as error:
        # Strategy: decoders raise anything at bytes that were made to break them.
        raise _refused("image_decode_failed", error) from error


def _png(data: bytes) -> _Outline:
    width = height = 0
    animated, at = False, 8
    for _ in range(_MAX_BLOCKS):
        if at + 12 > len(data):
            return _Outline(width, height, animated, None)
        (length,) = struct.unpack_from(">I", data, at)
        kind = data[at + 4 : at + 8]
        if kind == b"IHDR" and at + 16 <= len(data):
            # The largest counts: a decoder may believe any of them.
            claimed = struct.unpack_from(">II", data, at + 8)
            width, height = max((width, height), claimed, key=lambda size: size[0] * size[1])
        animated = animated or kind == b"acTL"
        at += 12 + length
        if kind == b"IEND":
            return _Outline(width, height, animated, at if at <= len(data) else None)
    raise _refused("image_decode_failed")


def _webp(data: bytes) -> _Outline:
    width = height = 0
    animated = False
    kind = data[12:16]
    if len(data) >= 30 and kind == b"VP8X":
        animated = bool(data[20] & 0x02)
        width = int.from_bytes(data[24:27], "little") + 1
        height = int.from_bytes(data[27:30], "little") + 1
    elif len(data) >= 30 and kind == b"VP8 ":
        width, height = (side & 0x3FFF for side in struct.unpack_from("<HH", data, 26))
    elif len(data) >= 30 and kind == b"VP8L":
        packed = int.from_bytes(data[21:25], "little")
        width, height = (packed & 0x3FFF) + 1, (packed >> 14 & 0x3FFF) + 1
    end = 8 + int.from_bytes(data[4:8], "little")
    return _Outline(width, height, animated, end if end <= len(data) else None)


_SIZES = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}
"""The markers of a JPEG that carry its size."""
_STANDALONE = frozenset({0x01, *range(0xD0, 0xD9)})
_AFTER_SCAN = re.compile(rb"\xff[^\x00\xd0-\xd7\xff]")
"""A marker that ends a scan: a stuffed zero, a restart and a fill byte do not."""


def _jpeg(data: bytes) -> _Outline:
    """The first picture of a file: segments by their lengths, scans by the marker that ends them."""
    width = height = scans = 0
    at = 2
    for _ in range(_MAX_BLOCKS):
        if at + 2 > len(data):
            break
        if data[at] != 0xFF:
            raise _refused("image_decode_failed")
        marker = data[at + 1]
        if marker == 0xD9:
            return _Outline(width, height, False, at + 2, scans)
        if marker == 0xFF or marker in _STANDALONE:
            at += 1 if marker == 0xFF else 2
            continue
        if at + 4 > len(data):
            break
        if marker in _SIZES and at + 9 <= len(data):
            tall, wide = struct.unpack_from(">HH", data, at + 5)
            width, height = max((width, height), (wide, tall), key=lambda size: size[0] * size[1])
        at += 2 + int.from_bytes(data[at + 2 : at + 4], "big")
        if marker == 0xDA:
            scans += 1
            if scans > _MAX_SCANS:
                raise _refused("image_decode_failed")
            found = _AFTER_SCAN.search(data, at)
            if found is None:
                break
            at = found.start()
    else:
        raise _refused("image_decode_failed")
    return _Outline(width, height, False, None)


_OUTLINES = {"png": _png, "jpeg": _jpeg, "webp": _webp}
