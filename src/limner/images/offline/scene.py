"""From a prompt to a picture: a pure function of its words and its size."""

from __future__ import annotations

from .canvas import Canvas, number
from .cast import Player, arrange
from .dice import Dice
from .heavens import falling
from .palette import Light
from .place import AMBIENT, HEAVENLY, SWIMMERS, Stage, backdrop, place_of, stage
from .reading import Reading, read
from .still import still

__all__ = ["scene"]

MAX_PLAYERS = 5


def scene(prompt: str, width: int, height: int) -> str:
    """The prompt's picture as SVG of exactly that size; the same arguments give the same text."""
    canvas = Canvas(width, height)
    reading = read(prompt)
    words = " ".join(prompt.split())
    where_name = place_of(reading, Dice(words, "place"))
    light = _light(reading, where_name, Dice(words, "light"))
    if not where_name:
        still(canvas, words, light)
        return _finish(canvas, light, Dice(words, "air"), reading, indoors=True)
    names = _cast(reading, where_name, Dice(words, "company"))
    where = stage(where_name, canvas, Dice(words, "stage"), names[0])
    snowy = reading.weather == "snow"
    heavenly = bool(HEAVENLY & set(names))
    backdrop(canvas, Dice(words, "backdrop"), light, where, snowy=snowy, body=not heavenly)
    plan = Dice(words, "plan").whole(0, 5) + sum(reading.steps)
    players = arrange(canvas, Dice(words, "cast"), where, names, plan, reading.count)
    _draw(canvas, where, light, players, reading, Dice(words, "draw"))
    return _finish(canvas, light, Dice(words, "air"), reading, indoors=where_name in {"kitchen", "room"})


def _light(reading: Reading, place: str, dice: Dice) -> Light:
    if reading.light == "night" or (
        reading.light is None and reading.things[:1] in (["crescent-moon"], ["full-moon"], ["owl"], ["bat"])
    ):
        return "night"
    if reading.light == "sunset":
        return "sunset"
    if (
        reading.light == "day"
        or reading.weather == "rain"
        or "sun" in reading.things
        or place in {"underwater", "kitchen", "room"}
    ):
        return "day"
    return "sunset" if dice.chance(0.2) else "day"


def _cast(reading: Reading, place: str, dice: Dice) -> list[str]:
    """Who is in the picture, the subject first: at most five, never nobody."""
    things = reading.things[: MAX_PLAYERS - min(len(reading.actions), 2)]
    names = [*things[:1], *reading.actions[:2], *things[1:]]
    ambient = [name for name in dice.shuffled(AMBIENT[place]) if name not in names]
    if not names:
        names = [ambient.pop(0)]
    wanted = 3 if len(names) < 3 else len(names)
    if len(names) == 2 and dice.chance(0.4):
        wanted = 2
    names += ambient[: max(0, wanted - len(names))]
    return names[:MAX_PLAYERS]


def _draw(
    canvas: Canvas, where: Stage, light: Light, players: list[Player], reading: Reading, dice: Dice
) -> None:
    main = next(player for player in players if player.main)
    _halo(canvas, main, light)
    for player in players:
        _support(canvas, where, light, player, reading)
    for at, player in enumerate(players):
        _one(canvas, player, f"i{at}", light, where)
        if where.surface == "water" and not player.flies:
            _waterline(canvas, player, light)
        if player.main:
            if "steam" in reading.effects:
                _steam(canvas, player)
            if "sparkle" in reading.effects or "sparkles" in reading.actions:
                _sparkles(canvas, player, dice)


def _halo(canvas: Canvas, main: Player, light: Light) -> None:
    """A breath of light behind the subject, so that it stands off from its background."""
    left, top, right, bottom = main.box
    glow = {"day": ("#ffffff", ".42"), "sunset": ("#fff0c9", ".4"), "night": ("#a9c2ff", ".3")}[light]
    radius = main.size * 0.82
    canvas.circle(
        (left + right) / 2,
        (top + bottom) / 2,
        radius,
        canvas.radial(f"{glow[0]}@0/{glow[1]}", f"{glow[0]}@.55/.16", f"{glow[0]}@1/0"),
    )


