"""References: what the model writes instead of links."""

from __future__ import annotations

import html
import re
from typing import TYPE_CHECKING
from urllib.parse import unquote

from limner.core.calls import reference

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["links_in", "looks_like", "meant", "parse_reference", "reference", "restore"]

_EXACT = re.compile(r"image://([1-9][0-9]{0,8})", re.ASCII)
_ESCAPE = re.compile(r"\\([!-/:-@\[-`{-~])")
_WRAPPING = " \t\r\n\"'<>(){}[]`*$\u200b\u2060\ufeff"
_SCHEME = re.compile(
    r"(?:sandbox|attachment|asset|file|cid|ref)?:?[/\\]*images?[ \t]*(?::|[/\\]{2})[/\\: ]*(.*)", re.S
)
_NAME = re.compile(
    r"(?:(?:result|output|response|data)\.)?image[ _-]?(?:url|uri|link|src|ref|reference)[ _-]?(\d{0,9})"
)
_NUMBER = re.compile(r"\D{0,12}?0*([1-9]\d{0,8})(?!\d)")
_LINK = re.compile(r"[A-Za-z][A-Za-z0-9+.-]{1,30}:[!#$%&*+,./0-9:;=?@A-Z_a-z~-]{1,4000}", re.ASCII)
_AFTER_LINK = ".,:;!?*_~"
# A link of a link that we minted ends where a Markdown or HTML reader would end it.
_LINK_MAY_GO_ON = re.compile(r"[\w/%?#&=+~@-]", re.ASCII)


def parse_reference(text: str) -> int | None:
    """The number of a reference in its exact form, else None."""
    match = _EXACT.fullmatch(text)
    return int(match[1]) if match else None


def _plainest(destination: str) -> str:
    """`destination` without the disguises that models and renderers put on."""
    text = destination[:400]
    for _ in range(2):
        text = unquote(html.unescape(_ESCAPE.sub(r"\1", text)))
    return text.strip(_WRAPPING).casefold()


def looks_like(destination: str) -> bool:
    """Whether a link destination is a reference or what a model may have made of one.

    A path (`images/1.png`) and a web address are not: they name something else.
    """
    text = _plainest(destination)
    return _SCHEME.fullmatch(text) is not None or _NAME.fullmatch(text) is not None


def meant(destination: str) -> int | None:
    """The number in a mangled reference, None where it has none."""
    text = _plainest(destination)
    match = _SCHEME.fullmatch(text) or _NAME.fullmatch(text)
    number = _NUMBER.match(match[1]) if match else None
    return int(number[1]) if number else None


def links_in(text: str) -> frozenset[str]:
    """What could be links of ours in `text`, with and without the punctuation that may follow one."""
    found = _LINK.findall(text)
    return frozenset(found) | {link.rstrip(_AFTER_LINK) for link in found}


def restore(text: str, links: Mapping[str, int]) -> str:
    """`text` with each link of `links` (that we minted, byte by byte) as its reference again."""
    known = sorted((link for link in links if link), key=len, reverse=True)
    if not known:
        return text
    pattern = re.compile("|".join(map(re.escape, known)))

    def swap(match: re.Match[str]) -> str:
        # Not ours where more follows or precedes: `…/id?q=secret`, `https://elsewhere/?u=…/id`.
        before, after = text[match.start() - 1 : match.start()], text[match.end() : match.end() + 2]
        longer = bool(after) and _LINK_MAY_GO_ON.match(after) is not None
        dotted = len(after) == 2 and after[0] in ".,:;" and _LINK_MAY_GO_ON.match(after[1]) is not None
        inside = bool(before) and _LINK_MAY_GO_ON.match(before) is not None
        return match[0] if longer or dotted or inside else reference(links[match[0]])

    return pattern.sub(swap, text)
