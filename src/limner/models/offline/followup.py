"""A message that goes on from the one before: "another one", "make the third one at night"."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, replace

from .counting import MOST, number
from .glossary import pictures_asked
from .language import LANGUAGES, Language, detect, load
from .outline import Outline, Step, distinct, outline, tidy_title, views
from .recall import anew, meant
from .request import Brief, read, strip_courtesy
from .topic import about
from .wording import capital, clean, shorten, tidy

__all__ = ["Reading", "read_conversation"]

_PHRASE_COLUMNS = 110
_REMEMBERED = 12
"""User messages that a follow-up can reach back."""


@dataclass(frozen=True, slots=True)
class Reading:
    """What the last message asks for, seen with those before it."""

    brief: Brief
    outline: Outline | None
    """None for plain chat and where nothing names a subject."""
    album: Outline | None = None
    """What a later follow-up goes on from: the outline, with one picture changed among the others."""


def read_conversation(texts: Iterable[str]) -> Reading:
    """Read the user's messages from the first to the last."""
    code: str = LANGUAGES[0]
    last: Outline | None = None
    seen: list[Step] = []
    reading = Reading(read("", load(code)), None)
    for text in list(texts)[-_REMEMBERED:] or [""]:
        code = detect(clean(text), code) or code
        reading = _next(text, load(code), last, seen)
        if reading.outline:
            last = reading.album or reading.outline
            seen += reading.outline.pictures
    return reading


def _next(text: str, language: Language, last: Outline | None, seen: list[Step]) -> Reading:
    line = tidy(clean(text))
    brief = read(text, language)
    # "Draw that dragon again" names its thing; what names none goes on from the message before.
    named = brief.intent == "picture" and meant(line, brief.phrase, seen, language, surely=True) is not None
    if last is not None and not named:
        repeated = _again(line, language, last, seen)
        changed = Reading(repeated.brief, repeated) if repeated else _change(line, language, last)
        if changed:
            return changed
    if brief.intent == "chat":
        brief = _recalled(brief, seen) or _unlisted(brief) or brief
    if brief.intent == "chat":
        return Reading(brief, None)
    carried = not brief.phrase and not brief.items and last is not None
    if carried and last is not None:
        brief = _with_topic_of(last.brief, brief)
    if not brief.phrase and not brief.items and brief.intent == "picture":
        return Reading(brief, None)
    step = None
    if brief.intent in {"picture", "story"}:
        step = seen[-1] if carried and seen else meant(line, brief.phrase, seen, brief.language)
    return Reading(brief, outline(brief) if step is None else _resembling(brief, step))


def _resembling(brief: Brief, step: Step) -> Outline:
    """The outline, with its first picture like that of an earlier step."""
    if brief.phrase:
        brief = replace(brief, phrase=anew(brief.phrase, brief.language) or brief.phrase)
    found = outline(brief)
    first = next((position for position, each in enumerate(found.steps) if each.pictured), 0)
    steps = tuple(
        replace(each, after=step.prompt, after_alt=step.alt) if position == first else each
        for position, each in enumerate(found.steps)
    )
    return replace(found, steps=steps)


def _recalled(brief: Brief, seen: list[Step]) -> Brief | None:
    """A picture of the same fox, now in the rain, where there is an earlier one with that fox."""
    line = tidy(brief.text)
    short = line == shorten(line, _PHRASE_COLUMNS) and not re.search(r"[?？]\s*$", brief.text)
    if not short or meant(line, line, seen, brief.language, surely=True) is None:
        return None
    return replace(brief, intent="picture", kind="noun", phrase=line, items=())


def _unlisted(brief: Brief) -> Brief | None:
    """A request for pictures in a language without a table: the user's words in an English frame."""
    total = pictures_asked(brief.text)
    phrase = shorten(tidy(brief.text), _PHRASE_COLUMNS)
    if total is None or not any(char.isalpha() for char in phrase):
        return None
    language = load(LANGUAGES[0])
    return Brief(language, "picture", "noun", phrase, (), total, None, brief.shape, brief.text, unlisted=True)


