"""What has changed from one tuple of frozen objects to the next: objects that are the same are equal."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import compress
from operator import is_, is_not
from typing import TypeVar

__all__ = ["changed", "same"]

T = TypeVar("T")


def same(old: tuple[T, ...], new: tuple[T, ...]) -> int:
    """How many of the first are the same objects."""
    if old is new:
        return len(new)
    # At the speed of C, for there may be thousands.
    found = list(map(is_, old, new))
    return len(found) if all(found) else found.index(False)


def changed(old: tuple[T, ...], new: tuple[T, ...]) -> Sequence[int]:
    """The places in `new` of what is not the same object in `old`, or has no place there."""
    if old is new:
        return ()
    return [*compress(range(len(new)), map(is_not, new, old)), *range(len(old), len(new))]
