"""Bytes are inspected before they are trusted."""

from __future__ import annotations

import io
import struct
import time
import tracemalloc
import zlib
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

import pictures
from limner.errors import PictureError
from limner.images.inspection import MAX_BYTES, inspect, is_whole

PNG, JPEG, WEBP = pictures.png(30, 20), pictures.jpeg(30, 20), pictures.webp(30, 20)
WHOLE = {"png": PNG, "jpeg": JPEG, "webp": WEBP}


def code_of(data: bytes) -> str:
    with pytest.raises(PictureError) as caught:
        inspect(data)
    assert caught.value.billed == "yes"
    return caught.value.code


def saved(format: str, mode: str = "RGB", **options: Any) -> bytes:
    target = io.BytesIO()
    pictures.bitmap(30, 20).convert(mode).save(target, format, **options)
    return target.getvalue()


@pytest.mark.parametrize("kind", WHOLE)
def test_a_whole_picture_is_kept_byte_for_byte(kind: str) -> None:
    """DESIGN decision 6: kept as the provider sent it, up to the end marker."""
    found = inspect(WHOLE[kind])
    assert (found.format, found.width, found.height) == (kind, 30, 20)
    assert found.content == WHOLE[kind]


@pytest.mark.parametrize(
    ("kind", "data"),
    [
        pytest.param("jpeg", saved("JPEG", progressive=True), id="a progressive JPEG"),
        pytest.param("jpeg", saved("JPEG", "CMYK"), id="a JPEG of four colours"),
        pytest.param("jpeg", saved("JPEG", "L"), id="a grey JPEG"),
        pytest.param("png", saved("PNG", "P"), id="a PNG with a palette"),
        pytest.param("png", saved("PNG", "RGBA"), id="a PNG with transparency"),
        pytest.param("webp", saved("WEBP"), id="a lossy WebP"),
        pytest.param("webp", saved("WEBP", "RGBA"), id="a WebP with transparency"),
        pytest.param(
            "webp", saved("WEBP", exif=b"Exif\0\0MM\0*\0\0\0\x08\0\0\0\0\0\0"), id="an extended WebP"
        ),
    ],
)
def test_i09_the_bytes_say_what_a_picture_is(kind: str, data: bytes) -> None:
    """Scorecard I09: neither a name nor a media type is asked."""
    found = inspect(data)
    assert (found.format, found.width, found.height, found.content) == (kind, 30, 20, data)


@pytest.mark.parametrize("kind", WHOLE)
@pytest.mark.parametrize("tail", [b"<script>alert(1)</script>", b"\xff\xd9", PNG, b"\x00"], ids=range(4))
def test_i11_nothing_follows_the_end_marker(kind: str, tail: bytes) -> None:
    """Scorecard I11: stored bytes end at the end marker."""
    assert inspect(WHOLE[kind] + tail).content == WHOLE[kind]


def test_i11_what_stands_before_the_end_marker_survives() -> None:
    """Scorecard I11: provenance (C2PA in `caBX`) and comments stay in the file."""
    signed = pictures.png(30, 20, extra=pictures.png_chunk(b"caBX", b"a manifest \xff\xd9 IEND"))
    assert inspect(signed).content == signed
    spoken = pictures.jpeg(30, 20, comment=b"<html>\xff\xd9</html>")
    assert inspect(spoken + b"<html>").content == spoken


def test_i11_a_second_picture_in_a_jpeg_is_cut() -> None:
    """A preview behind the first picture is no part of it."""
    target = io.BytesIO()
    pictures.bitmap(30, 20).save(target, "MPO", save_all=True, append_images=[pictures.bitmap(8, 8)])
    found = inspect(target.getvalue())
    assert found.format == "jpeg"
    assert isinstance(found.content, bytes)
    assert len(found.content) < len(target.getvalue())
    assert Image.open(io.BytesIO(found.content)).size == (30, 20)


@pytest.mark.parametrize(
    "data",
    [
        pytest.param(b"<svg xmlns='http://www.w3.org/2000/svg'/>", id="I10 SVG"),
        pytest.param(b"<?xml version='1.0'?><svg/>", id="I10 XML"),
        pytest.param(b"<!doctype html><html>", id="I07 a page to log in"),
        pytest.param(b"%PDF-1.7\n", id="I10 PDF"),
        pytest.param(b"%!PS-Adobe-3.0 EPSF-3.0\n", id="I10 EPS"),
        pytest.param(b"SIMPLE  =                    T", id="I10 FITS"),
        pytest.param(saved("ICO"), id="I10 ICO"),
        pytest.param(saved("TIFF"), id="I10 TIFF"),
        pytest.param(saved("GIF"), id="I10 GIF"),
        pytest.param(saved("BMP"), id="I10 BMP"),
        pytest.param(saved("AVIF"), id="I10 AVIF"),
        pytest.param(b"RIFF\x10\0\0\0WAVEfmt ", id="a sound"),
        pytest.param(b"\x89PNG", id="too little to tell"),
        pytest.param(b"  " + PNG, id="not at the beginning"),
    ],
)
def test_i10_anything_else_is_refused(data: bytes) -> None:
    """Scorecard I07, I10: PNG, JPEG and WebP, and no decoder is asked about the rest."""
    assert code_of(data) == "image_type_not_allowed"
    assert is_whole(data)


@pytest.mark.parametrize("kind", WHOLE)
@given(data=st.data())
@settings(max_examples=60, deadline=None)
def test_i08_a_picture_cut_anywhere_is_refused(kind: str, data: st.DataObject) -> None:
    """Scorecard I08: neither half of Pillow's checks sees all of it, both and the end marker do."""
    whole = WHOLE[kind]
    cut = whole[: data.draw(st.integers(0, len(whole) - 1))]
    assert code_of(cut) in {
        "image_truncated",
        "image_type_not_allowed",
        "image_bad_payload",
        "image_decode_failed",
    }
    assert not is_whole(cut) or len(cut) < 12


