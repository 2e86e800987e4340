"""The one way from a picture's bytes to a picture that is kept: inspected, then stored."""

from __future__ import annotations

import errno
import os
import secrets
import shutil
import tempfile
from contextlib import suppress
from pathlib import Path

from anyio import CancelScope, sleep, to_thread

from limner.core.formats import HEAD_BYTES, format_of
from limner.core.pictures import Picture
from limner.errors import PictureError, StoreError
from limner.images.inspector import Inspector
from limner.images.protocol import Content

from .protocol import Storage

__all__ = ["discard", "keep", "rescue"]

_NO_FILES = frozenset({errno.EMFILE, errno.ENFILE, errno.ENOENT})
"""What a system says where too many files are open; the last one while it looks for its temporary folder."""
_PATIENCE_S = (0.1, 0.4, 1.0, 2.0, 4.0)
"""Between the tries to put bytes aside that nothing else holds."""


async def keep(
    storage: Storage, inspector: Inspector, owner: str, content: Content, *, alt: str = ""
) -> Picture:
    """Inspect `content` and put it into `storage`.

    A file is consumed once it is stored. What goes wrong leaves it to the caller, for `rescue`.

    Raises: PictureError (`image_type_not_allowed`, `image_truncated`, …, `image_store_full`);
    PictureUnjudged where the inspection broke.
    Cancel: safe.
    """
    found = await inspector.inspect(content)
    try:
        kept = await storage.put(owner, found.content)
    except StoreError as error:
        raise PictureError("image_store_full", billed="yes", detail=str(error)) from error
    await discard(content)
    return Picture(
        id=kept,
        sha256=found.sha256,
        format=found.format,
        width=found.width,
        height=found.height,
        size_bytes=found.size_bytes,
        alt=alt,
    )


async def rescue(content: Content, name: str) -> str:
    """Put a picture that could not be kept aside, as it came, into the system's temporary folder.

    Whatever begins like a picture of a format that we know was paid for, be it of a kind that is not
    accepted, too large, or broken. What begins like anything else is none, and a file of it is deleted.

    Returns the file's path; empty for what is no picture, or where there is no room for its bytes. Where
    too many files are open, some time is waited for others to be closed.
    """
    for wait_s in _PATIENCE_S:
        try:
            return await to_thread.run_sync(_put_aside, content, name)
        except OSError:
            await sleep(wait_s)
    return ""


async def discard(content: Content) -> None:
    """Delete the file of a picture that nobody keeps; bytes need nothing."""
    if isinstance(content, Path):
        # Shielded: nobody else knows of the file.
        with CancelScope(shield=True):
            await to_thread.run_sync(_unlink, content)


def _unlink(path: Path) -> None:
    with suppress(OSError):
        path.unlink()


def _put_aside(content: Content, name: str) -> str:
    """Raises: OSError, where no file can be opened that holds bytes."""
    try:
        if format_of(_head(content)) is None:
            if isinstance(content, Path):
                _unlink(content)
            return ""
        return str(_moved(content, name) if isinstance(content, Path) else _copied(content, name))
    except OSError as error:
        if isinstance(content, bytes) and error.errno in _NO_FILES:
            raise
        # A file that finds no room elsewhere is safe where it is.
        return str(content) if isinstance(content, Path) and content.exists() else ""


def _head(content: Content) -> bytes:
    if isinstance(content, bytes):
        return content[:HEAD_BYTES]
    with content.open("rb") as file:
        return file.read(HEAD_BYTES)


def _moved(file: Path, name: str) -> Path:
    """`file` under a name of its own; takes no room where it lies in the same file system."""
    aside = Path(tempfile.gettempdir(), f"limner-{name}-{secrets.token_hex(8)}.image")
    try:
        file.chmod(0o600)
        with file.open("rb+") as opened:
            os.fsync(opened.fileno())
        file.rename(aside)
    except OSError:
        aside = _copied(file, name)
        _unlink(file)
    return aside


def _copied(content: Content, name: str) -> Path:
    """A new file with what `content` holds. Raises: OSError, with nothing left behind."""
    handle, path = tempfile.mkstemp(prefix=f"limner-{name}-", suffix=".image")
    try:
        with os.fdopen(handle, "wb") as file:
            if isinstance(content, bytes):
                file.write(content)
            else:
                with content.open("rb") as source:
                    shutil.copyfileobj(source, file)
            file.flush()
            os.fsync(file.fileno())
    except OSError:
        _unlink(Path(path))
        raise
    return Path(path)
