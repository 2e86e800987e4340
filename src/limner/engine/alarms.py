"""Many moments that one task waits for: a turn that ends in time has cost no task of its own."""

from __future__ import annotations

import heapq
import math
from collections.abc import Callable
from itertools import count

import anyio
from anyio.abc import TaskGroup

from limner.clock import Clock

__all__ = ["Alarm", "Alarms"]

_FEW = 64
"""Alarms that are off and may stay in the heap, however few are on."""


class Alarm:
    """Rings once, unless it is turned off before."""

    __slots__ = ("_alarms", "ring")

    def __init__(self, alarms: Alarms, ring: Callable[[], object]) -> None:
        self._alarms = alarms
        self.ring: Callable[[], object] | None = ring

    def turn_off(self) -> None:
        """It does not ring any more; what it would have rung for is held no longer."""
        if self.ring is not None:
            self.ring = None
            self._alarms.sweep()


class Alarms:
    """The alarms of one engine, by its clock."""

    def __init__(self, tasks: TaskGroup, clock: Clock) -> None:
        self._tasks = tasks
        self._clock = clock
        self._heap: list[tuple[float, int, Alarm]] = []
        self._numbers = count()
        self._off = 0
        self._watching = False
        self._until_s = math.inf
        self._asleep: anyio.CancelScope | None = None

    def __len__(self) -> int:
        """How many are kept, with some that are off."""
        return len(self._heap)

    def set(self, seconds: float, ring: Callable[[], object]) -> Alarm:
        """Call `ring` on the event loop when `seconds` are over; it must not wait."""
        due_s = self._clock.monotonic() + seconds
        alarm = Alarm(self, ring)
        heapq.heappush(self._heap, (due_s, next(self._numbers), alarm))
        if not self._watching:
            self._watching = True
            self._tasks.start_soon(self._watch)
        elif self._asleep is not None and due_s < self._until_s:
            self._asleep.cancel()
        return alarm

    def sweep(self) -> None:
        """One more is off: throw those away that are, once they are most."""
        self._off += 1
        if self._off > _FEW and self._off * 2 > len(self._heap):
            self._heap = [each for each in self._heap if each[2].ring is not None]
            heapq.heapify(self._heap)
            self._off = 0

    async def _watch(self) -> None:
        try:
            while self._heap:
                self._until_s = self._heap[0][0]
                slept = False
                with anyio.CancelScope() as self._asleep:
                    await self._clock.sleep(self._until_s - self._clock.monotonic())
                    slept = True
                self._asleep = None
                # A clock may wake a sleeper a little early.
                now_s = max(self._clock.monotonic(), self._until_s if slept else -math.inf)
                while self._heap and self._heap[0][0] <= now_s:
                    self._go_off(heapq.heappop(self._heap)[2])
        finally:
            self._watching = False

    def _go_off(self, alarm: Alarm) -> None:
        ring, alarm.ring = alarm.ring, None
        if ring is None:
            self._off -= 1
        else:
            ring()
