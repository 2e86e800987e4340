"""One contract for all recorders, and what the SQLite file adds: power cuts, one owner, clear errors."""

from __future__ import annotations

import os
import sqlite3
import stat
import subprocess
import sys
import threading
from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing, asynccontextmanager
from pathlib import Path

import anyio
import anyio.lowlevel
import pytest

from limner import MemoryRecorder, SQLiteRecorder
from limner.core.events import Event, LimitReached, UserSpoke
from limner.core.state import State
from limner.engine.recorder import Recorded, Recorder
from limner.errors import JournalError

pytestmark = pytest.mark.anyio

Make = Callable[[], Recorder]


@pytest.fixture(params=["memory", "sqlite"])
def make(request: pytest.FixtureRequest, tmp_path: Path) -> Make:
    """A recorder; made again, it knows what the former one recorded, where it promises that."""
    memory = MemoryRecorder()
    return lambda: memory if request.param == "memory" else SQLiteRecorder(tmp_path / "journal")


@asynccontextmanager
async def opened(make: Make) -> AsyncGenerator[Recorder, None]:
    recorder = make()
    try:
        yield recorder
    finally:
        await recorder.aclose()


class Performance:
    def __init__(self, event: Event) -> None:
        self.event = event
        self.times = 0

    async def __call__(self) -> Event:
        self.times += 1
        await anyio.lowlevel.checkpoint()
        return self.event


async def test_a_fact_is_performed_once_and_found_again(make: Make) -> None:
    """The contract of `Slot.run`."""
    hello, again = Performance(UserSpoke("hello", 1.5)), Performance(UserSpoke("other", 2.0))
    async with opened(make) as recorder:
        journal = await recorder.begin("run", State(owner="me"))
        (slot,) = journal.reserve(["t1/user"])
        assert await slot.run(hello) == hello.event
        assert await slot.run(again) == hello.event
        (same,) = journal.reserve(["t1/user"])
        assert await same.run(again) == hello.event
    assert (hello.times, again.times) == (1, 0)
    async with opened(make) as recorder:
        found = await recorder.load("run")
        assert (found.state, found.events) == (State(owner="me"), (hello.event,))
        (slot,) = found.journal.reserve(["t1/user"])
        assert await slot.run(again) == hello.event


async def test_facts_are_loaded_in_the_order_recorded(make: Make) -> None:
    """What is recorded first is folded first, so that a resume agrees."""
    events = [UserSpoke(str(at), float(at)) for at in range(30)]
    async with opened(make) as recorder:
        journal = await recorder.begin("run", State())
        slots = journal.reserve([f"k{at}" for at in range(30)])
        for at in (*range(0, 30, 2), *range(1, 30, 2)):
            await slots[at].run(Performance(events[at]))
    async with opened(make) as recorder:
        found = await recorder.load("run")
        assert found.events == (*events[::2], *events[1::2])


async def test_facts_that_come_at_once_are_all_found_again(make: Make) -> None:
    """Whoever returns from `Slot.run` has its fact kept, however many are written together with it."""
    events = {f"k{at}": UserSpoke(str(at), float(at)) for at in range(12)}
    runs = [f"run{number}" for number in range(5)]
    async with opened(make) as recorder:
        journals = {run: await recorder.begin(run, State()) for run in runs}
        async with anyio.create_task_group() as tasks:
            for key, event in events.items():
                for journal in journals.values():
                    (slot,) = journal.reserve([key])
                    tasks.start_soon(slot.run, Performance(event))
        for run in runs:
            (slot,) = journals[run].reserve(["k3"])
            assert await slot.run(Performance(events["k4"])) == events["k3"]
    # Whoever holds them would still own the runs.
    del journal, journals, slot
    async with opened(make) as recorder:
        for run in runs:
            found = await recorder.load(run)
            assert sorted(each.at_s for each in found.events if isinstance(each, UserSpoke)) == [
                float(at) for at in range(12)
            ]


async def test_a_performance_that_fails_records_nothing(make: Make) -> None:
    """It may be tried again."""

    async def fail() -> Event:
        raise ZeroDivisionError

    async with opened(make) as recorder:
        (slot,) = (await recorder.begin("run", State())).reserve(["k"])
        with pytest.raises(ZeroDivisionError):
            await slot.run(fail)
        event = LimitReached("seconds")
        assert await slot.run(Performance(event)) == event
    async with opened(make) as recorder:
        assert (await recorder.load("run")).events == (event,)


async def test_runs_are_listed_oldest_first_and_named_once(make: Make) -> None:
    """`run_exists` and `run_unknown`."""
    async with opened(make) as recorder:
        for run in ("b", "a", "c"):
            await recorder.begin(run, State())
        assert await recorder.runs() == ("b", "a", "c")
        with pytest.raises(JournalError) as caught:
            await recorder.begin("a", State())
        assert caught.value.code == "run_exists"
        with pytest.raises(JournalError) as caught:
            await recorder.load("d")
        assert caught.value.code == "run_unknown"


