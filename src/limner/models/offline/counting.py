"""How many pictures and steps a request asks for, and in which shape."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass

from .language import Language

__all__ = ["MOST", "Counted", "count", "number"]

MOST = 12
"""Pictures and steps in one reply."""

_RATIO = re.compile(r"[,;，；]?\s*(?<![\d:.])(\d{1,2})\s?[:：x×/比]\s?(\d{1,2})(?![\d:.])")
_SPACES = re.compile(r"[^\S\n]{2,}")
_LINES = re.compile(r"[^\S\n]?\n\s*")
_RATIOS = frozenset(
    {"1:1", "2:3", "3:2", "3:4", "4:3", "4:5", "5:4", "9:16", "16:9", "21:9", "9:21", "1:2", "2:1"}
)
_NAMED = {"wide": "16:9", "tall": "9:16", "square": "1:1"}


@dataclass(frozen=True, slots=True)
class Counted:
    """What was asked for in numbers, and the request without those words."""

    text: str
    pictures: int | None
    """As asked, not clamped; None where no number was given, 0 where none are wanted."""
    steps: int | None
    mentioned: bool
    """Whether pictures are spoken of at all."""
    shape: str | None
    """Like "16:9"."""


def number(word: str, language: Language) -> int | None:
    """The number that `word` says, in digits or in letters."""
    if word.isdecimal():
        return int(word[:6])
    return language.numbers.get(word.lower())


def count(text: str, language: Language) -> Counted:
    """Find the numbers and take their words out of `text`."""
    patterns, gap = language.patterns, language.say("shape", "gap")
    mentioned = any(pattern.search(text) for pattern in patterns["mention"])
    text = _LINES.sub("\n", _SPACES.sub(" ", text))
    text, shape = _shape(text, language)
    unwanted = False
    for pattern in patterns["none"]:
        text, found = _without(pattern, text, gap)
        unwanted = unwanted or found > 0
    for pattern in patterns["blur"]:
        text, _ = _without(pattern, text, gap)
    text, pictures = _take(text, language, "pictures")
    text, steps = _take(text, language, "steps")
    for pattern in patterns["loose"]:
        text, _ = _without(pattern, text, gap)
    return Counted(text, 0 if unwanted else pictures, steps, mentioned, shape)


def _without(
    pattern: re.Pattern[str], text: str, gap: str | Callable[[re.Match[str]], str]
) -> tuple[str, int]:
    # What is taken out leaves spaces behind; long runs of them make the next expressions slow.
    text, found = pattern.subn(gap, text)
    return (_LINES.sub("\n", _SPACES.sub(" ", text)) if found else text), found


def _take(text: str, language: Language, key: str) -> tuple[str, int | None]:
    first: int | None = None
    gap = language.say("shape", "gap")
    for pattern in language.patterns[key]:

        def replaced(found: re.Match[str]) -> str:
            nonlocal first
            groups = found.groupdict()
            said = number(groups["n"], language) if groups.get("n") else 1
            first = said if first is None else first
            return f"{groups.get('keep') or ''}{gap}"

        text, _ = _without(pattern, text, replaced)
    return text, first


def _shape(text: str, language: Language) -> tuple[str, str | None]:
    shape: str | None = None
    gap = language.say("shape", "gap")

    def ratio(found: re.Match[str]) -> str:
        nonlocal shape
        named = f"{int(found[1])}:{int(found[2])}"
        if named not in _RATIOS:  # a time of day, a fraction
            return found.group()
        shape = shape or named
        return gap

    text, _ = _without(_RATIO, text, ratio)
    for name, value in _NAMED.items():
        for pattern in language.patterns[name]:
            text, found = _without(pattern, text, gap)
            shape = shape or (value if found else None)
    return text, shape
