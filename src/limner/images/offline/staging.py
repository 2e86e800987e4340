"""The players painted: their light, what carries them, themselves, and what rises from them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from .canvas import Canvas, number
from .cast import Player, Sheet
from .palette import Light
from .place import swims
from .reading import Reading
from .tables import word_set

__all__ = ["perform"]

_HALO: Mapping[Light, tuple[str, str]] = {
    "day": ("#ffffff", ".4"),
    "sunset": ("#fff0c9", ".38"),
    "night": ("#a9c2ff", ".28"),
}
_SHADOW: Mapping[Light, str] = {"day": "#2a1c10", "sunset": "#3a1420", "night": "#02041a"}
_WATER: Mapping[Light, str] = {"day": "#2f93c4", "sunset": "#5a6fa8", "night": "#14366f"}
_FOOD = range(42, 47)
_HOT = range(42, 49)


def perform(sheet: Sheet, light: Light, players: Sequence[Player], reading: Reading) -> None:
    """Paint everybody, the farthest first."""
    for player in players:
        if player.main:
            _halo(sheet.canvas, player, light)
    for player in players:
        if not player.flies:
            _support(sheet, light, player, reading)
    for at, player in enumerate(players):
        _one(sheet, player, f"i{at}")
        if sheet.where.surface == "water" and not player.flies and swims(player.icon.name):
            _waterline(sheet.canvas, player, light)
        if player.main and "steam" in reading.effects and player.icon.subgroup in _HOT:
            _steam(sheet.canvas, player)
        if player.main and player.icon.name in sheet.asleep:
            _breath(sheet.canvas, player)
        if player.main and "sparkle" in reading.effects:
            _sparkles(sheet, player)


def _halo(canvas: Canvas, main: Player, light: Light) -> None:
    """A breath of light behind the subject, so that it stands off from its background."""
    left, top, right, bottom = main.box
    colour, strength = _HALO[light]
    paint = canvas.radial(f"{colour}@0/{strength}", f"{colour}@.6/.15", f"{colour}@1/0")
    canvas.circle((left + right) / 2, (top + bottom) / 2, main.size * 0.75, paint)


def _support(sheet: Sheet, light: Light, player: Player, reading: Reading) -> None:
    """What is under a thing: its shadow, a plate or board, an islet in the sea."""
    canvas, where = sheet.canvas, sheet.where
    if where.surface == "water":
        if not swims(player.icon.name):
            _islet(canvas, player, light)
        return
    alone = reading.counts.get(player.icon.name, 1) == 1
    if where.surface == "table" and player.main and alone and player.icon.subgroup in _FOOD:
        _dish(canvas, player, reading)
    left, _, right, bottom = player.box
    foot_left = left + (player.icon.foot_left - player.icon.left) * player.scale
    foot_right = left + (player.icon.foot_right - player.icon.left) * player.scale
    if _turned(player):
        foot_left, foot_right = left + right - foot_right, left + right - foot_left
    middle, half = (foot_left + foot_right) / 2, max((foot_right - foot_left) / 2, player.size * 0.16)
    wide = half * 1.25 + player.size * 0.05
    dark = _SHADOW[light]
    paint = canvas.radial(f"{dark}@0/.5", f"{dark}@.55/.28", f"{dark}@1/0")
    high = max(wide * 0.2, player.size * 0.035)
    canvas.ellipse(middle + player.size * 0.03, bottom - player.size * 0.004, wide, high, paint)


def _dish(canvas: Canvas, player: Player, reading: Reading) -> None:
    """Food lies on a board where it is cut, else on a plate; what has its own dish needs none."""
    if player.icon.name in word_set("places", "dished"):
        return
    left, _, right, bottom = player.box
    middle, half = (left + right) / 2, (right - left) * 0.66
    y = bottom - player.size * 0.03
    if {"kitchen-knife", "rolling-pin"} & set(reading.actions):
        canvas.ellipse(middle, y + half * 0.13, half * 1.12, half * 0.3, "#3a2010", 'fill-opacity=".22"')
        canvas.rect(
            middle - half * 1.1, y - half * 0.2, half * 2.2, half * 0.42, "#8a5632", round_=half * 0.1
        )
        wood = canvas.linear("#e2ac6c", "#cf9150")
        canvas.rect(middle - half * 1.1, y - half * 0.24, half * 2.2, half * 0.38, wood, round_=half * 0.1)
        return
    canvas.ellipse(middle, y + half * 0.11, half * 1.08, half * 0.28, "#3a2010", 'fill-opacity=".25"')
    canvas.ellipse(middle, y + half * 0.03, half * 1.02, half * 0.26, "#c9d6e2")
    canvas.ellipse(middle, y, half * 1.02, half * 0.25, canvas.linear("#ffffff", "#e9f0f6"))
    canvas.ellipse(middle, y + half * 0.01, half * 0.72, half * 0.16, "#dbe5ee")


def _islet(canvas: Canvas, player: Player, light: Light) -> None:
    left, _, right, bottom = player.box
    middle, half = (left + right) / 2, (right - left) * 0.72
    canvas.ellipse(middle, bottom + half * 0.06, half * 1.22, half * 0.27, "#ffffff", 'fill-opacity=".45"')
    sand, grass = ("#8f86a0", "#3f6a6a") if light == "night" else ("#e9c98a", "#7fb85a")
    canvas.ellipse(middle, bottom, half * 1.08, half * 0.24, sand)
    canvas.ellipse(middle, bottom - half * 0.05, half * 0.86, half * 0.16, grass)


def _one(sheet: Sheet, player: Player, prefix: str) -> None:
    icon, scale = player.icon, player.scale
    turn = f" rotate({number(player.lean)})" if abs(player.lean) >= 0.1 else ""
    flip = -scale if _turned(player) else scale
    # A swimmer's lowest part is under water.
    sink = player.size * 0.06 if sheet.where.surface == "water" and swims(icon.name) else 0.0
    sheet.canvas.add(
        f'<g transform="translate({number(player.x)} {number(player.y + sink)}){turn} scale({flip:.3f} {scale:.3f}) '
        f'translate({-(icon.left + icon.right) / 2:.2f} {-icon.bottom:.2f})">{icon.placed(prefix)}</g>'
    )


def _turned(player: Player) -> bool:
    """Whether the mirror image is drawn: never where signs or letters would be wrong in it."""
    return (
        player.mirrored
        and player.icon.subgroup not in {58, 63, 67, 70, 72, 73, 74, 75, 76}
        and player.icon.name not in word_set("places", "lettered")
    )


def _waterline(canvas: Canvas, player: Player, light: Light) -> None:
    """Waves before a swimmer's lower edge."""
    left, _, right, bottom = player.box
    half, middle = (right - left) * 0.62, (left + right) / 2
    y, step, drop = bottom + player.size * 0.015, half / 3, player.size * 0.09
    crest = (
        f"M{number(middle - half)} {number(y)}q{number(step * 0.5)} {number(-step * 0.34)} {number(step)} 0"
    )
    crest += f"t{number(step)} 0" * 5
    foot = f"q{number(-half * 0.4)} {number(drop)} {number(-half)} {number(drop)}t{number(-half)} {number(-drop)}Z"
    colour = _WATER[light]
    canvas.path(crest + foot, canvas.linear(f"{colour}@0/.95", f"{colour}@1/0"))
    canvas.line(crest, "#e9f8ff", player.size * 0.014, 'stroke-opacity=".85"')


