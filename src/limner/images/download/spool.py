"""A download's temporary file."""

from __future__ import annotations

import contextlib
import os
import tempfile
import threading
from collections.abc import Iterable
from pathlib import Path

__all__ = ["Spool"]


class Spool:
    """A file that only its owner can read, written from threads, and gone unless it is kept.

    A task that is cancelled may leave a thread behind that is still writing: the lock and the end
    mark see to it that no such thread makes a file, or writes to one, after `discard`.
    """

    def __init__(self, folder: Path | None) -> None:
        """Write into `folder`, by default the system's temporary one; nothing is made before the first bytes."""
        self._folder = folder
        self._lock = threading.Lock()
        self._ended = False
        self._path: Path | None = None
        self._handle = -1

    def write(self, pieces: Iterable[bytes]) -> None:
        """Append; blocks. Raises: OSError."""
        with self._lock:
            if not self._ended:
                self._append(pieces)

    def keep(self, pieces: Iterable[bytes]) -> Path:
        """Append the last pieces and hand over the file, which is the caller's from then on; blocks.

        Raises: OSError.
        """
        with self._lock:
            if self._ended:
                raise OSError("the file is given up already")
            path = self._append(pieces)
            self._close()
            return path

    def discard(self) -> None:
        """Remove the file; blocks, idempotent, never raises."""
        with self._lock, contextlib.suppress(OSError):
            self._ended = True
            self._close()
            if self._path is not None:
                self._path.unlink(missing_ok=True)

    def _append(self, pieces: Iterable[bytes]) -> Path:
        if self._path is None:
            # mkstemp: nobody else may open it (0600), and no name can be guessed or taken before.
            self._handle, name = tempfile.mkstemp(prefix="limner-", suffix=".download", dir=self._folder)
            self._path = Path(name)
        for piece in pieces:
            rest = memoryview(piece)
            while rest:
                rest = rest[os.write(self._handle, rest) :]
        return self._path

    def _close(self) -> None:
        handle, self._handle = self._handle, -1
        if handle >= 0:
            os.close(handle)
