"""The word tables beside this module, each read once."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from functools import cache
from importlib.resources import files
from typing import Any

__all__ = ["table", "word_set"]


@cache
def table(name: str) -> Mapping[str, Any]:
    """The TOML file of that name."""
    content: Mapping[str, Any] = tomllib.loads(
        files(__package__).joinpath(f"{name}.toml").read_text(encoding="utf-8")
    )
    return content


@cache
def word_set(name: str, *path: str) -> frozenset[str]:
    """The words of one entry: a string with spaces between them; nothing where the entry is missing."""
    entry: Any = table(name)
    for step in path:
        entry = entry.get(step, "")
    return frozenset(str(entry).split())
