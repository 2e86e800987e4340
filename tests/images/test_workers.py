"""The pool of worker processes, whatever they do."""

from __future__ import annotations

from pathlib import Path

import anyio
import anyio.lowlevel
import pytest

from limner.images.workers.frames import head_of, lengths, pack
from limner.images.workers.pool import WorkerFailed, Workers
from waiting import until

pytestmark = pytest.mark.anyio


@pytest.fixture(params=[True, False], ids=["over sockets", "over pipes"])
def pairs(request: pytest.FixtureRequest) -> bool:
    """Both ways to a worker; the second is for systems that cannot give a process a socket."""
    return bool(request.param)


@pytest.mark.parametrize(
    "module",
    [
        pytest.param("this", id="says something else than frames"),
        pytest.param("limner.not_there", id="cannot be started"),
        pytest.param("limner.images.workers.frames", id="ends at once"),
    ],
)
async def test_a_program_that_is_no_worker_fails_its_jobs(module: str, pairs: bool) -> None:
    """Whatever it does, whoever asks hears of it, and may ask again."""
    workers = Workers(module, 1, pairs=pairs)
    with anyio.fail_after(20):
        for _ in range(2):
            with pytest.raises(WorkerFailed) as caught:
                await workers.ask({"a": 1}, bytes(2_000_000))
            assert caught.value.why == "ended"
            assert workers.pids == ()
        await workers.aclose()


@pytest.fixture
def mute(monkeypatch: pytest.MonkeyPatch) -> str:
    """A worker of the tests, where workers find it."""
    monkeypatch.setenv("PYTHONPATH", str(Path(__file__).parents[1]))
    return "mute_worker"


async def test_a_worker_that_never_answers_is_ended(mute: str, pairs: bool) -> None:
    """`limit_s`; the place is free again."""
    workers = Workers(mute, 1, limit_s=0.3, pairs=pairs)
    with anyio.fail_after(20):
        for _ in range(2):
            with pytest.raises(WorkerFailed) as caught:
                await workers.ask({})
            assert caught.value.why == "too_slow"
            assert workers.pids == ()
        await workers.aclose()


async def test_who_waits_for_a_place_learns_that_the_pool_is_closed(mute: str, pairs: bool) -> None:
    """No job is left waiting for a worker that nobody starts any more."""
    workers = Workers(mute, 1, pairs=pairs)
    whys: list[str] = []

    async def ask() -> None:
        with pytest.raises(WorkerFailed) as caught:
            await workers.ask({})
        whys.append(caught.value.why)

    with anyio.fail_after(20):
        async with anyio.create_task_group() as tasks:
            for _ in range(3):
                tasks.start_soon(ask)
            await until(lambda: bool(workers.pids))
            await workers.aclose()
    assert sorted(whys) == ["closed", "closed", "ended"]


@pytest.fixture
def echo(monkeypatch: pytest.MonkeyPatch) -> str:
    """A worker that answers with what it was asked, where workers find it."""
    monkeypatch.setenv("PYTHONPATH", str(Path(__file__).parents[1]))
    return "echo_worker"


@pytest.mark.parametrize("size_bytes", [0, 1, 65_536, 3_000_001])
async def test_frames_of_any_size_come_and_go_as_they_are(echo: str, pairs: bool, size_bytes: int) -> None:
    """Heads and bodies that fit into one read, and those that do not, one after the other."""
    body = bytes(range(251)) * (size_bytes // 251 + 1)
    workers = Workers(echo, 1, pairs=pairs)
    with anyio.fail_after(20):
        for head in ({}, {"words": "fox" * (size_bytes // 3)}, {"prompt": "\ud800"}):
            assert await workers.ask(head, body[:size_bytes]) == (head, body[:size_bytes])
            assert len(workers.pids) == 1
        await workers.aclose()
    assert workers.pids == ()


async def test_a_job_that_is_given_up_takes_its_worker_and_no_other_job(echo: str, pairs: bool) -> None:
    """Cancel: half a frame may be on its way, so nothing that comes back can be told apart any more."""
    workers = Workers(echo, 1, pairs=pairs)
    body = bytes(30_000_000)
    with anyio.fail_after(20):
        await workers.ask({})
        (pid,) = workers.pids
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(workers.ask, {}, body)
            for _ in range(10):
                await anyio.lowlevel.checkpoint()
            tasks.cancel_scope.cancel()
        assert pid not in workers.pids
        assert await workers.ask({"number": 2}, b"two") == ({"number": 2}, b"two")
        await workers.aclose()


def test_a_frame_is_the_same_in_one_piece_or_in_slices() -> None:
    """A body may be sent behind its head as it comes."""
    head, body = {"prompt": "\ud800 fox"}, b"bytes"
    assert pack(head, body) == head_of(head, len(body)) + body
    assert lengths(pack(head, body)[:8]) == (len(pack(head)) - 8, len(body))
