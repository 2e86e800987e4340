"""One SQLite file that several processes share.

WAL with `synchronous=FULL`: what was written survives a power cut. All calls of a process run in one
thread of their own, so a busy pool of the application delays none of them.
"""

from __future__ import annotations

import contextlib
import sqlite3
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import TypeVar

from limner.engine.filethread import FileThread, Work
from limner.engine.sqlitefile import holds_something
from limner.errors import JournalError
from limner.storage.disk import DISK

from .schema import Schema

__all__ = ["BUSY_S", "Database", "locked", "problem"]

T = TypeVar("T")
BUSY_S = 10.0
"""How long a process waits for the others' transactions, which take milliseconds."""
_LARGEST_LOG_BYTES = 64 * 2**20
_PAGES_AT_ONCE = 5000


class Database:
    """The open file, and the thread that works with it."""

    def __init__(self, path: Path, schema: Schema) -> None:
        self.path = path
        self._schema = schema
        self._connection: sqlite3.Connection | None = None
        self._thread = FileThread(
            lambda work: self._translated(partial(self._transact, "BEGIN IMMEDIATE", work))
        )

    async def open(self) -> None:
        """Open the file, which is made where there is none.

        Raises: JournalError (`journal_unavailable`, `journal_foreign`, `journal_newer`,
        `journal_unreadable`), with nothing written.
        """
        await self._run(self._open)

    async def aclose(self, last: Callable[[], None] = lambda: None) -> None:
        """Let go of the file, and do `last` in its thread; idempotent."""

        def close() -> None:
            connection, self._connection = self._connection, None
            if connection is not None:
                connection.close()
            last()

        await self._run(close)

    async def read(self, work: Work[T]) -> T:
        """Do `work` in the thread; it only reads, and sees one moment."""
        return await self._run(lambda: self._transact("BEGIN", work))

    async def write(self, work: Work[T]) -> T:
        """Do `work` in the thread as one transaction, which is on the disk when this returns.

        It may be done twice, so it leaves no trace but in the database.
        """
        return await self._thread.write(work)

    async def shrink(self) -> None:
        """Give the disk back what was deleted, a part at a time: others wait meanwhile."""

        def work() -> None:
            if self._connection is not None:
                # A script, because `execute` takes one step, which is one page.
                self._connection.executescript(f"PRAGMA incremental_vacuum({_PAGES_AT_ONCE})")

        await self._run(work)

    async def _run(self, work: Callable[[], T]) -> T:
        return await self._thread.run(lambda: self._translated(work))

    def _translated(self, work: Callable[[], T]) -> T:
        try:
            return work()
        except sqlite3.Error as error:
            raise problem(self.path, error, self._schema.what) from error
        except OSError as error:
            raise self._unavailable(error.strerror or type(error).__name__) from error

    def _transact(self, begin: str, work: Work[T]) -> T:
        connection = self._connection
        if connection is None:
            raise self._unavailable("it is closed")
        connection.execute(begin)
        try:
            result = work(connection)
            connection.execute("COMMIT")
        except BaseException:
            # A full disk has rolled back by itself.
            if connection.in_transaction:
                connection.execute("ROLLBACK")
            raise
        return result

    def _open(self) -> None:
        self.path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        # One at a time: two processes that start together must not both make it.
        with locked(self.path.with_suffix(".lock"), timeout_s=BUSY_S):
            if self._looked_at():
                self._check_head()
            else:
                self._make()
            self._connection = self._connect()

    def _unavailable(self, why: str) -> JournalError:
        return _unavailable(self.path, why, self._schema.what)

    def _looked_at(self) -> bool:
        """Whether there is anything in the file."""
        try:
            return holds_something(self.path, self._schema.what, "folder")
        except FileNotFoundError:
            return False

    def _check_head(self) -> None:
        """Look at the file without a lock, a log or any other trace: it may be somebody else's."""
        with contextlib.closing(
            sqlite3.connect(f"{self.path.resolve().as_uri()}?mode=ro&immutable=1", uri=True)
        ) as connection:
            # On a full disk the log is written back in part; without it the file looks cut short.
            connection.execute("PRAGMA writable_schema=ON")
            self._check(connection)

    def _check(self, connection: sqlite3.Connection) -> None:
        (application,) = connection.execute("PRAGMA application_id").fetchone()
        (version,) = connection.execute("PRAGMA user_version").fetchone()
        if application != self._schema.application_id:
            raise JournalError(
                f"{self.path} is not a {self._schema.what} of Limner; choose another folder",
                code="journal_foreign",
            )
        if version > self._schema.version:
            raise JournalError(
                f"{self.path} was written by a newer Limner; use that one", code="journal_newer"
            )

    def _make(self) -> None:
        """Made under another name, so that a half-made one is never taken for a whole one."""
        new = self.path.with_suffix(".new")
        for rest in (new, Path(f"{new}-journal"), Path(f"{new}-wal"), Path(f"{new}-shm")):
            rest.unlink(missing_ok=True)
        # Answers and prompts stand in it, so it is nobody else's to read.
        DISK.close(DISK.create(new, 0o600))
        with contextlib.closing(sqlite3.connect(new, isolation_level=None)) as connection:
            connection.execute("PRAGMA auto_vacuum=INCREMENTAL")
            connection.executescript(f"BEGIN; {self._schema.tables}; COMMIT;")
            connection.execute(f"PRAGMA application_id={self._schema.application_id}")
            connection.execute(f"PRAGMA user_version={self._schema.version}")
            connection.execute("PRAGMA journal_mode=WAL")
        DISK.replace(new, self.path)
        DISK.sync_folder(self.path.parent)

    def _connect(self) -> sqlite3.Connection:
        connection = sqlite3.connect(self.path, timeout=BUSY_S, isolation_level=None, check_same_thread=False)
        try:
            # Once more: what stands in its log was not looked at yet.
            self._check(connection)
            connection.execute("PRAGMA synchronous=FULL")
            connection.execute("PRAGMA foreign_keys=ON")
            connection.execute(f"PRAGMA journal_size_limit={_LARGEST_LOG_BYTES}")
        except BaseException:
            connection.close()
            raise
        return connection


