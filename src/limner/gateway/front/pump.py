r"""Sends one answer: in time, at the reader's pace, and only as long as somebody reads.

The endpoint and its frames run in the request's own task, so that their cancel scopes hold. What comes from
outside (the client left, it reads nothing, the service stops) interrupts that task. A timer, not a task,
watches over silence and stalls: a frame costs nothing beside its own write.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping, MutableMapping
from dataclasses import dataclass
from typing import Any, Literal, Protocol, TypeVar

from limner.wire.frames import comment

from ..exchange import Streamed, Whole

__all__ = ["COMMENT", "Connection", "Interrupted", "Pace", "Pump", "Reason"]

T = TypeVar("T")
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]
Reason = Literal["left", "stalled", "stopping"]

COMMENT = comment()

_EVENT_STREAM = {
    "content-type": "text/event-stream; charset=utf-8",
    "cache-control": "no-cache",
    # nginx would collect the frames otherwise.
    "x-accel-buffering": "no",
}
_BODILESS = (204, 304)


class Connection(Protocol):
    """What our server says of a connection beside ASGI, under `scope["extensions"]["limner"]`."""

    @property
    def body_pending(self) -> bool:
        """Whether the request's body has not arrived to its end."""
        ...

    def hold_head(self) -> None:
        """Send the head that is written next together with what follows it."""
        ...

    def abort(self) -> None:
        """Close it at once, whatever was not sent yet."""
        ...


@dataclass(frozen=True, slots=True)
class Pace:
    """The times of an answer. Source: scorecard sections 3.1 and 3.3."""

    head_s: float = 15.0
    """Seconds for which a streamed answer's head waits for its first frame."""
    keep_alive_s: float = 15.0
    """Seconds of silence before a comment is sent."""
    write_s: float = 60.0
    """Seconds for which a client may read nothing of what is being sent."""
    piece_bytes: int = 64 << 10
    """What is larger is written in pieces, each when the one before has left."""


class Interrupted(Exception):
    """The work was cancelled from outside; `reason` says why."""

    def __init__(self, reason: Reason) -> None:
        super().__init__(reason)
        self.reason = reason


