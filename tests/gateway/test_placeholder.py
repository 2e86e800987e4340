"""The picture that says that a picture could not be drawn."""

from __future__ import annotations

import io
from collections.abc import Mapping
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from limner.errors import CALL_CODES
from limner.gateway.pictures import placeholder
from limner.gateway.pictures.fonts import font_for, writable
from limner.reply.notices import missing

NOBODYS = "\U00013000\U00012000"
"""A hieroglyph and a cuneiform sign: no font of a server writes both."""


def opened(data: bytes) -> tuple[Image.Image, Mapping[str, Any]]:
    assert data.startswith(b"\x89PNG")
    with Image.open(io.BytesIO(data)) as image:
        image.load()
        return image.convert("L"), {str(name): value for name, value in image.info.items()}


def words_in(image: Image.Image) -> int:
    """How many pixels are as dark as letters; the sign is lighter."""
    return sum(image.histogram()[:110])


@pytest.mark.parametrize("code", CALL_CODES)
def test_every_code_has_its_sentence(code: str) -> None:
    """Words first: honest, with the reason in the reader's words and the alt text beside the pixels."""
    image, said = opened(placeholder("A red fox", code))
    assert said["Title"] == missing("", code, "en")
    assert said["Description"] == "A red fox"
    assert words_in(image) > 500


def test_alt_text_is_written_and_changes_the_picture() -> None:
    """Words first: with the alt text."""
    without, with_alt = (opened(placeholder(alt, "internal"))[0] for alt in ("", "A red fox"))
    assert words_in(with_alt) > words_in(without) > 500


def test_without_letters_for_it_there_is_a_sign_and_no_boxes() -> None:
    """A script that this machine cannot write: no boxes instead of letters, and all of it beside the pixels."""
    if font_for(NOBODYS, 20) is not None:
        pytest.skip("this machine has a font for hieroglyphs and cuneiform")
    plain, _ = opened(placeholder("", "internal"))
    image, said = opened(placeholder(NOBODYS, "internal"))
    assert said["Description"] == NOBODYS
    # The letters that are there say as much as without an alt text.
    assert words_in(image) == words_in(plain)


SCRIPTS = {
    "zh": "山间小屋，屋顶上有雪",
    "ja": "きつねと月",
    "ko": "여우와 배",
    "ru": "Лиса и лодка",
    "ar": "ثعلب أحمر نائم تحت شجرة",
}


@pytest.mark.parametrize("name", SCRIPTS)
def test_other_scripts_are_written_where_this_machine_can(name: str) -> None:
    """Words first: in the language of the alt text, with a font that has its letters."""
    alt = SCRIPTS[name]
    if font_for(alt, 20) is None:
        pytest.skip(f"this machine has no font for {name}")
    image, said = opened(placeholder(alt, "image_policy"))
    assert said["Title"] == missing("", "image_policy", name)
    assert words_in(image) > 500


def test_ornaments_that_no_font_has_are_left_out() -> None:
    """A picture in the alt text is no word of it."""
    font = font_for("a fox", 20)
    assert font is not None
    assert writable("a fox", font) == "a fox"
    assert "\U0001f98a" not in writable("a fox \U0001f98a", font)


@settings(max_examples=40, deadline=None)
@given(st.text(max_size=600))
def test_whatever_the_alt_text_is_there_is_a_picture(alt: str) -> None:
    """An alt text is the model's: nothing in it breaks the picture, or turns what stands beside it around."""
    image, said = opened(placeholder(alt, "internal"))
    assert image.size == (768, 512)
    assert not set("\u202e\u2066\x00\n") & set(said.get("Description", ""))
