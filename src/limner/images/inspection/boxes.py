"""The boxes of AVIF: what they say of sizes, and where the items of a picture lie.

Source: ISO/IEC 14496-12 (boxes, `iloc`, `iinf`), 23008-12 (`ispe`).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from .limits import MAX_BLOCKS
from .outline import refused

__all__ = ["Box", "Extent", "Meta", "boxes", "read_meta"]


@dataclass(frozen=True, slots=True)
class Box:
    """One box: where it starts, where its contents do, where both end."""

    kind: bytes
    start: int
    body: int
    end: int


@dataclass(frozen=True, slots=True)
class Extent:
    """A part of an item: in the file (0), or in the box of small items (1); others are not read."""

    method: int
    offset: int
    length: int


@dataclass(slots=True)
class Meta:
    """What the box of all descriptions says."""

    sizes: list[tuple[int, int]] = field(default_factory=list)
    types: dict[int, bytes] = field(default_factory=dict)
    extents: dict[int, list[Extent]] = field(default_factory=dict)
    small_items: int = 0
    """Where the contents of the box of small items begin, from the beginning of the contents that were read."""


def boxes(data: bytes, start: int, end: int) -> Iterator[Box]:
    """The boxes between two places; one that reaches beyond them ends the walk."""
    for _ in range(MAX_BLOCKS):
        if start + 8 > end:
            return
        length, body = int.from_bytes(data[start : start + 4], "big"), start + 8
        if length == 1:
            length, body = int.from_bytes(data[start + 8 : start + 16], "big"), start + 16
        stop = end if length == 0 else start + length
        if not body <= stop <= end:
            return
        yield Box(data[start + 4 : start + 8], start, body, stop)
        start = stop
    raise refused("image_decode_failed")


def read_meta(data: bytes) -> Meta:
    """The contents of a `meta` box. Raises: PictureError where they make no sense."""
    meta = Meta()
    for box in boxes(data, 4, len(data)):
        body = data[box.body : box.end]
        if box.kind == b"iprp":
            for properties in boxes(data, box.body, box.end):
                if properties.kind == b"ipco":
                    meta.sizes += _sizes(data, properties)
                if len(meta.sizes) > MAX_BLOCKS:
                    raise refused("image_decode_failed")
        elif box.kind == b"iinf":
            _read_types(body, meta.types)
        elif box.kind == b"iloc":
            _read_extents(_Reader(body), meta.extents)
        elif box.kind == b"idat":
            meta.small_items = box.body
    return meta


def _sizes(data: bytes, properties: Box) -> Iterator[tuple[int, int]]:
    for box in boxes(data, properties.body, properties.end):
        if box.kind == b"ispe" and box.end - box.body >= 12:
            sides = data[box.body + 4 : box.body + 12]
            yield int.from_bytes(sides[:4], "big"), int.from_bytes(sides[4:], "big")


def _read_types(body: bytes, types: dict[int, bytes]) -> None:
    for box in boxes(body, 6 if body[:1] == b"\0" else 8, len(body)):
        if box.kind != b"infe" or box.end - box.body < 12:
            continue
        width = 2 if body[box.body] < 3 else 4
        at = box.body + 4
        types[int.from_bytes(body[at : at + width], "big")] = body[at + width + 2 : at + width + 6]


class _Reader:
    """Numbers of varying width, one after the other."""

    def __init__(self, data: bytes) -> None:
        self._data = data
        self._at = 0

    def number(self, width: int) -> int:
        """Raises: PictureError where there are no more bytes."""
        if self._at + width > len(self._data):
            raise refused("image_decode_failed")
        self._at += width
        return int.from_bytes(self._data[self._at - width : self._at], "big")


def _read_extents(reader: _Reader, extents: dict[int, list[Extent]]) -> None:
    version = reader.number(4) >> 24
    widths = reader.number(2)
    offset_width, length_width, base_width, index_width = (widths >> shift & 15 for shift in (12, 8, 4, 0))
    left = MAX_BLOCKS
    for _ in range(reader.number(2 if version < 2 else 4)):
        item = reader.number(2 if version < 2 else 4)
        method = reader.number(2) & 15 if version else 0
        elsewhere = reader.number(2)
        base = reader.number(base_width)
        count = reader.number(2)
        left -= 1 + count
        if left < 0 or elsewhere:
            # Pictures that point to other files are none that anybody sent us.
            raise refused("image_decode_failed")
        for _ in range(count):
            if version:
                reader.number(index_width)
            place = base + reader.number(offset_width), reader.number(length_width)
            extents.setdefault(item, []).append(Extent(method, *place))
