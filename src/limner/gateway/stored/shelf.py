"""Stored responses: what a client may go on with by an id, over all processes that share a folder.

A response stands there with its own input items and its output; the conversation before it is found through
the response it goes on with. Another tenant's ids are like those that never were (S17).
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from anyio import to_thread

from limner.beside import beside
from limner.clock import Clock, SystemClock
from limner.errors import JournalError
from limner.wire.responses.items import references

from ..ledger.database import Database
from ..refusal import Refusal
from .shelved import Shelved, opened, packed, shelved
from .tables import HEAD, INPUT, OUTPUT, SHELF

__all__ = ["MOST_RESPONSES", "Shelf", "Stored"]

T = TypeVar("T")

MOST_RESPONSES = 1000
"""In one conversation."""
_CHAIN_BYTES = 40 * 2**20
_TENANT_BYTES = 256 * 2**20
_MOST_AT_ONCE = 500
"""Values in one statement; SQLite's own limit was 999 for long."""
_YOUNG_S = 3600.0
"""What was gone on with so lately is not made young again: in a long conversation that is a thousand rows."""
_PRUNED_AT_ONCE = 100
"""So that others do not wait for long."""


@dataclass(frozen=True, slots=True)
class Stored:
    """A response, as it was kept."""

    id: str
    previous: str | None
    """The response that it goes on with."""
    response: Mapping[str, Any]
    """As it was told, but for pictures: a link in `limner_url` stands for the bytes in `result`."""
    items: tuple[Mapping[str, Any], ...]
    """What was sent with its own request, each with an id."""


