"""An SVG in the making: shapes in painting order, gradients with names of their own."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

__all__ = ["Canvas", "Point", "number", "wavy"]

Point = tuple[float, float]


def number(value: float) -> str:
    """A coordinate with one decimal, as short as it goes."""
    text = f"{value:.1f}"
    return text[:-2] if text.endswith(".0") else text


class Canvas:
    """Collects shapes; `width` and `height` are pixels, `unit` the shorter of them."""

    def __init__(self, width: int, height: int) -> None:
        self.width = width
        self.height = height
        self.unit = float(min(width, height))
        self._shapes: list[str] = []
        self._definitions: list[str] = []

    def add(self, shape: str) -> None:
        """One element that is SVG already."""
        self._shapes.append(shape)

    def rect(
        self, x: float, y: float, width: float, height: float, fill: str, *, round_: float = 0, more: str = ""
    ) -> None:
        """A rectangle; `more` holds further attributes."""
        corner = f' rx="{number(round_)}"' if round_ else ""
        self.add(
            f'<rect x="{number(x)}" y="{number(y)}" width="{number(max(width, 0))}" height="{number(max(height, 0))}"'
            f'{corner} fill="{fill}"{_spaced(more)}/>'
        )

    def ellipse(self, x: float, y: float, rx: float, ry: float, fill: str, more: str = "") -> None:  # noqa: PLR0917 - as rect
        """An ellipse around its middle."""
        self.add(
            f'<ellipse cx="{number(x)}" cy="{number(y)}" rx="{number(max(rx, 0))}" ry="{number(max(ry, 0))}"'
            f' fill="{fill}"{_spaced(more)}/>'
        )

    def circle(self, x: float, y: float, radius: float, fill: str, more: str = "") -> None:
        """A circle around its middle."""
        self.add(
            f'<circle cx="{number(x)}" cy="{number(y)}" r="{number(max(radius, 0))}" fill="{fill}"{_spaced(more)}/>'
        )

    def path(self, data: str, fill: str, more: str = "") -> None:
        """A filled path."""
        self.add(f'<path d="{data}" fill="{fill}"{_spaced(more)}/>')

    def shape(self, data: str, at: Point, size: float, fill: str, more: str = "") -> None:
        """A filled path that is written in units of `size` around its place."""
        place = f'transform="translate({number(at[0])} {number(at[1])}) scale({size:.2f})"'
        self.add(f'<path d="{data}" {place} fill="{fill}"{_spaced(more)}/>')

    def line(self, data: str, stroke: str, width: float, more: str = "") -> None:
        """A stroked path with round ends."""
        self.add(
            f'<path d="{data}" fill="none" stroke="{stroke}" stroke-width="{number(width)}"'
            f' stroke-linecap="round" stroke-linejoin="round"{_spaced(more)}/>'
        )

    def polygon(self, points: Sequence[Point], fill: str, more: str = "") -> None:
        """A filled polygon."""
        self.path("M" + "L".join(f"{number(x)} {number(y)}" for x, y in points) + "Z", fill, more)

    def linear(self, *stops: str, across: bool = False) -> str:
        """A paint that goes down (or across) its shape; stops are `colour`, `colour@share` or `colour@share/opacity`."""
        return self._gradient("linearGradient", 'x2="1" y2="0"' if across else 'x2="0" y2="1"', stops)

    def radial(self, *stops: str) -> str:
        """A paint that goes from the middle of its shape outwards."""
        return self._gradient("radialGradient", "", stops)

    def _gradient(self, kind: str, place: str, stops: tuple[str, ...]) -> str:
        name = f"p{len(self._definitions)}"
        parts = []
        for at, stop in enumerate(stops):
            colour, _, rest = stop.partition("@")
            share, _, opacity = rest.partition("/")
            offset = share or number(100 * at / max(len(stops) - 1, 1)) + "%"
            see = f' stop-opacity="{opacity}"' if opacity else ""
            parts.append(f'<stop offset="{offset}" stop-color="{colour}"{see}/>')
        self._definitions.append(
            f'<{kind} id="{name}" x1="0" y1="0" {place}>{"".join(parts)}</{kind}>'
            if place
            else f'<{kind} id="{name}">{"".join(parts)}</{kind}>'
        )
        return f"url(#{name})"

    def clip(self, shape: str) -> str:
        """A clip path of one shape; gives the attribute that uses it."""
        name = f"c{len(self._definitions)}"
        self._definitions.append(f'<clipPath id="{name}">{shape}</clipPath>')
        return f'clip-path="url(#{name})"'

    def svg(self) -> str:
        """The whole picture."""
        return (
            f'<svg xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink"'
            f' width="{self.width}" height="{self.height}" viewBox="0 0 {self.width} {self.height}">'
            f"<defs>{''.join(self._definitions)}</defs>{''.join(self._shapes)}</svg>"
        )


def wavy(points: Sequence[Point]) -> str:
    """A smooth line through the middles between the points; starts with M and ends at the last."""
    first = points[0]
    parts = [f"M{number(first[0])} {number(first[1])}"]
    for (x, y), (next_x, next_y) in pairwise(points[1:]):
        parts.append(f"Q{number(x)} {number(y)} {number((x + next_x) / 2)} {number((y + next_y) / 2)}")
    last = points[-1]
    parts.append(f"L{number(last[0])} {number(last[1])}")
    return "".join(parts)


def _spaced(more: str) -> str:
    return " " + more if more else ""
