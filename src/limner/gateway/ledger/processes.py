"""Which processes share a state folder, and which of them have ended.

Each process holds the lock of the first `process-N.lock` that nobody else holds, and the ledger says
which token it goes by. A token without a row, or whose lock is free, belonged to a process that has ended.
"""

from __future__ import annotations

import contextlib
import secrets
import sqlite3
from pathlib import Path

from limner.errors import JournalError

from .database import Database, locked

__all__ = ["Processes"]

_MOST = 1000


class Processes:
    """Our process among those that share a folder. Everything runs in the ledger's thread."""

    def __init__(self, folder: Path, database: Database) -> None:
        self.token = secrets.token_hex(16)
        """Never used again, by whatever process."""
        self.number: int | None = None
        self._folder = folder
        self._database = database
        self._held = contextlib.ExitStack()

    async def enter(self) -> int:
        """Take the first free number; it is also that of the journal."""

        def work(connection: sqlite3.Connection) -> int:
            number = self._take()
            connection.execute("INSERT OR REPLACE INTO processes VALUES (?, ?)", (number, self.token))
            return number

        self.number = await self._database.write(work)
        return self.number

    def leave(self) -> None:
        """Let go of the number."""
        self._held.close()
        self.number = None

    def alive(self, connection: sqlite3.Connection, token: str) -> bool:
        """Whether the process of `token` still runs."""
        if token == self.token:
            return True
        row = connection.execute("SELECT number FROM processes WHERE token = ?", (token,)).fetchone()
        return row is not None and not self._free(row[0])

    def ended(self, connection: sqlite3.Connection, tokens: set[str]) -> set[str]:
        """Those of `tokens` whose processes run no more."""
        return {token for token in tokens if not self.alive(connection, token)}

    def _take(self) -> int:
        for number in range(_MOST):
            try:
                self._held.enter_context(locked(self._path(number), timeout_s=0))
            except sqlite3.OperationalError as error:
                if not _busy(error):
                    raise
            else:
                return number
        raise JournalError(
            f"{_MOST} processes share {self._folder}; choose another folder", code="journal_busy"
        )

    def _free(self, number: int) -> bool:
        try:
            with locked(self._path(number), timeout_s=0):
                return True
        except sqlite3.OperationalError as error:
            if not _busy(error):
                raise
            return False

    def _path(self, number: int) -> Path:
        return self._folder / f"process-{number}.lock"


def _busy(error: sqlite3.OperationalError) -> bool:
    return error.sqlite_errorname.startswith(("SQLITE_BUSY", "SQLITE_LOCKED"))
