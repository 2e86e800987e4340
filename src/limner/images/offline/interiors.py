"""Places under a roof: kitchen and room, each with a table or a floor in front."""

from __future__ import annotations

from .canvas import Canvas, number
from .dice import Dice
from .heavens import stars
from .palette import Light, lit, mix, sky

__all__ = ["kitchen", "room"]

_WALLS = (
    ("#fdebd3", "#f6d9b5"),
    ("#dff0ea", "#c4e2d8"),
    ("#e3ecf8", "#c9dbf0"),
    ("#fbe3df", "#f3cbc4"),
    ("#fff3cf", "#f7e0a0"),
    ("#ece4f5", "#d8cbe9"),
    ("#e9f0d8", "#d3e0b5"),
)
_WOODS = (("#d9a066", "#b3743f"), ("#c98d5a", "#9a5f34"), ("#e6b980", "#c48f52"), ("#a9714b", "#7d4c30"))


def kitchen(canvas: Canvas, dice: Dice, light: Light, horizon: float, *, floor: bool = False) -> None:
    """Tiles, a window, a shelf with dishes."""
    wall, shade = dice.pick(_WALLS)
    _wall(canvas, dice, light, horizon, wall, shade, tiles=True)
    left = dice.chance(0.5)
    _window(canvas, dice, light, horizon, 0.25 if left else 0.75, curtains=dice.chance(0.5))
    _dish_shelf(canvas, dice, light, horizon, 0.75 if left else 0.25)
    if dice.chance(0.5):
        _lamp(canvas, dice, light, horizon, dice.between(0.45, 0.55))
    _front(canvas, dice, light, horizon, floor=floor, cloth=dice.chance(0.4))


def room(canvas: Canvas, dice: Dice, light: Light, horizon: float, *, floor: bool = False) -> None:
    """Wallpaper, a window, a picture or a shelf of books."""
    wall, shade = dice.pick(_WALLS)
    _wall(canvas, dice, light, horizon, wall, shade, tiles=False)
    left = dice.chance(0.5)
    _window(canvas, dice, light, horizon, 0.26 if left else 0.74, curtains=dice.chance(0.75))
    if dice.chance(0.55):
        _book_shelf(canvas, dice, light, horizon, 0.76 if left else 0.24)
    else:
        _picture(canvas, dice, light, horizon, 0.76 if left else 0.24)
    if dice.chance(0.35):
        _lamp(canvas, dice, light, horizon, dice.between(0.42, 0.58))
    _front(canvas, dice, light, horizon, floor=floor, cloth=False)


def _indoors(colour: str, light: Light, share: float = 0.5) -> str:
    """Rooms keep some light of their own."""
    return lit(colour, light, share)


