"""Which words ask for what, in each language: our own table first, then the icons' keywords."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Literal

from .icons import icon, keywords, names
from .tables import table, word_set

__all__ = ["LANGUAGES", "Kind", "Meaning", "fold", "forms", "lexicon", "rows"]

LANGUAGES = ("en", "zh", "ja", "es", "de", "fr", "ko")

Kind = Literal["thing", "action", "effect", "place", "light", "weather", "season", "colour", "silent"]

_SECTIONS: Mapping[str, Kind] = {
    "things": "thing",
    "actions": "action",
    "effects": "effect",
    "places": "place",
    "lights": "light",
    "weathers": "weather",
    "seasons": "season",
    "colours": "colour",
    "silent": "silent",
}


@dataclass(frozen=True, slots=True)
class Meaning:
    """What one word asks for."""

    kind: Kind
    name: str
    weight: float
    """1 where a person wrote the row or the word is the thing's name, less for a mere keyword."""


# Kinds of icons whose keywords are mostly other names of the thing itself. Keywords of the rest
# are moods and uses ("easy", "restaurant", "unlucky"), which put the wrong thing in a picture.
_TRUSTED = {*range(34, 49), 51, 54, 55, 56, 68}


def fold(text: str) -> str:
    """`text` as the tables have it: NFKC, lower case, Latin letters without their accents."""
    plain = unicodedata.normalize("NFKC", text).casefold()
    letters = []
    for char in plain:
        first = unicodedata.normalize("NFD", char)[0]
        letters.append(first if first < "\u0250" else char)
    return "".join(letters).replace("’", "'").replace("œ", "oe")


@cache
def rows() -> tuple[tuple[Meaning, Mapping[str, tuple[str, ...]]], ...]:
    """Our own table: what is drawn, and the words that ask for it, per language."""
    return tuple(
        (Meaning(kind, name, 1.0), {language: tuple(words) for language, words in row.items()})
        for section, kind in _SECTIONS.items()
        for name, row in table("words")[section].items()
    )


@cache
def lexicon(language: str) -> Mapping[str, tuple[Meaning, ...]]:
    """Every folded word of a language with all that it asks for."""
    found: dict[str, tuple[Meaning, ...]] = {}
    for meaning, words in rows():
        for word in words.get(language, ()):
            folded = fold(word)
            found[folded] = (*found.get(folded, ()), meaning)
    small = word_set("grammar", "function", language)
    for word, meaning in _borrowed(language):
        if word in small:
            continue
        found.setdefault(word, (meaning,))
    return found


def _borrowed(language: str) -> Iterator[tuple[str, Meaning]]:
    """The keywords that are good enough, the strongest first."""
    every = names()
    for rank, weight in enumerate((1.0, 0.8, 0.5)):
        for word, place in keywords(language)[rank].items():
            if len(word) < 2 or (len(word) == 2 and word.isascii() and word != "ox"):
                continue
            if rank and not _trusted(word, every[place], language):
                continue
            # The English ones were all read through.
            trust = max(weight, 0.9) if language == "en" else weight
            yield word.replace("œ", "oe"), Meaning("thing", every[place], trust)


def _trusted(word: str, name: str, language: str) -> bool:
    """Whether a mere keyword really names the thing."""
    if language == "en":
        return word in word_set("words", "keywords", "en")
    return icon(name).subgroup in _TRUSTED


def forms(word: str, language: str) -> Iterator[tuple[str, bool]]:
    """A folded Latin word, then what it may be an inflection of; True where only of a verb."""
    yield word, False
    rules, verb_rules = _ENDINGS.get(language, ((), ()))
    for verb, endings in ((False, rules), (True, verb_rules)):
        for ending, replacement in endings:
            stem = word.removesuffix(ending)
            if stem != word and len(stem) >= 3 - bool(replacement):
                yield stem + replacement, verb


_Endings = tuple[tuple[str, str], ...]
_ENDINGS: Mapping[str, tuple[_Endings, _Endings]] = {
    "en": (
        (("'s", ""), ("s", ""), ("es", ""), ("ies", "y"), ("ves", "f"), ("ves", "fe"), ("s'", "")),
        (
            ("ing", ""), ("ing", "e"), ("ed", ""), ("ed", "e"), ("d", ""), ("ied", "y"),
            ("pping", "p"), ("tting", "t"), ("gging", "g"), ("rring", "r"), ("mming", "m"), ("nning", "n"),
            ("pped", "p"), ("tted", "t"), ("rred", "r"), ("mmed", "m"),
        ),
    ),
    "es": (
        (("s", ""), ("es", ""), ("ces", "z"), ("itos", "o"), ("itas", "a"), ("ito", "o"), ("ita", "a")),
        (
            ("a", "ar"), ("e", "er"), ("e", "ir"), ("as", "ar"), ("es", "er"), ("ando", "ar"), ("iendo", "er"),
            ("iendo", "ir"), ("amos", "ar"), ("emos", "er"), ("ado", "ar"), ("ido", "er"), ("an", "ar"),
            ("o", "ar"), ("en", "er"), ("ada", "ar"),
        ),
    ),
    "de": (
        (
            ("e", ""), ("en", ""), ("n", ""), ("er", ""), ("ern", ""), ("es", ""), ("s", ""), ("em", ""),
            ("chen", ""), ("lein", ""), ("innen", "in"),
        ),
        (("e", "en"), ("t", "en"), ("et", "en"), ("st", "en"), ("", "n"), ("end", "en"), ("ende", "en")),
    ),
    "fr": (
        (("s", ""), ("x", ""), ("es", ""), ("aux", "al"), ("e", ""), ("eaux", "eau")),
        (
            ("e", "er"), ("es", "er"), ("ez", "er"), ("ons", "er"), ("ant", "er"), ("ent", "er"), ("is", "ir"),
            ("it", "ir"), ("ee", "er"), ("issez", "ir"), ("ds", "dre"), ("dez", "dre"),
        ),
    ),
}  # fmt: skip
