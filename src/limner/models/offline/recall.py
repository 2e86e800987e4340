"""Earlier pictures: which of them a message speaks of, and by which references they are known."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence

from limner.core.messages import Message

from .language import Language
from .outline import Step
from .topic import thing_of
from .wording import CJK, tidy

__all__ = ["Shown", "anew", "attached", "meant", "shown"]

_NOTE = re.compile(r"\(Attached pictures: (image://\d{1,9}(?:, image://\d{1,9})*)\)\Z")
"""How core/transcript.py says that a message brings pictures along."""
_PICTURE = re.compile(r"!\[((?:[^\]\\\n]|\\.){0,300})\]\(<?([^\s()<>]{1,2000})>?\)")
_WORD = re.compile(rf"[{CJK}]+|[^\W\d_{CJK}]+")
_MOST_CHARS = 50_000
"""Of one reply; twelve pictures stand in far fewer."""
_CJK = re.compile(f"[{CJK}]")
_AFTER_NOUN = "在的里裡和与與睡，、をがはにでの"
_LONGEST_RUN = 8
_SHORTEST = 3
"""Letters of a word that can name something."""


class Shown:
    """References of the pictures that earlier turns have shown."""

    def __init__(self, by_prompt: Mapping[str, str], by_alt: Mapping[str, str]) -> None:
        self._by_prompt = by_prompt
        self._by_alt = by_alt

    def of(self, prompt: str, alt: str = "") -> str | None:
        """The reference of the picture of that prompt, else of that alt text; the latest of several."""
        return self._by_prompt.get(prompt) or (self._by_alt.get(tidy(alt)) if alt else None)


def shown(messages: Sequence[Message]) -> Shown:
    """What the tools' results say, and where they are missing, what stands in the replies."""
    prompts: dict[str, str] = {}
    alts: dict[str, str] = {}
    told: dict[str, str] = {}
    for message in messages:
        for call in message.calls:
            told[call.id] = _text(call.arguments, "prompt")
        if message.role == "tool" and (prompt := told.get(message.call_id or "")):
            link = _text(message.text, "imageUrl")
            if link:
                prompts[prompt] = link
        if message.role == "assistant":
            for alt, link in _PICTURE.findall(message.text[:_MOST_CHARS]):
                alts[tidy(re.sub(r"\\(.)", r"\1", alt))] = link
    return Shown(prompts, alts)


def _text(content: str, key: str) -> str:
    try:
        found = json.loads(content)
    except (ValueError, RecursionError):  # a result that is no JSON names no picture
        return ""
    value = found.get(key) if isinstance(found, dict) else None
    return value if isinstance(value, str) else ""


def attached(text: str) -> tuple[str, tuple[str, ...]]:
    """A message without the note about the pictures that it brings along, and their references."""
    found = _NOTE.search(text, max(text.rfind("("), 0))
    return (text[: found.start()].rstrip(), tuple(found[1].split(", "))) if found else (text, ())


def anew(phrase: str, language: Language) -> str:
    """`phrase` without "again" and "now"."""
    for pattern in language.patterns["anew"]:
        phrase = pattern.sub("", phrase)
    return tidy(phrase)


def meant(
    line: str, phrase: str, seen: Sequence[Step], language: Language, *, surely: bool = False
) -> Step | None:
    """The latest picture in which the thing was that `phrase` of `line` begins with.

    None where the thing is not spoken of as known: "the fox", "the same fox", "a fox again".
    `surely`: "the" alone is not enough.
    """
    rest = anew(phrase, language)
    definite = language.patterns["definite"][0]
    same = any(pattern.search(line) for key in ("same", "anew") for pattern in language.patterns[key])
    if not same and (surely or not _definite(line, rest, definite)):
        return None
    words = _words(thing_of(rest, language))
    # The noun stands last before its place, "the little fox in the snow", or first, "le renard roux".
    for word in words if language.code in {"es", "fr"} else reversed(words):
        for step in reversed(seen):
            if _mentions(step.prompt, word):
                return step
    return None


def _definite(line: str, phrase: str, definite: re.Pattern[str]) -> bool:
    """Whether an article stands before the phrase, which may have lost it on the way to a title."""
    if definite.match(phrase):
        return True
    at = line.casefold().find(phrase.casefold()[:12])
    return at > 0 and any(found.end() == at for found in definite.finditer(line, max(0, at - 20), at))


def _words(thing: str) -> list[str]:
    """The words that can name it."""
    words: list[str] = []
    for word in _WORD.findall(thing):
        words += _beginnings(word) if _CJK.match(word) else [word] if len(word) >= _SHORTEST else []
    return words[:_LONGEST_RUN]


def _beginnings(run: str) -> list[str]:
    """Of a run without spaces, the longest last; one sign alone only where its word ends with it."""
    most = min(len(run), _LONGEST_RUN)
    first = 1 if len(run) == 1 or run[1] in _AFTER_NOUN else 2
    return [run[:length] for length in range(first, most + 1)]


def _mentions(prompt: str, word: str) -> bool:
    if _CJK.match(word):
        return word in prompt
    stem = re.escape(word.casefold())
    return re.search(rf"(?<![^\W\d_]){stem}(?:e?s|en|n)?(?![^\W\d_])", prompt.casefold()) is not None
