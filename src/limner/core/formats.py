"""The formats that pictures come in: what their bytes begin with, and what files and headers call them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

__all__ = ["FORMATS", "HEAD_BYTES", "Format", "FormatName", "format_of", "media_type_of", "suffix_of"]

FormatName = Literal["png", "jpeg", "webp", "gif", "avif"]

HEAD_BYTES = 64
"""As many of a picture's first bytes as `format_of` looks at."""


@dataclass(frozen=True, slots=True)
class Format:
    """One format."""

    suffix: str
    """Of files that we name, without a dot."""
    media_type: str
    suffixes: tuple[str, ...] = ()
    """Others that people write."""


FORMATS: Mapping[FormatName, Format] = {
    "png": Format("png", "image/png"),
    "jpeg": Format("jpg", "image/jpeg", ("jpeg",)),
    "webp": Format("webp", "image/webp"),
    "gif": Format("gif", "image/gif"),
    "avif": Format("avif", "image/avif"),
}


def format_of(head: bytes) -> FormatName | None:
    """What a picture is, by its first `HEAD_BYTES` alone; None where it is none of ours."""
    if head.startswith(b"\x89PNG\r\n\x1a\n"):
        return "png"
    if head.startswith(b"\xff\xd8\xff"):
        return "jpeg"
    if head.startswith(b"RIFF") and head[8:12] == b"WEBP":
        return "webp"
    if head.startswith((b"GIF87a", b"GIF89a")):
        return "gif"
    if head[4:8] == b"ftyp" and _avif_brands(head):
        return "avif"
    return None


def media_type_of(head: bytes) -> str:
    """What a header calls bytes that begin with `head`."""
    name = format_of(head[:HEAD_BYTES])
    return FORMATS[name].media_type if name else "application/octet-stream"


def suffix_of(head: bytes) -> str:
    """How the name of a file ends that begins with `head`, without a dot: png, jpg, webp, … or bin."""
    name = format_of(head[:HEAD_BYTES])
    return FORMATS[name].suffix if name else "bin"


def _avif_brands(head: bytes) -> bool:
    """Whether a file of boxes calls itself AVIF, as a still or as a sequence."""
    length = min(int.from_bytes(head[:4], "big"), HEAD_BYTES)
    # The major brand, its version, then the brands that it is compatible with.
    brands = {head[8:12], *(head[at : at + 4] for at in range(16, length - 3, 4))}
    return bool(brands & {b"avif", b"avis"})
