"""GIF: blocks, whose data come in pieces of 255 bytes at most. Source: CompuServe, GIF89a specification."""

from __future__ import annotations

from .limits import MAX_BLOCKS, MAX_SUB_BLOCKS
from .outline import Outline, Source, refused

__all__ = ["outline", "stripped"]

_HEADER_BYTES = 13
_EXTENSION, _FRAME, _TRAILER = 0x21, 0x2C, 0x3B
_PLAIN_TEXT, _CONTROL, _APPLICATION = 0x01, 0xF9, 0xFF
_PROFILE = b"ICCRGBG1012"


def outline(source: Source) -> Outline:
    """Walk over the blocks up to the trailer, or up to a second frame. Raises: PictureError."""
    header = source.read(0, _HEADER_BYTES)
    if len(header) < _HEADER_BYTES:
        return Outline(0, 0, False, None)
    width, height = int.from_bytes(header[6:8], "little"), int.from_bytes(header[8:10], "little")
    at = _HEADER_BYTES + _table_bytes(header[10])
    frames = pieces = 0
    for _ in range(MAX_BLOCKS):
        start = source.read(at, 10)
        if not start:
            break
        if start[0] == _TRAILER:
            return Outline(width, height, False, at + 1)
        if start[0] == _EXTENSION:
            at += 2
        elif start[0] == _FRAME:
            frames += 1
            if frames > 1:
                return Outline(width, height, True, None)
            left, top, wide, tall = (int.from_bytes(start[i : i + 2], "little") for i in (1, 3, 5, 7))
            # Decoders make the screen larger where a frame does not fit into it.
            width, height = max(width, left + wide), max(height, top + tall)
            at += 11 + _table_bytes(start[9] if len(start) == 10 else 0)
        else:
            raise refused("image_decode_failed")
        behind, walked = _behind(source, at, MAX_SUB_BLOCKS - pieces)
        pieces += walked
        if behind is None:
            break
        at = behind
    else:
        raise refused("image_decode_failed")
    return Outline(width, height, False, None)


def _behind(source: Source, at: int, most: int) -> tuple[int | None, int]:
    """Where the pieces that begin at `at` end, None where they do not, and how many they are."""
    window, inside, walked = source.window(at), 0, 0
    while window:
        while inside < len(window):
            length = window[inside]
            inside += 1 + length
            walked += 1
            if length == 0:
                return at + inside, walked
            if walked > most:
                raise refused("image_decode_failed")
        at += inside
        window, inside = source.window(at), 0
    return None, walked


def _table_bytes(flags: int) -> int:
    """Of the table of colours that may follow."""
    return 3 * 2 ** ((flags & 7) + 1) if flags & 0x80 else 0


def stripped(data: bytes) -> bytes:
    """`data` without comments, texts and what programs noted, except for its colours."""
    source = Source(data)
    at = _HEADER_BYTES + _table_bytes(data[10])
    kept = [data[:at]]
    control = b""
    while data[at] != _TRAILER:
        start = at
        is_frame = data[at] == _FRAME
        at += 11 + _table_bytes(data[at + 9]) if is_frame else 2
        behind, _ = _behind(source, at, MAX_SUB_BLOCKS)
        assert behind is not None, "outline() has walked here before"
        at = behind
        block = data[start:at]
        if is_frame:
            kept += (control, block)
            control = b""
        elif block[1] == _CONTROL:
            # Of the frame or the text that comes next, and left out with the latter.
            control = block
        elif block[1] == _PLAIN_TEXT:
            control = b""
        elif block[1] == _APPLICATION and block[3:14] == _PROFILE:
            kept.append(block)
    return b"".join((*kept, data[at:]))
