"""What the gateway adds to chats that it passes on, over real HTTP on loopback.

    python benchmarks/gateway.py            # all
    python benchmarks/gateway.py --profile  # and what the worker spends its time on
    python benchmarks/gateway.py --sdk      # as the official clients ask, who may ask again by themselves
    python benchmarks/gateway.py --json     # only the many streams at once, as data

Provider, gateway and clients have a process each; the first and the last are bare protocols, so that
neither is what is measured. CPU is that of the gateway's process alone.
"""

from __future__ import annotations

import argparse
import asyncio
import gc
import json
import multiprocessing
import os
import re
import resource
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import uvloop

from limner.config.settings import Config, GatewayConfig, UpstreamConfig
from limner.gateway.front.app import App
from limner.gateway.server.limits import ServerLimits
from limner.gateway.server.serving import Server, listen
from limner.gateway.service import opened

HEAD = b"HTTP/1.1 200 OK\r\ncontent-type: %s\r\n%s\r\n\r\n"
USAGE = {"prompt_tokens": 9, "completion_tokens": 12, "total_tokens": 21}
_MODEL = re.compile(rb'"model": ?"([^"]+)"')
_LENGTH = re.compile(rb"content-length: (\d+)", re.IGNORECASE)


def chunk(delta: dict[str, Any], **more: Any) -> bytes:
    choice = {"index": 0, "delta": delta, "logprobs": None, "finish_reason": None} | more.pop("choice", {})
    body = {
        "id": "chatcmpl-Abcdefghijklmnopqrstuvwx",
        "object": "chat.completion.chunk",
        "created": 1763700000,
        "model": "gpt-4o-2024-08-06",
        "system_fingerprint": "fp_0123456789",
        "choices": [choice],
    }
    data = b"data: " + json.dumps(body | more, separators=(",", ":")).encode() + b"\n\n"
    return b"%x\r\n%s\r\n" % (len(data), data)


DELTA = chunk({"content": " word"})
END = (
    chunk({}, choice={"finish_reason": "stop"})
    + chunk({}, choices=[], usage=USAGE)
    + b"e\r\ndata: [DONE]\n\n\r\n0\r\n\r\n"
)
WHOLE = json.dumps(
    {
        "id": "chatcmpl-Abcdefghijklmnopqrstuvwx",
        "object": "chat.completion",
        "created": 1763700000,
        "model": "gpt-4o-2024-08-06",
        "system_fingerprint": "fp_0123456789",
        "choices": [
            {
                "index": 0,
                "message": {"role": "assistant", "content": "Twelve words, as short answers are. " * 2},
                "finish_reason": "stop",
            }
        ],
        "usage": USAGE,
    }
).encode()


