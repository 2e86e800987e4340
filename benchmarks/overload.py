"""Three times more requests than the service answers, over real HTTP on loopback (scorecard P15).

    python -m benchmarks.overload               # ten seconds
    python -m benchmarks.overload --seconds 60  # as the row says
    python -m benchmarks.overload --fresh       # each request over a connection of its own
    python -m benchmarks.overload --json        # as data

The provider answers after 0.5 to 1.5 s, so what `concurrency` lets in is the peak: about so many requests a
second. The peak is measured with as many clients as there are places; then requests are sent at three times
that rate, whatever becomes of them, while live streams go on beside them. Provider, service (as `limner
serve` puts it together, with a key, its log in a file) and clients have a process each.
"""

from __future__ import annotations

import argparse
import asyncio
import hashlib
import itertools
import json
import multiprocessing
import os
import random
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import uvloop
from benchmarks.measuring import more_files
from benchmarks.processes import Upstream
from benchmarks.upstream import Behaviour

from limner.config.settings import ChatConfig, Config, GatewayConfig, KeyConfig

KEY = "lim_benchmark"
TICK_S = 0.002
EVERY_MS = 100
LATEST_S = 1.5
"""Of a provider's answer, and so the time after which the service is as busy as it stays."""


def serve(port: Connection, upstream: int, concurrency: int, folder: str) -> None:
    from limner.gateway.service import serve as run

    more_files()
    log = os.open(Path(folder, "log"), os.O_WRONLY | os.O_CREAT)
    os.dup2(log, 2)
    config = Config(
        chat=ChatConfig(model="m", base_url=f"http://127.0.0.1:{upstream}/v1", api_key="k"),
        gateway=GatewayConfig(
            port=0,
            state=Path(folder),
            keys=(KeyConfig("benchmark", hashlib.sha256(KEY.encode()).hexdigest()),),
            concurrency=concurrency,
            drain_s=1,
        ),
    )
    with suppress(KeyboardInterrupt):
        run(config, offline=False, ready=port.send)


def request(behaviour: Behaviour, *, streamed: bool = False, close: bool = False) -> bytes:
    """One request, as it goes over the wire, to a model that behaves so."""
    said = [{"role": "user", "content": "Say something short, please. " * 8}]
    body = json.dumps({"model": behaviour.prefix, "messages": said, "stream": streamed}).encode()
    return (
        b"POST /v1/chat/completions HTTP/1.1\r\nhost: 127.0.0.1\r\ncontent-type: application/json\r\n"
        b"authorization: Bearer %s\r\n%scontent-length: %d\r\n\r\n%s"
        % (KEY.encode(), b"connection: close\r\n" if close else b"", len(body), body)
    )


@dataclass
class Tally:
    """What became of the requests of one phase."""

    good_at: list[float] = field(default_factory=list)
    good_s: list[float] = field(default_factory=list)
    refused_s: list[float] = field(default_factory=list)
    statuses: Counter[int] = field(default_factory=Counter)
    waits: Counter[str] = field(default_factory=Counter)
    """What `Retry-After` said of those that were refused."""
    broken: int = 0
    sent: int = 0
    latest_s: float = 0.0
    """How much later than it should the client sent."""


class Line(asyncio.Protocol):
    """A connection that carries one request at a time."""

    def __init__(self, crowd: Crowd) -> None:
        self.crowd = crowd
        self.data = b""
        self.asked_at = 0.0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport: Any = transport
        self.crowd.free(self)

    def ask(self, sent: bytes, at: float) -> None:
        self.asked_at = at
        self.transport.write(sent)

    def data_received(self, data: bytes) -> None:
        self.data += data
        head, found, body = self.data.partition(b"\r\n\r\n")
        if not found:
            return
        head = head.lower()
        at = head.find(b"content-length: ") + 16
        if len(body) < int(head[at : head.find(b"\r\n", at)]):
            return
        self.data = b""
        now, tally = time.perf_counter(), self.crowd.tally
        status = int(head[9:12])
        tally.statuses[status] += 1
        if status == 200:
            tally.good_at.append(now)
            tally.good_s.append(now - self.asked_at)
        else:
            tally.refused_s.append(now - self.asked_at)
            said = head.partition(b"\r\nretry-after: ")[2].partition(b"\r\n")[0]
            tally.waits[said.decode()] += 1
        self.asked_at = 0.0
        if b"\r\nconnection: close" in head:
            self.transport.close()
        else:
            self.crowd.free(self)

    def connection_lost(self, _exc: Exception | None) -> None:
        if self.asked_at:
            self.crowd.tally.broken += 1
        self.crowd.lost(self)


