"""Places under the sky: field, savanna, garden, forest, snow, desert, above the clouds."""

from __future__ import annotations

from .canvas import number
from .easel import Easel
from .heavens import clouds, heaven
from .palette import lit, mix
from .terrain import far_trees, flowers, ground, hills, layer, pine, ridge, round_tree, tufts

__all__ = ["desert", "field", "forest", "garden", "savanna", "sky", "snow"]


def field(easel: Easel, *, body: bool = True) -> None:
    """Grass before hills."""
    dice = easel.dice
    colours = heaven(easel, body=body)
    greens = easel.tone(
        "hills",
        (
            ("#7fb7a5", "#7cc08a", "#8fcb72"),
            ("#8aa9c9", "#86b79b", "#a3cc74"),
            ("#95b8a8", "#a8c46f", "#c3cf6a"),
        ),
    )
    hills(easel, colours, greens)
    far_trees(easel, "#4f9e5a", dice.whole(4, 9))
    near, far = easel.tone("grass", (("#4f9f46", "#8fcf62"), ("#5aa54e", "#a8d66b"), ("#3f9458", "#86c96c")))
    ground(easel, near, far)
    if dice.chance(0.45):
        _path(easel)
    tufts(easel, "#2f7a38", 34)
    flowers(easel, dice.whole(8, 22))


def savanna(easel: Easel, *, body: bool = True) -> None:
    """Dry grass under a wide sky, with flat trees."""
    canvas, dice, light, horizon = easel.canvas, easel.dice, easel.light, easel.horizon
    colours = heaven(easel, body=body)
    hills(easel, colours, ("#b7a98c", "#c9b074"))
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
    ground(easel, "#c08a3e", "#e8c774")
    tufts(easel, "#8f6a25", 60)


def _path(easel: Easel) -> None:
    """A way that winds from the front to the hills."""
    canvas, dice, light, horizon = easel.canvas, easel.dice, easel.light, easel.horizon
    x0, x1 = canvas.width * dice.between(0.1, 0.9), canvas.width * dice.between(0.35, 0.65)
    top, bottom = horizon + canvas.unit * 0.015, float(canvas.height)
    bend = canvas.width * dice.between(-0.25, 0.25)
    wide = canvas.unit * 0.13
    canvas.path(
        f"M{number(x0 - wide)} {number(bottom)}C{number(x0 - wide + bend)} {number((top + bottom) / 2)} {number(x1 + bend)} {number(top + (bottom - top) * 0.35)} {number(x1)} {number(top)}"
        f"C{number(x1 + bend + wide * 0.3)} {number(top + (bottom - top) * 0.35)} {number(x0 + wide + bend)} {number((top + bottom) / 2)} {number(x0 + wide)} {number(bottom)}Z",
        canvas.linear(lit("#efe0b4", light), lit("#d9bd86", light)), 'opacity=".75"',
    )  # fmt: skip


def garden(easel: Easel, *, body: bool = True) -> None:
    """A fenced plot: lawn behind, rows of dark earth in front."""
    canvas, dice, light, horizon = easel.canvas, easel.dice, easel.light, easel.horizon
    colours = heaven(easel, body=body)
    hills(easel, colours, ("#8fb9a4", "#84c07c"))
    far_trees(easel, "#55a35b", dice.whole(3, 7))
    ground(easel, "#5aa54e", "#9fd26d")
    _fence(easel)
    top = horizon + (canvas.height - horizon) * dice.between(0.24, 0.34)
    rows = dice.whole(3, 5)
    soil = easel.tone("soil", ("#8a5a3c", "#7a4f38", "#95653f"))
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
                easel,
                inset + (canvas.width - 2 * inset) * (at + 0.5) / count,
                y + height * 0.22,
                canvas.unit * (0.014 + 0.012 * share),
            )
    tufts(easel, "#2f7a38", 16)


def _sprout(easel: Easel, x: float, y: float, size: float) -> None:
    canvas, dice, light = easel.canvas, easel.dice, easel.light
    size *= dice.between(0.7, 1.25)
    leaf = lit("#79c94c", light)
    for side in (-1, 1):
        canvas.path(
            f"M{number(x)} {number(y)}q{number(side * size * 0.2)} {number(-size)} {number(side * size)} {number(-size * 0.9)}q{number(-side * size * 0.1)} {number(size * 0.9)} {number(-side * size)} {number(size * 0.9)}Z",
            leaf,
        )


