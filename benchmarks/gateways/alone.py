"""What a request costs in `limner serve`, over real HTTP on loopback.

python -m benchmarks.gateways.alone            # all
python -m benchmarks.gateways.alone --profile  # and what the worker spends its time on
python -m benchmarks.gateways.alone --sdk      # as the official clients ask, who may ask again by themselves
python -m benchmarks.gateways.alone --json     # only the many streams at once, as data
"""

from __future__ import annotations

import argparse
import asyncio
import json
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import uvloop
from benchmarks.measuring import more_files
from benchmarks.processes import Upstream
from benchmarks.upstream import Behaviour

from .clients import Load, load, percentile
from .comparison import DELTAS, TURN, answered, chat, watch
from .running import Target, direct, limner

_SDK = b"x-stainless-retry-count: 0\r\n"


class _Alone:
    """The service, what it is compared with, and how it is asked."""

    def __init__(self, target: Target, nobody: Target, args: argparse.Namespace) -> None:
        self._target = target
        self._nobody = nobody
        self._args = args
        self._head = _SDK if args.sdk else b""

    async def all(self) -> None:
        await self._latency()
        whole = chat("whole", self._target, self._head)
        streamed = chat("burst", self._target, self._head)
        for what, clients, request in (
            ("whole", 64, whole),
            (f"{DELTAS} deltas", 16, streamed),
            ("Responses, whole", 16, answered("spoken", self._target, streamed=False)),
            (f"Responses, {DELTAS} deltas", 16, answered("answered", self._target, streamed=True)),
            ("turns with four pictures", 1, self._target.request("turn", "/chat/completions", TURN)),
        ):
            await load(self._target.port, request, clients=1)
            before_s = self._target.cpu_s
            with self._profiled():
                done = await load(self._target.port, request, clients=clients, seconds=2.0)
            spent_s = self._target.cpu_s - before_s
            told = f", {spent_s / done.frames * 1e6:.0f} us a frame" if done.frames else ""
            print(
                f"{clients} clients, {what}: {done.per_s:,.0f} answers/s, "
                f"{spent_s / done.answers * 1000:.2f} ms of CPU each{told}, lost {done.lost}"
            )

    async def _latency(self) -> None:
        found: dict[str, Load] = {}
        for target in (self._nobody, self._target):
            request = chat("whole", target, self._head)
            await load(target.port, request, clients=1, seconds=0.5)
            found[target.name] = await load(target.port, request, clients=1, seconds=2.0)
        without, through = found["direct"], found["limner"]
        print(
            f"1 client, whole: {(through.median_s - without.median_s) * 1000:.2f} ms added (median), "
            f"99 of 100 under {percentile(through.seconds, 0.99) * 1000:.2f} ms"
        )

    async def streams(self) -> dict[str, Any]:
        """Many at once, as a model writes them."""
        args, target = self._args, self._target
        await load(target.port, chat("whole", target, self._head), clients=8, seconds=0.5)
        alone = await load(self._nobody.port, chat("held", self._nobody), clients=1)
        before_s, before_bytes = target.cpu_s, target.rss_bytes
        seen = [before_bytes]
        watching = asyncio.ensure_future(watch(target, seen))
        with self._profiled():
            done = await load(target.port, chat("held", target, self._head), clients=args.streams)
        watching.cancel()
        spent_s = target.cpu_s - before_s
        return {
            "streams": args.streams,
            "lost": done.lost,
            "words_missing": args.streams * alone.words - done.words,
            "longest_gap_s": round(max(client.gap_s for client in done.clients), 3),
            "last_first_byte_s": round(max(first for client in done.clients for first in client.first_s), 3),
            "cores": round(spent_s / done.wall_s, 2),
            "frame_us": round(spent_s / done.frames * 1e6),
            "stream_kib": round((max(seen) - before_bytes) / args.streams / 1024, 1),
        }

    @contextmanager
    def _profiled(self) -> Iterator[None]:
        if self._args.profile:
            self._target.send(signal.SIGUSR1)
        try:
            yield
        finally:
            if self._args.profile:
                self._target.send(signal.SIGUSR2)


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.gateways.alone")
    for name in ("--profile", "--sdk", "--json"):
        parser.add_argument(name, action="store_true")
    parser.add_argument("--streams", type=int, default=1000)
    parser.add_argument("--per-second", type=int, default=10)
    parser.add_argument("--seconds", type=int, default=10)
    args = parser.parse_args()
    more_files()
    gap_s = 1 / args.per_second
    names = {
        "whole": (Behaviour(pictures=0), "chat"),
        "burst": (Behaviour(pictures=0, deltas=DELTAS), "chat"),
        "held": (Behaviour(pictures=0, deltas=args.seconds * args.per_second, gap_s=gap_s), "chat"),
        "spoken": (Behaviour(pictures=0), "responses"),
        "answered": (Behaviour(pictures=0, deltas=DELTAS), "responses"),
        "turn": (Behaviour(), "chat"),
    }
    program = ("-m", "benchmarks.gateways.profiled") if args.profile else None
    with Upstream(sys.executable) as upstream, TemporaryDirectory() as folder:
        with limner(upstream.port, names, Path(folder), program=program) as target:
            alone = _Alone(target, direct(upstream.port, names), args)
            if not args.json:
                uvloop.run(alone.all())
            figures = uvloop.run(alone.streams())
        if args.json:
            print(json.dumps(figures))
            return
        told = ", ".join(f"{name} {value}" for name, value in figures.items())
        print(f"{args.streams:,} streams at once, {args.per_second} deltas/s each: {told}")
        if args.profile:
            print(profiles(Path(folder, "log").read_text()))


def profiles(log: str) -> str:
    """What is in the log beside its lines of JSON."""
    return "\n".join(line for line in log.splitlines() if not line.startswith("{"))


if __name__ == "__main__":
    main()
