"""What the reply will hold: a title, its steps, and which of them get a picture."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

from .counting import MOST
from .language import Language
from .request import Brief
from .topic import clause_of, frame_words, has_cast, thing_of
from .wording import capital, pieces, shorten, tidy

__all__ = ["Outline", "Step", "distinct", "outline", "views"]

_DEFAULT = {"howto": 4, "story": 4, "explain": 3, "picture": 1}
_HEADING_COLUMNS = 64
_ALT_COLUMNS = 140
_PROMPT_COLUMNS = 400
_NAME_COLUMNS = 36


@dataclass(frozen=True, slots=True)
class Step:
    """One part of the reply."""

    heading: str
    say: str
    prompt: str
    alt: str
    pictured: bool = True
    name: str = ""
    """By which later steps of the same reply refer to its picture; empty where none does."""
    like: str = ""
    """The name of the step of this reply that it should resemble."""
    after: str = ""
    """The prompt of an earlier picture that it should resemble, and that picture's alt text."""
    after_alt: str = ""


@dataclass(frozen=True, slots=True)
class Outline:
    """A reply before its pictures are drawn."""

    brief: Brief
    title: str
    steps: tuple[Step, ...]
    remarks: tuple[str, ...] = ()
    """What the reader must know of the frame: no model, a list cut short."""

    @property
    def pictures(self) -> tuple[Step, ...]:
        """The steps that get a picture, in order."""
        return tuple(step for step in self.steps if step.pictured)


def outline(brief: Brief) -> Outline:
    """Lay out the reply to `brief`, which is no chat."""
    brief = clause_of(brief)
    language = brief.language
    words = frame_words(brief)
    items = brief.items[:MOST]
    pictures = None if brief.pictures is None else min(brief.pictures, MOST)
    wanted = brief.steps or len(items) or _unasked_steps(brief.intent, pictures)
    total = max(min(wanted, MOST), len(items), pictures or 0, 1)
    if items:
        steps = (*_item_steps(items, brief, words), *_closer_looks(items, total - len(items), brief))
    elif brief.intent == "picture":
        steps = views(brief, total)
    else:
        steps = _framed(brief, words, total)
    steps = distinct(_spread(steps, total if pictures is None else pictures), language)
    if brief.alike or (brief.intent == "story" and has_cast(brief)):
        steps = _alike(steps, brief)
    return Outline(brief, _title(brief, words), steps, tuple(_remarks(brief, len(items), pictures)))


def views(brief: Brief, total: int, seen: Iterable[str] = ()) -> tuple[Step, ...]:
    """`total` pictures of one scene, none of them with a prompt already `seen`."""
    words, known = frame_words(brief), set(seen)
    rows = brief.language.rows("views")
    shown = [(heading, shorten(prompt.format_map(words), _PROMPT_COLUMNS)) for _, heading, _, prompt in rows]
    fresh = [pair for pair in shown if pair[1] not in known] or shown
    stop = brief.language.say("shape", "stop")
    if total == 1:
        prompt = fresh[0][1]
        return (Step("", "", prompt, shorten(prompt, _ALT_COLUMNS)),)
    chosen = [fresh[position % len(fresh)] for position in range(total)]
    return tuple(
        Step(heading, capital(prompt) + stop, prompt, shorten(prompt, _ALT_COLUMNS))
        for heading, prompt in chosen
    )


def distinct(steps: tuple[Step, ...], language: Language) -> tuple[Step, ...]:
    """The same steps, no two of which ask for the same picture."""
    comma = language.say("shape", "comma")
    headings = [str(row[1]) for row in language.rows("views")[1:]]
    seen: set[str] = set()
    result = []
    for step in steps:
        prompt, attempt = step.prompt, 0
        while prompt in seen:
            change = headings[attempt] if attempt < len(headings) else str(attempt + 1)
            prompt, attempt = f"{step.prompt}{comma}{change.lower()}", attempt + 1
        seen.add(prompt)
        result.append(replace(step, prompt=prompt))
    return tuple(result)


def _unasked_steps(intent: str, pictures: int | None) -> int:
    # One picture alone makes no tutorial: it stands in the middle of three steps.
    if intent != "picture" and pictures == 1:
        return 3
    return pictures or _DEFAULT[intent]


