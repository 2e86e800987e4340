"""The sea from above, from the beach and from below."""

from __future__ import annotations

import math

from .canvas import Canvas, number, wavy
from .dice import Dice
from .easel import Easel
from .heavens import heaven
from .palette import lit, mix
from .terrain import layer, ridge

__all__ = ["beach", "sea", "underwater"]


def _water(easel: Easel, top: float, bottom: float, colours: tuple[str, ...]) -> None:
    """Water from the horizon on, with the light of the sky in it."""
    canvas, dice, light = easel.canvas, easel.dice, easel.light
    deep = easel.tone("sea", ("#1b7fb5", "#1d8aa8", "#2474b8"))
    far = mix(lit("#7cc9e8", light), colours[2], 0.35)
    canvas.rect(
        0,
        top,
        canvas.width,
        bottom - top,
        canvas.linear(far, mix(far, lit(deep, light), 0.6) + "@.3", lit(deep, light)),
    )
    middle = canvas.width * dice.between(0.25, 0.75)
    for at in range(9):
        y = top + (bottom - top) * (0.03 + 0.4 * (at / 9) ** 1.3)
        half = canvas.unit * (0.05 + 0.012 * at) * dice.between(0.5, 1.2)
        canvas.rect(
            middle - half + canvas.unit * dice.between(-0.03, 0.03),
            y,
            2 * half,
            canvas.unit * 0.005,
            "#fffbe2",
            round_=canvas.unit * 0.003,
            more='opacity=".45"',
        )
    for _ in range(26):
        depth = dice.unit()
        y = top + (bottom - top) * (0.06 + 0.92 * depth)
        x, size = dice.between(-0.05, 1) * canvas.width, canvas.unit * (0.02 + 0.05 * depth)
        canvas.line(
            f"M{number(x)} {number(y)}q{number(size * 0.5)} {number(-size * 0.32)} {number(size)} 0t{number(size)} 0",
            lit("#d8f3ff", light, 0.6),
            canvas.unit * (0.0022 + 0.003 * depth),
            'opacity=".5"',
        )


def sea(easel: Easel, *, body: bool = True) -> None:
    """Open water, perhaps with an island far away."""
    canvas, dice, light, horizon = easel.canvas, easel.dice, easel.light, easel.horizon
    colours = heaven(easel, body=body)
    if dice.chance(0.7):
        x, width = canvas.width * dice.between(0.05, 0.95), canvas.unit * dice.between(0.25, 0.5)
        points = [
            (x - width, horizon + 2),
            (x - width * 0.4, horizon - width * 0.2),
            (x, horizon - width * dice.between(0.15, 0.3)),
            (x + width * 0.5, horizon - width * 0.14),
            (x + width, horizon + 2),
        ]
        canvas.path(wavy(points) + "Z", mix(lit("#6a9f96", light), colours[2], 0.45))
    _water(easel, horizon, canvas.height, colours)


def beach(easel: Easel, *, body: bool = True) -> None:
    """Sand before the sea."""
    canvas, dice, light, horizon = easel.canvas, easel.dice, easel.light, easel.horizon
    colours = heaven(easel, body=body)
    shore = horizon + (canvas.height - horizon) * 0.3
    _water(easel, horizon, shore + canvas.unit * 0.06, colours)
    points = ridge(
        dice,
        canvas.width,
        shore + canvas.unit * 0.03,
        canvas.unit * 0.05,
        max(3, round(canvas.width / canvas.unit * 3)),
    )
    layer(
        canvas, [(x, y - canvas.unit * 0.014) for x, y in points], lit("#ffffff", light, 0.6), canvas.height
    )
    layer(canvas, points, canvas.linear(lit("#fbe3b0", light), lit("#e9b873", light)), canvas.height)
    for _ in range(40):
        canvas.circle(
            dice.between(0, canvas.width),
            dice.between(shore + canvas.unit * 0.08, canvas.height),
            canvas.unit * dice.between(0.001, 0.003),
            lit("#b98a4a", light),
            'opacity=".6"',
        )


