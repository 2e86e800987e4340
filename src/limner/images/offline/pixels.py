"""The colours of a picture that says nothing about itself."""

from __future__ import annotations

import io

from limner.images.inspection.checking import inspect

__all__ = ["swatch_of"]

_SIDE = 64
"""Of the picture that is looked at; its colours are those of the large one."""
_COLOURS = 6


def swatch_of(picture: bytes) -> tuple[str, ...]:
    """Its main colours like "#a0b1c2", the most frequent first.

    Raises: PictureError, as the inspection: nothing is decoded before its pixels are counted.
    """
    from PIL import Image

    found = inspect(picture)
    with Image.open(io.BytesIO(picture), formats=(found.format.upper(),)) as image:
        image.draft("RGB", (4 * _SIDE, 4 * _SIDE))
        image.thumbnail((_SIDE, _SIDE))
        # What is transparent is shown on white.
        plain = Image.new("RGBA", image.size, "white")
        plain.alpha_composite(image.convert("RGBA"))
    few = plain.convert("RGB").quantize(_COLOURS, method=Image.Quantize.MEDIANCUT)
    palette = few.getpalette() or []
    counted = sorted(few.getcolors() or (), reverse=True)
    return tuple("#" + bytes(palette[3 * at : 3 * at + 3]).hex() for _, at in counted if isinstance(at, int))