class Shelf:
    """One SQLite file, `responses.db` in `folder`; an async context manager.

    Every method raises JournalError: `journal_unavailable` where the disk is full or read-only. Cancel:
    safe; what is kept is kept whole or not at all.
    """

    def __init__(
        self,
        folder: str | Path,
        *,
        clock: Clock | None = None,
        chain_bytes: int = _CHAIN_BYTES,
        tenant_bytes: int = _TENANT_BYTES,
    ) -> None:
        """`chain_bytes`: of all items of one conversation, as JSON.

        `tenant_bytes`: of all that is kept for one tenant, compressed. Beyond that goes first what has not
        been gone on with for the longest time.
        """
        self._database = Database(Path(folder) / "responses.db", SHELF)
        self._clock = clock or SystemClock()
        self._chain_bytes = chain_bytes
        self._tenant_bytes = tenant_bytes

    async def __aenter__(self) -> Shelf:
        """Raises: JournalError (also `journal_foreign`, `journal_newer`, `journal_unreadable`)."""
        await self._database.open()
        return self

    async def __aexit__(self, *exception: object) -> None:
        await self._database.aclose()

    async def keep(
        self,
        tenant: str,
        response: Mapping[str, Any],
        items: Sequence[Mapping[str, Any]],
        previous: str | None,
    ) -> None:
        """Keep `response`, which was asked with `items`; on the disk when this returns.

        Said again, the last word holds. All responses of the conversation are young again, to the hour, and so are
        those whose items `items` name by their ids.
        """
        # Always beside the loop: how much it is would be known only afterwards, and the disk takes longer.
        new = await to_thread.run_sync(shelved, response, items, previous)
        # Some clients send the whole conversation each time, pictures and all: it stands there once.
        known = await self._database.read(lambda connection: set(_contents(connection, tenant, new.digests)))
        bodies = await to_thread.run_sync(new.packed, known)
        named = references(items)
        now = self._clock.now()

        def work(connection: sqlite3.Connection) -> None:
            connection.execute("DELETE FROM responses WHERE tenant = ? AND id = ?", (tenant, new.id))
            _insert(connection, tenant, new, bodies, now)
            if previous is not None:
                _touch(connection, tenant, previous, now)
            _touch_named(connection, tenant, named, now)
            _trim(connection, tenant, new.id, self._tenant_bytes)

        await self._database.write(work)

    async def find(self, tenant: str, id: str) -> Stored | None:
        """The response; None where there is none."""

        def work(connection: sqlite3.Connection) -> tuple[str | None, list[_Row]] | None:
            found = connection.execute(
                "SELECT key, previous FROM responses WHERE tenant = ? AND id = ?", (tenant, id)
            ).fetchone()
            return None if found is None else (found[1], _parts_of(connection, found[0]))

        found = await self._database.read(work)
        if found is None:
            return None
        previous, parts = found
        values = await self._opened(parts)
        sides: dict[int, list[Mapping[str, Any]]] = {HEAD: [], INPUT: [], OUTPUT: []}
        for part, value in zip(parts, values, strict=True):
            sides[part.side].append(value)
        # Its place in the object was kept for the output.
        response = {**sides[HEAD][0], "output": sides[OUTPUT]}
        return Stored(id, previous, response, tuple(sides[INPUT]))

    async def history(self, tenant: str, id: str) -> tuple[Mapping[str, Any], ...]:
        """The whole conversation up to the response `id`, oldest first: what was sent, then what was told.

        Raises: Refusal (`response_not_found`, also where an earlier response of it is gone;
        `context_length_exceeded`).
        """

        def work(connection: sqlite3.Connection) -> list[_Row]:
            keys = self._chain(connection, tenant, id)
            return [part for key in reversed(keys) for part in _parts_of(connection, key, above=HEAD)]

        return tuple(await self._opened(await self._database.read(work)))

    async def items_of(self, tenant: str, ids: Iterable[str]) -> dict[str, Mapping[str, Any]]:
        """Those of `ids` that are there; of two with one id what was told, then the newest.

        Raises: Refusal (`context_length_exceeded`).
        """
        wanted = tuple(dict.fromkeys(ids))

        def work(connection: sqlite3.Connection) -> dict[str, _Row]:
            rows: dict[str, tuple[int, int]] = {}
            for some, marks in _some(wanted):
                found = connection.execute(
                    f"SELECT id, rowid, size_bytes FROM parts WHERE tenant = ? AND id IN ({marks})"
                    " ORDER BY side, response, place DESC",
                    (tenant, *some),
                )
                rows.update((name, (row, size_bytes)) for name, row, size_bytes in found)
            if sum(size_bytes for _, size_bytes in rows.values()) > self._chain_bytes:
                raise _too_long(f"has more than {self._chain_bytes} bytes", "input")
            select = f"{_SELECT} WHERE parts.rowid = ?"
            return {
                name: _Row(*connection.execute(select, (rows[name][0],)).fetchone())
                for name in wanted
                if name in rows
            }

        found = await self._database.read(work)
        return dict(zip(found, await self._opened(found.values()), strict=True))

    async def drop(self, tenant: str, id: str) -> bool:
        """Delete the response; whether there was one."""

        def work(connection: sqlite3.Connection) -> bool:
            return bool(
                connection.execute("DELETE FROM responses WHERE tenant = ? AND id = ?", (tenant, id)).rowcount
            )

        return await self._database.write(work)

    async def prune(self, before_s: float) -> int:
        """Delete what was neither kept nor gone on with since `before_s`; how many."""

        def work(connection: sqlite3.Connection) -> int:
            return connection.execute(
                "DELETE FROM responses WHERE key IN"
                " (SELECT key FROM responses WHERE used_at_s < ? ORDER BY used_at_s LIMIT ?)",
                (before_s, _PRUNED_AT_ONCE),
            ).rowcount

        deleted = 0
        while some := await self._database.write(work):
            deleted += some
        await self._database.shrink()
        return deleted

    def _chain(self, connection: sqlite3.Connection, tenant: str, id: str) -> list[int]:
        """The responses of a conversation, newest first."""
        keys: list[int] = []
        size_bytes = 0
        at: str | None = id
        while at is not None:
            found = connection.execute(
                "SELECT key, previous, items_bytes FROM responses WHERE tenant = ? AND id = ?", (tenant, at)
            ).fetchone()
            if found is None:
                raise _unknown(earlier=bool(keys))
            key, at, items_bytes = found
            keys.append(key)
            size_bytes += items_bytes
            if len(keys) > MOST_RESPONSES:
                raise _too_long(f"has more than {MOST_RESPONSES} responses", "previous_response_id")
            if size_bytes > self._chain_bytes:
                raise _too_long(f"has more than {self._chain_bytes} bytes", "previous_response_id")
        return keys

    async def _opened(self, parts: Iterable[_Row]) -> list[Mapping[str, Any]]:
        parts = list(parts)
        try:
            size_bytes = sum(part.size_bytes for part in parts)
            return await beside(size_bytes, lambda: [opened(part.body, part.id) for part in parts])
        except ValueError as error:
            raise JournalError(
                f"{self._database.path} holds a response that cannot be read; restore it from a copy",
                code="journal_unreadable",
            ) from error


@dataclass(frozen=True, slots=True)
class _Row:
    """A part, as it stands there."""

    side: int
    id: str | None
    size_bytes: int
    """As JSON."""
    body: bytes


_SELECT = "SELECT side, id, size_bytes, body FROM parts JOIN contents ON contents.key = parts.content"


