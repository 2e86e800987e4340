"""Fonts of this machine that can write a text, whatever its script. Everything here blocks."""

from __future__ import annotations

import os
import re
import sys
import unicodedata
from collections.abc import Iterator
from functools import lru_cache
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from PIL.ImageFont import FreeTypeFont, ImageFont

    Font = FreeTypeFont | ImageFont

__all__ = ["font_for", "writable"]

_MOST_FILES = 4000
"""That are listed; machines of designers have tens of thousands."""
_MOST_TRIED = 80
_SUFFIXES = (".ttf", ".ttc", ".otf")
_ODD = re.compile(
    r"bold|italic|oblique|mono|condensed|narrow|light|thin|black|heavy|serif|emoji|icon|symbol|math|script",
    re.IGNORECASE,
)
_PREFERRED = re.compile(
    r"dejavusans|notosans|liberationsans|arial|helvetica|segoeui|wqy|droid", re.IGNORECASE
)
_TRIED_PX = 16
_NOWHERE = "\U0010ffff"
"""No font has a glyph for it, so it is drawn as the sign for a missing one."""
_SHAPED = re.compile(
    # Written from right to left, or in glyphs that depend on their neighbours: Hebrew to Thaana, NKo
    # and their like, the scripts of India, Thailand, Laos, Tibet, Myanmar, Cambodia and Mongolia.
    "[\u0590-\u08ff\u0900-\u0dff\u0e00-\u0fff\u1000-\u109f\u1780-\u18af\ufb1d-\ufdff\ufe70-\ufeff]"
)


def font_for(text: str, size_px: int) -> Font | None:
    """A font that has all letters of `text`; None where this machine has none, or cannot set its script."""
    letters = frozenset(_letters(text))
    if _SHAPED.search(text) and not _shapes():
        return None
    path = _path_for(letters)
    if path is None:
        return None
    from PIL import ImageFont

    return ImageFont.truetype(path, size_px) if path else ImageFont.load_default(size_px)


def writable(text: str, font: Font) -> str:
    """`text` without the signs that `font` does not have; its letters it has all."""
    nothing = _glyph(font, _NOWHERE)
    return "".join(each for each in text if each == " " or not _shown(each) or _glyph(font, each) != nothing)


def _letters(text: str) -> Iterator[str]:
    """What a text cannot be read without; emoji and ornaments it can."""
    return (each for each in text if unicodedata.category(each)[0] in "LN")


def _shown(character: str) -> bool:
    """Whether it has a look of its own; joiners and marks only change their neighbours'."""
    return unicodedata.category(character) not in ("Cf", "Mn", "Me", "Mc")


@lru_cache(maxsize=256)
def _path_for(letters: frozenset[str]) -> str | None:
    """The file of the first font with all `letters`, "" for the one that comes with Pillow; None: there is none."""
    for path in ("", *_files()[:_MOST_TRIED]):
        if _has_all(path, letters):
            return path
    return None


def _has_all(path: str, letters: frozenset[str]) -> bool:
    from PIL import ImageFont

    try:
        font = ImageFont.truetype(path, _TRIED_PX) if path else ImageFont.load_default(_TRIED_PX)
        nothing = _glyph(font, _NOWHERE)
        return all(_glyph(font, each) != nothing for each in letters)
    except (OSError, ValueError):  # damaged, or a kind that is not read
        return False


def _glyph(font: Font, character: str) -> bytes:
    mask = font.getmask(character)
    return bytes(mask) + repr(mask.size).encode()


@lru_cache(maxsize=1)
def _shapes() -> bool:
    """Whether letters can be set from right to left, and joined."""
    from PIL import features

    return bool(features.check("raqm"))


@lru_cache(maxsize=1)
def _files() -> tuple[str, ...]:
    """Font files, those first that are made for reading."""
    return tuple(sorted(islice(_found(), _MOST_FILES), key=_order))


def _found() -> Iterator[str]:
    for folder in _folders():
        for where, _, names in os.walk(folder):
            yield from (os.path.join(where, name) for name in names if name.lower().endswith(_SUFFIXES))


def _order(path: str) -> tuple[bool, bool, str]:
    name = Path(path).stem.replace("-", "").replace(" ", "")
    return (_ODD.search(name) is not None, _PREFERRED.search(name) is None, path)


def _folders() -> tuple[Path, ...]:
    home = Path(os.path.expanduser("~"))
    if sys.platform == "win32":
        return (Path(os.environ.get("SYSTEMROOT", r"C:\Windows"), "Fonts"),)
    if sys.platform == "darwin":
        return (Path("/System/Library/Fonts"), Path("/Library/Fonts"), home / "Library/Fonts")
    return (
        Path("/usr/share/fonts"),
        Path("/usr/local/share/fonts"),
        home / ".local/share/fonts",
        home / ".fonts",
    )