def underwater(easel: Easel, *, body: bool = True) -> None:  # noqa: ARG001 - called as every place is
    """Light from above, weed and coral on the sand; no sun is seen from here."""
    canvas, dice, light, horizon = easel.canvas, easel.dice, easel.light, easel.horizon
    top, low = easel.tone("depths", (("#7fe0ee", "#0f5f9c"), ("#8fe8d9", "#12708f"), ("#6fc8f0", "#1a4f9c")))
    canvas.rect(0, 0, canvas.width, canvas.height, canvas.linear(lit(top, light), lit(low, light)))
    for _ in range(5):
        x, wide = dice.between(-0.1, 1) * canvas.width, canvas.unit * dice.between(0.04, 0.12)
        lean = canvas.unit * dice.between(0.1, 0.3)
        canvas.polygon(
            ((x, 0), (x + wide, 0), (x + wide * 2.6 + lean, canvas.height), (x + lean, canvas.height)),
            canvas.linear("#ffffff@0/.28", "#ffffff@.75/0"),
        )
    floor = horizon + (canvas.height - horizon) * 0.35
    _rocks(canvas, dice, lit("#2c6a94", light), floor)
    bend = canvas.unit * 0.05
    canvas.path(
        f"M0 {number(floor)}Q{number(canvas.width * 0.3)} {number(floor - bend)} {number(canvas.width * 0.55)} {number(floor)}T{canvas.width} {number(floor - bend * 0.4)}V{canvas.height}H0Z",
        canvas.linear(lit("#f0dca6", light), lit("#c79f66", light)),
    )
    for _ in range(round(canvas.width / canvas.unit * 8)):
        share = dice.unit() ** 1.5 * 0.45
        x = canvas.width * (share if dice.chance(0.5) else 1 - share)
        y = floor + dice.between(0.0, 0.4) * (canvas.height - floor)
        if dice.chance(0.6):
            _weed(easel, x, y)
        else:
            _coral(easel, x, y)
    for _ in range(22):
        size = canvas.unit * dice.between(0.003, 0.012)
        x, y = dice.between(0, canvas.width), dice.between(0, floor)
        canvas.circle(
            x,
            y,
            size,
            "#ffffff",
            f'fill-opacity=".16" stroke="#ffffff" stroke-opacity=".6" stroke-width="{number(size * 0.22)}"',
        )


def _rocks(canvas: Canvas, dice: Dice, colour: str, floor: float) -> None:
    for side in (0.0, 1.0):
        for _ in range(3):
            x = canvas.width * side + (0.5 - side) * 2 * canvas.unit * dice.between(0, 0.3)
            size = canvas.unit * dice.between(0.1, 0.22)
            canvas.ellipse(
                x, floor + size * 0.2, size, size * dice.between(0.6, 1.3), colour, 'opacity=".55"'
            )


def _weed(easel: Easel, x: float, y: float) -> None:
    canvas, dice, light = easel.canvas, easel.dice, easel.light
    colour = lit(dice.pick(("#3fae6b", "#5fc264", "#2f9a7f")), light)
    for _ in range(dice.whole(2, 4)):
        height, lean = canvas.unit * dice.between(0.08, 0.2), canvas.unit * dice.between(-0.03, 0.03)
        foot = x + canvas.unit * dice.between(-0.02, 0.02)
        canvas.line(
            f"M{number(foot)} {number(y)}q{number(lean)} {number(-height * 0.25)} 0 {number(-height * 0.5)}t{number(lean * 0.4)} {number(-height * 0.5)}",
            colour,
            canvas.unit * 0.011,
        )


def _coral(easel: Easel, x: float, y: float) -> None:
    canvas, dice, light = easel.canvas, easel.dice, easel.light
    colour = lit(dice.pick(("#ff7f8a", "#ff9f5a", "#c77dff", "#ff6fb0")), light)
    height = canvas.unit * dice.between(0.05, 0.1)
    for angle in (-0.6, -0.2, 0.25, 0.65):
        tip_x, tip_y = x + math.sin(angle) * height, y - math.cos(angle) * height * dice.between(0.7, 1.1)
        canvas.line(
            f"M{number(x)} {number(y)}Q{number(x)} {number(y - height * 0.4)} {number(tip_x)} {number(tip_y)}",
            colour,
            height * 0.16,
        )
        canvas.circle(tip_x, tip_y, height * 0.11, mix(colour, "#ffffff", 0.3))
