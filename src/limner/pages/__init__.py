"""A reply as a page of HTML: one file that needs nothing else."""

from __future__ import annotations

from .page import html

__all__ = ["html"]
