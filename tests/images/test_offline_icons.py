"""The icons' file: small enough, whole, and with its licences beside it."""

from __future__ import annotations

from importlib.resources import files
from xml.etree import ElementTree

import pytest

from limner.images.offline.icons import icon, keywords, names
from limner.images.offline.lexicon import LANGUAGES, fold
from limner.images.offline.props import PROPS

FOLDER = files("limner.images.offline")


def test_the_file_keeps_its_limit() -> None:
    """Embedded default: one compressed file of at most 1.5 MB."""
    assert len(FOLDER.joinpath("icons.json.xz").read_bytes()) <= 1_500_000


def test_its_licences_are_beside_it_in_full() -> None:
    """facts/offline.md: Fluent Emoji and emojibase are MIT; the keywords derive from Unicode CLDR."""
    text = FOLDER.joinpath("LICENSES.txt").read_text(encoding="utf-8")
    assert text.count("Permission is hereby granted, free of charge") == 3
    for holder in ("Microsoft Corporation", "Miles Johnson", "Unicode, Inc.", "UNICODE LICENSE V3"):
        assert holder in text


@pytest.mark.parametrize("name", [*names(), *PROPS])
def test_every_icon_is_whole_and_measured(name: str) -> None:
    """Shadows and distances follow what is seen of an icon, not its box of 32 units."""
    drawing = icon(name)
    ElementTree.fromstring(f'<svg xmlns:xlink="http://www.w3.org/1999/xlink">{drawing.body}</svg>')
    assert 0 <= drawing.left < drawing.right <= 32
    assert 0 <= drawing.top < drawing.bottom <= 32
    assert drawing.left - 0.5 <= drawing.foot_left < drawing.foot_right <= drawing.right + 0.5


def test_identifiers_differ_between_two_copies_of_an_icon() -> None:
    """Two flags with gradients in one picture must not share them."""
    one, two = icon("phoenix-bird").placed("a"), icon("phoenix-bird").placed("b")
    assert 'id="a' in one
    assert "url(#a" in one
    assert "url(#b" not in one
    assert 'id="a' not in two


@pytest.mark.parametrize("language", LANGUAGES)
def test_keywords_are_folded_and_point_to_icons(language: str) -> None:
    """A word that the prompt's folding never yields would never be found."""
    for words in keywords(language):
        for word, place in words.items():
            assert 0 <= place < len(names())
            assert fold(word) in {word, word.replace("œ", "oe")}
    assert sum(map(len, keywords(language))) > 2_000
