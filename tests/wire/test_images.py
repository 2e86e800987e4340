"""The shapes of the Images API that need no server."""

from __future__ import annotations

import base64
from typing import Any
from urllib.parse import quote

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from limner.errors import PictureError
from limner.wire.images import FoundPicture, data_url_bytes, image_body, nearest_size, picture_in

DATA = bytes(range(256))
B64 = base64.b64encode(DATA).decode()
LIMIT = 1000


@pytest.mark.parametrize(
    ("ratio", "size"),
    [
        ("1:1", "1024x1024"),
        ("3:2", "1536x1024"),
        ("2:3", "1024x1536"),
        ("16:9", "1536x1024"),
        ("9:16", "1024x1536"),
        ("21:9", "1536x1024"),
        ("4:3", "1536x1024"),
        ("3:4", "1024x1536"),
        ("5:4", "1536x1024"),
        ("4:5", "1024x1536"),
        ("6:5", "1024x1024"),
        ("1.5:1", "1536x1024"),
        (None, None),
        ("", None),
        ("wide", None),
        ("0:1", None),
        ("1:0", None),
        ("-1:2", None),
        ("inf:1", None),
        ("nan:1", None),
        ("1e400:1", None),
    ],
)
def test_a_ratio_becomes_the_size_of_the_nearest_shape(ratio: str | None, size: str | None) -> None:
    """Images sheet, section 3: the distance of logarithms is the right one."""
    assert nearest_size(ratio) == size


def test_an_order_holds_what_is_given_and_nothing_else() -> None:
    """Quirk 40: response_format only when told to."""
    assert image_body("m", "fox") == {"model": "m", "prompt": "fox"}
    full = image_body("m", "fox", size="1x1", quality="low", output_format="png", response_format="url")
    assert full | {"model": "m", "prompt": "fox"} == full
    assert len(full) == 6
    assert image_body("m", "fox", size="1x1", extra={"size": None, "seed": 1}) == {
        "model": "m",
        "prompt": "fox",
        "seed": 1,
    }


def found(body: Any) -> FoundPicture:
    return picture_in(body, LIMIT)


FOUND: dict[str, tuple[Any, FoundPicture]] = {
    "base64": ({"data": [{"b64_json": B64}]}, FoundPicture(DATA, None, None, None, None)),
    "a link": ({"data": [{"url": " https://x/y "}]}, FoundPicture(None, "https://x/y", None, None, None)),
    "both": ({"data": [{"b64_json": B64, "url": "https://x"}]}, FoundPicture(DATA, None, None, None, None)),
    "a link where base64 belongs": (
        {"data": [{"b64_json": "https://x/y"}]},
        FoundPicture(None, "https://x/y", None, None, None),
    ),
    "what it tells": (
        {
            "data": [{"b64_json": B64, "revised_prompt": "a fox"}],
            "usage": {"cost": 0.04},
            "model": "m",
        },
        FoundPicture(DATA, None, "a fox", 0.04, "m"),
    ),
    "odd things": (
        {
            "data": [{"b64_json": B64, "revised_prompt": 7}],
            "usage": {"cost": True},
            "model": ["m"],
        },
        FoundPicture(DATA, None, None, None, None),
    ),
    "figures that are none": (
        {"data": [{"b64_json": B64}], "usage": [1]},
        FoundPicture(DATA, None, None, None, None),
    ),
}


@pytest.mark.parametrize(("body", "picture"), FOUND.values(), ids=FOUND.keys())
def test_every_answer_with_a_picture_gives_it(body: Any, picture: FoundPicture) -> None:
    """Quirks 39, 43; images sheet 2.3."""
    assert found(body) == picture


@pytest.mark.parametrize(
    "body", [None, [], {}, {"data": []}, {"data": [{}]}, {"data": [7]}, {"data": "%"}], ids=str
)
def test_an_answer_without_one_is_a_bad_payload(body: Any) -> None:
    """Scorecard I04."""
    with pytest.raises(PictureError) as caught:
        found(body)
    assert caught.value.code == "image_bad_payload"


