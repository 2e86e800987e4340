"""What the user's message asks for: a brief, found in its words alone."""

from __future__ import annotations

import re
from dataclasses import dataclass

from .counting import Counted, count
from .language import Ask, Language
from .listing import Listing, find_items, split_list, split_sides
from .wording import clean, shorten, tidy

__all__ = ["Brief", "read", "strip_courtesy"]

_SENTENCE = re.compile(r"(?<=[.!?])\s+|(?<=[。！？])|\n+")
_FIRST, _LAST = 40, 20
"""Sentences of a long message that are searched: the wish stands at its beginning or at its end."""
_SENTENCE_CHARS = 400
_PHRASE_COLUMNS = 110


@dataclass(frozen=True, slots=True)
class Brief:
    """One request, understood as far as its words go."""

    language: Language
    intent: str
    """ "howto", "story", "explain", "picture" or "chat"."""
    kind: str
    """What `phrase` is: "act", "noun", "dish", "question" or "none" (there is no phrase)."""
    phrase: str
    items: tuple[str, ...]
    pictures: int | None
    """As asked, not clamped; 0 where pictures are unwanted."""
    steps: int | None
    shape: str | None
    text: str
    """The cleaned message."""
    unlisted: bool = False
    """Whether the request's own language has no table."""
    alike: bool = False
    """Whether its pictures show one and the same thing: a fox in four seasons, the same cat twice."""
    sided: bool = False
    """Whether the items are sides of that thing, each whole in itself: a fox in spring, a fox in summer."""


def read(text: str, language: Language) -> Brief:
    """Understand one message."""
    plain = clean(text)
    listing = find_items(plain, language)
    counted = count(listing.rest, language)
    sentences = _sentences(counted.text, language)
    found = _asked(sentences, counted, language)
    intent, kind, phrase = found or _unasked(sentences, counted, listing, language)
    if not phrase and kind != "none":
        kind = "none"
    same = any(pattern.search(phrase) for pattern in language.patterns["same"])
    sides = () if listing.items else _sides(phrase, intent, counted, language, same=same)
    if sides and intent == "story":
        # What happens is told already: the seasons, one after the other.
        intent = "picture"
    items, phrase = (sides, phrase) if sides else _itemised(listing, intent, phrase, counted, language)
    return Brief(
        language,
        intent,
        kind,
        phrase,
        items,
        counted.pictures,
        counted.steps,
        counted.shape,
        plain,
        alike=bool(sides) or (same and intent in {"picture", "explain"}),
        sided=bool(sides),
    )


def _sentences(text: str, language: Language) -> list[str]:
    parts = [part for part in _SENTENCE.split(text) if part.strip()]
    if len(parts) > _FIRST + _LAST:
        parts = parts[:_FIRST] + parts[-_LAST:]
    return [line for part in parts if (line := strip_courtesy(part[:_SENTENCE_CHARS], language))]


def strip_courtesy(sentence: str, language: Language) -> str:
    """`sentence` without "could you please" before it and "thanks" after it."""
    line = tidy(sentence)
    for key in ("intro", "outro") * 2:
        for pattern in language.patterns[key]:
            line = tidy(pattern.sub("", line))
    return line


def _asked(sentences: list[str], counted: Counted, language: Language) -> tuple[str, str, str] | None:
    """Intent, kind and phrase of the most telling way of asking."""
    for ask in language.asks:
        if not _holds(ask, counted):
            continue
        for sentence in sentences:
            match = ask.pattern.search(sentence)
            if not match:
                continue
            phrase = _phrase(match["x"], language) if "x" in ask.pattern.groupindex else ""
            if phrase or ask.kind == "none" or ask.intent in {"picture", "story"}:
                kind = _kind(ask.kind, phrase, language)
                return ask.intent, kind, _inflected(kind, phrase, language)
    return None


def _kind(kind: str, phrase: str, language: Language) -> str:
    """Whether the X of "steps of X" is something to do: it is where it begins with a verb of doing."""
    if kind != "either":
        return kind
    return "act" if language.topics["act"].match(phrase) else "noun"


