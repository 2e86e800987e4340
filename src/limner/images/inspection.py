"""Whether bytes are a picture that can be trusted: asked before anything else reads them.

The magic bytes decide what it is, whatever a header claims; pixels are counted from the
picture's own header before anything is decoded; everything after the end marker is cut, and
everything before it stays as it was sent, so that provenance (C2PA, XMP) survives.
"""

from __future__ import annotations

import io
import struct
import warnings
from dataclasses import dataclass, field
from typing import Literal

from limner.errors import PictureError

__all__ = ["MAX_BYTES", "MAX_PIXELS", "Inspected", "inspect"]

MAX_BYTES = 25 * 1024 * 1024
MAX_PIXELS = 40_000_000
"""Source: scorecard I12; Pillow's own limit lets a picture of 676 MiB pass."""

Format = Literal["png", "jpeg", "webp"]


@dataclass(frozen=True, slots=True)
class Inspected:
    """A picture that decodes."""

    format: Format
    width: int
    height: int
    data: bytes = field(repr=False)
    """The bytes up to the end marker."""


def inspect(data: bytes) -> Inspected:
    """Check `data` from the cheapest question to the dearest; takes tens of milliseconds of CPU.

    Raises: PictureError (`image_bad_payload`, `image_too_large`, `image_type_not_allowed`,
    `image_too_many_pixels`, `image_truncated`, `image_decode_failed`).
    """
    if not data:
        raise PictureError("image_bad_payload", billed="yes")
    if len(data) > MAX_BYTES:
        raise PictureError("image_too_large", billed="yes")
    kind = _format(data)
    end = _END[kind](data)
    if end is None:
        raise PictureError("image_truncated", billed="yes")
    whole = data[:end]
    width, height = _decode(whole, kind)
    return Inspected(kind, width, height, whole)


def _format(data: bytes) -> Format:
    if data.startswith(b"\x89PNG\r\n\x1a\n"):
        return "png"
    if data.startswith(b"\xff\xd8\xff"):
        return "jpeg"
    if data.startswith(b"RIFF") and data[8:12] == b"WEBP":
        return "webp"
    raise PictureError("image_type_not_allowed", billed="yes")


def _decode(data: bytes, kind: Format) -> tuple[int, int]:
    # Pillow takes 50 ms to import; `import limner` does not need it.
    from PIL import Image

    try:
        with warnings.catch_warnings():
            # Our own limit is lower than the one that Pillow warns of.
            warnings.simplefilter("ignore", Image.DecompressionBombWarning)
            with Image.open(io.BytesIO(data), formats=(kind.upper(),)) as picture:
                width, height = picture.size
                if width * height > MAX_PIXELS:
                    raise PictureError("image_too_many_pixels", billed="yes")
                if getattr(picture, "n_frames", 1) > 1:
                    raise PictureError("image_type_not_allowed", billed="yes")
                # verify() misses a JPEG that is cut in half, load() a PNG without its last bytes.
                picture.verify()
            with Image.open(io.BytesIO(data), formats=(kind.upper(),)) as picture:
                picture.load()
    except PictureError:
        raise
    except Image.DecompressionBombError as error:
        raise PictureError("image_too_many_pixels", billed="yes") from error
    except OSError as error:
        code = "image_truncated" if "truncated" in str(error) else "image_decode_failed"
        raise PictureError(code, billed="yes", detail=str(error)) from error
    except Exception as error:
        # Decoders raise anything at bytes made to break them.
        raise PictureError("image_decode_failed", billed="yes", detail=repr(error)) from error
    return width, height


def _png_end(data: bytes) -> int | None:
    at = 8
    while at + 12 <= len(data):
        (length,) = struct.unpack_from(">I", data, at)
        kind = data[at + 4 : at + 8]
        at += 12 + length
        if kind == b"IEND":
            return at if at <= len(data) else None
    return None


def _webp_end(data: bytes) -> int | None:
    end = 8 + int.from_bytes(data[4:8], "little")
    return end if end <= len(data) else None


def _jpeg_end(data: bytes) -> int | None:
    """The end of the first picture: segments by their lengths, entropy-coded data by its markers."""
    at = 2
    while at + 4 <= len(data):
        if data[at] != 0xFF:
            return None
        marker = data[at + 1]
        if marker == 0xFF:
            at += 1
        elif marker == 0xD9:
            return at + 2
        elif 0xD0 <= marker <= 0xD8 or marker == 0x01:
            at += 2
        else:
            at += 2 + int.from_bytes(data[at + 2 : at + 4], "big")
            if marker == 0xDA:
                at = _after_scan(data, at)
    return at + 2 if data[at : at + 2] == b"\xff\xd9" else None


def _after_scan(data: bytes, at: int) -> int:
    while True:
        at = data.find(b"\xff", at)
        if at < 0 or at + 1 >= len(data):
            return len(data)
        # A stuffed zero and the restart markers belong to the scan.
        if data[at + 1] == 0 or 0xD0 <= data[at + 1] <= 0xD7:
            at += 2
        else:
            return at


_END = {"png": _png_end, "jpeg": _jpeg_end, "webp": _webp_end}
