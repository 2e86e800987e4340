"""From a prompt to a picture: a pure function of its words and its size."""

from __future__ import annotations

from collections.abc import Mapping

from .backdrop import backdrop
from .canvas import Canvas
from .cast import PLANS, Sheet, arrange
from .dice import Dice
from .easel import Easel
from .heavens import falling
from .palette import Light
from .place import Stage, company, kin, place_of, stage
from .reading import Reading, read
from .staging import perform
from .still import still
from .tables import word_set

__all__ = ["light_of", "scene"]

_MAX_PLAYERS = 5
_MOONS = frozenset(("crescent-moon", "full-moon"))
_LEAFY = frozenset(("field", "forest", "garden"))
_VEIL: Mapping[Light, tuple[str, str] | None] = {
    "day": None,
    "sunset": ("#ff8a4a", ".1"),
    "night": ("#0a1650", ".2"),
}
"""One colour over everything, which binds the icons to the light they stand in."""
_EDGE: Mapping[Light, tuple[str, str]] = {
    "day": ("#3a2a50", ".14"),
    "sunset": ("#3a1030", ".2"),
    "night": ("#00020f", ".3"),
}


def scene(prompt: str, width: int, height: int) -> str:
    """The prompt's picture as SVG of exactly that size; the same arguments give the same text."""
    canvas = Canvas(width, height)
    reading = read(prompt)
    # Line breaks and doubled spaces are no part of what is asked.
    words = " ".join(prompt.split())
    place = place_of(reading, Dice(words, "place"))
    light = light_of(reading, place, Dice(words, "light"))
    if not place:
        still(canvas, words, light)
        return _finished(canvas, light)
    names = _named(reading)
    # What never stands on a table takes everybody to the floor.
    lowest = next((name for name in names if name in word_set("places", "furniture")), None)
    where = stage(place, canvas, Dice(words, "stage"), lowest or (names[0] if names else None))
    names = _joined(names, reading.counts, _company_of(reading, where), Dice(words, "company"))
    backdrop(
        Easel(
            canvas,
            Dice(words, "backdrop"),
            light,
            where.horizon,
            season=reading.season,
            weather=reading.weather,
        ),
        place,
        floor=where.floor,
        snowy=reading.weather == "snow",
        body=not word_set("places", "heavenly") & set(names),
    )
    sheet = Sheet(canvas, Dice(words, "cast"), where)
    plan = Dice(words, "plan").whole(0, PLANS - 1) + sum(reading.steps)
    perform(sheet, light, arrange(sheet, names, plan, reading.counts), reading)
    if reading.weather and not where.indoors and place not in {"space", "underwater"}:
        falling(canvas, Dice(words, "weather"), reading.weather)
    elif reading.season == "autumn" and place in _LEAFY:
        falling(canvas, Dice(words, "leaves"), "leaves")
    return _finished(canvas, light)


def light_of(reading: Reading, place: str, dice: Dice) -> Light:
    """The light that the prompt names, else the one in which its subject is seen."""
    moonlit = bool(_MOONS & set(reading.things)) and "sun" not in reading.things
    nocturnal = bool(word_set("places", "nocturnal") & set(reading.things[:1]))
    if reading.light == "night" or (reading.light is None and (moonlit or nocturnal)):
        return "night"
    if reading.light == "sunset":
        return "sunset"
    plain = (
        reading.light == "day"
        or reading.season in {"spring", "summer"}
        or reading.weather == "rain"
        or "sun" in reading.things
    )
    if plain or place in {"underwater", "kitchen", "room", ""}:
        return "day"
    return "sunset" if dice.chance(0.18) else "day"


def _named(reading: Reading) -> list[str]:
    """Who the prompt itself names, the subject first, at most five."""
    things = reading.things[: _MAX_PLAYERS - min(len(reading.actions), 2)]
    return [*things[:1], *reading.actions[:2], *things[1:]][:_MAX_PLAYERS]


def _company_of(reading: Reading, where: Stage) -> tuple[str, ...]:
    """Who fits: on a floor nothing that stands on tables, in the snow no butterflies."""
    if where.floor:
        return company("floor")
    if reading.season and where.place in _LEAFY:
        return company(reading.season)
    wintry = reading.weather == "snow" and where.place in {"field", "forest", "garden", "savanna"}
    return company("snow" if wintry else where.place)


def _joined(names: list[str], counts: Mapping[str, int], others: tuple[str, ...], dice: Dice) -> list[str]:
    """The same with some company where they are few; never nobody."""
    deck = [name for name in dice.shuffled(others) if name not in names]
    if not names:
        # Who comes first is the subject: somebody that stands there, no bee.
        deck.sort(key=lambda name: name in word_set("places", "flyers") | word_set("places", "tiny"))
    elif others != company("floor") or names[0] in word_set("places", "furniture"):
        deck = [name for name in dice.shuffled(kin(names[0])) if name not in names] + deck
    wanted = 2 if len(names) == 2 and dice.chance(0.25) else dice.pick((3, 3, 4))
    # Copies are company enough.
    there = sum(counts.get(name, 1) for name in names)
    return names + deck[: max(0, wanted - there)]


def _finished(canvas: Canvas, light: Light) -> str:
    """The light that binds everything together, and darker edges above and below."""
    veil = _VEIL[light]
    if veil is not None:
        canvas.rect(0, 0, canvas.width, canvas.height, veil[0], more=f'fill-opacity="{veil[1]}"')
    colour, strength = _EDGE[light]
    band = canvas.height * 0.2
    canvas.rect(0, 0, canvas.width, band, canvas.linear(f"{colour}@0/{strength}", f"{colour}@1/0"))
    low = canvas.linear(f"{colour}@0/0", f"{colour}@1/{strength}")
    canvas.rect(0, canvas.height - band, canvas.width, band, low)
    return canvas.svg()
