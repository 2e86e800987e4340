"""The questions about a picture's bytes, from the cheapest to the dearest.

The magic bytes decide what it is, whatever a header claims; pixels are counted from the
picture's own header before anything is decoded; everything after the end marker is cut, and
everything before it stays as it was sent, so that provenance (C2PA, XMP) survives.
"""

from __future__ import annotations

import hashlib
import io
from collections.abc import Callable, Collection, Mapping
from typing import TYPE_CHECKING

from limner.core.formats import HEAD_BYTES, FormatName, format_of
from limner.errors import PictureError

from . import avif, gif, jpeg, png, webp
from .inspected import Inspected
from .limits import MAX_BYTES, MAX_PIXELS, MAX_SCANNED_PIXELS, STILL_FORMATS
from .outline import Outline, Source, refused

if TYPE_CHECKING:  # a worker starts sooner without what the protocol needs
    from limner.images.protocol import Content

__all__ = ["glance", "inspect", "is_whole"]

_OUTLINES: Mapping[FormatName, Callable[[Source], Outline]] = {
    "png": png.outline,
    "jpeg": jpeg.outline,
    "webp": webp.outline,
    "gif": gif.outline,
    "avif": avif.outline,
}
_STRIPPED: Mapping[FormatName, Callable[[bytes], bytes]] = {
    "png": png.stripped,
    "jpeg": jpeg.stripped,
    "webp": webp.stripped,
    "gif": gif.stripped,
    "avif": avif.stripped,
}


def inspect(
    data: bytes, *, formats: Collection[FormatName] = STILL_FORMATS, strip_metadata: bool = False
) -> Inspected:
    """Check `data`; takes milliseconds of CPU, at most a few seconds.

    Raises: PictureError (`image_bad_payload`, `image_too_large`, `image_type_not_allowed`,
    `image_too_many_pixels`, `image_truncated`, `image_decode_failed`).
    """
    kind, outline = _outlined(data, formats)
    kept = data[: outline.end]
    try:
        if strip_metadata:
            kept = _STRIPPED[kind](kept)
        width, height = _decoded(kept, kind, outline)
    except PictureError:
        raise
    except OSError as error:
        code = "image_truncated" if "truncated" in str(error) else "image_decode_failed"
        raise refused(code, error) from error
    except Exception as error:
        # Strategy: decoders raise anything at bytes that were made to break them.
        raise refused("image_decode_failed", error) from error
    return Inspected(kind, width, height, len(kept), hashlib.sha256(kept).hexdigest(), kept)


def glance(
    data: bytes, *, formats: Collection[FormatName] = STILL_FORMATS, strip_metadata: bool = False
) -> tuple[FormatName, bytes]:
    """What `data` is by its structure alone, and what `inspect` would keep of it; nothing is decoded.

    Raises: PictureError, as `inspect`.
    """
    kind, outline = _outlined(data, formats)
    kept = data[: outline.end]
    try:
        return kind, _STRIPPED[kind](kept) if strip_metadata else kept
    except PictureError:
        raise
    except Exception as error:
        # Strategy: bytes that were made to break whoever reads them raise anything.
        raise refused("image_decode_failed", error) from error


def is_whole(content: Content) -> bool:
    """Whether a picture has its end marker; True for what is no picture, as nothing is missing there.

    Blocks, holds at most a few MiB of a file, and decodes nothing. Raises: OSError.
    """
    with Source(content) as source:
        kind = format_of(source.read(0, HEAD_BYTES))
        if kind is None:
            return True
        try:
            outline = _OUTLINES[kind](source)
        except PictureError:
            return True
        return outline.animated or outline.end is not None


def _outlined(data: bytes, formats: Collection[FormatName]) -> tuple[FormatName, Outline]:
    """The format and the structure of a picture that may be decoded. Raises: PictureError."""
    if not data:
        raise refused("image_bad_payload")
    if len(data) > MAX_BYTES:
        raise refused("image_too_large")
    kind = format_of(data[:HEAD_BYTES])
    if kind is None or kind not in formats:
        raise refused("image_type_not_allowed")
    with Source(data) as source:
        outline = _OUTLINES[kind](source)
    if outline.width * outline.height > MAX_PIXELS:
        raise refused("image_too_many_pixels")
    if outline.animated:
        raise refused("image_type_not_allowed")
    if outline.end is None:
        raise refused("image_truncated")
    if outline.scans * outline.width * outline.height > MAX_SCANNED_PIXELS:
        raise refused("image_decode_failed")
    return kind, outline


def _decoded(data: bytes, kind: FormatName, outline: Outline) -> tuple[int, int]:
    """Decode all pixels once, and say how many they are. Raises: whatever the decoder does; PictureError."""
    # Pillow takes 50 ms to import; `import limner` does not need it.
    from PIL import Image

    with Image.open(io.BytesIO(data), formats=(kind.upper(),)) as picture:
        claimed: tuple[int, int] = picture.size
        size = outline.width, outline.height
        if claimed != size and (outline.exact or claimed[0] * claimed[1] > size[0] * size[1]):
            raise refused("image_decode_failed")
        # A JPEG that is cut in half shows while its pixels are unpacked, a PNG's last bytes do not. Pillow's
        # own verify() does the same for PNG, nothing for the others, and wants a picture opened twice.
        if kind == "png" and not png.intact(data):
            raise refused("image_decode_failed")
        picture.load()
    return claimed