def _wall(
    canvas: Canvas, dice: Dice, light: Light, horizon: float, wall: str, shade: str, *, tiles: bool
) -> None:
    canvas.rect(
        0,
        0,
        canvas.width,
        horizon + canvas.unit * 0.05,
        canvas.linear(_indoors(wall, light), _indoors(shade, light)),
    )
    pattern = dice.whole(0, 3)
    pale = _indoors(mix(wall, "#ffffff", 0.55), light)
    step = canvas.unit * 0.075
    if tiles:
        top = horizon - canvas.unit * 0.2
        canvas.rect(0, top, canvas.width, canvas.unit * 0.25, _indoors(mix(shade, "#ffffff", 0.45), light))
        x, row = 0.0, 0
        while top + row * step * 0.66 < horizon:
            x = -step * (0.5 if row % 2 else 0)
            while x < canvas.width:
                tone = mix(mix(wall, "#ffffff", 0.5), shade, dice.between(0.0, 0.55))
                canvas.rect(
                    x + 1,
                    top + row * step * 0.66 + 1,
                    step - 2,
                    step * 0.66 - 2,
                    _indoors(tone, light),
                    round_=step * 0.06,
                )
                x += step
            row += 1
        canvas.rect(
            0,
            top - canvas.unit * 0.012,
            canvas.width,
            canvas.unit * 0.012,
            _indoors(mix(shade, "#8a5a3c", 0.25), light),
        )
        return
    if pattern == 0:
        x = 0.0
        while x < canvas.width:
            canvas.rect(x, 0, step * 0.5, horizon, pale, more='opacity=".45"')
            x += step
    elif pattern == 1:
        for row in range(int(horizon / step) + 1):
            for column in range(int(canvas.width / step) + 2):
                canvas.circle(
                    (column + 0.5 * (row % 2)) * step, (row + 0.5) * step, step * 0.1, pale, 'opacity=".8"'
                )
    elif pattern == 2:
        for row in range(int(horizon / step / 1.3) + 1):
            for column in range(int(canvas.width / step / 1.3) + 2):
                x, y = (column + 0.5 * (row % 2)) * step * 1.3, (row + 0.4) * step * 1.3
                canvas.path(
                    f"M{number(x)} {number(y - step * 0.22)}q{number(step * 0.22)} {number(step * 0.22)} 0 {number(step * 0.44)}q{number(-step * 0.22)} {number(-step * 0.22)} 0 {number(-step * 0.44)}Z",
                    pale,
                    'opacity=".7"',
                )
    panel = horizon - canvas.unit * 0.13
    if dice.chance(0.5):
        canvas.rect(0, panel, canvas.width, canvas.unit * 0.2, _indoors(mix(wall, "#ffffff", 0.6), light))
        x = 0.0
        while x < canvas.width:
            canvas.rect(
                x, panel, canvas.unit * 0.004, canvas.unit * 0.2, _indoors(mix(shade, "#8a7a6a", 0.1), light)
            )
            x += step
        canvas.rect(
            0,
            panel - canvas.unit * 0.012,
            canvas.width,
            canvas.unit * 0.014,
            _indoors(mix(wall, "#ffffff", 0.8), light),
        )


def _window(
    canvas: Canvas, dice: Dice, light: Light, horizon: float, share: float, *, curtains: bool
) -> None:
    width = canvas.unit * dice.between(0.25, 0.31)
    height = min(width * dice.between(1.0, 1.3), horizon * 0.58)
    x = canvas.width * share - width / 2
    y = max(horizon * 0.12, horizon * 0.46 - height / 2 - canvas.unit * 0.03)
    frame = _indoors(dice.pick(("#ffffff", "#c98d5a", "#fff6e6")), light)
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
    colours = sky(dice, light)
    canvas.add(f"<g {clip}>")
    canvas.rect(x, y, width, height, canvas.linear(colours[0], colours[1], colours[2]))
    if light == "night":
        pane = Canvas(max(int(width), 1), max(int(height), 1))
        stars(pane, dice, height)
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
        _curtains(canvas, dice, light, x, y, width, height)
    elif dice.chance(0.7):
        _sill_pot(canvas, dice, light, x + width * dice.pick((0.2, 0.8)), y + height + edge * 0.7)


def _curtains(
    canvas: Canvas, dice: Dice, light: Light, x: float, y: float, width: float, height: float
) -> None:
    colour = dice.pick(("#f08a7a", "#7fb3d9", "#f2c063", "#9ac98a", "#c79ad9"))
    for side in (-1, 1):
        edge = x - width * 0.12 if side < 0 else x + width * 1.12
        canvas.path(
            f"M{number(edge)} {number(y - height * 0.08)}h{number(-side * width * 0.34)}q{number(side * width * 0.02)} {number(height * 0.6)} {number(side * width * 0.2)} {number(height * 1.2)}h{number(side * width * 0.14)}Z",
            canvas.linear(_indoors(mix(colour, "#ffffff", 0.2), light), _indoors(colour, light)), 'opacity=".95"',
        )  # fmt: skip
        for fold in (0.1, 0.2):
            canvas.line(
                f"M{number(edge - side * width * fold)} {number(y - height * 0.05)}q0 {number(height * 0.6)} {number(side * width * fold * 0.55)} {number(height * 1.1)}",
                _indoors(mix(colour, "#5a2a2a", 0.2), light),
                width * 0.012,
                'opacity=".5"',
            )
    canvas.rect(
        x - width * 0.2,
        y - height * 0.12,
        width * 1.4,
        width * 0.045,
        _indoors("#8a5a3c", light),
        round_=width * 0.02,
    )


