"""What hangs on the walls of kitchen and room."""

from __future__ import annotations

from .canvas import Canvas, number
from .easel import Easel
from .palette import SKIES, Light, lit, mix, sky

__all__ = ["book_shelf", "dish_shelf", "indoors", "lamp", "picture", "window"]


def indoors(colour: str, light: Light, share: float = 0.5) -> str:
    """Rooms keep some light of their own."""
    return lit(colour, light, share)


def window(easel: Easel, share: float, *, curtains: bool) -> None:
    """A window with the weather's light in it, curtains or a pot on the sill; `share` is its middle."""
    canvas, dice, light, horizon = easel.canvas, easel.dice, easel.light, easel.horizon
    width = canvas.unit * dice.between(0.25, 0.31)
    height = min(width * dice.between(1.0, 1.3), horizon * 0.58)
    x = canvas.width * share - width / 2
    y = max(horizon * 0.12, horizon * 0.46 - height / 2 - canvas.unit * 0.03)
    frame = indoors(dice.pick(("#ffffff", "#c98d5a", "#fff6e6")), light)
    edge = canvas.unit * 0.016
    canvas.rect(
        x - edge,
        y - edge,
        width + 2 * edge,
        height + 2 * edge,
        mix(frame, "#8a6a4a", 0.25),
        round_=edge * 0.6,
    )
    clip = canvas.clip(
        f'<rect x="{number(x)}" y="{number(y)}" width="{number(width)}" height="{number(height)}"/>'
    )
    colours = easel.tone("sky", SKIES[light])
    canvas.add(f"<g {clip}>")
    canvas.rect(x, y, width, height, canvas.linear(colours[0], colours[1], colours[2]))
    if light == "night":
        for _ in range(12):
            canvas.circle(x + width * dice.unit(), y + height * 0.7 * dice.unit(), width * 0.008, "#ffffff")
        canvas.circle(x + width * 0.72, y + height * 0.25, width * 0.1, "#fff3c9")
    else:
        canvas.circle(
            x + width * dice.between(0.2, 0.8), y + height * 0.3, width * 0.11, "#fff6d0", 'opacity=".9"'
        )
    green = lit("#7fbf7a", light)
    canvas.ellipse(
        x + width * 0.2, y + height * 1.02, width * 0.6, height * 0.3, mix(green, colours[2], 0.35)
    )
    canvas.ellipse(x + width * 0.85, y + height * 1.05, width * 0.6, height * 0.26, green)
    canvas.add("</g>")
    canvas.rect(x + width / 2 - edge * 0.35, y, edge * 0.7, height, frame)
    canvas.rect(x, y + height * 0.48, width, edge * 0.7, frame)
    canvas.rect(
        x - edge,
        y - edge,
        width + 2 * edge,
        height + 2 * edge,
        "none",
        round_=edge * 0.5,
        more=f'stroke="{frame}" stroke-width="{number(edge)}"',
    )
    canvas.rect(
        x - edge * 2.2, y + height + edge * 0.6, width + edge * 4.4, edge * 1.3, frame, round_=edge * 0.4
    )
    if curtains:
        _curtains(easel, x, y, width, height)
    elif dice.chance(0.7):
        _sill_pot(easel, x + width * dice.pick((0.2, 0.8)), y + height + edge * 0.7)


def _curtains(easel: Easel, x: float, y: float, width: float, height: float) -> None:
    canvas, dice, light = easel.canvas, easel.dice, easel.light
    colour = dice.pick(("#f08a7a", "#7fb3d9", "#f2c063", "#9ac98a", "#c79ad9"))
    for side in (-1, 1):
        edge = x - width * 0.12 if side < 0 else x + width * 1.12
        canvas.path(
            f"M{number(edge)} {number(y - height * 0.08)}h{number(-side * width * 0.34)}q{number(side * width * 0.02)} {number(height * 0.6)} {number(side * width * 0.2)} {number(height * 1.2)}h{number(side * width * 0.14)}Z",
            canvas.linear(indoors(mix(colour, "#ffffff", 0.2), light), indoors(colour, light)), 'opacity=".95"',
        )  # fmt: skip
        for fold in (0.1, 0.2):
            canvas.line(
                f"M{number(edge - side * width * fold)} {number(y - height * 0.05)}q0 {number(height * 0.6)} {number(side * width * fold * 0.55)} {number(height * 1.1)}",
                indoors(mix(colour, "#5a2a2a", 0.2), light),
                width * 0.012,
                'opacity=".5"',
            )
    canvas.rect(
        x - width * 0.2,
        y - height * 0.12,
        width * 1.4,
        width * 0.045,
        indoors("#8a5a3c", light),
        round_=width * 0.02,
    )


