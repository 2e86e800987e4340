"""The calls that change a file system, one method each.

In their order they are all that a power cut can undo, so a test that records them here can play
every power cut that there could have been. Nothing else in the room writes to a disk.
"""

from __future__ import annotations

import contextlib
import errno
import os
import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["DISK", "Disk"]


class Disk:
    """The disk of this machine; every call blocks, and raises OSError."""

    def create(self, path: Path, mode: int) -> int:
        """A new and empty file that nobody else has; its descriptor."""
        return os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0), mode)

    def write(self, descriptor: int, data: memoryview) -> int:
        """Append; how many bytes of `data` were taken."""
        return os.write(descriptor, data)

    def sync(self, descriptor: int) -> None:
        """Make what was written survive a power cut."""
        if sys.platform == "darwin":
            import fcntl  # not on every platform

            # fsync leaves the bytes in the drive's own cache there.
            with contextlib.suppress(OSError):
                fcntl.fcntl(descriptor, fcntl.F_FULLFSYNC)
                return
        os.fsync(descriptor)

    def close(self, descriptor: int) -> None:
        """Give the descriptor back."""
        os.close(descriptor)

    def link(self, path: Path, name: Path) -> None:
        """A second name for a file. Raises: FileExistsError where it is taken."""
        os.link(path, name)

    def rename(self, path: Path, name: Path) -> None:
        """Another name for a file, and the end of what had that name; on Windows only a free one."""
        path.rename(name)

    def replace(self, path: Path, name: Path) -> None:
        """Another name for a file, and the end of what had that name."""
        path.replace(name)

    def remove(self, path: Path) -> None:
        """The end of a name."""
        path.unlink()

    def make_folder(self, path: Path, mode: int) -> None:
        """A new folder. Raises: FileExistsError."""
        path.mkdir(mode=mode)

    def sync_folder(self, path: Path) -> None:
        """Make the names in a folder survive a power cut, where its file system can."""
        if sys.platform == "win32":
            return  # a folder cannot be opened there
        descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
        try:
            self.sync(descriptor)
        except OSError as error:
            if error.errno not in (
                errno.EINVAL,
                errno.ENOTSUP,
            ):  # some network file systems have no such call
                raise
        finally:
            os.close(descriptor)


DISK = Disk()