def _sill_pot(canvas: Canvas, dice: Dice, light: Light, x: float, y: float) -> None:
    size = canvas.unit * 0.05
    leaf = _indoors(dice.pick(("#4faf5a", "#6fb84a", "#3f9f6f")), light)
    for angle in (-0.9, -0.45, 0.0, 0.45, 0.9):
        canvas.path(
            f"M{number(x)} {number(y - size * 0.7)}q{number(angle * size * 0.4 - size * 0.18)} {number(-size * 0.6)} {number(angle * size)} {number(-size * (1.1 - abs(angle) * 0.4))}q{number(size * 0.2)} {number(size * 0.5)} {number(-angle * size)} {number(size * (1.1 - abs(angle) * 0.4))}Z",
            leaf,
        )
    canvas.path(
        f"M{number(x - size * 0.45)} {number(y - size * 0.8)}h{number(size * 0.9)}l{number(-size * 0.15)} {number(size * 0.8)}h{number(-size * 0.6)}Z",
        _indoors("#d9734a", light),
    )
    canvas.rect(
        x - size * 0.52,
        y - size * 0.88,
        size * 1.04,
        size * 0.2,
        _indoors("#e88a5f", light),
        round_=size * 0.05,
    )


def _board(canvas: Canvas, light: Light, x: float, y: float, width: float) -> None:
    canvas.rect(x, y, width, canvas.unit * 0.016, _indoors("#b3743f", light), round_=canvas.unit * 0.004)
    canvas.rect(x, y + canvas.unit * 0.016, width, canvas.unit * 0.014, "#3a2416", more='opacity=".12"')
    for share in (0.12, 0.86):
        canvas.rect(
            x + width * share,
            y + canvas.unit * 0.016,
            canvas.unit * 0.012,
            canvas.unit * 0.03,
            _indoors("#8a5a3c", light),
        )


def _dish_shelf(canvas: Canvas, dice: Dice, light: Light, horizon: float, share: float) -> None:
    width = canvas.unit * 0.34
    x = canvas.width * share - width / 2
    y = horizon * dice.between(0.34, 0.46)
    at = x + width * 0.06
    while at < x + width * 0.86:
        kind = dice.whole(0, 3)
        colour = _indoors(
            dice.pick(("#e8735f", "#5f9fd0", "#f2c063", "#7fb88a", "#ffffff", "#c79ad9")), light
        )
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
                _indoors("#b3743f", light),
                round_=size * 0.06,
            )
            canvas.rect(
                at + size * 0.12, y - size * 0.66, size * 0.48, size * 0.3, "#ffffff", more='opacity=".75"'
            )
            at += size * 0.95
        elif kind == 2:
            canvas.path(
                f"M{number(at)} {number(y - size * 0.62)}h{number(size * 0.8)}v{number(size * 0.35)}a{number(size * 0.27)} {number(size * 0.27)} 0 0 1 {number(-size * 0.27)} {number(size * 0.27)}h{number(-size * 0.26)}a{number(size * 0.27)} {number(size * 0.27)} 0 0 1 {number(-size * 0.27)} {number(-size * 0.27)}Z",
                colour,
            )
            canvas.line(
                f"M{number(at + size * 0.8)} {number(y - size * 0.5)}q{number(size * 0.28)} {number(size * 0.14)} 0 {number(size * 0.3)}",
                colour,
                size * 0.08,
            )
            at += size * 1.2
        else:
            canvas.path(
                f"M{number(at)} {number(y - size * 0.42)}h{number(size)}q{number(-size * 0.1)} {number(size * 0.42)} {number(-size * 0.34)} {number(size * 0.42)}h{number(-size * 0.32)}q{number(-size * 0.24)} 0 {number(-size * 0.34)} {number(-size * 0.42)}Z",
                colour,
            )
            at += size * 1.2
    _board(canvas, light, x, y, width)