def _support(canvas: Canvas, where: Stage, light: Light, player: Player, reading: Reading) -> None:
    """What is under a thing: its shadow, a plate or board, an islet in the sea."""
    if player.flies:
        return
    left, _, right, bottom = player.box
    foot_left = left + (player.icon.foot_left - player.icon.left) * player.scale
    foot_right = left + (player.icon.foot_right - player.icon.left) * player.scale
    if player.mirrored:
        foot_left, foot_right = left + right - foot_right, left + right - foot_left
    middle, half = (foot_left + foot_right) / 2, max((foot_right - foot_left) / 2, player.size * 0.16)
    if where.surface == "water":
        if player.icon.name not in SWIMMERS:
            _islet(canvas, player, light)
        return
    if where.surface == "table" and player.main and player.icon.subgroup in range(42, 47):
        _dish(canvas, player, reading)
    dark = {"day": "#2a1c10", "sunset": "#3a1420", "night": "#02041a"}[light]
    wide = half * 1.25 + player.size * 0.05
    canvas.ellipse(
        middle + player.size * 0.03,
        bottom - player.size * 0.004,
        wide,
        max(wide * 0.2, player.size * 0.035),
        canvas.radial(f"{dark}@0/.5", f"{dark}@.55/.28", f"{dark}@1/0"),
    )


def _dish(canvas: Canvas, player: Player, reading: Reading) -> None:
    """Food lies on a board where it is cut, else on a plate; what has its own dish needs none."""
    if player.icon.name in {
        "pot-of-food",
        "shallow-pan-of-food",
        "cooking",
        "steaming-bowl",
        "bowl-with-spoon",
        "green-salad",
        "canned-food",
        "salt",
        "spaghetti",
        "cooked-rice",
        "curry-rice",
        "bento-box",
        "fondue",
        "takeout-box",
        "honey-pot",
        "popcorn",
        "butter",
        "custard",
        "ice-cream",
        "egg",
    }:
        return
    left, _, right, bottom = player.box
    middle, half = (left + right) / 2, (right - left) * 0.66
    y = bottom - player.size * 0.03
    if "kitchen-knife" in reading.actions or "rolling-pin" in reading.actions:
        canvas.ellipse(middle, y + half * 0.13, half * 1.12, half * 0.3, "#3a2010", 'opacity=".22"')
        canvas.rect(
            middle - half * 1.1, y - half * 0.2, half * 2.2, half * 0.42, "#8a5632", round_=half * 0.1
        )
        canvas.rect(
            middle - half * 1.1,
            y - half * 0.24,
            half * 2.2,
            half * 0.38,
            canvas.linear("#e2ac6c", "#cf9150"),
            round_=half * 0.1,
        )
        return
    canvas.ellipse(middle, y + half * 0.11, half * 1.08, half * 0.28, "#3a2010", 'opacity=".25"')
    canvas.ellipse(middle, y + half * 0.03, half * 1.02, half * 0.26, "#c9d6e2")
    canvas.ellipse(middle, y, half * 1.02, half * 0.25, canvas.linear("#ffffff", "#e9f0f6"))
    canvas.ellipse(middle, y + half * 0.01, half * 0.72, half * 0.16, "#dbe5ee")


def _islet(canvas: Canvas, player: Player, light: Light) -> None:
    left, _, right, bottom = player.box
    middle, half = (left + right) / 2, (right - left) * 0.72
    canvas.ellipse(middle, bottom + half * 0.06, half * 1.22, half * 0.27, "#ffffff", 'opacity=".45"')
    sand, grass = ("#e9c98a", "#7fb85a") if light != "night" else ("#8f86a0", "#3f6a6a")
    canvas.ellipse(middle, bottom, half * 1.08, half * 0.24, sand)
    canvas.ellipse(middle, bottom - half * 0.05, half * 0.86, half * 0.16, grass)


def _one(canvas: Canvas, player: Player, prefix: str, light: Light, where: Stage) -> None:
    icon, scale = player.icon, player.scale
    middle = (icon.left + icon.right) / 2
    turn = f" rotate({number(player.lean)})" if abs(player.lean) >= 0.1 else ""
    flip = -scale if player.mirrored and _may_turn(player) else scale
    # A swimmer's lowest part is under water.
    sink = player.size * 0.06 if where.surface == "water" and icon.name in SWIMMERS else 0.0
    canvas.add(
        f'<g transform="translate({number(player.x)} {number(player.y + sink)}){turn} scale({flip:.3f} {scale:.3f}) '
        f'translate({middle * -1:.2f} {icon.bottom * -1:.2f})">{icon.placed(prefix)}</g>'
    )


