"""Hills, ground, grass and trees: what landscapes are made of."""

from __future__ import annotations

import math

from .canvas import Canvas, Point, number, wavy
from .dice import Dice
from .easel import Easel
from .palette import lit, mix

__all__ = ["far_trees", "flowers", "ground", "hills", "layer", "pine", "ridge", "round_tree", "tufts"]


def ridge(dice: Dice, width: float, base: float, height: float, bumps: int) -> list[Point]:
    """The points of a soft skyline from edge to edge, at most `height` above `base`."""
    step = width / bumps
    return (
        [(-step, base)]
        + [
            (at * step, base - height * (dice.between(0.45, 1.0) if at % 2 else dice.between(0.0, 0.5)))
            for at in range(bumps + 1)
        ]
        + [(width + step, base)]
    )


def layer(canvas: Canvas, points: list[Point], fill: str, floor: float) -> None:
    """Fill from a skyline down to the floor."""
    canvas.path(
        f"{wavy(points)}L{number(points[-1][0])} {number(floor)}L{number(points[0][0])} {number(floor)}Z",
        fill,
    )


def hills(easel: Easel, colours: tuple[str, ...], tints: tuple[str, ...]) -> None:
    """Hills one behind another; the farther, the more they take the colour of the air."""
    canvas, dice, light, horizon = easel.canvas, easel.dice, easel.light, easel.horizon
    for at, tint in enumerate(tints):
        far = 1 - at / len(tints)
        colour = mix(lit(easel.leaf(tint), light), colours[2], 0.62 * far)
        height = canvas.unit * (0.17 * far + 0.05)
        points = ridge(
            dice,
            canvas.width,
            horizon + canvas.unit * 0.012 * at,
            height,
            max(3, round(canvas.width / canvas.unit * dice.between(3, 5))),
        )
        layer(canvas, points, canvas.linear(colour, mix(colour, colours[2], 0.25)), canvas.height)


def ground(easel: Easel, near: str, far: str) -> None:
    """The foreground, slightly uneven at its far edge."""
    canvas, dice, light, horizon = easel.canvas, easel.dice, easel.light, easel.horizon
    points = ridge(
        dice,
        canvas.width,
        horizon + canvas.unit * 0.02,
        canvas.unit * 0.035,
        max(3, round(3 * canvas.width / canvas.unit)),
    )
    layer(
        canvas,
        points,
        canvas.linear(lit(easel.leaf(far), light), lit(easel.leaf(near), light)),
        canvas.height,
    )


def tufts(easel: Easel, colour: str, count: int) -> None:
    """Blades of grass, larger in front."""
    canvas, dice, light, horizon = easel.canvas, easel.dice, easel.light, easel.horizon
    colour = easel.leaf(colour)
    for _ in range(count):
        depth = dice.unit() ** 0.7
        x, y = dice.between(0, canvas.width), horizon + (canvas.height - horizon) * (0.1 + 0.9 * depth)
        size = canvas.unit * (0.008 + 0.016 * depth)
        canvas.line(
            f"M{number(x - size * 0.5)} {number(y - size)}Q{number(x - size * 0.3)} {number(y - size * 0.4)} {number(x)} {number(y)}"
            f"Q{number(x)} {number(y - size * 0.6)} {number(x + size * 0.1)} {number(y - size * 1.3)}M{number(x)} {number(y)}"
            f"Q{number(x + size * 0.3)} {number(y - size * 0.4)} {number(x + size * 0.7)} {number(y - size * 0.8)}",
            lit(colour, light), size * 0.2, 'opacity=".55"',
        )  # fmt: skip


def flowers(easel: Easel, count: int) -> None:
    """Dots of colour in the grass."""
    canvas, dice, light, horizon = easel.canvas, easel.dice, easel.light, easel.horizon
    for _ in range(count):
        depth = dice.unit()
        x, y = dice.between(0, canvas.width), horizon + (canvas.height - horizon) * (0.15 + 0.85 * depth)
        size = canvas.unit * (0.003 + 0.005 * depth)
        colour = lit(dice.pick(("#ffffff", "#ffe066", "#ff9ecb", "#ff8a7a", "#c9a7ff")), light)
        for angle in range(5):
            canvas.circle(
                x + size * math.cos(angle * 1.257), y + size * math.sin(angle * 1.257), size * 0.75, colour
            )
        canvas.circle(x, y, size * 0.6, lit("#ffb52e", light))


def round_tree(canvas: Canvas, dice: Dice, foot: Point, size: float, colours: tuple[str, str]) -> None:
    """A tree with a crown of four heaps; colours of leaf and trunk."""
    (x, y), (leaf, trunk) = foot, colours
    canvas.rect(x - size * 0.05, y - size * 0.45, size * 0.1, size * 0.47, trunk, round_=size * 0.03)
    paint = canvas.linear(mix(leaf, "#ffffff", 0.16), mix(leaf, "#000000", 0.1))
    for dx, dy, radius in ((-0.2, -0.5, 0.22), (0.2, -0.5, 0.22), (0.0, -0.72, 0.27), (0.0, -0.48, 0.24)):
        canvas.circle(x + dx * size, y + dy * size, radius * size * dice.between(0.9, 1.1), paint)


def pine(canvas: Canvas, at: Point, size: float, colours: tuple[str, str], cap: str | None = None) -> None:
    """A fir of three storeys; colours of leaf and trunk, and of the snow on it."""
    (x, y), (leaf, trunk) = at, colours
    canvas.rect(x - size * 0.04, y - size * 0.15, size * 0.08, size * 0.16, trunk)
    for storey, (half, foot, top) in enumerate(
        ((0.27, -0.1, -0.5), (0.22, -0.35, -0.74), (0.16, -0.6, -1.0))
    ):
        canvas.path(
            f"M{number(x - half * size)} {number(y + foot * size)}Q{number(x)} {number(y + (foot + 0.07) * size)} {number(x + half * size)} {number(y + foot * size)}"
            f"L{number(x)} {number(y + top * size)}Z",
            mix(leaf, "#ffffff", 0.07 * storey),
        )
        if cap:
            canvas.polygon(
                (
                    (x, y + top * size),
                    (x - half * 0.5 * size, y + (foot + top) / 2 * size),
                    (x, y + ((foot + top) / 2 - 0.05) * size),
                    (x + half * 0.5 * size, y + (foot + top) / 2 * size),
                ),
                cap,
            )


def far_trees(easel: Easel, colour: str, count: int) -> None:
    """Small trees along the horizon, in groups towards the edges."""
    canvas, dice, light, horizon = easel.canvas, easel.dice, easel.light, easel.horizon
    for _ in range(count):
        share = dice.unit() ** 1.6 * 0.42
        x = canvas.width * (share if dice.chance(0.5) else 1 - share)
        size = canvas.unit * dice.between(0.07, 0.14)
        y = horizon + canvas.unit * dice.between(0.0, 0.03)
        if dice.chance(0.5):
            pine(canvas, (x, y), size, (lit(mix(colour, "#1f6b4f", 0.4), light), lit("#6b4a36", light)))
        else:
            round_tree(canvas, dice, (x, y), size, (lit(easel.leaf(colour), light), lit("#7a5540", light)))
