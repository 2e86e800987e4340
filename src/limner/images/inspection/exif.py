"""The one thing in EXIF that changes how a picture looks: how it is turned."""

from __future__ import annotations

import struct
from typing import Literal

__all__ = ["orientation_alone"]

_PREFIX = b"Exif\0\0"
_ORIENTATION = 0x0112
_SHORT = 3
_UPRIGHT = 1
_MAX_ENTRIES = 1000


def orientation_alone(exif: bytes) -> bytes:
    """EXIF that says only how the picture is turned; empty where it is not turned.

    `exif`: a TIFF structure, or one behind "Exif" and two zeros; the answer is one without them.
    """
    turned = _orientation(exif.removeprefix(_PREFIX))
    if turned == _UPRIGHT:
        return b""
    # One directory at offset 8 with one entry, and none after it.
    return struct.pack("<2sHIHHHIHHI", b"II", 42, 8, 1, _ORIENTATION, _SHORT, 1, turned, 0, 0)


def _orientation(tiff: bytes) -> int:
    """1 to 8, and 1 where it is not said; what is no EXIF says nothing."""
    if tiff[:4] not in (b"II*\0", b"MM\0*"):
        return _UPRIGHT
    order: Literal["little", "big"] = "little" if tiff.startswith(b"II") else "big"
    start = int.from_bytes(tiff[4:8], order)
    count = int.from_bytes(tiff[start : start + 2], order)
    for at in range(start + 2, start + 2 + 12 * min(count, _MAX_ENTRIES), 12):
        entry = tiff[at : at + 12]
        if len(entry) < 12:
            break
        if int.from_bytes(entry[:2], order) == _ORIENTATION and int.from_bytes(entry[2:4], order) == _SHORT:
            turned = int.from_bytes(entry[8:10], order)
            return turned if _UPRIGHT <= turned <= 8 else _UPRIGHT
    return _UPRIGHT
