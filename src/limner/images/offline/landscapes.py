"""Places under the sky: field, garden, forest, sea, beach, snow, desert, sky."""

from __future__ import annotations

import math

from .canvas import Canvas, Point, number, wavy
from .dice import Dice
from .heavens import clouds, heaven
from .palette import Light, lit, mix

__all__ = ["beach", "desert", "field", "forest", "garden", "ridge", "savanna", "sea", "sky", "snow"]


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


def _layer(canvas: Canvas, points: list[Point], fill: str, floor: float) -> None:
    """Fill from a skyline down to the floor."""
    canvas.path(
        f"{wavy(points)}L{number(points[-1][0])} {number(floor)}L{number(points[0][0])} {number(floor)}Z",
        fill,
    )


def _hills(
    canvas: Canvas, dice: Dice, light: Light, horizon: float, colours: tuple[str, ...], tints: tuple[str, ...]
) -> None:
    """Hills one behind another; the farther, the more they take the colour of the air."""
    for at, tint in enumerate(tints):
        far = 1 - at / len(tints)
        colour = mix(lit(tint, light), colours[2], 0.62 * far)
        height = canvas.unit * (0.17 * far + 0.05)
        points = ridge(
            dice,
            canvas.width,
            horizon + canvas.unit * 0.012 * at,
            height,
            max(3, round(canvas.width / canvas.unit * dice.between(3, 5))),
        )
        _layer(canvas, points, canvas.linear(colour, mix(colour, colours[2], 0.25)), canvas.height)


def _ground(canvas: Canvas, dice: Dice, light: Light, horizon: float, near: str, far: str) -> None:
    """The foreground, slightly uneven at its far edge."""
    points = ridge(
        dice,
        canvas.width,
        horizon + canvas.unit * 0.02,
        canvas.unit * 0.035,
        max(3, round(3 * canvas.width / canvas.unit)),
    )
    _layer(canvas, points, canvas.linear(lit(far, light), lit(near, light)), canvas.height)


def _tufts(canvas: Canvas, dice: Dice, light: Light, horizon: float, colour: str, count: int) -> None:
    """Blades of grass, larger in front."""
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


def _flowers(canvas: Canvas, dice: Dice, light: Light, horizon: float, count: int) -> None:
    """Dots of colour in the grass."""
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


def _round_tree(canvas: Canvas, dice: Dice, x: float, y: float, size: float, leaf: str, trunk: str) -> None:
    canvas.rect(x - size * 0.05, y - size * 0.45, size * 0.1, size * 0.47, trunk, round_=size * 0.03)
    paint = canvas.linear(mix(leaf, "#ffffff", 0.16), mix(leaf, "#000000", 0.1))
    for dx, dy, radius in ((-0.2, -0.5, 0.22), (0.2, -0.5, 0.22), (0.0, -0.72, 0.27), (0.0, -0.48, 0.24)):
        canvas.circle(x + dx * size, y + dy * size, radius * size * dice.between(0.9, 1.1), paint)


