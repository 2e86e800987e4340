"""From bytes to a kept picture: inspected in a process of its own, stored, and nothing left behind."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import anyio
import anyio.lowlevel
import pytest

import pictures
from limner.images.inspector import Inspector
from limner.storage import MemoryStorage
from limner.storage.keeping import keep
from waiting import until

pytestmark = pytest.mark.anyio


@asynccontextmanager
async def inspector(workers: int = 2) -> AsyncIterator[Inspector]:
    made = Inspector(workers=workers)
    try:
        with anyio.fail_after(30):
            yield made
    finally:
        await made.aclose()


async def test_i12_no_more_than_two_pictures_are_decoded_at_once() -> None:
    """I12: sixteen legal pictures at once took gigabytes of memory."""
    store, data = MemoryStorage(), pictures.scanned(2000, 2000, 40)
    most = left = 0

    async with inspector() as made:

        async def kept() -> None:
            nonlocal left
            await keep(store, made, "local", data)
            left -= 1

        async with anyio.create_task_group() as tasks:
            for _ in range(8):
                left += 1
                tasks.start_soon(kept)
            while left:
                most = max(most, len(made.pids))
                await anyio.lowlevel.checkpoint()
    assert most == 2


async def test_who_is_cancelled_does_not_wait_for_the_decoder() -> None:
    """CONVENTIONS, "Cancel": leaving the engine takes no longer than it must."""
    data = pictures.scanned(6300, 6300, 12)
    async with inspector() as made:
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(made.inspect, data)
            await until(lambda: bool(made.pids))
            tasks.cancel_scope.cancel()
        assert made.pids == ()
