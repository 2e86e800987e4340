"""What differs between providers of pictures: data, each row with its source and date."""

from __future__ import annotations

from dataclasses import dataclass
from urllib.parse import urlsplit

__all__ = ["QUIRKS", "Quirk", "quirk_of"]


@dataclass(frozen=True, slots=True)
class Quirk:
    """One provider's own way."""

    host: str
    """The host of its base URL; empty for everybody else."""
    path: str
    """Where pictures are ordered, below the base URL."""
    source: str
    as_of: str


QUIRKS = (
    Quirk(
        "openrouter.ai",
        "/images",
        "facts, wire, section 5.1: /images/generations answers 404 there",
        "2026-11-21",
    ),
    Quirk("", "/images/generations", "OpenAI API reference, create image", "2026-11-21"),
)


def quirk_of(base_url: str) -> Quirk:
    """The row of the provider behind `base_url`."""
    host = urlsplit(base_url).hostname or ""
    return next(
        quirk for quirk in QUIRKS if not quirk.host or host == quirk.host or host.endswith(f".{quirk.host}")
    )
