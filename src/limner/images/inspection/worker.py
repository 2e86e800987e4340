"""The process that inspects: `python -m limner.images.inspection.worker`, frames in, frames out.

A decoder may crash, hang or fill the memory at bytes that were made for it; here it takes
nothing else with it.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from limner.errors import PictureError
from limner.images.inspection.checking import inspect
from limner.images.inspection.limits import MAX_BYTES
from limner.images.workers.limits import limit_memory, limit_time
from limner.images.workers.serving import serve

__all__ = ["main"]

_MEMORY_BYTES = 1536 * 1024 * 1024
"""Of the whole process: the dearest picture that is allowed takes about half of it."""
_CPU_S = 60
"""Of one picture: ends a decoder that nobody watches any more."""


def main() -> None:
    """Serve on standard input and output."""
    limit_memory(_MEMORY_BYTES)
    _load_decoders()
    serve(_answer)


def _answer(job: dict[str, Any], data: bytes) -> tuple[dict[str, Any], bytes]:
    """Inspect the bytes that came along, or the file that is named, in which the result is left."""
    limit_time(_CPU_S)
    path = Path(job["path"]) if "path" in job else None
    strip = job["strip_metadata"]
    try:
        if path is not None:
            data = _read(path)
        found = inspect(data, formats=job["formats"], strip_metadata=strip)
    except PictureError as error:
        return {"code": error.code, "detail": error.detail}, b""
    assert isinstance(found.content, bytes)
    if path is not None:
        _leave(path, data, found.content)
    head = {
        "format": found.format,
        "width": found.width,
        "height": found.height,
        "size_bytes": found.size_bytes,
        "sha256": found.sha256,
    }
    # What was only cut is cut once more on the other side, which spares the way.
    return head, found.content if strip and path is None else b""


def _read(path: Path) -> bytes:
    if path.stat().st_size > MAX_BYTES:
        raise PictureError("image_too_large", billed="yes")
    return path.read_bytes()


def _leave(path: Path, data: bytes, kept: bytes) -> None:
    """Make the file what is kept of it; it is never half of that, whenever the process ends."""
    if data.startswith(kept):
        if len(kept) < len(data):
            os.truncate(path, len(kept))
        return
    import tempfile  # few jobs need it, and a worker starts sooner without

    # As private as the file itself: its folder may be one that all users share.
    handle, beside = tempfile.mkstemp(prefix=f"{path.name}.", suffix=".stripped", dir=path.parent)
    try:
        with open(handle, "wb") as file:
            file.write(kept)
        os.replace(beside, path)
    except BaseException:
        os.unlink(beside)
        raise


def _load_decoders() -> None:
    """Import what every picture needs before the first of them comes."""
    from PIL import AvifImagePlugin, Image, WebPImagePlugin

    Image.preinit()
    del WebPImagePlugin  # registered by now; Pillow would import all that it has to find it
    # Each of its threads takes memory of its own, on a machine of many cores more than there is.
    AvifImagePlugin.DEFAULT_MAX_THREADS = 2


if __name__ == "__main__":
    main()
