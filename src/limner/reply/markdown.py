"""Markdown of our own making."""

from __future__ import annotations

__all__ = ["image_markdown"]


def image_markdown(alt: str, link: str) -> str:
    """An inline picture of CommonMark; `alt` is plain text."""
    escaped = "".join(f"\\{c}" if c in r"\[]<>!*_`&" else c for c in " ".join(alt.split())[:200])
    return f"![{escaped}](<{link}>)"
