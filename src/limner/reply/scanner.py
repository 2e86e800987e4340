"""The reading of a reply: one step for each character that may mean something."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from . import inlines
from .desk import Desk
from .links import Links
from .pieces import NoteCode, Piece
from .references import parse_reference
from .window import END, More

if TYPE_CHECKING:
    from .album import Album

__all__ = ["Scanner"]

_SPECIAL = re.compile(r"[\\`!<\[\]$\r\n]|image:/", re.IGNORECASE | re.ASCII)
_MAYBE_SPECIAL = re.compile(r"i(?:m(?:a(?:g(?:e:?)?)?)?)?\Z", re.IGNORECASE | re.ASCII)
_BARE = re.compile(r"image://\d+(?:\.(?:png|jpe?g|webp|gif)(?![a-z0-9]))?", re.IGNORECASE | re.ASCII)
_BARE_END = re.compile(r"[^A-Za-z0-9:/.]")
_NOT_TICK = re.compile(r"[^`]")
_NOT_DOLLAR = re.compile(r"[^$]")
_NOT_LETTER = re.compile(r"[^A-Za-z]")
_RAW = re.compile(r"[\r\n!<\]]")
_LINE_END = re.compile(r"[\r\n]")
_PIPE = re.compile(r"(?<!\\)(?:\\\\)*\||\\\\\|")
_NOT_TABLE = re.compile(r"[^|:\-> \t]")
_BREAK = re.compile(r"(?>\r\n|\r|\n)[ \t>]*(?=[\r\n]|\Z)")
_PUNCTUATION = frozenset("!\"#$%&'()*+,-./:;<=>?@[\\]^_`{|}~")
# What stands before a reference in prose; behind anything else it is a part of a longer address.
_NOT_BEFORE_BARE = re.compile(r"[A-Za-z0-9/=%&?#@.+-]")
_TEX_FETCHES: dict[str, NoteCode] = {
    "includegraphics": "image_neutralised",
    "htmlStyle": "html_neutralised",
    "htmlData": "html_neutralised",
}
"""TeX that a permissive formula renderer would turn into a picture or an attribute."""


class Scanner(Desk):
    """Reads from the window, writes to the ink, asks the album."""

    def __init__(self, album: Album) -> None:
        super().__init__(album)
        self._links = Links(self)
        self._mode = "head"
        self._single = False
        """Whether inline content ends with this line."""
        self._begun = False
        self._steps = {
            "\\": self._backslash,
            "`": self._backticks,
            "!": self._links.bang,
            "<": self._less,
            "[": self._links.opening,
            "]": self._links.closing,
            "$": self._dollars,
            "\r": self._newline,
            "\n": self._newline,
        }

    def feed(self, text: str) -> tuple[Piece, ...]:
        """Read on."""
        self.window.add(text)
        return self._read()

    def finish(self) -> tuple[Piece, ...]:
        """Read the rest: no more will come."""
        self.window.final = True
        return self._read()

    @property
    def apart(self) -> str:
        """What ends every block that is open."""
        if not self._begun:
            return ""
        line = "" if self._mode == "head" else "\n"
        fence = self.blocks.fence
        # In a container it ends with the container; a line that begins flush is enough.
        return f"{line}{fence[0] * fence[1]}\n\n" if fence and not self.blocks.stack else f"{line}\n"

    def _read(self) -> tuple[Piece, ...]:
        try:
            while not self.window.done:
                self._step()
        except More:
            pass
        pieces = self.ink.take()
        self._begun |= bool(pieces)
        return pieces

    def _step(self) -> None:
        if self._mode == "head":
            return self._head()
        if self._mode != "inline":
            return self._raw(self._mode == "doubtful")
        window = self.window
        match = _SPECIAL.search(window.text, window.at)
        if match and match.start() == window.at:
            return self._steps.get(match[0], self._bare)()
        end = match.start() if match else len(window.text)
        if not match and not window.final:
            held = _MAYBE_SPECIAL.search(window.text, max(window.at, end - 6))
            end = held.start() if held else end
        if end == window.at:
            raise More
        return self.copy(end)

    def _head(self) -> None:
        window, head = self.window, self.blocks.head(self.window)
        self.ink.raw(window.text[window.at : head.end])
        window.at = head.end
        self._single = head.kind == "line" or self.blocks.table
        if self.blocks.fresh:
            self.dollar = self.tex = False
        self._mode = "inline"
        doubtful = self.blocks.lost or self.blocks.wild
        if head.kind == "wall":
            run = window.text[head.end : head.end + head.run]
            self.replace(head.end + head.run, "".join(f"\\{c}" for c in run))
        elif head.kind in ("marks", "code"):
            self._mode = "doubtful" if doubtful and head.kind == "code" else "raw"
        elif head.kind == "info":
            self.ink.raw(window.text[head.end : head.end + head.run])
            window.at = head.end + head.run
            # An info string is no code: it may hold whatever a renderer makes of it.
            self._mode = "doubtful"

    def _newline(self) -> None:
        window = self.window
        end = window.at + 1
        if window.text[window.at] == "\r" and window.see(end) == "\n":
            end += 1
        self.ink.line(window.text[window.at : end])
        window.at = end
        self._mode = "head"

    def _raw(self, doubtful: bool) -> None:
        window = self.window
        match = (_RAW if doubtful else _LINE_END).search(window.text, window.at)
        end = match.start() if match else len(window.text)
        if end > window.at:
            self.ink.raw(window.text[window.at : end])
            window.at = end
            return None
        if window.text[end] in "\r\n":
            return self._newline()
        glimpse = self._glimpse()
        # A space behind the sign, where that makes it harmless.
        self.ink.raw(glimpse[0] if inlines.defused(glimpse) == glimpse else glimpse[0] + " ")
        window.at += 1
        return None

    def _glimpse(self) -> str:
        """The current character with as much behind it as its defusing depends on."""
        window = self.window
        char, following = window.text[window.at], window.see(window.at + 1)
        if char == "]" and following == "(":
            return "](" + inlines.rough(window, window.at + 1)[0]
        return char + following

    def _backslash(self) -> None:
        window = self.window
        char = window.see(window.at + 1)
        if char in _PUNCTUATION:
            if char == "`" and window.see(window.at + 2) == "`":
                # Is the second backtick a run of its own? Renderers differ.
                self.blocks.doubt = True
            if char in "()[]":
                self.tex = char in "(["
            # A bare address ends before a `<`, and takes the backslash with it.
            lost = char == "<" and self.ink.address
            return self.replace(window.at + 2, "&lt;" if lost else f"\\{char}")
        if char != END and char.isascii() and char.isalpha():
            end = window.end_of(_NOT_LETTER, window.at + 1)
            name = window.text[window.at + 1 : end]
            if name in _TEX_FETCHES:
                self.note(_TEX_FETCHES[name], f"\\{name}")
                return self.replace(end, f"\\\\{name}")
        return self.copy(window.at + 1)

    def _backticks(self) -> None:
        window, blocks = self.window, self.blocks
        at = window.at
        run = window.end_of(_NOT_TICK, at) - at
        end = inlines.span(window, at, run)
        body = window.text[at + run : end - run] if end else ""
        lined = "\n" in body or "\r" in body
        # A line that begins with three looks like a fence, to some whatever follows.
        rough = lined and (
            self._single or (run > 2 and self.ink.bare) or not inlines.smooth(body, blocks.quotes)
        )
        if end is None or rough:
            far = end is None and window.far and window.search(_BREAK, at + run) is None
            blocks.doubt = True
            if far:
                # Behind the window it may be closed after all: so nobody may take it for a mark.
                return self.replace(at + run, "\\`" * run)
            return self.copy(at + run)
        if (
            self.ink.address
            or (self.dollar and "$" in body)
            or (self.tex and re.search(r"\\[)\]]", body))
            or (_PIPE.search(body) and self._in_table(end))
        ):
            blocks.doubt = True
        if blocks.doubt or blocks.lost:
            return self.replace(end, "`" * run + inlines.defused(body) + "`" * run, joins=True)
        return self.copy(end)

    def _in_table(self, end: int) -> bool:
        """Whether this line may be a row of cells: they are cut before code is looked for."""
        if self.blocks.table:
            return True
        match = self.window.find(_LINE_END, end)
        if match is None:
            return self.window.far
        line = match.end()
        if match[0] == "\r" and self.window.see(line) == "\n":
            line += 1
        other = self.window.find(_NOT_TABLE, line)
        if other is None:
            return self.window.far or line < len(self.window.text)
        return other.start() > line and other[0] in "\r\n"

    def _dollars(self) -> None:
        self.copy(self.window.end_of(_NOT_DOLLAR, self.window.at))
        self.dollar = not self.dollar

    def _less(self) -> None:
        window = self.window
        kind, end, word = inlines.angle(window, window.at, first=self.ink.bare)
        if kind == "link" and parse_reference(word) is not None:
            return self.words(end, parse_reference(word))
        if kind == "text" or (kind == "link" and not inlines.hostile(word)):
            return self.copy(end)
        found = window.text[window.at : max(window.at + 1 + len(word), window.at + 2)]
        dead = "< " if self.in_formula() else "&lt;"
        self.note("link_neutralised" if kind == "link" else "html_neutralised", found)
        return self.replace(window.at + 1, dead)

    def _bare(self) -> None:
        """A reference in prose, perhaps."""
        window = self.window
        end = window.end_of(_BARE_END, window.at)
        match = _BARE.match(window.text, window.at, end)
        if match is None or _NOT_BEFORE_BARE.match(self.ink.last):
            return self.copy(window.at + len("image:"))
        number = parse_reference(match[0].lower().split(".")[0])
        if self.album.alt(number) is None:
            found = match[0]
            self.took(match.end())
            return self.note("reference_removed", found, number)
        return self.words(match.end(), number)
