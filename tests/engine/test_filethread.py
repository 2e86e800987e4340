"""The thread that works with a file: what is written together is told apart."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import anyio
import pytest

from limner.engine.filethread import FileThread, Work

pytestmark = pytest.mark.anyio


async def test_what_fails_after_it_was_written_takes_nobody_along(tmp_path: Path) -> None:
    """Fails if those whose work was in the same transaction wait for ever."""
    connection = sqlite3.connect(tmp_path / "facts.db", check_same_thread=False)
    connection.execute("CREATE TABLE facts (number INTEGER)")

    def transact(work: Work[object]) -> object:
        with connection:
            return work(connection)

    def refuse() -> None:
        raise ValueError("no room for it")

    told: dict[int, str] = {}
    thread = FileThread(transact)

    async def write(number: int) -> None:
        def insert(connection: sqlite3.Connection) -> None:
            connection.execute("INSERT INTO facts VALUES (?)", (number,))

        try:
            await thread.write(insert, refuse if number % 2 else lambda: None)
        except ValueError as error:
            told[number] = str(error)
        else:
            told[number] = ""

    async with anyio.create_task_group() as tasks:
        for number in range(6):
            tasks.start_soon(write, number)
    assert told == {number: "no room for it" if number % 2 else "" for number in range(6)}
    assert connection.execute("SELECT count(*) FROM facts").fetchone() == (6,)
    connection.close()