def _steam(canvas: Canvas, player: Player) -> None:
    left, top, right, _ = player.box
    height, bend = player.size * 0.32, player.size * 0.06
    for share, shift in ((0.32, 0.0), (0.5, -0.25), (0.68, 0.05)):
        x, y = left + (right - left) * share, top + height * (0.12 + shift * 0.4)
        wisp = (
            f"M{number(x)} {number(y)}c{number(-bend)} {number(-height * 0.3)} {number(bend)} {number(-height * 0.4)} "
            f"0 {number(-height * 0.7)}s{number(bend * 0.6)} {number(-height * 0.2)} {number(bend * 0.2)} {number(-height * 0.35)}"
        )
        canvas.line(wisp, "#ffffff", player.size * 0.05, 'stroke-opacity=".3"')
        canvas.line(wisp, "#ffffff", player.size * 0.026, 'stroke-opacity=".8"')


def _breath(canvas: Canvas, player: Player) -> None:
    """Three letters z that rise from who sleeps; drawn, as there is no text in a picture."""
    left, top, right, _ = player.box
    side = -1 if right + player.size * 0.3 > canvas.width else 1
    x, y = (left if side < 0 else right) - side * player.size * 0.06, max(top, player.size * 0.28)
    for share in (0.055, 0.075, 0.1):
        size = player.size * share
        x, y = x + side * size * 0.9, y - size * 1.05
        letter = f"M{number(x)} {number(y)}h{number(size)}l{number(-size)} {number(size)}h{number(size)}"
        canvas.line(letter, "#3a2c5a", size * 0.34, 'stroke-opacity=".28"')
        canvas.line(letter, "#ffffff", size * 0.2)


def _sparkles(sheet: Sheet, player: Player) -> None:
    left, top, right, bottom = player.box
    for _ in range(14):
        x = left + (right - left) * sheet.dice.between(-0.18, 1.18)
        y = top + (bottom - top) * sheet.dice.between(-0.15, 0.7)
        size = player.size * sheet.dice.between(0.025, 0.07)
        middle = f"{number(x)} {number(y)}"
        sheet.canvas.path(
            f"M{number(x)} {number(y - size)}Q{middle} {number(x + size)} {number(y)}Q{middle} {number(x)} {number(y + size)}"
            f"Q{middle} {number(x - size)} {number(y)}Q{middle} {number(x)} {number(y - size)}Z",
            "#fff3b0",
        )
