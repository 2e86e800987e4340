"""A picture for words that no icon knows: shapes that follow the words, and claim nothing."""

from __future__ import annotations

import re

from .canvas import Canvas, Point, number
from .dice import Dice
from .easel import Easel
from .interiors import room
from .landscapes import field, snow
from .palette import Light, lit, mix
from .waters import beach, sea

__all__ = ["still"]

_COLOURS = ("#e8735f", "#f2b84b", "#5fa87a", "#4f8fc0", "#8a6fc0", "#e88aa0", "#3f9f9f", "#d99a5b")


def still(canvas: Canvas, words: str, light: Light, tones: str) -> None:
    """One vessel per word on a table, or one balloon per word over a landscape."""
    dice = Dice(words, "still")
    parts = re.findall(r"\w+", words)[:6] or [words or "nothing"]
    if len(parts) == 1 and len(parts[0]) > 3:
        # A single word, or a line without spaces, still becomes a group.
        parts = [parts[0][at : at + 2] for at in range(0, min(len(parts[0]), 10), 2)]
    if dice.chance(0.5):
        horizon = canvas.height * 0.6
        room(Easel(canvas, Dice(words, "room"), light, horizon, tones=tones))
        _vessels(canvas, parts, horizon)
        return
    horizon = canvas.height * 0.72
    paint = dice.pick((field, sea, beach, snow))
    paint(Easel(canvas, Dice(words, "backdrop"), light, horizon, tones=tones))
    _balloons(canvas, parts, light, horizon)


def _vessels(canvas: Canvas, parts: list[str], horizon: float) -> None:
    """Vases, bowls, bottles and balls; longer words stand taller."""
    depth = canvas.height - horizon
    step = min(canvas.width * 0.8 / len(parts), canvas.unit * 0.24)
    left = (canvas.width - step * len(parts)) / 2
    for at in sorted(range(len(parts)), key=lambda place: place % 2):
        dice = Dice(parts[at].casefold(), "vessel")
        colour = dice.pick(_COLOURS)
        size = min(canvas.unit * (0.12 + 0.022 * min(len(parts[at]), 9)), horizon * 0.7)
        x = left + step * (at + 0.5)
        y = horizon + depth * (0.32 if at % 2 == 0 else 0.58)
        canvas.ellipse(
            x + size * 0.06,
            y,
            size * 0.5,
            size * 0.09,
            canvas.radial("#2a1c10@0/.5", "#2a1c10@.5/.3", "#2a1c10@1/0"),
        )
        _vessel(canvas, dice, (x, y), size, colour)


def _vessel(canvas: Canvas, dice: Dice, at: Point, size: float, colour: str) -> None:
    x, y = at
    paint = canvas.linear(
        mix(colour, "#ffffff", 0.34) + "@0", colour + "@.45", mix(colour, "#2a1030", 0.3) + "@1", across=True
    )
    kind = dice.whole(0, 3)
    if kind == 0:
        canvas.shape(
            "M-.12-1h.24c0 .3.24.34.24.62 0 .3-.16.38-.2.38h-.32c-.04 0-.2-.08-.2-.38 0-.28.24-.32.24-.62z",
            (x, y), size, paint,
        )  # fmt: skip
        canvas.ellipse(x, y - size, size * 0.12, size * 0.03, mix(colour, "#2a1030", 0.45))
        _twig(canvas, dice, x, y - size, size * 0.6)
    elif kind == 1:
        canvas.shape(
            "M-0.5 -0.5h1c0 0.34 -0.22 0.5 -0.32 0.5h-0.36c-0.1 0 -0.32 -0.16 -0.32 -0.5Z",
            (x, y),
            size,
            paint,
        )
        canvas.ellipse(x, y - size * 0.5, size * 0.5, size * 0.09, mix(colour, "#2a1030", 0.35))
        for offset in (-0.24, 0.02, 0.26):
            fruit = dice.pick(_COLOURS)
            canvas.circle(
                x + offset * size,
                y - size * 0.58,
                size * 0.16,
                canvas.linear(mix(fruit, "#ffffff", 0.3), fruit),
            )
        canvas.shape(
            "M-0.5 -0.5q0.5 0.18 1 0l-0.02 0.1h-0.96Z",
            (x, y),
            size,
            paint,
        )
    elif kind == 2:
        canvas.shape(
            "M-0.08 -1h0.16v0.3c0.16 0.1 0.16 0.16 0.16 0.24v0.4q0 0.06 -0.06 0.06h-0.36q-0.06 0 -0.06 -0.06v-0.4c0 -0.08 0 -0.14 0.16 -0.24Z",
            (x, y),
            size,
            paint,
        )
        canvas.rect(
            x - size * 0.1,
            y - size * 1.05,
            size * 0.2,
            size * 0.09,
            mix(colour, "#2a1030", 0.4),
            round_=size * 0.02,
        )
    else:
        radius = size * 0.36
        canvas.circle(
            x,
            y - radius,
            radius,
            canvas.radial(
                mix(colour, "#ffffff", 0.35) + "@0", colour + "@.6", mix(colour, "#2a1030", 0.3) + "@1"
            ),
        )
        canvas.ellipse(
            x - radius * 0.3, y - radius * 1.4, radius * 0.25, radius * 0.16, "#ffffff", 'opacity=".5"'
        )


