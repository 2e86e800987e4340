"""The end of a standard stream."""

from __future__ import annotations

import contextlib
import os
from typing import TextIO

__all__ = ["let_go"]


def let_go(stream: TextIO | None) -> None:
    """Write what is left in the buffer of `stream`, or nowhere: it must not fail when the process ends."""
    if stream is None:
        return
    try:
        stream.flush()
    except (OSError, ValueError):
        with contextlib.suppress(OSError, ValueError):
            nowhere = os.open(os.devnull, os.O_WRONLY)
            os.dup2(nowhere, stream.fileno())
            os.close(nowhere)
