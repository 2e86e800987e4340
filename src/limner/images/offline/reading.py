"""What a prompt asks to see: its things in order of weight, where, in which light, doing what."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field

from .lexicon import LANGUAGES, Kind, fold
from .phrases import Hit, find, language_of

__all__ = ["Reading", "kinds", "read"]

MAX_CHARS = 2_000
"""Of a prompt; what it is about stands before that."""

_MODEST: Mapping[str, float] = {
    "droplet": 0.6,
    "fork-and-knife-with-plate": 0.6,
    "basket": 0.75,
    "salt": 0.7,
    "fire": 0.75,
    "toolbox": 0.8,
    "sun": 0.85,
    "red-heart": 0.85,
}
"""Things that go with nearly everything, and are rarely what a picture is about."""
_VESSELS = frozenset(("teapot", "pot-of-food", "shallow-pan-of-food", "cooking", "steaming-bowl"))
"""Where something boils, it boils in one of these, however the sentence goes."""


@dataclass
class Reading:
    """What a prompt asks to see."""

    things: list[str] = field(default_factory=list)
    """Icons, the subject first; each once."""
    actions: list[str] = field(default_factory=list)
    """Icons that show what is being done, in the order of the prompt."""
    effects: list[str] = field(default_factory=list)
    place: str | None = None
    light: str | None = None
    weather: str | None = None
    count: int = 1
    """How many of the subject, up to three."""
    steps: tuple[int, ...] = ()
    """Numbers in the prompt: they tell the steps of one tutorial apart."""


def read(prompt: str) -> Reading:
    """What the prompt asks to see, in its own language; in another only where that finds nothing."""
    text = fold(prompt[:MAX_CHARS])
    first = language_of(text)
    hits = find(text, first)
    if first == "de":
        # German nouns are capital: "stolz" is no peacock.
        capital = {fold(word) for word in re.findall(r"[^\W\d_a-zäöüß][\w-]*", prompt)}
        hits = [hit for hit in hits if hit.meaning.weight > 0.6 or text[hit.start : hit.end] in capital]
    if all(hit.meaning.kind == "silent" for hit in hits):
        others = (find(text, language) for language in LANGUAGES if language != first)
        hits = next((found for found in others if any(hit.meaning.kind != "silent" for hit in found)), hits)
    return _reading(text, hits)


def kinds(prompt: str, language: str | None = None) -> dict[Kind, list[str]]:
    """All that the prompt's words find, by kind: for those who add words to the tables."""
    text = fold(prompt[:MAX_CHARS])
    found: dict[Kind, list[str]] = {}
    for hit in find(text, language or language_of(text)):
        found.setdefault(hit.meaning.kind, []).append(hit.meaning.name)
    return found


def _reading(text: str, hits: list[Hit]) -> Reading:
    """Sort what was found into its kinds, the heaviest thing first."""
    found = Reading(steps=tuple(int(number) for number in re.findall(r"[0-9]{1,3}", text)[:4]))
    things: dict[str, tuple[float, int]] = {}
    place_weight = 0.0
    for hit in hits:
        kind, name = hit.meaning.kind, hit.meaning.name
        if kind == "thing":
            # Later words weigh less, but a strong later word beats a weak early one.
            weight = hit.weight * _MODEST.get(name, 1.0) / (1 + 0.08 * len(things))
            if name not in things or weight > things[name][0]:
                things[name] = (weight, hit.count)
        elif kind == "action" and name not in found.actions:
            found.actions.append(name)
        elif kind == "effect" and name not in found.effects:
            found.effects.append(name)
        elif kind == "place" and hit.weight > place_weight:
            found.place, place_weight = name, hit.weight
        elif kind == "light":
            found.light = found.light or name
        elif kind == "weather":
            found.weather = found.weather or name
    for name in _VESSELS & set(things) if "steam" in found.effects else ():
        things[name] = (things[name][0] * 2, 1)
    # A mere keyword is drawn only where the prompt names little else.
    strong = [name for name, (weight, _) in things.items() if weight > 0.5]
    order = sorted(things, key=lambda name: -things[name][0])
    found.things = [name for name in order if len(strong) < 2 or things[name][0] > 0.3]
    found.actions = [name for name in found.actions if name not in found.things]
    if found.things:
        found.count = things[found.things[0]][1]
    return found
