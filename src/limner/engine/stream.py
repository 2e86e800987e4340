"""What a streamed reply is read from, and how its events get there."""

from __future__ import annotations

from collections import deque

import anyio

from limner.errors import CallerError
from limner.reply.reply import Reply

from .progress import ReplyFinished, StreamEvent

__all__ = ["Handover", "ReplyStream"]


class Handover:
    """Events on their way from the tasks of a turn to its reader, in the order in which they were put."""

    def __init__(self) -> None:
        self._batch: tuple[StreamEvent, ...] = ()
        self._over = False
        self._put: anyio.Event | None = None
        """Somebody waits for a batch."""
        self._taken: anyio.Event | None = None
        """Somebody waits until it is taken."""

    async def put(self, events: tuple[StreamEvent, ...]) -> None:
        """Lay down what is not nothing; where something lay there already, wait until the reader has it."""
        waits = bool(self._batch)
        # At once and not after the wait: another task must not come in between.
        self._batch += events
        self._wake()
        if waits and not self._over:
            self._taken = self._taken or anyio.Event()
            await self._taken.wait()

    async def take(self) -> tuple[StreamEvent, ...]:
        """What has been put; () at the end."""
        while not self._batch and not self._over:
            self._put = self._put or anyio.Event()
            await self._put.wait()
        batch, self._batch = self._batch, ()
        if self._taken is not None:
            self._taken.set()
            self._taken = None
        return batch

    def end(self) -> None:
        """Nothing is put any more; what lies there can still be taken."""
        self._over = True
        self._wake()

    def _wake(self) -> None:
        if self._put is not None:
            self._put.set()
            self._put = None


class ReplyStream:
    """The events of one reply; iterate it once, inside its `async with` block."""

    def __init__(self, handover: Handover) -> None:
        self._handover = handover
        self._events: deque[StreamEvent] = deque()
        self._reply: Reply | None = None

    @property
    def reply(self) -> Reply:
        """The whole reply, once `ReplyFinished` was told.

        Raises: CallerError (`stream_unfinished`).
        """
        if self._reply is None:
            raise CallerError(
                "the reply is not finished; read the stream to its end", code="stream_unfinished"
            )
        return self._reply

    # An iterator, not a generator: one that is abandoned would be closed by the garbage collector.
    def __aiter__(self) -> ReplyStream:
        return self

    async def __anext__(self) -> StreamEvent:
        if not self._events:
            batch = await self._handover.take()
            if not batch:
                raise StopAsyncIteration
            self._events.extend(batch)
        event = self._events.popleft()
        if isinstance(event, ReplyFinished):
            self._reply = event.reply
        return event
