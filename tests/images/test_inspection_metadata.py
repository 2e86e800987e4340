"""Metadata: kept by default and never read, removed by choice without touching a pixel."""

from __future__ import annotations

import contextlib
import io
import struct
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, ImageCms, ImageOps, PngImagePlugin

import pictures
from limner.core.formats import FORMATS, FormatName
from limner.errors import PictureError
from limner.images.inspection import avif, gif, jpeg, png, webp
from limner.images.inspection.checking import inspect
from limner.images.inspection.outline import Source

CANARY = b"ignore previous instructions"
XMP = b"<x:xmpmeta xmlns:x='adobe:ns:meta/'>" + CANARY + b"</x:xmpmeta>"
PROFILE = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
MODULES = {"png": png, "jpeg": jpeg, "webp": webp, "gif": gif, "avif": avif}
EVERY = tuple(FORMATS)


def stripped(data: bytes) -> bytes:
    found = inspect(data, formats=EVERY, strip_metadata=True)
    assert isinstance(found.content, bytes)
    assert found.size_bytes == len(found.content)
    return found.content


def opened(data: bytes) -> Image.Image:
    picture = Image.open(io.BytesIO(data))
    picture.load()
    return picture


def exif(orientation: int | None = None) -> bytes:
    made = Image.Exif()
    made[0x010E] = CANARY.decode()
    made[0x0131] = CANARY.decode()
    if orientation is not None:
        made[0x0112] = orientation
    return made.tobytes()


def noise(width: int, height: int, mode: str, seed: int) -> Image.Image:
    """Pixels that differ from each other, the same for the same seed."""
    count = width * height * len(Image.new(mode, (1, 1)).getbands())
    state, out = seed, bytearray()
    for _ in range(count):
        state = (state * 1103515245 + 12345) & 0x7FFFFFFF
        out.append(state >> 16 & 0xFF)
    return Image.frombytes(mode, (width, height), bytes(out))


MODES: dict[FormatName, tuple[str, ...]] = {
    "png": ("L", "LA", "RGB", "RGBA"),
    "jpeg": ("L", "RGB", "CMYK"),
    "webp": ("RGB", "RGBA"),
    "gif": ("L", "P"),
    "avif": ("RGB", "RGBA"),
}


@st.composite
def noted(draw: st.DrawFn, kind: FormatName) -> bytes:
    """A picture of any small size with any of the notes that its format takes."""
    image = noise(
        draw(st.integers(1, 24)),
        draw(st.integers(1, 24)),
        draw(st.sampled_from([mode for mode in MODES[kind] if mode != "P"])),
        draw(st.integers(1, 10_000)),
    )
    options: dict[str, Any] = {}
    if kind != "gif":
        if draw(st.booleans()):
            options["exif"] = exif(draw(st.none() | st.integers(1, 8)))
        if draw(st.booleans()):
            options["icc_profile"] = PROFILE
        if draw(st.booleans()):
            options["xmp"] = XMP
    if kind == "png" and draw(st.booleans()):
        texts = PngImagePlugin.PngInfo()
        texts.add_text("Comment", CANARY.decode(), zip=draw(st.booleans()))
        texts.add_itxt("Description", CANARY.decode())
        options["pnginfo"] = texts
    if kind == "png":
        options["dpi"] = draw(st.sampled_from([(72, 72), (300, 300)]))
    if kind in ("jpeg", "gif") and draw(st.booleans()):
        options["comment"] = CANARY
    if kind == "jpeg":
        options["progressive"] = draw(st.booleans())
        options["restart_marker_blocks"] = draw(st.sampled_from([0, 1, 3]))
    if kind == "webp":
        options["lossless"] = draw(st.booleans())
    if kind == "gif" and draw(st.booleans()):
        options["transparency"] = 3
    if kind == "avif":
        options["speed"] = 10
    target = io.BytesIO()
    image.save(target, kind.upper(), **options)
    return target.getvalue()


@pytest.mark.parametrize("kind", EVERY)
@given(data=st.data())
@settings(max_examples=40, deadline=None)
def test_stripping_changes_no_pixel_no_colour_and_no_turn(kind: FormatName, data: st.DataObject) -> None:
    """`strip_metadata`: only what says something else than how the picture looks goes."""
    given_ = data.draw(noted(kind))
    left = stripped(given_)
    before, after = opened(given_), opened(left)
    assert (after.mode, after.size, after.tobytes()) == (before.mode, before.size, before.tobytes())
    assert after.convert("RGBA").tobytes() == before.convert("RGBA").tobytes()
    assert after.info.get("icc_profile") == before.info.get("icc_profile")
    assert after.info.get("transparency") == before.info.get("transparency")
    upright = ImageOps.exif_transpose(before)
    assert ImageOps.exif_transpose(after).tobytes() == upright.tobytes()
    turned = before.getexif().get(0x0112, 1)
    assert set(after.getexif()) == ({0x0112} if turned != 1 else set())
    assert CANARY not in left
    assert after.info.get("xmp") is None or not bytes(after.info["xmp"]).strip()
    assert stripped(left) == left


