"""A clock that the test owns."""

from __future__ import annotations

import anyio.lowlevel

__all__ = ["OwnClock"]


class OwnClock:
    """Time passes only by sleeping, and sleeping takes none of the test's time."""

    def __init__(self, now: float = 1_700_000_000.0, jitter: float = 0.5) -> None:
        self.at_s = now
        self.slept: list[float] = []
        """Every sleep in its order."""
        self._jitter = jitter

    def now(self) -> float:
        return self.at_s

    def monotonic(self) -> float:
        return self.at_s

    async def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.at_s += max(0.0, seconds)
        await anyio.lowlevel.checkpoint()

    def jitter(self) -> float:
        return self._jitter
