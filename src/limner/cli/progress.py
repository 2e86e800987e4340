"""How the pictures come along, on standard error: live lines on a terminal, else a line per event."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

import anyio

from limner.core.pictures import Picture
from limner.core.state import State
from limner.engine.progress import (
    ImageFailed,
    ImageFinished,
    ImagePromised,
    ImageQueued,
    ImageStarted,
    StreamEvent,
)
from limner.errors import CALL_CODES
from limner.reply.markdown import tidy

from .console import Console

__all__ = ["Progress"]

_FRAMES = "⠋⠙⠹⠸⠼⠴⠦⠧⠇⠏"
_TICK_S = 0.1
_COLOURS: Mapping[str, str] = {"done": "\x1b[32m", "failed": "\x1b[31m", "queued": "\x1b[2m"}
_SIGNS: Mapping[str, str] = {"done": "✓", "failed": "✗", "queued": "·"}


@dataclass(slots=True)
class _Line:
    alt: str
    status: Literal["queued", "drawing", "done", "failed"] = "queued"
    since_s: float = 0.0
    remark: str = ""


class Progress:
    """Told the events of a reply; run `keep_live` beside it on a terminal.

    `lasting`: whether the lines of a terminal stay when all is done. They do not where the
    reply itself is written to that terminal: it says the same in its own words.
    """

    def __init__(self, console: Console, *, lasting: bool) -> None:
        self._console = console
        self._lasting = lasting
        self._lines: dict[int, _Line] = {}

    def hear(self, event: StreamEvent) -> None:
        """Take note of one event."""
        if isinstance(event, ImageQueued):
            self._line(event)
        elif isinstance(event, ImageStarted):
            line = self._line(event)
            line.status, line.since_s = "drawing", time.monotonic()
            self._tell(event.position, f"drawing: {line.alt}")
        elif isinstance(event, ImagePromised):
            self._tell(event.position, "not waited for: the text goes on")
        elif isinstance(event, ImageFinished):
            self._finished(event.position, self._line(event), event.picture)
        elif isinstance(event, ImageFailed):
            self._failed(event.position, self._line(event), event.code)
        else:
            return
        self.draw()

    def look(self, state: State) -> None:
        """Take note of what became of pictures that no event tells of any more."""
        calls = [call for call in state.turn_calls if call.kind == "image"]
        for position, call in enumerate(calls, 1):
            line = self._lines.get(position)
            if line is None or line.status != "drawing" or call.outcome is None:
                continue
            if call.outcome.code is not None:
                self._failed(position, line, call.outcome.code)
            else:
                self._finished(position, line, call.outcome.pictures[0].picture)
        self.draw()

    async def keep_live(self) -> None:
        """Draw the lines anew, again and again, until cancelled; returns at once where there is no terminal."""
        while self._console.live:
            self.draw()
            await anyio.sleep(_TICK_S)

    def draw(self) -> None:
        """Show the lines as they are now."""
        if not self._console.live:
            return
        if any(line.status in ("queued", "drawing") for line in self._lines.values()):
            self._console.show(self._shown())
        else:
            self._settle()

    def end(self) -> None:
        """Nothing more will be heard."""
        if self._console.live:
            self._settle()

    def _finished(self, position: int, line: _Line, picture: Picture) -> None:
        line.status = "done"
        line.remark = "" if picture.seconds is None else f"{picture.seconds:.1f} s"
        self._tell(position, f"done in {line.remark}" if line.remark else "done")

    def _failed(self, position: int, line: _Line, code: str) -> None:
        line.status, line.remark = "failed", CALL_CODES[code].sentence
        self._tell(position, f"failed: {line.remark}")

    def _settle(self) -> None:
        if not self._lines:
            return
        for each in self._lines.values():
            if each.status in ("queued", "drawing"):
                each.remark = "not ordered" if each.status == "queued" else "not received"
                each.status = "failed"
        self._console.show(self._shown() if self._lasting else ())
        self._console.keep()
        self._lines.clear()

    def _line(self, event: ImageQueued | ImageStarted | ImageFinished | ImageFailed) -> _Line:
        # A model's words: one line, and nothing that a terminal obeys, before anybody measures or cuts it.
        alt = tidy(event.alt)
        line = self._lines.setdefault(event.position, _Line(alt))
        line.alt = alt or line.alt or "a picture"
        return line

    def _tell(self, position: int, what: str) -> None:
        if not self._console.live:
            self._console.note(f"picture {position}: {what}")

    def _shown(self) -> list[str]:
        columns, rows = _size()
        lines = [self._written(position, line, columns - 1) for position, line in sorted(self._lines.items())]
        room = max(rows - 2, 1)
        if len(lines) <= room:
            return lines
        # What is under way matters more than what is over.
        order = sorted(
            self._lines.items(), key=lambda item: (item[1].status in ("done", "failed", "queued"), item[0])
        )
        chosen = sorted(order[: room - 1])
        rest = f"  … and {len(lines) - len(chosen)} more"
        return [*(self._written(position, line, columns - 1) for position, line in chosen), rest]

    def _written(self, position: int, line: _Line, columns: int) -> str:
        # Widths of Chinese characters and emoji; 20 ms that only a terminal needs.
        from rich.cells import cell_len, set_cell_size

        now = time.monotonic()
        sign = _SIGNS.get(line.status) or _FRAMES[int(now / _TICK_S) % len(_FRAMES)]
        remark = f"{now - line.since_s:.0f} s" if line.status == "drawing" else line.remark
        remark = "waiting" if line.status == "queued" else remark
        head = f"{sign} {position:>2}  "
        room = columns - cell_len(head) - (cell_len(remark) + 2 if remark else 0)
        alt = line.alt
        if cell_len(alt) > room:
            alt = set_cell_size(alt, max(room - 1, 0)).rstrip() + "…" if room > 8 else ""
        text = f"{head}{alt}  {remark}" if alt else f"{head}{remark}"
        text = set_cell_size(text, columns).rstrip() if cell_len(text) > columns else text
        colour = _COLOURS.get(line.status, "") if self._console.colour else ""
        return f"{colour}{text}\x1b[0m" if colour else text


def _size() -> tuple[int, int]:
    """Columns and rows of the terminal behind standard error: standard output may be a pipe."""
    try:
        size = os.get_terminal_size(sys.stderr.fileno())
    except (OSError, ValueError):
        size = os.terminal_size((0, 0))
    # A serial line does not know its size.
    return (size.columns, size.lines) if size.columns and size.lines else (80, 24)