def _fence(easel: Easel) -> None:
    canvas, dice, light, horizon = easel.canvas, easel.dice, easel.light, easel.horizon
    wood = easel.tone("fence", ("#ffffff", "#e9cfa6", "#d9a877"))
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


def forest(easel: Easel, *, body: bool = True, snowy: bool = False) -> None:
    """Trees in four depths around a clearing."""
    canvas, dice, light, horizon = easel.canvas, easel.dice, easel.light, easel.horizon
    colours = heaven(easel, body=body)
    leaf = "#5f8f86" if snowy else easel.tone("leaves", ("#3f8f5a", "#4c8f4a", "#2f8268"))
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
                pine(
                    canvas, (x, base), size, (colour, mix(colour, "#4a3328", 0.6)), cap if depth > 0 else None
                )
            else:
                round_tree(
                    canvas,
                    dice,
                    (x, base),
                    size,
                    (mix(easel.leaf(colour), "#a3c95a", 0.15), mix(colour, "#4a3328", 0.6)),
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
        ground(easel.at(horizon + canvas.unit * 0.06), "#d6e6f5", "#ffffff")
        return
    ground(
        easel.at(horizon + canvas.unit * 0.06),
        easel.tone("clearing", ("#4a7f3f", "#5a7a3a", "#3f7a4a")),
        "#86b45a",
    )
    tufts(easel.at(horizon + canvas.unit * 0.06), "#2c5f30", 40)
    flowers(easel.at(horizon + canvas.unit * 0.08), dice.whole(3, 9))


def snow(easel: Easel, *, body: bool = True) -> None:
    """White hills with pines."""
    canvas, dice, light, horizon = easel.canvas, easel.dice, easel.light, easel.horizon
    colours = heaven(easel, body=body)
    hills(easel, colours, ("#b9cfe6", "#d3e2f2", "#e8f1fa"))
    for _ in range(dice.whole(6, 11)):
        share = dice.unit() ** 1.5 * 0.44
        x = canvas.width * (share if dice.chance(0.5) else 1 - share)
        pine(
            canvas,
            (x, horizon + canvas.unit * dice.between(0.0, 0.05)),
            canvas.unit * dice.between(0.1, 0.24),
            (lit("#4f8a7d", light), lit("#6b4a36", light)),
            lit("#ffffff", light, 0.6),
        )
    ground(easel, "#d3e4f4", "#ffffff")
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


def desert(easel: Easel, *, body: bool = True) -> None:
    """Dunes and table mountains."""
    canvas, dice, light, horizon = easel.canvas, easel.dice, easel.light, easel.horizon
    colours = heaven(easel, body=body)
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
        layer(canvas, points, canvas.linear(lit(far, light), lit(near, light)), canvas.height)
    for _ in range(9):
        x, y = dice.between(0, canvas.width), horizon + (canvas.height - horizon) * dice.between(0.5, 0.97)
        size = canvas.unit * dice.between(0.05, 0.12)
        canvas.line(
            f"M{number(x - size)} {number(y)}q{number(size * 0.5)} {number(-size * 0.14)} {number(size)} 0t{number(size)} 0",
            lit("#c9843f", light),
            canvas.unit * 0.003,
            'opacity=".5"',
        )


def sky(easel: Easel, *, body: bool = True) -> None:
    """Above the clouds."""
    canvas, dice, light = easel.canvas, easel.dice, easel.light
    heaven(easel, body=body)
    clouds(easel.at(canvas.height * 1.1), 6)
    for at in range(3):
        colour = lit(mix("#ffffff", "#cfe4f6", 0.5 - 0.25 * at), light, 0.7)
        base = canvas.height * (0.9 + 0.045 * at)
        radius = canvas.unit * 0.1
        x = -radius
        while x < canvas.width + radius:
            canvas.circle(x, base + radius * dice.between(-0.2, 0.5), radius * dice.between(0.7, 1.2), colour)
            x += radius * dice.between(0.7, 1.1)
        canvas.rect(0, base + radius * 0.6, canvas.width, canvas.height, colour)
