"""How many pixels a request asks for."""

from __future__ import annotations

import re
from collections.abc import Mapping

from limner.errors import PictureError

__all__ = ["MAX_SIDE", "MIN_SIDE", "RATIOS", "size_of"]

MIN_SIDE, MAX_SIDE = 16, 2048
"""Of either side, in pixels."""

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
    "1:1": (1024, 1024),
    **_WIDE,
    **{":".join(reversed(ratio.split(":"))): (high, wide) for ratio, (wide, high) in _WIDE.items()},
}
"""Every ratio that is drawn, with its width and height: 0.6 to 1.05 megapixels."""


def size_of(size: str | None, aspect_ratio: str | None) -> tuple[int, int]:
    """Width and height in pixels; `size` wins, "auto" is as good as None.

    Raises: PictureError "image_bad_request" for a size or ratio that is not drawn.
    """
    if size not in {None, "auto"}:
        match = re.fullmatch(r"(\d{1,4})x(\d{1,4})", str(size))
        width, height = (int(side) for side in match.groups()) if match else (0, 0)
        if not (MIN_SIDE <= width <= MAX_SIDE and MIN_SIDE <= height <= MAX_SIDE):
            raise PictureError("image_bad_request", billed="no", detail=f"size {size!r} is not drawn")
        return width, height
    if aspect_ratio not in {None, "auto"}:
        if aspect_ratio not in RATIOS:
            raise PictureError(
                "image_bad_request", billed="no", detail=f"ratio {aspect_ratio!r} is not drawn"
            )
        return RATIOS[aspect_ratio]
    return RATIOS["1:1"]
