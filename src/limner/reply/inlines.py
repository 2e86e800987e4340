"""Questions about inline Markdown, each answered from a bounded window; nothing is changed here."""

from __future__ import annotations

import html
import re
from dataclasses import dataclass
from typing import Literal
from urllib.parse import unquote

from .window import END, FAR, Window

__all__ = [
    "Tail",
    "angle",
    "bracket",
    "definition",
    "defused",
    "hostile",
    "is_clean",
    "is_risky",
    "label",
    "rough",
    "smooth",
    "span",
    "tail",
]

_BREAK = r"(?>\r\n|\r|\n)[ \t>]*(?=[\r\n]|\Z)"
_RUNS = re.compile(rf"`+|{_BREAK}")
_BRACKETS = re.compile(rf"\\[!-/:-@\[-`{{-~]|`+|[\[\]]|{_BREAK}")
_SPACE = " \t\r\n"
_NOT_SPACE = re.compile(r"[^ \t\r\n]")
_BARE_END = re.compile(r"\\[!-/:-@\[-`{-~]|[()\0-\x20\x7f]")
_ANGLE_END = re.compile(r"\\[!-/:-@\[-`{-~]|[<>\r\n]")
_TITLE_END = {
    c: re.compile(rf"\\[!-/:-@\[-`{{-~]|[{re.escape(d)}]|{_BREAK}")
    for c, d in (('"', '"'), ("'", "'"), ("(", "()"))
}
_ROUGH_END = re.compile(rf"\)|{_BREAK}")
_LABEL_END = re.compile(rf"\\[!-/:-@\[-`{{-~]|[\[\]]|{_BREAK}")
_LINE_END = re.compile(r"[\r\n]")

_HOSTILE = ("javascript:", "vbscript:", "data:")
# It leads to the web or into this page, or nothing in it can be a colon.
_HARMLESS = re.compile(r"[ \t]*(?:https?://|mailto:|[/#?.]|[^:&%]*\Z)", re.I)
_DISGUISE = re.compile("[\0-\x20\x7f-\xa0\xad\u200b-\u200f\u2028-\u202e\u2060-\u2064\ufeff\ufffd<\"'\\\\]+")
_UNCLEAN = re.compile(r"[`!\[\\\r\n]|<(?!https?://[^\s<>]*>)|image:", re.I)
_RISKY = re.compile(r"!\[|\[|image:", re.I)

_NESTING = 8
"""Brackets in brackets that are followed; it also bounds the work that is done twice."""

_ANGLE_WORD_END = re.compile(r"[\s<>]")
_URI = re.compile(r"[A-Za-z][A-Za-z0-9+.-]{1,31}:[^\s<>\0-\x1f]*")
_EMAIL = re.compile(r"[\w.!#$%&'*+/=?^{}~-]+@[A-Za-z0-9-]+(?:\.[A-Za-z0-9-]+)*", re.ASCII)
_UNSURE_IN_URI = re.compile(r"[`\[\]\\|!]")
_TAG_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_-]*", re.ASCII)
_NOT_WHITE = re.compile(r"\S")
# An attribute, or what may be taken away in front of one.
_ATTRIBUTE_START = re.compile(r"[A-Za-z_:/>@!\[]")

# A line that may begin something else than the next line of its paragraph.
_UNSMOOTH = re.compile(
    r"[ \t]*(?:$|[-+*](?=[ \t]|$)|[0-9]{1,9}[.)](?=[ \t]|$)|#{1,6}(?=[ \t]|$)|=+[ \t]*$|>"
    r"|([-_*])[ \t]*(?:\1[ \t]*){2,}$|```|~~~|<|\[[^\]]*\]:|[|:][|:\- \t]*$|[-|: \t]+$)"
)
_LINE = re.compile(r"(?>\r\n|\r|\n)")
_QUOTE_MARKS = re.compile(r"[ \t]*(?:>[ \t]?)*")


def span(window: Window, start: int, run: int) -> int | None:
    """Where the code span ends that a run of `run` backticks at `start` opens."""
    at = start + run
    while match := window.search(_RUNS, at):
        if match[0][0] != "`":
            return None
        if len(match[0]) == run:
            return match.end()
        at = match.end()
    return None


