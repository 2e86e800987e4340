"""A thousand readers who wait for one picture that is still drawn."""

from __future__ import annotations

import asyncio
import json
import time
from dataclasses import dataclass
from typing import Any

from benchmarks.upstream import QUESTION

from .running import Target

__all__ = ["Links", "waiting_links"]

_PNG = b"\x89PNG"


@dataclass(frozen=True)
class Links:
    """What became of those who waited."""

    lost: int
    """Who did not get the picture."""
    link_kib: float
    """Memory for each who waits."""
    spread_s: float
    """Between the first who had all of the picture and the last."""
    link_cpu_ms: float
    """CPU for each, from the connection to the last byte."""


class _Reader(asyncio.Protocol):
    """Opens the link once."""

    def __init__(self, request: bytes) -> None:
        self._request = request
        self._data = bytearray()
        self.ended = asyncio.Event()
        self.shown_at = 0.0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        transport.write(self._request)  # type: ignore[attr-defined]

    def data_received(self, data: bytes) -> None:
        self._data += data

    def connection_lost(self, _exc: Exception | None) -> None:
        head, _, body = self._data.partition(b"\r\n\r\n")
        if head.startswith(b"HTTP/1.1 200") and body.startswith(_PNG):
            self.shown_at = time.perf_counter()
        self._data.clear()
        self.ended.set()


async def waiting_links(target: Target, model: str, readers: int) -> Links:
    """Ask for a turn whose picture is promised, and open its link `readers` times.

    `model` is answered at once, and its picture takes as long as all of them need to come.
    """
    link = await _promised(target, model)
    path = link[link.index("/images/") :]
    request = f"GET {path} HTTP/1.1\r\nhost: 127.0.0.1:{target.port}\r\nconnection: close\r\n\r\n".encode()
    loop = asyncio.get_running_loop()
    before_bytes, before_s = target.own_bytes, target.cpu_s
    waiting = [
        (await loop.create_connection(lambda: _Reader(request), "127.0.0.1", target.port))[1]
        for _ in range(readers)
    ]
    most_bytes = before_bytes
    while not any(reader.ended.is_set() for reader in waiting):
        most_bytes = max(most_bytes, target.own_bytes)
        await asyncio.sleep(0.1)
    await asyncio.gather(*(reader.ended.wait() for reader in waiting))
    shown = [reader.shown_at for reader in waiting if reader.shown_at]
    return Links(
        lost=readers - len(shown),
        link_kib=(most_bytes - before_bytes) / readers / 1024,
        spread_s=max(shown, default=0.0) - min(shown, default=0.0),
        link_cpu_ms=(target.cpu_s - before_s) / readers * 1000,
    )


async def _promised(target: Target, model: str) -> str:
    body: dict[str, Any] = {
        "messages": [{"role": "user", "content": f"{QUESTION} a paper crane"}],
        "tools": [{"type": "openrouter:image_generation", "parameters": {"promise_after": 0}}],
    }
    reader, writer = await asyncio.open_connection("127.0.0.1", target.port)
    writer.write(target.request(model, "/chat/completions", body, b"connection: close\r\n"))
    said = (await reader.read()).partition(b"\r\n\r\n")[2]
    writer.close()
    answer = json.loads(said)
    if "limner" not in answer:
        raise RuntimeError(f"no promised picture: {said[:300]!r}")
    link: str = answer["limner"]["images"][0]["url"]
    return link
