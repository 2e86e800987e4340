"""What a gateway adds: requests directly, through `limner serve` and through LiteLLM's proxy, alternating.

Everything shares the machine's cores: the gateway, the provider and the clients. The last two are bare
protocols that need a small part of one; `gateway_others_cores` tells how much.
"""

from __future__ import annotations

import asyncio
import os
import statistics
import sys
import time
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from benchmarks.measuring import cpu_s, more_files
from benchmarks.processes import Upstream
from benchmarks.upstream import QUESTION, Behaviour

from .clients import Load, load, percentile
from .links import waiting_links
from .running import LITELLM, Target, direct, limner, litellm_proxy

__all__ = ["DELTAS", "TURN", "Results", "answered", "chat", "measured", "watch"]

Results = dict[str, dict[str, float]]
"""By measure and who was asked: "direct", "limner", "litellm_proxy"."""

DELTAS = 200
AT_ONCE = (1, 16, 64)
PER_S = 10
"""Deltas of each stream that is held."""
LINKS = 1000
LINK_PICTURE_S = 3.0
_SAID = [{"role": "user", "content": "Say something short, please."}]
TURN = {
    "messages": [{"role": "user", "content": f"{QUESTION} how to fold a paper crane"}],
    "tools": [{"type": "openrouter:image_generation"}],
}


@dataclass(frozen=True)
class Extent:
    """How much is measured."""

    rounds: int
    seconds: float
    """Of each load."""
    held: int
    """Streams through Limner at once."""
    held_litellm: int
    """Streams through LiteLLM's proxy, of which it carries fewer."""
    held_s: int
    turns: int
    """With four pictures, one after the other."""


QUICK = Extent(rounds=1, seconds=0.8, held=1000, held_litellm=60, held_s=2, turns=8)
FULL = Extent(rounds=5, seconds=4.0, held=1000, held_litellm=100, held_s=10, turns=100)


def measured(*, quick: bool, told: Callable[[str], None] = print) -> Results:
    """The figures of all that are there, by measure; LiteLLM's proxy is left out where it is not installed."""
    import uvloop

    more_files()
    extent = QUICK if quick else FULL
    results: Results = {}
    with ExitStack() as stack:
        upstream = stack.enter_context(Upstream(sys.executable))
        folder = partial(_folder, stack)
        names = {
            "whole": (Behaviour(pictures=0), "chat"),
            "burst": (Behaviour(pictures=0, deltas=DELTAS), "chat"),
            "held": (Behaviour(pictures=0, deltas=extent.held_s * PER_S, gap_s=1 / PER_S), "chat"),
            "spoken": (Behaviour(pictures=0), "responses"),
            "answered": (Behaviour(pictures=0, deltas=DELTAS), "responses"),
            "turn": (Behaviour(), "chat"),
        }
        litellm = partial(litellm_proxy, upstream.port, names)
        targets = [direct(upstream.port, names)]
        targets.append(stack.enter_context(limner(upstream.port, names, folder())))
        if LITELLM.exists():
            targets.append(stack.enter_context(litellm(folder())))
        else:
            told("LiteLLM's proxy is left out: it is not there; `make bench-environments` makes it")
        comparison = Comparison(extent, targets, upstream.pid, results, told)
        uvloop.run(comparison.run())
    with ExitStack() as stack:
        upstream = stack.enter_context(Upstream(sys.executable))
        names = {"promised": (Behaviour(pictures=1), "chat")}
        target = stack.enter_context(limner(upstream.port, names, _folder(stack), picture_s=LINK_PICTURE_S))
        links = uvloop.run(waiting_links(target, "promised", LINKS))
        results["gateway_waiting_links"] = {"limner": LINKS}
        results["gateway_waiting_links_lost"] = {"limner": links.lost}
        results["gateway_waiting_link_kib"] = {"limner": links.link_kib}
        results["gateway_waiting_link_cpu_ms"] = {"limner": links.link_cpu_ms}
        results["gateway_waiting_links_spread_s"] = {"limner": links.spread_s}
    return results


def _folder(stack: ExitStack) -> Path:
    return Path(stack.enter_context(TemporaryDirectory()))


