"""What every painter of a backdrop has at hand."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TypeVar

from .canvas import Canvas
from .dice import Dice
from .palette import Light, mix

__all__ = ["Easel"]

_T = TypeVar("_T")


@dataclass(frozen=True, slots=True)
class Easel:
    """The canvas, the numbers that shape it, the light, and where the ground begins."""

    canvas: Canvas
    dice: Dice
    light: Light
    horizon: float
    """In pixels from the top."""
    season: str | None = None
    weather: str | None = None
    tones: str = ""
    """What decides among a place's colours: the same for pictures that resemble each other."""

    def tone(self, name: str, choices: Sequence[_T]) -> _T:
        """The colours of that part of the picture."""
        return Dice(self.tones, name).pick(choices)

    def leaf(self, green: str) -> str:
        """`green` as it is in the season."""
        if self.season == "autumn":
            return mix(green, self.dice.pick(("#e0872b", "#d9a52f", "#cf6a33")), 0.68)
        return mix(green, "#c6ef9a", 0.22) if self.season == "spring" else green

    def at(self, horizon: float) -> Easel:
        """The same with another horizon."""
        return replace(self, horizon=horizon)
