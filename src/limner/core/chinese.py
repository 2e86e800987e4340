"""Which of its two scripts a Chinese text is written in."""

from __future__ import annotations

from functools import lru_cache
from typing import Literal

__all__ = ["Script", "script"]

Script = Literal["simplified", "traditional"]


def script(text: str) -> Script | None:
    """The script that more of the characters belong to alone; None where they do not tell."""
    lean = sum(map(_lean, text))
    if not lean:
        return None
    return "traditional" if lean > 0 else "simplified"


@lru_cache(maxsize=8_192)
def _lean(character: str) -> int:
    # Each script has its own national character set, and most characters stand in both.
    if character < "\u3400":
        return 0
    return _within(character, "big5") - _within(character, "gb2312")


def _within(character: str, encoding: str) -> bool:
    try:
        character.encode(encoding)
    except UnicodeEncodeError:
        return False
    return True
