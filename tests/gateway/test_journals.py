"""Journals of processes that share a folder: one file each, and runs that outlive their process."""

from __future__ import annotations

import signal
import sqlite3
import subprocess
import sys
from contextlib import aclosing
from pathlib import Path

import pytest

from limner.core.events import LimitReached
from limner.core.state import State
from limner.errors import JournalError
from limner.gateway.books.journals import Journals

pytestmark = pytest.mark.anyio

OTHER = """
import sys, anyio
from limner.core.events import LimitReached
from limner.core.state import State
from limner.gateway.books.journals import Journals

async def main():
    journals = Journals(sys.argv[1])
    await journals.open()
    (slot,) = (await journals.begin("theirs", State(owner="me"))).reserve(["k"])
    async def perform(): return LimitReached("seconds")
    await slot.run(perform)
    print(journals.own.path.name, flush=True)
    await anyio.sleep_forever()

anyio.run(main)
"""


async def test_each_process_records_in_the_first_file_that_nobody_holds(tmp_path: Path) -> None:
    """The state folder is shared; a file has one owner."""
    async with aclosing(Journals(tmp_path)) as first, aclosing(Journals(tmp_path)) as second:
        await first.open()
        await second.open()
        assert (first.own.path.name, second.own.path.name) == ("journal-0.db", "journal-1.db")
        async with aclosing(Journals(tmp_path, first=1)) as third:
            await third.open()
            assert third.own.path.name == "journal-2.db"
        await first.aclose()
        async with aclosing(Journals(tmp_path, first=1)) as third:
            await third.open()
            assert third.own.path.name == "journal-0.db"


async def test_a_run_goes_on_in_another_process_when_its_own_was_killed(tmp_path: Path) -> None:
    """P01: what was begun is known to whoever comes next, and to nobody else before that."""
    with subprocess.Popen([sys.executable, "-c", OTHER, tmp_path], stdout=subprocess.PIPE) as other:  # noqa: ASYNC220  nothing else runs meanwhile
        assert other.stdout is not None
        assert other.stdout.readline() == b"journal-0.db\n"
        async with aclosing(Journals(tmp_path)) as journals:
            await journals.open()
            with pytest.raises(JournalError) as caught:
                await journals.load("theirs")
            assert caught.value.code == "journal_busy"
            assert await journals.runs() == ()
            assert await journals.forget(2e9) == 0
            other.send_signal(signal.SIGKILL)
            other.wait()
            found = await journals.load("theirs")
            assert (found.state.owner, found.events) == ("me", (LimitReached("seconds"),))
            with pytest.raises(JournalError) as caught:
                await journals.load("theirs")
            assert caught.value.code == "journal_busy"
            with pytest.raises(JournalError) as caught:
                await journals.load("nobody's")
            assert caught.value.code == "run_unknown"


async def test_a_file_is_let_go_of_when_its_runs_are_at_rest(tmp_path: Path) -> None:
    """The process whose file it was may come back."""
    async with aclosing(Journals(tmp_path)) as first:
        await first.open()
        await first.begin("old", State())
    async with aclosing(Journals(tmp_path, first=1)) as second, aclosing(Journals(tmp_path)) as third:
        await second.open()
        found = await second.load("old")
        await third.open()
        assert third.own.path.name == "journal-2.db"
        await third.aclose()
        assert found.events == ()
        del found
        assert await second.runs() == ("old",)
        await third.open()
        assert third.own.path.name == "journal-0.db"
        assert await third.runs() == ("old",)


async def test_old_runs_of_ended_processes_are_forgotten_too(tmp_path: Path) -> None:
    """Turns are kept for some days, whoever recorded them."""
    async with aclosing(Journals(tmp_path)) as first:
        await first.open()
        await first.begin("old", State())
    async with aclosing(Journals(tmp_path, first=1)) as second:
        await second.open()
        await second.begin("own", State())
        assert await second.forget(0.0) == 0
        assert await second.forget(2e9) == 2
        assert await second.runs() == ()


async def test_a_foreign_file_is_refused_at_the_start(tmp_path: Path) -> None:
    """P05: nothing is recorded over somebody else's database."""
    connection = sqlite3.connect(tmp_path / "journal-0.db")
    connection.execute("CREATE TABLE theirs (x)")
    connection.commit()
    connection.close()
    async with aclosing(Journals(tmp_path)) as journals:
        with pytest.raises(JournalError) as caught:
            await journals.open()
        assert caught.value.code == "journal_foreign"
        with pytest.raises(JournalError) as caught:
            await journals.begin("run", State())
        assert caught.value.code == "journal_unavailable"
