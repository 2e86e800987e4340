"""What pictures are called: by their bytes, in one table."""

from __future__ import annotations

import typing

import pytest

import pictures
from limner.core.formats import FORMATS, FormatName, format_of, media_type_of, suffix_of


@pytest.mark.parametrize(
    ("data", "name", "media_type", "suffix"),
    [
        (pictures.png(), "png", "image/png", "png"),
        (pictures.jpeg(), "jpeg", "image/jpeg", "jpg"),
        (pictures.webp(), "webp", "image/webp", "webp"),
        (pictures.gif(), "gif", "image/gif", "gif"),
        (pictures.avif(), "avif", "image/avif", "avif"),
        (b"II*\0 a TIFF", None, "application/octet-stream", "bin"),
        (b"<svg/>", None, "application/octet-stream", "bin"),
        (b"", None, "application/octet-stream", "bin"),
    ],
    ids=["png", "jpeg", "webp", "gif", "avif", "tiff", "svg", "nothing"],
)
def test_the_bytes_decide_what_a_picture_is_called(
    data: bytes, name: str | None, media_type: str, suffix: str
) -> None:
    """I09: type, extension and the type that is served come from the bytes."""
    assert (format_of(data), media_type_of(data), suffix_of(data)) == (name, media_type, suffix)


def test_every_format_has_a_row() -> None:
    """A name without one could be asked for and not be written."""
    assert tuple(FORMATS) == typing.get_args(FormatName)