async def test_a_run_has_one_owner_in_a_process(make: Make) -> None:
    """Two that go on with the same run would buy its pictures twice."""
    async with opened(make) as recorder:
        journal = await recorder.begin("run", State())
        with pytest.raises(JournalError) as caught:
            await recorder.load("run")
        assert caught.value.code == "journal_busy"
        del journal, caught
        found = await recorder.load("run")
        with pytest.raises(JournalError) as caught:
            await recorder.load("run")
        assert caught.value.code == "journal_busy"
        assert found.events == ()


async def test_of_many_that_want_a_run_at_once_one_gets_it(make: Make) -> None:
    """A client that sends its results twice at once must not have two conversations go on with one run."""
    found: list[Recorded] = []
    refused: list[str] = []

    async def load(recorder: Recorder) -> None:
        try:
            found.append(await recorder.load("run"))
        except JournalError as error:
            refused.append(error.code)

    async with opened(make) as recorder:
        journal = await recorder.begin("run", State())
        del journal
        async with anyio.create_task_group() as tasks:
            for _ in range(5):
                tasks.start_soon(load, recorder)
        assert len(found) == 1
        assert refused == ["journal_busy"] * 4
        # Whoever has it may give it back, and nobody else holds it.
        found.clear()
        await load(recorder)
        assert len(found) == 1


async def test_a_journal_is_locked_by_the_process_that_uses_it(tmp_path: Path) -> None:
    """One owner per run. The lock ends with the process, however it ends."""
    path = tmp_path / "journal"
    hold = (
        "import sys, anyio\nfrom limner import SQLiteRecorder\nfrom limner.core.state import State\n"
        "async def main():\n    r = SQLiteRecorder(sys.argv[1])\n    await r.begin('run', State())\n    print('held', flush=True)\n"
        "    await anyio.sleep_forever()\nanyio.run(main)"
    )
    with subprocess.Popen([sys.executable, "-c", hold, path], stdout=subprocess.PIPE) as other:  # noqa: ASYNC220  nothing else runs meanwhile
        assert other.stdout is not None
        assert other.stdout.readline() == b"held\n"
        async with opened(lambda: SQLiteRecorder(path)) as recorder:
            with pytest.raises(JournalError) as caught:
                await recorder.runs()
            assert caught.value.code == "journal_busy"
            other.kill()
            other.wait()
            assert await recorder.runs() == ("run",)


async def test_the_file_is_nobody_elses_to_read(tmp_path: Path) -> None:
    """Prompts stand in it."""
    async with opened(lambda: SQLiteRecorder(tmp_path / "journal")) as recorder:
        await recorder.begin("run", State())
    assert stat.S_IMODE(os.stat(tmp_path / "journal").st_mode) == 0o600


async def test_making_a_recorder_opens_nothing(tmp_path: Path) -> None:
    """The file is made when first needed."""
    SQLiteRecorder(tmp_path / "journal")
    assert os.listdir(tmp_path) == []


async def test_the_file_survives_a_power_cut(tmp_path: Path) -> None:
    """WAL with `synchronous=FULL`: only FULL survives (facts, serving: SQLite)."""
    recorder = SQLiteRecorder(tmp_path / "journal")
    await recorder.begin("run", State())
    connection = recorder._connection
    assert connection is not None
    assert connection.execute("PRAGMA synchronous").fetchone() == (2,)
    assert connection.execute("PRAGMA journal_mode").fetchone() == ("wal",)
    await recorder.aclose()


def _foreign(path: Path) -> None:
    with sqlite3.connect(path) as connection:
        connection.execute("CREATE TABLE mine (x)")
    connection.close()


def _empty(path: Path) -> None:
    with sqlite3.connect(path) as connection:
        connection.execute("PRAGMA user_version=1")
    connection.close()


def _contents(folder: Path) -> dict[str, bytes]:
    return {each.name: each.read_bytes() for each in folder.iterdir()}


def _newer(path: Path) -> None:
    with sqlite3.connect(path) as connection:
        connection.execute("PRAGMA user_version=99")
    connection.close()


@pytest.mark.parametrize(
    ("spoil", "code"),
    [
        (lambda path: path.write_bytes(b"not a database at all" * 100), "journal_unreadable"),
        (lambda path: path.write_bytes(b"x"), "journal_unreadable"),
        (lambda path: path.write_bytes(b"a short note\n"), "journal_unreadable"),
        (lambda path: path.mkdir(), "journal_unavailable"),
        (_foreign, "journal_foreign"),
        (_newer, "journal_newer"),
    ],
    ids=["garbage", "one byte", "a note", "folder", "foreign", "newer"],
)
async def test_a_file_that_is_not_ours_is_refused_and_left_alone(
    spoil: Callable[[Path], None], code: str, tmp_path: Path
) -> None:
    """P05: no automatic deletion, no migration by guessing."""
    path = tmp_path / "journal"
    spoil(path)
    before = path.read_bytes() if path.is_file() else b""
    async with opened(lambda: SQLiteRecorder(path)) as recorder:
        with pytest.raises(JournalError) as caught:
            await recorder.begin("run", State())
    assert caught.value.code == code
    assert (path.read_bytes() if path.is_file() else b"") == before