class Provider(asyncio.Protocol):
    """Answers by the model's name: "whole", "whole-<milliseconds>", or "stream-<deltas>-<milliseconds between>"."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport: Any = transport
        self.data = b""

    def data_received(self, data: bytes) -> None:
        self.data += data
        head, found, body = self.data.partition(b"\r\n\r\n")
        length = _LENGTH.search(head)
        if not found or length is None or len(body) < int(length[1]):
            return
        self.data = b""
        named = _MODEL.search(body)
        model = named[1].decode() if named else "whole"
        if model.startswith("whole"):
            answer = HEAD % (b"application/json", b"content-length: %d" % len(WHOLE)) + WHOLE
            after_ms = int(model[len("whole-") :] or 0)
            asyncio.get_running_loop().call_later(after_ms / 1000, self.transport.write, answer)
            return
        _, deltas, every_ms = model.split("-")
        self.transport.write(HEAD % (b"text/event-stream", b"transfer-encoding: chunked"))
        self.left, self.every_s = int(deltas), int(every_ms) / 1000
        self.at = asyncio.get_running_loop().time()
        self.write()

    def write(self) -> None:
        if self.transport.is_closing():
            return
        if not self.left:
            self.transport.write(END)
            return
        self.left -= 1
        self.transport.write(DELTA)
        self.at += self.every_s
        loop = asyncio.get_running_loop()
        if self.every_s:
            loop.call_at(self.at, self.write)
        else:
            loop.call_soon(self.write)


def provide(ready: Connection) -> None:
    async def main() -> None:
        server = await asyncio.get_running_loop().create_server(Provider, "127.0.0.1", 0, backlog=2048)
        ready.send(server.sockets[0].getsockname()[1])
        await server.serve_forever()

    more_files()
    uvloop.run(main())


async def serve(orders: Connection, upstream_port: int, profile: bool) -> None:
    row = UpstreamConfig("", f"http://127.0.0.1:{upstream_port}/v1", "sk-benchmark")
    with tempfile.TemporaryDirectory() as folder:
        gateway = GatewayConfig(state=Path(folder), upstreams=(row,), concurrency=5000)
        async with opened(Config(gateway=gateway)) as app:
            await answer(app, orders, profile)


async def answer(app: App, orders: Connection, profile: bool) -> None:
    listener = listen("127.0.0.1", 0)
    server = Server(app, ServerLimits())
    stop = asyncio.Event()
    # As `limner serve` does.
    gc.collect()
    gc.freeze()
    loop = asyncio.get_running_loop()
    profiler: Any = None
    if profile:
        import cProfile

        profiler = cProfile.Profile()

    def ordered() -> None:
        order = orders.recv()
        if order == "stop":
            stop.set()
        elif order == "profile":
            profiler.enable()
        elif order == "profiled":
            import pstats

            profiler.disable()
            pstats.Stats(profiler).sort_stats("tottime").print_stats(32)
            sys.stdout.flush()
            profiler.clear()
        else:
            if order == "collect":
                gc.collect()
            orders.send((time.process_time(), rss_bytes()))

    loop.add_reader(orders.fileno(), ordered)
    await server.serve(listener, stop=stop, drain_s=1, ready=lambda: orders.send(listener.getsockname()[1]))


def rss_bytes() -> int:
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGESIZE")


def run_gateway(orders: Connection, upstream_port: int, profile: bool) -> None:
    more_files()
    uvloop.run(serve(orders, upstream_port, profile))


def more_files() -> None:
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    with suppress(ValueError, OSError):
        resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))


class Client(asyncio.Protocol):
    """Sends one request after the other over one connection, and takes times."""

    def __init__(self, model: str, requests: int, done: Callable[[Client], None], more: bytes = b"") -> None:
        body = {
            "model": model,
            "messages": [{"role": "user", "content": "Say something short, please."}],
            "temperature": 0.7,
            **({} if model == "whole" else {"stream": True}),
        }
        data = json.dumps(body).encode()
        self.request = (
            b"POST /v1/chat/completions HTTP/1.1\r\nhost: 127.0.0.1\r\ncontent-type: application/json\r\n"
            b"authorization: Bearer none\r\n%scontent-length: %d\r\n\r\n%s" % (more, len(data), data)
        )
        self.streamed = model != "whole"
        self.requests = requests
        self.done = done
        self.seconds: list[float] = []
        self.first_s = 0.0
        self.gap_s = 0.0
        self.frames = 0
        self.whole = True
        self.tail = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport: Any = transport
        self.send()

    def send(self) -> None:
        self.requests -= 1
        self.started = self.latest = time.perf_counter()
        self.data = b""
        self.transport.write(self.request)

    def data_received(self, data: bytes) -> None:
        now = time.perf_counter()
        if self.streamed:
            frames = data.count(b"data: ")
            self.frames += frames
            if frames:
                if not self.first_s:
                    self.first_s = now - self.started
                else:
                    self.gap_s = max(self.gap_s, now - self.latest)
                self.latest = now
            self.tail = (self.tail + data)[-64:]
            if not self.tail.endswith(b"0\r\n\r\n"):
                return
            self.whole = self.whole and b"data: [DONE]\n\n" in self.tail
        else:
            self.data += data
            head, found, body = self.data.partition(b"\r\n\r\n")
            length = _LENGTH.search(head)
            if not found or length is None or len(body) < int(length[1]):
                return
            self.whole = self.whole and head.startswith(b"HTTP/1.1 200")
        self.seconds.append(now - self.started)
        if self.requests:
            self.send()
        else:
            self.transport.close()
            self.done(self)

    def connection_lost(self, _exc: Exception | None) -> None:
        if len(self.seconds) == 0 or self.requests:
            self.whole = False
            self.done(self)


@dataclass
class Measured:
    clients: list[Client] = field(default_factory=list)
    wall_s: float = 0.0
    cpu_s: float = 0.0
    peak_bytes: int = 0

    @property
    def answers(self) -> int:
        return sum(len(client.seconds) for client in self.clients)

    @property
    def lost(self) -> int:
        return sum(not client.whole for client in self.clients)


async def load(
    port: int, gateway: Connection | None, model: str, clients: int, requests: int, more: bytes = b""
) -> Measured:
    """So many clients at once, each with so many requests; `gateway` is asked for its figures."""
    loop = asyncio.get_running_loop()
    measured = Measured()
    ended = asyncio.Event()

    def done(client: Client) -> None:
        if client not in measured.clients:
            measured.clients.append(client)
        if len(measured.clients) == clients:
            ended.set()

    before = ask(gateway, "figures")
    started = time.perf_counter()

    async def watch() -> None:
        while True:
            await asyncio.sleep(0.25)
            measured.peak_bytes = max(measured.peak_bytes, ask(gateway, "figures")[1])

    watcher = asyncio.ensure_future(watch())
    connecting = [
        loop.create_connection(lambda: Client(model, requests, done, more), "127.0.0.1", port)
        for _ in range(clients)
    ]
    await asyncio.gather(*connecting)
    await ended.wait()
    watcher.cancel()
    measured.wall_s = time.perf_counter() - started
    measured.cpu_s = ask(gateway, "figures")[0] - before[0]
    return measured


def ask(gateway: Connection | None, what: str) -> tuple[float, int]:
    if gateway is None:
        return 0.0, 0
    gateway.send(what)
    figures: tuple[float, int] = gateway.recv()
    return figures


async def measure(upstream: int, port: int, gateway: Connection, args: argparse.Namespace) -> None:
    more = b"x-stainless-retry-count: 0\r\n" if args.sdk else b""

    async def profiled(model: str, clients: int, requests: int) -> Measured:
        if args.profile:
            gateway.send("profile")
        measured = await load(port, gateway, model, clients, requests, more)
        if args.profile:
            gateway.send("profiled")
        return measured

    await load(port, gateway, "whole", 8, 50, more)
    if not args.json:
        direct = statistics.median((await load(upstream, None, "whole", 1, 1000)).clients[0].seconds)
        through = sorted((await load(port, gateway, "whole", 1, 1000, more)).clients[0].seconds)
        print(
            f"1 client, whole: {(through[500] - direct) * 1000:.2f} ms added (median of 1,000), "
            f"99 of 100 under {through[990] * 1000:.2f} ms"
        )
        whole = await profiled("whole", 64, 100)
        print(
            f"64 clients, whole: {whole.answers / whole.wall_s:,.0f} requests/s, "
            f"{whole.cpu_s / whole.answers * 1000:.2f} ms of CPU each, lost {whole.lost}"
        )
        streams = await profiled("stream-200-0", 16, 20)
        frames = sum(client.frames for client in streams.clients)
        print(
            f"16 clients x 200 deltas: {frames / streams.wall_s:,.0f} frames/s, "
            f"{streams.cpu_s / frames * 1e6:.0f} us of CPU each, lost {streams.lost}"
        )
    base_bytes = ask(gateway, "collect")[1]
    deltas = args.seconds * args.per_second
    many = await profiled(f"stream-{deltas}-{1000 // args.per_second}", args.streams, 1)
    frames = sum(client.frames for client in many.clients)
    figures = {
        "streams": args.streams,
        "lost": many.lost,
        # The deltas, the finish, and the end; figures were not asked for.
        "frames_missing": args.streams * (deltas + 2) - frames,
        "longest_gap_s": round(max(client.gap_s for client in many.clients), 3),
        "last_first_byte_s": round(max(client.first_s for client in many.clients), 3),
        "cores": round(many.cpu_s / many.wall_s, 2),
        "frame_us": round(many.cpu_s / frames * 1e6),
        "stream_kib": round((many.peak_bytes - base_bytes) / args.streams / 1024, 1),
    }
    told = (
        json.dumps(figures) if args.json else ", ".join(f"{name} {value}" for name, value in figures.items())
    )
    print(told if args.json else f"{args.streams:,} streams at once, {args.per_second} deltas/s each: {told}")


def main() -> None:
    parser = argparse.ArgumentParser()
    for name in ("--profile", "--sdk", "--json"):
        parser.add_argument(name, action="store_true")
    parser.add_argument("--streams", type=int, default=1000)
    parser.add_argument("--per-second", type=int, default=10)
    parser.add_argument("--seconds", type=int, default=10)
    args = parser.parse_args()
    more_files()
    context = multiprocessing.get_context("spawn")
    ready, upstream_end = context.Pipe()
    provider = context.Process(target=provide, args=(upstream_end,), daemon=True)
    provider.start()
    upstream = ready.recv()
    orders, gateway_end = context.Pipe()
    gateway = context.Process(target=run_gateway, args=(gateway_end, upstream, args.profile), daemon=True)
    gateway.start()
    port = orders.recv()
    try:
        uvloop.run(measure(upstream, port, orders, args))
    finally:
        orders.send("stop")
        gateway.join(10)
        gateway.kill()
        provider.kill()


if __name__ == "__main__":
    main()
