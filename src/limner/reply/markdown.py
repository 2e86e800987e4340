"""Markdown of our own making, and plain words from Markdown."""

from __future__ import annotations

import html
import re
from urllib.parse import quote

__all__ = ["ALT_LENGTH", "escape", "image_markdown", "plain", "tidy"]

ALT_LENGTH = 200
"""Characters of an alternative text at most. Source: scorecard I23."""

# `<` and `&` become entities: not every renderer knows a backslash before them.
_ESCAPES = {ord(c): f"\\{c}" for c in "\\`*_[]!|~$"} | {ord("&"): "&amp;", ord("<"): "&lt;", ord(">"): "&gt;"}
_INVISIBLE = re.compile("[\0-\x1f\x7f-\x9f\u200b\u200e\u200f\u2028-\u202e\u2060-\u2069\ufeff]+")
_SURROGATE = re.compile("[\ud800-\udfff]")
_IN_A_LINK = re.compile(r"[\0-\x20\x7f-\x9f\"<>\\^`{|}\u2028\u2029\s]")
_ENTITY = re.compile(r"&(?=#?\w{1,40};)")

_ESCAPED = re.compile(r"\\([!-/:-@\[-`{-~])")
_CODE = re.compile(r"(?<!`)(`+)(?!`)(.{1,1000}?)(?<!`)\1(?!`)", re.S)
_BRACKETS = re.compile(r"!?\[([^\[\]]*)\](?:\([^()]*(?:\([^()]*\)[^()]*)*\)|\[[^\[\]]*\])?")
_TAG = re.compile(r"</?[A-Za-z][^<>]{0,400}>|<!--.{0,400}?-->", re.S)
_EMPHASIS = re.compile(
    r"(\*{1,3}|~~)(?=\S)([^*~]{1,400}?)(?<=\S)\1|(?<!\w)(_{1,3})(?=\S)([^_]{1,400}?)(?<=\S)\3(?!\w)"
)
_LINE_HEAD = re.compile(r"^[ \t]*(?:#{1,6}|>|[-+*])[ \t]+", re.M)
# Characters that stand for themselves are parked here while the syntax is taken away.
_PARKING = 0xE000


def tidy(text: str) -> str:
    """One line of at most `ALT_LENGTH` characters, each of them visible."""
    text = _INVISIBLE.sub(" ", _SURROGATE.sub("\ufffd", text[: 8 * ALT_LENGTH]))
    return " ".join(text.split())[:ALT_LENGTH].rstrip()


def escape(words: str) -> str:
    """`words` as Markdown that shows just them, in the middle of any line."""
    return words.translate(_ESCAPES)


def image_markdown(alt: str, link: str) -> str:
    """An inline picture of CommonMark; `alt` is plain text, `link` a URL, a path or a data URL."""
    target = _IN_A_LINK.sub(lambda c: quote(c[0], safe=""), _SURROGATE.sub("\ufffd", link))
    target = _ENTITY.sub("&amp;", target)
    if not target or "(" in target or ")" in target:
        target = f"<{target}>"
    return f"![{escape(tidy(alt))}]({target})"


def _park(match: re.Match[str]) -> str:
    return "".join(chr(_PARKING + ord(c)) if ord(c) < 0x80 else c for c in match[match.lastindex or 0])


def plain(text: str) -> str:
    """The words of inline Markdown, for an alternative text: one line, no syntax, ≤ 200 characters."""
    text = text[:4096]
    text = _CODE.sub(_park, text)
    text = _ESCAPED.sub(_park, text)
    text = _TAG.sub(" ", text)
    for _ in range(4):
        text, brackets = _BRACKETS.subn(r"\1", text)
        text, emphases = _EMPHASIS.subn(lambda m: m[2] or m[4], text)
        if not brackets and not emphases:
            break
    text = html.unescape(_LINE_HEAD.sub("", text))
    return tidy("".join(chr(ord(c) - _PARKING) if 0xE000 <= ord(c) < 0xE080 else c for c in text))
