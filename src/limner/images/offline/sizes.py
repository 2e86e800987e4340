"""How many pixels a request asks for."""

from __future__ import annotations

import re
from collections.abc import Mapping

from limner.errors import PictureError

__all__ = ["MAX_SIDE", "MIN_SIDE", "RATIOS", "refusal", "size_of"]

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


def refusal(size: str | None, aspect_ratio: str | None) -> str | None:
    """Why such a picture is not drawn, in one sentence that says what is; None where it is drawn.

    `size` wins over `aspect_ratio`, "auto" is as good as None.
    """
    if size not in {None, "auto"}:
        if _sides(str(size)) is None:
            return (
                f"size {size!r} is not drawn; give WIDTHxHEIGHT with sides of {MIN_SIDE} to {MAX_SIDE} pixels, "
                "such as 1024x768"
            )
    elif aspect_ratio not in {None, "auto"} and aspect_ratio not in RATIOS:
        return f"aspect ratio {aspect_ratio!r} is not drawn; give one of {', '.join(RATIOS)}"
    return None


def size_of(size: str | None, aspect_ratio: str | None) -> tuple[int, int]:
    """Width and height in pixels; `size` wins, "auto" is as good as None.

    Raises: PictureError "image_bad_request" for a size or ratio that is not drawn.
    """
    reason = refusal(size, aspect_ratio)
    if reason is not None:
        raise PictureError("image_bad_request", billed="no", detail=reason)
    sides = None if size in {None, "auto"} else _sides(str(size))
    return sides or RATIOS[str(aspect_ratio) if aspect_ratio not in {None, "auto"} else "1:1"]


def _sides(size: str) -> tuple[int, int] | None:
    """The sides of a size that is drawn."""
    match = re.fullmatch(r"([0-9]{1,4})x([0-9]{1,4})", size)
    width, height = (int(side) for side in match.groups()) if match else (0, 0)
    if MIN_SIDE <= width <= MAX_SIDE and MIN_SIDE <= height <= MAX_SIDE:
        return width, height
    return None