@pytest.mark.parametrize(
    "url",
    [
        f"data:image/png;base64,{B64}",
        f"DATA:;BASE64,{B64}",
        f"data:image/png,{quote(DATA)}",
    ],
    ids=["base64", "in capitals", "percent"],
)
def test_a_data_url_holds_its_bytes(url: str) -> None:
    """RFC 2397."""
    assert data_url_bytes(url, LIMIT) == DATA


@pytest.mark.parametrize(
    ("url", "code"),
    [
        ("data:image/png;base64", "image_bad_payload"),
        ("data:image/png;base64,", "image_bad_payload"),
        ("data:;base64," + "A" * 3000, "image_too_large"),
        ("data:," + "a" * 1001, "image_too_large"),
    ],
    ids=["without a comma", "empty", "too much base64", "too much"],
)
def test_a_data_url_that_holds_none_is_refused(url: str, code: str) -> None:
    """Scorecard I05."""
    with pytest.raises(PictureError) as caught:
        data_url_bytes(url, LIMIT)
    assert caught.value.code == code


@given(st.binary(min_size=1, max_size=200), st.integers(1, 80), st.booleans(), st.booleans(), st.booleans())
@settings(max_examples=200, deadline=None)
def test_i05_base64_is_read_with_white_space_without_padding_and_in_both_alphabets(
    data: bytes, width: int, url_safe: bool, padded: bool, prefixed: bool
) -> None:
    """Scorecard I05, as a property of all bytes."""
    text = (base64.urlsafe_b64encode(data) if url_safe else base64.b64encode(data)).decode()
    text = text if padded else text.rstrip("=")
    text = "\r\n ".join(text[at : at + width] for at in range(0, len(text), width))
    prefix = "data:image/webp;base64," if prefixed else ""
    assert picture_in({"data": [{"b64_json": prefix + text}]}, 1 << 20).data == data


@given(
    st.recursive(
        st.none() | st.booleans() | st.floats() | st.text(st.characters()),
        lambda inner: (
            st.lists(inner, max_size=3)
            | st.dictionaries(
                st.sampled_from(["data", "images", "url", "b64_json", "image", "usage", "cost", "image_url"]),
                inner,
                max_size=4,
            )
        ),
        max_leaves=15,
    )
)
@settings(max_examples=400, deadline=None)
def test_no_json_breaks_the_reading(value: Any) -> None:
    """Any shape is a picture or one of our codes."""
    for body in (value, {"data": value}, {"data": [{"url": value, "b64_json": value}], "usage": value}):
        picture, code = None, ""
        try:
            picture = picture_in(body, LIMIT)
        except PictureError as error:
            code = error.code
        if picture is None:
            assert code in {"image_bad_payload", "image_too_large"}
        else:
            assert (picture.data is None) != (picture.url is None)


@pytest.mark.parametrize(
    ("cost", "told"),
    [
        (10**400, 10.0**6),
        (-(10**400), None),
        (float("nan"), None),
        (float("inf"), None),
        ([], None),
        (1, 1.0),
    ],
)
def test_an_absurd_figure_does_not_cost_the_picture(cost: Any, told: float | None) -> None:
    """Attack: a price of 401 digits beside a picture that is paid for."""
    found = picture_in({"data": [{"b64_json": B64}], "usage": {"cost": cost}}, LIMIT)
    assert (found.data, found.cost_usd) == (DATA, told)


def test_what_a_maker_says_about_a_picture_is_cut() -> None:
    """Attack: megabytes of words would be recorded for each picture."""
    entry = {"b64_json": B64, "revised_prompt": "ü" * 9000}
    found = picture_in({"data": [entry], "model": "m" * 300}, LIMIT)
    assert (found.revised_prompt, found.model) == ("ü" * 8000, "m" * 200)
