"""The process that renders: `python -m limner.images.offline.worker`, frames in, frames out.

Rendering holds the interpreter's lock, so it does not happen in the process that serves.
"""

from __future__ import annotations

import io
from typing import Any

from limner.images.workers.serving import serve

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


def _answer(job: dict[str, Any], _: bytes) -> tuple[dict[str, Any], bytes]:
    return {}, render(job["prompt"], job["width"], job["height"], job["format"])


def main() -> None:
    """Serve on standard input and output."""
    serve(_answer)


if __name__ == "__main__":
    main()