@pytest.mark.parametrize("kind", WHOLE)
def test_i08_half_a_picture_is_truncated(kind: str) -> None:
    """Scorecard I08: the code tells that another GET may help."""
    half = WHOLE[kind][: len(WHOLE[kind]) * 3 // 4]
    assert code_of(half) == "image_truncated"
    assert not is_whole(half)


def test_pixels_that_do_not_unpack_are_refused() -> None:
    """Scorecard I08, I25: a decoder's complaint is one of our codes."""
    broken = bytearray(PNG)
    at = broken.index(b"IDAT")
    broken[at + 8] ^= 0xFF
    assert code_of(bytes(broken)) == "image_decode_failed"


@pytest.mark.parametrize("side", [20_000, 13_300, 6_325], ids=lambda side: f"I12 {side} squared")
def test_i12_a_bomb_is_refused_from_its_header(side: int) -> None:
    """Scorecard I12: before decoding, within 16 MiB and at once."""
    inspect(PNG)  # the decoder's import is not the bomb's doing
    bomb = pictures.png_claiming(side, side)
    tracemalloc.start()
    try:
        assert code_of(bomb) == "image_too_many_pixels"
        assert tracemalloc.get_traced_memory()[1] < 16 << 20
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize(
    "data",
    [
        pytest.param(
            JPEG.replace(struct.pack(">HH", 20, 30), struct.pack(">HH", 60_000, 60_000), 1), id="a JPEG"
        ),
        pytest.param(b"RIFF\x16\0\0\0WEBPVP8X\x0a\0\0\0\0\0\0\0" + b"\xff\xff\0" * 2, id="an extended WebP"),
        pytest.param(b"RIFF\x16\0\0\0WEBPVP8L\x0a\0\0\0\x2f" + b"\xff" * 9, id="a lossless WebP"),
        pytest.param(
            b"RIFF\x16\0\0\0WEBPVP8 \x0a\0\0\0" + b"\x30\x01\0\x9d\x01\x2a" + b"\xff\x3f" * 2,
            id="a lossy WebP",
        ),
        pytest.param(
            PNG[:33]
            + pictures.png_chunk(b"IHDR", struct.pack(">IIBBBBB", 20_000, 20_000, 8, 2, 0, 0, 0))
            + PNG[33:],
            id="a PNG with a second header",
        ),
    ],
)
def test_i12_every_format_is_asked_for_its_size_first(data: bytes) -> None:
    """Scorecard I12."""
    assert code_of(data) == "image_too_many_pixels"


def test_i13_too_many_bytes_are_refused() -> None:
    """Scorecard I13: 25 MiB and one byte."""
    assert code_of(PNG + b"\0" * (MAX_BYTES - len(PNG) + 1)) == "image_too_large"


def test_nothing_is_no_picture() -> None:
    """An empty body holds no picture."""
    assert code_of(b"") == "image_bad_payload"


def animated(format: str) -> bytes:
    target = io.BytesIO()
    frames = [pictures.bitmap(8, 8, (shade * 20, 0, 0)) for shade in range(8)]
    frames[0].save(target, format, save_all=True, append_images=frames[1:], duration=10)
    return target.getvalue()


@pytest.mark.parametrize("format", ["PNG", "WEBP"])
def test_i22_a_picture_that_moves_is_refused(format: str) -> None:
    """Scorecard I22: more than one frame; seen without decoding any."""
    assert code_of(animated(format)) == "image_type_not_allowed"


@pytest.mark.parametrize(
    "data",
    [
        pytest.param(
            PNG[:33] + pictures.png_chunk(b"teXt", b"") * 1_500_000 + PNG[33:], id="a PNG of tiny chunks"
        ),
        pytest.param(b"\xff\xd8" + b"\xff\xfe\0\2" * 5_000_000 + b"\xff\xd9", id="a JPEG of empty comments"),
        pytest.param(
            b"\xff\xd8\xff\xda\0\2" + b"\xff\0" * 12_000_000 + b"\xff\xd9", id="a JPEG of stuffed zeros"
        ),
    ],
)
def test_i22_bytes_made_to_keep_us_busy_do_not(data: bytes) -> None:
    """Scorecard I22: CPU stays small; counted as processor time, so that a busy machine does not matter."""
    inspect(PNG)
    began = time.process_time()
    code_of(data)
    assert time.process_time() - began < 0.5


def test_a_text_that_unpacks_to_a_hundred_megabytes_is_refused() -> None:
    """A decoder's own limits turn into one of our codes."""
    packed = zlib.compress(b"a" * 100_000_000)
    text = pictures.png_chunk(b"zTXt", b"Comment\0\0" + packed)
    assert code_of(pictures.png(30, 20, extra=text)) == "image_decode_failed"


@pytest.mark.parametrize(
    ("side", "more"),
    [pytest.param(64, 3000, id="thousands of scans"), pytest.param(6300, 30, id="many scans of many pixels")],
)
def test_i12_a_picture_that_is_decoded_again_and_again_is_refused(side: int, more: int) -> None:
    """Scorecard I12: a few kilobytes of scans must not keep a decoder busy for minutes."""
    data = pictures.scanned(side, side, more)
    assert code_of(data) == "image_decode_failed"
    # Whoever asks only for the end marker is not to be kept busy either.
    assert is_whole(data)


def test_i12_a_large_progressive_picture_passes() -> None:
    """Scorecard I12: encoders write about ten scans, at most some twenty."""
    assert inspect(pictures.scanned(6300, 6300, 12)).width == 6300
    assert inspect(pictures.scanned(64, 64, 90)).width == 64
