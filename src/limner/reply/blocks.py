"""The block structure of CommonMark, line by line: where code is, and where paragraphs end.

Only the head of a line is read: its containers (quotes, list items) and what its content
starts with. Where renderers differ, `doubt` or `lost` is set, and code is no longer trusted.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal

from .window import END, FAR, Window

__all__ = ["Blocks", "Head"]

DEPTH = 12
"""Nested containers that are followed; renderers give up at different depths."""

Kind = Literal["blank", "text", "line", "marks", "code", "info", "wall"]

_EOL = ("\n", "\r", END)
_NOT = {c: re.compile(f"[^{re.escape(c)}]") for c in "`~#=-"}
_NOT_RULE = {c: re.compile(rf"[^{re.escape(c)} \t]") for c in "-_*"}
_NOT_DELIMITER = re.compile(r"[^|:\- \t]")
_NOT_BLANK = re.compile(r"[^ \t]")
_NOT_MARKER = re.compile(r"[^-+*>0-9.) \t]")
_NOT_FENCE = re.compile(r"[^`~ \t]")
_INFO_END = re.compile(r"[`\r\n]")


@dataclass(slots=True)
class Box:
    """An open container: a quote, or a list item whose content begins `width` columns in."""

    width: int = 0
    """0 for a quote."""
    empty: bool = False
    """A list item that has no content yet: a blank line ends it."""


@dataclass(frozen=True, slots=True)
class Head:
    """What the head of a line says about the line."""

    end: int
    """Where the head ends; it is passed on as it is."""
    kind: Kind
    """blank: nothing follows. text: a paragraph's line. line: inline content that ends with this line.
    marks: nothing follows but marks of this line's own. code: a line of code. info: a fence opens, its info
    string follows. wall: like text, but a run that another renderer may take for a fence comes first."""
    run: int = 0
    """Of info and wall alone: the length of the run of fence characters behind the head."""


class _Line:
    """A cursor over the head of one line that counts columns."""

    def __init__(self, window: Window) -> None:
        self.window = window
        self.at = window.at
        self.column = 0
        self.inside = 0
        """The column at which the innermost container's content begins."""
        self.skip()

    def skip(self) -> None:
        while (c := self.window.see(self.at)) in (" ", "\t"):
            self.column += 4 - self.column % 4 if c == "\t" else 1
            self.at += 1

    @property
    def char(self) -> str:
        return self.window.see(self.at)

    @property
    def indent(self) -> int:
        return self.column - self.inside

    def run(self) -> int:
        """How often `char`, a key of `_NOT`, stands here."""
        return self.window.end_of(_NOT[self.char], self.at) - self.at

    def only(self, others: re.Pattern[str]) -> bool:
        """Whether the rest of the line has none of `others`, and surely ends."""
        match = self.window.find(others, self.at)
        return match[0] in _EOL if match else not self.window.far

    def quote(self) -> None:
        self.at += 1
        self.column += 1
        self.inside = self.column + (1 if self.char in (" ", "\t") else 0)
        self.skip()


