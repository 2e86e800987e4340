"""AVIF: boxes, of which one describes the picture and others hold its parts. Source: AV1 Image File Format 1.2."""

from __future__ import annotations

from collections.abc import Iterator

from .av1 import coded_size
from .boxes import Box, Meta, boxes, read_meta
from .limits import MAX_BLOCKS
from .outline import Outline, Source, larger, refused

__all__ = ["outline", "stripped"]

_MAX_META_BYTES = 4 * 1024 * 1024
_HEADER_BYTES = 512
"""Of an item: its headers are its first bytes."""
_TOP = frozenset((b"ftyp", b"meta", b"mdat", b"free", b"skip", b"uuid"))
"""The boxes that a still picture is made of. What follows as anything else is none of it."""
_NOTES = frozenset((b"Exif", b"mime", b"uri "))
"""The items that are not drawn."""
_NO_EXIF = b"\0\0\0\0II*\0\x08\0\0\0\0\0\0\0\0\0"
"""EXIF that says nothing. How an AVIF is turned stands in boxes of its own."""


def outline(source: Source) -> Outline:
    """Walk over the outermost boxes and read the one that describes the picture. Raises: PictureError."""
    size, meta, at, least = (0, 0), Meta(), 0, 0
    seen: set[bytes] = set()
    for box in _outermost(source):
        complete = {b"meta", b"mdat"} <= seen
        if complete and box.kind not in _TOP:
            break
        if box.kind == b"moov" or (box.kind == b"ftyp" and _is_sequence(source, box)):
            return Outline(*size, True, None)
        if box.end > source.size:
            return Outline(*size, False, None)
        if box.kind == b"meta":
            if b"meta" in seen or box.end - box.body > _MAX_META_BYTES:
                raise refused("image_decode_failed")
            meta = read_meta(source.read(box.body, box.end - box.body))
            for each in (*meta.sizes, *_coded_sizes(source, meta, box)):
                size = larger(size, each)
        seen.add(box.kind)
        at = box.end
        # A box may go on to the end of the file, whatever stands there.
        open_ended = source.read(box.start, 4) == b"\0\0\0\0"
        least = box.body if open_ended and box.kind == b"mdat" else at
    reach = _reach(meta)
    end = max(least, reach) if b"meta" in seen and reach <= at else None
    # A grid may be smaller than its parts together.
    return Outline(*size, False, end, exact=False)


def _coded_sizes(source: Source, meta: Meta, box: Box) -> Iterator[tuple[int, int]]:
    """What a decoder would decode: it makes it fit to what the boxes say only afterwards."""
    for item, kind in meta.types.items():
        if kind == b"av01":
            start = b""
            for at, length in _places(meta, item, box):
                start += source.read(at, min(length, _HEADER_BYTES - len(start)))
                if len(start) == _HEADER_BYTES:
                    break
            yield coded_size(start)


def _outermost(source: Source) -> Iterator[Box]:
    at = 0
    for _ in range(MAX_BLOCKS):
        start = source.read(at, 16)
        if len(start) < 8:
            return
        length, body = int.from_bytes(start[:4], "big"), at + 8
        if length == 1:
            length, body = int.from_bytes(start[8:], "big"), at + 16
        end = source.size if length == 0 else at + length
        if end < body:
            return
        yield Box(start[4:8], at, body, end)
        at = end
    raise refused("image_decode_failed")


def _is_sequence(source: Source, box: Box) -> bool:
    names = source.read(box.body, min(box.end - box.body, 1024))
    # The second four bytes are a version.
    return b"avis" in {names[:4], *(names[at : at + 4] for at in range(8, len(names), 4))}


def _reach(meta: Meta) -> int:
    """Where the last part of any item ends."""
    return max(
        (each.offset + each.length for parts in meta.extents.values() for each in parts if each.method == 0),
        default=0,
    )


def stripped(data: bytes) -> bytes:
    """`data` with what is not drawn written over, in place: other boxes say by number where each part lies.

    Raises: PictureError where parts lie in a way that is not understood.
    """
    left = bytearray(data)
    notes: list[tuple[bytes, list[tuple[int, int]]]] = []
    for box in boxes(data, 0, len(data)):
        if box.kind == b"uuid":
            left[box.start + 4 : box.start + 8] = b"free"
        if box.kind in (b"uuid", b"free", b"skip"):
            left[box.body : box.end] = bytes(box.end - box.body)
        if box.kind != b"meta":
            continue
        meta = read_meta(data[box.body : box.end])
        notes += [(kind, [*_places(meta, item, box)]) for item, kind in meta.types.items() if kind in _NOTES]
    if sum(length for _, places in notes for _, length in places) > len(data):
        # Parts that lie on each other could be written over for hours.
        raise refused("image_decode_failed")
    for kind, places in notes:
        _blank(left, kind, places)
    return bytes(left)


def _places(meta: Meta, item: int, box: Box) -> Iterator[tuple[int, int]]:
    """Where the parts of an item lie in the file, and how long each is."""
    for part in meta.extents.get(item, ()):
        if part.method > 1 or part.length == 0:
            raise refused("image_decode_failed")
        yield (part.offset if part.method == 0 else box.body + meta.small_items + part.offset), part.length


def _blank(left: bytearray, kind: bytes, places: list[tuple[int, int]]) -> None:
    whole = sum(length for _, length in places)
    # Spaces are no XML, but no reader stumbles over them.
    blank = _NO_EXIF.ljust(whole, b"\0")[:whole] if kind == b"Exif" else b" " * whole
    done = 0
    for at, length in places:
        if at + length > len(left):
            raise refused("image_decode_failed")
        left[at : at + length] = blank[done : done + length]
        done += length
