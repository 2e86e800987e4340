"""From a prompt to a picture: a pure function of its words and its size."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from .backdrop import backdrop
from .canvas import Canvas
from .cast import PLANS, Sheet, arrange
from .dice import Dice
from .easel import Easel
from .grading import Grading, families_named, families_of, light_asked
from .heavens import falling
from .icons import is_living
from .likeness import TONES, Likeness, Member
from .order import Order, parse
from .palette import Light
from .place import Stage, company, kin, place_of, stage
from .reading import Reading, read
from .resemblance import again, resembling
from .revision import revised, species
from .staging import perform
from .still import still
from .tables import word_set

__all__ = ["Composition", "composed", "light_of", "scene"]

_MAX_PLAYERS = 5
_MOONS = frozenset(("crescent-moon", "full-moon"))
_FALLING = frozenset(("rain", "snow"))
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


@dataclass(frozen=True, slots=True)
class Composition:
    """A picture, and what it says about itself."""

    svg: str
    likeness: Likeness


def scene(prompt: str, width: int, height: int) -> str:
    """The prompt's picture as SVG of exactly that size; the same arguments give the same text."""
    return composed(prompt, width, height).svg


def composed(
    prompt: str, width: int, height: int, likenesses: Sequence[Likeness] = (), *, variation: int = 0
) -> Composition:
    """The prompt's picture; it keeps the subject and the colours of the pictures it should resemble.

    `variation`: which of several pictures of the same prompt, from 0.
    """
    canvas, order = Canvas(width, height), parse(prompt)
    # What is drawn again is the picture that it was, among those of the same words.
    known = likenesses[0].variation if order.changes and likenesses else 0
    order = replace(order, variation=variation + known)
    reading, before = _read(order, likenesses)
    grading = _graded(order, likenesses)
    if reading.light is None and (asked := light_asked(grading.families)):
        reading = replace(reading, light=asked)
    place = place_of(reading, Dice(order.seed, "place"))
    direction = _Direction(
        reading,
        before,
        place,
        light_of(reading, place, Dice(order.seed, "light")),
        order.seed,
        str(_tones(order, likenesses)),
        likenesses[0].mirrored if likenesses and likenesses[0].cast else None,
    )
    if place:
        facing = _painted(canvas, direction)
    else:
        facing = None
        still(canvas, order.seed, direction.light, direction.tones)
    svg = grading.applied(_finished(canvas, direction.light))
    said = replace(_likeness(direction, grading, facing), variation=order.variation)
    return Composition(svg, said)


@dataclass(frozen=True, slots=True)
class _Direction:
    """All that is decided before the first stroke."""

    reading: Reading
    before: Reading | None
    """Without the latest remark, where there is one."""
    place: str
    """Empty where the words name nothing that is known."""
    light: Light
    seed: str
    tones: str
    facing: bool | None


def _likeness(direction: _Direction, grading: Grading, facing: bool | None) -> Likeness:
    reading = direction.reading
    cast = reading.things[:_MAX_PLAYERS]
    return Likeness(
        cast=tuple(Member(name, reading.counts.get(name, 0), reading.coats.get(name)) for name in cast),
        place=direction.place or None,
        light=direction.light,
        weather=reading.weather,
        season=reading.season,
        asleep=tuple(name for name in cast if name in _asleep(reading)),
        absent=tuple(sorted(reading.absent)),
        zoom=reading.zoom,
        mirrored=facing,
        tones=int(direction.tones),
        families=grading.families,
        swatch=grading.swatch,
    )


def _read(order: Order, likenesses: Sequence[Likeness]) -> tuple[Reading, Reading | None]:
    """What to draw: the words, then what is kept, then the remarks, each winning over those before.

    Gives it also as it was before the latest remark, where there is one.
    """
    reading = read(order.words)
    if not order.changes:
        return resembling(reading, likenesses), None
    *earlier, latest = order.changes
    for remark in earlier:
        reading = revised(reading, remark)
    before = again(reading, likenesses[0]) if likenesses else reading
    return revised(before, latest), before


