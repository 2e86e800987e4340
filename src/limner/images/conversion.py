"""A picture in another format than its maker chose."""

from __future__ import annotations

import io
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from limner.core.formats import FormatName

if TYPE_CHECKING:
    from PIL import Image

__all__ = ["converted"]

_SAVED_WITH: Mapping[FormatName, Mapping[str, Any]] = {
    "png": {},
    "jpeg": {"quality": 92, "optimize": True},
    "webp": {"quality": 92},
    "gif": {},
    "avif": {"quality": 80},
}
"""What a person cannot tell from the original, in few bytes."""

_PLAIN = frozenset({"1", "L", "LA", "P", "RGB", "RGBA"})
"""Modes that every format but JPEG can hold in some way."""
_OPAQUE_MODES = frozenset({"1", "L", "RGB", "CMYK", "YCbCr", "LAB", "HSV", "I", "F", "I;16", "I;16B"})


def converted(data: bytes, wanted: FormatName) -> bytes:
    """The picture in `data`, which was inspected, as `wanted`; upright, in its own colours.

    What it says of its origin (C2PA, XMP) is about other bytes, so it does not come along. Blocks
    for as long as the encoding takes: call it from a thread.
    """
    from PIL import Image, ImageOps  # start-up time

    out = io.BytesIO()
    with Image.open(io.BytesIO(data)) as opened:
        # It may be turned by its EXIF alone, and that does not come along either.
        try:
            upright = ImageOps.exif_transpose(opened)
        except Exception:
            # Strategy: Pillow raises anything at EXIF that is none, and then nothing says how to turn it.
            upright = opened
        profile = opened.info.get("icc_profile") if opened.mode in ("RGB", "RGBA", "P") else None
        picture = _flattened(upright) if wanted == "jpeg" else _plain(upright)
    colours = {"icc_profile": profile} if profile and wanted != "gif" else {}
    picture.save(out, wanted.upper(), **_SAVED_WITH[wanted], **colours)
    return out.getvalue()


def _plain(picture: Image.Image) -> Image.Image:
    if picture.mode in _PLAIN:
        return picture
    return _eight_bits(picture).convert("RGB" if picture.mode in _OPAQUE_MODES else "RGBA")


def _flattened(picture: Image.Image) -> Image.Image:
    """JPEG knows no transparency: what shows through is paper."""
    from PIL import Image

    if picture.mode in _OPAQUE_MODES and "transparency" not in picture.info:
        return _eight_bits(picture).convert("RGB")
    paper = Image.new("RGB", picture.size, "white")
    layer = _eight_bits(picture).convert("RGBA")
    paper.paste(layer, mask=layer)
    return paper


def _eight_bits(picture: Image.Image) -> Image.Image:
    """Sixteen bits of grey as eight; a plain conversion would cut them off instead of scaling them."""
    if not picture.mode.startswith("I"):
        return picture
    return picture.convert("I").point(lambda value: value / 257).convert("L")
