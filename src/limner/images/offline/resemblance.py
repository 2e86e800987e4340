"""A reading that keeps whoever earlier pictures show, and takes everything else from its own words."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from .icons import is_living
from .likeness import Likeness, Member
from .reading import Reading
from .revision import species

__all__ = ["again", "resembling"]

_SHELTERED = frozenset(("kitchen", "room", "space", "underwater"))
"""Where there is no weather."""


def resembling(reading: Reading, likenesses: Sequence[Likeness]) -> Reading:
    """The subject of the first picture, where its words do not say otherwise; the others lend their subjects."""
    cast = _cast(likenesses)
    asked = {species(name): name for name in reading.things}
    named = [member for member in cast if species(member.name) in asked]
    # Who is named stands alone; "it" is everybody, apart from the things that lay around.
    kept = named or [
        member for at, member in enumerate(cast) if not reading.things or at == 0 or is_living(member.name)
    ]
    if not kept:
        return reading
    return _with(reading, kept, asked, likenesses[0].place)


def again(reading: Reading, likeness: Likeness) -> Reading:
    """The very picture that is drawn again: all that it showed, and of the words what does not show."""
    if not likeness.cast:
        return reading
    return replace(
        _with(replace(reading, things=[]), likeness.cast, {}, None),
        place=likeness.place or reading.place,
        light=likeness.light or reading.light,
        weather=likeness.weather,
        season=likeness.season,
        absent=reading.absent | set(likeness.absent),
        zoom=likeness.zoom,
        asleep=list(likeness.asleep),
        effects=[each for each in reading.effects if each != "asleep"] + ["asleep"] * bool(likeness.asleep),
    )


def _cast(likenesses: Sequence[Likeness]) -> list[Member]:
    """All of the first, the subjects of the others; nobody twice."""
    members = [
        member for at, each in enumerate(likenesses) for member in (each.cast if at == 0 else each.cast[:1])
    ]
    return list({species(member.name): member for member in reversed(members)}.values())[::-1]


def _in_order(kept: list[str], others: list[str]) -> list[str]:
    """Who was kept leads, unless it is a thing beside somebody; of many the last are left out, so new ones come early."""
    if others and is_living(others[0]) and not is_living(kept[0]):
        return [others[0], *kept[:1], *others[1:], *kept[1:]]
    return [*kept[:1], *others, *kept[1:]]


def _with(reading: Reading, kept: Sequence[Member], asked: dict[str, str], place: str | None) -> Reading:
    kinds = {species(member.name): member.name for member in kept}
    others = [name for name in reading.things if species(name) not in kinds]
    counts = {name: reading.counts[name] for name in others if name in reading.counts}
    coats = {name: reading.coats[name] for name in others if name in reading.coats}
    for member in kept:
        word = asked.get(species(member.name), "")
        count, coat = reading.counts.get(word, member.count), reading.coats.get(word, member.coat)
        counts |= {member.name: count} if count else {}
        coats |= {member.name: coat} if coat else {}
    weathered = reading.weather or reading.season
    return replace(
        reading,
        things=_in_order([member.name for member in kept], others),
        counts=counts,
        coats=coats,
        asleep=[kinds.get(species(name), name) for name in reading.asleep],
        place=reading.place or (None if weathered and place in _SHELTERED else place),
    )