def _graded(order: Order, likenesses: Sequence[Likeness]) -> Grading:
    """The latest remark on colours, else the style, else the prompt's own words, else what is kept."""
    for remark in reversed(order.changes):
        if named := families_named(remark, loosely=_is_of_colours(read(remark))):
            return Grading(named)
    named = families_of(order.style) or families_named(order.words)
    if named or not likenesses:
        return Grading(named)
    return Grading(likenesses[0].families, likenesses[0].swatch)


def _is_of_colours(remark: Reading) -> bool:
    """Whether "darker" or "golden" can only be said of the whole picture."""
    return not (remark.things or remark.coats or remark.colour or remark.light)


def _tones(order: Order, likenesses: Sequence[Likeness]) -> int:
    """Which of a place's colours it has: those of the picture it resembles, else those of its style."""
    if likenesses and likenesses[0].tones is not None:
        return likenesses[0].tones
    return Dice(order.style or order.seed, "tones").whole(0, TONES - 1)


def _asleep(reading: Reading) -> list[str]:
    """Those whose eyes are closed."""
    if "asleep" not in reading.effects:
        return []
    return reading.asleep or [name for name in reading.things if is_living(name)]


def _painted(canvas: Canvas, direction: _Direction) -> bool:
    """Paint everything; gives whether the subject is mirrored."""
    reading, place, light, seed = direction.reading, direction.place, direction.light, direction.seed
    names = _named(reading)
    # What never stands on a table takes everybody to the floor.
    lowest = next((name for name in names if name in word_set("places", "furniture")), None)
    where = stage(place, canvas, Dice(seed, "stage"), lowest or (names[0] if names else None))
    names = _everybody(direction, where)
    backdrop(
        Easel(
            canvas,
            Dice(seed, "backdrop"),
            light,
            where.horizon,
            season=reading.season,
            weather=reading.weather,
            tones=direction.tones,
        ),
        place,
        floor=where.floor,
        snowy=reading.weather == "snow",
        body=not word_set("places", "heavenly") & set(names),
    )
    sheet = Sheet(
        canvas,
        Dice(seed, "cast"),
        where,
        coats=reading.coats,
        asleep=frozenset(_asleep(reading)),
        facing=direction.facing,
        zoom=reading.zoom,
    )
    plan = Dice(seed, "plan").whole(0, PLANS - 1) + sum(reading.steps)
    players = arrange(sheet, names, plan, reading.counts)
    perform(sheet, light, players, reading)
    if reading.weather in _FALLING and not where.indoors and place not in {"space", "underwater"}:
        falling(canvas, Dice(seed, "weather"), reading.weather)
    elif reading.season == "autumn" and place in _LEAFY:
        falling(canvas, Dice(seed, "leaves"), "leaves")
    return next(player.mirrored for player in players if player.main)


def _everybody(direction: _Direction, where: Stage) -> list[str]:
    """Who stands there, the subject first; a remark leaves the company alone where it can."""
    reading, before = direction.reading, direction.before
    names = _named(reading)
    dice = Dice(direction.seed, "company")
    if before is None or _scenery(before, where.place) != _scenery(reading, where.place):
        deck = tuple(name for name in _company_of(reading, where) if species(name) not in reading.absent)
        return _joined(names, reading.counts, deck, dice)
    old = _named(before)
    others = _joined(old, before.counts, _company_of(before, where), dice)[len(old) :]
    kept = [name for name in others if species(name) not in reading.absent and name not in names]
    # New things come last: those who were there stay in their places.
    first = [name for name in names if name in old or name == names[0]]
    new = [name for name in names if name not in first]
    there = first + kept[: max(0, _MAX_PLAYERS - len(names))] + new
    return there or _joined(names, reading.counts, _company_of(reading, where), dice)


def _scenery(reading: Reading, default: str) -> tuple[str | None, str | None, bool]:
    """What company depends on."""
    return reading.place or default, reading.season, reading.weather == "snow"


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