def _book_shelf(canvas: Canvas, dice: Dice, light: Light, horizon: float, share: float) -> None:
    width = canvas.unit * 0.34
    x = canvas.width * share - width / 2
    for level in (0.3, 0.56):
        y = horizon * level + canvas.unit * 0.04
        at = x + width * 0.06
        while at < x + width * 0.82:
            thick, tall = canvas.unit * dice.between(0.014, 0.028), canvas.unit * dice.between(0.065, 0.1)
            colour = _indoors(
                dice.pick(("#d9604f", "#4f8fc0", "#f2c063", "#5fa87a", "#8a6fc0", "#e88a5f", "#3f6f8a")),
                light,
            )
            canvas.rect(at, y - tall, thick, tall, colour, round_=canvas.unit * 0.002)
            canvas.rect(at, y - tall * 0.82, thick, tall * 0.07, mix(colour, "#ffffff", 0.5))
            at += thick + canvas.unit * (0.002 if dice.chance(0.85) else 0.03)
        _board(canvas, light, x, y, width)


def _picture(canvas: Canvas, dice: Dice, light: Light, horizon: float, share: float) -> None:
    """A framed landscape of three shapes."""
    width, height = canvas.unit * 0.26, canvas.unit * 0.2
    x, y = canvas.width * share - width / 2, horizon * 0.42 - height / 2
    canvas.rect(
        x,
        y,
        width,
        height,
        _indoors(dice.pick(("#b3743f", "#f2c063", "#5a4a42")), light),
        round_=canvas.unit * 0.006,
    )
    edge = canvas.unit * 0.016
    inner_x, inner_y, inner_width, inner_height = x + edge, y + edge, width - 2 * edge, height - 2 * edge
    clip = canvas.clip(
        f'<rect x="{number(inner_x)}" y="{number(inner_y)}" width="{number(inner_width)}" height="{number(inner_height)}"/>'
    )
    colours = sky(dice, dice.pick(("day", "sunset")))
    canvas.add(f"<g {clip}>")
    canvas.rect(inner_x, inner_y, inner_width, inner_height, _indoors(colours[1], light))
    canvas.circle(
        inner_x + inner_width * dice.between(0.25, 0.75),
        inner_y + inner_height * 0.4,
        inner_height * 0.18,
        _indoors("#fff0b8", light),
    )
    canvas.ellipse(
        inner_x + inner_width * 0.2,
        inner_y + inner_height,
        inner_width * 0.5,
        inner_height * 0.4,
        _indoors("#6fae8a", light),
    )
    canvas.ellipse(
        inner_x + inner_width * 0.8,
        inner_y + inner_height * 1.05,
        inner_width * 0.55,
        inner_height * 0.36,
        _indoors("#4f8f7a", light),
    )
    canvas.add("</g>")


def _lamp(canvas: Canvas, dice: Dice, light: Light, horizon: float, share: float) -> None:
    x, y, size = canvas.width * share, horizon * dice.between(0.12, 0.2), canvas.unit * 0.06
    colour = _indoors(dice.pick(("#e8735f", "#3f7f9f", "#f2c063", "#5fa87a")), light, 0.3)
    canvas.rect(x - canvas.unit * 0.002, 0, canvas.unit * 0.004, y, "#5a4a42")
    if light != "day":
        canvas.circle(x, y + size, size * 4.5, canvas.radial("#ffe9a8@0/.5", "#ffe9a8@1/0"))
    canvas.circle(x, y + size * 0.95, size * 0.3, "#fff3c0")
    canvas.path(
        f"M{number(x - size * 0.25)} {number(y)}h{number(size * 0.5)}q{number(size * 0.1)} {number(size * 0.7)} {number(size * 0.75)} {number(size)}h{number(-size * 2)}q{number(size * 0.65)} {number(-size * 0.3)} {number(size * 0.75)} {number(-size)}Z",
        colour,
    )


