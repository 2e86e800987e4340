"""The icons that scenes are made of, and the keywords that came with them."""

from __future__ import annotations

import json
import lzma
import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any

from .props import PROPS

__all__ = ["Icon", "icon", "is_living", "keywords", "names"]

_ID = re.compile(r'\bid="([^"]+)"')
_LIVING = frozenset({*range(23, 30), *range(34, 39)})
"""People and animals, by the numbers of their kinds."""
_UNITS = 8.0
"""The file measures in eighths of the icon's 32 units."""


@dataclass(frozen=True, slots=True)
class Icon:
    """One picture of one thing, 32 units wide and high."""

    name: str
    body: str
    subgroup: int
    """The keyword package's own number of its kind: 34 to 41 live, 42 to 48 are eaten, and so on."""
    left: float
    top: float
    right: float
    bottom: float
    """What is covered of the 32 units."""
    foot_left: float
    foot_right: float
    """Where it touches the ground."""

    def placed(self, prefix: str) -> str:
        """The body with identifiers of its own, so that it can stand twice in one picture."""
        body = self.body
        for found in set(_ID.findall(body)):
            body = body.replace(f'id="{found}"', f'id="{prefix}{found}"')
            body = body.replace(f"#{found})", f"#{prefix}{found})").replace(
                f'"#{found}"', f'"#{prefix}{found}"'
            )
        return body


@cache
def _content() -> Mapping[str, Any]:
    """The whole file; loaded once, in the worker alone."""
    packed = files(__package__).joinpath("icons.json.xz").read_bytes()
    content: Mapping[str, Any] = json.loads(lzma.decompress(packed))
    return content


@cache
def names() -> tuple[str, ...]:
    """Every icon's name, in the order that keywords refer to."""
    return tuple(_content()["icons"])


@cache
def icon(name: str) -> Icon:
    """The icon of that name; our own drawings win. Raises KeyError for a name that is none."""
    row = PROPS.get(name) or _content()["icons"][name]
    body, subgroup, *box = row
    left, top, right, bottom, foot_left, foot_right = (value / _UNITS for value in box)
    return Icon(name, body, subgroup, left, top, right, bottom, foot_left, foot_right)


def is_living(name: str) -> bool:
    """Whether it is somebody: a person or an animal."""
    return icon(name).subgroup in _LIVING


def keywords(language: str) -> tuple[Mapping[str, int], ...]:
    """Three maps from folded word to place in `names()`: names, words of names, keywords."""
    return tuple(_content()["words"][language])
