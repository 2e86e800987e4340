"""A recorder in one SQLite file.

WAL with `synchronous=FULL`: a recorded fact survives a power cut. The file is locked by the
process that uses it, so that every run has one owner; the system lets go of the lock when the
process ends, however it ends.
"""

from __future__ import annotations

import os
import sqlite3
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar
from weakref import WeakValueDictionary

from limner.core.codec import decode_event, decode_state, encode_event, encode_state
from limner.core.events import Event
from limner.core.state import State
from limner.errors import JournalError

from .filethread import FileThread, Work
from .recorder import BulkJournal, Journal, Perform, Recorded, Slot, owned
from .sqlitefile import holds_something

__all__ = ["SQLiteRecorder"]

T = TypeVar("T")

APPLICATION_ID = 0x4C494D4E
"""Tells our files from other databases ("LIMN")."""
SCHEMA_VERSION = 1
_SCHEMA = """
CREATE TABLE runs (run TEXT PRIMARY KEY, owner TEXT NOT NULL, begun_at_s REAL NOT NULL, state TEXT NOT NULL);
CREATE TABLE facts (
    run TEXT NOT NULL REFERENCES runs (run), position INTEGER NOT NULL, key TEXT NOT NULL, event TEXT NOT NULL,
    PRIMARY KEY (run, position), UNIQUE (run, key)
);
"""
_INSERT = (
    "INSERT INTO facts VALUES (?, (SELECT coalesce(max(position) + 1, 0) FROM facts WHERE run = ?), ?, ?)"
)