def _front(canvas: Canvas, dice: Dice, light: Light, horizon: float, *, floor: bool, cloth: bool) -> None:
    """The table top, or the floor with a rug."""
    bright, dark = dice.pick(_WOODS)
    depth = canvas.height - horizon
    canvas.rect(
        0, horizon, canvas.width, depth, canvas.linear(_indoors(bright, light), _indoors(dark, light))
    )
    grain = _indoors(mix(dark, "#3a2010", 0.35), light)
    planks = 5
    for at in range(1, planks):
        y = horizon + depth * (at / planks) ** 1.35
        canvas.rect(0, y, canvas.width, canvas.unit * 0.0035, grain, more='opacity=".45"')
        for _ in range(3):
            x = dice.between(0, canvas.width)
            canvas.line(
                f"M{number(x)} {number(y + depth * 0.07)}q{number(canvas.unit * 0.06)} {number(-depth * 0.02)} {number(canvas.unit * 0.13)} 0",
                grain,
                canvas.unit * 0.002,
                'opacity=".35"',
            )
    if floor:
        canvas.rect(
            0, horizon - canvas.unit * 0.03, canvas.width, canvas.unit * 0.034, _indoors("#fff6ea", light)
        )
        canvas.rect(
            0,
            horizon + canvas.unit * 0.004,
            canvas.width,
            canvas.unit * 0.016,
            "#3a2416",
            more='opacity=".16"',
        )
        rug = _indoors(dice.pick(("#e8735f", "#5f9fd0", "#7fb88a", "#c79ad9", "#f2c063")), light)
        y = horizon + depth * 0.52
        for share, colour in (
            (1.0, rug),
            (0.86, mix(rug, "#ffffff", 0.5)),
            (0.78, rug),
            (0.4, mix(rug, "#ffffff", 0.25)),
        ):
            canvas.ellipse(canvas.width / 2, y, canvas.width * 0.43 * share, depth * 0.36 * share, colour)
        return
    canvas.rect(0, horizon, canvas.width, canvas.unit * 0.012, _indoors(mix(bright, "#ffffff", 0.35), light))
    if cloth:
        _cloth(canvas, dice, light, horizon, depth)


def _cloth(canvas: Canvas, dice: Dice, light: Light, horizon: float, depth: float) -> None:
    """A chequered runner on the table."""
    colour = _indoors(dice.pick(("#e8735f", "#5f9fd0", "#7fb88a", "#f2b84b")), light)
    top, bottom = horizon + depth * 0.16, horizon + depth * 0.92
    canvas.polygon(
        ((canvas.width * 0.1, top), (canvas.width * 0.9, top), (canvas.width, bottom), (0, bottom)),
        _indoors("#fffaf0", light),
    )
    columns = max(6, round(canvas.width / canvas.unit * 8))
    for at in range(columns):
        if at % 2 == 0:
            left, right = at / columns, (at + 1) / columns
            canvas.polygon(
                ((canvas.width * (0.1 + 0.8 * left), top), (canvas.width * (0.1 + 0.8 * right), top), (canvas.width * right, bottom), (canvas.width * left, bottom)),
                colour, 'opacity=".4"',
            )  # fmt: skip
    for at in range(4):
        one, two = (at / 4) ** 1.15, ((at + 0.5) / 4) ** 1.15
        y, next_y = top + (bottom - top) * one, top + (bottom - top) * two
        inset, next_inset = canvas.width * 0.1 * (1 - one), canvas.width * 0.1 * (1 - two)
        canvas.polygon(
            (
                (inset, y),
                (canvas.width - inset, y),
                (canvas.width - next_inset, next_y),
                (next_inset, next_y),
            ),
            colour,
            'opacity=".4"',
        )
