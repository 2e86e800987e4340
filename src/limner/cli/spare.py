"""Where things go that cannot be written where they were wanted."""

from __future__ import annotations

import functools
import tempfile
from pathlib import Path

__all__ = ["spare_folder"]


@functools.cache
def spare_folder() -> Path:
    """A new temporary folder; one for the whole command. Raises: OSError."""
    return Path(tempfile.mkdtemp(prefix="limner-"))
