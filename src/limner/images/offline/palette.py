"""Colours, and what the light does to them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

from .dice import Dice

__all__ = ["SKIES", "Light", "lit", "mix", "sky"]

Light = Literal["day", "sunset", "night"]

SKIES: Mapping[Light, tuple[tuple[str, ...], ...]] = {
    "day": (
        ("#79c7f7", "#bfe6fb", "#f2fbff"),
        ("#8fd3f4", "#d3effa", "#fff6dd"),
        ("#6fb9ee", "#b4def6", "#e9f7fb"),
        ("#9fd8ee", "#d9f0ee", "#fdf1e0"),
    ),
    "sunset": (
        ("#6a5aa8", "#f08a86", "#ffd79a"),
        ("#f4796b", "#ffab7d", "#ffe3a9"),
        ("#4d62a8", "#e58fa0", "#ffcf9e"),
        ("#e8705f", "#f9a26c", "#ffd98c"),
    ),
    "night": (
        ("#0a1238", "#1d2c66", "#43519a"),
        ("#0d1030", "#252258", "#5a4a92"),
        ("#081a38", "#14406b", "#3f7a9c"),
    ),
}
"""From the top of the sky to the horizon."""

_VEIL: Mapping[Light, tuple[str, float]] = {
    "day": ("#ffffff", 0.0),
    "sunset": ("#e8683f", 0.24),
    "night": ("#101c4c", 0.58),
}


def mix(colour: str, other: str, share: float) -> str:
    """`colour` with that share of `other`; both like "#a0b1c2"."""
    pairs = ((int(colour[at : at + 2], 16), int(other[at : at + 2], 16)) for at in (1, 3, 5))
    return "#" + "".join(f"{round(one + (two - one) * share):02x}" for one, two in pairs)


def lit(colour: str, light: Light, share: float = 1.0) -> str:
    """`colour` as it looks in that light."""
    veil, strength = _VEIL[light]
    return mix(colour, veil, strength * share)


def sky(dice: Dice, light: Light) -> tuple[str, ...]:
    """The colours of one sky."""
    return dice.pick(SKIES[light])
