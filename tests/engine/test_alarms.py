"""Alarms: each rings when its time is over, none that was turned off, whichever order they were set in."""

from __future__ import annotations

import anyio
import pytest
from anyio import wait_all_tasks_blocked

from limner.engine.alarms import Alarms

pytestmark = pytest.mark.anyio


class HeldClock:
    """Time that stands still until the test lets it pass."""

    def __init__(self) -> None:
        self.at_s = 0.0
        self._sleepers: list[tuple[float, anyio.Event]] = []

    def now(self) -> float:
        return self.at_s

    def monotonic(self) -> float:
        return self.at_s

    def jitter(self) -> float:
        return 0.5

    async def sleep(self, seconds: float) -> None:
        woken = anyio.Event()
        self._sleepers.append((self.at_s + seconds, woken))
        await woken.wait()

    async def pass_(self, seconds: float) -> None:
        await wait_all_tasks_blocked()
        self.at_s += seconds
        for due, woken in self._sleepers:
            if due <= self.at_s:
                woken.set()
        await wait_all_tasks_blocked()


async def test_alarms_ring_in_the_order_of_their_times() -> None:
    """One that is set later may ring earlier. Fails if a new alarm does not wake the task that waits for another."""
    clock, rung = HeldClock(), list[int]()
    async with anyio.create_task_group() as tasks:
        alarms = Alarms(tasks, clock)
        for seconds in (5, 3, 9, 3):
            alarms.set(seconds, lambda seconds=seconds: rung.append(seconds))  # type: ignore[misc]  # a default
            await wait_all_tasks_blocked()
        for _ in range(4):
            await clock.pass_(2.5)
    assert rung == [3, 3, 5, 9]


async def test_one_that_is_turned_off_never_rings_and_is_not_waited_for() -> None:
    """A turn that ended in time has no limit any more, and nothing of it is kept."""
    clock, rung = HeldClock(), list[str]()
    async with anyio.create_task_group() as tasks:
        alarms = Alarms(tasks, clock)
        kept = alarms.set(10, lambda: rung.append("kept"))
        for _ in range(1000):
            alarms.set(5, lambda: rung.append("off")).turn_off()
        assert len(alarms) < 200
        await clock.pass_(6)
        assert rung == []
        await clock.pass_(6)
        kept.turn_off()
        assert rung == ["kept"]
        assert len(alarms) == 0


async def test_one_may_be_set_when_another_rings() -> None:
    """Whoever waits on goes on waiting."""
    clock, rung = HeldClock(), list[str]()
    async with anyio.create_task_group() as tasks:
        alarms = Alarms(tasks, clock)

        def ring() -> None:
            rung.append("first")
            alarms.set(2, lambda: rung.append("second"))

        alarms.set(1, ring)
        await clock.pass_(1)
        assert rung == ["first"]
        await clock.pass_(2)
    assert rung == ["first", "second"]
