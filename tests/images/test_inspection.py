"""Bytes are inspected before they are trusted."""

from __future__ import annotations

import hashlib
import io
import struct
import subprocess
import sys
import time
import tracemalloc
import zlib
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

import pictures
from limner.core.formats import FORMATS, FormatName
from limner.errors import PictureError
from limner.images.inspection.checking import inspect, is_whole
from limner.images.inspection.inspected import Inspected
from limner.images.inspection.limits import MAX_BYTES

PNG, JPEG, WEBP = pictures.png(30, 20), pictures.jpeg(30, 20), pictures.webp(30, 20)
GIF, AVIF = pictures.gif(30, 20), pictures.avif(30, 20)
WHOLE: dict[FormatName, bytes] = {"png": PNG, "jpeg": JPEG, "webp": WEBP, "gif": GIF, "avif": AVIF}


def allowed(data: bytes) -> Inspected:
    """What is found where every format is a picture."""
    return inspect(data, formats=tuple(FORMATS))


def code_of(data: bytes) -> str:
    with pytest.raises(PictureError) as caught:
        allowed(data)
    assert caught.value.billed == "yes"
    return caught.value.code


def saved(format: str, mode: str = "RGB", **options: Any) -> bytes:
    target = io.BytesIO()
    pictures.bitmap(30, 20).convert(mode).save(target, format, **options)
    return target.getvalue()


@pytest.mark.parametrize("kind", WHOLE)
def test_a_whole_picture_is_kept_byte_for_byte(kind: FormatName) -> None:
    """DESIGN decision 6: kept as the provider sent it, up to the end marker."""
    found = allowed(WHOLE[kind])
    assert (found.format, found.width, found.height) == (kind, 30, 20)
    assert found.content == WHOLE[kind]
    assert found.size_bytes == len(WHOLE[kind])
    assert found.sha256 == hashlib.sha256(WHOLE[kind]).hexdigest()


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
        pytest.param("gif", saved("GIF", "L"), id="a grey GIF"),
        pytest.param("gif", pictures.gif(30, 20, comment=b"GIF89a \x3b"), id="a GIF with a comment"),
        pytest.param("avif", saved("AVIF", "RGBA"), id="an AVIF with transparency"),
        pytest.param("avif", pictures.avif(30, 20, xmp=b"<x/>"), id="an AVIF with XMP"),
    ],
)
def test_i09_the_bytes_say_what_a_picture_is(kind: str, data: bytes) -> None:
    """I09: neither a name nor a media type is asked."""
    found = allowed(data)
    assert (found.format, found.width, found.height, found.content) == (kind, 30, 20, data)


@pytest.mark.parametrize("kind", WHOLE)
@pytest.mark.parametrize("tail", [b"<script>alert(1)</script>", b"\xff\xd9", PNG, b"\x00"], ids=range(4))
def test_i11_nothing_follows_the_end_marker(kind: FormatName, tail: bytes) -> None:
    """I11: stored bytes end at the end marker."""
    assert allowed(WHOLE[kind] + tail).content == WHOLE[kind]


def test_i11_what_stands_before_the_end_marker_survives() -> None:
    """I11: provenance (C2PA in `caBX`) and comments stay in the file."""
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
        pytest.param(b"%PDF-1.7\n", id="I10 PDF"),
        pytest.param(b"%!PS-Adobe-3.0 EPSF-3.0\n", id="I10 EPS"),
        pytest.param(b"SIMPLE  =                    T", id="I10 FITS"),
        pytest.param(saved("ICO"), id="I10 ICO"),
        pytest.param(saved("TIFF"), id="I10 TIFF"),
        pytest.param(saved("BMP"), id="I10 BMP"),
        pytest.param(b"\0\0\0\x18ftypheic\0\0\0\0heicmif1", id="I10 HEIC"),
        pytest.param(b"RIFF\x10\0\0\0WAVEfmt ", id="a sound"),
        pytest.param(b"\x89PNG", id="too little to tell"),
        pytest.param(b"  " + PNG, id="not at the beginning"),
    ],
)
def test_i10_anything_else_is_refused(data: bytes) -> None:
    """I10: PNG, JPEG and WebP, by choice GIF and AVIF."""
    assert code_of(data) == "image_type_not_allowed"
    assert is_whole(data)


def test_i07_a_page_to_log_in_is_no_picture() -> None:
    """I07: the magic bytes decide, not the 200 that it came with."""
    assert code_of(b"<!doctype html><html><title>Sign in</title>") == "image_type_not_allowed"


@pytest.mark.parametrize("kind", WHOLE)
def test_i10_a_format_is_a_picture_only_where_it_is_named(kind: FormatName) -> None:
    """I10: GIF and AVIF are for those who ask for them; nobody has to take what is not wanted."""
    others = tuple(each for each in WHOLE if each != kind)
    assert inspect(WHOLE[kind], formats=(kind,)).format == kind
    with pytest.raises(PictureError) as caught:
        inspect(WHOLE[kind], formats=others)
    assert caught.value.code == "image_type_not_allowed"
    if kind in ("gif", "avif"):
        with pytest.raises(PictureError) as caught:
            inspect(WHOLE[kind])
        assert caught.value.code == "image_type_not_allowed"


