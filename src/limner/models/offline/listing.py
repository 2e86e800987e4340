"""The items that the user listed, in the user's order."""

from __future__ import annotations

import re
from dataclasses import dataclass

from .language import Language
from .wording import CJK, tidy, width

__all__ = ["Listing", "find_items", "split_list", "split_sides"]

_NUMBERED = re.compile(
    r"^\s*(?:(?:step|schritt|paso|étape|ステップ|手順|步骤)\s*)?"
    r"(?:[(（]?(?P<digits>\d{1,3})(?:[)）]|[.、:：．](?!\d))|(?P<circle>[①-⑳])|第[一二三四五六七八九十\d]{1,3}步[，,:：、]?"
    r"|[一二三四五六七八九十]{1,2}[、.．:：])\s*(?P<rest>\S.*)$",
    re.IGNORECASE,
)
_BULLET = re.compile(r"^\s*[-–—•·*+・◦‣]\s*(?P<rest>[^\s\-–—].*)$")
_INLINE = re.compile(
    r"(?:(?<=[\s:：,，;；。.])|(?<=["
    + CJK
    + r"])|^)[(（]?(?P<n>\d{1,2})[).）、．:](?!\d)\s*|(?P<circle>[①-⑳])\s*"
)
_ORDERED_ZH = re.compile(r"第(?P<n>[一二三四五六七八九十]|\d{1,2})步(?:是|就是)?[,，:：、]?")
_CHINESE = "一二三四五六七八九十"
_DASHES = re.compile(r"[:：]\s*[-–—•·]\s+(?P<list>[^\n]*\S)")
_DASH = re.compile(r"[,;，；]?\s+[-–—•·]\s+")
_COLON = re.compile(r"(?:(?<!\d):(?!\S)|：)\s*(?P<list>[^\n]*\S)")
_SEPARATOR = re.compile(r"\s*[,;，；、]\s*|\s*/\s+")


@dataclass(frozen=True, slots=True)
class Listing:
    """What was listed, and the message without it."""

    items: tuple[str, ...]
    rest: str
    explicit: bool = False
    """Whether the list is numbered, bulleted or told in order, and no mere enumeration."""


def find_items(text: str, language: Language) -> Listing:
    """The listed items; none where nothing is listed."""
    for find in (_by_lines, _by_numbers, _by_dashes, _by_sequence, _after_colon):
        items, rest = find(text, language)
        if len(items) >= 2:
            return Listing(items, rest, find is not _after_colon)
    return Listing((), text)


def split_list(text: str, language: Language) -> tuple[str, ...]:
    """The parts of "a, b and c"; () where there is no such list."""
    parts = [part for part in _SEPARATOR.split(text) if tidy(part)]
    if len(parts) < 2:
        return ()
    pattern = language.patterns["conjunction"][0]
    lead = re.sub(rf"^(?:{pattern.pattern.strip()})", "", f" {parts[-1]}", flags=re.IGNORECASE)
    parts[-1:] = [part for part in pattern.split(lead, maxsplit=1) if tidy(part)]
    return _worded(parts)


def split_sides(text: str, language: Language) -> tuple[str, ...]:
    """Split "a house by day and by night" into a house by day and one by night; () without such sides."""
    conjunction, side = language.patterns["conjunction"][0], language.patterns["side"][0]
    for pattern in language.patterns["sides"]:
        found = pattern.match(text)
        if not found:
            continue
        listed = [
            part for chunk in _SEPARATOR.split(found["sides"]) for part in conjunction.split(f" {chunk}")
        ]
        parts = [part for part in map(tidy, listed) if part]
        if len(parts) >= 2 and all(side.match(part) for part in parts):
            before, after = text[: found.start("sides")], text[found.end("sides") :]
            return _worded([f"{before}{part}{after}" for part in parts])
    return ()


def _worded(parts: list[str]) -> tuple[str, ...]:
    tidied = (tidy(part) for part in parts)
    return tuple(part[:400] for part in tidied if part and any(char.isalnum() for char in part))


def _by_lines(text: str, _: Language) -> tuple[tuple[str, ...], str]:
    lines = text.split("\n")
    for pattern in (_NUMBERED, _BULLET):
        found = [pattern.match(line) for line in lines]
        if sum(match is not None for match in found) >= 2:
            items = _worded([match["rest"] for match in found if match])
            rest = [line for line, match in zip(lines, found, strict=True) if not match]
            return items, "\n".join(rest)
    return (), text


def _by_numbers(text: str, _: Language) -> tuple[tuple[str, ...], str]:
    marks: list[re.Match[str]] = []
    for pattern in (_INLINE, _ORDERED_ZH):
        marks = []
        for match in pattern.finditer(text):
            # Only 1, 2, 3 … in order is a list; 3.5 or "in 2." is not.
            if _value(match) == len(marks) + 1:
                marks.append(match)
        if len(marks) >= 2:
            break
    if len(marks) < 2:
        return (), text
    ends = [match.start() for match in marks[1:]] + [len(text)]
    tail = text[marks[-1].end() :]
    # What follows the last item on a new line, or after a full stop, belongs to the request.
    stop = re.search(r"\n|(?<=[.!?。！？])(?:\s+|(?<=[。！？]))(?=\S)", tail)
    if stop:
        ends[-1] = marks[-1].end() + stop.start()
    parts = [text[mark.end() : end] for mark, end in zip(marks, ends, strict=True)]
    return _worded(parts), text[: marks[0].start()] + "\n" + text[ends[-1] :]


def _value(match: re.Match[str]) -> int:
    groups = match.groupdict()
    if groups.get("circle"):
        return ord(groups["circle"]) - ord("①") + 1
    digits = groups["n"]
    return int(digits) if digits.isdecimal() else _CHINESE.index(digits) + 1


def _by_dashes(text: str, _: Language) -> tuple[tuple[str, ...], str]:
    found = _DASHES.search(text)
    parts = _DASH.split(found["list"]) if found else []
    if found is None or len(parts) < 2:
        return (), text
    return _worded(parts), text[: found.start()] + "\n" + text[found.end() :]


def _by_sequence(text: str, language: Language) -> tuple[tuple[str, ...], str]:
    start = language.patterns["first"][0].search(text)
    if not start:
        return (), text
    body = text[start.end() :]
    end = body.find("\n")
    body, after = (body, "") if end < 0 else (body[:end], body[end:])
    parts = language.patterns["then"][0].split(body)
    if len(parts) < 2:
        return (), text
    stop = re.search(r"(?<=[.!?。！？])(?:\s+|(?<=[。！？]))(?=\S)", parts[-1])
    if stop:
        parts[-1], after = parts[-1][: stop.start()], parts[-1][stop.start() :] + after
    return _worded(parts), text[: start.start()] + "\n" + after


def _after_colon(text: str, language: Language) -> tuple[tuple[str, ...], str]:
    for found in _COLON.finditer(text):
        line = found["list"]
        stop = re.search(r"[.!?。！？](?:\s|$)|[。！？]", line)
        listed = line[: stop.start()] if stop else line
        parts = split_list(listed, language)
        if len(parts) >= 2 and all(width(part) <= 120 for part in parts):
            return parts, text[: found.start()] + "\n" + (line[stop.end() :] if stop else "")
    return (), text