class Blocks:
    """The open blocks of the text so far."""

    def __init__(self) -> None:
        self.stack: list[Box] = []
        self.fence: tuple[str, int] | None = None
        self.paragraph = False
        self.table = False
        """A delimiter row was seen in this paragraph: its lines may be rows of cells."""
        self.doubt = False
        """In this block, renderers may differ about what is code; until a blank line."""
        self.wild = False
        """In this fence, a line came that some renderer may take for its end."""
        self.lost = False
        """Renderers may differ about which lines are code, from here to the end."""
        self._blank = True
        self._indented = False
        self._guest = False
        """The last flush line may own what is indented below: a list, a footnote, an admonition."""
        self.fresh = True
        """Whether the last head began a new block."""

    @property
    def quotes(self) -> int:
        """How many quotes are open."""
        return sum(not box.width for box in self.stack)

    def emptied(self) -> None:
        """The last line turned out to have no content."""
        self.paragraph = False

    def head(self, window: Window) -> Head:
        """The head of the line at `window.at`; changes nothing where it raises `More`."""
        line = _Line(window)
        matched = self._matched(line)
        whole = matched == len(self.stack)
        if self.fence and whole and line.char != FAR:
            return self._in_fence(line)
        if line.char in _EOL:
            return self._on_blank(line, matched)
        return self._on_start(line, self.stack[:matched], whole)

    def _matched(self, line: _Line) -> int:
        """How many open containers this line continues."""
        for count, box in enumerate(self.stack):
            if not box.width:
                if line.indent > 3 or line.char != ">":
                    return count
                line.quote()
            elif line.char in _EOL:
                if box.empty:
                    return count
            elif line.indent >= box.width:
                line.inside += box.width
            else:
                return count
        return len(self.stack)

    def _in_fence(self, line: _Line) -> Head:
        assert self.fence is not None
        char, length = self.fence
        if line.char == char and (run := line.run()) >= length:
            bare = _Bare(line, run)
            if line.indent <= 3 and bare.blank:
                self.fence = None
                self._blank = False
                return Head(line.at, "marks")
            # Fails safe: a renderer that closes here would show the rest as text.
            self.wild = True
            # Source: a widely used renderer closes a fence by any mix of both marks.
            self.lost |= bare.mixed
        return Head(line.window.at, "code")

    def _on_blank(self, line: _Line, matched: int) -> Head:
        self._end_fence()
        del self.stack[matched:]
        self.paragraph = self.table = False
        # White space in it, and not everybody takes it for a blank line.
        self._blank = line.at == line.window.at
        self.doubt &= not self._blank
        self.fresh = True
        return Head(line.at, "blank")

    def _end_fence(self) -> None:
        if self.fence:
            # Its container ended, and the fence with it; not everybody sees it so.
            self.lost = True
            self.fence = None

    def _on_start(self, line: _Line, boxes: list[Box], whole: bool) -> Head:
        """Open new containers, then decide what kind of content follows."""
        kept = len(boxes)
        continues, lazy = self.paragraph and whole, self.paragraph
        if self.fence:
            continues = lazy = False
        while line.indent <= 3 and len(boxes) < DEPTH:
            if line.char == ">":
                line.quote()
                boxes.append(Box())
            elif self._is_rule(line, continues) or not self._item(line, boxes, continues):
                break
            continues = lazy = False
        opened = len(boxes) > kept
        head = self._content(line, boxes, continues, lazy)
        # Nothing below this line raises More: the state changes as one.
        self._end_fence()
        self.lost |= len(boxes) >= DEPTH or (head.kind == "text" and line.char == FAR)
        if boxes and not opened and line.char not in _EOL:
            for box in boxes:
                box.empty = False
        lazily = head.kind in ("text", "wall") and lazy and not whole and not opened
        if not lazily:
            self.stack = boxes
        self._after(head, line, opened, continues or lazily)
        return head

    def _after(self, head: Head, line: _Line, opened: bool, continues: bool) -> None:
        """The state behind a head that opened or continued something."""
        self.fresh = opened or not continues or head.kind in ("line", "marks")
        if self.fresh:
            self.table = False
        self.table |= head.kind == "text" and line.only(_NOT_DELIMITER)
        self.paragraph = head.kind in ("text", "wall")
        unsure = head.kind == "line" and line.indent > 3
        self._indented = head.kind == "code"
        self.doubt |= head.kind == "wall" or unsure
        if head.kind == "info":
            self.fence = (line.char, head.run)
            self.wild = False
        if not self._indented and not unsure:
            lingers = self._guest and not self._blank
            self._guest = bool(self.stack) or lingers or line.char in ("[", ":", "!", "?")
        self._blank = False

    def _content(self, line: _Line, boxes: list[Box], continues: bool, lazy: bool) -> Head:
        c = line.char
        if line.indent > 3:
            if not lazy and c not in _EOL:
                # Code for everybody only where no list, footnote or the like may own the indentation.
                sure = not boxes and (self._blank or self._indented) and not self._guest and c != FAR
                return Head(line.window.at if sure else line.at, "code" if sure else "line")
            return self._text(line)
        if c in _EOL or self._is_rule(line, continues):
            return Head(line.at, "marks")
        if c == "#" and (run := line.run()) <= 6 and line.window.see(line.at + run) in (" ", "\t", *_EOL):
            return Head(line.at, "line")
        return self._fence(line) if c in ("`", "~") else self._text(line)

    def _fence(self, line: _Line) -> Head:
        run = line.run()
        if run < 3:
            return Head(line.at, "text")
        if line.at + run >= line.window.at + 1000:
            return Head(line.at, "wall", run)
        if line.char == "`":
            match = line.window.find(_INFO_END, line.at + run)
            if match is None and line.window.far:
                return Head(line.at, "wall", run)
            if match and match[0] == "`":
                return Head(line.at, "text")
        return Head(line.at, "info", run)

    def _text(self, line: _Line) -> Head:
        """A line of a paragraph; a run in it that may pass for a fence elsewhere is a wall."""
        window = line.window
        match = window.find(_NOT_MARKER, line.at)
        start = match.start() if match else line.at
        if match and match[0] in "`~" and (start > line.at or line.indent > 3):
            run = window.end_of(_NOT[match[0]], start) - start
            info = window.find(_INFO_END, start + run) if run >= 3 and match[0] == "`" else None
            if run >= 3 and not (info and info[0] == "`"):
                return Head(start, "wall", run)
        if line.char != FAR:
            # The table is decided here already, so that no question is left for later.
            line.only(_NOT_DELIMITER)
        return Head(line.at, "text")

    @staticmethod
    def _is_rule(line: _Line, continues: bool) -> bool:
        """A thematic break, or the underline of a heading."""
        c = line.char
        if c in ("=", "-") and continues:
            run = line.run()
            match = line.window.find(_NOT_BLANK, line.at + run)
            if match[0] in _EOL if match else not line.window.far:
                return True
        if c not in _NOT_RULE or not line.only(_NOT_RULE[c]):
            return False
        end = line.window.end_of(_NOT_RULE[c], line.at)
        return line.window.text.count(c, line.at, end) >= 3

    @staticmethod
    def _item(line: _Line, boxes: list[Box], continues: bool) -> bool:
        """Open a list item, if one begins here."""
        see, start = line.window.see, line.at
        length = 0
        while length < 9 and see(start + length) in tuple("0123456789"):
            length += 1
        number = line.window.text[start : start + length]
        if see(start + length) not in (("-", "+", "*") if not length else (".", ")")):
            return False
        length += 1
        if see(start + length) not in (" ", "\t", *_EOL):
            return False
        indent, column = line.indent, line.column + length
        probe = _Line.__new__(_Line)
        probe.window, probe.at, probe.column, probe.inside = line.window, start + length, column, line.inside
        probe.skip()
        empty = probe.char in _EOL
        if continues and (empty or (number and int(number) != 1)):
            return False
        gap = probe.column - column
        if empty or gap > 4:
            gap = 1
        width = indent + length + gap
        boxes.append(Box(width, empty))
        line.at, line.column = probe.at, probe.column
        line.inside += width
        return True


class _Bare:
    """What follows the run of fence characters at the head of a line in a fence."""

    def __init__(self, line: _Line, run: int) -> None:
        rest, window = line.at + run, line.window
        match = window.find(_NOT_BLANK, rest)
        self.blank = match[0] in _EOL if match else not window.far
        match = window.find(_NOT_FENCE, rest)
        self.mixed = not self.blank and (match is None or match[0] in _EOL)
