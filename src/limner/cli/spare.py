"""Where things go that cannot be written where they were wanted."""

from __future__ import annotations

import contextlib
import functools
import tempfile
from pathlib import Path

__all__ = ["leave_spare_folder", "spare_folder"]


@functools.cache
def spare_folder() -> Path:
    """A new temporary folder; one for the whole command. Raises: OSError."""
    return Path(tempfile.mkdtemp(prefix="limner-"))


def leave_spare_folder() -> None:
    """Remove it if nothing could be written into it either."""
    if spare_folder.cache_info().currsize:
        with contextlib.suppress(OSError):
            spare_folder().rmdir()
            spare_folder.cache_clear()