@pytest.mark.parametrize(
    "make", [lambda path: None, Path.touch, _empty], ids=["missing", "empty", "no tables"]
)
async def test_looking_into_a_journal_makes_none(make: Callable[[Path], None], tmp_path: Path) -> None:
    """`limner resume FILE` made a journal of a file of somebody's own."""
    path = tmp_path / "journal"
    make(path)
    before = _contents(tmp_path)
    async with opened(lambda: SQLiteRecorder(path)) as recorder:
        assert await recorder.runs() == ()
        with pytest.raises(JournalError) as caught:
            await recorder.load("run")
        assert caught.value.code == "run_unknown"
        assert _contents(tmp_path) == before

        await recorder.begin("run", State())
        assert await recorder.runs() == ("run",)


async def test_a_pipe_is_no_journal(tmp_path: Path) -> None:
    """What is not a file cannot be read again."""
    path = tmp_path / "pipe"
    os.mkfifo(path)
    async with opened(lambda: SQLiteRecorder(path)) as recorder:
        with anyio.fail_after(5), pytest.raises(JournalError) as caught:
            await recorder.begin("run", State())
    assert caught.value.code == "journal_unavailable"
    assert path.is_fifo()


async def test_old_runs_are_forgotten_and_those_in_use_are_not(tmp_path: Path) -> None:
    """What a service keeps for some days: `SQLiteRecorder.forget`."""
    path = tmp_path / "journal"
    async with aclosing(SQLiteRecorder(path)) as recorder:
        assert await recorder.forget(2e9) == 0
        assert not path.exists()
        for run in ("done", "new", "in use"):
            (slot,) = (await recorder.begin(run, State())).reserve(["k"])
            await slot.run(Performance(LimitReached("seconds")))
    with sqlite3.connect(path) as connection:
        connection.execute("UPDATE runs SET begun_at_s = 1000 WHERE run != 'new'")
    connection.close()
    async with aclosing(SQLiteRecorder(path)) as recorder:
        held = await recorder.load("in use")
        assert not recorder.idle
        assert await recorder.forget(1000.5) == 1
        assert await recorder.runs() == ("in use", "new")
        assert held.events == (LimitReached("seconds"),)
    connection = sqlite3.connect(path)
    assert connection.execute("SELECT count(*) FROM facts WHERE run = 'done'").fetchone() == (0,)
    connection.close()


async def test_a_journal_can_be_held_before_its_first_run(tmp_path: Path) -> None:
    """P05: a service learns at its start whether it can record."""
    path = tmp_path / "journal"
    async with aclosing(SQLiteRecorder(path)) as recorder:
        await recorder.open()
        assert recorder.idle
        async with aclosing(SQLiteRecorder(path, wait_s=0)) as other:
            with pytest.raises(JournalError) as caught:
                await other.open()
        assert caught.value.code == "journal_busy"
        await recorder.begin("run", State())


async def test_a_full_disk_is_an_error_that_says_what_to_do(tmp_path: Path) -> None:
    """P04: facts that can't be recorded stop the buying. The limit on a file's size stands for the disk."""
    script = (
        "import resource, signal, sys, anyio\n"
        "from limner import JournalError, SQLiteRecorder\n"
        "from limner.core.state import State\nfrom limner.core.events import UserSpoke\n"
        "async def main():\n"
        "    journal = await SQLiteRecorder(sys.argv[1]).begin('run', State())\n"
        "    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)\n"
        "    resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, 100_000))\n"
        "    async def big(): return UserSpoke('x' * 200_000, 0.0)\n"
        "    (slot,) = journal.reserve(['k'])\n"
        "    try:\n        await slot.run(big)\n"
        "    except JournalError as error:\n        print(error.code)\n"
        "anyio.run(main)"
    )
    done = await anyio.run_process([sys.executable, "-c", script, str(tmp_path / "journal")])
    assert done.stdout.decode().strip() == "journal_unavailable"
    recorder = SQLiteRecorder(tmp_path / "journal")
    async with aclosing(recorder):
        assert (await recorder.load("run")).events == ()


async def test_a_run_that_was_let_go_can_be_loaded_at_once(tmp_path: Path) -> None:
    """Also while threads are slow to let go of what they have written."""
    over = threading.Event()

    def burn() -> None:
        while not over.is_set():
            sum(range(1000))

    async def work() -> Event:
        return LimitReached("seconds")

    burning = threading.Thread(target=burn)
    recorder = SQLiteRecorder(tmp_path / "runs.db")
    burning.start()
    try:
        for number in range(60):
            (slot,) = (await recorder.begin(f"run {number}", State())).reserve(("key",))
            await slot.run(work)
            del slot
            assert len((await recorder.load(f"run {number}")).events) == 1
    finally:
        over.set()
        burning.join()
        await recorder.aclose()
