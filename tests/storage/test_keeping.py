"""From bytes to a kept picture: two at a time, and never longer than somebody waits."""

from __future__ import annotations

import sys
from types import FrameType

import anyio
import anyio.lowlevel
import pytest

import pictures
from limner.images.inspection import inspect
from limner.storage import MemoryStorage
from limner.storage.keeping import inspected, keep

pytestmark = pytest.mark.anyio


def at_work() -> int:
    """How many threads inspect a picture at this moment."""
    working = 0
    for frame in sys._current_frames().values():  # what runs where is told nowhere else
        caller: FrameType | None = frame
        while caller is not None and caller.f_code is not inspect.__code__:
            caller = caller.f_back
        working += caller is not None
    return working


async def test_i12_no_more_than_two_pictures_are_decoded_at_once() -> None:
    """Scorecard I12: sixteen legal pictures at once took gigabytes of memory."""
    store, data = MemoryStorage(), pictures.scanned(2000, 2000, 40)
    most = left = 0

    async def kept() -> None:
        nonlocal left
        await keep(store, "local", data)
        left -= 1

    with anyio.fail_after(20):
        async with anyio.create_task_group() as tasks:
            for _ in range(8):
                left += 1
                tasks.start_soon(kept)
            while left:
                most = max(most, at_work())
                await anyio.lowlevel.checkpoint()
    # Fails if the limiter of inspected() is removed.
    assert most == 2


async def test_who_is_cancelled_does_not_wait_for_the_decoder() -> None:
    """CONVENTIONS, "Cancel": leaving the engine takes no longer than it must."""
    data = pictures.scanned(6300, 6300, 12)
    with anyio.fail_after(20):
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(inspected, data)
            while not at_work():
                await anyio.lowlevel.checkpoint()
            tasks.cancel_scope.cancel()
        assert at_work() == 1
        while at_work():
            await anyio.lowlevel.checkpoint()
