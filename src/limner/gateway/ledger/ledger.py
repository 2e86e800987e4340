"""What must outlive a process and is shared by all that serve the same folder."""

from __future__ import annotations

import dataclasses
import json
import secrets
import sqlite3
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Literal

from limner.clock import Clock, SystemClock
from limner.core.money import dollars, fits, nanos
from limner.core.pictures import Picture
from limner.errors import JournalError
from limner.storage.ids import encoded

from .claims import Claims
from .database import Database
from .processes import Processes
from .schema import LEDGER

__all__ = ["HandedOut", "Ledger", "Promise", "new_promise_id"]

_MOST_AT_ONCE = 500
"""Values in one statement; SQLite's own limit was 999 for long."""
_ANSWERS_BYTES = 256 * 2**20
_DAY_S = 86_400.0


@dataclass(frozen=True, slots=True)
class Promise:
    """A link that was given out before its picture was drawn."""

    id: str
    tenant: str
    run: str
    number: int
    """Of the reference: 3 for `image://3`."""
    alt: str
    state: Literal["pending", "kept", "broken"] = "pending"
    picture: str | None = None
    """The store's id, when it was kept."""
    code: str | None = None
    """Of `limner.errors.CALL_CODES`, when it was broken."""
    made_at_s: float = 0.0


@dataclass(frozen=True, slots=True)
class HandedOut:
    """A turn that waits for its caller's own tools."""

    run: str
    told: str
    """What the client has been told of the turn so far."""


def new_promise_id() -> str:
    """43 characters that nobody can guess, of the shape of a stored picture's id."""
    return encoded(secrets.token_bytes(32))


