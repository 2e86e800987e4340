"""JPEG: segments with a marker and a length, scans up to the marker that ends them. Source: ITU-T T.81, annex B."""

from __future__ import annotations

import re
from collections.abc import Iterator

from .exif import orientation_alone
from .limits import MAX_BLOCKS, MAX_SCANS
from .outline import Outline, Source, larger, refused

__all__ = ["outline", "stripped"]

_SIZES = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}
"""The markers that carry a size."""
_STANDALONE = frozenset({0x01, *range(0xD0, 0xD9)})
_END, _SCAN, _COMMENT = 0xD9, 0xDA, 0xFE
_AFTER_SCAN = re.compile(rb"\xff[^\x00\xd0-\xd7\xff]")
"""A marker that ends a scan: a stuffed zero, a restart and a fill byte do not."""


def outline(source: Source) -> Outline:
    """Walk over the first picture of a file. Raises: PictureError."""
    size = (0, 0)
    scans, at = 0, 2
    for _ in range(MAX_BLOCKS):
        start = source.read(at, 9)
        if len(start) < 2:
            break
        if start[0] != 0xFF:
            raise refused("image_decode_failed")
        marker = start[1]
        if marker == _END:
            return Outline(*size, False, at + 2, scans)
        if marker == 0xFF or marker in _STANDALONE:
            at += 1 if marker == 0xFF else 2
            continue
        if len(start) < 4:
            break
        if marker in _SIZES and len(start) == 9:
            size = larger(size, (int.from_bytes(start[7:9], "big"), int.from_bytes(start[5:7], "big")))
        at += 2 + int.from_bytes(start[2:4], "big")
        if marker == _SCAN:
            scans += 1
            if scans > MAX_SCANS:
                raise refused("image_decode_failed")
            found = source.search(_AFTER_SCAN, at)
            if found is None:
                break
            at = found
    else:
        raise refused("image_decode_failed")
    return Outline(*size, False, None)


def stripped(data: bytes) -> bytes:
    """`data` without what is not needed to show it; of EXIF only how it is turned."""
    kept = [data[:2]]
    turned = False
    for marker, start, end in _segments(data):
        segment = data[start:end]
        body = segment[4:]
        if marker == 0xE0 and body.startswith(b"JFIF\0"):
            # Its small copy of the picture may show more than the picture.
            kept.append(_segment(0xE0, body[:12] + b"\0\0"))
        elif marker == 0xE1 and body.startswith(b"Exif\0\0"):
            alone = b"" if turned else orientation_alone(body)
            turned = True
            if alone:
                kept.append(_segment(0xE1, b"Exif\0\0" + alone))
        elif marker in range(0xE0, 0xF0) or marker == _COMMENT:
            if _is_colour(marker, body):
                kept.append(segment)
        else:
            kept.append(segment)
    return b"".join(kept)


def _is_colour(marker: int, body: bytes) -> bool:
    """Whether an application's segment says how to understand the numbers of the pixels."""
    return (marker == 0xE2 and body.startswith(b"ICC_PROFILE\0")) or (
        marker == 0xEE and body.startswith(b"Adobe")
    )


def _segments(data: bytes) -> Iterator[tuple[int, int, int]]:
    """Marker, start and end of each; a scan goes with the segment that begins it."""
    at = 2
    while at < len(data):
        marker = data[at + 1]
        if marker == 0xFF:
            at += 1
            continue
        if marker == _END or marker in _STANDALONE:
            end = at + 2
        else:
            end = at + 2 + int.from_bytes(data[at + 2 : at + 4], "big")
        if marker == _SCAN:
            found = _AFTER_SCAN.search(data, end)
            end = found.start() if found is not None else len(data)
        yield marker, at, end
        at = end


def _segment(marker: int, body: bytes) -> bytes:
    return bytes((0xFF, marker)) + (2 + len(body)).to_bytes(2, "big") + body
