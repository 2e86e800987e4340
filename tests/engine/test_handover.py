"""Events reach their reader in the order in which they were put, and no faster than it reads."""

from __future__ import annotations

import anyio
import pytest
from anyio.lowlevel import checkpoint

from limner.engine.progress import TextDelta
from limner.engine.stream import Handover, ReplyStream

pytestmark = pytest.mark.anyio


def batch(*words: str) -> tuple[TextDelta, ...]:
    return tuple(TextDelta(word) for word in words)


async def test_a_batch_is_laid_down_without_a_wait_and_the_next_waits_for_the_reader() -> None:
    """A slow reader holds its provider back: one batch lies there, one waits beside it."""
    handover, put = Handover(), []

    async def speak() -> None:
        for word in "abcd":
            await handover.put(batch(word))
            put.append(word)
        handover.end()

    async with anyio.create_task_group() as tasks:
        tasks.start_soon(speak)
        with anyio.fail_after(5):
            while len(put) < 1:
                await checkpoint()
        for _ in range(10):
            await checkpoint()
        assert put == ["a"]
        stream = ReplyStream(handover)
        assert [event async for event in stream] == list(batch(*"abcd"))
        assert put == list("abcd")


async def test_what_two_tasks_put_keeps_its_order() -> None:
    """A picture that is finished must not be told in front of the place that it was promised for."""
    handover = Handover()
    order: list[str] = []

    async def speak(name: str) -> None:
        for number in range(20):
            order.append(f"{name}{number}")
            await handover.put(batch(f"{name}{number}"))

    heard: list[TextDelta] = []

    async def read() -> None:
        while events := await handover.take():
            heard.extend(event for event in events if isinstance(event, TextDelta))

    with anyio.fail_after(5):
        async with anyio.create_task_group() as readers:
            readers.start_soon(read)
            async with anyio.create_task_group() as tasks:
                for name in "abc":
                    tasks.start_soon(speak, name)
            handover.end()
    assert [event.text for event in heard] == order


async def test_the_end_is_told_to_a_reader_that_waits_and_to_one_that_comes_later() -> None:
    """An iterator that is over stays over."""
    handover = Handover()
    stream = ReplyStream(handover)
    with anyio.fail_after(5):
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(handover.put, batch("a", "b"))
            assert await anext(stream) == TextDelta("a")
            await handover.put(batch("c"))
            handover.end()
            assert [event async for event in stream] == list(batch("b", "c"))
        assert [event async for event in stream] == []
