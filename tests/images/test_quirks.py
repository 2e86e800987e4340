"""What differs between providers of pictures is data."""

from __future__ import annotations

import pytest

from limner.images.quirks import QUIRKS, quirk_of


@pytest.mark.parametrize(
    ("base_url", "path"),
    [
        ("https://api.openai.com/v1", "/images/generations"),
        ("http://127.0.0.1:8080/v1", "/images/generations"),
        ("https://openrouter.ai/api/v1", "/images"),
        ("https://eu.openrouter.ai/api/v1", "/images"),
        ("https://openrouter.ai.example.com/v1", "/images/generations"),
        ("https://notopenrouter.ai/v1", "/images/generations"),
    ],
)
def test_pictures_are_ordered_where_the_provider_takes_orders(base_url: str, path: str) -> None:
    """Facts, wire, section 5.1: the usual path answers 404 at one of them."""
    assert quirk_of(base_url).path == path


def test_every_row_has_its_source_and_date() -> None:
    """DESIGN decision 8."""
    assert all(quirk.source and quirk.as_of for quirk in QUIRKS)
    assert QUIRKS[-1].host == "", "the last row is for everybody else"
