"""Time and chance, as one argument that a test can own."""

from __future__ import annotations

import random
import time
from typing import Protocol

import anyio

__all__ = ["Clock", "SystemClock"]


class Clock(Protocol):
    """What everything that waits takes."""

    def now(self) -> float:
        """Seconds since 1970, for facts that outlive the process."""
        ...

    def monotonic(self) -> float:
        """Seconds that never jump, for measuring."""
        ...

    async def sleep(self, seconds: float) -> None:
        """Wait; a checkpoint even for 0."""
        ...

    def jitter(self) -> float:
        """A number in [0, 1), so that many who wait don't come back together."""
        ...


class SystemClock:
    """The machine's own time."""

    def now(self) -> float:
        """The wall clock."""
        return time.time()

    def monotonic(self) -> float:
        """The machine's monotonic clock."""
        return time.monotonic()

    async def sleep(self, seconds: float) -> None:
        """Through anyio, on either backend."""
        await anyio.sleep(seconds)

    def jitter(self) -> float:
        """Not for secrets."""
        return random.random()
