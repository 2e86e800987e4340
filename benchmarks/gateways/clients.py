"""Clients of a gateway: bare protocols, so that they are not what is measured."""

from __future__ import annotations

import asyncio
import re
import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

__all__ = ["Client", "Load", "load", "percentile"]

_LENGTH = re.compile(rb"content-length: *(\d+)", re.IGNORECASE)
_END = b"\r\n0\r\n\r\n"
WORD = b"word"
"""What each delta of a long answer says."""


def percentile(values: list[float], part: float) -> float:
    """The value that `part` of all do not exceed; 0 where there are none."""
    return sorted(values)[min(len(values) - 1, int(len(values) * part))] if values else 0.0


class Client(asyncio.Protocol):
    """Sends one request after the other over one connection, and takes times."""

    def __init__(self, request: bytes, again: Callable[[], bool], ended: Callable[[], None]) -> None:
        self._request = request
        self._again = again
        self._ended = ended
        self._data = bytearray()
        self._length: int | None = None
        """Of the answer with its head, where it says so."""
        self._asked_at = 0.0
        self._latest_at = 0.0
        self.seconds: list[float] = []
        """Until each whole answer."""
        self.first_s: list[float] = []
        """Until the first byte of each."""
        self.gap_s = 0.0
        """The longest silence in an answer."""
        self.words = 0
        self.frames = 0
        self.lost = 0
        self.said = b""
        """How the first answer that was none began."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport: Any = transport
        self._ask()

    def _ask(self) -> None:
        self._data.clear()
        self._length = None
        self._asked_at, self._latest_at = time.perf_counter(), 0.0
        self._transport.write(self._request)

    def data_received(self, data: bytes) -> None:
        now = time.perf_counter()
        if not self._data:
            self.first_s.append(now - self._asked_at)
        if self._latest_at:
            self.gap_s = max(self.gap_s, now - self._latest_at)
        self._latest_at = now
        self._data += data
        if self._length is None:
            end = self._data.find(b"\r\n\r\n") + 4
            if end < 4:
                return
            found = _LENGTH.search(self._data, 0, end)
            self._length = end + int(found[1]) if found else 0
        if len(self._data) < self._length if self._length else not self._data.endswith(_END):
            return
        self._answered(now)

    def _answered(self, now: float) -> None:
        self.seconds.append(now - self._asked_at)
        self.frames += self._data.count(b"data: ")
        self.words += self._data.count(WORD)
        streamed = not self._length
        if not self._data.startswith(b"HTTP/1.1 200") or (streamed and not self._whole()):
            self.lost += 1
            self.said = self.said or bytes(self._data[:400])
        self._asked_at = 0.0
        if self._again():
            self._ask()
        else:
            self._transport.close()

    def _whole(self) -> bool:
        return b"[DONE]" in self._data[-64:] or b'"response.completed"' in self._data

    def connection_lost(self, _exc: Exception | None) -> None:
        if self._asked_at:
            self.lost += 1
            self.said = self.said or b"the connection was lost"
        self._data.clear()
        self._ended()


@dataclass
class Load:
    """What many clients have seen together."""

    clients: list[Client] = field(default_factory=list)
    wall_s: float = 0.0

    @property
    def seconds(self) -> list[float]:
        return [each for client in self.clients for each in client.seconds]

    @property
    def answers(self) -> int:
        return sum(len(client.seconds) for client in self.clients)

    @property
    def lost(self) -> int:
        return sum(client.lost for client in self.clients)

    @property
    def frames(self) -> int:
        return sum(client.frames for client in self.clients)

    @property
    def words(self) -> int:
        return sum(client.words for client in self.clients)

    @property
    def per_s(self) -> float:
        return (self.answers - self.lost) / self.wall_s

    @property
    def median_s(self) -> float:
        return statistics.median(self.seconds) if self.answers else 0.0

    @property
    def said(self) -> str:
        """How the first answer that was none began; "" where there was no such."""
        return next((client.said.decode(errors="replace") for client in self.clients if client.said), "")


async def load(port: int, request: bytes, *, clients: int, seconds: float = 0.0) -> Load:
    """So many clients that ask for `seconds`; 0: once each."""
    loop = asyncio.get_running_loop()
    ended, left = asyncio.Event(), clients
    started = time.perf_counter()
    until = started + seconds

    def one_less() -> None:
        nonlocal left
        left -= 1
        if not left:
            ended.set()

    def connected() -> Client:
        client = Client(request, lambda: time.perf_counter() < until, one_less)
        done.clients.append(client)
        return client

    done = Load()
    await asyncio.gather(
        *(loop.create_connection(connected, "127.0.0.1", port) for _ in range(clients)),
    )
    await ended.wait()
    done.wall_s = time.perf_counter() - started
    return done
