"""What placement hands out: text, places of pictures, and notes of what was changed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

__all__ = ["Note", "NoteCode", "Piece", "Place", "Text"]

NoteCode = Literal[
    "reference_repaired",
    "reference_removed",
    "image_neutralised",
    "html_neutralised",
    "link_neutralised",
    "duplicate_dropped",
]


@dataclass(frozen=True, slots=True)
class Text:
    """Markdown that fetches nothing; never empty."""

    text: str


@dataclass(frozen=True, slots=True)
class Place:
    """Here stands picture `number`."""

    number: int
    alt: str
    """Plain words, at most 200 characters; empty where nobody gave any."""


Piece = Text | Place


@dataclass(frozen=True, slots=True)
class Note:
    """One thing that was changed in the model's text."""

    code: NoteCode
    found: str
    """What stood there, at most 200 characters; the model's own words, so never for a log."""
    number: int | None = None
    """The picture that was meant, where that is known."""