def _twig(canvas: Canvas, dice: Dice, x: float, y: float, size: float) -> None:
    """Leaves or blossoms in a vase."""
    leaf = dice.pick(("#5fa85a", "#7fb84a", "#3f8f6a"))
    bloom = dice.pick(("#ff9ecb", "#ffd166", "#ff8a7a", "#ffffff"))
    for angle in (-0.5, 0.0, 0.45):
        tip_x, tip_y = x + size * angle, y - size * (1 - abs(angle) * 0.5)
        canvas.line(
            f"M{number(x)} {number(y)}Q{number(x)} {number(y - size * 0.5)} {number(tip_x)} {number(tip_y)}",
            leaf,
            size * 0.04,
        )
        canvas.ellipse((x + tip_x) / 2 + size * 0.08, (y + tip_y) / 2, size * 0.12, size * 0.05, leaf)
        for dx, dy in ((-0.07, 0.0), (0.07, 0.0), (0.0, -0.07), (0.0, 0.07)):
            canvas.circle(tip_x + dx * size, tip_y + dy * size, size * 0.065, bloom)
        canvas.circle(tip_x, tip_y, size * 0.05, "#ffb52e")


def _balloons(canvas: Canvas, parts: list[str], light: Light, horizon: float) -> None:
    """Hot-air balloons; longer words fly larger."""
    order = sorted(range(len(parts)), key=lambda place: len(parts[place]))
    for at in order:
        dice = Dice(parts[at].casefold(), str(at), "balloon")
        size = canvas.unit * (0.09 + 0.014 * min(len(parts[at]), 9))
        x = canvas.width * (at + 0.5 + dice.between(-0.18, 0.18)) / len(parts)
        x = min(max(x, size), canvas.width - size)
        y = dice.between(max(size * 1.2, horizon * 0.2), max(horizon * 0.62, size * 1.3))
        one = lit(dice.pick(_COLOURS), light, 0.6)
        two = lit(dice.pick(("#fff6e0", "#ffe3a9", "#ffffff")), light, 0.6)
        clip = canvas.clip(
            f'<path d="M{number(x - size)} {number(y)}a{number(size)} {number(size)} 0 0 1 {number(2 * size)} 0c0 {number(size * 0.7)} {number(-size * 0.6)} {number(size * 1.1)} {number(-size * 0.8)} {number(size * 1.3)}h{number(-size * 0.4)}c{number(-size * 0.2)} {number(-size * 0.2)} {number(-size * 0.8)} {number(-size * 0.6)} {number(-size * 0.8)} {number(-size * 1.3)}Z"/>'
        )
        canvas.add(f"<g {clip}>")
        canvas.rect(x - size, y - size, size * 2, size * 2.4, one)
        for share, half in ((-0.62, 0.14), (0.0, 0.24), (0.62, 0.14)):
            canvas.ellipse(x + share * size, y + size * 0.1, half * size, size * 1.3, two)
        canvas.rect(
            x - size,
            y - size,
            size * 2,
            size * 2.4,
            canvas.linear("#ffffff@0/.25", "#ffffff@.4/0", "#1a1030@1/.25", across=True),
        )
        canvas.add("</g>")
        for dx in (-0.16, 0.16):
            canvas.line(
                f"M{number(x + dx * size)} {number(y + size * 1.28)}L{number(x + dx * 0.8 * size)} {number(y + size * 1.55)}",
                "#6b4a36",
                size * 0.02,
            )
        canvas.rect(
            x - size * 0.17,
            y + size * 1.53,
            size * 0.34,
            size * 0.24,
            lit("#b3743f", light, 0.7),
            round_=size * 0.05,
        )
