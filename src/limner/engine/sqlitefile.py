"""What has to be known of a file before SQLite is let at it."""

from __future__ import annotations

import os
import stat
from pathlib import Path

from limner.errors import JournalError

__all__ = ["holds_something"]

_LEAST_BYTES = 512
"""Of any database: one page."""


def holds_something(path: Path, what: str, instead: str) -> bool:
    """Whether there is anything in the file at `path`; `what` it should be, and what to choose `instead`.

    Raises: JournalError (`journal_unavailable`, `journal_unreadable`), for what can be no database of ours;
    FileNotFoundError, and every other OSError.
    """
    # Not opened: to close it again would let go of a lock that this process has on it.
    found = os.stat(path)
    if not stat.S_ISREG(found.st_mode):
        raise JournalError(
            f"{path} is not a regular file, so it cannot be a {what}; choose another {instead}",
            code="journal_unavailable",
        )
    # SQLite takes a file of one byte for an empty one, and writes over it.
    if 0 < found.st_size < _LEAST_BYTES:
        raise JournalError(
            f"{path} holds something else than a {what}; choose another {instead}", code="journal_unreadable"
        )
    return found.st_size > 0
