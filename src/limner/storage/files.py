"""Writing a file so that it is whole or not there, and survives a power cut.

A file is written under a temporary name in the same folder, synced, given its name only if
that name is free, and the folder is synced. Everything here blocks: call it from a thread.
"""

from __future__ import annotations

import contextlib
import errno
import os
import secrets
import sys
import time
from typing import TYPE_CHECKING

from limner.errors import StoreError

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

__all__ = ["create_file", "make_folder", "remove_stale", "store_error", "sync_folder"]

_FULL = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}
_NO_LINKS = {
    errno.EPERM,
    errno.ENOSYS,
    errno.EOPNOTSUPP,
    errno.ENOTSUP,
    errno.EMLINK,
    errno.EXDEV,
    errno.EINVAL,
}
_STALE_S = 24 * 3600.0


def store_error(error: OSError, folder: Path) -> StoreError:
    """The error of ours that says what a failed system call on `folder` means."""
    reason = error.strerror or type(error).__name__
    if error.errno in _FULL:
        return StoreError(
            f"there is no room for a picture in {str(folder)!r} ({reason}); free some or choose another folder",
            code="image_store_full",
        )
    return StoreError(
        f"pictures cannot be kept or read in {str(folder)!r} ({reason}); "
        "check that the folder exists and may be written, or choose another one",
        code="store_unavailable",
    )


def make_folder(folder: Path, *, mode: int = 0o777) -> None:
    """Create `folder` and what is missing above it, and sync the parent of each that was created."""
    if folder.is_dir():
        return
    if folder.parent != folder:  # else a drive that is not there
        make_folder(folder.parent)
    # Another process may be doing the same.
    with contextlib.suppress(FileExistsError):
        folder.mkdir(mode=mode)
    if not folder.is_dir():
        raise NotADirectoryError(errno.ENOTDIR, os.strerror(errno.ENOTDIR), str(folder))
    sync_folder(folder.parent)


def create_file(
    path: Path, parts: Iterable[bytes | memoryview], *, mode: int = 0o666, replace: bool = False
) -> None:
    """Write `parts` under the name `path`, free unless `replace`; its folder is the caller's to sync.

    Raises: FileExistsError where the name is taken, which changes nothing; OSError, with nothing left behind.
    """
    # The folder is the same as that of `path`: a name can only move within one file system.
    temporary = path.with_name(f".{secrets.token_hex(8)}.part")
    try:
        descriptor = os.open(
            temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0), mode
        )
        with open(descriptor, "wb", buffering=0) as file:
            for part in parts:
                view = memoryview(part)
                while view:
                    view = view[file.write(view) :]
            _sync(file.fileno())
        if replace:
            temporary.replace(path)
        else:
            _name(temporary, path)
    finally:
        with contextlib.suppress(OSError):
            temporary.unlink()


def sync_folder(folder: Path) -> None:
    """Make the names in `folder` survive a power cut, where its file system can."""
    if sys.platform == "win32":
        return  # a folder cannot be opened there
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        _sync(descriptor)
    except OSError as error:
        if error.errno not in (errno.EINVAL, errno.ENOTSUP):  # some network file systems have no such call
            raise
    finally:
        os.close(descriptor)


def remove_stale(folder: Path) -> None:
    """Remove what a killed process left under temporary names a day or more ago."""
    before = time.time() - _STALE_S
    for left in folder.glob(".*.part"):
        # Another process may be quicker, or own the file: neither is a reason to refuse a picture.
        with contextlib.suppress(OSError):
            if left.stat().st_mtime < before:
                left.unlink()


def _name(temporary: Path, path: Path) -> None:
    """Give a written file its name, only if the name is free."""
    if sys.platform == "win32":
        temporary.rename(path)  # create-only there
        return
    try:
        # A second link fails where the name is taken; rename would silently replace.
        os.link(temporary, path)
    except OSError as error:
        if isinstance(error, FileExistsError) or error.errno not in _NO_LINKS:
            raise
        # No links here (exFAT, some network file systems): between these two lines another process
        # may take the name and lose it again. A picture's name always means the same bytes, so it
        # loses nothing; a key that was lost so costs a second copy of a picture.
        if path.exists():
            raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST), str(path)) from None
        temporary.rename(path)


def _sync(descriptor: int) -> None:
    if sys.platform == "darwin":
        import fcntl  # not on every platform

        # fsync leaves the bytes in the drive's own cache there.
        with contextlib.suppress(OSError):
            fcntl.fcntl(descriptor, fcntl.F_FULLFSYNC)
            return
    os.fsync(descriptor)
