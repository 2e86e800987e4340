"""The process that renders: `python -m limner.images.offline.worker`, frames in, frames out.

Rendering holds the interpreter's lock, so it does not happen in the process that serves.
The worker ends when its input ends, which is also when its parent dies.
"""

from __future__ import annotations

import io
import json
import os
import signal
import sys
from typing import Any, BinaryIO

from limner.images.offline.frames import LENGTHS, lengths, pack

__all__ = ["main", "render"]


def render(prompt: str, width: int, height: int, output_format: str) -> bytes:
    """The prompt's picture as PNG, JPEG or WebP bytes; needs the extra `offline`."""
    import resvg_py

    from limner.images.offline.scene import scene

    svg = scene(prompt, width, height)
    png = bytes(resvg_py.svg_to_bytes(svg_string=svg, skip_system_fonts=True))
    return png if output_format == "png" else _converted(png, output_format)


def _converted(png: bytes, output_format: str) -> bytes:
    from PIL import Image

    buffer = io.BytesIO()
    with Image.open(io.BytesIO(png)) as picture:
        plain = picture.convert("RGB")
    if output_format == "jpeg":
        plain.save(buffer, "JPEG", quality=90, optimize=True)
    else:
        plain.save(buffer, "WEBP", quality=88, method=4)
    return buffer.getvalue()


def _answer(request: dict[str, Any]) -> bytes:
    """One frame: the picture, or what went wrong."""
    try:
        picture = render(request["prompt"], request["width"], request["height"], request["format"])
    # Strategy: whatever a picture breaks is that call's failure; the worker serves on.
    except Exception as error:
        return pack({"ok": False, "error": f"{type(error).__name__}: {error}"[:500]})
    return pack({"ok": True}, picture)


def _serve(source: BinaryIO, sink: BinaryIO) -> None:
    """Answer frames until the source ends."""
    while True:
        start = source.read(LENGTHS)
        if len(start) < LENGTHS:
            return
        head, body = lengths(start)
        text = source.read(head + body)
        if len(text) < head + body:
            return
        sink.write(_answer(json.loads(text[:head])))
        sink.flush()


def main() -> None:
    """Serve on standard input and output."""
    # Ctrl-C reaches the whole terminal; the parent decides what it means.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    # Frames own the real output: whatever else prints must not get between them.
    sink = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)
    try:
        _serve(sys.stdin.buffer, sink)
    except (BrokenPipeError, ValueError):
        pass  # nobody listens any more, or what came was no frame: there is nothing left to do
    finally:
        # The parent may be gone; closing would then complain about what could not be written.
        os._exit(0)


if __name__ == "__main__":
    main()
