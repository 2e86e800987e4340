"""The other end of a pool: a process that answers frames until its input ends.

It ends when its input ends, which is also when its parent dies.
"""

from __future__ import annotations

import json
import os
import signal
from collections.abc import Callable
from typing import Any, BinaryIO

from .frames import LENGTHS, head_of, lengths

__all__ = ["Answer", "serve"]

Answer = Callable[[dict[str, Any], bytes], tuple[dict[str, Any], bytes]]
"""Head and body of a job become head and body of its result."""


_USUAL_BYTES = 64 * 1024


def serve(answer: Answer) -> None:
    """Answer on standard input and output; never returns."""
    # Ctrl-C reaches the whole terminal; the parent decides what it means.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    # Frames own the real output: whatever else prints must not get between them.
    sink = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)
    # Most jobs come in one read of so much.
    source = os.fdopen(0, "rb", _USUAL_BYTES)
    try:
        _serve(answer, source, sink)
    except (BrokenPipeError, ValueError):
        pass  # nobody listens any more, or what came was no frame: there is nothing left to do
    finally:
        # The parent may be gone; closing would then complain about what could not be written.
        os._exit(0)


def _serve(answer: Answer, source: BinaryIO, sink: BinaryIO) -> None:
    while True:
        start = source.read(LENGTHS)
        if len(start) < LENGTHS:
            return
        head_bytes, body_bytes = lengths(start)
        text, body = source.read(head_bytes), source.read(body_bytes)
        if len(text) < head_bytes or len(body) < body_bytes:
            return
        head, result = _answered(answer, json.loads(text), body)
        sink.write(head_of(head, len(result)))
        sink.write(result)
        sink.flush()


def _answered(answer: Answer, head: dict[str, Any], body: bytes) -> tuple[dict[str, Any], bytes]:
    try:
        return answer(head, body)
    # Strategy: whatever a job breaks is that job's failure; the worker serves on.
    except Exception as error:
        return {"broke": f"{type(error).__name__}: {error}"[:500]}, b""
