"""The one thread that works with an SQLite file: what waits for it is written together."""

from __future__ import annotations

import contextlib
import sqlite3
import threading
from collections.abc import Callable, Sequence
from typing import Any, Generic, TypeVar, cast

import anyio
from anyio import CapacityLimiter, to_thread

__all__ = ["FileThread", "Work"]

T = TypeVar("T")
Work = Callable[[sqlite3.Connection], T]


class FileThread:
    """A thread of its own, so that a busy pool of the application delays nothing."""

    def __init__(self, transact: Callable[[Work[Any]], Any]) -> None:
        """`transact`: do some work as one transaction, which is on the disk when it returns; in the thread."""
        self._transact = transact
        self._lock = anyio.Lock()
        self._thread = CapacityLimiter(1)
        # A task that asyncio itself cancels leaves its work in the thread behind, beside the next one's.
        self._working = threading.Lock()
        self._waiting: list[_Waiting[Any]] = []

    async def run(self, work: Callable[[], T]) -> T:
        """Do `work` by itself. Cancel: what has begun is finished."""
        # Shielded: what has begun to be written is finished, and known to be.
        with anyio.CancelScope(shield=True):
            async with self._lock:
                result = await to_thread.run_sync(self._alone, work, limiter=self._thread)
        return result

    async def write(self, work: Work[T], then: Callable[[], None] = lambda: None) -> T:
        """Do `work`; it is on the disk when this returns. `then`: done as soon as it is, in the thread.

        What is asked for while another is being written goes to the disk together. Where one of them fails,
        each is done once more by itself; so `work` leaves no trace but in the file.
        Cancel: what has begun is finished.
        """
        mine: _Waiting[T] = _Waiting(work, then)
        self._waiting.append(mine)
        try:
            with anyio.CancelScope(shield=True):
                async with self._lock:
                    # More than once only beside a thread that was left behind with it.
                    while not mine.done:
                        together, self._waiting = self._waiting, []
                        await to_thread.run_sync(self._write_all, together, limiter=self._thread)
        except BaseException:
            with contextlib.suppress(ValueError):
                self._waiting.remove(mine)
            raise
        if mine.error is not None:
            raise mine.error
        return cast(T, mine.result)

    def _alone(self, work: Callable[[], T]) -> T:
        with self._working:
            return work()

    def _write_all(self, together: Sequence[_Waiting[Any]]) -> None:
        with self._working:
            if len(together) > 1 and self._written_together(together):
                return
            for each in together:
                try:
                    each.result = self._transact(each.work)
                except Exception as error:
                    each.error, each.done = error, True
                else:
                    each.finish()

    def _written_together(self, together: Sequence[_Waiting[Any]]) -> bool:
        """Whether all of it is on the disk; else nothing of it is."""

        def work(connection: sqlite3.Connection) -> None:
            for each in together:
                each.result = each.work(connection)

        try:
            self._transact(work)
        except Exception:
            # Strategy: who has failed is told when each is done by itself, and takes nobody along.
            return False
        for each in together:
            each.finish()
        return True


class _Waiting(Generic[T]):
    """Something to be written, and what became of it."""

    def __init__(self, work: Work[T], then: Callable[[], None]) -> None:
        self.work = work
        self.then = then
        self.done = False
        self.result: T | None = None
        self.error: Exception | None = None

    def finish(self) -> None:
        """It is on the disk; what fails from here on is nobody else's matter."""
        try:
            self.then()
        except Exception as error:
            self.error = error
        self.done = True
