"""One call of an endpoint, in a task of its own, with any number of listeners.

What was said is kept, so that who comes later hears it from the beginning; up to a bound, after which
only those who listen already hear the rest.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import replace

import anyio

from limner.wire.frames import DONE

from ..exchange import Answer, Endpoint, Inbound, Streamed, Whole
from ..faults import refusal_of
from ..refusal import Refusal

__all__ = ["BEHIND_BYTES", "Allowance", "Execution", "Listener"]

BEHIND_BYTES = 256 * 2**10
"""How far an answer may be ahead of who reads it before it waits."""
_FRAME_BYTES = 64
"""Of a kept frame, beside its own."""
_ANSWER_BYTES = 4 * 2**10
"""Of a kept answer, beside its own: short ones would be kept without end otherwise."""
_CLOSE_S = 5.0
_LEAST_ERROR = 400
_OF_THE_REQUEST = frozenset({400, 401, 403, 404, 413, 415, 422})
"""The same request is refused again. Others (429, 5xx) may come when something was ordered already."""


class Allowance:
    """Bytes that many executions share."""

    def __init__(self, most_bytes: int, make_room: Callable[[], bool] = lambda: False) -> None:
        """`make_room`: asked where there is too little; whether there is more now."""
        self._left_bytes = most_bytes
        self._make_room = make_room

    def take(self, size_bytes: int) -> bool:
        """Whether there was room for so much."""
        while size_bytes > self._left_bytes:
            if not self._make_room():
                return False
        self._left_bytes -= size_bytes
        return True

    def give_back(self, size_bytes: int) -> None:
        """What was taken and is not used any more."""
        self._left_bytes += size_bytes


class Execution:
    """What one request does, whoever still wants to know."""

    def __init__(
        self,
        request: bytes,
        most_bytes: int,
        allowance: Allowance,
        on_lonely: Callable[[Execution], None],
        *,
        streamed_bytes: int | None = None,
    ) -> None:
        """`request`: its hash. `most_bytes`: of the answer that are kept for who comes later.

        `streamed_bytes`: the same of a stream, where that is less.
        `on_lonely` is called when the last listener has left before the end.
        """
        self.request = request
        self.claim: int | None = None
        self.noting = False
        """Its run is being written down, so `claim` is not known yet."""
        self.run: str | None = None
        self.whole: Whole | None = None
        self.error: Exception | None = None
        self.replayable = True
        """Whether everything that was said is still known."""
        self.closing = False
        """Nobody listened any more, so it was cancelled."""
        self.ended = False
        self.done = anyio.Event()
        """All that is to be remembered has been written."""
        self.resumed = False
        """It goes on with what an earlier execution may have bought."""
        self.answered = False
        """To its end, and not with an error."""
        self.streamed: Streamed | None = None
        """Once it has begun."""
        self.frames: list[bytes] = []
        self.first = 0
        """Which frame of the stream the first kept one is."""
        self.times_left = 0
        self._on_lonely = on_lonely
        self._last: bytes | None = None
        self._most_bytes = most_bytes
        self._streamed_bytes = most_bytes if streamed_bytes is None else streamed_bytes
        self._allowance = allowance
        self._kept_bytes = 0
        self._said_bytes = 0
        self._listeners: set[Listener] = set()
        self._scope = anyio.CancelScope()
        self._room: asyncio.Future[None] | None = None

    @property
    def refused(self) -> bool:
        """Whether it was refused for what stands in it, so that nothing came of it and nothing will."""
        if self.whole is not None:
            return self.whole.status in _OF_THE_REQUEST
        return self.refusal is not None and not self.bought and self.refusal.kind.status in _OF_THE_REQUEST

    @property
    def refusal(self) -> Refusal | None:
        """What the client is told instead of the answer, or of its end."""
        return None if self.error is None else refusal_of(self.error)

    @property
    def bought(self) -> bool:
        """Whether it failed when something may have been bought."""
        return self.refusal is not None and self.refusal.bought

    @property
    def lonely(self) -> bool:
        """Whether nobody listens."""
        return not self._listeners

    async def perform(
        self, endpoint: Endpoint, inbound: Inbound, settle: Callable[[Execution], Awaitable[None]]
    ) -> None:
        """Call the endpoint to its end; `settle` remembers what came of it before that is told."""
        whole: Whole | None = None
        try:
            with self._scope:
                try:
                    answer = await endpoint(inbound)
                    if isinstance(answer, Whole):
                        whole = answer
                        self._keep(len(answer.body) + _ANSWER_BYTES)
                        self.answered = answer.status < _LEAST_ERROR
                    else:
                        await self._relay(answer)
                        self.answered = True
                except Exception as error:  # Strategy: whoever listens gets it, and nobody else's answer does
                    self.error = error
        finally:
            with anyio.CancelScope(shield=True):
                self.whole = whole
                try:
                    await settle(self)
                finally:
                    if self._last is not None:
                        self._say(self._last)
                    self.ended = True
                    self._tell()
                    self.done.set()

    def cancel(self) -> None:
        """Stop: nothing more is started."""
        self.closing = True
        self._scope.cancel()

    def listen(self) -> Listener:
        """Somebody who hears everything from the beginning; only while `replayable`."""
        listener = Listener(self)
        self._listeners.add(listener)
        return listener

    def body(self) -> bytes:
        """All that was said of a stream that is replayable, or the whole answer."""
        return self.whole.body if self.whole is not None else b"".join([*self.frames, self._last or b""])

    def forget(self) -> None:
        """Nobody comes later: give back the room of what was kept."""
        self.replayable = False
        self._allowance.give_back(self._kept_bytes)
        self._kept_bytes = 0
        self._drop()

    def heard(self) -> None:
        """A listener has taken a frame."""
        _wake(self._room)
        if not self.replayable:
            self._drop()

    def left(self, listener: Listener) -> None:
        """A listener has gone; idempotent."""
        if listener in self._listeners:
            self._listeners.remove(listener)
            self.heard()
            if self.lonely and not self.ended:
                self.times_left += 1
                self._on_lonely(self)

    async def _relay(self, answer: Streamed) -> None:
        """Tell the frames but the mark of the end, which is told when the answer is remembered."""
        self.streamed, self._most_bytes = answer, self._streamed_bytes
        self._tell()
        try:
            async for frame in answer.frames:
                if self._last is not None:
                    self._say(self._last)
                    self._last = None
                self._keep(len(frame) + _FRAME_BYTES)
                if frame.endswith(DONE):
                    self._last = frame
                    continue
                self._say(frame)
                while self._behind() > BEHIND_BYTES:
                    self._room = asyncio.get_running_loop().create_future()
                    await self._room
        finally:
            close = getattr(answer.frames, "aclose", None)
            if close is not None:
                with anyio.move_on_after(_CLOSE_S, shield=True):
                    await close()

    def _say(self, frame: bytes) -> None:
        self.frames.append(frame)
        self._said_bytes += len(frame)
        self._tell()

    def _tell(self) -> None:
        for listener in self._listeners:
            listener.wake()

    def _keep(self, size_bytes: int) -> None:
        if not self.replayable:
            return
        if self._kept_bytes + size_bytes > self._most_bytes or not self._allowance.take(size_bytes):
            self.forget()
            return
        self._kept_bytes += size_bytes

    def _drop(self) -> None:
        """Let go of the frames that everybody who listens has heard."""
        needed = min(
            (listener.position for listener in self._listeners), default=self.first + len(self.frames)
        )
        del self.frames[: needed - self.first]
        self.first = max(self.first, needed)

    def _behind(self) -> int:
        if not self._listeners:
            return 0
        heard = [listener.heard_bytes for listener in self._listeners]
        # While all is kept, who reads slowly takes nothing from who reads fast.
        return self._said_bytes - (max(heard) if self.replayable else min(heard))


class Listener:
    """Who hears an execution; the frames of its stream, if it is one."""

    def __init__(self, execution: Execution) -> None:
        self.joined = False
        """It was not the first."""
        self.position = 0
        self.heard_bytes = 0
        self._execution = execution
        self._left = False
        self._waiting: asyncio.Future[None] | None = None

    async def answer(self, headers: Mapping[str, str]) -> Answer:
        """The answer, with `headers` beside its own; a stream as soon as it has begun.

        Raises: what the endpoint raised. Cancel: this listener leaves.
        """
        execution = self._execution
        try:
            while not execution.ended and execution.streamed is None:
                await self._changed()
        except BaseException:
            self.leave()
            raise
        streamed = execution.streamed
        if streamed is not None:
            return replace(streamed, frames=self, headers={**streamed.headers, **headers})
        self.leave()
        whole = execution.whole
        if whole is None:
            raise execution.error or _stopped()
        if not headers:
            return whole
        return replace(whole, headers={**whole.headers, **headers})

    def __aiter__(self) -> Listener:
        return self

    async def __anext__(self) -> bytes:
        execution = self._execution
        while not self._left:
            at = self.position - execution.first
            if at < len(execution.frames):
                frame = execution.frames[at]
                self.position += 1
                self.heard_bytes += len(frame)
                execution.heard()
                return frame
            if execution.ended:
                self.leave()
                if not execution.answered:
                    raise execution.error or _stopped()
                break
            await self._changed()
        raise StopAsyncIteration

    def wake(self) -> None:
        """There is something new."""
        _wake(self._waiting)

    async def _changed(self) -> None:
        # A bare future: this is done for every frame, and an event costs three times as much.
        self._waiting = asyncio.get_running_loop().create_future()
        await self._waiting

    async def aclose(self) -> None:
        """Listen no more; idempotent."""
        self.leave()

    def leave(self) -> None:
        """Listen no more; idempotent."""
        self._left = True
        self._execution.left(self)


def _wake(future: asyncio.Future[None] | None) -> None:
    if future is not None and not future.done():
        future.set_result(None)


def _stopped() -> Refusal:
    return Refusal("server_draining", retry_after_s=1)
