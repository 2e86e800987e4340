"""Which script a Chinese text is in: told by the characters that only one of the two has."""

from __future__ import annotations

import pytest

from limner.core.chinese import script


@pytest.mark.parametrize("text", ["怎麼泡烏龍茶", "畫貓", "裡面", "說「着」的人在這裡", "iPhone 的說明書"])
def test_characters_of_big5_alone_are_traditional(text: str) -> None:
    """Big5 and GB 2312 are the two scripts' national character sets."""
    assert script(text) == "traditional"


@pytest.mark.parametrize("text", ["怎么泡乌龙茶", "画猫", "这里", "iPhone 的说明书"])
def test_characters_of_gb_2312_alone_are_simplified(text: str) -> None:
    """Big5 and GB 2312 are the two scripts' national character sets."""
    assert script(text) == "simplified"


@pytest.mark.parametrize("text", ["", "台北101夜景", "皇后", "a café — “fox”", "🦊", "東东", "\ud800"])
def test_what_both_have_or_neither_does_not_tell(text: str) -> None:
    """A wrong guess is worse than none: the caller keeps what it has."""
    assert script(text) is None