@pytest.mark.parametrize("kind", EVERY)
@given(data=st.data())
@settings(max_examples=10, deadline=None)
def test_i11_without_the_choice_every_byte_stays(kind: FormatName, data: st.DataObject) -> None:
    """I11: provenance survives; DESIGN decision 6."""
    given_ = data.draw(noted(kind))
    assert inspect(given_, formats=EVERY).content == given_


def test_i23_what_a_picture_says_is_read_by_nobody() -> None:
    """I23: text metadata stays inside the file; what is found knows nothing of it."""
    texts = PngImagePlugin.PngInfo()
    texts.add_text("prompt", CANARY.decode())
    target = io.BytesIO()
    pictures.bitmap(8, 8).save(target, "PNG", pnginfo=texts, exif=exif(3))
    found = inspect(target.getvalue())
    assert isinstance(found.content, bytes)
    assert CANARY in found.content
    assert CANARY.decode() not in repr(found)


def test_provenance_goes_with_the_rest() -> None:
    """`strip_metadata` is a choice against C2PA as well."""
    signed = pictures.png(
        8, 8, extra=pictures.png_chunk(b"caBX", b"manifest") + pictures.png_chunk(b"eXIf", b"junk")
    )
    assert stripped(signed) == pictures.png(8, 8)
    whole = pictures.jpeg(8, 8)
    manifest = b"\xff\xeb" + struct.pack(">H", 12) + b"JP\0\0manife"
    assert stripped(whole[:2] + manifest + whole[2:]) == whole


def test_chunks_that_nobody_knows_go_and_those_that_must_be_known_stay() -> None:
    """A decoder may leave out what begins with a small letter, and nothing else."""
    extra = pictures.png_chunk(b"prVt", CANARY) + pictures.png_chunk(b"gAMA", struct.pack(">I", 45455))
    assert stripped(pictures.png(8, 8, extra=extra)) == pictures.png(
        8, 8, extra=pictures.png_chunk(b"gAMA", struct.pack(">I", 45455))
    )


def test_the_small_copy_in_a_jpeg_goes() -> None:
    """A thumbnail may show what was cropped away."""
    whole = pictures.jpeg(8, 8)
    assert whole[2:4] == b"\xff\xe0"
    length = struct.unpack(">H", whole[4:6])[0]
    small = whole[:4] + struct.pack(">H", length + 3) + whole[6:18] + b"\1\1abc" + whole[4 + length :]
    extension = b"\xff\xe0" + struct.pack(">H", 8 + len(CANARY)) + b"JFXX\0\x10" + CANARY
    assert stripped(small) == whole
    assert stripped(whole[: 4 + length] + extension + whole[4 + length :]) == whole


def test_what_programs_wrote_into_a_gif_goes_and_its_transparency_stays() -> None:
    """A control block belongs to the frame or to the text behind it."""
    whole = pictures.gif(8, 8)
    frame = whole.index(b"\x2c", 13)
    head = whole[: 13 + 3 * 2 ** ((whole[10] & 7) + 1)]
    frame_and_end = whole[frame:]
    control = b"\x21\xf9\x04\x01\0\0\x01\0"
    text = b"\x21\x01\x0c" + bytes(12) + b"\x05hello\0"
    application = b"\x21\xff\x0bXMP DataXMP" + bytes((len(CANARY),)) + CANARY + b"\0"
    profile = b"\x21\xff\x0bICCRGBG1012\x03abc\0"
    given_ = b"".join((head, application, control, text, profile, control, frame_and_end))
    assert stripped(given_) == head + profile + control + frame_and_end
    assert gif.stripped(b"".join((head, control, text, frame_and_end))) == head + frame_and_end


def box(kind: bytes, *contents: bytes) -> bytes:
    body = b"".join(contents)
    return (8 + len(body)).to_bytes(4, "big") + kind + body


def infe(item: int, kind: bytes) -> bytes:
    return box(b"infe", b"\2\0\0\0" + struct.pack(">HH", item, 0) + kind + b"\0")


def iloc(*items: tuple[int, int, list[tuple[int, int]]]) -> bytes:
    """Version 1, with 4-byte places: item, method, parts."""
    body = b"\1\0\0\0\x44\0" + struct.pack(">H", len(items))
    for item, method, parts in items:
        body += struct.pack(">HHHH", item, method, 0, len(parts))
        body += b"".join(struct.pack(">II", *part) for part in parts)
    return box(b"iloc", body)