def _sill_pot(easel: Easel, x: float, y: float) -> None:
    canvas, dice, light = easel.canvas, easel.dice, easel.light
    size = canvas.unit * 0.05
    leaf = indoors(dice.pick(("#4faf5a", "#6fb84a", "#3f9f6f")), light)
    for angle in (-0.9, -0.45, 0.0, 0.45, 0.9):
        canvas.path(
            f"M{number(x)} {number(y - size * 0.7)}q{number(angle * size * 0.4 - size * 0.18)} {number(-size * 0.6)} {number(angle * size)} {number(-size * (1.1 - abs(angle) * 0.4))}q{number(size * 0.2)} {number(size * 0.5)} {number(-angle * size)} {number(size * (1.1 - abs(angle) * 0.4))}Z",
            leaf,
        )
    canvas.shape(
        "M-0.45 -0.8h0.9l-0.15 0.8h-0.6Z",
        (x, y),
        size,
        indoors("#d9734a", light),
    )
    canvas.rect(
        x - size * 0.52,
        y - size * 0.88,
        size * 1.04,
        size * 0.2,
        indoors("#e88a5f", light),
        round_=size * 0.05,
    )


def _board(canvas: Canvas, light: Light, x: float, y: float, width: float) -> None:
    canvas.rect(x, y, width, canvas.unit * 0.016, indoors("#b3743f", light), round_=canvas.unit * 0.004)
    canvas.rect(x, y + canvas.unit * 0.016, width, canvas.unit * 0.014, "#3a2416", more='opacity=".12"')
    for share in (0.12, 0.86):
        canvas.rect(
            x + width * share,
            y + canvas.unit * 0.016,
            canvas.unit * 0.012,
            canvas.unit * 0.03,
            indoors("#8a5a3c", light),
        )


def dish_shelf(easel: Easel, share: float) -> None:
    """A board with plates, jars, cups and bowls."""
    canvas, dice, light, horizon = easel.canvas, easel.dice, easel.light, easel.horizon
    width = canvas.unit * 0.34
    x = canvas.width * share - width / 2
    y = horizon * dice.between(0.34, 0.46)
    at = x + width * 0.06
    while at < x + width * 0.86:
        kind = dice.whole(0, 3)
        colour = indoors(dice.pick(("#e8735f", "#5f9fd0", "#f2c063", "#7fb88a", "#ffffff", "#c79ad9")), light)
        size = canvas.unit * dice.between(0.05, 0.075)
        if kind == 0:
            canvas.circle(at + size * 0.6, y - size * 0.62, size * 0.62, colour)
            canvas.circle(at + size * 0.6, y - size * 0.62, size * 0.4, mix(colour, "#ffffff", 0.4))
            at += size * 1.3
        elif kind == 1:
            canvas.rect(at, y - size, size * 0.72, size, mix(colour, "#ffffff", 0.25), round_=size * 0.12)
            canvas.rect(
                at - size * 0.03,
                y - size * 1.12,
                size * 0.78,
                size * 0.2,
                indoors("#b3743f", light),
                round_=size * 0.06,
            )
            canvas.rect(
                at + size * 0.12, y - size * 0.66, size * 0.48, size * 0.3, "#ffffff", more='opacity=".75"'
            )
            at += size * 0.95
        elif kind == 2:
            canvas.shape(
                "M0-.62h.8v.35a.27.27 0 0 1-.27.27h-.26a.27.27 0 0 1-.27-.27z", (at, y), size, colour
            )
            canvas.line(
                f"M{number(at + size * 0.8)} {number(y - size * 0.5)}q{number(size * 0.28)} {number(size * 0.14)} 0 {number(size * 0.3)}",
                colour,
                size * 0.08,
            )
            at += size * 1.2
        else:
            canvas.shape("M0-.42h1q-.1.42-.34.42h-.32q-.24 0-.34-.42z", (at, y), size, colour)
            at += size * 1.2
    _board(canvas, light, x, y, width)