def smooth(body: str, quotes: int) -> bool:
    """Whether the lines of a code span are one paragraph's for every renderer; `quotes` are open around it."""
    for line in _LINE.split(body)[1:]:
        marks = _QUOTE_MARKS.match(line)
        assert marks is not None
        if marks[0].count(">") != quotes or _UNSMOOTH.match(line, marks.end() if quotes else 0):
            return False
    return True


def bracket(window: Window, start: int) -> int | None:
    """Where the bracket that opens at `start` is closed; code spans and escapes are skipped."""
    depth, at = 0, start
    while match := window.search(_BRACKETS, at):
        token, at = match[0], match.end()
        if token == "[":
            depth += 1
            if depth > _NESTING:
                return None
        elif token == "]":
            depth -= 1
            if not depth:
                return match.start()
        elif token[0] == "`":
            at = span(window, match.start(), len(token)) or at
        elif token[0] != "\\":
            return None
    return None


@dataclass(frozen=True, slots=True)
class Tail:
    """`(destination "title")` behind a link's words."""

    destination: str
    end: int
    """Behind the closing parenthesis."""
    body: str
    """All of it, with the parentheses."""
    angle_end: int = 0
    """Behind the `>` of a destination in angle brackets, else 0."""


def _skip(window: Window, at: int) -> int:
    return window.end_of(_NOT_SPACE, at)


def tail(window: Window, start: int) -> Tail | None:
    """The inline tail that begins with the `(` at `start`, as CommonMark reads it."""
    at = _skip(window, start + 1)
    angle_end = 0
    if window.see(at) == "<":
        end = _until(window, _ANGLE_END, at + 1, ">")
        if end is None:
            return None
        destination, angle_end = window.text[at + 1 : end], end + 1
        end = angle_end
    else:
        found = _bare_end(window, at)
        if found is None:
            return None
        end = found
        destination = window.text[at:end]
    at = _skip(window, end)
    opener = window.see(at)
    if at > end and opener in _TITLE_END:
        close = _until(window, _TITLE_END[opener], at + 1, ")" if opener == "(" else opener)
        if close is None:
            return None
        at = _skip(window, close + 1)
    if window.see(at) != ")":
        return None
    return Tail(destination, at + 1, window.text[start : at + 1], angle_end)


def _until(window: Window, pattern: re.Pattern[str], at: int, closer: str) -> int | None:
    """Where `closer` stands unescaped, if no other token of `pattern` comes before."""
    while match := window.search(pattern, at):
        if match[0][0] != "\\":
            return match.start() if match[0] == closer else None
        at = match.end()
    return None


def _bare_end(window: Window, at: int) -> int | None:
    depth = 0
    while match := window.search(_BARE_END, at):
        token = match[0]
        at = match.end()
        if token == "(":
            depth += 1
            if depth > _NESTING:
                return None
        elif token == ")" and depth:
            depth -= 1
        elif token[0] != "\\":
            return match.start() if not depth else None
    return None


def rough(window: Window, start: int) -> tuple[str, int, Literal["closed", "open", "far"]]:
    """What stands behind the `(` at `start`, where it ends, and how: at a `)`, with its paragraph, or out of sight."""
    match = window.search(_ROUGH_END, start + 1)
    end = match.start() if match else window.edge
    how: Literal["closed", "open", "far"] = "far" if not match and window.far else "open"
    return window.text[start + 1 : end], end, "closed" if match and match[0] == ")" else how


def label(window: Window, start: int) -> tuple[str, int] | None:
    """The text of the link label that begins with the `[` at `start`, and where it ends."""
    end = _until(window, _LABEL_END, start + 1, "]")
    return None if end is None else (window.text[start + 1 : end], end + 1)


def hostile(destination: str) -> bool:
    """Whether a link there would run or carry code: decoded as often as any reader may decode it."""
    if _HARMLESS.match(destination):
        return False
    text = destination[:2048]
    for _ in range(3):
        text = _DISGUISE.sub("", unquote(html.unescape(text)))
    return text.casefold().startswith(_HOSTILE)


def is_clean(body: str) -> bool:
    """Whether nothing in a link's tail can be anything else than a link's tail."""
    return not _UNCLEAN.search(body)


def is_risky(body: str) -> bool:
    """Whether something in a link's tail may be taken away, so that another tail would remain."""
    return _RISKY.search(body) is not None


