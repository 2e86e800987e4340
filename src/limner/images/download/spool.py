"""What a download has brought so far: a temporary file, or memory where the disk takes none."""

from __future__ import annotations

import contextlib
import functools
import os
import re
import tempfile
import threading
import time
from collections.abc import Sequence
from pathlib import Path

from limner.logs import log

from ..protocol import Content

__all__ = ["Spool"]

_OURS = re.compile(r"limner-[^.]+\.download(\.[^.]+\.stripped)?")
"""Downloads, and what the inspection makes of them."""
_STALE_S = 24 * 3600.0


class Spool:
    """A file that only its owner can read, written from threads, and gone unless it is kept.

    Where the folder takes no file, or no more bytes, everything goes on in memory: a picture that
    is behind a link is paid for, and the store may well have the room that the folder has not.

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
        self._written = 0
        """Bytes of the file that are the download's; what a write that failed has left comes after them."""
        self._held: list[bytes] | None = None
        """In memory."""

    def write(self, pieces: Sequence[bytes]) -> None:
        """Append; blocks. Raises: OSError, where what was written cannot be read again."""
        with self._lock:
            if not self._ended:
                self._append(pieces)

    def keep(self, pieces: Sequence[bytes]) -> Content:
        """Append the last pieces and hand over the whole, which is the caller's from then on; blocks.

        Raises: OSError.
        """
        with self._lock:
            if self._ended:
                raise OSError("the download is given up already")
            self._append(pieces)
            self._close()
            if self._path is not None:
                return self._path
            data, self._held = b"".join(self._held or ()), []
            return data

    def discard(self) -> None:
        """Remove the file and what is in memory; blocks, idempotent, never raises."""
        with self._lock, contextlib.suppress(OSError):
            self._ended, self._held = True, None
            self._close()
            if self._path is not None:
                self._path.unlink(missing_ok=True)

    def _append(self, pieces: Sequence[bytes]) -> None:
        if self._held is None:
            try:
                self._write(pieces)
            except OSError as error:
                log.warning("download.left_the_disk", reason=error.strerror, size_bytes=self._written)
                self._held = [self._taken_back()]
            else:
                return
        self._held.extend(pieces)

    def _write(self, pieces: Sequence[bytes]) -> None:
        if self._path is None:
            folder = self._folder or Path(tempfile.gettempdir())
            _remove_stale(folder)
            # mkstemp: nobody else may open it (0600), and no name can be guessed or taken before.
            self._handle, name = tempfile.mkstemp(prefix="limner-", suffix=".download", dir=folder)
            self._path = Path(name)
        for piece in pieces:
            rest = memoryview(piece)
            while rest:
                rest = rest[os.write(self._handle, rest) :]
        self._written += sum(map(len, pieces))

    def _taken_back(self) -> bytes:
        """What was written, which leaves the disk. Raises: OSError."""
        if self._path is None:
            return b""
        with self._path.open("rb") as file:
            data = file.read(self._written)
        self._close()
        self._path.unlink()
        self._path = None
        return data

    def _close(self) -> None:
        handle, self._handle = self._handle, -1
        if handle >= 0:
            os.close(handle)


@functools.cache  # once for each folder: a process that goes on leaves nothing behind
def _remove_stale(folder: Path) -> None:
    """Remove what killed processes have left in `folder` a day or more ago."""
    before = time.time() - _STALE_S
    with contextlib.suppress(OSError), os.scandir(folder) as entries:
        for entry in entries:
            # Another process may be quicker, or own the file.
            with contextlib.suppress(OSError):
                if _OURS.fullmatch(entry.name) and entry.stat(follow_symlinks=False).st_mtime < before:
                    os.unlink(entry.path)
