"""Places of another kind: the city and space."""

from __future__ import annotations

from .canvas import Canvas, Point, number
from .dice import Dice
from .easel import Easel
from .heavens import heaven, stars
from .palette import lit, mix

__all__ = ["city", "space"]


def city(easel: Easel, *, body: bool = True) -> None:
    """Two rows of houses behind a street."""
    canvas, dice, light, horizon = easel.canvas, easel.dice, easel.light, easel.horizon
    colours = heaven(easel, body=body)
    _houses(easel, horizon, colours[2], far=True)
    _houses(easel, horizon, colours[2], far=False)
    for at in range(round(canvas.width / canvas.unit * 4)):
        x = canvas.width * (at + dice.between(0.2, 0.8)) / (canvas.width / canvas.unit * 4)
        size = canvas.unit * dice.between(0.06, 0.09)
        canvas.rect(x - size * 0.06, horizon - size * 0.5, size * 0.12, size * 0.6, lit("#7a5540", light))
        canvas.circle(
            x, horizon - size * 0.75, size * 0.5, lit(dice.pick(("#5aa863", "#6fb85a", "#4a9a6b")), light)
        )
    top = horizon + canvas.unit * 0.01
    canvas.rect(0, top, canvas.width, canvas.height, lit("#c9cbd6", light))
    kerb = top + (canvas.height - top) * 0.16
    canvas.rect(0, kerb, canvas.width, canvas.unit * 0.012, lit("#a5a9b8", light))
    canvas.rect(
        0,
        kerb + canvas.unit * 0.012,
        canvas.width,
        canvas.height,
        canvas.linear(lit("#767b8f", light), lit("#5a5f73", light)),
    )
    middle = kerb + (canvas.height - kerb) * 0.55
    dash = canvas.unit * 0.09
    x = -dash * dice.unit()
    while x < canvas.width:
        canvas.polygon(
            (
                (x, middle),
                (x + dash, middle),
                (x + dash * 0.92, middle + dash * 0.14),
                (x - dash * 0.08, middle + dash * 0.14),
            ),
            lit("#f2e6b8", light, 0.7),
            'opacity=".8"',
        )
        x += dash * 1.9


def _houses(easel: Easel, foot: float, air: str, *, far: bool) -> None:
    canvas, dice, light = easel.canvas, easel.dice, easel.light
    tones = (
        ("#8fa3c7", "#a7b4d6", "#9aa0c9")
        if far
        else ("#e8927c", "#f2c078", "#7fa8d1", "#b48ead", "#8fbcbb", "#d9a5b3", "#d08770")
    )
    x = -canvas.unit * 0.05 * dice.unit()
    while x < canvas.width:
        width = canvas.unit * dice.between(0.09, 0.17)
        height = canvas.unit * (dice.between(0.26, 0.46) if far else dice.between(0.14, 0.34))
        height = min(height, foot * 0.82)
        colour = lit(dice.pick(tones), light)
        colour = mix(colour, air, 0.55) if far else colour
        canvas.rect(
            x,
            foot - height,
            width,
            height,
            canvas.linear(mix(colour, "#ffffff", 0.12), mix(colour, "#23283f", 0.12)),
        )
        if not far and dice.chance(0.4):
            roof = mix(colour, "#5a2a2a", 0.4)
            canvas.polygon(
                (
                    (x - width * 0.05, foot - height),
                    (x + width / 2, foot - height - width * 0.4),
                    (x + width * 1.05, foot - height),
                ),
                roof,
            )
        elif dice.chance(0.4):
            canvas.rect(
                x + width * 0.42,
                foot - height - width * 0.28,
                width * 0.08,
                width * 0.3,
                mix(colour, "#23283f", 0.3),
            )
        else:
            canvas.rect(
                x - width * 0.03, foot - height, width * 1.06, width * 0.07, mix(colour, "#ffffff", 0.3)
            )
        _windows(easel, (x, foot - height), (width, height), colour, far=far)
        x += width + (canvas.unit * 0.006 if far else canvas.unit * dice.between(0.0, 0.02))


def _windows(easel: Easel, at: Point, size: Point, wall: str, *, far: bool) -> None:
    (x, y), (width, height) = at, size
    canvas, dice, light = easel.canvas, easel.dice, easel.light
    columns = 2 if width < canvas.unit * 0.12 else 3
    cell = width / (columns + 0.5)
    rows = int(height / (cell * 1.25))
    warm, cold = (
        ("#ffdf8a", mix(wall, "#0a1030", 0.4))
        if light == "night"
        else (mix("#fff3cf", wall, 0.2), mix(wall, "#3c6e96", 0.45))
    )
    for row in range(rows):
        for column in range(columns):
            glow = dice.chance(0.55 if light == "night" else 0.3)
            canvas.rect(
                x + cell * (0.42 + column),
                y + cell * (0.5 + 1.25 * row),
                cell * 0.58,
                cell * 0.72,
                warm if glow else cold,
                round_=canvas.unit * 0.002,
                more='opacity=".6"' if far else "",
            )


