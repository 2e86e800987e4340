"""WebP: RIFF chunks with a kind and a length, padded to even. Source: RFC 9649."""

from __future__ import annotations

import struct
from collections.abc import Iterator

from .exif import orientation_alone
from .limits import MAX_BLOCKS
from .outline import Outline, Source, larger, refused

__all__ = ["outline", "stripped"]

_HEADER_BYTES = 12
_SHOWN = frozenset((b"VP8X", b"VP8 ", b"VP8L", b"ALPH", b"ICCP"))
_ANIMATED, _XMP, _EXIF = 0x02, 0x04, 0x08
"""Flags of VP8X."""


def outline(source: Source) -> Outline:
    """Walk over the chunks as far as the header says the picture goes. Raises: PictureError."""
    end = 8 + int.from_bytes(source.read(4, 4), "little")
    size = (0, 0)
    at = _HEADER_BYTES
    for _ in range(MAX_BLOCKS):
        if at + 8 > min(end, source.size):
            return Outline(*size, False, end if end <= source.size else None)
        start = source.read(at, 18)
        kind = start[:4]
        if kind in (b"ANIM", b"ANMF") or (kind == b"VP8X" and start[8:9] and start[8] & _ANIMATED):
            return Outline(*size, True, None)
        size = larger(size, _size(kind, start[8:]))
        length = int.from_bytes(start[4:8], "little")
        at += 8 + length + length % 2
    raise refused("image_decode_failed")


def _size(kind: bytes, body: bytes) -> tuple[int, int]:
    """What a chunk says of the picture's size, by its first ten bytes."""
    if kind == b"VP8X" and len(body) >= 10:
        return int.from_bytes(body[4:7], "little") + 1, int.from_bytes(body[7:10], "little") + 1
    if kind == b"VP8 " and len(body) >= 10:
        width, height = struct.unpack_from("<HH", body, 6)
        return width & 0x3FFF, height & 0x3FFF
    if kind == b"VP8L" and len(body) >= 5:
        packed = int.from_bytes(body[1:5], "little")
        return (packed & 0x3FFF) + 1, (packed >> 14 & 0x3FFF) + 1
    return 0, 0


def stripped(data: bytes) -> bytes:
    """`data` without what is not needed to show it; of EXIF only how it is turned."""
    kept: list[bytes] = []
    turned = b""
    for kind, body in _chunks(data):
        if kind in _SHOWN:
            kept.append(_chunk(kind, body))
        elif kind == b"EXIF" and not turned:
            turned = orientation_alone(body)
    if kept and kept[0].startswith(b"VP8X") and len(kept[0]) > 8:
        flags = kept[0][8] & ~(_XMP | _EXIF) | (_EXIF if turned else 0)
        kept[0] = kept[0][:8] + bytes((flags,)) + kept[0][9:]
        if turned:
            kept.append(_chunk(b"EXIF", turned))
    body = b"WEBP" + b"".join(kept)
    return b"RIFF" + len(body).to_bytes(4, "little") + body


def _chunks(data: bytes) -> Iterator[tuple[bytes, bytes]]:
    at = _HEADER_BYTES
    while at + 8 <= len(data):
        length = int.from_bytes(data[at + 4 : at + 8], "little")
        yield data[at : at + 4], data[at + 8 : at + 8 + length]
        at += 8 + length + length % 2


def _chunk(kind: bytes, body: bytes) -> bytes:
    return kind + len(body).to_bytes(4, "little") + body + b"\0" * (len(body) % 2)
