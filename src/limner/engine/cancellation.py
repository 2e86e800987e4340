"""A cancellation that nobody asked for is a failure like any other.

On asyncio, code of an application can raise `CancelledError` by itself: a future that it
cancelled, a task that it awaited. Taken for ours it would end a turn, or the whole engine, in
silence.
"""

from __future__ import annotations

import asyncio
import math
from collections.abc import Awaitable
from typing import TypeVar

import anyio

__all__ = ["ForeignCancellation", "foreign", "guarded"]

T = TypeVar("T")


class ForeignCancellation(Exception):
    """Somebody else's cancellation, as an error."""


async def guarded(work: Awaitable[T]) -> T:
    """Await `work`.

    Raises: ForeignCancellation, for a cancellation that neither this task nor a scope around it has.
    """
    try:
        return await work
    except asyncio.CancelledError as error:
        if foreign():
            raise ForeignCancellation from error
        raise


def foreign() -> bool:
    """Whether a `CancelledError` that was just raised is nobody's who may cancel us."""
    if anyio.current_effective_deadline() == -math.inf:
        return False
    try:
        task = asyncio.current_task()
    except RuntimeError:
        return True
    return task is None or task.cancelling() == 0