def _some(values: tuple[T, ...]) -> Iterator[tuple[tuple[T, ...], str]]:
    """As many at once as a statement takes, and their marks in it."""
    for at in range(0, len(values), _MOST_AT_ONCE):
        some = values[at : at + _MOST_AT_ONCE]
        yield some, ", ".join("?" * len(some))


def _contents(connection: sqlite3.Connection, tenant: str, digests: tuple[bytes, ...]) -> dict[bytes, int]:
    """Those of `digests` that stand there already, and where."""
    found: dict[bytes, int] = {}
    for some, marks in _some(digests):
        found.update(
            connection.execute(
                f"SELECT digest, key FROM contents WHERE tenant = ? AND digest IN ({marks})", (tenant, *some)
            )
        )
    return found


def _insert(
    connection: sqlite3.Connection,
    tenant: str,
    new: Shelved,
    bodies: Mapping[bytes, bytes],
    now: float,
) -> None:
    key = connection.execute(
        "INSERT INTO responses (tenant, id, previous, items_bytes, rows_bytes, used_at_s)"
        " VALUES (?, ?, ?, ?, ?, ?)",
        (tenant, new.id, new.previous, new.items_bytes, new.rows_bytes, now),
    ).lastrowid
    contents: dict[bytes, int | None] = {**_contents(connection, tenant, new.digests)}
    for place, part in enumerate(new.parts):
        if part.digest not in contents:
            # What stood there a moment ago may have been dropped since.
            body = bodies.get(part.digest) or packed(part.data)
            contents[part.digest] = connection.execute(
                "INSERT INTO contents (tenant, digest, body) VALUES (?, ?, ?)", (tenant, part.digest, body)
            ).lastrowid
        connection.execute(
            "INSERT INTO parts (response, side, place, tenant, id, size_bytes, content)"
            " VALUES (?, ?, ?, ?, ?, ?, ?)",
            (key, part.side, place, tenant, part.id, len(part.data), contents[part.digest]),
        )


def _parts_of(connection: sqlite3.Connection, response: int, *, above: int = -1) -> list[_Row]:
    found = connection.execute(
        f"{_SELECT} WHERE response = ? AND side > ? ORDER BY side, place", (response, above)
    )
    return [_Row(*row) for row in found]


def _touch(connection: sqlite3.Connection, tenant: str, id: str, now: float) -> None:
    """A conversation that goes on is young, to its beginning: it is of no use without that."""
    connection.execute(
        "WITH RECURSIVE chain (key, previous, length) AS ("
        " SELECT key, previous, 1 FROM responses WHERE tenant = :tenant AND id = :id"
        " UNION ALL"
        " SELECT responses.key, responses.previous, length + 1 FROM responses"
        " JOIN chain ON responses.tenant = :tenant AND responses.id = chain.previous WHERE length < :most"
        ") UPDATE responses SET used_at_s = :now WHERE key IN (SELECT key FROM chain) AND used_at_s < :young",
        {"tenant": tenant, "id": id, "most": MOST_RESPONSES, "now": now, "young": now - _YOUNG_S},
    )


def _touch_named(connection: sqlite3.Connection, tenant: str, ids: tuple[str, ...], now: float) -> None:
    """Some clients go on by the ids of items alone."""
    for some, marks in _some(ids):
        connection.execute(
            "UPDATE responses SET used_at_s = ? WHERE used_at_s < ? AND key IN"
            f" (SELECT response FROM parts WHERE tenant = ? AND id IN ({marks}))",
            (now, now - _YOUNG_S, tenant, *some),
        )


def _trim(connection: sqlite3.Connection, tenant: str, newest: str, most_bytes: int) -> None:
    """Drop the oldest responses of a tenant that are too much; the newest stays whatever it takes."""
    while True:
        (kept_bytes,) = connection.execute(
            "SELECT size_bytes FROM kept WHERE tenant = ?", (tenant,)
        ).fetchone()
        dropped = 0
        if kept_bytes > most_bytes:
            # One by one: what it gives back is known only then, for others may hold the same items.
            dropped = connection.execute(
                "DELETE FROM responses WHERE key = (SELECT key FROM responses"
                " WHERE tenant = ? AND id != ? ORDER BY used_at_s, key LIMIT 1)",
                (tenant, newest),
            ).rowcount
        if not dropped:
            return


def _unknown(*, earlier: bool) -> Refusal:
    sentence = "An earlier response of this conversation is not kept any more; send all of it as input."
    return Refusal("response_not_found", sentence if earlier else "", param="previous_response_id")


def _too_long(why: str, param: str) -> Refusal:
    sentence = f"The conversation that is kept here {why}; begin a new one with the items that matter."
    return Refusal("context_length_exceeded", sentence, param=param)
