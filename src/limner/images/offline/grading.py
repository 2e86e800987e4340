"""The colours of a whole picture: a family that its style asks for, or those of another picture."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

from .dice import Dice
from .lexicon import fold
from .palette import Light
from .tables import table

__all__ = ["Grading", "families", "families_named", "families_of", "light_asked"]

_Colour = tuple[float, float, float]

_GENTLE = ("warm", "cool", "pastel", "vivid", "earthy", "dusky")
"""What a style becomes of which no word is known: the same style always the same one."""
_MOST = 2
"""Families of one style: "warm watercolour" is two."""
_PAINT = re.compile(r'(?<=[ler]=")#(?:[0-9a-fA-F]{6}|[0-9a-fA-F]{3})(?=")')
"""A colour as value of `fill`, `stroke` or `stop-color`: their names end in l, e and r."""
_NEAR = 0.06
"""How far, squared, a colour of another picture reaches; each part of a colour being 0 to 1."""
_CHROMA, _LIGHTNESS = 0.72, 0.22
"""How far a colour goes over to those of the other picture."""


@dataclass(frozen=True, slots=True)
class Grading:
    """What happens to every colour of a picture."""

    families: tuple[str, ...] = ()
    """Names of styles.toml, one after the other."""
    swatch: tuple[str, ...] = ()
    """Colours of a picture that is no work of ours, like "#a0b1c2"."""

    def applied(self, svg: str) -> str:
        """The same picture in these colours."""
        if not self.families and not self.swatch:
            return svg
        known: dict[str, str] = {}

        def graded(found: re.Match[str]) -> str:
            colour = found.group()
            if colour not in known:
                known[colour] = self.graded(colour)
            return known[colour]

        return _PAINT.sub(graded, svg)

    def graded(self, colour: str) -> str:
        """One colour."""
        parts = _parts(colour)
        if self.swatch:
            parts = _towards(parts, tuple(_parts(each) for each in self.swatch))
        for family in self.families:
            parts = _by_row(parts, table("styles")[family])
        return "#" + "".join(f"{round(255 * min(max(part, 0.0), 1.0)):02x}" for part in parts)


def families() -> tuple[str, ...]:
    """The name of every family."""
    return tuple(table("styles"))


def families_of(style: str) -> tuple[str, ...]:
    """What a style sentence asks for; some gentle family where it says nothing that is known."""
    if not style:
        return ()
    text = fold(style)
    return _found(text, "words") or (Dice(text, "style").pick(_GENTLE),)


def families_named(text: str, *, loosely: bool = False) -> tuple[str, ...]:
    """What a text that is no style sentence asks for; `loosely`: single words count as well."""
    folded = fold(text)
    return _found(folded, "words" if loosely else "phrases")


def light_asked(names: tuple[str, ...]) -> Light | None:
    """The light that goes with the families, if one does."""
    return next((table("styles")[name]["light"] for name in names if "light" in table("styles")[name]), None)


def _found(text: str, key: str) -> tuple[str, ...]:
    """The families of most words; of those, who comes first."""
    places: dict[str, list[int]] = {}
    for pattern, meanings in _patterns(key):
        for match in pattern.finditer(text):
            for family in meanings[match.group()]:
                places.setdefault(family, []).append(match.start())
    order = sorted(places, key=lambda family: (-len(places[family]), places[family][0]))
    return tuple(order[:_MOST])


@cache
def _patterns(key: str) -> tuple[tuple[re.Pattern[str], Mapping[str, tuple[str, ...]]], ...]:
    """Words of Latin letters, which stand alone, and the others, which stand anywhere; phrases are words too."""
    latin: dict[str, tuple[str, ...]] = {}
    other: dict[str, tuple[str, ...]] = {}
    for family in families():
        row = table("styles")[family]
        for word in re.split(r"[\s|]+", row["phrases"].strip()) + (
            row["words"].split() if key == "words" else []
        ):
            folded = fold(word).replace("_", " ")
            kind = latin if folded[0] < "\u0250" else other
            kind[folded] = tuple(dict.fromkeys((*kind.get(folded, ()), family)))

    def either(words: Mapping[str, Any]) -> str:
        return "|".join(map(re.escape, sorted(words, key=len, reverse=True)))

    # A colour is no adverb: "softly" is not "soft", "nighttime" not "night".
    alone = re.compile(rf"(?<![^\W\d_])(?:{either(latin)})(?![^\W\d_])")
    return (alone, latin), (re.compile(either(other)), other)


def _parts(colour: str) -> _Colour:
    digits = colour[1:] if len(colour) == 7 else "".join(digit * 2 for digit in colour[1:])
    red, green, blue = (int(digits[at : at + 2], 16) / 255 for at in (0, 2, 4))
    return red, green, blue


def _luma(colour: _Colour) -> float:
    red, green, blue = colour
    return 0.299 * red + 0.587 * green + 0.114 * blue


def _by_row(colour: _Colour, row: Mapping[str, Any]) -> _Colour:
    grey = _luma(colour)
    red, green, blue = (
        (grey + (part - grey) * row["saturation"]) * gain + lift
        for part, gain, lift in zip(colour, row["gain"], row["lift"], strict=True)
    )
    if "inks" not in row:
        return red, green, blue
    bright, share = min(max(_luma((red, green, blue)), 0.0), 1.0), row["share"]
    dark, light = (_parts(ink) for ink in row["inks"])
    red, green, blue = (
        part + (low + (high - low) * bright - part) * share
        for part, low, high in zip((red, green, blue), dark, light, strict=True)
    )
    return red, green, blue


def _towards(colour: _Colour, swatch: tuple[_Colour, ...]) -> _Colour:
    """`colour` with the hue of those that are near it, and nearly its own lightness."""
    weights = [
        math.exp(-sum((one - two) ** 2 for one, two in zip(colour, other, strict=True)) / _NEAR)
        for other in swatch
    ]
    total = sum(weights) or 1.0
    red, green, blue = (
        sum(weight * other[at] for weight, other in zip(weights, swatch, strict=True)) / total
        for at in range(3)
    )
    grey, near = _luma(colour), _luma((red, green, blue))
    level = grey + (near - grey) * _LIGHTNESS
    red, green, blue = (
        level + (one - grey) * (1 - _CHROMA) + (two - near) * _CHROMA
        for one, two in zip(colour, (red, green, blue), strict=True)
    )
    return red, green, blue
