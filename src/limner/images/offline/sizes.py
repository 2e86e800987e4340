"""What the painter takes: a row like those of the catalogue, read by the same function."""

from __future__ import annotations

from collections.abc import Mapping

from limner.images.catalogue.model import ImageModel, PerImage, Provider
from limner.images.catalogue.shapes import Shape, Size, SteppedSizes, parse_size

__all__ = ["MAX_REFERENCES", "MAX_SIDE", "MIN_SIDE", "NAME", "PAINTER", "RATIOS", "size_of"]

NAME = "offline-painter"
MAX_REFERENCES = 4
"""Pictures that a new one may be told to resemble."""
MIN_SIDE, MAX_SIDE = 16, 2048
"""Of either side, in pixels."""

_SQUARE = (1024, 1024)
_WIDE: Mapping[str, tuple[int, int]] = {
    "5:4": (1000, 800),
    "4:3": (1024, 768),
    "3:2": (1080, 720),
    "16:9": (1152, 648),
    "2:1": (1200, 600),
    "21:9": (1344, 576),
    "3:1": (1380, 460),
    "4:1": (1600, 400),
}
RATIOS: Mapping[str, tuple[int, int]] = {
    "1:1": _SQUARE,
    **_WIDE,
    **{":".join(reversed(ratio.split(":"))): (high, wide) for ratio, (wide, high) in _WIDE.items()},
}
"""The usual ratios, with width and height: 0.6 to 1.05 megapixels; others are drawn as near as can be."""

PAINTER = ImageModel(
    id=NAME,
    provider=Provider("offline", "Limner", (), "offline"),
    sizes=SteppedSizes(
        step=1,
        usual_pixels=(600_000, 1_050_000),
        usual_step=8,
        min_edge=MIN_SIDE,
        max_edge=MAX_SIDE,
        named=tuple(Shape(Size(*sides), ratio) for ratio, sides in RATIOS.items()),
        words=("auto",),
    ),
    source="limner.images.offline",
    as_of=None,
    qualities=(),
    styles=(),
    backgrounds=(),
    output_formats=("png", "jpeg", "webp"),
    moderations=(),
    response_formats=(),
    compresses=False,
    max_n=10,
    max_references=MAX_REFERENCES,
    masks=True,
    partial_images=3,
    prices=(PerImage(0.0),),
)


def size_of(size: str | None) -> tuple[int, int]:
    """Width and height of a resolved request, in pixels."""
    drawn = parse_size(size) if size is not None else None
    return (drawn.width, drawn.height) if drawn is not None else _SQUARE
