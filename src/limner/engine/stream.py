"""What a streamed reply is read from."""

from __future__ import annotations

from collections import deque

import anyio
from anyio.streams.memory import MemoryObjectReceiveStream

from limner.errors import CallerError
from limner.reply.reply import Reply

from .progress import ReplyFinished, StreamEvent

__all__ = ["ReplyStream"]


class ReplyStream:
    """The events of one reply; iterate it once, inside its `async with` block."""

    def __init__(self, receive: MemoryObjectReceiveStream[tuple[StreamEvent, ...]]) -> None:
        self._receive = receive
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
        while not self._events:
            try:
                self._events.extend(await self._receive.receive())
            except (anyio.EndOfStream, anyio.ClosedResourceError):
                raise StopAsyncIteration from None
        event = self._events.popleft()
        if isinstance(event, ReplyFinished):
            self._reply = event.reply
        return event