def test_i10_no_decoder_is_asked_about_the_rest() -> None:
    """I10: what is refused by its first bytes never meets Pillow."""
    program = (
        "import sys\n"
        "from limner.errors import PictureError\n"
        "from limner.images.inspection.checking import inspect\n"
        "for data in (b'<svg/>', b'%PDF-1.7', b'II*\\0', b'\\0\\0\\1\\0', b'GIF89a', b'%!PS'):\n"
        "    try:\n        inspect(data)\n    except PictureError as error:\n        print(error.code)\n"
        "print('PIL' in sys.modules)\n"
    )
    said = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True).stdout
    assert said.split() == ["image_type_not_allowed"] * 6 + ["False"]


@pytest.mark.parametrize("kind", WHOLE)
@given(data=st.data())
@settings(max_examples=60, deadline=None)
def test_i08_a_picture_cut_anywhere_is_refused(kind: FormatName, data: st.DataObject) -> None:
    """I08: neither half of Pillow's checks sees all of it, both and the end marker do."""
    whole = WHOLE[kind]
    cut = whole[: data.draw(st.integers(0, len(whole) - 1))]
    assert code_of(cut) in {
        "image_truncated",
        "image_type_not_allowed",
        "image_bad_payload",
        "image_decode_failed",
    }
    assert not is_whole(cut) or len(cut) < 20


@pytest.mark.parametrize("kind", WHOLE)
def test_i08_half_a_picture_is_truncated(kind: FormatName) -> None:
    """I08: the code tells that another GET may help."""
    half = WHOLE[kind][: len(WHOLE[kind]) * 3 // 4]
    assert code_of(half) == "image_truncated"
    assert not is_whole(half)


def test_pixels_that_do_not_unpack_are_refused() -> None:
    """I08, I25: a decoder's complaint is one of our codes."""
    broken = bytearray(PNG)
    at = broken.index(b"IDAT")
    broken[at + 8] ^= 0xFF
    assert code_of(bytes(broken)) == "image_decode_failed"


@pytest.mark.parametrize("side", [20_000, 13_300, 6_325], ids=lambda side: f"I12 {side} squared")
def test_i12_a_bomb_is_refused_from_its_header(side: int) -> None:
    """I12: before decoding, within 16 MiB and at once."""
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
        pytest.param(
            PNG[:8] + pictures.png_chunk(b"IHDR", struct.pack(">IIBBBBB", 2**31, 2**31, 8, 2, 0, 0, 0)),
            id="a PNG of all that a number holds",
        ),
        pytest.param(GIF[:6] + b"\xff" * 4 + GIF[10:], id="a GIF with a large screen"),
        pytest.param(
            GIF.replace(struct.pack("<HHHH", 0, 0, 30, 20), b"\xff" * 8, 1), id="a GIF with a large frame"
        ),
        pytest.param(
            AVIF.replace(struct.pack(">II", 30, 20), struct.pack(">II", 20_000, 20_000)), id="an AVIF"
        ),
    ],
)
def test_i12_every_format_is_asked_for_its_size_first(data: bytes) -> None:
    """I12: whichever format it comes in."""
    assert code_of(data) == "image_too_many_pixels"


def test_i13_too_many_bytes_are_refused() -> None:
    """I13: 25 MiB and one byte."""
    assert code_of(PNG + b"\0" * (MAX_BYTES - len(PNG) + 1)) == "image_too_large"


def test_nothing_is_no_picture() -> None:
    """An empty body holds no picture."""
    assert code_of(b"") == "image_bad_payload"


def box(kind: bytes, *contents: bytes) -> bytes:
    """A box of AVIF."""
    body = b"".join(contents)
    return (8 + len(body)).to_bytes(4, "big") + kind + body


def animated(format: str) -> bytes:
    target = io.BytesIO()
    frames = [pictures.bitmap(8, 8, (shade * 20, 0, 0)) for shade in range(8)]
    frames[0].save(target, format, save_all=True, append_images=frames[1:], duration=10)
    return target.getvalue()


@pytest.mark.parametrize("format", ["PNG", "WEBP", "GIF", "AVIF"])
def test_i22_a_picture_that_moves_is_refused(format: str) -> None:
    """I22: more than one frame; seen without decoding any."""
    assert code_of(animated(format)) == "image_type_not_allowed"


FRAME = GIF[GIF.index(b"\x2c", 13) : -1]
MANY = 10_000