def _may_turn(player: Player) -> bool:
    """Whether the mirror image is as right: not where signs or hands tell left from right."""
    return player.icon.subgroup not in {58, 63, 67, 70, 72, 73, 74, 75, 76} and player.icon.name not in {
        "crescent-moon",
        "school",
        "hospital",
        "bank",
        "hotel",
    }


def _waterline(canvas: Canvas, player: Player, light: Light) -> None:
    """Waves before a swimmer's lower edge."""
    if player.icon.name not in SWIMMERS:
        return
    left, _, right, bottom = player.box
    half = (right - left) * 0.62
    middle = (left + right) / 2
    y = bottom + player.size * 0.015
    step = half / 3
    colour = {"day": "#2f93c4", "sunset": "#5a6fa8", "night": "#14366f"}[light]
    canvas.path(
        f"M{number(middle - half)} {number(y)}"
        + f"q{number(step * 0.5)} {number(-step * 0.34)} {number(step)} 0"
        + f"t{number(step)} 0" * 5
        + f"q{number(-half * 0.4)} {number(player.size * 0.09)} {number(-half)} {number(player.size * 0.09)}t{number(-half)} {number(-player.size * 0.09)}Z",
        canvas.linear(f"{colour}@0/.95", f"{colour}@1/0"),
    )
    canvas.line(
        f"M{number(middle - half)} {number(y)}"
        + f"q{number(step * 0.5)} {number(-step * 0.34)} {number(step)} 0"
        + f"t{number(step)} 0" * 5,
        "#e9f8ff",
        player.size * 0.014,
        'opacity=".85"',
    )


def _steam(canvas: Canvas, player: Player) -> None:
    left, top, right, _ = player.box
    height = player.size * 0.32
    for share, shift in ((0.32, 0.0), (0.5, -0.25), (0.68, 0.05)):
        x, y = left + (right - left) * share, top + height * 0.12 + height * shift * 0.4
        bend = player.size * 0.06
        for width, opacity in ((0.05, ".28"), (0.026, ".75")):
            canvas.line(
                f"M{number(x)} {number(y)}c{number(-bend)} {number(-height * 0.3)} {number(bend)} {number(-height * 0.4)} 0 {number(-height * 0.7)}s{number(bend * 0.6)} {number(-height * 0.2)} {number(bend * 0.2)} {number(-height * 0.35)}",
                "#ffffff", player.size * width, f'opacity="{opacity}"',
            )  # fmt: skip


def _sparkles(canvas: Canvas, player: Player, dice: Dice) -> None:
    left, top, right, bottom = player.box
    for _ in range(9):
        x = left + (right - left) * dice.between(-0.18, 1.18)
        y = top + (bottom - top) * dice.between(-0.15, 0.7)
        size = player.size * dice.between(0.02, 0.05)
        canvas.path(
            f"M{number(x)} {number(y - size)}Q{number(x)} {number(y)} {number(x + size)} {number(y)}Q{number(x)} {number(y)} {number(x)} {number(y + size)}Q{number(x)} {number(y)} {number(x - size)} {number(y)}Q{number(x)} {number(y)} {number(x)} {number(y - size)}Z",
            "#fff3b0",
            'opacity=".95"',
        )


def _finish(canvas: Canvas, light: Light, dice: Dice, reading: Reading, *, indoors: bool) -> str:
    """Weather, then the light that binds everything together."""
    if reading.weather and not indoors:
        falling(canvas, dice, reading.weather)
    veil = {"day": ("#fff1cf", ".05"), "sunset": ("#ff8a4a", ".1"), "night": ("#0a1650", ".2")}[light]
    canvas.rect(0, 0, canvas.width, canvas.height, veil[0], more=f'opacity="{veil[1]}"')
    edge = {"day": "#3a2a50", "sunset": "#3a1030", "night": "#00020f"}[light]
    canvas.rect(
        0, 0, canvas.width, canvas.height, canvas.radial(f"{edge}@0/0", f"{edge}@.72/0", f"{edge}@1/.26")
    )
    return canvas.svg()