def book_shelf(easel: Easel, share: float) -> None:
    """Two boards of books."""
    canvas, dice, light, horizon = easel.canvas, easel.dice, easel.light, easel.horizon
    width = canvas.unit * 0.34
    x = canvas.width * share - width / 2
    for level in (0.3, 0.56):
        y = horizon * level + canvas.unit * 0.04
        at = x + width * 0.06
        while at < x + width * 0.82:
            thick, tall = canvas.unit * dice.between(0.014, 0.028), canvas.unit * dice.between(0.065, 0.1)
            colour = indoors(
                dice.pick(("#d9604f", "#4f8fc0", "#f2c063", "#5fa87a", "#8a6fc0", "#e88a5f", "#3f6f8a")),
                light,
            )
            canvas.rect(at, y - tall, thick, tall, colour, round_=canvas.unit * 0.002)
            canvas.rect(at, y - tall * 0.82, thick, tall * 0.07, mix(colour, "#ffffff", 0.5))
            at += thick + canvas.unit * (0.002 if dice.chance(0.85) else 0.03)
        _board(canvas, light, x, y, width)


def picture(easel: Easel, share: float) -> None:
    """A framed landscape of three shapes."""
    canvas, dice, light, horizon = easel.canvas, easel.dice, easel.light, easel.horizon
    width, height = canvas.unit * 0.26, canvas.unit * 0.2
    x, y = canvas.width * share - width / 2, horizon * 0.42 - height / 2
    canvas.rect(
        x,
        y,
        width,
        height,
        indoors(dice.pick(("#b3743f", "#f2c063", "#5a4a42")), light),
        round_=canvas.unit * 0.006,
    )
    edge = canvas.unit * 0.016
    inner_x, inner_y, inner_width, inner_height = x + edge, y + edge, width - 2 * edge, height - 2 * edge
    clip = canvas.clip(
        f'<rect x="{number(inner_x)}" y="{number(inner_y)}" width="{number(inner_width)}" height="{number(inner_height)}"/>'
    )
    colours = sky(dice, dice.pick(("day", "sunset")))
    canvas.add(f"<g {clip}>")
    canvas.rect(inner_x, inner_y, inner_width, inner_height, indoors(colours[1], light))
    canvas.circle(
        inner_x + inner_width * dice.between(0.25, 0.75),
        inner_y + inner_height * 0.4,
        inner_height * 0.18,
        indoors("#fff0b8", light),
    )
    canvas.ellipse(
        inner_x + inner_width * 0.2,
        inner_y + inner_height,
        inner_width * 0.5,
        inner_height * 0.4,
        indoors("#6fae8a", light),
    )
    canvas.ellipse(
        inner_x + inner_width * 0.8,
        inner_y + inner_height * 1.05,
        inner_width * 0.55,
        inner_height * 0.36,
        indoors("#4f8f7a", light),
    )
    canvas.add("</g>")


def lamp(easel: Easel, share: float) -> None:
    """A lamp on its cord; it glows when it is dark outside."""
    canvas, dice, light, horizon = easel.canvas, easel.dice, easel.light, easel.horizon
    x, y, size = canvas.width * share, horizon * dice.between(0.12, 0.2), canvas.unit * 0.06
    colour = indoors(dice.pick(("#e8735f", "#3f7f9f", "#f2c063", "#5fa87a")), light, 0.3)
    canvas.rect(x - canvas.unit * 0.002, 0, canvas.unit * 0.004, y, "#5a4a42")
    if light != "day":
        canvas.circle(x, y + size, size * 4.5, canvas.radial("#ffe9a8@0/.5", "#ffe9a8@1/0"))
    canvas.circle(x, y + size * 0.95, size * 0.3, "#fff3c0")
    canvas.shape(
        "M-0.25 0h0.5q0.1 0.7 0.75 1h-2q0.65 -0.3 0.75 -1Z",
        (x, y),
        size,
        colour,
    )