@contextlib.contextmanager
def locked(path: Path, *, timeout_s: float) -> Iterator[None]:
    """Hold the lock that `path` stands for; the system lets go of it when the process ends.

    Raises: sqlite3.OperationalError (SQLITE_BUSY) when somebody else holds it for `timeout_s`.
    """
    with contextlib.suppress(FileExistsError):
        # Never opened when it is there: to close it again would let go of this process's own lock.
        DISK.close(DISK.create(path, 0o600))
    connection = sqlite3.connect(path, timeout=timeout_s, isolation_level=None, check_same_thread=False)
    try:
        # SQLite's lock on an empty file is the one that works on every platform; nothing is ever written.
        connection.execute("PRAGMA journal_mode=MEMORY")
        connection.execute("BEGIN EXCLUSIVE")
        yield
    finally:
        connection.close()


def problem(path: Path, error: sqlite3.Error, what: str) -> JournalError:
    """What SQLite's error means for who keeps things in `path`."""
    name = getattr(error, "sqlite_errorname", "")
    if name.startswith(("SQLITE_NOTADB", "SQLITE_CORRUPT")):
        return JournalError(
            f"{path} cannot be read as a {what} ({name}); restore it from a copy, or move it away",
            code="journal_unreadable",
        )
    if name.startswith(("SQLITE_BUSY", "SQLITE_LOCKED")):
        return JournalError(
            f"the {what} {path} is held by another process for too long; end that one",
            code="journal_busy",
        )
    return _unavailable(path, name or type(error).__name__, what)


def _unavailable(path: Path, why: str, what: str) -> JournalError:
    return JournalError(
        f"the {what} {path} cannot be used ({why}); make room, or make its folder writable, and try again",
        code="journal_unavailable",
    )
