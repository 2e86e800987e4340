"""Waiting for something that gives no event of its own; a caller bounds it with `fail_after`."""

from __future__ import annotations

from collections.abc import Callable

import anyio

__all__ = ["until"]


async def until(holds: Callable[[], bool]) -> None:
    """Return once `holds`."""
    while not holds():  # noqa: ASYNC110  what is watched is plain state without an event
        await anyio.sleep(0.001)
