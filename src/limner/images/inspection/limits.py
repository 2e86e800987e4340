"""What a picture may be at most: cheap to ask for, dear to forget."""

from __future__ import annotations

from limner.core.formats import FormatName

__all__ = [
    "MAX_BLOCKS",
    "MAX_BYTES",
    "MAX_PIXELS",
    "MAX_SCANNED_PIXELS",
    "MAX_SCANS",
    "MAX_SUB_BLOCKS",
    "STILL_FORMATS",
]

STILL_FORMATS: tuple[FormatName, ...] = ("png", "jpeg", "webp")
"""What is allowed where nothing else is said."""

MAX_BYTES = 25 * 1024 * 1024
MAX_PIXELS = 40_000_000
"""Source: scorecard I12; Pillow's own limit lets a picture of 676 MiB pass."""

MAX_BLOCKS = 50_000
"""Chunks, segments or boxes of one picture: more are made to keep us busy."""
MAX_SUB_BLOCKS = 250_000
"""Of one GIF, which cuts everything into pieces of 255 bytes at most."""
MAX_SCANS = 100
"""Of one JPEG: encoders write about ten, and few bytes are enough for thousands."""
MAX_SCANNED_PIXELS = 20 * MAX_PIXELS
"""Each scan goes over all pixels once more; these many take about a second of CPU."""
