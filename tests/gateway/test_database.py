"""One file, many writers of one process: what waits together is written together."""

from __future__ import annotations

import asyncio
import sqlite3
import threading
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import anyio
import pytest

from limner.gateway.ledger.database import Database
from limner.gateway.ledger.schema import Schema

pytestmark = pytest.mark.anyio

TABLE = Schema("test file", 0x7E57, 1, "CREATE TABLE said (word TEXT)")


@pytest.fixture
async def database(tmp_path: Path) -> AsyncIterator[Database]:
    made = Database(tmp_path / "test.db", TABLE)
    await made.open()
    yield made
    await made.aclose()


class Held:
    """A write that keeps the thread until it is let go of; then everything that is said is heard."""

    def __init__(self) -> None:
        self.begun, self.goes_on = threading.Event(), threading.Event()
        self.heard: list[str] = []

    def work(self, connection: sqlite3.Connection) -> None:
        connection.set_trace_callback(self.heard.append)
        self.begun.set()
        assert self.goes_on.wait(10)

    @property
    def commits(self) -> int:
        return self.heard.count("COMMIT")


def say(word: str) -> Callable[[sqlite3.Connection], str]:
    def work(connection: sqlite3.Connection) -> str:
        connection.execute("INSERT INTO said VALUES (?)", (word,))
        return word

    return work


async def said(database: Database) -> list[str]:
    return await database.read(lambda c: [word for (word,) in c.execute("SELECT word FROM said")])


async def begun(held: Held) -> None:
    await anyio.to_thread.run_sync(held.begun.wait, 10)
    for _ in range(20):
        await anyio.lowlevel.checkpoint()


async def test_what_waits_together_goes_to_the_disk_together(database: Database) -> None:
    """Four pictures that are drawn at once cost one transaction; each hears its own result, in its order."""
    held, results = Held(), dict[str, str]()

    async def write(word: str) -> None:
        results[word] = await database.write(say(word))

    async with anyio.create_task_group() as tasks:
        tasks.start_soon(database.write, held.work)
        await anyio.to_thread.run_sync(held.begun.wait, 10)
        for word in "abcdefgh":
            tasks.start_soon(write, word)
            await anyio.lowlevel.checkpoint()
        await begun(held)
        held.goes_on.set()
    assert results == {word: word for word in "abcdefgh"}
    assert await said(database) == list("abcdefgh")
    # The one that held the thread, those that waited, and the read.
    assert held.commits == 3


async def test_one_that_fails_takes_nobody_along(database: Database) -> None:
    """Each is told its own error, and what the others wrote is on the disk."""
    held, errors = Held(), list[str]()

    def fails(connection: sqlite3.Connection) -> None:
        connection.execute("INSERT INTO said VALUES ('never')")
        raise ValueError("no")

    async def failing() -> None:
        try:
            await database.write(fails)
        except ValueError as error:
            errors.append(str(error))

    async with anyio.create_task_group() as tasks:
        tasks.start_soon(database.write, held.work)
        await anyio.to_thread.run_sync(held.begun.wait, 10)
        tasks.start_soon(database.write, say("before"))
        tasks.start_soon(failing)
        tasks.start_soon(database.write, say("after"))
        await begun(held)
        held.goes_on.set()
    assert errors == ["no"]
    assert sorted(await said(database)) == ["after", "before"]


@pytest.mark.parametrize("anyio_backend", ["asyncio"])
async def test_a_task_that_asyncio_cancels_takes_nobody_along(database: Database) -> None:
    """Whoever wrote for all is gone: the others hear what became of theirs all the same."""
    held, within = Held(), Held()
    first = asyncio.create_task(database.write(held.work))
    await anyio.to_thread.run_sync(held.begun.wait, 10)
    leading = asyncio.create_task(database.write(say("a")))
    others = [asyncio.create_task(database.write(work)) for work in (within.work, say("b"))]
    waiting = asyncio.create_task(database.write(say("never")))
    await begun(held)
    waiting.cancel()
    first.cancel()
    await begun(held)
    held.goes_on.set()
    # Now the first of those that waited writes for all of them.
    await begun(within)
    leading.cancel()
    late = asyncio.create_task(database.write(say("c")))
    await begun(within)
    within.goes_on.set()
    assert await asyncio.gather(*others, late) == [None, "b", "c"]
    assert await said(database) == ["a", "b", "c"]
    gone = await asyncio.gather(first, leading, waiting, return_exceptions=True)
    assert [type(each) for each in gone] == [asyncio.CancelledError] * 3