def _inflected(kind: str, phrase: str, language: Language) -> str:
    """The form that a title wants: "einen Fuchs" is "ein Fuchs" there."""
    for expression, replacement in language.table["topic"].get(f"title_{kind}", ()):
        phrase = re.sub(expression, replacement, phrase, flags=re.IGNORECASE)
    if kind == "act" and language.table["topic"].get("small_act"):
        # "Fix a tyre" is "how to fix a tyre"; "DIY" stays as it is.
        return re.sub(r"^[^\W\d_](?=[a-zà-ɏ]+\b)", lambda found: found.group().lower(), phrase)
    return phrase


def _holds(ask: Ask, counted: Counted) -> bool:
    pictures = counted.pictures or 0
    wanted = counted.mentioned or pictures > 0
    return {"": True, "pictures": wanted, "many": max(pictures, counted.steps or 0) >= 2}[ask.condition]


def _unasked(
    sentences: list[str], counted: Counted, listing: Listing, language: Language
) -> tuple[str, str, str]:
    """Nothing is asked in so many words: pictures, steps or a list say that something is wanted."""
    phrase = next((found for line in sentences if (found := _phrase(line, language))), "")
    if counted.steps or listing.explicit:
        return "howto", "noun", phrase
    if counted.pictures == 1 and phrase:
        return "picture", "noun", phrase
    if counted.mentioned or counted.pictures:
        return ("explain", "noun", phrase) if phrase else ("picture", "none", "")
    if phrase and _bare(sentences, counted.text, language):
        return "picture", "noun", _inflected("noun", phrase, language)
    return "chat", "none", ""


def _bare(sentences: list[str], text: str, language: Language) -> bool:
    """Whether the message is a thing's name and nothing else: "cat" wants to see a cat."""
    patterns = language.patterns
    if len(sentences) != 1 or re.search(r"[?？吗嗎呢么麼][。.!！]?\s*$", text):
        return False
    return bool(patterns["bare"][0].match(sentences[0])) and not patterns["chatter"][0].search(sentences[0])


def _phrase(words: str, language: Language) -> str:
    """`words` as a phrase that can stand in a title; "" where nothing is left to name."""
    line = strip_courtesy(words, language)
    for _ in range(3):
        for pattern in language.patterns["dangling"]:
            line = tidy(pattern.sub(" ", line))
    empty = any(language.patterns[key][0].match(line) for key in ("empty", "leftover"))
    if empty or not any(char.isalnum() for char in line):
        return ""
    return shorten(line, _PHRASE_COLUMNS)


def _itemised(
    listing: Listing, intent: str, phrase: str, counted: Counted, language: Language
) -> tuple[tuple[str, ...], str]:
    """The items that give the steps, and the phrase without them."""
    pictures = counted.pictures
    if intent == "chat":
        return (), phrase
    if listing.items:
        if intent == "picture" and not listing.explicit and pictures in {None, 1}:
            # "Draw this: a fox, at night, in the snow" is one picture with three traits.
            comma = language.say("shape", "comma")
            return (), comma.join(part for part in (phrase, *listing.items) if part)
        return listing.items, phrase
    return _enumerated(phrase, intent, pictures or counted.steps, language), phrase


def _sides(phrase: str, intent: str, counted: Counted, language: Language, *, same: bool) -> tuple[str, ...]:
    """One thing seen from several sides, as many as are wanted: by day and by night, in four seasons."""
    if intent not in {"picture", "explain", "story"}:
        return ()
    wanted = counted.pictures or counted.steps
    for pattern, joint, parts in language.series:
        thing = tidy(pattern.sub("", phrase))
        if thing and pattern.search(phrase) and wanted in {None, len(parts)}:
            return tuple(f"{thing}{joint}{part}" for part in parts)
    if intent == "story":
        return ()
    sides = split_sides(phrase, language)
    # Without a number, only the same thing is wanted more than once.
    return sides if len(sides) == wanted or (wanted is None and same) else ()


def _enumerated(phrase: str, intent: str, wanted: int | None, language: Language) -> tuple[str, ...]:
    """The parts of a phrase where they are as many as the pictures that are wanted."""
    if intent == "story":
        return ()  # the characters of a story are no steps
    parts = split_list(phrase, language)
    told = len(parts) >= 2 and len(parts) == wanted
    return parts if told or (intent == "explain" and wanted is None and len(parts) >= 3) else ()
