"""What a picture of ours says about itself, so that the next one can resemble it.

It travels inside the picture, and comes back from wherever the picture has been: it is read as
anything else that strangers wrote. It holds names of our own tables and numbers, no prompt.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Container, Iterator
from dataclasses import dataclass
from typing import Any

from .backdrop import PLACES
from .coats import COLOURS
from .grading import families
from .icons import icon
from .tables import table

__all__ = ["MOST_CHARS", "TONES", "Likeness", "Member", "parse", "written"]

MOST_CHARS = 4_000
"""Of the text; what we write is a tenth of it."""
TONES = 65_536
"""How many ways there are to choose among a place's colours."""
_VERSION = 1
_MOST_MEMBERS, _MOST_COLOURS, _MOST_FAMILIES, _MOST_COUNT = 6, 6, 2, 10
_SMALLEST, _LARGEST = 0.3, 3.0
_COLOUR = re.compile(r"#[0-9a-f]{6}")


@dataclass(frozen=True, slots=True)
class Member:
    """One of those whom the picture is about."""

    name: str
    """Of its icon."""
    count: int = 0
    """How many, where a number said so; else 0."""
    coat: str | None = None
    """A colour of its own, by name."""


@dataclass(frozen=True, slots=True)
class Likeness:
    """What can be kept of a picture."""

    cast: tuple[Member, ...] = ()
    """The subject first."""
    place: str | None = None
    light: str | None = None
    weather: str | None = None
    season: str | None = None
    asleep: tuple[str, ...] = ()
    """Who of the cast sleeps."""
    absent: tuple[str, ...] = ()
    """What remarks have taken out."""
    variation: int = 0
    """Which of several pictures of the same words it is."""
    zoom: float = 1.0
    """How much larger than usual the subject is. All from the light on is kept only where the very
    picture is drawn again."""
    mirrored: bool | None = None
    """Whether the subject looks the other way; None where it is not known."""
    tones: int | None = None
    """Which colours of their places its pictures have, 0 <= tones < TONES."""
    families: tuple[str, ...] = ()
    """What its style did to the colours: names of styles.toml."""
    swatch: tuple[str, ...] = ()
    """The colours of a picture that is no work of ours, like "#a0b1c2"."""


def written(likeness: Likeness) -> str:
    """As ASCII text, the same for the same likeness."""
    content: dict[str, Any] = {
        "v": _VERSION,
        "cast": [[each.name, each.count, each.coat or ""] for each in likeness.cast[:_MOST_MEMBERS]],
        "place": likeness.place,
        "light": likeness.light,
        "weather": likeness.weather,
        "season": likeness.season,
        "asleep": list(likeness.asleep),
        "absent": list(likeness.absent),
        "variation": likeness.variation or None,
        "zoom": round(likeness.zoom, 3) if likeness.zoom != 1.0 else None,
        "mirrored": likeness.mirrored,
        "tones": likeness.tones,
        "families": list(likeness.families),
        "swatch": list(likeness.swatch),
    }
    kept = {key: value for key, value in content.items() if value not in (None, [])}
    return json.dumps(kept, separators=(",", ":"))


def parse(text: str) -> Likeness | None:
    """What of a text can be believed; None where it is no likeness. Never raises."""
    try:
        found = json.loads(text) if len(text) <= MOST_CHARS else None
    except (ValueError, RecursionError):
        return None
    if not isinstance(found, dict) or found.get("v") != _VERSION:
        return None
    cast = tuple(_members(found.get("cast")))
    mirrored, tones, zoom = found.get("mirrored"), found.get("tones"), found.get("zoom")
    return Likeness(
        cast=cast,
        place=_one_of(found.get("place"), PLACES),
        light=_one_of(found.get("light"), ("day", "sunset", "night")),
        weather=_one_of(found.get("weather"), table("words")["weathers"]),
        season=_one_of(found.get("season"), table("words")["seasons"]),
        asleep=_strings(
            found.get("asleep"), _MOST_MEMBERS, lambda name: any(name == each.name for each in cast)
        ),
        absent=_strings(found.get("absent"), _MOST_MEMBERS, _is_icon),
        variation=_number(found.get("variation"), _MOST_COUNT),
        zoom=zoom if isinstance(zoom, float) and _SMALLEST <= zoom <= _LARGEST else 1.0,
        mirrored=mirrored if isinstance(mirrored, bool) else None,
        tones=tones if type(tones) is int and 0 <= tones < TONES else None,
        families=_strings(found.get("families"), _MOST_FAMILIES, lambda name: name in families()),
        swatch=_strings(found.get("swatch"), _MOST_COLOURS, lambda colour: bool(_COLOUR.fullmatch(colour))),
    )


def _one_of(found: object, known: Container[str]) -> str | None:
    return found if isinstance(found, str) and found in known else None


def _members(found: object) -> Iterator[Member]:
    names: set[str] = set()
    for row in found[:_MOST_MEMBERS] if isinstance(found, list) else ():
        name, count, coat = row if isinstance(row, list) and len(row) == 3 else (None, None, None)
        if not isinstance(name, str) or name in names or not _is_icon(name):
            continue
        names.add(name)
        yield Member(
            name,
            _number(count, _MOST_COUNT),
            coat if isinstance(coat, str) and coat in COLOURS else None,
        )


def _number(found: object, most: int) -> int:
    """A whole number from 1 to `most`, else 0."""
    number = found if isinstance(found, int) and not isinstance(found, bool) else 0
    return number if 0 < number <= most else 0


def _is_icon(name: str) -> bool:
    try:
        icon(name)
    except KeyError:
        return False
    return True


def _strings(found: object, most: int, good: Callable[[str], bool]) -> tuple[str, ...]:
    items = found[:most] if isinstance(found, list) else []
    return tuple(dict.fromkeys(item for item in items if isinstance(item, str) and good(item)))