class SQLiteRecorder:
    """Keeps facts in `path`, which is made when the first run begins; one process at a time."""

    def __init__(self, path: str | Path, *, wait_s: float = 1.0) -> None:
        """`wait_s`: how long to wait for another process that is about to let go of the file."""
        self.path = Path(path)
        self._wait_s = wait_s
        self._connection: sqlite3.Connection | None = None
        self._owned: WeakValueDictionary[str, _SQLiteJournal] = WeakValueDictionary()
        self._thread = FileThread(self._transacted)

    async def open(self) -> None:
        """Make the file and hold it already before the first run begins.

        Raises: JournalError (`journal_busy`, `journal_foreign`, `journal_newer`, …).
        """
        await self._call(lambda _: None, make=True)

    async def begin(self, run: str, state: State) -> Journal:
        """Open a run that is new."""

        def insert(connection: sqlite3.Connection) -> None:
            row = (run, state.owner, time.time(), encode_state(state))
            try:
                connection.execute("INSERT INTO runs VALUES (?, ?, ?, ?)", row)
            except sqlite3.IntegrityError:
                raise JournalError(
                    f"run {run!r} exists already in {self.path}; resume it or choose another id",
                    code="run_exists",
                ) from None

        await self._thread.write(insert)
        return self._own(run, {})

    async def load(self, run: str) -> Recorded:
        """Open a run that is there."""

        def select(connection: sqlite3.Connection | None) -> tuple[str, list[tuple[str, str]]]:
            found = None
            if connection is not None:
                found = connection.execute("SELECT state FROM runs WHERE run = ?", (run,)).fetchone()
            if connection is None or found is None:
                raise JournalError(f"there is no run {run!r} in {self.path}", code="run_unknown")
            rows = connection.execute("SELECT key, event FROM facts WHERE run = ? ORDER BY position", (run,))
            return found[0], rows.fetchall()

        if run in self._owned:
            raise owned(run)
        state, rows = await self._call(select)
        # Looked at again: somebody else may have asked for it while it was read.
        if run in self._owned:
            raise owned(run)
        events = {key: decode_event(text) for key, text in rows}
        return Recorded(decode_state(state), tuple(events.values()), self._own(run, events))

    async def runs(self) -> tuple[str, ...]:
        """The runs in the file, oldest first."""

        def select(connection: sqlite3.Connection | None) -> tuple[str, ...]:
            if connection is None:
                return ()
            rows = connection.execute("SELECT run FROM runs ORDER BY begun_at_s, rowid")
            return tuple(run for (run,) in rows.fetchall())

        return await self._call(select)

    @property
    def idle(self) -> bool:
        """Whether nobody in this process has a run of the file."""
        return not self._owned

    async def forget(self, before_s: float) -> int:
        """Delete the runs that began before this time (seconds since 1970); how many there were.

        Runs that somebody in this process has are kept.
        """
        owned = tuple(self._owned)

        def delete(connection: sqlite3.Connection | None) -> int:
            if connection is None:
                return 0
            found = connection.execute("SELECT run FROM runs WHERE begun_at_s < ?", (before_s,))
            old = [(run,) for (run,) in found if run not in owned]
            connection.execute("BEGIN IMMEDIATE")
            try:
                connection.executemany("DELETE FROM facts WHERE run = ?", old)
                connection.executemany("DELETE FROM runs WHERE run = ?", old)
                connection.execute("COMMIT")
            except BaseException:
                # A full disk has rolled back by itself.
                if connection.in_transaction:
                    connection.execute("ROLLBACK")
                raise
            return len(old)

        return await self._call(delete)

    def _own(self, run: str, events: dict[str, Event]) -> _SQLiteJournal:
        self._owned[run] = journal = _SQLiteJournal(self._thread, run, events)
        return journal

    async def aclose(self) -> None:
        """Let go of the file."""
        self._owned.clear()

        def close() -> None:
            connection, self._connection = self._connection, None
            if connection is not None:
                connection.close()

        await self._thread.run(close)

    async def _call(self, work: Callable[[sqlite3.Connection | None], T], *, make: bool = False) -> T:
        """Do `work` in the thread; without `make` it gets None where nothing was recorded yet."""
        return await self._thread.run(lambda: self._in_thread(work, make))

    def _in_thread(self, work: Callable[[sqlite3.Connection | None], T], make: bool) -> T:
        try:
            if self._connection is None:
                self._connection = self._connect(make)
            return work(self._connection)
        except sqlite3.Error as error:
            raise self._problem(error) from error

    def _transacted(self, work: Work[T]) -> T:
        def transact(connection: sqlite3.Connection | None) -> T:
            assert connection is not None
            connection.execute("BEGIN IMMEDIATE")
            try:
                result = work(connection)
                connection.execute("COMMIT")
            except BaseException:
                # A full disk has rolled back by itself.
                if connection.in_transaction:
                    connection.execute("ROLLBACK")
                raise
            return result

        return self._in_thread(transact, make=True)

    def _connect(self, make: bool) -> sqlite3.Connection | None:
        try:
            there = self._looked_at(make)
        except OSError as error:
            raise JournalError(
                f"the journal {self.path} cannot be opened ({error.strerror}); choose another file",
                code="journal_unavailable",
            ) from error
        if not there and not make:
            return None
        connection = sqlite3.connect(
            self.path, timeout=self._wait_s, isolation_level=None, check_same_thread=False
        )
        try:
            prepared = self._prepare(connection, make)
        except BaseException:
            connection.close()
            raise
        if not prepared:
            connection.close()
            return None
        return connection

    def _looked_at(self, make: bool) -> bool:
        """Whether there is anything in the file, which is made if it is not there and `make`. Raises: OSError."""
        try:
            return holds_something(self.path, "journal", "file")
        except FileNotFoundError:
            if make:
                # Prompts stand in it, so it is nobody else's to read.
                os.close(os.open(self.path, os.O_RDWR | os.O_CREAT, 0o600))
            return False

    def _prepare(self, connection: sqlite3.Connection, make: bool) -> bool:
        """Whether there are tables, which are made if there are none and `make`."""
        connection.execute("PRAGMA locking_mode=EXCLUSIVE")
        connection.execute("PRAGMA synchronous=FULL")
        # Checked before anything is written: the file may be somebody else's database.
        (application,) = connection.execute("PRAGMA application_id").fetchone()
        (version,) = connection.execute("PRAGMA user_version").fetchone()
        (tables,) = connection.execute("SELECT count(*) FROM sqlite_schema").fetchone()
        if (tables or application) and application != APPLICATION_ID:
            raise JournalError(
                f"{self.path} is not a journal of Limner; choose another file", code="journal_foreign"
            )
        if version > SCHEMA_VERSION:
            raise JournalError(
                f"{self.path} was written by a newer Limner; use that one to read it", code="journal_newer"
            )
        if not tables and not make:
            return False
        connection.execute("PRAGMA journal_mode=WAL")
        connection.execute("BEGIN EXCLUSIVE")
        if not tables:
            for statement in _SCHEMA.split(";"):
                connection.execute(statement)
            connection.execute(f"PRAGMA application_id={APPLICATION_ID}")
            connection.execute(f"PRAGMA user_version={SCHEMA_VERSION}")
        connection.execute("COMMIT")
        return True

    def _problem(self, error: sqlite3.Error) -> JournalError:
        name = getattr(error, "sqlite_errorname", "")
        if name.startswith("SQLITE_CONSTRAINT"):
            return JournalError(
                f"another fact stands in {self.path} already; resume the run and go on from there",
                code="journal_conflict",
            )
        if name.startswith(("SQLITE_BUSY", "SQLITE_LOCKED")):
            return JournalError(
                f"the journal {self.path} is in use by another process; wait until it ends or choose another file",
                code="journal_busy",
            )
        if name.startswith(("SQLITE_NOTADB", "SQLITE_CORRUPT")):
            return JournalError(
                f"{self.path} cannot be read as a journal ({name})", code="journal_unreadable"
            )
        return JournalError(
            f"the journal {self.path} cannot be written ({name or type(error).__name__}); "
            "make room or choose another file, then resume",
            code="journal_unavailable",
        )


class _SQLiteJournal(BulkJournal):
    def __init__(self, thread: FileThread, run: str, facts: dict[str, Event]) -> None:
        self._thread = thread
        self._run = run
        self._facts = facts

    def reserve(self, keys: Iterable[str]) -> tuple[Slot, ...]:
        return tuple(_SQLiteSlot(self, key) for key in keys)

    def known(self, key: str) -> Event | None:
        """What is recorded as `key`."""
        return self._facts.get(key)

    async def note_all(self, facts: Sequence[tuple[str, Event]]) -> tuple[Event, ...]:
        # Without the journal itself: who holds it owns the run, and a thread lets go of its work a little late.
        run, known = self._run, self._facts
        new = {key: event for key, event in facts if key not in known}

        def insert(connection: sqlite3.Connection) -> None:
            rows = [(run, run, key, encode_event(event)) for key, event in new.items()]
            connection.executemany(_INSERT, rows)

        if new:
            await self._thread.write(insert, lambda: known.update(new))
        return tuple(known[key] for key, _ in facts)


@dataclass(frozen=True, slots=True)
class _SQLiteSlot:
    journal: _SQLiteJournal
    key: str

    async def run(self, perform: Perform) -> Event:
        recorded = self.journal.known(self.key)
        if recorded is None:
            (recorded,) = await self.journal.note_all([(self.key, await perform())])
        return recorded
