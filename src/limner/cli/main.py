"""The entry point: whatever happens becomes one clear sentence and an exit code.

A standard stream that was closed before the command began is None in Python.
"""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import Sequence
from typing import Any

from .control import visible
from .stream import let_go

__all__ = ["main"]

_DONE, _INSIDE, _USAGE, _INTERRUPTED = 0, 1, 2, 130
"""As in `codes.ExitCode`, which costs more to import than --help may take."""

_DEBUG = "LIMNER_DEBUG"
"""Set to anything: the library's log on standard error, and tracebacks of our own mistakes."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command and return its exit code; raises nothing unless LIMNER_DEBUG is set."""
    if arguments is None:
        _speak_utf8()
    for stream in (sys.stdout, sys.stderr):
        if stream is not None and hasattr(stream, "reconfigure"):
            # Replies are written in every language, whatever the locale says.
            stream.reconfigure(encoding="utf-8", errors="replace")
    if os.environ.get(_DEBUG):
        from .debug import show_log  # logging takes time that --help does not have

        show_log()
    code = _guarded(list(sys.argv[1:] if arguments is None else arguments))
    let_go(sys.stderr)
    return code


def _speak_utf8() -> None:
    """Start again where files could not be named in every language; Python decides that when it starts."""
    if os.name == "posix" and sys.getfilesystemencoding() != "utf-8" and sys.executable:
        os.execv(sys.executable, [sys.executable, "-X", "utf8", *sys.orig_argv[1:]])


def _guarded(arguments: list[str]) -> int:
    try:
        try:
            import typer

            from .app import app
        except ModuleNotFoundError as error:
            return _say(f"the command line needs {error.name!r}: pip install 'limner[cli]'", _USAGE)
        command = typer.main.get_command(app)
        result = command.main(arguments, prog_name="limner", standalone_mode=False)
        if sys.stdout is not None:
            sys.stdout.flush()
        return int(result or _DONE)
    except KeyboardInterrupt:
        return _say("interrupted", _INTERRUPTED)
    except OSError as error:
        let_go(sys.stdout)
        # `limner --help | head -1`: the reader has all it wanted.
        return _DONE if isinstance(error, BrokenPipeError) else _told(error)
    except Exception as error:
        return _told(error)


def _told(error: Exception) -> int:
    from limner.errors import LimnerError

    if isinstance(error, LimnerError):
        from .codes import exit_code

        return _say(f"error: {error}", exit_code(error))
    # By its shape: the parser's own exceptions moved house between its releases.
    if hasattr(error, "format_message") and hasattr(error, "exit_code"):
        return _say(_usage(error), int(error.exit_code))
    if type(error).__name__ == "Abort":
        return _say("interrupted", _INTERRUPTED)
    if isinstance(error, ModuleNotFoundError):
        return _say(f"error: {error.name!r} is not installed: pip install 'limner[all]'", _USAGE)
    if os.environ.get(_DEBUG):
        raise error
    if isinstance(error, OSError) and error.strerror:
        place = f" {str(error.filename)!r}" if error.filename else ""
        return _say(f"error: the system refused{place} ({error.strerror})", _USAGE)
    return _say(
        f"error: something went wrong inside Limner ({type(error).__name__}); "
        f"please report it with what {_DEBUG}=1 shows",
        _INSIDE,
    )


def _usage(error: Any) -> str:
    sentence = " ".join(str(error.format_message()).split()).rstrip(".")
    if "unexpected extra argument" in sentence:
        sentence += "; put the whole prompt in quotes"
    context = getattr(error, "ctx", None)
    path = context.command_path if context is not None else "limner"
    return f"error: {sentence}; see {path} --help"


def _say(sentence: str, code: int) -> int:
    # Nobody is left to be told where standard error itself is gone.
    with contextlib.suppress(OSError, ValueError, AttributeError):
        said = sentence if sentence.startswith("error: ") else f"limner: {sentence}"
        sys.stderr.write(f"{visible(said)}\n")
    return code