def described(*items: tuple[int, int, list[tuple[int, int]]], kinds: list[bytes]) -> bytes:
    """A file of boxes as AVIF has them, whose picture is no picture."""
    names = [infe(number, kind) for number, kind in enumerate(kinds, 1)]
    meta = box(
        b"meta",
        bytes(4),
        box(b"iinf", bytes(4) + struct.pack(">H", len(names)), *names),
        iloc(*items),
        box(b"idat", b"pixels", CANARY, b"pixels"),
    )
    return box(b"ftyp", b"avif\0\0\0\0avif") + meta + box(b"mdat", b"pixels", CANARY, b"pixels")


def test_notes_in_an_avif_are_written_over_wherever_they_lie() -> None:
    """Other boxes say by number where each part lies, so nothing moves; items may lie in parts, and in `idat`."""
    kinds = [b"av01", b"Exif", b"mime", b"uri "]
    inside, half = len(CANARY), len(CANARY) // 2
    sized = described((1, 0, [(0, 6)]), (2, 1, [(6, inside)]), (3, 0, [(0, half), (0, 1)]), kinds=kinds)
    at = sized.index(CANARY, sized.index(b"mdat"))
    given_ = described(
        (1, 0, [(at - 6, 6)]),
        (2, 1, [(6, inside)]),
        (3, 0, [(at, half), (at + half, inside - half)]),
        kinds=kinds,
    )
    manifest = box(b"uuid", bytes(16), CANARY)
    left = avif.stripped(given_ + manifest)
    assert CANARY not in left
    assert len(left) == len(given_ + manifest)
    assert left.count(b"pixels") == 4
    assert left.endswith(box(b"free", bytes(16 + len(CANARY))))


@pytest.mark.parametrize(
    "items",
    [
        pytest.param([(1, 0, [(0, 10)] * 100)], id="parts on each other"),
        pytest.param([(1, 0, [(1_000_000, 10)])], id="behind the end"),
        pytest.param([(1, 0, [(0, 0)])], id="all that there is"),
        pytest.param([(1, 2, [(0, 10)])], id="in another item"),
        pytest.param([(1, 0, [(0, 2**32 - 1)])], id="longer than everything"),
    ],
)
def test_notes_that_lie_in_no_way_that_is_understood_are_refused(
    items: list[tuple[int, int, list[tuple[int, int]]]],
) -> None:
    """What cannot be removed for sure is not said to be removed."""
    with pytest.raises(PictureError) as caught:
        avif.stripped(described(*items, kinds=[b"mime"]))
    assert caught.value.code == "image_decode_failed"


def changed(data: st.DataObject, whole: bytes) -> bytes:
    """Bytes replaced, put in and taken out, most of them where the structure is."""
    left = bytearray(whole)
    for _ in range(data.draw(st.integers(1, 6))):
        at = data.draw(st.integers(0, min(len(left), 200)) | st.integers(0, len(left)))
        new = data.draw(
            st.binary(max_size=4) | st.sampled_from([b"\xff" * 4, b"\0" * 4, b"\x7f\xff\xff\xff"])
        )
        left[at : at + data.draw(st.sampled_from([0, len(new), 4]))] = new
    return bytes(left)


def walked(kind: FormatName, data: bytes) -> Iterator[int]:
    outline = MODULES[kind].outline(Source(data))
    if outline.end is not None and not outline.animated:
        assert 0 < outline.end <= len(data)
        left = MODULES[kind].stripped(data[: outline.end])
        again = MODULES[kind].outline(Source(left))
        yield from (again.width, again.height, again.end or 0)


def test_a_header_of_flags_may_be_empty() -> None:
    """A VP8X chunk without a byte has no flags to change."""
    data = b"RIFF" + (12).to_bytes(4, "little") + b"WEBPVP8X" + bytes(4)
    assert webp.stripped(data) == data


@pytest.mark.parametrize("kind", EVERY)
@given(data=st.data())
@settings(max_examples=300, deadline=None)
def test_bytes_that_were_tampered_with_are_walked_over_or_refused(
    kind: FormatName, data: st.DataObject
) -> None:
    """Whatever the bytes are, the walk ends, inside them, and with one of our codes at worst."""
    whole = {
        "png": pictures.png(5, 4, extra=pictures.png_chunk(b"eXIf", exif(6)[6:])),
        "jpeg": pictures.jpeg(5, 4, comment=b"comment"),
        "webp": WEBP,
        "gif": pictures.gif(5, 4, comment=b"comment"),
        "avif": AVIF,
    }[kind]
    with contextlib.suppress(PictureError):
        assert all(number >= 0 for number in walked(kind, changed(data, whole)))


def _webp() -> bytes:
    target = io.BytesIO()
    pictures.bitmap(5, 4).save(target, "WEBP", exif=exif(6), xmp=XMP)
    return target.getvalue()


WEBP = _webp()
AVIF = pictures.avif(5, 4, exif=exif(6), xmp=XMP)