class Crowd:
    """Clients that send at a rate of their own; `closed`: each sends the next when it was answered."""

    def __init__(self, port: int, *, fresh: bool = False) -> None:
        self.tally = Tally()
        self.closed = False
        self._port = port
        self._idle: list[Line] = []
        self._due: list[float] = []
        # Answers that all took equally long would come in waves, as no provider's do.
        times_ms = random.Random(1).choices(range(500, int(LATEST_S * 1000)), k=1000)
        self._requests = itertools.cycle(
            [request(Behaviour(pictures=0, reply_s=ms / 1000), close=fresh) for ms in times_ms]
        )
        self._connecting: set[asyncio.Task[Any]] = set()

    def connect(self) -> None:
        loop = asyncio.get_running_loop()
        task = loop.create_task(loop.create_connection(lambda: Line(self), "127.0.0.1", self._port))
        self._connecting.add(task)
        task.add_done_callback(self._connected)

    def _connected(self, task: asyncio.Task[Any]) -> None:
        self._connecting.discard(task)
        if task.exception() is not None:
            self.tally.broken += 1

    async def settled(self) -> None:
        while self._connecting:
            await asyncio.wait(self._connecting)

    def free(self, line: Line) -> None:
        if self._due:
            line.ask(next(self._requests), self._due.pop(0))
        elif self.closed:
            self.tally.sent += 1
            line.ask(next(self._requests), time.perf_counter())
        else:
            self._idle.append(line)

    def lost(self, line: Line) -> None:
        with suppress(ValueError):
            self._idle.remove(line)

    def ask(self) -> None:
        """A request is due now."""
        now = time.perf_counter()
        self.tally.sent += 1
        if self._idle:
            self._idle.pop().ask(next(self._requests), now)
        else:
            self._due.append(now)
            self.connect()

    async def for_(self, seconds: float, clients: int) -> Tally:
        """So many clients, one request after the other."""
        self.tally, self.closed = Tally(), True
        for line in [self._idle.pop() for _ in range(min(clients, len(self._idle)))]:
            self.free(line)
        await asyncio.sleep(seconds)
        self.closed = False
        return self.tally

    async def at_rate(self, a_second: float, seconds: float) -> Tally:
        """So many requests a second, whatever becomes of them."""
        self.tally = tally = Tally()
        began = time.perf_counter()
        while (now := time.perf_counter()) < began + seconds:
            due = int((now - began) * a_second)
            if due > tally.sent:
                tally.latest_s = max(tally.latest_s, now - began - tally.sent / a_second)
            while tally.sent < due:
                self.ask()
            await asyncio.sleep(TICK_S)
        return tally


class Live(asyncio.Protocol):
    """One stream; counts its frames."""

    def __init__(self, deltas: int) -> None:
        self.deltas = deltas
        self.frames = 0
        self.gap_s = 0.0
        self.tail = b""
        self.ended = asyncio.Event()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        behaviour = Behaviour(pictures=0, deltas=self.deltas, gap_s=EVERY_MS / 1000)
        transport.write(request(behaviour, streamed=True))  # type: ignore[attr-defined]
        self.latest = 0.0

    def data_received(self, data: bytes) -> None:
        now = time.perf_counter()
        self.frames += data.count(b"data: ")
        if self.latest:
            self.gap_s = max(self.gap_s, now - self.latest)
        self.latest = now
        self.tail = (self.tail + data)[-32:]
        if self.tail.endswith(b"data: [DONE]\n\n\r\n0\r\n\r\n"):
            self.ended.set()

    def connection_lost(self, _exc: Exception | None) -> None:
        self.ended.set()

    @property
    def lost(self) -> int:
        """Who speaks, the deltas, the finish, and the end."""
        return self.deltas + 3 - self.frames


def of(seconds: list[float], part: float) -> float:
    return (
        round(sorted(seconds)[min(len(seconds) - 1, int(len(seconds) * part))] * 1000, 1) if seconds else 0.0
    )


