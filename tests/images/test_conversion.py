"""Pictures in another format: what a person sees stays."""

from __future__ import annotations

import io
import typing

import pytest
from PIL import Image, ImageCms

from limner.core.formats import FormatName, format_of
from limner.images.conversion import converted

FORMATS = typing.get_args(FormatName)


def encoded(picture: Image.Image, kind: str = "PNG", **more: object) -> bytes:
    out = io.BytesIO()
    picture.save(out, kind, **more)
    return out.getvalue()


def opened(data: bytes) -> Image.Image:
    picture = Image.open(io.BytesIO(data))
    picture.load()
    return picture


def near(picture: Image.Image, at: tuple[int, int], colour: tuple[int, ...]) -> bool:
    """Whether the pixel has this colour, as far as a lossy format keeps it."""
    found = picture.convert("RGBA").getpixel(at)
    assert isinstance(found, tuple)
    return all(abs(one - other) <= 12 for one, other in zip(found, colour, strict=False))


@pytest.mark.parametrize("wanted", FORMATS)
@pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "RGB", "RGBA", "I;16"])
def test_every_kind_of_png_becomes_every_format(mode: str, wanted: FormatName) -> None:
    """A picture that was paid for must not be lost because its pixels are of a rare kind."""
    picture = Image.new("L", (40, 30), 255).convert("I;16" if mode == "I;16" else mode)
    data = converted(encoded(picture), wanted)
    assert format_of(data[:64]) == wanted
    assert opened(data).size == (40, 30)


@pytest.mark.parametrize("wanted", FORMATS)
def test_colours_stay_from_the_ones_that_printers_mix(wanted: FormatName) -> None:
    """PNG has no CMYK: a JPEG of it could not be saved as the file that was asked for."""
    data = encoded(Image.new("CMYK", (16, 16), (0, 255, 255, 0)), "JPEG", quality=95)
    assert near(opened(converted(data, wanted)), (8, 8), (255, 0, 0))


@pytest.mark.parametrize("mode", ["RGBA", "LA", "P"])
def test_what_is_transparent_becomes_paper_in_a_jpeg(mode: str) -> None:
    """JPEG knows no transparency, and black is what its pixels happen to hold."""
    picture = Image.new("RGBA", (32, 32), (0, 0, 0, 0))
    picture.paste((10, 10, 10, 255), (0, 0, 16, 32))
    flat = opened(converted(encoded(picture.convert(mode)), "jpeg"))
    assert near(flat, (4, 16), (10, 10, 10))
    assert near(flat, (28, 16), (255, 255, 255))


@pytest.mark.parametrize("wanted", ["png", "webp", "avif", "gif"])
def test_what_is_transparent_stays_so_elsewhere(wanted: FormatName) -> None:
    """A background that was asked for as transparent was paid for as such."""
    picture = Image.new("RGBA", (32, 32), (200, 0, 0, 0))
    picture.paste((0, 160, 0, 255), (0, 0, 16, 32))
    kept = opened(converted(encoded(picture), wanted)).convert("RGBA")
    assert kept.getpixel((28, 16))[3] == 0  # type: ignore[index]  # four bands
    assert near(kept, (4, 16), (0, 160, 0, 255))


@pytest.mark.parametrize("wanted", FORMATS)
def test_a_picture_stays_upright(wanted: FormatName) -> None:
    """EXIF does not come along, so what it said of up and down must be done."""
    picture = Image.new("RGB", (40, 20), "white")
    picture.paste((0, 0, 250), (0, 0, 20, 20))
    exif = Image.Exif()
    exif[0x0112] = 6  # turn it a quarter clockwise
    turned = opened(converted(encoded(picture, "JPEG", exif=exif, quality=95), wanted))
    assert turned.size == (20, 40)
    assert near(turned, (10, 5), (0, 0, 250))
    assert near(turned, (10, 35), (255, 255, 255))


@pytest.mark.parametrize("exif", [b"Exif\0\0II\x80\0\x08\0\0\0", b"Exif\0\0II*\0", b"Exif\0\0junk"])
@pytest.mark.parametrize("kind", ["JPEG", "WEBP", "PNG"])
def test_exif_that_is_none_turns_nothing(kind: str, exif: bytes) -> None:
    """A picture that decodes was paid for, whatever stands beside its pixels."""
    data = encoded(Image.new("RGB", (40, 20), "white"), kind, exif=exif)
    assert opened(converted(data, "png")).size == (40, 20)


def test_sixteen_bits_of_grey_are_scaled_not_cut() -> None:
    """A plain conversion makes everything above 255 white."""
    flat = opened(converted(encoded(Image.new("I;16", (16, 16), 32896)), "jpeg"))
    assert near(flat, (8, 8), (128, 128, 128))


@pytest.mark.parametrize("wanted", ["png", "jpeg", "webp", "avif"])
def test_the_colour_profile_comes_along(wanted: FormatName) -> None:
    """Without it the same numbers are other colours."""
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    data = converted(encoded(Image.new("RGB", (8, 8), "red"), icc_profile=profile), wanted)
    assert opened(data).info["icc_profile"] == profile
