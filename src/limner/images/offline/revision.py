"""A picture's reading with a remark on it taken in: the remark wins, the rest stays."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from functools import cache
from typing import Literal

from .binding import bind
from .icons import icon, is_living
from .lexicon import fold
from .phrases import Hit
from .reading import Reading, read, understood
from .tables import table

__all__ = ["revised", "species"]

_MOST = 10
"""Of one thing."""
_LARGER, _SMALLER = 1.3, 0.72
_ONLY_OF_REMARKS = frozenset(("larger", "smaller", "awake"))


def species(name: str) -> str:
    """What the icon shows, whichever way it does: a cat's head is a cat."""
    return name.removesuffix("-face").removeprefix("black-")


def revised(base: Reading, remark: str) -> Reading:
    """`base` as the remark wants it."""
    change = read(remark)
    removed, instead = _exchanged(remark, base)
    absent = base.absent | {species(name) for name in removed}
    things = _things(base, change, absent, instead)
    coats = {**base.coats, **change.coats}
    if change.colour and things:
        coats[things[0]] = change.colour
    effects = [
        each for each in dict.fromkeys((*base.effects, *change.effects)) if each not in _ONLY_OF_REMARKS
    ]
    asleep = change.asleep or base.asleep
    if "awake" in change.effects:
        effects, asleep = [each for each in effects if each != "asleep"], []
    weather, season = _sky(base, change, removed)
    return replace(
        base,
        things=things,
        actions=[
            name
            for name in dict.fromkeys((*base.actions, *change.actions))
            if name not in removed and name not in things
        ],
        effects=effects,
        # Under the sky is everything; a remark on the sky moves nobody there.
        place=base.place if change.place in {None, "sky"} else change.place,
        light=change.light or base.light,
        weather=weather,
        season=season,
        counts={name: count for name, count in _counts(remark, base, change).items() if name in things},
        coats={name: coat for name, coat in coats.items() if name in things},
        asleep=asleep,
        absent=absent,
        zoom=base.zoom * _zoom(change),
    )


def _things(base: Reading, change: Reading, absent: frozenset[str], instead: list[str]) -> list[str]:
    """The subject first or what stands in its place, then what the remark brings, then the others."""
    old = [name for name in base.things if species(name) not in absent]
    known = {species(name) for name in old}
    brought = dict.fromkeys((*(name for name in instead if name in change.things), *change.things))
    new = [name for name in brought if species(name) not in absent | known]
    subject_stays = bool(old) and old[0] == base.things[0]
    return [*old[:1], *new, *old[1:]] if subject_stays else [*new, *old]


def _counts(remark: str, base: Reading, change: Reading) -> dict[str, int]:
    """The remark's numbers; "one more cat" is one more than there are."""
    counts = {**base.counts, **change.counts}
    if _patterns("more")[0].search(fold(remark)):
        there = [name for name in change.things if name in base.things]
        counts |= {name: min(base.counts.get(name, 1) + change.counts.get(name, 1), _MOST) for name in there}
    return counts


def _sky(base: Reading, change: Reading, removed: set[str]) -> tuple[str | None, str | None]:
    """Weather and season: winter is weather, so each ends the other."""
    weather, season = change.weather or base.weather, change.season or base.season
    if change.weather == "snow" and not change.season:
        season = None
    if change.season and not change.weather and base.weather == "snow":
        weather = None
    return ("clear" if weather in removed else weather), season


def _zoom(change: Reading) -> float:
    return _LARGER if "larger" in change.effects else _SMALLER if "smaller" in change.effects else 1.0


def _exchanged(remark: str, base: Reading) -> tuple[set[str], list[str]]:
    """Things and weathers that the remark does not want to see, and what it wants in their place."""
    text, language, hits = understood(remark)
    left = bind(text, hits, language).hits
    removed = {name for old, _ in _spans("removed", text) for name in _inside(left, *old)}
    instead: list[str] = []
    for old, new in _spans("swapped", text):
        gone, come = _inside(left, *old), _inside(left, *new)
        if not gone and any(_alike(name, base.things[0]) for name in come if base.things):
            # "Make it a wolf": it is what the picture is about.
            gone = base.things[:1]
        if gone and come:
            removed |= set(gone)
            instead += come
    return removed, instead


def _alike(one: str, two: str) -> bool:
    try:
        return (is_living(one) and is_living(two)) or icon(one).subgroup == icon(two).subgroup
    except KeyError:  # a weather
        return False


def _inside(hits: list[Hit], start: int, end: int) -> list[str]:
    return [
        hit.meaning.name
        for hit in hits
        if start <= hit.start and hit.end <= end and hit.meaning.kind in {"thing", "weather"}
    ]


_Span = tuple[int, int]


def _spans(kind: Literal["removed", "swapped"], text: str) -> Iterator[tuple[_Span, _Span]]:
    for pattern in _patterns(kind):
        for found in pattern.finditer(text):
            yield found.span("old"), found.span("new") if kind == "swapped" else (0, 0)


@cache
def _patterns(kind: Literal["removed", "swapped", "more"]) -> tuple[re.Pattern[str], ...]:
    return tuple(re.compile(expression) for expression in table("grammar")["remarks"][kind])
