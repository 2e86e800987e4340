"""What has been written so far: pieces, and what the next character would join."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from .pieces import Piece, Place, Text

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = ["SEAM", "Ink", "merged"]

SEAM = "\u2060"
"""A word joiner: it can't be seen, and no Markdown syntax reaches across it."""

_MARKS = re.compile(r"[-+*#>=_|:~`0-9.) \t]*")
_JOINS = frozenset("\\!<&`~[](")
_WORD_ENDS = " \t<\r\n"


def merged(pieces: Iterable[Piece]) -> tuple[Piece, ...]:
    """The pieces with neighbouring texts joined."""
    whole: list[Piece] = []
    texts: list[str] = []
    for piece in pieces:
        if isinstance(piece, Text):
            texts.append(piece.text)
            continue
        if texts:
            whole.append(Text("".join(texts)))
            texts = []
        whole.append(piece)
    if texts:
        whole.append(Text("".join(texts)))
    return tuple(whole)


class Ink:
    """The output. Every decision about the input must hold for what is written here."""

    def __init__(self) -> None:
        self._pieces: list[Piece] = []
        self.last = ""
        """The last character that may join the next one; "" where it can't."""
        self.bare = True
        """Whether nothing but white space and marks of blocks stands in this line."""
        self.started = False
        """Whether anything stands in this line behind its head."""
        self.address = False
        """Whether the last word is a bare web address, which some renderers read on to a blank."""
        self._recent = ""

    def take(self) -> tuple[Piece, ...]:
        """What was written since the last call."""
        pieces = merged(self._pieces)
        self._pieces = []
        return pieces

    def write(self, text: str, *, joins: bool = True) -> None:
        """Write inline Markdown; `joins` says whether its last character may still mean something."""
        if not text:
            return
        self._pieces.append(Text(text))
        self.last = text[-1] if joins else ""
        self.started = True
        if self.bare:
            match = _MARKS.match(text)
            self.bare = match is not None and match.end() == len(text)
        self._follow(text)

    def _follow(self, text: str) -> None:
        recent = self._recent + text
        blank = max(text.rfind(c) for c in _WORD_ENDS)
        if blank >= 0:
            recent, self.address = text[blank + 1 :], False
        self.address |= "://" in recent or "www." in recent.lower()
        self._recent = recent[-4:]

    def line(self, text: str) -> None:
        """Write the head of a line, or the end of one."""
        if text:
            self._pieces.append(Text(text))
        self.last, self.bare, self.started, self.address, self._recent = "", True, False, False, ""

    def raw(self, text: str) -> None:
        """Write a part of a line that is no inline content."""
        if text:
            self._pieces.append(Text(text))

    def place(self, place: Place) -> None:
        """Put a picture here."""
        if self.address:
            self.write(" ")
        self._pieces.append(place)
        self.last, self.bare, self.started, self.address, self._recent = "", False, True, False, ""

    def seam(self, following: str) -> None:
        """Something was taken away here: keep its neighbours apart where together they might mean more."""
        if following.isalpha():
            apart = self.last in ("<", "\\", "&")
        elif following.isspace():
            apart = self.started and self.bare
        else:
            apart = self.bare or self.last in _JOINS
        if apart:
            self.write(SEAM, joins=False)