class Pump:
    """One request's way back to its client."""

    def __init__(
        self,
        receive: Receive,
        send: Send,
        pace: Pace,
        headers: Mapping[str, str],
        connection: Connection | None = None,
    ) -> None:
        """`headers` are those of every answer: the request's id."""
        self.status = 0
        """Of the head that was sent; 0 before."""
        self.torn = False
        """Whether a part of a frame or of a body was sent without its end."""
        self._last = False
        self._connection = connection
        self._receive = receive
        self._asgi_send = send
        self._pace = pace
        self._headers = headers
        self._loop = asyncio.get_running_loop()
        self._task: asyncio.Task[Any] | None = None
        self._reason: Reason | None = None
        self._left = False
        self._sending_since: float | None = None
        self._sent_at = 0.0
        self._timer: asyncio.TimerHandle | None = None
        self._filling = False
        self._opening: Mapping[str, str] = _EVENT_STREAM
        self._comment: asyncio.Task[None] | None = None
        self._watch: asyncio.Task[None] | None = None

    async def interruptible(self, work: Awaitable[T]) -> T:
        """Do `work` in this task, until it is done or `interrupt` is called.

        Raises: Interrupted.
        """
        task = asyncio.current_task()
        assert task is not None
        self._task = task
        self._reason = None
        if self._left:
            self.interrupt("left")
        try:
            return await work
        except asyncio.CancelledError:
            reason = self._interrupted()
            if reason is None or task.cancelling() > 1:
                raise
            raise Interrupted(reason) from None
        finally:
            self._task = None
            if self._interrupted():
                task.uncancel()

    def interrupt(self, reason: Reason) -> None:
        """Cancel the work that is under way; nothing where none is, or where it only remains to be sent."""
        if reason == "stopping" and self._last:
            return
        if self._task is not None and self._reason is None:
            self._reason = reason
            self._task.cancel()

    def _interrupted(self) -> Reason | None:
        return self._reason

    def watch(self) -> None:
        """From now on the client's leaving interrupts the work. The body must have been read."""
        self._watch = self._loop.create_task(self._until_left())

    async def _until_left(self) -> None:
        while (await self._receive())["type"] != "http.disconnect":
            pass
        self._left = True
        self.interrupt("left")

    async def whole(self, answer: Whole) -> None:
        """Send an answer in one piece. Raises: Interrupted, from within `interruptible`."""
        bodiless = answer.status in _BODILESS
        headers = {"content-type": answer.content_type, "content-length": str(len(answer.body))}
        self._last = True
        self._begin_timing()
        await self._start(answer.status, {**({} if bodiless else headers), **answer.headers})
        await self._write(b"" if bodiless else answer.body, more=False)

    async def streamed(self, answer: Streamed) -> None:
        """Send frame after frame; what they raise comes out as it is. `end` follows."""
        self._filling = True
        self._opening = {**_EVENT_STREAM, **answer.headers}
        self._begin_timing()
        frames = answer.frames
        try:
            async for frame in frames:
                await self._frame(frame)
        finally:
            close = getattr(frames, "aclose", None)
            if close is not None:
                await close()

    async def end(self, *frames: bytes) -> None:
        """Send the last frames of a stream, and its end."""
        self._last = True
        for frame in frames:
            await self._frame(frame)
        if not self.status:
            await self._start(200, self._opening)
        self._filling = False
        await self._settle_comment()
        await self._write(b"", more=False)

    async def close(self) -> None:
        """Leave nothing behind: no timer, no task."""
        if self._timer is not None:
            self._timer.cancel()
        if self._watch is not None:
            self._watch.cancel()
            # Its traceback holds this pump: together they would wait for the collector.
            self._watch = None
        if self._comment is not None:
            self._comment.cancel()
            await asyncio.wait([self._comment])

    async def _frame(self, frame: bytes) -> None:
        if self._comment is not None:
            await self._settle_comment()
        if not self.status:
            await self._start(200, self._opening)
        await self._write(frame, more=True)

    async def _start(self, status: int, headers: Mapping[str, str]) -> None:
        if self._connection is not None:
            self._connection.hold_head()
        raw = [(name.encode("latin-1"), value.encode("latin-1")) for name, value in headers.items()]
        raw += [(name.encode("latin-1"), value.encode("latin-1")) for name, value in self._headers.items()]
        await self._send({"type": "http.response.start", "status": status, "headers": raw})
        self.status = status

    async def _write(self, data: bytes, *, more: bool) -> None:
        size = self._pace.piece_bytes
        if len(data) <= size:
            await self._send({"type": "http.response.body", "body": data, "more_body": more})
            return
        view, self.torn = memoryview(data), True
        for at in range(0, len(data), size):
            piece = bytes(view[at : at + size])
            last = at + size >= len(data)
            await self._send({"type": "http.response.body", "body": piece, "more_body": more or not last})
        self.torn = False

    async def _send(self, message: MutableMapping[str, Any]) -> None:
        self._sending_since = self._sent_at = self._loop.time()
        await self._asgi_send(message)
        self._sending_since = None

    # Silence and stalls.

    def _begin_timing(self) -> None:
        if self._timer is None:
            self._sent_at = self._loop.time()
            wait_s = min(self._pace.head_s, self._pace.keep_alive_s, self._pace.write_s)
            self._timer = self._loop.call_later(wait_s, self._tick)

    def _tick(self) -> None:
        now = self._loop.time()
        due = now + min(self._pace.keep_alive_s, self._pace.write_s)
        if self._sending_since is not None:
            if now >= self._sending_since + self._pace.write_s:
                self.interrupt("stalled")
                return
            due = min(due, self._sending_since + self._pace.write_s)
        elif self._filling:
            silence_s = self._pace.keep_alive_s if self.status else self._pace.head_s
            if now < self._sent_at + silence_s:
                due = min(due, self._sent_at + silence_s)
            elif self._comment is None:
                self._comment = self._loop.create_task(self._say_something())
        self._timer = self._loop.call_at(due, self._tick)

    async def _say_something(self) -> None:
        if not self.status:
            await self._start(200, self._opening)
        await self._write(COMMENT, more=True)
        self._comment = None

    async def _settle_comment(self) -> None:
        """What is written next must not come into the middle of a comment.

        Nor must whoever interrupts the wait for it take it along: the error that follows is written behind it.
        """
        if self._comment is not None:
            await asyncio.shield(self._comment)
