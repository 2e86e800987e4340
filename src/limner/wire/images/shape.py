"""The shape of a picture as requests say it: in pixels, as a tier, as a ratio."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from typing import Any

from ..asking import AskError, one_of, text

__all__ = ["shape", "word"]

_TIERS: Mapping[str, int] = {"512": 512, "1K": 1024, "2K": 2048, "4K": 4096}
_LONGEST_WORD = 64

_PIXELS = re.compile(r"([1-9][0-9]{0,4})x([1-9][0-9]{0,4})", re.ASCII)
_RATIO = re.compile(r"([0-9]{1,3}(?:\.[0-9]{1,2})?):([0-9]{1,3}(?:\.[0-9]{1,2})?)", re.ASCII)
_RATIO_TOLERANCE = 0.02
"""1792x1024 is sold as 16:9, and is 1.6 % off."""


def word(body: Mapping[str, Any], name: str) -> str | None:
    """What only the model's own row in the catalogue can judge; None where it is "auto".

    Raises: AskError.
    """
    said = text(body, name, least=1, most=_LONGEST_WORD)
    return None if said == "auto" else said


def shape(body: Mapping[str, Any]) -> tuple[str | None, str | None]:
    """The size, in pixels or as a tier, and the ratio where pixels do not say it.

    Raises: AskError, also where two of the words for it contradict each other.
    """
    size, ratio = word(body, "size"), word(body, "aspect_ratio")
    resolution = one_of(body, "resolution", tuple(_TIERS))
    proportion = _proportion(ratio) if ratio is not None else None
    if size is None:
        return resolution, ratio
    if size in _TIERS:
        if resolution not in (None, size):
            raise _contradiction("resolution", resolution, size)
        return size, ratio
    pixels = _PIXELS.fullmatch(size)
    if pixels is None:
        tiers = ", ".join(_TIERS)
        raise AskError("invalid_value", f"'size' must be like 1024x1024, or one of {tiers}, auto.", "size")
    width, height = int(pixels[1]), int(pixels[2])
    if proportion is not None and abs(width / height / proportion - 1) > _RATIO_TOLERANCE:
        raise _contradiction("aspect_ratio", ratio, size)
    if resolution is not None and resolution not in _tiers_of(width, height):
        raise _contradiction("resolution", resolution, size)
    # Pixels say it all.
    return size, None if proportion is not None else ratio


def _proportion(ratio: str) -> float:
    sides = _RATIO.fullmatch(ratio)
    if sides is None or not float(sides[1]) or not float(sides[2]):
        raise AskError("invalid_value", "'aspect_ratio' must be like 16:9, or auto.", "aspect_ratio")
    return float(sides[1]) / float(sides[2])


def _tiers_of(width: int, height: int) -> set[str]:
    """What people may call so many pixels: by the longer side, or by the side of a square of that area."""
    sides = (max(width, height), math.sqrt(width * height))
    return {min(_TIERS, key=lambda tier: abs(math.log(side / _TIERS[tier]))) for side in sides}


def _contradiction(name: str, value: str | None, size: str) -> AskError:
    return AskError(
        "invalid_value", f"{name!r} is {value}, and 'size' is {size}; leave one of them out.", name
    )
