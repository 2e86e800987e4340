"""What is above the horizon: sky, sun and moon, stars, clouds, weather."""

from __future__ import annotations

import math

from .canvas import Canvas, number
from .dice import Dice
from .easel import Easel
from .palette import SKIES, lit, mix

__all__ = ["clouds", "falling", "heaven", "stars"]


def heaven(easel: Easel, *, body: bool = True) -> tuple[str, ...]:
    """Paint the sky down to the horizon, with its sun or moon unless the scene brings one; gives its colours."""
    canvas, dice, light, horizon = easel.canvas, easel.dice, easel.light, easel.horizon
    colours = easel.tone("sky", SKIES[light])
    rainy = easel.weather == "rain"
    if rainy:
        colours = tuple(mix(colour, lit("#8496a8", light), 0.6) for colour in colours)
    canvas.rect(
        0,
        0,
        canvas.width,
        canvas.height,
        canvas.linear(colours[0] + "@0", colours[1] + "@.38", colours[2] + "@.68", colours[2] + "@1"),
    )
    if light == "night":
        stars(canvas, dice, horizon)
    side = dice.between(0.14, 0.34)
    x = canvas.width * (side if dice.chance(0.5) else 1 - side)
    radius = canvas.unit * dice.between(0.065, 0.095)
    # Who sees it rain sees no sun.
    if body and not rainy:
        _sun_or_moon(easel, x, max(horizon * dice.between(0.26, 0.5), radius * 1.5), radius)
    clouds(easel, dice.whole(6, 8) if rainy else dice.whole(2, 4) if light != "night" else dice.whole(0, 2))
    return colours


def _sun_or_moon(easel: Easel, x: float, y: float, radius: float) -> None:
    canvas, light, horizon = easel.canvas, easel.light, easel.horizon
    if light == "sunset":
        y = max(y, horizon - radius * 1.3)
    glow = {"day": "#fff3b0", "sunset": "#fff0b8", "night": "#dfe6ff"}[light]
    canvas.circle(x, y, radius * 3.6, canvas.radial(f"{glow}@.2/.75", f"{glow}@.5/.25", f"{glow}@1/0"))
    if light == "night":
        canvas.circle(x, y, radius, canvas.linear("#fffbe6", "#f6e9b8"))
        for dx, dy, size in ((-0.35, -0.2, 0.22), (0.3, 0.25, 0.28), (0.15, -0.45, 0.13), (-0.2, 0.5, 0.12)):
            canvas.circle(x + dx * radius, y + dy * radius, size * radius, "#e8d9a2", 'opacity=".6"')
    else:
        core = ("#fff6c9", "#ffd84f") if light == "day" else ("#fff2b5", "#ffab4a")
        canvas.circle(x, y, radius, canvas.linear(*core))


def stars(canvas: Canvas, dice: Dice, depth: float) -> None:
    """Small ones everywhere, a few with rays."""
    area = canvas.width * depth / canvas.unit**2
    for _ in range(int(70 * min(area, 3))):
        size = canvas.unit * dice.between(0.0010, 0.0030)
        canvas.circle(
            dice.between(0, canvas.width),
            dice.between(0, depth * 0.96),
            size,
            "#fff",
            f'fill-opacity="{dice.between(0.3, 1):.2f}"',
        )
    for _ in range(5):
        _spark(
            canvas,
            dice.between(0, canvas.width),
            dice.between(0, depth * 0.7),
            canvas.unit * dice.between(0.007, 0.013),
        )


def _spark(canvas: Canvas, x: float, y: float, size: float) -> None:
    waist = size * 0.18
    points = []
    for corner in range(8):
        reach = size if corner % 2 == 0 else waist
        angle = corner * math.pi / 4
        points.append((x + reach * math.cos(angle), y + reach * math.sin(angle)))
    canvas.polygon(points, "#fffbe0")


def clouds(easel: Easel, count: int) -> None:
    """Soft heaps with a flat foot; the far ones are small and pale."""
    canvas, dice, light, horizon = easel.canvas, easel.dice, easel.light, easel.horizon
    for at in range(count):
        size = canvas.unit * dice.between(0.07, 0.15)
        x = canvas.width * ((at + dice.between(0.1, 0.9)) / max(count, 1))
        y = horizon * dice.between(0.1, 0.62)
        _cloud(easel, x, y, size, dice.between(0.7, 0.95) if light != "night" else 0.3)


def _cloud(easel: Easel, x: float, y: float, size: float, opacity: float) -> None:
    canvas, dice, light = easel.canvas, easel.dice, easel.light
    rainy = easel.weather == "rain"
    top = lit("#c3ccd6" if rainy else "#ffffff", light, 0.5)
    foot = lit("#8f9dac" if rainy else "#dcebf7", light, 0.8)
    paint = canvas.linear(top, foot)
    data = "M-.9 0h1.85a.12.12 0 0 1 0 .26h-1.85a.12.12 0 0 1 0-.26z"
    for dx, dy, usual in (
        (-0.62, -0.08, 0.30),
        (-0.22, -0.30, 0.40),
        (0.25, -0.22, 0.46),
        (0.66, -0.06, 0.28),
    ):
        radius = usual * dice.between(0.85, 1.15)
        arc = f"a{radius:.3f} {radius:.3f} 0 1 1 "
        data += f"M{dx - radius:.3f} {dy:.3f}{arc}{2 * radius:.3f} 0{arc}{-2 * radius:.3f} 0z"
    canvas.shape(data, (x, y), size, paint, f'fill-opacity="{opacity:.2f}"')


def falling(canvas: Canvas, dice: Dice, weather: str) -> None:
    """Rain, snow or leaves over the whole picture."""
    area = canvas.width * canvas.height / canvas.unit**2
    if weather == "snow":
        for _ in range(int(75 * min(area, 3))):
            size = canvas.unit * dice.between(0.002, 0.0075)
            canvas.circle(
                dice.between(0, canvas.width),
                dice.between(0, canvas.height),
                size,
                "#fff",
                f'fill-opacity="{dice.between(0.5, 0.95):.2f}"',
            )
        return
    if weather == "leaves":
        for _ in range(int(14 * min(area, 3))):
            size = canvas.unit * dice.between(0.012, 0.026)
            at = (dice.between(0, canvas.width), dice.between(0, canvas.height))
            colour = dice.pick(("#e8692c", "#e0a52f", "#c94f2f", "#b8792c"))
            turn = f'transform="translate({number(at[0])} {number(at[1])}) rotate({dice.whole(0, 350)}) scale({size:.2f})"'
            canvas.add(f'<path d="M-1 0Q0-.9 1 0Q0 .9-1 0z" {turn} fill="{colour}"/>')
        return
    canvas.rect(0, 0, canvas.width, canvas.height, "#33476b", more='fill-opacity=".16"')
    data = ""
    for _ in range(int(85 * min(area, 3))):
        x, y = dice.between(0, canvas.width * 1.05), dice.between(-0.05, 1) * canvas.height
        length = canvas.unit * dice.between(0.018, 0.045)
        data += f"M{number(x)} {number(y)}l{number(-0.28 * length)} {number(length)}"
    canvas.line(data, mix("#ffffff", "#9fd0ff", 0.4), canvas.unit * 0.0028, 'opacity=".6"')
