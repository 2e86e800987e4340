"""Where the command writes, in this process: a terminal and what a person sees there, or a pipe."""

from __future__ import annotations

import contextlib
import fcntl
import os
import re
import struct
import sys
import termios
import threading
from collections.abc import Callable, Iterator, Sequence

from limner.cli.main import main

__all__ = ["on_a_pipe", "on_a_terminal", "seen", "terminal"]

_CODE = re.compile(r"\x1b\[(\d*)(?:;\d+)*([A-Za-z])|(\r\n|\n|\r)|([^\x1b\r\n])")


@contextlib.contextmanager
def terminal(*, output: bool = True, columns: int = 0) -> Iterator[bytearray]:
    """A pseudo-terminal as standard error, and as standard output unless `output` is false.

    `columns`: how wide it is; 0 where it does not know.

    Yields: all that is written there; complete after the block.
    """
    ours, theirs = os.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 24 if columns else 0, columns, 0, 0))
    written = bytearray()
    with (
        _reading(ours, written.extend),
        open(theirs, "w", encoding="utf-8") as screen,
        contextlib.redirect_stderr(screen),
        contextlib.redirect_stdout(screen if output else sys.stdout),
    ):
        yield written


def on_a_terminal(*arguments: str, output: bool = True, columns: int = 0) -> tuple[int, str]:
    """Run the command on a terminal; its exit code, and all that was written there."""
    with terminal(output=output, columns=columns) as written:
        code = main(arguments)
    return code, written.decode("utf-8")


def on_a_pipe(arguments: Sequence[str], hear: Callable[[bytes], object]) -> int:
    """Run the command with standard output piped to `hear`, which is called as the bytes come; its exit code."""
    ours, theirs = os.pipe()
    with _reading(ours, hear), open(theirs, "w", encoding="utf-8") as pipe, contextlib.redirect_stdout(pipe):
        return main(arguments)


@contextlib.contextmanager
def _reading(descriptor: int, hear: Callable[[bytes], object]) -> Iterator[None]:
    def read() -> None:
        # Linux calls it an error when the other side of a terminal is closed.
        with contextlib.suppress(OSError):
            while data := os.read(descriptor, 65536):
                hear(data)

    thread = threading.Thread(target=read, daemon=True)
    thread.start()
    try:
        yield
    finally:
        thread.join(5)
        os.close(descriptor)


def seen(written: str) -> list[str]:
    """The lines on the screen after `written`; every character is one cell wide, no line is full."""
    lines, row, column = [""], 0, 0
    for code in _CODE.finditer(written):
        count, letter, turn, character = int(code[1] or 1), code[2], code[3], code[4]
        if letter == "A":
            row = max(row - count, 0)
        elif letter == "J":
            lines[row:] = [lines[row][:column]]
        elif letter == "K":
            lines[row] = lines[row][:column]
        elif turn == "\r":
            column = 0
        elif turn:
            row, column = row + 1, 0
            lines += [""] * (row + 1 - len(lines))
        elif character:
            lines[row] = lines[row][:column].ljust(column) + character + lines[row][column + 1 :]
            column += 1
    return lines
