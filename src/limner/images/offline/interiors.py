"""Places under a roof: kitchen and room, each with a table or a floor in front."""

from __future__ import annotations

from .canvas import number
from .easel import Easel
from .furnishings import book_shelf, dish_shelf, indoors, lamp, picture, window
from .palette import mix

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


def kitchen(easel: Easel, *, floor: bool = False) -> None:
    """Tiles, a window, a shelf with dishes."""
    dice = easel.dice
    wall, shade = easel.tone("walls", _WALLS)
    _wall(easel, wall, shade, tiles=True)
    left = dice.chance(0.5)
    window(easel, 0.25 if left else 0.75, curtains=dice.chance(0.5))
    dish_shelf(easel, 0.75 if left else 0.25)
    if dice.chance(0.5):
        lamp(easel, dice.between(0.45, 0.55))
    _front(easel, floor=floor, cloth=dice.chance(0.4))


def room(easel: Easel, *, floor: bool = False) -> None:
    """Wallpaper, a window, a picture or a shelf of books."""
    dice = easel.dice
    wall, shade = easel.tone("walls", _WALLS)
    _wall(easel, wall, shade, tiles=False)
    left = dice.chance(0.5)
    window(easel, 0.26 if left else 0.74, curtains=dice.chance(0.75))
    if dice.chance(0.55):
        book_shelf(easel, 0.76 if left else 0.24)
    else:
        picture(easel, 0.76 if left else 0.24)
    if dice.chance(0.35):
        lamp(easel, dice.between(0.42, 0.58))
    _front(easel, floor=floor, cloth=False)


def _wall(easel: Easel, wall: str, shade: str, *, tiles: bool) -> None:
    """The wall down to the table or floor, with tiles or paper."""
    canvas, light = easel.canvas, easel.light
    paint = canvas.linear(indoors(wall, light), indoors(shade, light))
    canvas.rect(0, 0, canvas.width, easel.horizon + canvas.unit * 0.05, paint)
    if tiles:
        _tiles(easel, wall, shade)
        return
    _paper(easel, indoors(mix(wall, "#ffffff", 0.55), light))
    if easel.dice.chance(0.5):
        _panels(easel, wall, shade)


def _tiles(easel: Easel, wall: str, shade: str) -> None:
    """Rows of tiles right above the table, each a little different."""
    canvas, dice, light, horizon = easel.canvas, easel.dice, easel.light, easel.horizon
    wide = canvas.unit * 0.075
    high = wide * 0.66
    top = horizon - canvas.unit * 0.2
    canvas.rect(0, top, canvas.width, canvas.unit * 0.25, indoors(mix(shade, "#ffffff", 0.45), light))
    for row in range(int((horizon - top) / high) + 1):
        x = -wide * 0.5 * (row % 2)
        while x < canvas.width:
            tone = mix(mix(wall, "#ffffff", 0.5), shade, dice.between(0.0, 0.55))
            y = top + row * high
            canvas.rect(x + 1, y + 1, wide - 2, high - 2, indoors(tone, light), round_=wide * 0.06)
            x += wide
    edge = canvas.unit * 0.012
    canvas.rect(0, top - edge, canvas.width, edge, indoors(mix(shade, "#8a5a3c", 0.25), light))


def _paper(easel: Easel, pale: str) -> None:
    """Wallpaper with stripes, dots or leaves, or none."""
    canvas, horizon = easel.canvas, easel.horizon
    step = canvas.unit * 0.075
    pattern = easel.tone("wallpaper", ("stripes", "dots", "leaves", ""))
    if pattern == "stripes":
        for column in range(int(canvas.width / step) + 1):
            canvas.rect(column * step, 0, step * 0.5, horizon, pale, more='fill-opacity=".45"')
    for row in range(int(horizon / step) + 1 if pattern in {"dots", "leaves"} else 0):
        for column in range(int(canvas.width / step) + 2):
            at = ((column + 0.5 * (row % 2)) * step, (row + 0.5) * step)
            if pattern == "dots":
                canvas.circle(*at, step * 0.1, pale)
            elif row % 2:
                canvas.shape("M0-.3q.3.3 0 .6q-.3-.3 0-.6z", at, step, pale)


def _panels(easel: Easel, wall: str, shade: str) -> None:
    """Boards along the lower part of the wall."""
    canvas, light = easel.canvas, easel.light
    top, high, step = easel.horizon - canvas.unit * 0.13, canvas.unit * 0.2, canvas.unit * 0.075
    canvas.rect(0, top, canvas.width, high, indoors(mix(wall, "#ffffff", 0.6), light))
    joint = indoors(mix(shade, "#8a7a6a", 0.1), light)
    for at in range(int(canvas.width / step) + 1):
        canvas.rect(at * step, top, canvas.unit * 0.004, high, joint)
    edge = canvas.unit * 0.014
    canvas.rect(0, top - edge, canvas.width, edge, indoors(mix(wall, "#ffffff", 0.8), light))


def _front(easel: Easel, *, floor: bool, cloth: bool) -> None:
    """The table top, or the floor with a rug."""
    canvas, dice, light, horizon = easel.canvas, easel.dice, easel.light, easel.horizon
    bright, dark = easel.tone("wood", _WOODS)
    depth = canvas.height - horizon
    canvas.rect(0, horizon, canvas.width, depth, canvas.linear(indoors(bright, light), indoors(dark, light)))
    grain = indoors(mix(dark, "#3a2010", 0.35), light)
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
            0, horizon - canvas.unit * 0.03, canvas.width, canvas.unit * 0.034, indoors("#fff6ea", light)
        )
        canvas.rect(
            0,
            horizon + canvas.unit * 0.004,
            canvas.width,
            canvas.unit * 0.016,
            "#3a2416",
            more='opacity=".16"',
        )
        rug = indoors(easel.tone("rug", ("#e8735f", "#5f9fd0", "#7fb88a", "#c79ad9", "#f2c063")), light)
        y = horizon + depth * 0.52
        for share, colour in (
            (1.0, rug),
            (0.86, mix(rug, "#ffffff", 0.5)),
            (0.78, rug),
            (0.4, mix(rug, "#ffffff", 0.25)),
        ):
            canvas.ellipse(canvas.width / 2, y, canvas.width * 0.43 * share, depth * 0.36 * share, colour)
        return
    canvas.rect(0, horizon, canvas.width, canvas.unit * 0.012, indoors(mix(bright, "#ffffff", 0.35), light))
    if cloth:
        _cloth(easel, depth)


def _cloth(easel: Easel, depth: float) -> None:
    """A chequered runner on the table."""
    canvas, light, horizon = easel.canvas, easel.light, easel.horizon
    colour = indoors(easel.tone("cloth", ("#e8735f", "#5f9fd0", "#7fb88a", "#f2b84b")), light)
    top, bottom = horizon + depth * 0.16, horizon + depth * 0.92
    canvas.polygon(
        ((canvas.width * 0.1, top), (canvas.width * 0.9, top), (canvas.width, bottom), (0, bottom)),
        indoors("#fffaf0", light),
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
