"""PNG: chunks with a length, a kind and a checksum. Source: W3C, Portable Network Graphics, third edition."""

from __future__ import annotations

import re
import struct
import zlib
from collections.abc import Iterator

from .exif import orientation_alone
from .limits import MAX_BLOCKS
from .outline import Outline, Source, larger, refused

__all__ = ["intact", "outline", "stripped"]

_SIGNATURE_BYTES = 8
_KIND = re.compile(rb"\w{4}")
_SHOWN = frozenset(
    (
        b"tRNS",
        b"cHRM",
        b"gAMA",
        b"iCCP",
        b"sBIT",
        b"sRGB",
        b"cICP",
        b"mDCV",
        b"cLLI",
        b"bKGD",
        b"pHYs",
        b"hIST",
        b"sPLT",
    )
)
"""Of the chunks that a decoder may leave out: those that say how the pixels look."""


def outline(source: Source) -> Outline:
    """Walk over the chunks up to IEND. Raises: PictureError."""
    size = (0, 0)
    at = _SIGNATURE_BYTES
    for _ in range(MAX_BLOCKS):
        start = source.read(at, 16)
        if at + 12 > source.size:
            return Outline(*size, False, None)
        length = int.from_bytes(start[:4], "big")
        kind = start[4:8]
        if kind == b"IHDR" and len(start) == 16:
            # The largest counts: a decoder may believe any of them.
            size = larger(size, struct.unpack_from(">II", start, 8))
        if kind == b"acTL":
            return Outline(*size, True, None)
        at += 12 + length
        if kind == b"IEND":
            return Outline(*size, False, at if at <= source.size else None)
    raise refused("image_decode_failed")


def intact(data: bytes) -> bool:
    """Whether the checksum of every chunk before the end is right; decoders let some of them pass."""
    view = memoryview(data)
    for kind, start, end in _chunks(data):
        if kind == b"IEND":
            return True
        if not _KIND.match(kind) or zlib.crc32(view[start + 4 : end - 4]) != _number(view[end - 4 : end]):
            return False
    return False


def stripped(data: bytes) -> bytes:
    """`data` without what is not needed to show it; of EXIF only how it is turned."""
    kept = [data[:_SIGNATURE_BYTES]]
    for kind, start, end in _chunks(data):
        # A small fifth bit of the kind says that a decoder may leave the chunk out.
        if not kind[0] & 0x20 or kind in _SHOWN:
            kept.append(data[start:end])
        elif kind == b"eXIf":
            turned = orientation_alone(data[start + 8 : end - 4])
            if turned:
                kept.append(_chunk(b"eXIf", turned))
    return b"".join(kept)


def _chunks(data: bytes) -> Iterator[tuple[bytes, int, int]]:
    at = _SIGNATURE_BYTES
    while at < len(data):
        end = at + 12 + int.from_bytes(data[at : at + 4], "big")
        yield data[at + 4 : at + 8], at, end
        at = end


def _number(four: memoryview) -> int:
    return int.from_bytes(four, "big")


def _chunk(kind: bytes, body: bytes) -> bytes:
    return len(body).to_bytes(4, "big") + kind + body + zlib.crc32(kind + body).to_bytes(4, "big")
