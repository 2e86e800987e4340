"""Which thing has which colour, and who it is that sleeps."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field

from .icons import is_living
from .phrases import Hit
from .tables import word_set

__all__ = ["Bound", "bind"]

_AND = re.compile(
    r"[\s,、]*(?:and|und|y|e|et|和|与|與|と|や|跟)?\s*(?:an?|the|un|una|une|eine?|la|el|le)?\s*"
)
_WORD = re.compile(r"[^\W\d_]+")
_END = re.compile(r"\s*(?:$|[.,;:!?。，、；：！？\n]|的?(?:吧|呢)?$|please|bitte|por favor|s'il)")
_REACH = 24
"""Characters between a colour and its thing, at most."""


@dataclass
class Bound:
    """What was found to belong together."""

    coats: dict[str, str] = field(default_factory=dict)
    """Thing to colour."""
    colour: str | None = None
    """Of whatever the picture is about, where it is called "it"."""
    asleep: list[str] = field(default_factory=list)
    hits: list[Hit] = field(default_factory=list)
    """All that is left for others to read: "an orange cat" has no orange in it."""


def bind(text: str, hits: Sequence[Hit], language: str) -> Bound:
    """Bring colours to their things and sleep to the sleepers, in a folded text."""
    bound = Bound()
    gone: set[Hit] = set()
    for hit in hits:
        if hit.meaning.kind != "colour":
            continue
        gone.add(hit)
        twins = {other for other in hits if other.meaning.kind == "thing" and _same_place(hit, other)}
        things = [other for other in hits if other.meaning.kind == "thing" and other not in twins]
        owners = _owners(text, hit, things, language)
        for owner in owners:
            bound.coats[owner.meaning.name] = hit.meaning.name
        pronoun = not owners and _stands_for_all(text, hit)
        if pronoun or (not owners and not twins and _ends(text, hit)):
            bound.colour = hit.meaning.name
        gone |= twins if owners or pronoun else set()
    bound.hits = [hit for hit in hits if hit not in gone]
    bound.asleep = list(_sleepers(text, bound.hits))
    return bound


def _same_place(one: Hit, two: Hit) -> bool:
    return one.start < two.end and two.start < one.end


def _owners(text: str, colour: Hit, things: Sequence[Hit], language: str) -> tuple[Hit, ...]:
    """The thing before or behind the colour, as the language has it; all its meanings."""
    behind = language in word_set("grammar", "colouring", "behind")
    before = max((thing.end for thing in things if thing.end <= colour.start), default=None)
    after = min((thing.start for thing in things if thing.start >= colour.end), default=None)
    forward = after is not None and _leads(text[colour.end : after], language)
    link = None if before is None else text[before : colour.start]
    # "Make the fox blue" has its colour behind in every language.
    backward = link is not None and (_links(link) or ((behind or _ends(text, colour)) and not link.strip()))
    if backward and (behind or not forward):
        return tuple(thing for thing in things if thing.end == before)
    return tuple(thing for thing in things if forward and thing.start == after)


def _ends(text: str, colour: Hit) -> bool:
    """Whether the clause ends with the colour."""
    return colour.end - colour.start > 1 and _END.match(text, colour.end) is not None


def _leads(between: str, language: str) -> bool:
    """Whether what stands between a colour and the noun after it lets the colour through."""
    if not between or between in word_set("grammar", "colouring", "joints"):
        return True
    if len(between) > _REACH or not between[0].isspace() or not between[-1].isspace():
        return False
    words = between.split()
    small = word_set("grammar", "function", language) | word_set("grammar", "behind", language)
    return len(words) <= 1 and all(_WORD.fullmatch(word) and word not in small for word in words)


def _links(between: str) -> bool:
    """Whether the colour behind a noun is said of it."""
    words, links = between.split(), word_set("grammar", "colouring", "links")
    return 0 < len(words) <= 3 and len(between) <= _REACH and all(word in links for word in words)


def _stands_for_all(text: str, colour: Hit) -> bool:
    """Whether the colour is said of "it"."""
    before = text[max(0, colour.start - _REACH) : colour.start]
    words = before.split()
    while words and words[-1] in word_set("grammar", "colouring", "links"):
        words.pop()
    pronouns = word_set("grammar", "colouring", "pronouns")
    return bool(words) and (words[-1] in pronouns or words[-1].endswith(tuple(_joined(pronouns))))


def _joined(pronouns: Iterable[str]) -> Iterator[str]:
    """In languages without spaces what links stands right behind the pronoun: 它变成蓝色."""
    links = [word for word in word_set("grammar", "colouring", "links") if not word.isascii()]
    for pronoun in pronouns:
        if not pronoun.isascii():
            yield pronoun
            yield from (pronoun + link for link in links)


def _sleepers(text: str, hits: Sequence[Hit]) -> Iterator[str]:
    """Whoever stands nearest to the word, together with those who are named in one breath."""
    living = [hit for hit in hits if hit.meaning.kind == "thing" and is_living(hit.meaning.name)]
    for hit in hits:
        if hit.meaning.name != "asleep" or not living:
            continue
        at = min(range(len(living)), key=lambda place: _distance(hit, living[place]))
        group = [at]
        while group[0] > 0 and _AND.fullmatch(text[living[group[0] - 1].end : living[group[0]].start]):
            group.insert(0, group[0] - 1)
        yield from (living[place].meaning.name for place in group)


def _distance(one: Hit, two: Hit) -> int:
    return two.start - one.end if two.start >= one.end else one.start - two.end
