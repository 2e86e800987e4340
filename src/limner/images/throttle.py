"""How many pictures may be under way at one maker: fewer after it complains, slowly more again.

Additive increase, multiplicative decrease: a complaint halves the places, and each round of as
many successes as there are places gives one back. Whoever waits is let in in the order of asking.
"""

from __future__ import annotations

import math
from collections import deque

import anyio
import anyio.lowlevel

from limner.clock import Clock, SystemClock

__all__ = ["Throttle"]

SETTLING_S = 1.0
"""Seconds in which several complaints count as one."""


class Throttle:
    """Places at one maker, for one key and model; of one event loop at a time."""

    def __init__(self, most: int, *, clock: Clock | None = None) -> None:
        """`most`: places at the start and at the best of times, > 0."""
        self.most = most
        self.places = most
        """Now: between 1 and `most`."""
        self._clock = clock or SystemClock()
        self._inside: set[object] = set()
        self._queue: deque[_Waiter] = deque()
        self._opens_s = 0.0
        """When the maker wants to be asked again, by the monotonic clock."""
        self._settled_s = -math.inf
        """Until when complaints belong to the burst that lowered the places last."""
        self._good = 0
        """Successes since the places last changed."""

    @property
    def inside(self) -> int:
        """How many hold a place now."""
        return len(self._inside)

    async def enter(self, borrower: object) -> None:
        """Wait for a place and take it.

        Cancel: safe; no place is taken.
        """
        waiter = _Waiter()
        self._queue.append(waiter)
        try:
            while not self._free(waiter):
                wait_s = self._opens_s - self._clock.monotonic()
                if self._queue[0] is waiter and len(self._inside) < self.places and wait_s > 0:
                    await self._clock.sleep(wait_s)
                else:
                    await waiter.woken.wait()
                    waiter.woken = anyio.Event()
            self._inside.add(borrower)
        finally:
            self._queue.remove(waiter)
            self._wake()
        try:
            await anyio.lowlevel.checkpoint()
        except BaseException:
            self.leave(borrower)
            raise

    def leave(self, borrower: object) -> None:
        """Give a place back."""
        self._inside.discard(borrower)
        self._wake()

    def overloaded(self, retry_after_s: float | None = None) -> None:
        """The maker said that it was asked too much; nobody new is let in before `retry_after_s` is over."""
        now_s = self._clock.monotonic()
        # Complaints about orders of the same burst say nothing new about the places there are now.
        if now_s >= self._settled_s:
            self.places = max(1, self.places // 2)
            self._settled_s = now_s + max(SETTLING_S, retry_after_s or 0.0)
        self._good = 0
        if retry_after_s is not None:
            self._opens_s = max(self._opens_s, now_s + retry_after_s)

    def succeeded(self) -> None:
        """An order went well."""
        self._good += 1
        if self._good >= self.places and self.places < self.most:
            self.places += 1
            self._good = 0
            self._wake()

    def _free(self, waiter: _Waiter) -> bool:
        return (
            self._queue[0] is waiter
            and len(self._inside) < self.places
            and self._clock.monotonic() >= self._opens_s
        )

    def _wake(self) -> None:
        if self._queue:
            self._queue[0].woken.set()


class _Waiter:
    def __init__(self) -> None:
        self.woken = anyio.Event()
