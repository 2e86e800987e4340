"""AVIF says its size in several places; the largest counts."""

from __future__ import annotations

import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

import pictures
from limner.core.formats import HEAD_BYTES, FormatName, format_of
from limner.errors import PictureError
from limner.images.inspection import avif
from limner.images.inspection.av1 import coded_size
from limner.images.inspection.checking import inspect
from limner.images.inspection.outline import Source

AVIF: tuple[FormatName, ...] = ("avif",)
WHOLE = pictures.avif(30, 20)
SAID = struct.pack(">II", 30, 20)


class Bits:
    """The other way round: numbers of some bits become bytes."""

    def __init__(self) -> None:
        self.text = ""

    def put(self, value: int, count: int) -> None:
        self.text += f"{value:0{count}b}"[-count:] if count else ""

    def bytes(self) -> bytes:
        padded = self.text + "1" + "0" * (-(len(self.text) + 1) % 8)
        return bytes(int(padded[at : at + 8], 2) for at in range(0, len(padded), 8))


@st.composite
def sequence_headers(draw: st.DrawFn) -> tuple[bytes, tuple[int, int]]:
    """A header with any of its optional parts, and the size in it."""
    bits = Bits()
    flag = st.integers(0, 1)
    bits.put(draw(st.integers(0, 2)), 3)
    bits.put(1, 1)
    reduced = draw(flag)
    bits.put(reduced, 1)
    if reduced:
        bits.put(draw(st.integers(0, 31)), 5)
    else:
        put_operating_points(draw, bits)
    sides = draw(st.integers(1, 65_536)), draw(st.integers(1, 65_536))
    widths = [draw(st.integers((side - 1).bit_length() or 1, 16)) for side in sides]
    for width in widths:
        bits.put(width - 1, 4)
    for side, width in zip(sides, widths, strict=True):
        bits.put(side - 1, width)
    return bits.bytes(), sides


def put_operating_points(draw: st.DrawFn, bits: Bits) -> None:
    flag = st.integers(0, 1)
    timing, delay_bits = draw(flag), 0
    bits.put(timing, 1)
    if timing:
        bits.put(draw(st.integers(0, 2**32 - 1)), 32)
        bits.put(25, 32)
        equal = draw(flag)
        bits.put(equal, 1)
        if equal:
            zeros = draw(st.integers(0, 31))
            bits.put(1, zeros + 1)
            bits.put(0, zeros)
        model = draw(flag)
        bits.put(model, 1)
        if model:
            delay_bits = draw(st.integers(1, 32))
            bits.put(delay_bits - 1, 5)
            bits.put(1, 32)
            bits.put(0, 10)
    delays = draw(flag)
    bits.put(delays, 1)
    points = draw(st.integers(1, 4))
    bits.put(points - 1, 5)
    for _ in range(points):
        bits.put(0, 12)
        level = draw(st.integers(0, 31))
        bits.put(level, 5)
        if level > 7:
            bits.put(draw(flag), 1)
        for optional, count in ((delay_bits, 2 * delay_bits + 1), (delays, 4)):
            if optional:
                present = draw(flag)
                bits.put(present, 1)
                if present:
                    bits.put(0, count)


@given(header=sequence_headers(), extended=st.booleans(), sized=st.booleans(), first=st.booleans())
def test_the_size_in_a_sequence_header_is_found(
    header: tuple[bytes, tuple[int, int]], extended: bool, sized: bool, first: bool
) -> None:
    """AV1 specification, 5.5: whichever of its optional parts are there."""
    body, size = header
    start = bytes((1 << 3 | extended << 2 | sized << 1,)) + b"\0" * extended
    if sized:
        start += bytes((len(body) & 0x7F | 0x80, len(body) >> 7))
    delimiter = b"" if first else b"\x12\0"
    assert coded_size(delimiter + start + body) == size


@given(st.binary(max_size=64))
def test_what_is_no_header_says_nothing(data: bytes) -> None:
    """Bytes that end early or mean something else are for the decoder to refuse."""
    width, height = coded_size(data)
    assert 0 <= width <= 65_536
    assert 0 <= height <= 65_536


@pytest.mark.parametrize(("width", "height"), [(1, 1), (7, 300), (256, 255), (257, 64)])
def test_i12_the_size_that_is_decoded_counts_as_well(width: int, height: int) -> None:
    """I12: a decoder decodes all of it, and makes it small only afterwards."""
    whole = pictures.avif(width, height)
    small = whole.replace(struct.pack(">II", width, height), struct.pack(">II", 1, 1))
    found = avif.outline(Source(small))
    assert (found.width, found.height) == (width, height)


def test_a_box_that_goes_on_to_the_end_ends_with_the_picture() -> None:
    """I11: what is no part of any item is none of the picture."""
    at = WHOLE.index(b"mdat") - 4
    open_ended = WHOLE[:at] + bytes(4) + WHOLE[at + 4 :]
    assert inspect(open_ended + b"<script>alert(1)</script>", formats=AVIF).content == open_ended


def test_boxes_with_long_lengths_are_walked_over() -> None:
    """ISO/IEC 14496-12: a length of 1 stands for eight bytes behind the name."""
    at = WHOLE.index(b"mdat") - 4
    body = WHOLE[at + 8 :]
    long = struct.pack(">I4sQ", 1, b"mdat", 16 + len(body)) + body
    moved = WHOLE[:at] + long
    # The place of the first item is eight bytes further now; written as base and offset in one number.
    place = struct.pack(">I", at + 8)
    assert moved.count(place) == 1
    moved = moved.replace(place, struct.pack(">I", at + 16))
    assert inspect(moved + b"junk", formats=AVIF).content == moved


def test_a_picture_whose_parts_lie_behind_its_end_is_truncated() -> None:
    """I08: cut between two boxes."""
    cut = WHOLE[: WHOLE.index(b"mdat") - 4]
    with pytest.raises(PictureError) as caught:
        inspect(cut, formats=AVIF)
    assert caught.value.code == "image_truncated"


def test_two_descriptions_of_one_picture_are_refused() -> None:
    """A decoder may believe either."""
    start = WHOLE.index(b"meta") - 4
    meta = WHOLE[start : WHOLE.index(b"mdat") - 4]
    with pytest.raises(PictureError) as caught:
        inspect(WHOLE[:start] + meta + WHOLE[start:], formats=AVIF)
    assert caught.value.code == "image_decode_failed"


@pytest.mark.parametrize(
    ("brands", "kind"),
    [
        (b"avif\0\0\0\0mif1miaf", "avif"),
        (b"mif1\0\0\0\0mif1avif", "avif"),
        (b"avis\0\0\0\0msf1", "avif"),
        (b"heic\0\0\0\0mif1heic", None),
        (b"isom\0\0\0\0iso2mp41", None),
        (b"heicavif", None),
    ],
)
def test_brands_say_whether_boxes_are_avif(brands: bytes, kind: str | None) -> None:
    """A version that reads like a brand is none."""
    head = struct.pack(">I", 8 + len(brands)) + b"ftyp" + brands
    assert format_of((head + b"avif" * 20)[:HEAD_BYTES]) == kind
