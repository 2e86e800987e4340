"""The process that inspects: `python -m limner.images.inspection.worker`, frames in, frames out.

A decoder may crash, hang or fill the memory at bytes that were made for it; here it takes
nothing else with it.
"""

from __future__ import annotations

import os
import sys
import time
from contextlib import suppress
from pathlib import Path
from typing import Any

from limner.errors import PictureError
from limner.images.inspection import MAX_BYTES, inspect
from limner.images.workers.serving import serve

__all__ = ["main"]

_MEMORY_BYTES = 1536 * 1024 * 1024
"""Of the whole process: the dearest picture that is allowed takes about half of it."""
_CPU_S = 60
"""Of one picture: ends a decoder that nobody watches any more."""


def main() -> None:
    """Serve on standard input and output."""
    _limit_memory()
    _load_decoders()
    serve(_answer)


def _answer(job: dict[str, Any], data: bytes) -> tuple[dict[str, Any], bytes]:
    """Inspect the bytes that came along, or the file that is named, in which the result is left."""
    _limit_time()
    path = Path(job["path"]) if "path" in job else None
    try:
        found = inspect(data if path is None else _read(path))
    except PictureError as error:
        return {"code": error.code, "detail": error.detail}, b""
    if path is not None and found.size_bytes < path.stat().st_size:
        os.truncate(path, found.size_bytes)
    head = {
        "format": found.format,
        "width": found.width,
        "height": found.height,
        "size_bytes": found.size_bytes,
        "sha256": found.sha256,
    }
    return head, b""


def _read(path: Path) -> bytes:
    if path.stat().st_size > MAX_BYTES:
        raise PictureError("image_too_large", billed="yes")
    return path.read_bytes()


def _load_decoders() -> None:
    """Import what every picture needs before the first of them comes."""
    from PIL import Image, JpegImagePlugin, PngImagePlugin, WebPImagePlugin

    assert {JpegImagePlugin.JpegImageFile.format, PngImagePlugin.PngImageFile.format} < set(Image.OPEN)
    assert WebPImagePlugin.WebPImageFile.format in Image.OPEN


def _limit_memory() -> None:
    if sys.platform == "win32":
        return
    import resource  # not on every platform

    # Strategy: a decoder that asks for more gets none, and the picture is refused.
    with suppress(OSError, ValueError):
        _, most = resource.getrlimit(resource.RLIMIT_AS)
        resource.setrlimit(resource.RLIMIT_AS, (_MEMORY_BYTES, most))


def _limit_time() -> None:
    if sys.platform == "win32":
        return
    import resource  # not on every platform

    with suppress(OSError, ValueError):
        _, most = resource.getrlimit(resource.RLIMIT_CPU)
        resource.setrlimit(resource.RLIMIT_CPU, (int(time.process_time()) + _CPU_S, most))


if __name__ == "__main__":
    main()
