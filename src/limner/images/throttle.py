"""How many pictures may be under way at one maker: fewer after it complains, slowly more again.

Additive increase, multiplicative decrease: a complaint halves the places, and each round of as
many successes as there are places gives one back. Whoever waits is let in in the order of asking,
and those whom the maker has turned away ask again before anybody new.
"""

from __future__ import annotations

import math
from collections import OrderedDict
from collections.abc import Callable
from weakref import WeakValueDictionary

import anyio
import anyio.lowlevel
from anyio.lowlevel import RunVar

from limner.clock import Clock, SystemClock

__all__ = ["Throttle", "Waiter", "shared_throttle"]

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
        self._resting = 0
        """How many of those inside were turned away and wait to ask again."""
        self._coming = _Line()
        self._returning = _Line()
        self._opens_s = -math.inf
        """When the maker wants to be asked again, by the monotonic clock."""
        self._settled_s = -math.inf
        """Until when complaints belong to the burst that lowered the places last."""
        self._good = 0
        """Successes since the places last changed."""

    @property
    def inside(self) -> int:
        """How many hold a place now."""
        return len(self._inside)

    @property
    def shut_s(self) -> float:
        """Seconds until the maker wants to be asked again; 0 where that is now."""
        return max(0.0, self._opens_s - self._clock.monotonic())

    def line_up(self) -> Waiter:
        """Stand in the line from now on; what is returned goes to `slip_in`, `enter` or `step_out`."""
        return self._coming.join()

    def slip_in(self, borrower: object, waiter: Waiter) -> bool:
        """Take a place without waiting, where there is one and nobody came before; whether there was."""
        if self._coming.first is not waiter or not self._room() or self.shut_s > 0:
            return False
        self._inside.add(borrower)
        self._coming.leave(waiter)
        return True

    def step_out(self, waiter: Waiter) -> None:
        """Leave the line."""
        self._coming.leave(waiter)

    async def enter(self, borrower: object, waiter: Waiter | None = None) -> None:
        """Wait for a place and take it; where `waiter` has its place in the line, from there.

        Cancel: safe; no place is taken.
        """
        waiter = waiter or self.line_up()
        try:
            await anyio.lowlevel.checkpoint()
            await self._pass(self._coming, waiter, self._room)
            self._inside.add(borrower)
        finally:
            self._coming.leave(waiter)

    def leave(self, borrower: object) -> None:
        """Give a place back."""
        self._inside.discard(borrower)
        self._wake()

    async def give_way(self, wait_s: float) -> None:
        """Of one inside whom the maker has turned away: wait `wait_s`, then until it may be asked again.

        Meanwhile nobody is let in for it, and when it returns no more than `places` are at work.
        Cancel: safe; the place is kept.
        """
        self._resting += 1
        self._wake()
        try:
            await self._clock.sleep(wait_s)
            waiter = self._returning.join()
            try:
                await self._pass(
                    self._returning, waiter, lambda: len(self._inside) - self._resting < self.places
                )
            finally:
                self._returning.leave(waiter)
        finally:
            self._resting -= 1

    def overloaded(self, retry_after_s: float | None = None) -> None:
        """The maker said that it was asked too much; nobody asks again before `retry_after_s` is over."""
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

    def lower(self, most: int) -> None:
        """Have `most` places at the best of times, where there were more."""
        self.most = min(self.most, most)
        self.places = min(self.places, self.most)

    def _room(self) -> bool:
        return len(self._inside) < self.places

    async def _pass(self, line: _Line, waiter: Waiter, room: Callable[[], bool]) -> None:
        """Stand in `line` until its turn has come, there is `room` and the maker may be asked."""
        while line.first is not waiter or not room() or self.shut_s > 0:
            if line.first is waiter and room():
                await self._clock.sleep(self.shut_s)
            else:
                waiter.woken = anyio.Event()
                await waiter.woken.wait()

    def _wake(self) -> None:
        self._returning.wake()
        self._coming.wake()


class Waiter:
    """Somebody's place in a line."""

    woken: anyio.Event | None = None


class _Line:
    """Who waits, in the order of coming; only the first is woken, and looks for himself."""

    def __init__(self) -> None:
        # Whoever leaves from the middle takes no longer than the first, however many wait.
        self._waiters: OrderedDict[Waiter, None] = OrderedDict()

    @property
    def first(self) -> Waiter | None:
        return next(iter(self._waiters), None)

    def join(self) -> Waiter:
        waiter = Waiter()
        self._waiters[waiter] = None
        return waiter

    def leave(self, waiter: Waiter) -> None:
        del self._waiters[waiter]
        self.wake()

    def wake(self) -> None:
        if (first := self.first) is not None and first.woken is not None:
            first.woken.set()


_Shared = WeakValueDictionary[tuple[str, str, str], Throttle]
_shared: RunVar[_Shared] = RunVar("limner_throttles")


def shared_throttle(
    origin: str, api_key: str, model: str, most: int, *, clock: Clock | None = None
) -> Throttle:
    """The one throttle that this event loop has for a provider, a key and a model.

    Providers count per key and model, not per engine. Of several makers that share one, the smallest
    `most` holds. It lives as long as anybody holds it. Outside of any event loop: one of its own.
    """
    try:
        throttles = _shared.get(None)
        if throttles is None:
            throttles = WeakValueDictionary()
            _shared.set(throttles)
    except RuntimeError:
        return Throttle(most, clock=clock)
    import hashlib  # start-up time

    identity = (origin, hashlib.sha256(api_key.encode()).hexdigest(), model)
    throttle = throttles.get(identity)
    if throttle is None:
        throttle = throttles[identity] = Throttle(most, clock=clock)
    throttle.lower(most)
    return throttle
