"""The one way from a picture's bytes to a picture that is kept: inspected, then stored."""

from __future__ import annotations

import hashlib
import os
import tempfile

from anyio import CapacityLimiter, to_thread
from anyio.lowlevel import RunVar

from limner.core.pictures import Picture
from limner.errors import PictureError, StoreError
from limner.images.inspection import Inspected, inspect
from limner.images.protocol import Content

from .protocol import Storage

__all__ = ["inspected", "keep", "rescue"]

_AT_ONCE = 2
"""Pictures decoded at the same time: one of the largest takes 180 MB of memory meanwhile."""
_limiter: RunVar[CapacityLimiter] = RunVar("limner_inspections")


async def inspected(data: Content) -> Inspected:
    """`inspect` beside the event loop, two pictures at a time.

    Raises: PictureError.
    Cancel: safe at once; a decoder that is at work goes on until it has finished.
    """
    try:
        limiter = _limiter.get()
    except LookupError:
        limiter = CapacityLimiter(_AT_ONCE)
        _limiter.set(limiter)
    whole = await to_thread.run_sync(_read, data)
    return await to_thread.run_sync(inspect, whole, abandon_on_cancel=True, limiter=limiter)


async def keep(storage: Storage, owner: str, data: Content, *, alt: str = "") -> Picture:
    """Inspect `data` and put it into `storage`.

    Raises: PictureError (`image_type_not_allowed`, `image_truncated`, …, `image_store_full`).
    """
    found = await inspected(data)
    try:
        kept = await storage.put(owner, found.data)
    except StoreError as error:
        raise PictureError("image_store_full", billed="yes", detail=str(error)) from error
    return Picture(
        id=kept,
        sha256=hashlib.sha256(found.data).hexdigest(),
        format=found.format,
        width=found.width,
        height=found.height,
        size_bytes=len(found.data),
        alt=alt,
    )


async def rescue(data: Content, name: str) -> str:
    """Put the bytes of a picture that could not be stored into the system's temporary folder.

    Returns the file's path, or an empty string where there is no room either.
    """
    return await to_thread.run_sync(_write_aside, await to_thread.run_sync(_read, data), name)


def _read(content: Content) -> bytes:
    return content if isinstance(content, bytes) else content.read_bytes()


def _write_aside(data: bytes, name: str) -> str:
    try:
        handle, path = tempfile.mkstemp(prefix=f"limner-{name}-", suffix=".image")
        with os.fdopen(handle, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
    except OSError:
        return ""
    return path
