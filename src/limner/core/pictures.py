"""What is known of a finished picture: frozen, JSON-shaped, without its bytes."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["Picture"]


@dataclass(frozen=True, slots=True)
class Picture:
    """A picture that is kept in the store."""

    id: str
    """The store's id of the bytes."""
    sha256: str
    """Of the bytes as they are kept, in lower-case hexadecimal."""
    format: str
    """ "png", "jpeg" or "webp": what the bytes are, not what was asked."""
    width: int
    height: int
    size_bytes: int
    alt: str = ""
    """What it shows, for people who can't see it; as the call gave it."""
    prompt: str = ""
    revised_prompt: str | None = None
    """The provider's own version of the prompt; metadata alone, never read into a context."""
    model: str = ""
    seconds: float | None = None
    """From submission to the last byte."""
    cost_usd: float | None = None
    """None where unknown."""
