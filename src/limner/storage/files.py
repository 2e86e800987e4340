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

from .disk import DISK, Disk

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

__all__ = ["create_file", "make_folder", "remove_stale", "settle_folder", "store_error", "sync_folder"]

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


def make_folder(folder: Path, *, mode: int = 0o777, disk: Disk = DISK) -> None:
    """Create `folder` and what is missing above it, and sync the parent of each that was created."""
    if folder.is_dir():
        return
    if folder.parent != folder:  # else a drive that is not there
        make_folder(folder.parent, disk=disk)
    # Another process may be doing the same.
    with contextlib.suppress(FileExistsError):
        disk.make_folder(folder, mode)
    if not folder.is_dir():
        raise NotADirectoryError(errno.ENOTDIR, os.strerror(errno.ENOTDIR), str(folder))
    disk.sync_folder(folder.parent)


def settle_folder(folder: Path, *, disk: Disk = DISK) -> None:
    """Make `folder` itself survive a power cut, whoever created it and what is above it.

    Another process may have made one of them this very moment, and not synced it yet.
    """
    for above in folder.parents:
        # One that may not be opened is nothing that we or a process like us have made.
        with contextlib.suppress(PermissionError):
            disk.sync_folder(above)


def create_file(
    path: Path,
    parts: Iterable[bytes | memoryview],
    *,
    mode: int = 0o666,
    replace: bool = False,
    disk: Disk = DISK,
) -> None:
    """Write `parts` under the name `path`, free unless `replace`; its folder is the caller's to sync.

    Raises: FileExistsError where the name is taken, which changes nothing; OSError, with nothing left behind.
    """
    # The folder is the same as that of `path`: a name can only move within one file system.
    temporary = path.with_name(f".{secrets.token_hex(8)}.part")
    try:
        descriptor = disk.create(temporary, mode)
        try:
            for part in parts:
                view = memoryview(part)
                while view:
                    view = view[disk.write(descriptor, view) :]
            disk.sync(descriptor)
        finally:
            disk.close(descriptor)
        if replace:
            disk.replace(temporary, path)
        else:
            _name(temporary, path, disk)
    finally:
        with contextlib.suppress(OSError):
            disk.remove(temporary)


def sync_folder(folder: Path, *, disk: Disk = DISK) -> None:
    """Make the names in `folder` survive a power cut, where its file system can."""
    disk.sync_folder(folder)


def remove_stale(folder: Path, *, disk: Disk = DISK) -> None:
    """Remove what a killed process left under temporary names a day or more ago."""
    before = time.time() - _STALE_S
    for left in folder.glob(".*.part"):
        # Another process may be quicker, or own the file: neither is a reason to refuse a picture.
        with contextlib.suppress(OSError):
            if left.stat().st_mtime < before:
                disk.remove(left)


def _name(temporary: Path, path: Path, disk: Disk) -> None:
    """Give a written file its name, only if the name is free."""
    if sys.platform == "win32":
        disk.rename(temporary, path)  # create-only there
        return
    try:
        # A second link fails where the name is taken; rename would silently replace.
        disk.link(temporary, path)
    except OSError as error:
        if isinstance(error, FileExistsError) or error.errno not in _NO_LINKS:
            raise
        # No links here (exFAT, some network file systems): between these two lines another process
        # may take the name and lose it again. A picture's name always means the same bytes, so it
        # loses nothing; a key that was lost so costs a second copy of a picture.
        if path.exists():
            raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST), str(path)) from None
        disk.rename(temporary, path)
