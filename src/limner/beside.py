"""Work whose time grows with what a client sends: beside the event loop where that is much, else at once."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from anyio import to_thread

__all__ = ["LARGE_BYTES", "beside"]

T = TypeVar("T")

LARGE_BYTES = 128 << 10
"""Going through so much takes about as long as handing it to a thread."""


async def beside(size_bytes: int, work: Callable[[], T]) -> T:
    """What `work` gives, which goes through `size_bytes`.

    Raises: what it raises. Cancel: it is done to its end all the same.
    """
    return await to_thread.run_sync(work) if size_bytes > LARGE_BYTES else work()
