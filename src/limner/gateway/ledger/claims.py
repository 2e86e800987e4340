"""Requests that are executed once, over all processes: claims, and the answers that are kept.

A claim is running, interrupted or finished. One that runs in a process that has ended is interrupted.
Only what may have bought something is kept as interrupted: it has a run, which can be gone on with.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Collection
from dataclasses import dataclass
from typing import Literal

from limner.clock import Clock

from .database import Database
from .processes import Processes

__all__ = ["KEYED_S", "UNKEYED_S", "Claim", "Claims", "Standing"]

Standing = Literal["ours", "running", "mismatch", "finished"]

KEYED_S = 86_400.0
"""How long an answer to an `Idempotency-Key` is kept. Source: scorecard, row S27."""
UNKEYED_S = 600.0
"""How long a retry without a key finds the request that it repeats. Source: scorecard, row S28."""


@dataclass(frozen=True, slots=True)
class Claim:
    """Where a request stands."""

    id: int
    standing: Standing
    """ours: to be executed here; running: in another process; mismatch: the key was used with another
    request; finished: with the answer, where it was kept."""
    run: str | None = None
    """What the request began and did not end; of a finished one, what it ended."""
    head: str | None = None
    """Of the answer, as it was given to `finish`; None where the answer was not kept."""
    body: bytes | None = None


class Claims:
    """The ledger's table of requests."""

    def __init__(self, database: Database, processes: Processes, clock: Clock, answers_bytes: int) -> None:
        self._database = database
        self._processes = processes
        self._clock = clock
        self._answers_bytes = answers_bytes

    async def claim(self, tenant: str, key: str, request: bytes) -> Claim:
        """Take the request for this process, or learn who has it. The caller runs none with this key itself."""
        now = self._clock.now()

        def work(connection: sqlite3.Connection) -> Claim:
            found = connection.execute(
                f"SELECT {_ROW} FROM claims WHERE tenant = ? AND key = ? AND changed_at_s >= ?",
                (tenant, key, now - KEYED_S),
            ).fetchone()
            if found is None:
                connection.execute("DELETE FROM claims WHERE tenant = ? AND key = ?", (tenant, key))
                return Claim(self._insert(connection, tenant, key, request, None), "ours")
            row = _Row(*found)
            if row.request != request:
                return Claim(row.id, "mismatch")
            return self._ended(connection, row) if row.state == "finished" else self._taken(connection, row)

        return await self._database.write(work)

    async def recall(self, tenant: str, request: bytes, here: Collection[int]) -> Claim | None:
        """The same request without a key, of the last 10 minutes; None where there was none.

        One that was interrupted comes first and is this process's from now on, then one that has
        finished, then one that runs elsewhere. Those that run in this process, `here`, are left out.
        """
        now = self._clock.now()

        def work(connection: sqlite3.Connection) -> Claim | None:
            found = connection.execute(
                f"SELECT {_ROW} FROM claims"
                " WHERE tenant = ? AND request = ? AND key IS NULL AND changed_at_s >= ? ORDER BY id DESC",
                (tenant, request, now - UNKEYED_S),
            )
            rows = [row for row in (_Row(*each) for each in found) if row.id not in here]
            finished = [row for row in rows if row.state == "finished"]
            begun = [row for row in rows if row.state != "finished"]
            elsewhere = [row for row in begun if self._runs_elsewhere(connection, row)]
            for row in begun:
                if row not in elsewhere:
                    return self._taken(connection, row)
            if finished:
                return self._ended(connection, finished[0])
            return Claim(elsewhere[0].id, "running", elsewhere[0].run) if elsewhere else None

        return await self._database.write(work)

    async def note(self, tenant: str, request: bytes, run: str) -> int:
        """Remember that a request without a key has begun `run`, before that buys anything; its id."""
        return await self._database.write(
            lambda connection: self._insert(connection, tenant, None, request, run)
        )

    async def begun(self, id: int, run: str) -> None:
        """Remember that a claim of ours has begun `run`, before that buys anything."""
        await self._change("UPDATE claims SET run = ?, changed_at_s = ? WHERE id = ?", run, id)

    async def interrupt(self, id: int) -> None:
        """The execution has ended without an answer: its run can be gone on with."""
        await self._change("UPDATE claims SET state = ?, changed_at_s = ? WHERE id = ?", "interrupted", id)

    async def release(self, id: int) -> None:
        """Nothing was bought: the request may be sent again as if it had never been."""

        def work(connection: sqlite3.Connection) -> None:
            connection.execute("DELETE FROM claims WHERE id = ?", (id,))

        await self._database.write(work)

    async def finish(self, id: int, tenant: str, head: str | None, body: bytes) -> None:
        """Keep the answer; without `head` only that there was one."""
        now = self._clock.now()

        def work(connection: sqlite3.Connection) -> None:
            connection.execute(
                "UPDATE claims SET state = 'finished', head = ?, changed_at_s = ? WHERE id = ?",
                (head, now, id),
            )
            if head is not None:
                connection.execute("DELETE FROM answers WHERE claim = ?", (id,))
                connection.execute("INSERT INTO answers VALUES (?, ?, ?)", (id, tenant, body))
                _trim(connection, tenant, self._answers_bytes)

        await self._database.write(work)

    def forget(self, connection: sqlite3.Connection) -> None:
        """Delete what has expired."""
        now = self._clock.now()
        connection.execute("DELETE FROM claims WHERE changed_at_s < ?", (now - KEYED_S,))
        connection.execute("DELETE FROM claims WHERE key IS NULL AND changed_at_s < ?", (now - UNKEYED_S,))

    async def _change(self, statement: str, value: str, id: int) -> None:
        row = (value, self._clock.now(), id)

        def work(connection: sqlite3.Connection) -> None:
            connection.execute(statement, row)

        await self._database.write(work)

    def _insert(
        self, connection: sqlite3.Connection, tenant: str, key: str | None, request: bytes, run: str | None
    ) -> int:
        claim = connection.execute(
            "INSERT INTO claims (tenant, key, request, run, process, state, changed_at_s)"
            " VALUES (?, ?, ?, ?, ?, 'running', ?)",
            (tenant, key, request, run, self._processes.token, self._clock.now()),
        ).lastrowid
        assert claim is not None
        return claim

    def _ended(self, connection: sqlite3.Connection, row: _Row) -> Claim:
        found = connection.execute("SELECT body FROM answers WHERE claim = ?", (row.id,)).fetchone()
        if row.head is not None and found is not None:
            return Claim(row.id, "finished", row.run, row.head, found[0])
        # The answer was not kept, but its run can be told again.
        return Claim(row.id, "finished") if row.run is None else self._taken(connection, row)

    def _runs_elsewhere(self, connection: sqlite3.Connection, row: _Row) -> bool:
        return (
            row.state == "running"
            and row.process != self._processes.token
            and self._processes.alive(connection, row.process)
        )

    def _taken(self, connection: sqlite3.Connection, row: _Row) -> Claim:
        if self._runs_elsewhere(connection, row):
            return Claim(row.id, "running", row.run)
        connection.execute(
            "UPDATE claims SET state = 'running', process = ?, changed_at_s = ? WHERE id = ?",
            (self._processes.token, self._clock.now(), row.id),
        )
        return Claim(row.id, "ours", row.run)


_ROW = "id, request, run, process, state, head"


@dataclass(frozen=True, slots=True)
class _Row:
    id: int
    request: bytes
    run: str | None
    process: str
    state: str
    head: str | None


def _trim(connection: sqlite3.Connection, tenant: str, most_bytes: int) -> None:
    """Drop the oldest answers of a tenant that are too much."""
    (kept_bytes,) = connection.execute("SELECT size_bytes FROM kept WHERE tenant = ?", (tenant,)).fetchone()
    dropped: list[tuple[int]] = []
    # There may be a hundred thousand: no more of them are looked at than have to go.
    for claim, size_bytes in connection.execute(
        "SELECT claim, length(body) FROM answers WHERE tenant = ? ORDER BY claim", (tenant,)
    ):
        if kept_bytes <= most_bytes:
            break
        kept_bytes -= size_bytes
        dropped.append((claim,))
    connection.executemany("DELETE FROM answers WHERE claim = ?", dropped)
