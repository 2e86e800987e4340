"""PNGs as nearly every image model writes them, judged without a decoder of pictures.

A PNG of whole samples in rows from top to bottom is chunks with checksums around one stream of zlib, which
has exactly the length that its header implies. All of that can be seen with `zlib` alone, which is given
little memory and never more to unpack than the pixels are. Only "fine" is said here: whatever is unusual or
wrong, or might be understood in two ways, is left to a decoder in a process of its own.

Source: W3C, Portable Network Graphics, third edition, sections 5, 7.2, 9 and 11.
"""

from __future__ import annotations

import hashlib
import os
import struct
import zlib
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from .inspected import Inspected
from .limits import MAX_BYTES, MAX_PIXELS
from .outline import Source

if TYPE_CHECKING:  # a worker starts sooner without what the protocol needs
    from limner.images.protocol import Content

__all__ = ["effort_bytes", "judged"]

_START = b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR"
_HEADER_BYTES = len(_START) + 13 + 4
_END = b"\0\0\0\0IEND\xae\x42\x60\x82"
_SAMPLES = {0: 1, 2: 3, 4: 2, 6: 4}
"""In a pixel, by kind of colour; palettes are not usual."""
_MAX_SIDE = 16_384
_MAX_PIXEL_BYTES = 72 << 20
"""Four bytes for each of 4096 x 4096 pixels: more takes long enough to be ended in the middle."""
_SLICE_BYTES = 64 << 10
_PIXELS_BYTES = 64 << 10
"""As many are held at a time."""
_FILTERS = b"\0\1\2\3\4"

_EXACT = {b"gAMA": 4, b"cHRM": 32, b"sRGB": 1, b"pHYs": 9}
"""Short chunks that decoders read, and how long they are."""
_UNREAD = frozenset((b"sBIT", b"bKGD", b"tIME", b"cICP", b"eXIf", b"caBX", b"tEXt", b"iTXt"))
"""Chunks whose content cannot stop a decoder; of iTXt those that are not compressed."""
_ANYWHERE = frozenset((b"tIME", b"eXIf", b"caBX", b"tEXt", b"iTXt"))
"""Chunks that may stand behind the pixels."""
_FREE_CHUNKS = 64
_CHUNK_BYTES = 1 << 10
"""Of an average chunk at least, beside the free ones: more chunks are made to keep us busy."""


_Place = Literal["start", "head", "pixels", "tail"]


class _Unsure(Exception):
    """Not as usual: somebody else has to look at it."""


@dataclass(frozen=True, slots=True)
class _Header:
    width: int
    height: int
    row_bytes: int
    """With the byte that says how the row is filtered."""

    @property
    def pixel_bytes(self) -> int:
        return self.row_bytes * self.height


def effort_bytes(data: bytes) -> int:
    """How much `judged` goes through; 0 where it sees at once that it has nothing to say."""
    header = _header(data[:_HEADER_BYTES])
    # To unpack a byte takes half as long as to unpack, check and hash one that is packed.
    return max(len(data), header.pixel_bytes // 2) if header is not None else 0


def judged(content: Content) -> Inspected | None:
    """What `inspect` would say of a picture that is fine; None where that has to be asked.

    A file loses what follows its end. Blocks; takes about as long as to hash the picture and its pixels.
    """
    try:
        with Source(content) as source:
            header = _header(source.read(0, _HEADER_BYTES))
            if header is None or source.size > MAX_BYTES:
                return None
            digest, end = _walked(source, header)
            tail = end < source.size
        if isinstance(content, Path):
            if tail:
                os.truncate(content, end)
        elif tail:
            content = content[:end]
    except (_Unsure, OSError, zlib.error):
        return None
    return Inspected("png", header.width, header.height, end, digest, content)


def _header(start: bytes) -> _Header | None:
    if len(start) < _HEADER_BYTES or not start.startswith(_START):
        return None
    width, height, depth, colour, packing, filtering, interlacing = struct.unpack_from(">IIBBBBB", start, 16)
    usual = depth in (8, 16) and colour in _SAMPLES and packing == filtering == interlacing == 0
    if not usual or not (0 < width <= _MAX_SIDE and 0 < height <= _MAX_SIDE and width * height <= MAX_PIXELS):
        return None
    header = _Header(width, height, 1 + width * _SAMPLES[colour] * (depth // 8))
    return header if header.pixel_bytes <= _MAX_PIXEL_BYTES else None


def _walked(source: Source, header: _Header) -> tuple[str, int]:
    """The hash of the picture, and where it ends. Raises: _Unsure, OSError, zlib.error."""
    digest = hashlib.sha256(_START[:8])
    pixels = _Pixels(header)
    at = 8
    place: _Place = "start"
    for _ in range(_FREE_CHUNKS + source.size // _CHUNK_BYTES):
        start = source.read(at, 12)
        if start == _END:
            if not pixels.whole:
                raise _Unsure
            digest.update(start)
            return digest.hexdigest(), at + 12
        length, kind = int.from_bytes(start[:4], "big"), start[4:8]
        if at + 12 + length > source.size:
            raise _Unsure
        place = _place(kind, length, place)
        digest.update(start[:8])
        check = zlib.crc32(kind)
        at += 8
        for began in range(at, at + length, _SLICE_BYTES):
            piece = source.read(began, min(_SLICE_BYTES, at + length - began))
            check = zlib.crc32(piece, check)
            digest.update(piece)
            if kind == b"IDAT":
                pixels.take(piece)
            elif kind == b"iTXt" and began == at and not _is_plain(piece):
                raise _Unsure
        at += length
        seal = source.read(at, 4)
        digest.update(seal)
        if seal != check.to_bytes(4, "big"):
            raise _Unsure
        at += 4
    raise _Unsure


def _place(kind: bytes, length: int, before: _Place) -> _Place:
    """Which part of the picture a chunk stands in, by that of the one before. Raises: _Unsure."""
    if before == "start" and kind == b"IHDR":
        return "head"
    if before in ("head", "pixels") and kind == b"IDAT":
        return "pixels"
    if before == "head" and (kind in _UNREAD or _EXACT.get(kind) == length):
        return "head"
    if before in ("pixels", "tail") and kind in _ANYWHERE:
        return "tail"
    raise _Unsure


def _is_plain(text: bytes) -> bool:
    """Whether the text in an iTXt chunk is not compressed: two zeros behind the end of its keyword."""
    return text.partition(b"\0")[2].startswith(b"\0\0")


class _Pixels:
    """The stream of pixels, unpacked and looked at, but not kept."""

    def __init__(self, header: _Header) -> None:
        self._unpacker = zlib.decompressobj()
        self._row_bytes = header.row_bytes
        self._expected = header.pixel_bytes
        self._came = 0

    @property
    def whole(self) -> bool:
        return self._unpacker.eof and self._came == self._expected

    def take(self, packed: bytes) -> None:
        """Raises: _Unsure, zlib.error."""
        unpacker = self._unpacker
        while packed:
            if unpacker.eof:
                raise _Unsure
            # One byte where none should come: zlib takes 0 for "as many as there are".
            room = min(_PIXELS_BYTES, self._expected - self._came) or 1
            rows = unpacker.decompress(packed, room)
            first = -self._came % self._row_bytes
            self._came += len(rows)
            unknown = rows[first :: self._row_bytes].translate(None, _FILTERS)
            if unknown or self._came > self._expected or unpacker.unused_data:
                raise _Unsure
            packed = unpacker.unconsumed_tail
