"""What is known of a picture that was inspected."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from limner.core.formats import FormatName

if TYPE_CHECKING:  # a worker starts sooner without what the protocol needs
    from limner.images.protocol import Content

__all__ = ["Inspected"]


@dataclass(frozen=True, slots=True)
class Inspected:
    """A picture that decodes."""

    format: FormatName
    width: int
    height: int
    size_bytes: int
    sha256: str
    """In lower-case hexadecimal."""
    content: Content = field(repr=False)
    """What is left: nothing after the end marker, and no metadata where that was asked for."""