def rss_mib(pid: int) -> float:
    pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
    return round(pages * os.sysconf("SC_PAGESIZE") / 2**20, 1)


def cpu_s(pid: int) -> float:
    said = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(said[11]) + int(said[12])) / os.sysconf("SC_CLK_TCK")


async def watch(pid: int, seen: list[float]) -> None:
    while True:
        seen.append(rss_mib(pid))
        await asyncio.sleep(0.25)


async def measure(port: int, pid: int, args: argparse.Namespace) -> dict[str, Any]:
    loop = asyncio.get_running_loop()
    peak_s = min(args.seconds, 5.0)
    deltas = int((2 * LATEST_S + peak_s + args.seconds + 4) * 1000 / EVERY_MS)
    streams = [
        (await loop.create_connection(lambda: Live(deltas), "127.0.0.1", port))[1]
        for _ in range(args.streams)
    ]
    crowd = Crowd(port)
    for _ in range(args.concurrency * 2):
        crowd.connect()
    await crowd.settled()
    seen: list[float] = []
    watching = asyncio.ensure_future(watch(pid, seen))
    began_cpu_s, began = cpu_s(pid), time.perf_counter()
    tally = await crowd.for_(LATEST_S + peak_s, args.concurrency - args.streams)
    since = began + LATEST_S
    peak = sum(at >= since for at in tally.good_at) / (time.perf_counter() - since)
    peak_cores = (cpu_s(pid) - began_cpu_s) / (time.perf_counter() - began)
    await asyncio.sleep(LATEST_S + 0.2)  # for the last answers of the peak
    if args.fresh:
        crowd = Crowd(port, fresh=True)
    began_cpu_s, began, before = cpu_s(pid), time.perf_counter(), len(seen)
    tally = await crowd.at_rate(3 * peak, LATEST_S + args.seconds)
    ended, cores = time.perf_counter(), (cpu_s(pid) - began_cpu_s) / (time.perf_counter() - began)
    since = began + LATEST_S
    goodput = sum(since <= at <= ended for at in tally.good_at) / (ended - since)
    await asyncio.gather(*(stream.ended.wait() for stream in streams))
    watching.cancel()
    under = seen[before:]
    half = len(under) // 2
    return {
        "peak": round(peak),
        "peak_cores": round(peak_cores, 2),
        "offered": round(tally.sent / (ended - began)),
        "goodput": round(goodput),
        "goodput_part": round(goodput / peak, 3),
        "cores": round(cores, 2),
        "statuses": dict(sorted(tally.statuses.items())),
        "retry_after": dict(sorted(tally.waits.items())),
        "broken": tally.broken,
        "refused_p50_ms": of(tally.refused_s, 0.5),
        "refused_p99_ms": of(tally.refused_s, 0.99),
        "refused_max_ms": of(tally.refused_s, 1.0),
        "good_p99_ms": of(tally.good_s, 0.99),
        "client_late_ms": round(tally.latest_s * 1000, 1),
        "frames_lost": sum(stream.lost for stream in streams),
        "longest_gap_ms": of([stream.gap_s for stream in streams], 1.0),
        "rss_mib": [max(under[:half]), max(under[half:])],
    }


@contextmanager
def running(args: argparse.Namespace) -> Iterator[tuple[int, int]]:
    """The service's port and process."""
    context = multiprocessing.get_context("spawn")
    ready, told = context.Pipe()
    with Upstream(sys.executable) as upstream, tempfile.TemporaryDirectory() as folder:
        service = context.Process(target=serve, args=(told, upstream.port, args.concurrency, folder))
        service.start()
        try:
            yield int(ready.recv().rpartition(":")[2]), service.pid or 0
        finally:
            service.terminate()
            service.join(10)
            service.kill()


def main() -> None:
    parser = argparse.ArgumentParser()
    for name in ("--fresh", "--json"):
        parser.add_argument(name, action="store_true")
    parser.add_argument("--streams", type=int, default=20)
    parser.add_argument("--concurrency", type=int, default=400)
    parser.add_argument("--seconds", type=float, default=5.0)
    args = parser.parse_args()
    more_files()
    with running(args) as (port, pid):
        figures = uvloop.run(measure(port, pid, args))
    if args.json:
        print(json.dumps(figures))
        return
    for name, value in figures.items():
        print(f"{name:<16} {value}")


if __name__ == "__main__":
    main()