def _with_topic_of(last: Brief, brief: Brief) -> Brief:
    """The new message names nothing of its own: it is about what the last one was about."""
    if brief.intent in {"picture", last.intent}:
        return replace(brief, intent=last.intent, kind=last.kind, phrase=last.phrase, items=last.items)
    topic = last.phrase if last.kind == "noun" else about(last)
    return replace(brief, kind="noun" if topic else "none", phrase=topic)


def _again(line: str, language: Language, last: Outline, seen: list[Step]) -> Outline | None:
    found = _first(line, language, "again")
    if not found:
        return None
    groups = found.groupdict()
    total = min(number(groups["n"], language) or 1, MOST) if groups.get("n") else 1
    change = _change_words(groups, language)
    brief = replace(last.brief, language=language, pictures=total, text=line)
    if change:
        base = last.pictures[:total] or last.steps[:total]
        steps = _changed(base, change, language)
        return _titled(last, brief, steps, change)
    if not brief.phrase and brief.items:
        brief = replace(brief, phrase=brief.items[0])
    steps = distinct(views(brief, max(total, 1), [step.prompt for step in seen]), language)
    return _titled(last, brief, steps, "")


def _change(line: str, language: Language, last: Outline) -> Reading | None:
    found = _first(line, language, "change")
    if not found:
        return None
    groups = found.groupdict()
    change = _change_words(groups, language)
    which = groups.get("ordinal") or groups.get("number")
    if which:
        return _change_one(which, change, line, language, last)
    if not change:
        return None
    steps = _changed(last.pictures or last.steps, change, language)
    brief = replace(last.brief, language=language, pictures=len(steps), text=line)
    if brief.intent == "picture" and brief.phrase:
        comma = language.say("shape", "comma")
        brief = replace(brief, phrase=shorten(f"{brief.phrase}{comma}{change}", 150))
    return Reading(brief, _titled(last, brief, steps, change))


def _change_one(which: str, change: str, line: str, language: Language, last: Outline) -> Reading:
    """One picture anew; the others stay what they were, for the next follow-up."""
    pictured = last.pictures or last.steps
    position = language.ordinals.get(which.lower()) or int(re.sub(r"\D", "", which)[:3] or 1)
    position = len(pictured) if position < 0 else position
    old = pictured[min(max(position, 1), len(pictured)) - 1]
    steps = _changed((old,), change, language)
    brief = replace(last.brief, language=language, pictures=1, text=line)
    album = replace(last, steps=tuple(steps[0] if step is old else step for step in last.steps))
    return Reading(brief, _titled(last, brief, steps, change), album)


def _first(line: str, language: Language, key: str) -> re.Match[str] | None:
    return next((found for pattern in language.patterns[key] if (found := pattern.search(line))), None)


def _change_words(groups: dict[str, str | None], language: Language) -> str:
    if groups.get("add"):
        added = strip_courtesy(groups["add"] or "", language)
        return shorten(language.say("titles", "with").format(thing=added), 100) if added else ""
    return shorten(strip_courtesy(groups.get("change") or "", language), 100)


def _changed(steps: tuple[Step, ...], change: str, language: Language) -> tuple[Step, ...]:
    comma, stop = language.say("shape", "comma"), language.say("shape", "stop")
    result = []
    for step in steps:
        prompt = f"{step.prompt}{comma}{change}" if change else step.prompt
        alt = f"{step.alt}{comma}{change}" if change else step.alt
        say = capital(alt) + stop if len(steps) > 1 else ""
        result.append(
            replace(
                step,
                prompt=prompt,
                alt=alt,
                say=say,
                pictured=True,
                name="",
                like="",
                after=step.prompt if step.pictured else "",
                after_alt=step.alt,
            )
        )
    return distinct(tuple(result), language)


def _titled(last: Outline, brief: Brief, steps: tuple[Step, ...], change: str) -> Outline:
    comma = brief.language.say("shape", "comma")
    title = tidy_title(f"{last.title.rstrip(' ?？')}{comma}{change}") if change else last.title
    return Outline(brief, title, steps, (brief.language.say("note", "picture"),))
