"""References: made, read, recognised when mangled, and put back for links of ours."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from limner.reply.references import looks_like, meant, parse_reference, reference, restore


@pytest.mark.parametrize("number", [1, 2, 10, 999_999_999])
def test_a_reference_is_read_as_it_was_made(number: int) -> None:
    """DESIGN decision 1: short and stable."""
    assert parse_reference(reference(number)) == number


@pytest.mark.parametrize(
    "text", ["", "image://", "image://0", "image://01", "IMAGE://1", "image:1", "image://1 ", "image://1.png", "image://\u0661", "image://1234567890"]
)  # fmt: skip
def test_only_the_exact_form_is_a_reference(text: str) -> None:
    """DESIGN decision 1: anything else is mangled, and repaired or removed."""
    assert parse_reference(text) is None


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("image:1", 1), ("image//1", 1), ("image://01", 1), ("IMAGE://1", 1), ("image://1.png", 1), ("image:///2", 2),
        ("sandbox:image://1", 1), ("image%3A%2F%2F12", 12), ("image&colon;//3", 3), ("image&#x3a;&sol;/3", 3),
        (r"image\:\/\/4", 4), ("image://image5", 5), ("imageUrl", None), ("{{imageUrl}}", None), ("result.imageUrl", None),
        ("image_url_2", 2), ("image://", None), ("image://fox", None), ("image://12345678901", None), (" <image://6> ", 6),
    ],
)  # fmt: skip
def test_a_mangled_reference_is_recognised_and_its_number_read(text: str, number: int | None) -> None:
    """DESIGN decision 1: models mangle; seen forms and the encodings that renderers undo."""
    assert looks_like(text)
    assert meant(text) == number


@pytest.mark.parametrize(
    "text",
    [
        "https://e.example/image://1",
        "images/1.png",
        "image1.png",
        "/image/1",
        "data:image/png;base64,A",
        "imagery",
        "a",
        "",
    ],
)
def test_what_names_something_else_is_no_reference(text: str) -> None:
    """DESIGN decision 1: such an image is neutralised, never repaired to one of ours."""
    assert not looks_like(text)
    assert meant(text) is None


LINKS = {"https://ours.example/i/abc": 1, "https://ours.example/i/abcd": 2, "limner-images/fox.png": 3}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("![a](https://ours.example/i/abc) b", "![a](image://1) b"),
        ("![a](<https://ours.example/i/abcd>)", "![a](<image://2>)"),
        ("See https://ours.example/i/abc.", "See image://1."),
        ("请看https://ours.example/i/abc。", "请看image://1。"),
        ("![a](limner-images/fox.png)", "![a](image://3)"),
        ("![a](https://ours.example/i/abc?q=secret)", "![a](https://ours.example/i/abc?q=secret)"),
        ("![a](https://ours.example/i/abc/../x)", "![a](https://ours.example/i/abc/../x)"),
        ("![a](https://ours.example/i/abc.png)", "![a](https://ours.example/i/abc.png)"),
        ("https://e.example/?u=https://ours.example/i/abc", "https://e.example/?u=https://ours.example/i/abc"),
        ("https://ours.example/i/ABC", "https://ours.example/i/ABC"),
    ],
)  # fmt: skip
def test_only_a_byte_equal_link_of_ours_becomes_its_reference_again(text: str, expected: str) -> None:
    """DESIGN decision 1; scorecard S24: nothing may be added to a link of ours."""
    assert restore(text, LINKS) == expected


def test_without_links_nothing_is_restored() -> None:
    """An empty link is no link."""
    assert restore("a b", {}) == "a b"
    assert restore("a b", {"": 1}) == "a b"


@settings(max_examples=200, deadline=None)
@given(st.text(alphabet="image:/0123.%&;#\\<> sandbox\ud800", max_size=40))
def test_any_text_can_be_asked_whether_it_is_a_reference(text: str) -> None:
    """An exact reference also looks like one, and means its own number."""
    number = parse_reference(text)
    if number is not None:
        assert looks_like(text)
        assert meant(text) == number
    if not looks_like(text):
        assert meant(text) is None
