"""The one way from a picture's bytes to a picture that is kept: inspected, then stored."""

from __future__ import annotations

import os
import shutil
import tempfile
from contextlib import suppress
from pathlib import Path

from anyio import CancelScope, to_thread

from limner.core.pictures import Picture
from limner.errors import PictureError, StoreError
from limner.images.inspector import Inspector, PictureUnjudged
from limner.images.protocol import Content

from .protocol import Storage

__all__ = ["discard", "keep", "rescue"]


async def keep(
    storage: Storage, inspector: Inspector, owner: str, content: Content, *, alt: str = ""
) -> Picture:
    """Inspect `content` and put it into `storage`.

    A file is consumed: deleted once it is stored, or found to be no picture. Whatever else goes
    wrong leaves it where it is, for `rescue`.

    Raises: PictureError (`image_type_not_allowed`, `image_truncated`, …, `image_store_full`);
    PictureUnjudged where the inspection broke.
    Cancel: safe.
    """
    try:
        found = await inspector.inspect(content)
    except PictureUnjudged:
        raise
    except PictureError:
        await discard(content)
        raise
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
    """Put a picture that could not be stored aside, into the system's temporary folder.

    Returns the file's path, or an empty string where there is no room either.
    """
    return await to_thread.run_sync(_put_aside, content, name)


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
    aside: Path | None = None
    try:
        handle, path = tempfile.mkstemp(prefix=f"limner-{name}-", suffix=".image")
        aside = Path(path)
        with os.fdopen(handle, "wb") as file:
            if isinstance(content, bytes):
                file.write(content)
            else:
                with content.open("rb") as source:
                    shutil.copyfileobj(source, file)
            file.flush()
            os.fsync(file.fileno())
    except OSError:
        if aside is not None:
            _unlink(aside)
        # A file that finds no room elsewhere is safe where it is.
        return str(content) if isinstance(content, Path) and content.exists() else ""
    if isinstance(content, Path):
        _unlink(content)
    return str(aside)
