"""Other colours for a thing than its icon has: the hue of its largest part is exchanged."""

from __future__ import annotations

import colorsys
import io
import re
from collections import Counter
from collections.abc import Mapping
from dataclasses import replace
from functools import cache

from .icons import Icon

__all__ = ["COLOURS", "dyed"]

COLOURS: Mapping[str, str] = {
    "red": "#e23a3f",
    "orange": "#ff8a2b",
    "yellow": "#ffd23f",
    "golden": "#e8b23a",
    "green": "#3fae57",
    "turquoise": "#2fb8b0",
    "blue": "#3d7fe0",
    "purple": "#8e5bd0",
    "pink": "#ff8fb8",
    "brown": "#8a5a3c",
    "black": "#3b3742",
    "white": "#f6f4f8",
    "grey": "#9aa0aa",
}
"""What each colour of words.toml looks like."""

_PIXELS = 40
"""Side of the small picture in which the parts are weighed."""
_SKIN, _WATER = frozenset(("#ffc83d", "#ffb02e")), frozenset(("#00a6ed",))
_PEOPLE, _ANIMALS, _BOATS = range(23, 30), range(34, 40), 55
"""Kinds of icons, by their numbers."""
_DULL = 0.16
"""Saturation below which a colour has no hue."""
_HUES = 0.12
"""Of the circle: what is this near to the main hue changes with it."""
_ALIKE, _AS_LIGHT = 0.03, 0.12
"""Nothing changes where hue and lightness are so near."""
_NATURAL = frozenset(("red", "brown", "golden"))
_ALIKE_BY_NATURE = 0.085
"""A fox is red enough for a red fox; a car is not."""
_INK = 0.17
"""Lightness below which something is an outline, an eye or a nose."""

_COLOUR = re.compile(r"#[0-9a-f]{6}\b")
_HLS = tuple[float, float, float]


def dyed(plain: Icon, colour: str) -> Icon:
    """The icon with its main colour exchanged for the one of that name; skin, and the water around a boat, stay."""
    never = _SKIN if plain.subgroup in _PEOPLE else _WATER if plain.subgroup == _BOATS else frozenset[str]()
    main, new = _hls(_main_colour(plain.body, never)), _hls(COLOURS[colour])
    same_kind = (main[2] > _DULL) == (new[2] > _DULL)
    alike = _ALIKE_BY_NATURE if plain.subgroup in _ANIMALS and colour in _NATURAL else _ALIKE
    if same_kind and _apart(main[0], new[0]) < alike and abs(main[1] - new[1]) < _AS_LIGHT:
        return plain

    def exchanged(found: re.Match[str]) -> str:
        old = found.group()
        return old if old in never or not _belongs(_hls(old), main) else _exchanged(_hls(old), main, new)

    return replace(plain, body=_COLOUR.sub(exchanged, plain.body))


@cache
def _main_colour(body: str, never: frozenset[str]) -> str:
    """The colour of the largest part; what is colourful counts for more than what is white."""
    import resvg_py
    from PIL import Image

    svg = (
        f'<svg xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink" width="{_PIXELS}" '
        f'height="{_PIXELS}" viewBox="-2 0 46 46">{body}</svg>'
    )
    with Image.open(
        io.BytesIO(bytes(resvg_py.svg_to_bytes(svg_string=svg, skip_system_fonts=True)))
    ) as small:
        pixels = small.convert("RGBA").tobytes()
    areas = Counter(
        f"#{pixels[at : at + 3].hex()}" for at in range(0, len(pixels), 4) if pixels[at + 3] == 255
    )
    named = {
        found: areas[found] * (0.3 + _hls(found)[2] * (1 - abs(2 * _hls(found)[1] - 1)))
        for found in set(_COLOUR.findall(body)) - never
        if _hls(found)[1] > _INK
    }
    # The name breaks a tie, so that the same icon is the same on every machine.
    return max(named, key=lambda found: (named[found], found), default="#808080")


def _hls(colour: str) -> _HLS:
    return colorsys.rgb_to_hls(*(int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5)))


def _apart(one: float, two: float) -> float:
    return min(abs(one - two), 1 - abs(one - two))


def _belongs(part: _HLS, main: _HLS) -> bool:
    """Whether a part of an icon has its main colour, lighter or darker."""
    if part[1] <= _INK:
        return False
    if main[2] <= _DULL:
        return part[2] <= _DULL
    return part[2] > _DULL and _apart(part[0], main[0]) < _HUES


def _exchanged(part: _HLS, main: _HLS, new: _HLS) -> str:
    # On the circle red lies on both sides of 0.
    shade = (part[0] - main[0] + 0.5) % 1.0 - 0.5
    hue = (new[0] + shade * 0.5) % 1.0 if main[2] > _DULL else new[0]
    lightness = min(max(part[1] + (new[1] - main[1]) * 0.85, 0.1), 0.97)
    saturation = new[2] if main[2] <= _DULL else min(new[2] * min(part[2] / main[2], 1.15), 1.0)
    parts = colorsys.hls_to_rgb(hue, lightness, saturation)
    return "#" + "".join(f"{round(255 * part):02x}" for part in parts)
