"""Tiny real pictures for tests: each differs from the next by its colour."""

from __future__ import annotations

import io
import struct
import zlib

from PIL import Image

__all__ = ["avif", "bitmap", "gif", "jpeg", "png", "png_chunk", "png_claiming", "scanned", "webp"]

_SIGNATURE = b"\x89PNG\r\n\x1a\n"
Colour = tuple[int, int, int]


def bitmap(width: int = 8, height: int = 6, colour: Colour = (200, 80, 40)) -> Image.Image:
    """A picture in memory, one half lighter than the other."""
    image = Image.new("RGB", (width, height), colour)
    image.paste(tuple(min(255, value + 40) for value in colour), (0, 0, max(1, width // 2), height))
    return image


def jpeg(width: int = 8, height: int = 6, colour: Colour = (200, 80, 40), comment: bytes = b"") -> bytes:
    return _saved(bitmap(width, height, colour), "JPEG", **({"comment": comment} if comment else {}))


def scanned(width: int, height: int, more: int) -> bytes:
    """A progressive grey JPEG of six scans, the last of which comes `more` times again."""
    whole = _saved(Image.new("L", (width, height), 128), "JPEG", progressive=True)
    last = whole[whole.rindex(b"\xff\xda") : -2]
    return whole[:-2] + last * more + whole[-2:]


def webp(width: int = 8, height: int = 6, colour: Colour = (200, 80, 40)) -> bytes:
    return _saved(bitmap(width, height, colour), "WEBP", lossless=True)


def gif(width: int = 8, height: int = 6, colour: Colour = (200, 80, 40), comment: bytes = b"") -> bytes:
    return _saved(bitmap(width, height, colour), "GIF", **({"comment": comment} if comment else {}))


def avif(width: int = 8, height: int = 6, colour: Colour = (200, 80, 40), **notes: object) -> bytes:
    """`notes`: `exif`, `xmp` or `icc_profile`, as Pillow takes them."""
    return _saved(bitmap(width, height, colour), "AVIF", speed=10, **notes)


def png(width: int = 8, height: int = 6, colour: Colour = (200, 80, 40), extra: bytes = b"") -> bytes:
    """A PNG made by hand; `extra` stands between its header and its pixels (chunks of `png_chunk`)."""
    light = bytes(min(255, value + 40) for value in colour)
    half = max(1, width // 2)
    rows = (b"\x00" + light * half + bytes(colour) * (width - half)) * height
    return b"".join(
        (
            _SIGNATURE,
            png_chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)),
            extra,
            png_chunk(b"IDAT", zlib.compress(rows)),
            png_chunk(b"IEND", b""),
        )
    )


def png_chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def png_claiming(width: int, height: int) -> bytes:
    """A PNG whose header claims a size that its few bytes of pixels do not have."""
    return b"".join(
        (
            _SIGNATURE,
            png_chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)),
            png_chunk(b"IDAT", zlib.compress(b"\x00" * 64)),
            png_chunk(b"IEND", b""),
        )
    )


def _saved(image: Image.Image, format: str, **options: object) -> bytes:
    target = io.BytesIO()
    image.save(target, format, **options)
    return target.getvalue()