def definition(window: Window, start: int) -> Literal["none", "plain", "hostile"]:
    """Whether the `[` at `start`, the first of its line, begins the definition of a link reference.

    Hostile is also what may be read in two ways, and what would change by what is taken away.
    """
    found = label(window, start)
    if found is None or window.see(found[1]) != ":":
        return "none"
    words, after = found
    begin = window.end_of(_NOT_BLANK, after + 1)
    end = window.end_of(_LINE_END, begin)
    if window.see(end) == FAR:
        return "hostile"
    rest = window.text[begin:end]
    if hostile(rest) or is_risky(rest) or is_risky(words):
        return "hostile"
    match = _DESTINATION.match(rest)
    if match is None or (match[2] and match[2][0] not in "\"'("):
        # More words than a destination and a title: a sentence, or a footnote's.
        return "none" if rest and rest[0] != "<" else "hostile"
    if "`" in words or "`" in rest or (match[2] and not _TITLE.fullmatch(match[2])):
        return "hostile"
    below = window.see(window.end_of(_NOT_QUOTED, end))
    return "hostile" if not match[2] and below in _TITLE_END else "plain"


_DESTINATION = re.compile(r"(<[^<>]*>|[^\s<]\S*)(?:\s*$|\s+(.*))")
_TITLE = re.compile(r"\"[^\"\\]*\"\s*|'[^'\\]*'\s*|\([^()\\]*\)\s*")
_NOT_BLANK = re.compile(r"[^ \t]")
_NOT_QUOTED = re.compile(r"[^ \t\r\n>]")


def angle(
    window: Window, start: int, *, first: bool = False
) -> tuple[Literal["text", "html", "link"], int, str]:
    """What the `<` at `start` begins, where it ends, and the word behind it.

    `first` says that it begins a line, where laxer readers take more for a block of HTML.
    """
    char = window.see(start + 1)
    if char in ("!", "?", "["):
        return "html", start + 1, ""
    if char == "/":
        name = window.see(start + 2)
        return ("html" if name == FAR or _is_letter(name) else "text"), start + 1, ""
    if char == FAR:
        return "html", start + 1, ""
    if not (_is_letter(char) or char.isdigit() or char in "._#$%&'*+=^{}~-"):
        return "text", start + 1, ""
    end = window.end_of(_ANGLE_WORD_END, start + 1)
    word, closer = window.text[start + 1 : end], window.see(end)
    if closer == ">" and (_URI.fullmatch(word) or _EMAIL.fullmatch(word)):
        return ("html" if _UNSURE_IN_URI.search(word) else "link"), end + 1, word
    tag = (first and _is_letter(char)) or _may_be_tag(window, start, word, end)
    return ("html" if tag else "text"), start + 1, word


def _is_letter(char: str) -> bool:
    return char != END and char.isascii() and char.isalpha()


def _may_be_tag(window: Window, start: int, word: str, end: int) -> bool:
    """Whether `<word` may begin a tag, for CommonMark, its laxer relatives, or a browser."""
    name = _TAG_NAME.match(word)
    if not name:
        return False
    rest = word[name.end() :]
    if window.see(end) == FAR or rest[:1] in ("/", ":"):
        return True
    if not rest:
        at = window.end_of(_NOT_WHITE, end)
        if window.see(at) in (END, FAR) or _ATTRIBUTE_START.match(window.see(at)):
            return True
    # Not a tag by any grammar (`$a<b$`); for a browser that was handed it raw, one with an attribute.
    close = window.find(_TAG_OR_LINE_END, start + 1)
    if close is None:
        return window.far
    found = window.text[start : close.start()]
    # An image or a link that is taken away would leave the name with what follows.
    return (close[0] == ">" and "=" in found) or "!" in rest or "[" in rest


_TAG_OR_LINE_END = re.compile(r"[>\r\n]")
_LIVE = re.compile(r"!(?=\[)|<(?=[A-Za-z/!?])|\](?=\()")


def defused(code: str) -> str:
    """Code that not every renderer takes for code: a space keeps it readable, and dead in either reading."""

    def part(match: re.Match[str]) -> str:
        if match[0] == "]" and not hostile(code[match.end() + 1 : match.end() + 200]):
            return "]"
        return match[0] + " "

    return _LIVE.sub(part, code)