class Ledger:
    """One SQLite file, `ledger.db` in `folder`; an async context manager.

    Every method raises JournalError: `journal_unavailable` where the disk is full or read-only, and
    then nothing may be bought that would have to be remembered.
    """

    def __init__(
        self, folder: str | Path, *, clock: Clock | None = None, answers_bytes: int = _ANSWERS_BYTES
    ) -> None:
        """`answers_bytes`: of all answers kept for one tenant; beyond that the oldest are dropped."""
        self.folder = Path(folder)
        self._clock = clock or SystemClock()
        self._database = Database(self.folder / "ledger.db", LEDGER)
        self._processes = Processes(self.folder, self._database)
        self.claims = Claims(self._database, self._processes, self._clock, answers_bytes)
        """Requests that are executed once."""

    async def __aenter__(self) -> Ledger:
        """Raises: JournalError (also `journal_foreign`, `journal_newer`, `journal_unreadable`)."""
        await self.open()
        return self

    async def __aexit__(self, *exception: object) -> None:
        await self.aclose()

    async def open(self) -> None:
        """Open the file, and take a number among the processes that share the folder."""
        await self._database.open()
        try:
            await self._processes.enter()
        except BaseException:
            await self.aclose()
            raise

    async def aclose(self) -> None:
        """Let go of the file; idempotent."""
        await self._database.aclose(last=self._processes.leave)

    @property
    def number(self) -> int:
        """Which of the processes that share the folder is ours: 0 for the first."""
        if self._processes.number is None:
            raise JournalError("the ledger is not open; use `async with`", code="journal_unavailable")
        return self._processes.number

    async def know(self, tenant: str, picture: Picture) -> None:
        """Remember what is known of a tenant's picture; said again, the last word holds."""
        await self._database.write(lambda connection: _know(connection, tenant, (picture,)))

    async def pictures(self, tenant: str, ids: Iterable[str]) -> dict[str, Picture]:
        """The tenant's own among `ids`; another's are not there, like those that never were (S17)."""
        wanted = tuple(dict.fromkeys(ids))

        def work(connection: sqlite3.Connection) -> list[tuple[str, str]]:
            return [
                row
                for some in _parts(wanted)
                for row in connection.execute(
                    f"SELECT id, picture FROM pictures WHERE tenant = ? AND id IN ({_marks(some)})",
                    (tenant, *some),
                )
            ]

        try:
            return {each: Picture(**json.loads(text)) for each, text in await self._database.read(work)}
        except (TypeError, ValueError) as error:
            raise JournalError(
                f"{self._database.path} holds a picture that cannot be read; restore it from a copy",
                code="journal_unreadable",
            ) from error

    async def promise(self, id: str, tenant: str, run: str, number: int, alt: str) -> None:
        """Remember a promise before its link is given out; `id` is of `new_promise_id`."""
        row = (id, tenant, run, number, alt, self._processes.token, self._clock.now())
        await self._write(
            "INSERT OR IGNORE INTO promises (id, tenant, run, number, alt, state, process, made_at_s)"
            " VALUES (?, ?, ?, ?, ?, 'pending', ?, ?)",
            row,
        )

    async def keep_promise(self, id: str, picture: str) -> None:
        """The picture is in the store; the first word holds."""
        await self._write(
            "UPDATE promises SET state = 'kept', picture = ? WHERE id = ? AND state = 'pending'",
            (picture, id),
        )

    async def break_promise(self, id: str, code: str) -> None:
        """There will be no picture; the first word holds."""
        await self._write(
            "UPDATE promises SET state = 'broken', code = ? WHERE id = ? AND state = 'pending'", (code, id)
        )

    async def promised(self, id: str) -> Promise | None:
        """What became of a promise; None where there was none."""

        def work(connection: sqlite3.Connection) -> tuple[object, ...] | None:
            found: tuple[object, ...] | None = connection.execute(
                f"SELECT {_PROMISE} FROM promises WHERE id = ?", (id,)
            ).fetchone()
            return found

        row = await self._database.read(work)
        return None if row is None else Promise(*row)  # type: ignore[arg-type]  # columns are in its order

    async def abandoned(self) -> tuple[Promise, ...]:
        """Pending promises of processes that have ended, oldest first; they are this process's from now on.

        So each of them is given to one process alone, which settles it: goes on with its run, or breaks it.
        """

        def work(connection: sqlite3.Connection) -> list[tuple[object, ...]]:
            pending = connection.execute("SELECT DISTINCT process FROM promises WHERE state = 'pending'")
            ended = tuple(self._processes.ended(connection, {token for (token,) in pending}))
            found: list[tuple[object, ...]] = []
            for some in _parts(ended):
                which = f"state = 'pending' AND process IN ({_marks(some)})"
                found += connection.execute(f"SELECT {_PROMISE} FROM promises WHERE {which}", some)
                connection.execute(
                    f"UPDATE promises SET process = ? WHERE {which}", (self._processes.token, *some)
                )
            return found

        rows = await self._database.write(work)
        promises = [Promise(*row) for row in rows]  # type: ignore[arg-type]  # columns are in its order
        return tuple(sorted(promises, key=lambda promise: (promise.made_at_s, promise.run, promise.number)))

    async def hand_out(self, call_ids: Collection[str], tenant: str, run: str, told: str) -> None:
        """Remember which turn the client's calls belong to, before the client sees them."""
        now = self._clock.now()

        def work(connection: sqlite3.Connection) -> None:
            turn = connection.execute(
                "INSERT INTO turns (tenant, run, told, handed_out_at_s) VALUES (?, ?, ?, ?)",
                (tenant, run, told, now),
            ).lastrowid
            connection.executemany(
                "INSERT OR REPLACE INTO calls VALUES (?, ?, ?)", [(tenant, each, turn) for each in call_ids]
            )

        await self._database.write(work)

    async def handed_out(self, tenant: str, call_ids: Collection[str]) -> HandedOut | None:
        """The turn that all of these calls belong to; None where one is unknown, or there are several."""
        wanted = tuple(dict.fromkeys(call_ids))

        def work(connection: sqlite3.Connection) -> list[tuple[int, str, str]]:
            return [
                row
                for some in _parts(wanted)
                for row in connection.execute(
                    "SELECT turns.id, run, told FROM calls JOIN turns ON turns.id = calls.turn"
                    f" WHERE calls.tenant = ? AND calls.id IN ({_marks(some)})",
                    (tenant, *some),
                )
            ]

        rows = await self._database.read(work)
        if len(rows) != len(wanted) or len({turn for turn, *_ in rows}) != 1:
            return None
        _, run, told = rows[0]
        return HandedOut(run, told)

    async def spend(self, tenant: str, day: str, run: str, usd: float, ordered: Collection[str] = ()) -> None:
        """All that `run` has cost on `day` ("2026-11-21", in UTC) so far; may be said again, and then holds.

        `ordered`: keys of its calls that are counted in it, and stand no longer for themselves.
        """
        await self.note(tenant, run, (), {day: usd}, ordered)

    async def note(
        self,
        tenant: str,
        run: str,
        pictures: Collection[Picture],
        spent_usd: Mapping[str, float],
        ordered: Collection[str],
    ) -> None:
        """`know` each of `pictures` and `spend` on each day of `spent_usd`, in one step."""
        rows = [(tenant, day, run, nanos(usd)) for day, usd in spent_usd.items()]

        def work(connection: sqlite3.Connection) -> None:
            _know(connection, tenant, pictures)
            connection.executemany("INSERT OR REPLACE INTO spent VALUES (?, ?, ?, ?)", rows)
            _strike(connection, tenant, run, ordered)

        await self._database.write(work)

    async def order(self, tenant: str, day: str, run: str, key: str, usd: float, *, most_usd: float) -> bool:
        """Set the money of one call aside until `spend` counts it; False where `day` has not so much left.

        Looked at and set aside in one step, whichever processes ask at once (S26).
        """

        def work(connection: sqlite3.Connection) -> bool:
            row = (tenant, day, _order(run, key), nanos(usd))
            spent = connection.execute(
                "SELECT coalesce(sum(nanos), 0) FROM spent WHERE tenant = ? AND day = ? AND run != ?", row[:3]
            ).fetchone()
            if not fits(int(spent[0]) + row[3], most_usd):
                return False
            connection.execute("INSERT OR REPLACE INTO spent VALUES (?, ?, ?, ?)", row)
            return True

        return await self._database.write(work)

    async def cancel(self, tenant: str, run: str, key: str) -> None:
        """What was set aside for a call has not been spent."""
        await self._database.write(lambda connection: _strike(connection, tenant, run, (key,)))

    async def spent_usd(self, tenant: str, day: str) -> float:
        """What the tenant's runs have cost on `day`, in all processes."""

        def work(connection: sqlite3.Connection) -> int:
            row = connection.execute(
                "SELECT coalesce(sum(nanos), 0) FROM spent WHERE tenant = ? AND day = ?", (tenant, day)
            ).fetchone()
            return int(row[0])

        return dollars(await self._database.read(work))

    async def prune(self, keep_days: float) -> None:
        """Forget turns that were handed out more than `keep_days` ago, and claims that have expired.

        Pictures, promises and money are kept: links to them are still about.
        """
        before_s = self._clock.now() - keep_days * _DAY_S

        def work(connection: sqlite3.Connection) -> None:
            connection.execute("DELETE FROM turns WHERE handed_out_at_s < ?", (before_s,))
            self.claims.forget(connection)

        await self._database.write(work)
        await self._database.shrink()

    async def _write(self, statement: str, row: tuple[object, ...]) -> None:
        def work(connection: sqlite3.Connection) -> None:
            connection.execute(statement, row)

        await self._database.write(work)


_PROMISE = "id, tenant, run, number, alt, state, picture, code, made_at_s"


def _parts(values: tuple[str, ...]) -> Iterator[tuple[str, ...]]:
    rest = iter(values)
    while some := tuple(islice(rest, _MOST_AT_ONCE)):
        yield some


def _marks(values: tuple[str, ...]) -> str:
    return ", ".join("?" * len(values))


def _order(run: str, key: str) -> str:
    """What stands in place of a run for one call of it; ids of runs have no spaces."""
    return f"{run} {key}"


def _know(connection: sqlite3.Connection, tenant: str, pictures: Iterable[Picture]) -> None:
    rows = [(tenant, each.id, json.dumps(dataclasses.asdict(each))) for each in pictures]
    connection.executemany("INSERT OR REPLACE INTO pictures VALUES (?, ?, ?)", rows)


def _strike(connection: sqlite3.Connection, tenant: str, run: str, keys: Iterable[str]) -> None:
    rows = [(tenant, _order(run, key)) for key in keys]
    connection.executemany("DELETE FROM spent WHERE tenant = ? AND run = ?", rows)