def space(easel: Easel, *, body: bool = True) -> None:
    """Stars, mist and far planets; the ground of a small moon below."""
    canvas, dice, horizon = easel.canvas, easel.dice, easel.horizon
    top, low, mist = easel.tone(
        "space",
        (
            ("#0b0a26", "#2b1a57", "#b04fc4"),
            ("#050f2c", "#15396b", "#3fb0d9"),
            ("#120824", "#43184f", "#ff6f91"),
            ("#07131f", "#123f4d", "#4fd1a5"),
        ),
    )
    canvas.rect(0, 0, canvas.width, canvas.height, canvas.linear(top, low))
    for _ in range(4):
        radius = canvas.unit * dice.between(0.25, 0.55)
        canvas.ellipse(
            dice.between(0, canvas.width),
            dice.between(0, canvas.height * 0.8),
            radius * 1.3,
            radius * 0.8,
            canvas.radial(f"{mist}@0/.32", f"{mist}@.5/.14", f"{mist}@1/0"),
        )
    stars(canvas, dice, canvas.height)
    if body:
        side = 0.16 if dice.chance(0.5) else 0.84
        _planet(
            canvas,
            dice,
            canvas.width * side,
            canvas.height * dice.between(0.14, 0.24),
            canvas.unit * dice.between(0.07, 0.12),
        )
        _planet(
            canvas,
            dice,
            canvas.width * (1 - side + dice.between(-0.06, 0.06)),
            canvas.height * dice.between(0.1, 0.4),
            canvas.unit * dice.between(0.025, 0.05),
        )
    _lunar_ground(canvas, dice, mist, horizon)


def _planet(canvas: Canvas, dice: Dice, x: float, y: float, radius: float) -> None:
    colour = dice.pick(("#ff9f6b", "#7fd1e8", "#e8c07f", "#b58cff", "#8fe0a8", "#ff8fa8"))
    clip = canvas.clip(f'<circle cx="{number(x)}" cy="{number(y)}" r="{number(radius)}"/>')
    canvas.add(f"<g {clip}>")
    canvas.circle(x, y, radius, canvas.linear(mix(colour, "#ffffff", 0.25), mix(colour, "#1a0f3a", 0.25)))
    for at in range(3):
        level = y + radius * (-0.55 + 0.5 * at + dice.between(-0.1, 0.1))
        canvas.ellipse(
            x,
            level,
            radius * 1.1,
            radius * dice.between(0.06, 0.16),
            mix(colour, "#ffffff" if at % 2 else "#7a3a5a", 0.3),
            'opacity=".6"',
        )
    canvas.circle(
        x + radius * 0.45,
        y + radius * 0.35,
        radius * 1.25,
        "none",
        f'stroke="#0a0620" stroke-opacity=".28" stroke-width="{number(radius * 0.9)}"',
    )
    canvas.add("</g>")
    if dice.chance(0.4):
        canvas.ellipse(
            x,
            y,
            radius * 1.7,
            radius * 0.4,
            "none",
            f'stroke="{mix(colour, "#ffffff", 0.5)}" stroke-width="{number(radius * 0.12)}" opacity=".75" transform="rotate(-18 {number(x)} {number(y)})"',
        )


def _lunar_ground(canvas: Canvas, dice: Dice, mist: str, horizon: float) -> None:
    colour = mix("#8f8aa8", mist, 0.25)
    bend = canvas.unit * 0.09
    foot = horizon + canvas.unit * 0.12
    canvas.path(
        f"M0 {number(foot + bend)}Q{number(canvas.width / 2)} {number(foot - bend)} {canvas.width} {number(foot + bend)}V{canvas.height}H0Z",
        canvas.linear(mix(colour, "#ffffff", 0.25), mix(colour, "#1a1033", 0.5)),
    )
    for _ in range(9):
        x = dice.between(0, canvas.width)
        depth = dice.between(0.25, 1)
        y = foot + (canvas.height - foot) * depth + canvas.unit * 0.03
        rx = canvas.unit * dice.between(0.015, 0.05) * (0.5 + depth)
        canvas.ellipse(x, y, rx, rx * 0.32, mix(colour, "#1a1033", 0.42), 'opacity=".7"')
        canvas.ellipse(x, y + rx * 0.09, rx * 0.9, rx * 0.22, mix(colour, "#1a1033", 0.22), 'opacity=".8"')