def _spread(steps: tuple[Step, ...], pictures: int) -> tuple[Step, ...]:
    """Give `pictures` of the steps a picture, evenly."""
    total = len(steps)
    chosen = {(2 * position + 1) * total // (2 * pictures) for position in range(min(pictures, total))}
    return tuple(replace(step, pictured=position in chosen) for position, step in enumerate(steps))


def _framed(brief: Brief, words: Mapping[str, str], total: int) -> tuple[Step, ...]:
    language = brief.language
    rows = [row for row in language.rows(brief.intent) if row[0] <= total]
    subject = words["scene" if brief.intent == "story" else "topic"]
    # A verb is no noun: "juggle" alone cannot stand where a thing is named.
    shown = _title(brief, words) if brief.kind == "act" and subject == words["act"] else subject
    steps = []
    for _, heading, say, prompt in rows:
        named = shorten(heading.format_map(words), _HEADING_COLUMNS)
        known = subject.lower() in named.lower()
        alt = named if known else f"{named}{language.say('shape', 'colon')}{shown}"
        steps.append(
            Step(
                named,
                say.format_map(words),
                shorten(prompt.format_map(words), _PROMPT_COLUMNS),
                shorten(alt, _ALT_COLUMNS),
            )
        )
    return tuple(steps)


def _item_steps(items: tuple[str, ...], brief: Brief, words: Mapping[str, str]) -> Iterable[Step]:
    said, stop = brief.language.table["items"], brief.language.say("shape", "stop")
    subject = (
        "" if brief.kind == "none" or brief.sided else words["scene" if brief.intent == "story" else "topic"]
    )
    comma = brief.language.say("shape", "comma")
    known = {piece.strip(" ,，、").lower() for piece in pieces(words["scene"])}
    if all(piece.strip(" ,，、").lower() in known for item in items for piece in pieces(item)):
        subject = ""  # the phrase is the list itself
    for position, item in enumerate(items):
        heading = shorten(capital(item), _HEADING_COLUMNS)
        if heading != capital(item):
            say = shorten(capital(item), _PROMPT_COLUMNS) + stop
        elif position == 0:
            say = said["opening"] if len(items) > 1 else said["only"]
        elif position == len(items) - 1:
            say = said["closing"]
        else:
            say = said["middle"][(position - 1) % len(said["middle"])]
        prompt = shorten(item, _PROMPT_COLUMNS)
        if subject and subject.lower() not in prompt.lower():
            prompt = f"{prompt}{comma}{subject}"
        yield Step(heading, say, prompt, shorten(capital(item), _ALT_COLUMNS))


def _closer_looks(items: tuple[str, ...], missing: int, brief: Brief) -> Iterable[Step]:
    """More pictures than items: look at the items again, from another side."""
    looks = brief.language.rows("views")[1:]
    colon, stop = brief.language.say("shape", "colon"), brief.language.say("shape", "stop")
    for position in range(max(missing, 0)):
        item = items[position % len(items)]
        _, view, _, template = looks[position // len(items) % len(looks)]
        prompt = shorten(template.format_map({"scene": shorten(item, 200)}), _PROMPT_COLUMNS)
        heading = shorten(f"{view}{colon}{item}", _HEADING_COLUMNS)
        yield Step(heading, capital(prompt) + stop, prompt, shorten(capital(prompt), _ALT_COLUMNS))


def _alike(steps: tuple[Step, ...], brief: Brief) -> tuple[Step, ...]:
    """The first picture shows who it is; the others resemble it."""
    pictured = [position for position, step in enumerate(steps) if step.pictured]
    if len(pictured) < 2:
        return steps
    thing = thing_of(brief.items[0] if brief.sided else brief.phrase, brief.language)
    name = shorten(thing, _NAME_COLUMNS) or steps[pictured[0]].heading[:_NAME_COLUMNS]
    return tuple(
        replace(step, name=name)
        if position == pictured[0]
        else replace(step, like=name)
        if position in pictured
        else step
        for position, step in enumerate(steps)
    )


def _title(brief: Brief, words: Mapping[str, str]) -> str:
    titles = brief.language.table["titles"]
    key = f"{brief.intent}-{brief.kind}"
    if brief.kind == "none" and key not in titles:
        key = "items" if brief.items and brief.intent == "howto" else "untitled"
    return tidy_title(str(titles.get(key) or titles[f"{brief.intent}-noun"]).format_map(words))


def tidy_title(title: str) -> str:
    """A title ends without a full stop; its question marks stay."""
    before = title[:1] if title[:1] in {"¿", "¡"} else ""
    after = re.search(r" ?[?？]$", title)
    return before + shorten(tidy(title), 100) + (after.group() if after else "")


def _remarks(brief: Brief, items: int, pictures: int | None) -> Iterable[str]:
    notes = brief.language.table["note"]
    yield notes["list" if brief.items else brief.intent]
    if brief.unlisted:
        yield notes["unlisted"]
    if len(brief.items) > items:
        yield notes["many_items"].format(count=len(brief.items), kept=items)
    if brief.pictures is not None and brief.pictures > MOST:
        yield notes["many_pictures"].format(count=brief.pictures, kept=pictures)
    if brief.steps is not None and brief.steps > MOST:
        yield notes["many_steps"].format(count=brief.steps, kept=MOST)
    if pictures == 0:
        yield notes["no_pictures"]
