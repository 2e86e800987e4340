"""The words that fill the frames: what a brief is about, in the forms that sentences need."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace

from .language import Language
from .request import Brief
from .wording import capital, shorten, tidy

__all__ = ["about", "clause_of", "frame_words", "has_cast", "thing_of"]

_TOPIC_COLUMNS = 70
_STOP = re.compile(r"[,.;:!?，。；：！？、]")
_WORD = re.compile(r"[^\W\d_]+(?:['’][^\W\d_]+)?")


def frame_words(brief: Brief) -> Mapping[str, str]:
    """Every word that a frame may ask for; each also capitalised under its capitalised name."""
    language, fallback = brief.language, brief.language.table["fallback"]
    phrase = brief.phrase if brief.unlisted else _as_the_reader(brief.phrase, language)
    topic = about(brief)
    words = {
        "phrase": phrase,
        "act": phrase,
        "topic": topic or fallback["subject"],
        "the": _the(brief, topic) if topic else fallback["this"],
        "scene": phrase or fallback["Hero" if brief.intent == "story" else "subject"],
        "the_cast": _the_cast(phrase, language),
    }
    titles = language.table["titles"]
    words["main"] = str(titles.get(f"main-{brief.kind}") or titles["main-noun"]).format_map(words)
    return {**words, **{capital(key): capital(value) for key, value in words.items()}}


def about(brief: Brief) -> str:
    """The nouns of a brief, without verbs of asking and without articles; "" where it names none."""
    language, phrase = brief.language, brief.phrase
    patterns = (language.topics.get(key) for key in (f"{brief.kind}_moved", brief.kind))
    found = next((match for pattern in patterns if pattern and (match := pattern.match(phrase))), None)
    topic = found["x"] if found else phrase
    return shorten(_bare(topic, language) or _bare(phrase, language), _TOPIC_COLUMNS)


def clause_of(brief: Brief) -> Brief:
    """A question that can stand as a statement becomes one: "how do tides work" is "how tides work"."""
    if brief.intent != "explain" or brief.kind not in {"noun", "question"}:
        return brief
    for expression, replacement in brief.language.table["topic"].get("rewrites", ()):
        phrase, found = re.subn(expression, replacement, brief.phrase, flags=re.IGNORECASE)
        if found:
            return replace(brief, kind="clause", phrase=phrase)
    clause = brief.language.topics.get("clause")
    if brief.kind == "noun" and clause and clause.match(brief.phrase):
        return replace(brief, kind="clause")
    return brief


def _bare(words: str, language: Language) -> str:
    for key in ("determiner", "owned"):
        pattern = language.topics.get(key)
        words = pattern.sub("", words, count=1) if pattern else words
    return tidy(words)


def _the(brief: Brief, topic: str) -> str:
    """The topic as something already spoken of: "a flat tyre" is "the flat tyre" by then."""
    language = brief.language
    article = language.table["topic"].get("the")
    if brief.kind == "question" or len(topic) > _TOPIC_COLUMNS // 2:
        return str(language.table["fallback"]["this"])
    if brief.kind == "clause" and brief.phrase.endswith(topic):
        return str(language.table["fallback"]["this"])
    if article is None:
        return topic
    before = brief.phrase[: brief.phrase.find(topic)] if topic in brief.phrase else ""
    if re.search(r"\b(?:my|our|your)\s*$", before, re.IGNORECASE):
        return f"your {topic}"
    if not re.search(r"\b(?:an?|the|some)\s*$", before, re.IGNORECASE):
        return topic
    return str(article) + re.sub(r"\b(and|or|with) an?\s+(?=\w)", rf"\1 {article}", topic)


def has_cast(brief: Brief) -> bool:
    """Whether a story has somebody in it who can be seen again: "friendship" has nobody."""
    if brief.kind != "noun" or not brief.phrase:
        return False
    somebody = brief.language.topics.get("somebody")
    if somebody is not None:
        return somebody.match(brief.phrase) is not None
    return _the_cast(brief.phrase, brief.language) != str(brief.language.table["fallback"]["hero"])


def thing_of(phrase: str, language: Language) -> str:
    """What `phrase` names first, without its article and without its place: "the same fox in the rain" is a fox."""
    phrase = _STOP.split(phrase, maxsplit=1)[0]
    named = language.patterns["definite"][0].match(phrase)
    bare = _bare(phrase[named.end() :] if named else phrase, language)
    side = language.patterns["side"][0]
    places = (
        found.start() for found in _WORD.finditer(bare) if found.start() and side.match(bare[found.start() :])
    )
    return tidy(bare[: next(places, len(bare))])


def _the_cast(scene: str, language: Language) -> str:
    """Who acts: "a fox and an owl in the woods" are "the fox and the owl" once they are known."""
    fallback = str(language.table["fallback"]["hero"])
    pattern = language.topics.get("cast")
    if not scene or pattern is None:
        return fallback
    found = pattern.match(scene)
    cast = tidy(found["cast"]) if found else scene
    if not re.match(r"(?:an?|the|two|three|four|five|some|your|you)\s+\w|[^\W\d_a-z]", cast):
        return fallback  # "friendship" does not set out
    return shorten(re.sub(r"\b(?:an?|some)\s+(?=\w)", "the ", cast), _TOPIC_COLUMNS)


def _as_the_reader(phrase: str, language: Language) -> str:
    """The user's "my dog" is "your dog" in a sentence to the user."""
    swaps = language.table["topic"].get("pronouns", {})
    return _WORD.sub(lambda found: swaps.get(found.group().lower(), found.group()), phrase)
