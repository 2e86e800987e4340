"""The few words by which languages without a table ask for pictures."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping
from functools import lru_cache
from importlib.resources import files
from typing import Any

__all__ = ["pictures_asked"]

_DEFAULT_STEPS = 4
_DIGITS = re.compile(r"(?<![\d.:,])\d{1,3}(?![\d:])")
_WORD = re.compile(r"[^\W\d_]+(?:'[^\W\d_]+)?")


def pictures_asked(text: str) -> int | None:
    """How many pictures `text` asks for; None where it speaks neither of pictures nor of steps."""
    patterns = _patterns()
    drawn, stepped = (patterns[key].search(text) is not None for key in ("picture", "step"))
    if not drawn and not stepped:
        return None
    said = _number(text)
    return said or (_DEFAULT_STEPS if stepped else 1)


def _number(text: str) -> int | None:
    digits = _DIGITS.search(text)
    if digits:
        return int(digits.group())  # of any script: int() reads them all
    numbers: Mapping[str, int] = _table()["numbers"]
    return next((numbers[word] for word in _WORD.findall(text.lower()) if word in numbers), None)


@lru_cache(maxsize=1)
def _table() -> Mapping[str, Any]:
    source = files(__package__) / "languages" / "glossary.toml"
    return tomllib.loads(source.read_text(encoding="utf-8"))


@lru_cache(maxsize=1)
def _patterns() -> Mapping[str, re.Pattern[str]]:
    return {key: re.compile("|".join(rows), re.IGNORECASE) for key, rows in _table()["ask"].items()}
