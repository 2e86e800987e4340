"""What a reply is made of, in reading order."""

from __future__ import annotations

from dataclasses import dataclass

from limner.core.pictures import Picture

__all__ = ["ImagePart", "Part", "TextPart"]


@dataclass(frozen=True, slots=True)
class TextPart:
    """Markdown (CommonMark) that fetches nothing: no picture, no raw HTML outside code."""

    text: str


@dataclass(frozen=True, slots=True)
class ImagePart:
    """One finished picture, in its place."""

    number: int
    """Its reference is `image://{number}`, in the whole conversation."""
    alt: str
    """What it shows, as plain text; the Markdown's own words, else the call's."""
    picture: Picture
    link: str
    """Where the store says a reader finds it."""


Part = TextPart | ImagePart