@dataclass
class Comparison:
    """One run; each method is one measurement of all targets in alternation."""

    extent: Extent
    targets: list[Target]
    upstream_pid: int
    results: Results
    told: Callable[[str], None]

    async def run(self) -> None:
        for target in self.targets[1:]:
            target.rest()
            self.note("gateway_rest_mb", target, target.rss_bytes / 1e6)
        for target in self.targets:
            await self.load(target, chat("whole", target), clients=8, seconds=0.5)
            for request in (
                chat("burst", target),
                answered("spoken", target, streamed=False),
                answered("answered", target, streamed=True),
            ):
                await self.load(target, request, clients=2, seconds=0.1)
        for clients in AT_ONCE:
            await self.whole(clients)
        await self.streamed()
        await self.responses()
        await self.held()
        await self.turns()
        for target in self.targets[1:]:
            target.rest(3.0)
            self.note("gateway_loaded_mb", target, target.rss_bytes / 1e6)

    def note(self, measure: str, target: Target, value: float) -> None:
        self.results.setdefault(measure, {})[target.name] = value

    async def load(self, target: Target, request: bytes, *, clients: int, seconds: float = 0.0) -> Load:
        done = await load(target.port, request, clients=clients, seconds=seconds)
        if done.lost:
            self.told(f"  {target.name}: {done.lost} of {done.answers} answers were lost: {done.said}")
        return done

    async def alternating(
        self, request: Callable[[Target], bytes], *, clients: int
    ) -> dict[Target, list[tuple[Load, float]]]:
        """Loads of all targets and the CPU seconds that each has cost, round by round."""
        found: dict[Target, list[tuple[Load, float]]] = {target: [] for target in self.targets}
        for _ in range(self.extent.rounds):
            for target in self.targets:
                before_s = target.cpu_s
                done = await self.load(target, request(target), clients=clients, seconds=self.extent.seconds)
                found[target].append((done, target.cpu_s - before_s))
        return found

    async def whole(self, clients: int) -> None:
        """Requests per second and the latency that is added."""
        before_s, started = cpu_s(self.upstream_pid) + time.process_time(), time.perf_counter()
        found = await self.alternating(partial(chat, "whole"), clients=clients)
        spent_s = cpu_s(self.upstream_pid) + time.process_time() - before_s
        medians = {
            target: statistics.median(done.median_s for done, _ in loads) for target, loads in found.items()
        }
        latest = {
            target: statistics.median(percentile(done.seconds, 0.99) for done, _ in loads)
            for target, loads in found.items()
        }
        nobody = self.targets[0]
        for target, loads in found.items():
            per_s = statistics.median(done.per_s for done, _ in loads)
            self.note(f"gateway_requests_per_s_{clients}", target, per_s)
            if target.pid is None:
                continue
            self.note(f"gateway_added_ms_{clients}", target, (medians[target] - medians[nobody]) * 1000)
            self.note(f"gateway_added_p99_ms_{clients}", target, (latest[target] - latest[nobody]) * 1000)
            cpu_ms = statistics.median(spent / max(1, done.answers) * 1000 for done, spent in loads)
            self.note(f"gateway_request_cpu_ms_{clients}", target, cpu_ms)
        if clients == AT_ONCE[-1]:
            wall_s = time.perf_counter() - started
            self.results["gateway_others_cores"] = {"direct": spent_s / wall_s}
            self.results["gateway_cores"] = {"direct": len(os.sched_getaffinity(0))}

    async def streamed(self) -> None:
        """Answers of many deltas, which the provider sends at once."""
        found = await self.alternating(partial(chat, "burst"), clients=16)
        for target, loads in found.items():
            self.note("gateway_answers_per_s_16", target, statistics.median(done.per_s for done, _ in loads))
            if target.pid is not None:
                cpu_us = statistics.median(spent / max(1, done.frames) * 1e6 for done, spent in loads)
                self.note("gateway_burst_frame_cpu_us", target, cpu_us)

    async def responses(self) -> None:
        """The Responses API, whole and streamed."""
        for what, name, streamed in (("whole", "spoken", False), ("streamed", "answered", True)):
            found = await self.alternating(partial(answered, name, streamed=streamed), clients=16)
            for target, loads in found.items():
                per_s = statistics.median(done.per_s for done, _ in loads)
                self.note(f"gateway_responses_{what}_per_s_16", target, per_s)

    async def held(self) -> None:
        """Many streams at once, as a model writes them."""
        alone = await self.load(self.targets[0], chat("held", self.targets[0]), clients=1)
        for target in self.targets[1:]:
            streams = self.extent.held if target.name == "limner" else self.extent.held_litellm
            before_s, before_bytes = target.cpu_s, target.rss_bytes
            most: list[int] = [before_bytes]
            watching = asyncio.ensure_future(watch(target, most))
            done = await self.load(target, chat("held", target), clients=streams)
            watching.cancel()
            self.note("gateway_held_streams", target, streams)
            self.note("gateway_held_lost", target, done.lost)
            self.note("gateway_held_words_missing", target, streams * alone.words - done.words)
            self.note("gateway_held_longest_gap_s", target, max(each.gap_s for each in done.clients))
            self.note("gateway_held_stream_kib", target, (max(most) - before_bytes) / streams / 1024)
            cpu_us = (target.cpu_s - before_s) / max(1, done.frames) * 1e6
            self.note("gateway_held_frame_cpu_us", target, cpu_us)

    async def turns(self) -> None:
        """Turns of two chat requests and four pictures, through Limner alone."""
        target = self.targets[1]
        for what, more in (("whole", {}), ("streamed", {"stream": True})):
            request = target.request("turn", "/chat/completions", {**TURN, **more})
            await self.load(target, request, clients=1)
            before_s = target.cpu_s
            for _ in range(self.extent.turns):
                await self.load(target, request, clients=1)
            self.note(
                f"gateway_{what}_turn_cpu_ms", target, (target.cpu_s - before_s) / self.extent.turns * 1000
            )


def chat(name: str, target: Target, head: bytes = b"") -> bytes:
    """A request of the chat API; `head`: further lines of its head."""
    body: dict[str, Any] = {"messages": _SAID, "temperature": 0.7}
    if name != "whole":
        body |= {"stream": True, "stream_options": {"include_usage": True}}
    return target.request(name, "/chat/completions", body, head)


def answered(name: str, target: Target, *, streamed: bool) -> bytes:
    """A request of the Responses API."""
    body = {"input": "Say something short, please.", "store": False, "stream": streamed}
    return target.request(name, "/responses", body)


async def watch(target: Target, seen: list[int]) -> None:
    """Note its memory, until cancelled."""
    while True:
        await asyncio.sleep(0.25)
        seen.append(target.rss_bytes)
