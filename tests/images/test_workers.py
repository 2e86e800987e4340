"""The pool of worker processes, whatever they do."""

from __future__ import annotations

from pathlib import Path

import anyio
import pytest

from limner.images.workers.frames import head_of, lengths, pack
from limner.images.workers.pool import WorkerFailed, Workers
from waiting import until

pytestmark = pytest.mark.anyio


@pytest.mark.parametrize(
    "module",
    [
        pytest.param("this", id="says something else than frames"),
        pytest.param("limner.not_there", id="cannot be started"),
        pytest.param("limner.images.workers.frames", id="ends at once"),
    ],
)
async def test_a_program_that_is_no_worker_fails_its_jobs(module: str) -> None:
    """Whatever it does, whoever asks hears of it, and may ask again."""
    workers = Workers(module, 1)
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


async def test_a_worker_that_never_answers_is_ended(mute: str) -> None:
    """`limit_s`; the place is free again."""
    workers = Workers(mute, 1, limit_s=0.3)
    with anyio.fail_after(20):
        for _ in range(2):
            with pytest.raises(WorkerFailed) as caught:
                await workers.ask({})
            assert caught.value.why == "too_slow"
            assert workers.pids == ()
        await workers.aclose()


async def test_who_waits_for_a_place_learns_that_the_pool_is_closed(mute: str) -> None:
    """No job is left waiting for a worker that nobody starts any more."""
    workers = Workers(mute, 1)
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


def test_a_frame_is_the_same_in_one_piece_or_in_slices() -> None:
    """A body may be sent behind its head as it comes."""
    head, body = {"prompt": "\ud800 fox"}, b"bytes"
    assert pack(head, body) == head_of(head, len(body)) + body
    assert lengths(pack(head, body)[:8]) == (len(pack(head)) - 8, len(body))
