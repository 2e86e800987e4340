"""Standard output and standard error, kept from writing over each other.

The reply is bytes of UTF-8 on standard output, whatever the locale. What is said about it goes to
standard error; there, on a terminal, a block of live lines can stand below everything else. Where
both are the same terminal, the block is taken away before text is written and put back after.

A terminal is never driven by what is said: text for it has no control characters left. A pipe
and a file get the reply as it is.
"""

from __future__ import annotations

import contextlib
import errno
import os
import sys
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor

from anyio import to_thread

from .control import visible
from .stream import let_go

__all__ = ["Console"]


class Console:
    """Where a person, or a pipe, reads. `quiet`: nothing but errors on standard error."""

    def __init__(self, *, quiet: bool = False) -> None:
        self.quiet = quiet
        self.out_is_terminal = _is_terminal(sys.stdout)
        # A classic Windows console shows the codes instead of obeying them.
        capable = os.environ.get("TERM") != "dumb" and (os.name != "nt" or "WT_SESSION" in os.environ)
        self.live = _is_terminal(sys.stderr) and capable and not quiet
        self.colour = self.live and not os.environ.get("NO_COLOR")
        self.closed = False
        """Whether the reader of standard output has left."""
        self._lines: Sequence[str] = ()
        """The block as it should stand."""
        self._drawn = 0
        """How many lines of it stand there now."""
        self._writer: ThreadPoolExecutor | None = None
        self._ended = True
        """Whether the last character on standard output ends a line."""
        self._fresh = True
        """Whether the terminal's next character stands at the left."""
        self._waiting = ""
        """Text that waits for the end of its line, because a block stands below it."""

    @property
    def shared(self) -> bool:
        """Whether text and live lines meet on one terminal."""
        return self.live and self.out_is_terminal

    def note(self, sentence: str) -> None:
        """Say something that a script may ignore."""
        if not self.quiet:
            self.error(sentence)

    def error(self, sentence: str) -> None:
        """Say something that nobody should miss."""
        self._take_away()
        self._err(self._opening() + visible(sentence) + "\n")

    def show(self, lines: Sequence[str]) -> None:
        """Put live lines in place of those that are shown, none to take them away. Terminals only.

        They come with their colours, so whoever made them has seen to it that nothing else is in them.
        """
        if not self.live:
            return
        self._lines = lines
        if lines or self._drawn:
            # From the left: the terminal may have echoed ^C.
            up = f"\r\x1b[{self._drawn}A" if self._drawn else self._opening()
            self._err(up + "".join(f"\r{line}\x1b[K\n" for line in lines) + "\x1b[J")
            self._drawn = len(lines)
        if not lines and self._waiting:
            waiting, self._waiting = self._waiting, ""
            self._write_now(waiting)

    def keep(self) -> None:
        """Let the live lines stay as they are; what follows stands below them."""
        self._drawn, self._lines = 0, ()

    async def write(self, text: str) -> None:
        """Write to standard output.

        Raises: BrokenPipeError where nobody reads any more; another OSError where it cannot be written.
        """
        if not text or self.closed:
            return
        if self._lines and self.shared:
            # Whole lines only, so that the block always begins at the left.
            head, newline, self._waiting = (self._waiting + text).rpartition("\n")
            if newline:
                self._take_away()
                self._write_now(head + newline)
                self.show(self._lines)
        elif self.out_is_terminal:
            self._write_now(text)
        else:
            await self._in_turn(self._write_now, text)

    async def end(self) -> None:
        """Take the live lines away, and end the last line of text. Raises: OSError."""
        self.show(())
        if self.out_is_terminal:
            self._end_line()
        else:
            await self._in_turn(self._end_line)

    async def _in_turn(self, work: Callable[..., None], *arguments: str) -> None:
        """Write in a thread: a pipe whose reader is slow must not stop the pictures.

        One thread, because a write that nobody waits for any more still comes before the next one.
        """
        if self._writer is None:
            self._writer = ThreadPoolExecutor(1)
        written = self._writer.submit(work, *arguments)
        await to_thread.run_sync(written.result, abandon_on_cancel=True)

    def _end_line(self) -> None:
        if not self._ended and not self.closed:
            self._write_now("\n")

    def _write_now(self, text: str) -> None:
        if not text:
            return
        if self.out_is_terminal:
            text = visible(text)
        try:
            if sys.stdout is None:  # it was closed before the command began
                raise OSError(errno.EBADF, "it is closed")
            sys.stdout.buffer.write(text.encode("utf-8", "replace"))
            sys.stdout.flush()
        except OSError:
            self.closed = True
            let_go(sys.stdout)
            raise
        self._ended = text.endswith("\n")
        self._fresh = self._ended or not self.out_is_terminal

    def _take_away(self) -> None:
        if self._drawn:
            self._err(f"\r\x1b[{self._drawn}A\x1b[J")
            self._drawn = 0

    def _opening(self) -> str:
        """What leads from the middle of a line of text to the beginning of the next."""
        opening, self._fresh = "" if self._fresh else "\n", True
        return opening

    def _err(self, text: str) -> None:
        # Nobody is left to be told where standard error itself is gone.
        with contextlib.suppress(OSError, ValueError):
            if sys.stderr is not None:
                sys.stderr.write(text)
                sys.stderr.flush()


def _is_terminal(stream: object) -> bool:
    try:
        return stream is not None and bool(stream.isatty())  # type: ignore[attr-defined]  # a text stream, or None under pythonw
    except ValueError:
        return False