@pytest.mark.parametrize(
    "data",
    [
        pytest.param(GIF[:-1] + FRAME * MANY + b";", id="a GIF"),
        pytest.param(
            PNG[:33]
            + pictures.png_chunk(b"acTL", struct.pack(">II", MANY, 0))
            + (pictures.png_chunk(b"fcTL", bytes(26)) + pictures.png_chunk(b"fdAT", bytes(30))) * MANY
            + PNG[33:],
            id="an APNG",
        ),
        pytest.param(
            PNG[:-12]
            + (pictures.png_chunk(b"fcTL", bytes(26)) + pictures.png_chunk(b"fdAT", bytes(30))) * MANY
            + pictures.png_chunk(b"acTL", struct.pack(">II", MANY, 0))
            + PNG[-12:],
            id="an APNG that says so late",
        ),
        pytest.param(
            b"RIFF\xff\xff\0\0WEBPVP8X\x0a\0\0\0\x02\0\0\0\x07\0\0\x05\0\0" + b"ANMF\x10\0\0\0" * MANY,
            id="a WebP",
        ),
        pytest.param(b"RIFF\xff\xff\0\0WEBP" + b"ANMF\x10\0\0\0" * MANY, id="a WebP that does not say so"),
        pytest.param(b"\0\0\0\x1cftypavif\0\0\0\0avifavis" + b"\0\0\0\x08free" * MANY, id="an AVIF"),
    ],
)
def test_i22_ten_thousand_frames_are_refused_at_once(data: bytes) -> None:
    """I22: 200 ms of processor time, which do not depend on how busy the machine is."""
    began = time.process_time()
    assert code_of(data) == "image_type_not_allowed"
    assert time.process_time() - began < 0.2
    # What moves lacks nothing that another GET would bring.
    assert is_whole(data)


@pytest.mark.parametrize(
    "data",
    [
        pytest.param(
            PNG[:33] + pictures.png_chunk(b"teXt", b"") * 1_500_000 + PNG[33:], id="a PNG of tiny chunks"
        ),
        pytest.param(GIF[:-1] + b"\x21\xfe" + b"\1x" * 12_000_000 + b"\0;", id="a GIF of tiny pieces"),
        pytest.param(GIF[:-1] + b"\x21\xfe\0" * 8_000_000 + b";", id="a GIF of empty comments"),
        pytest.param(
            b"RIFF" + (24_000_000).to_bytes(4, "little") + b"WEBP" + b"junk\0\0\0\0" * 3_000_000,
            id="a WebP of empty chunks",
        ),
        pytest.param(AVIF + b"\0\0\0\x08free" * 3_000_000, id="an AVIF of empty boxes"),
        pytest.param(
            AVIF[:32]
            + box(b"meta", bytes(4), *[box(b"iprp", box(b"ipco", box(b"ispe", bytes(12)) * 4000))] * 40),
            id="an AVIF of sizes",
        ),
        pytest.param(b"\xff\xd8" + b"\xff\xfe\0\2" * 5_000_000 + b"\xff\xd9", id="a JPEG of empty comments"),
        pytest.param(
            b"\xff\xd8\xff\xda\0\2" + b"\xff\0" * 12_000_000 + b"\xff\xd9", id="a JPEG of stuffed zeros"
        ),
    ],
)
def test_i22_bytes_made_to_keep_us_busy_do_not(data: bytes) -> None:
    """I22: CPU stays small; counted as processor time, so that a busy machine does not matter."""
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
    """I12: a few kilobytes of scans must not keep a decoder busy for minutes."""
    data = pictures.scanned(side, side, more)
    assert code_of(data) == "image_decode_failed"
    # Whoever asks only for the end marker is not to be kept busy either.
    assert is_whole(data)


def test_i12_a_large_progressive_picture_passes() -> None:
    """I12: encoders write about ten scans, at most some twenty."""
    assert inspect(pictures.scanned(6300, 6300, 12)).width == 6300
    assert inspect(pictures.scanned(64, 64, 90)).width == 64


@pytest.mark.parametrize("kind", WHOLE)
def test_i08_a_file_is_asked_for_its_end_as_bytes_are(kind: FormatName, tmp_path: Path) -> None:
    """I08: asked of a download before it is inspected, to know whether another GET may help."""
    path = tmp_path / "picture"
    for data, whole in ((WHOLE[kind] + b"tail", True), (WHOLE[kind][:-9], False), (b"<html>", True)):
        path.write_bytes(data)
        assert (is_whole(path), is_whole(data)) == (whole, whole)


@pytest.mark.parametrize("before", range(64 * 1024 - 12, 64 * 1024 + 4))
def test_i08_an_end_is_found_wherever_files_are_read_in_two_parts(before: int) -> None:
    """I08: a marker may lie on the border of what is read at once."""
    jpeg = b"\xff\xd8\xff\xda\0\2" + b"\xff\0" + b"a" * before
    assert is_whole(jpeg + b"\xff\xd9")
    assert not is_whole(jpeg + b"\xff\xd0\xff\xff")
    pieces = before // 256
    last = before - pieces * 256
    comment = b"\x21\xfe" + (b"\xff" + bytes(255)) * pieces + bytes((last,)) * bool(last) + bytes(last)
    gif = GIF[: GIF.index(b"\x2c", 13)] + comment + b"\0" + FRAME
    assert is_whole(gif + b";")
    assert not is_whole(gif)
