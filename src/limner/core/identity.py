"""What has changed from one tuple of frozen objects to the next: objects that are the same are equal."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import compress, count, islice
from operator import is_, is_not
from typing import TypeVar

__all__ = ["changed", "same"]

T = TypeVar("T")
_LAST = 64


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
    # What changes is nearly always among the last. Equal ones are compared by identity first.
    first = max(0, len(old) - _LAST)
    if old[:first] != new[:first]:
        first = 0
    differs = map(is_not, islice(new, first, None), islice(old, first, None))
    return [*compress(count(first), differs), *range(len(old), len(new))]
