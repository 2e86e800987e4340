"""What the command says to its caller when it ends.

0    done
1    a provider failed: the chat model, or the maker of all pictures that `limner image` was asked for
2    usage: arguments, configuration, or a file that cannot be read or written
3    some of the pictures that were asked for are missing
130  interrupted (Ctrl-C or SIGTERM)
"""

from __future__ import annotations

import enum

from limner.errors import LimnerError, ModelError, PictureError

__all__ = ["ExitCode", "exit_code"]


class ExitCode(enum.IntEnum):
    """The one table of exit codes."""

    DONE = 0
    PROVIDER = 1
    USAGE = 2
    PICTURES = 3
    INTERRUPTED = 130


def exit_code(error: LimnerError) -> ExitCode:
    """What an error that ended the command means: somebody else's failure, or something to put right here."""
    return ExitCode.PROVIDER if isinstance(error, ModelError | PictureError) else ExitCode.USAGE
