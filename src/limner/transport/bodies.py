"""A provider's answer, read under deadlines and limits."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

import anyio.lowlevel

from .compression import Unpacker
from .faults import FaultKind, TransportFault

__all__ = ["KEPT_S", "Answer", "Deadlines"]

KEPT_S = 4.0
"""A connection without a request; shorter than the five seconds after which common servers close it."""

_ERROR_BYTES = 64 * 1024
_ERROR_BODY_S = 2.0
_REFUSED = 300
"""Statuses from here on are errors, or lead elsewhere, which nobody follows."""


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


class Answer(ABC):
    """One answer of a provider; close it, however it ends.

    Who derives from it says how bytes come from the network, and what is closed.
    """

    def __init__(
        self,
        status: int,
        headers: Mapping[str, str],
        deadlines: Deadlines,
        started: float,
        now: Callable[[], float],
    ) -> None:
        """Begin to read; the request began at `started`, by the clock `now`.

        Raises: TransportFault, where nobody can unpack the body; an error's status is had all the same.
        """
        self.status = status
        self.headers = headers
        """Looked up in any case."""
        self._now = now
        self._idle_s = deadlines.idle_s
        self._ends = math.inf if deadlines.total_s is None else started + deadlines.total_s
        self._due = min(started + deadlines.first_byte_s, self._ends)
        self._begun = self._ended = False
        self._unpacker: Unpacker | None = None
        self._pieces: Iterator[bytes] = iter(())
        encoding = headers.get("content-encoding")
        if encoding:
            # Nothing but `identity` was asked for, yet some servers pack all the same.
            try:
                self._unpacker = Unpacker(encoding)
            except TransportFault:
                if status < _REFUSED:
                    raise
                self._ended = True

    async def read(self, idle_s: float | None = None) -> bytes:
        """What the next network read brought; b"" at the end of the body.

        `idle_s` is this read's own limit, where it is shorter than that of the deadlines.
        Raises: TransportFault.
        Cancel: safe; close the answer afterwards.
        """
        fresh = False
        while not self._ended:
            for piece in self._pieces:
                if not fresh:
                    # A few bytes of the network may unpack to thousands of pieces.
                    await anyio.lowlevel.checkpoint()
                return piece
            data = await self._in_time(idle_s)
            if not data:
                self._ended = True
                await self.aclose()
                if self._unpacker is not None:
                    self._unpacker.finish()
            elif self._unpacker is None:
                return data
            else:
                fresh = True
                self._pieces = self._unpacker.pieces(data)
        return b""

    async def whole(self, max_bytes: int) -> bytes:
        """The body in one piece; of an error no more than its beginning, whatever happens to the rest.

        Raises: TransportFault, `too_large` beyond `max_bytes`.
        """
        if self.status >= _REFUSED:
            body = await self.beginning(min(max_bytes, _ERROR_BYTES), _ERROR_BODY_S)
            await self.aclose()
            return body
        pieces: list[bytes] = []
        size = 0
        while data := await self.read():
            size += len(data)
            if size > max_bytes:
                raise TransportFault("too_large")
            pieces.append(data)
        return pieces[0] if len(pieces) == 1 else b"".join(pieces)

    async def beginning(self, max_bytes: int, seconds: float) -> bytes:
        """What comes of the body in that time, up to `max_bytes`; never raises."""
        pieces: list[bytes] = []
        size = 0
        ends = self._now() + seconds
        try:
            while size < max_bytes and (left_s := ends - self._now()) > 0:
                data = await self.read(left_s)
                if not data:
                    break
                pieces.append(data)
                size += len(data)
        except TransportFault:
            pass
        return b"".join(pieces)[:max_bytes]

    async def drain(self, seconds: float) -> None:
        """Read what little may be left, so that the connection can serve again; never raises."""
        ends = self._now() + seconds
        try:
            while (left_s := ends - self._now()) > 0 and await self.read(left_s):
                pass
        except TransportFault:
            return

    @abstractmethod
    async def aclose(self) -> None:
        """Close the connection, or give it back where the body has ended.

        Idempotent, and also done while being cancelled.
        """

    @abstractmethod
    async def _received(self) -> bytes:
        """The next bytes of the network, waited for until `_due`; b"" at the end.

        Raises: TransportFault.
        """

    async def _in_time(self, idle_s: float | None) -> bytes:
        now = self._now()
        if now >= self._ends:
            # Bytes that wait already are handed out without a wait that a deadline could end.
            raise TransportFault("total")
        if self._begun:
            self._due = min(now + self._idle_s, self._ends)
        if idle_s is not None:
            self._due = min(now + idle_s, self._due)
        data = await self._received()
        self._begun = True
        return data

    def _overdue(self) -> FaultKind:
        if self._now() >= self._ends:
            return "total"
        return "idle" if self._begun else "first_byte"
