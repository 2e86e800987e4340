"""What every painter of a backdrop has at hand."""

from __future__ import annotations

from dataclasses import dataclass, replace

from .canvas import Canvas
from .dice import Dice
from .palette import Light

__all__ = ["Easel"]


@dataclass(frozen=True, slots=True)
class Easel:
    """The canvas, the numbers that shape it, the light, and where the ground begins."""

    canvas: Canvas
    dice: Dice
    light: Light
    horizon: float
    """In pixels from the top."""

    def at(self, horizon: float) -> Easel:
        """The same with another horizon."""
        return replace(self, horizon=horizon)
