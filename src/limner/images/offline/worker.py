"""The process that renders: `python -m limner.images.offline.worker`, frames in, frames out.

Rendering holds the interpreter's lock, so it does not happen in the process that serves. The
pictures that a new one should resemble are decoded here as well: strangers may have made them.
"""

from __future__ import annotations

import io
from collections.abc import Sequence
from typing import Any

from limner.errors import PictureError
from limner.images.workers.limits import limit_memory, limit_time
from limner.images.workers.serving import serve

__all__ = ["main", "render"]

_MEMORY_BYTES = 1536 * 1024 * 1024
_CPU_S = 60
"""Of one picture."""


def render(
    prompt: str,
    size: tuple[int, int],
    output_format: str,
    inscriptions: Sequence[str] = (),
    stranger: bytes | None = None,
    *,
    variation: int = 0,
    shrunk: int | None = None,
) -> bytes:
    """The prompt's picture as PNG, JPEG or WebP bytes; needs the extra `offline`.

    `inscriptions`: what the pictures that it should resemble say about themselves; `stranger`: the
    first of them, where it says nothing; `variation`: which of several pictures of the same prompt;
    `shrunk`: by how much its sides are divided in a partial picture, which says nothing about itself.
    Raises: PictureError, where `stranger` is no picture that can be trusted.
    """
    import resvg_py

    from limner.images.offline.inscription import into_png, packet
    from limner.images.offline.likeness import Likeness, parse, written
    from limner.images.offline.scene import composed

    likenesses = [found for text in inscriptions if (found := parse(text))]
    if stranger is not None:
        from limner.images.offline.pixels import swatch_of

        likenesses.insert(0, Likeness(swatch=swatch_of(stranger)))
    composition = composed(prompt, *size, likenesses, variation=variation)
    width, height = (max(1, side // (shrunk or 1)) for side in size)
    png = bytes(
        resvg_py.svg_to_bytes(svg_string=composition.svg, skip_system_fonts=True, width=width, height=height)
    )
    if shrunk is not None:
        return png if output_format == "png" else _converted(png, output_format, b"")
    xmp = packet(written(composition.likeness))
    return into_png(png, xmp) if output_format == "png" else _converted(png, output_format, xmp)


def _converted(png: bytes, output_format: str, xmp: bytes) -> bytes:
    from PIL import Image

    buffer = io.BytesIO()
    with Image.open(io.BytesIO(png)) as picture:
        plain = picture.convert("RGB")
    if output_format == "jpeg":
        plain.save(buffer, "JPEG", quality=90, optimize=True, xmp=xmp)
    else:
        plain.save(buffer, "WEBP", quality=88, method=4, xmp=xmp)
    return buffer.getvalue()


def _answer(job: dict[str, Any], body: bytes) -> tuple[dict[str, Any], bytes]:
    limit_time(_CPU_S)
    size = job["width"], job["height"]
    try:
        stranger = body if job["stranger"] else None
        known, variation, shrunk = job["inscriptions"], job.get("variation", 0), job.get("shrunk")
        picture = render(
            job["prompt"], size, job["format"], known, stranger, variation=variation, shrunk=shrunk
        )
        return {}, picture
    except PictureError as error:
        return {"refused": error.code}, b""


def main() -> None:
    """Serve on standard input and output."""
    limit_memory(_MEMORY_BYTES)
    serve(_answer)


if __name__ == "__main__":
    main()
