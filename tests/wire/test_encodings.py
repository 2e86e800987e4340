"""Bytes as text, in every way in which providers write them."""

from __future__ import annotations

import base64
import tracemalloc
from urllib.parse import quote

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import pictures
from limner.errors import PictureError
from limner.wire.encodings import data_url, data_url_bytes, decoded

DATA = bytes(range(256))
B64 = base64.b64encode(DATA).decode()
LIMIT = 1000


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


@pytest.mark.parametrize("before", range(4))
def test_percent_signs_are_read_wherever_a_long_url_is_cut(before: int) -> None:
    """RFC 2397: the two digits after a sign belong to it."""
    data = b"x" * before + DATA * 2000
    assert data_url_bytes(f"data:,{quote(data)}", len(data)) == data


def test_i05_percent_signs_take_little_more_memory_than_they_come_in() -> None:
    """I05: 25 MiB of them once took gigabytes. Fails if they are read in one piece."""
    url = "data:," + "%41" * 600_000
    tracemalloc.start()
    try:
        assert len(data_url_bytes(url, 1 << 20)) == 600_000
        _, peak_bytes = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak_bytes < 48 << 20


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
    assert decoded(prefix + text, 1 << 20) == data


@pytest.mark.parametrize("size", [(1 << 18) // 4 * 3 + more for more in (-1, 0, 1, 2, 3)])
def test_large_pictures_are_decoded_in_slices(size: int) -> None:
    """Scorecard P13: base64 of megabytes in one piece would hold up every other thread."""
    data = (b"limner" * (size // 6 + 1))[:size]
    assert decoded(base64.b64encode(data).decode(), 1 << 20) == data


@pytest.mark.parametrize(
    ("text", "code"),
    [("%%%", "image_bad_payload"), ("", "image_bad_payload"), ("A" * 1400, "image_too_large")],
)
def test_i05_what_is_no_base64_or_too_much_of_it_is_refused(text: str, code: str) -> None:
    """Scorecard I05: 1,400 characters hold 1,050 bytes, more than the 1,000 that are allowed."""
    with pytest.raises(PictureError) as caught:
        decoded(text, LIMIT)
    assert caught.value.code == code


@given(st.binary(min_size=1, max_size=100))
def test_what_is_written_as_a_data_url_is_read_again(data: bytes) -> None:
    """One module writes and reads them."""
    assert data_url_bytes(data_url(data), LIMIT) == data


@pytest.mark.parametrize(
    ("data", "kind"), [(pictures.png(), "image/png"), (b"fox", "application/octet-stream")]
)
def test_a_data_url_says_what_its_bytes_say(data: bytes, kind: str) -> None:
    """Scorecard I09: magic bytes decide."""
    assert data_url(data).startswith(f"data:{kind};base64,")