def _pine(
    canvas: Canvas, x: float, y: float, size: float, leaf: str, trunk: str, cap: str | None = None
) -> None:
    canvas.rect(x - size * 0.04, y - size * 0.15, size * 0.08, size * 0.16, trunk)
    for at, (half, foot, top) in enumerate(((0.27, -0.1, -0.5), (0.22, -0.35, -0.74), (0.16, -0.6, -1.0))):
        canvas.path(
            f"M{number(x - half * size)} {number(y + foot * size)}Q{number(x)} {number(y + (foot + 0.07) * size)} {number(x + half * size)} {number(y + foot * size)}"
            f"L{number(x)} {number(y + top * size)}Z",
            mix(leaf, "#ffffff", 0.07 * at),
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


def _far_trees(canvas: Canvas, dice: Dice, light: Light, horizon: float, colour: str, count: int) -> None:
    """Small trees along the horizon, in groups towards the edges."""
    for _ in range(count):
        share = dice.unit() ** 1.6 * 0.42
        x = canvas.width * (share if dice.chance(0.5) else 1 - share)
        size = canvas.unit * dice.between(0.07, 0.14)
        y = horizon + canvas.unit * dice.between(0.0, 0.03)
        if dice.chance(0.5):
            _pine(canvas, x, y, size, lit(mix(colour, "#1f6b4f", 0.4), light), lit("#6b4a36", light))
        else:
            _round_tree(canvas, dice, x, y, size, lit(colour, light), lit("#7a5540", light))


def field(canvas: Canvas, dice: Dice, light: Light, horizon: float, *, body: bool = True) -> None:
    """Grass before hills."""
    colours = heaven(canvas, dice, light, horizon, body=body)
    greens = dice.pick(
        (
            ("#7fb7a5", "#7cc08a", "#8fcb72"),
            ("#8aa9c9", "#86b79b", "#a3cc74"),
            ("#95b8a8", "#a8c46f", "#c3cf6a"),
        )
    )
    _hills(canvas, dice, light, horizon, colours, greens)
    _far_trees(canvas, dice, light, horizon, "#4f9e5a", dice.whole(4, 9))
    near, far = dice.pick((("#4f9f46", "#8fcf62"), ("#5aa54e", "#a8d66b"), ("#3f9458", "#86c96c")))
    _ground(canvas, dice, light, horizon, near, far)
    if dice.chance(0.45):
        _path(canvas, dice, light, horizon)
    _tufts(canvas, dice, light, horizon, "#2f7a38", 34)
    _flowers(canvas, dice, light, horizon, dice.whole(8, 22))


def savanna(canvas: Canvas, dice: Dice, light: Light, horizon: float, *, body: bool = True) -> None:
    """Dry grass under a wide sky, with flat trees."""
    colours = heaven(canvas, dice, light, horizon, body=body)
    _hills(canvas, dice, light, horizon, colours, ("#b7a98c", "#c9b074"))
    for _ in range(dice.whole(2, 4)):
        x, size = dice.between(0, canvas.width), canvas.unit * dice.between(0.12, 0.22)
        y = horizon + canvas.unit * 0.02
        canvas.line(
            f"M{number(x)} {number(y)}L{number(x)} {number(y - size * 0.5)}M{number(x)} {number(y - size * 0.4)}L{number(x - size * 0.3)} {number(y - size * 0.7)}M{number(x)} {number(y - size * 0.45)}L{number(x + size * 0.3)} {number(y - size * 0.72)}",
            lit("#6b4a36", light),
            size * 0.06,
        )
        canvas.ellipse(x, y - size * 0.74, size * 0.62, size * 0.13, lit("#6f8f3f", light))
        canvas.ellipse(x + size * 0.1, y - size * 0.84, size * 0.36, size * 0.1, lit("#86a44d", light))
    _ground(canvas, dice, light, horizon, "#c08a3e", "#e8c774")
    _tufts(canvas, dice, light, horizon, "#8f6a25", 60)


def _path(canvas: Canvas, dice: Dice, light: Light, horizon: float) -> None:
    """A way that winds from the front to the hills."""
    x0, x1 = canvas.width * dice.between(0.1, 0.9), canvas.width * dice.between(0.35, 0.65)
    top, bottom = horizon + canvas.unit * 0.015, float(canvas.height)
    bend = canvas.width * dice.between(-0.25, 0.25)
    wide = canvas.unit * 0.13
    canvas.path(
        f"M{number(x0 - wide)} {number(bottom)}C{number(x0 - wide + bend)} {number((top + bottom) / 2)} {number(x1 + bend)} {number(top + (bottom - top) * 0.35)} {number(x1)} {number(top)}"
        f"C{number(x1 + bend + wide * 0.3)} {number(top + (bottom - top) * 0.35)} {number(x0 + wide + bend)} {number((top + bottom) / 2)} {number(x0 + wide)} {number(bottom)}Z",
        canvas.linear(lit("#efe0b4", light), lit("#d9bd86", light)), 'opacity=".75"',
    )  # fmt: skip


def garden(canvas: Canvas, dice: Dice, light: Light, horizon: float, *, body: bool = True) -> None:
    """A fenced plot: lawn behind, rows of dark earth in front."""
    colours = heaven(canvas, dice, light, horizon, body=body)
    _hills(canvas, dice, light, horizon, colours, ("#8fb9a4", "#84c07c"))
    _far_trees(canvas, dice, light, horizon, "#55a35b", dice.whole(3, 7))
    _ground(canvas, dice, light, horizon, "#5aa54e", "#9fd26d")
    _fence(canvas, dice, light, horizon)
    top = horizon + (canvas.height - horizon) * dice.between(0.24, 0.34)
    rows = dice.whole(3, 5)
    soil = dice.pick(("#8a5a3c", "#7a4f38", "#95653f"))
    for row in range(rows):
        share = row / rows
        y = top + (canvas.height - top) * share**1.25
        height = (canvas.height - top) / rows * (0.55 + 0.5 * share)
        inset = canvas.width * 0.05 * (1 - share)
        canvas.rect(
            inset,
            y,
            canvas.width - 2 * inset,
            height * 0.86,
            canvas.linear(lit(mix(soil, "#ffffff", 0.14), light), lit(mix(soil, "#2a1408", 0.25), light)),
            round_=height * 0.4,
        )
        count = round(canvas.width / canvas.unit * (9 - row))
        for at in range(count):
            _sprout(
                canvas,
                dice,
                light,
                inset + (canvas.width - 2 * inset) * (at + 0.5) / count,
                y + height * 0.22,
                canvas.unit * (0.014 + 0.012 * share),
            )
    _tufts(canvas, dice, light, horizon, "#2f7a38", 16)


def _sprout(canvas: Canvas, dice: Dice, light: Light, x: float, y: float, size: float) -> None:
    size *= dice.between(0.7, 1.25)
    leaf = lit("#79c94c", light)
    for side in (-1, 1):
        canvas.path(
            f"M{number(x)} {number(y)}q{number(side * size * 0.2)} {number(-size)} {number(side * size)} {number(-size * 0.9)}q{number(-side * size * 0.1)} {number(size * 0.9)} {number(-side * size)} {number(size * 0.9)}Z",
            leaf,
        )


def _fence(canvas: Canvas, dice: Dice, light: Light, horizon: float) -> None:
    wood = dice.pick(("#ffffff", "#e9cfa6", "#d9a877"))
    colour, dark = lit(wood, light), lit(mix(wood, "#7a5a3a", 0.25), light)
    step, height = canvas.unit * 0.06, canvas.unit * 0.11
    foot = horizon + canvas.unit * 0.055
    for level in (0.35, 0.72):
        canvas.rect(0, foot - height * level, canvas.width, height * 0.1, dark)
    at = -step * dice.unit()
    while at < canvas.width:
        canvas.path(
            f"M{number(at)} {number(foot)}v{number(-height * 0.86)}l{number(step * 0.26)} {number(-height * 0.16)}l{number(step * 0.26)} {number(height * 0.16)}v{number(height * 0.86)}Z",
            colour,
        )
        at += step


def forest(
    canvas: Canvas, dice: Dice, light: Light, horizon: float, *, body: bool = True, snowy: bool = False
) -> None:
    """Trees in four depths around a clearing."""
    colours = heaven(canvas, dice, light, horizon, body=body)
    leaf = "#5f8f86" if snowy else dice.pick(("#3f8f5a", "#4c8f4a", "#2f8268"))
    cap = lit("#f4faff", light, 0.6) if snowy else None
    for depth in range(4):
        near = depth / 3
        colour = mix(lit(leaf, light), colours[2], 0.6 * (1 - near))
        base = horizon + canvas.unit * 0.03 * depth
        count = round(canvas.width / canvas.unit * (13 - 3 * depth))
        for at in range(count):
            share = (at + dice.between(0.1, 0.9)) / count
            # The nearest trees leave the middle free for what the picture is about.
            if depth == 3 and 0.2 < share < 0.8:
                continue
            size = canvas.unit * (0.22 + 0.13 * depth) * dice.between(0.75, 1.2)
            x = share * canvas.width
            if snowy or dice.chance(0.6):
                _pine(canvas, x, base, size, colour, mix(colour, "#4a3328", 0.6), cap if depth > 0 else None)
            else:
                _round_tree(
                    canvas, dice, x, base, size, mix(colour, "#a3c95a", 0.15), mix(colour, "#4a3328", 0.6)
                )
        if depth < 3:
            canvas.rect(
                0,
                base - canvas.unit * 0.2,
                canvas.width,
                canvas.unit * 0.22,
                canvas.linear(f"{colours[2]}@0/0", f"{colours[2]}@1/.4"),
            )
    if snowy:
        _ground(canvas, dice, light, horizon + canvas.unit * 0.06, "#d6e6f5", "#ffffff")
        return
    _ground(
        canvas,
        dice,
        light,
        horizon + canvas.unit * 0.06,
        dice.pick(("#4a7f3f", "#5a7a3a", "#3f7a4a")),
        "#86b45a",
    )
    _tufts(canvas, dice, light, horizon + canvas.unit * 0.06, "#2c5f30", 40)
    _flowers(canvas, dice, light, horizon + canvas.unit * 0.08, dice.whole(3, 9))


def snow(canvas: Canvas, dice: Dice, light: Light, horizon: float, *, body: bool = True) -> None:
    """White hills with pines."""
    colours = heaven(canvas, dice, light, horizon, body=body)
    _hills(canvas, dice, light, horizon, colours, ("#b9cfe6", "#d3e2f2", "#e8f1fa"))
    for _ in range(dice.whole(6, 11)):
        share = dice.unit() ** 1.5 * 0.44
        x = canvas.width * (share if dice.chance(0.5) else 1 - share)
        _pine(
            canvas,
            x,
            horizon + canvas.unit * dice.between(0.0, 0.05),
            canvas.unit * dice.between(0.1, 0.24),
            lit("#4f8a7d", light),
            lit("#6b4a36", light),
            lit("#ffffff", light, 0.6),
        )
    _ground(canvas, dice, light, horizon, "#d3e4f4", "#ffffff")
    for _ in range(7):
        x, y = dice.between(0, canvas.width), dice.between(horizon + canvas.unit * 0.06, canvas.height)
        canvas.ellipse(
            x,
            y,
            canvas.unit * dice.between(0.05, 0.16),
            canvas.unit * 0.008,
            lit("#bcd3ea", light),
            'opacity=".5"',
        )


def desert(canvas: Canvas, dice: Dice, light: Light, horizon: float, *, body: bool = True) -> None:
    """Dunes and table mountains."""
    colours = heaven(canvas, dice, light, horizon, body=body)
    for _ in range(dice.whole(1, 3)):
        x, width, height = (
            dice.between(0, canvas.width),
            canvas.unit * dice.between(0.15, 0.3),
            canvas.unit * dice.between(0.08, 0.18),
        )
        foot = horizon + canvas.unit * 0.02
        canvas.polygon(
            (
                (x - width, foot),
                (x - width * 0.72, foot - height),
                (x - width * 0.1, foot - height * 1.04),
                (x + width * 0.12, foot - height * 0.8),
                (x + width * 0.6, foot - height * 0.78),
                (x + width * 0.85, foot),
            ),
            canvas.linear(
                mix(lit("#c9744a", light), colours[2], 0.3), mix(lit("#e0a070", light), colours[2], 0.45)
            ),
        )
    for at, (far, near) in enumerate(
        (("#f3cf94", "#e3a75e"), ("#f0c17c", "#d9924a"), ("#f6d293", "#dd9c53"))
    ):
        base = horizon + (canvas.height - horizon) * (0.06 + 0.17 * at)
        points = ridge(
            dice, canvas.width, base, canvas.unit * 0.09, max(2, round(canvas.width / canvas.unit * 2))
        )
        _layer(canvas, points, canvas.linear(lit(far, light), lit(near, light)), canvas.height)
    for _ in range(9):
        x, y = dice.between(0, canvas.width), horizon + (canvas.height - horizon) * dice.between(0.5, 0.97)
        size = canvas.unit * dice.between(0.05, 0.12)
        canvas.line(
            f"M{number(x - size)} {number(y)}q{number(size * 0.5)} {number(-size * 0.14)} {number(size)} 0t{number(size)} 0",
            lit("#c9843f", light),
            canvas.unit * 0.003,
            'opacity=".5"',
        )


def _water(
    canvas: Canvas, dice: Dice, light: Light, top: float, bottom: float, colours: tuple[str, ...]
) -> None:
    """Water from the horizon on, with the light of the sky in it."""
    deep = dice.pick(("#1b7fb5", "#1d8aa8", "#2474b8"))
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


def sea(canvas: Canvas, dice: Dice, light: Light, horizon: float, *, body: bool = True) -> None:
    """Open water, perhaps with an island far away."""
    colours = heaven(canvas, dice, light, horizon, body=body)
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
    _water(canvas, dice, light, horizon, canvas.height, colours)


def beach(canvas: Canvas, dice: Dice, light: Light, horizon: float, *, body: bool = True) -> None:
    """Sand before the sea."""
    colours = heaven(canvas, dice, light, horizon, body=body)
    shore = horizon + (canvas.height - horizon) * 0.3
    _water(canvas, dice, light, horizon, shore + canvas.unit * 0.06, colours)
    points = ridge(
        dice,
        canvas.width,
        shore + canvas.unit * 0.03,
        canvas.unit * 0.05,
        max(3, round(canvas.width / canvas.unit * 3)),
    )
    _layer(
        canvas, [(x, y - canvas.unit * 0.014) for x, y in points], lit("#ffffff", light, 0.6), canvas.height
    )
    _layer(canvas, points, canvas.linear(lit("#fbe3b0", light), lit("#e9b873", light)), canvas.height)
    for _ in range(40):
        canvas.circle(
            dice.between(0, canvas.width),
            dice.between(shore + canvas.unit * 0.08, canvas.height),
            canvas.unit * dice.between(0.001, 0.003),
            lit("#b98a4a", light),
            'opacity=".6"',
        )


def sky(canvas: Canvas, dice: Dice, light: Light, horizon: float, *, body: bool = True) -> None:
    """Above the clouds."""
    heaven(canvas, dice, light, horizon, body=body)
    clouds(canvas, dice, light, canvas.height * 1.1, 6)
    for at in range(3):
        colour = lit(mix("#ffffff", "#cfe4f6", 0.5 - 0.25 * at), light, 0.7)
        base = canvas.height * (0.9 + 0.045 * at)
        radius = canvas.unit * 0.1
        x = -radius
        while x < canvas.width + radius:
            canvas.circle(x, base + radius * dice.between(-0.2, 0.5), radius * dice.between(0.7, 1.2), colour)
            x += radius * dice.between(0.7, 1.1)
        canvas.rect(0, base + radius * 0.6, canvas.width, canvas.height, colour)
