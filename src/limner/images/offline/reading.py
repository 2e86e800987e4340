"""What a prompt asks to see: its things in order of weight, where, in which light, doing what."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field

from .binding import Bound, bind
from .icons import icon
from .lexicon import LANGUAGES, Kind, fold
from .phrases import Hit, find, language_of
from .tables import word_set

__all__ = ["Reading", "kinds", "read", "understood"]

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
_EATEN = range(42, 49)
_COOKED = frozenset(("fish", "tropical-fish", "shrimp", "crab", "herb", "mushroom", "brown-mushroom"))
"""What is cooked, though the icons count it to the animals and plants."""
_DREAMT = 0.1
"""A weight that only a wish can have."""
_OF_HANDS = frozenset(("kitchen-knife", "palms-up-together"))
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
    season: str | None = None
    counts: dict[str, int] = field(default_factory=dict)
    """How many of a thing, where a number says so: 1 to 10."""
    steps: tuple[int, ...] = ()
    """Numbers in the prompt: they tell the steps of one tutorial apart."""
    coats: dict[str, str] = field(default_factory=dict)
    """The colour of a thing, where the prompt names it."""
    colour: str | None = None
    """Of what the picture is about, where a remark calls it "it"."""
    asleep: list[str] = field(default_factory=list)
    """Who sleeps, where somebody is named; else the effect speaks for all."""
    absent: frozenset[str] = frozenset()
    """What a remark has taken out of the picture."""
    zoom: float = 1.0
    """How much larger than usual the subject is."""


def read(prompt: str) -> Reading:
    """What the prompt asks to see, in its own language; in another only where that finds nothing."""
    text, language, hits = understood(prompt)
    return _reading(text, bind(text, hits, language))


def understood(prompt: str) -> tuple[str, str, list[Hit]]:
    """The folded text, its language, and every word of it that asks for something."""
    text = fold(prompt[:MAX_CHARS])
    language = first = language_of(text)
    hits = find(text, first)
    if first == "de":
        # German nouns are capital: "stolz" is no peacock.
        capital = {fold(word) for word in re.findall(r"[^\W\d_a-zäöüß][\w-]*", prompt)}
        hits = [hit for hit in hits if hit.meaning.weight > 0.6 or text[hit.start : hit.end] in capital]
    if all(hit.meaning.kind in {"silent", "colour"} for hit in hits):
        # What the first language knows as a whole has no parts in another.
        whole = [(hit.start, hit.end) for hit in hits]
        others = [
            ([hit for hit in _foreign(text, other, first) if not _within(hit, whole)], other)
            for other in LANGUAGES
            if other != first
        ]
        hits, language = max(((hits, first), *others), key=lambda found: _understood(found[0]))
    return text, language, hits


def _within(hit: Hit, spans: list[tuple[int, int]]) -> bool:
    return any(start <= hit.start and hit.end <= end for start, end in spans)


def _understood(hits: list[Hit]) -> float:
    """How much of a text its hits explain."""
    return sum(
        hit.weight * (hit.end - hit.start) for hit in hits if hit.meaning.kind not in {"silent", "colour"}
    )


def _foreign(text: str, language: str, first: str) -> list[Hit]:
    """What another language finds, small words of the first apart: "the" is no French tea."""
    own = word_set("grammar", "function", first) | word_set("grammar", "behind", first)
    return [
        hit
        for hit in find(text, language)
        if text[hit.start : hit.end] not in own or text[hit.start : hit.end] == text.strip()
    ]


def kinds(prompt: str, language: str | None = None) -> dict[Kind, list[str]]:
    """All that the prompt's words find, by kind: for those who add words to the tables."""
    text = fold(prompt[:MAX_CHARS])
    found: dict[Kind, list[str]] = {}
    for hit in find(text, language or language_of(text)):
        found.setdefault(hit.meaning.kind, []).append(hit.meaning.name)
    return found


def _reading(text: str, bound: Bound) -> Reading:
    """Sort what was found into its kinds, the heaviest thing first."""
    hits = bound.hits
    found = Reading(
        steps=tuple(int(number) for number in re.findall(r"[0-9]{1,3}", text)[:4]),
        coats=bound.coats,
        colour=bound.colour,
        asleep=bound.asleep,
    )
    things: dict[str, tuple[float, int]] = {}
    place_weight = 0.0
    for hit in hits:
        kind, name = hit.meaning.kind, hit.meaning.name
        if kind == "thing":
            # Later words weigh less, but a strong later word beats a weak early one.
            weight = hit.weight * _MODEST.get(name, 1.0) / (1 + 0.08 * len(things))
            known = things.get(name, (0.0, 0))
            things[name] = (max(weight, known[0]), max(hit.count, known[1]))
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
        elif kind == "season":
            found.season = found.season or name
    for name in _VESSELS & set(things) if "steam" in found.effects else ():
        things[name] = (things[name][0] * 2, things[name][1])
    # A mere keyword is drawn only where the prompt names little else.
    strong = [name for name, (weight, _) in things.items() if weight > 0.5]
    # And what somebody only dreams of being, not even beside one other.
    faint = _DREAMT if strong else 0.0
    order = sorted(things, key=lambda name: -things[name][0])
    found.things = [name for name in order if things[name][0] > (0.3 if len(strong) > 1 else faint)]
    found.counts = {name: things[name][1] for name in found.things if things[name][1]}
    if not _about_food(text, hits, found):
        found.actions = [_away_from_food(name) for name in found.actions]
    found.actions = [name for name in dict.fromkeys(found.actions) if name and name not in found.things]
    return found


def _about_food(text: str, hits: list[Hit], found: Reading) -> bool:
    """Whether knives and kneading hands are at home in the scene: cloth is cut with other tools."""
    if found.place == "kitchen" or set(found.actions) & (word_set("places", "kitchen_actions") - _OF_HANDS):
        return True
    if "steam" in found.effects or "cook" in found.things:
        return True
    if any(icon(name).subgroup in _EATEN or name in _COOKED for name in found.things):
        return True
    stems = tuple(word_set("grammar", "any", "kitchen"))
    return any(text[hit.start : hit.end].startswith(stems) for hit in hits if hit.meaning.kind == "action")


def _away_from_food(action: str) -> str:
    """What shows the action outside the kitchen; nothing for bare hands."""
    return {"kitchen-knife": "scissors", "palms-up-together": ""}.get(action, action)
