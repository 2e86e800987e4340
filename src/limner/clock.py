"""Time as an argument, so that a test can own it."""

from __future__ import annotations

import random
import time
from typing import Protocol

import anyio

__all__ = ["Clock", "SystemClock"]


class Clock(Protocol):
    """What everything that waits is given."""

    def now(self) -> float:
        """Seconds since 1970 in UTC; may jump."""
        ...

    def monotonic(self) -> float:
        """Seconds since some moment; never goes back."""
        ...

    async def sleep(self, seconds: float) -> None:
        """Return after `seconds` of `monotonic`; at once where they are not positive."""
        ...

    def jitter(self) -> float:
        """A number in [0, 1), different each time."""
        ...


class SystemClock:
    """The time of this machine."""

    def now(self) -> float:
        """Seconds since 1970 in UTC."""
        return time.time()

    def monotonic(self) -> float:
        """Seconds since some moment."""
        return time.monotonic()

    async def sleep(self, seconds: float) -> None:
        """Sleep on whichever event loop runs."""
        await anyio.sleep(max(0.0, seconds))

    def jitter(self) -> float:
        """A number in [0, 1)."""
        return random.random()
