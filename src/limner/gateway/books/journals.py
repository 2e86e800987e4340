"""The journals of the processes that share a state folder: each records in a file of its own.

A process goes on with the runs of one that has ended, and lets go of that file when they are at rest.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from itertools import count
from pathlib import Path

import anyio

from limner.core.state import State
from limner.engine.recorder import Journal, Recorded
from limner.engine.sqlite import SQLiteRecorder
from limner.errors import JournalError

__all__ = ["Journals"]


class Journals:
    """A recorder over `journal-0.db`, `journal-1.db`, … in `folder`; open it before the first run."""

    def __init__(self, folder: str | Path, first: int = 0) -> None:
        """`first`: the number to try before all others, so that nobody waits for a file that is held."""
        self.folder = Path(folder)
        self._first = first
        self._own: SQLiteRecorder | None = None
        self._others: dict[Path, SQLiteRecorder] = {}
        """Of processes that have ended, while somebody here has a run of them."""
        self._lock = anyio.Lock()

    async def open(self) -> None:
        """Hold the first file that nobody else holds.

        Raises: JournalError (`journal_foreign`, `journal_newer`, `journal_unreadable`, `journal_unavailable`).
        """
        for number in (self._first, *range(self._first)):
            if await self._took(number):
                return
        for number in count(self._first + 1):
            if await self._took(number):
                return

    @property
    def own(self) -> SQLiteRecorder:
        """Where the runs of this process are recorded."""
        if self._own is None:
            raise JournalError("the journals are not open; open() them", code="journal_unavailable")
        return self._own

    async def begin(self, run: str, state: State) -> Journal:
        """Open a run that is new."""
        return await self.own.begin(run, state)

    async def load(self, run: str) -> Recorded:
        """Open a run that is there, whichever process began it.

        Raises: JournalError (`journal_busy`: another process that still runs may have it).
        """
        try:
            return await self.own.load(run)
        except JournalError as error:
            if error.code != "run_unknown":
                raise
            unknown = error
        busy: JournalError | None = None
        async with self._lock:
            for path in self._paths():
                try:
                    async with self._other(path) as recorder:
                        return await recorder.load(run)
                except JournalError as error:
                    if error.code == "journal_busy":
                        busy = error
                    elif error.code != "run_unknown":
                        raise
        raise busy or unknown

    async def runs(self) -> tuple[str, ...]:
        """The runs of this process's file and of those that nobody holds, each file's oldest first."""
        found = await self.own.runs()
        async with self._lock:
            for path in self._paths():
                try:
                    async with self._other(path) as recorder:
                        found += await recorder.runs()
                except JournalError as error:
                    if error.code != "journal_busy":
                        raise
        return found

    async def forget(self, before_s: float) -> int:
        """Delete old runs, as `SQLiteRecorder.forget`, also those of processes that have ended."""
        deleted = await self.own.forget(before_s)
        async with self._lock:
            for path in self._paths():
                try:
                    async with self._other(path) as recorder:
                        deleted += await recorder.forget(before_s)
                except JournalError as error:
                    if error.code != "journal_busy":
                        raise
        return deleted

    async def aclose(self) -> None:
        """Let go of every file; idempotent."""
        own, self._own = self._own, None
        others = tuple(self._others.values())
        self._others.clear()
        for recorder in (*([own] if own else []), *others):
            await recorder.aclose()

    async def _took(self, number: int) -> bool:
        recorder = SQLiteRecorder(self.folder / f"journal-{number}.db", wait_s=0)
        try:
            await recorder.open()
        except JournalError as error:
            await recorder.aclose()
            if error.code != "journal_busy":
                raise
            return False
        self._own = recorder
        return True

    def _paths(self) -> list[Path]:
        return sorted(path for path in self.folder.glob("journal-*.db") if path != self.own.path)

    @asynccontextmanager
    async def _other(self, path: Path) -> AsyncIterator[SQLiteRecorder]:
        """The recorder of somebody else's file, which is let go of as soon as nobody here has a run of it."""
        recorder = self._others.setdefault(path, SQLiteRecorder(path, wait_s=0))
        try:
            yield recorder
        finally:
            if recorder.idle:
                del self._others[path]
                await recorder.aclose()
