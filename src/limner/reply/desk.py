"""The desk at which a reply is read: what is seen, what is written, and what was changed."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from .blocks import Blocks
from .ink import Ink
from .markdown import escape, tidy
from .pieces import Note, NoteCode
from .window import Window

if TYPE_CHECKING:
    from .album import Album

__all__ = ["Desk"]

_NOT_BLANK = re.compile(r"[^ \t]")
_MATH_END = re.compile(r"\$|(?>\r\n|\r|\n)[ \t>]*(?=[\r\n]|\Z)")
_TEX_END = re.compile(r"\\[)\]]|(?>\r\n|\r|\n)[ \t>]*(?=[\r\n]|\Z)")


class Desk:
    """Reads from the window, writes to the ink, asks the album; decides nothing."""

    def __init__(self, album: Album) -> None:
        self.window = Window()
        self.ink = Ink()
        self.blocks = Blocks()
        self.album = album
        self.notes: list[Note] = []
        self.dollar = self.tex = False
        """Whether a formula of that kind has begun."""

    def note(self, code: NoteCode, found: str, number: int | None = None) -> None:
        """Remember what was changed."""
        self.notes.append(Note(code, found[:200], number))

    def copy(self, end: int) -> None:
        """Pass on what stands before `end` as it is."""
        self.ink.write(self.window.text[self.window.at : end])
        self.window.at = end

    def replace(self, end: int, markdown: str, *, joins: bool = False) -> None:
        """Write `markdown` for what stands before `end`."""
        self.ink.write(markdown, joins=joins)
        self.window.at = end

    def took(self, end: int) -> None:
        """Leave out what stands before `end`."""
        following = self.window.see(end)
        if not self.ink.started:
            match = self.window.find(_NOT_BLANK, end)
            if match[0] in "\r\n" if match else not self.window.far:
                # Nothing is left of this line, so it is a blank one in what is written.
                self.blocks.emptied()
                self.window.at = end
                return
        self.ink.seam(following)
        self.window.at = end

    def words(self, end: int, number: int | None) -> None:
        """The alt text of a picture for what stands before `end`; nothing where it is unknown."""
        alt = escape(tidy(self.album.alt(number) or ""))
        if not alt:
            return self.took(end)
        self.ink.seam(alt[0])
        return self.replace(end, alt)

    def in_formula(self) -> bool:
        """Whether the current character stands between the signs of a formula."""
        if not self.dollar and not self.tex:
            return False
        match = self.window.search(_MATH_END if self.dollar else _TEX_END, self.window.at + 1)
        return match is not None and match[0][0] in "$\\"
