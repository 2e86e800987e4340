"""A provider's answer, read under deadlines and limits."""

from __future__ import annotations

import contextlib
import math
from collections.abc import AsyncIterator, Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, cast

import anyio
import anyio.lowlevel

from .compression import Unpacker
from .faults import FaultKind, TransportFault, fault_of

if TYPE_CHECKING:
    import httpx2

__all__ = ["Answer", "Deadlines", "close_stream"]


@dataclass(frozen=True, slots=True)
class Deadlines:
    """How long one attempt may take."""

    first_byte_s: float
    """Until the first byte of the body, connecting included, > 0."""
    idle_s: float
    """Between two reads after that, > 0."""
    total_s: float | None = None
    """For everything; None: as long as bytes keep coming."""

    @property
    def opening(self) -> tuple[float, FaultKind]:
        """How long the headers may take, and what it is called if they take longer."""
        if self.total_s is not None and self.total_s < self.first_byte_s:
            return self.total_s, "total"
        return self.first_byte_s, "first_byte"


class Answer:
    """One answer of a provider; close it, however it ends."""

    def __init__(self, response: httpx2.Response, deadlines: Deadlines, started: float) -> None:
        """Read `response`, whose request began at `started` (of `anyio.current_time`)."""
        self.status = response.status_code
        self.headers: Mapping[str, str] = response.headers
        """Looked up in any case."""
        self._stream = cast("httpx2.AsyncByteStream", response.stream)
        self._deadlines = deadlines
        self._ends = started + (deadlines.total_s or math.inf)
        self._due = started + deadlines.first_byte_s
        self._begun = False
        self._unpacker = Unpacker(response.headers.get("content-encoding", ""))
        self._pieces: Iterator[bytes] = iter(())
        self._reads: AsyncIterator[bytes] | None = aiter(self._stream)

    async def read(self, idle_s: float | None = None) -> bytes:
        """What the next network read brought; b"" at the end of the body.

        `idle_s` is this read's own limit, where it is not that of the deadlines.
        Raises: TransportFault.
        Cancel: safe; close the answer afterwards.
        """
        fresh = False
        while self._reads is not None:
            for piece in self._pieces:
                if not fresh:
                    # A few bytes of the network may unpack to thousands of pieces.
                    await anyio.lowlevel.checkpoint()
                return piece
            data = await self._received(self._reads, idle_s or self._deadlines.idle_s)
            if data is None:
                self._reads = None
                await self.aclose()
                self._unpacker.finish()
            elif data:
                self._begun = fresh = True
                self._pieces = self._unpacker.pieces(data)
        return b""

    async def _received(self, reads: AsyncIterator[bytes], idle_s: float) -> bytes | None:
        """The next raw bytes; None at the end."""
        now = anyio.current_time()
        if now >= self._ends:
            # Bytes that wait already are handed out without a wait that a deadline could end.
            raise TransportFault("total")
        due = min(now + idle_s if self._begun else self._due, self._ends)
        try:
            with anyio.fail_after(max(0.0, due - now)):
                return await anext(reads)
        except StopAsyncIteration:
            return None
        except TimeoutError:
            raise TransportFault(self._overdue()) from None
        except Exception as error:
            # Strategy: the two transports raise errors of four libraries; one place names them.
            raise fault_of(error) from error

    async def whole(self, max_bytes: int) -> bytes:
        """The body in one piece. Raises: TransportFault, `too_large` beyond `max_bytes`."""
        pieces: list[bytes] = []
        size = 0
        while data := await self.read():
            size += len(data)
            if size > max_bytes:
                raise TransportFault("too_large")
            pieces.append(data)
        return b"".join(pieces)

    async def drain(self, seconds: float) -> None:
        """Read what little may be left, so that the connection can serve again; never raises."""
        with anyio.move_on_after(seconds):
            try:
                while await self.read():
                    await anyio.lowlevel.checkpoint()
            except TransportFault:
                return

    async def aclose(self) -> None:
        """Close the provider's stream; idempotent, and also done while being cancelled."""
        with anyio.CancelScope(shield=True):
            reads, self._reads = self._reads, None
            await close_stream(self._stream, reads)

    def _overdue(self) -> FaultKind:
        if anyio.current_time() >= self._ends:
            return "total"
        return "idle" if self._begun else "first_byte"


async def close_stream(stream: httpx2.AsyncByteStream, reads: AsyncIterator[bytes] | None) -> None:
    """Close `stream`, then end the generators that were reading it.

    Strategy: a connection that is given up may fail in any way that its library likes; nobody
    needs to know.
    """
    with contextlib.suppress(Exception):
        await stream.aclose()
    # The HTTP client nests generators, and closing the outermost leaves others suspended. Woken
    # once more after their connection is gone, each ends by its own error, and none is left to
    # the garbage collector (which trio reports). What had been received is finite.
    with contextlib.suppress(Exception):
        while reads is not None:
            await anext(reads)
