"""One contestant at work: orders come as lines of JSON, and so do their results.

    {"order": "open", "url": …, "concurrency": …}
    {"order": "turns", "turns": …, "at_once": …, "streamed": …, "kept": …, "pictures": …}
    {"order": "close"}

`turns` are taken by `at_once` tasks; with `kept` all turns of a task are one conversation's, and each turn's
own CPU is told.
"""

from __future__ import annotations

import asyncio
import gc
import importlib
import json
import os
import sys
import time
from itertools import count
from typing import Any

from benchmarks.measuring import cpu_s, forget_peak, more_files, peak_bytes
from benchmarks.upstream import QUESTION, complete

from .task import Contestant


class Worker:
    """Takes orders for one contestant."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._contestant: Contestant | None = None

    async def open(self, order: dict[str, Any]) -> dict[str, Any]:
        await self.close(order)
        module = importlib.import_module(f"benchmarks.contestants.{self._name}")
        self._contestant = await module.opened(order["url"], concurrency=order["concurrency"])
        return {}

    async def close(self, order: dict[str, Any]) -> dict[str, Any]:  # noqa: ARG002  one signature for all orders
        if self._contestant is not None:
            await self._contestant.aclose()
        self._contestant = None
        return {}

    async def turns(self, order: dict[str, Any]) -> dict[str, Any]:
        assert self._contestant is not None
        contestant, numbers = self._contestant, count(1)
        words_s: list[float] = []
        whole_s: list[float] = []
        turn_cpu_s: list[float] = []
        wrong: list[str] = []

        async def one(talk: Any) -> None:
            heard: list[float] = []
            told = 0

            def tell(text: str) -> None:
                nonlocal told
                told += len(text)
                if not heard and text.strip():
                    heard.append(time.perf_counter())

            text = f"{QUESTION} how to fold a paper crane ({next(numbers)})"
            before_s = cpu_s() if order["kept"] else 0.0
            started = time.perf_counter()
            try:
                said = await (talk.stream(text, tell) if order["streamed"] else talk.ask(text))
            except Exception as error:
                wrong.append(f"{type(error).__name__}: {error}"[:300])
                return
            ended = time.perf_counter()
            if order["kept"]:
                turn_cpu_s.append(cpu_s() - before_s)
            if not complete(said, order["pictures"]) or (order["streamed"] and not told):
                wrong.append(said[:300])
            words_s.append((heard or [ended])[0] - started)
            whole_s.append(ended - started)

        async def several(turns: int) -> None:
            talk = contestant.conversation()
            for _ in range(turns):
                await one(talk)
                if not order["kept"]:
                    talk = contestant.conversation()

        gc.collect()
        forget_peak()
        at_once = order["at_once"]
        before_s, started = cpu_s(), time.perf_counter()
        async with asyncio.TaskGroup() as tasks:
            for _ in range(at_once):
                tasks.create_task(several(order["turns"] // at_once))
        return {
            "wall_s": time.perf_counter() - started,
            "cpu_s": cpu_s() - before_s,
            "peak_bytes": peak_bytes(),
            "turns": order["turns"] // at_once * at_once,
            "wrong": wrong[:3],
            "wrongs": len(wrong),
            "words_s": words_s,
            "whole_s": whole_s,
            "turn_cpu_s": turn_cpu_s,
        }


async def work(name: str, results: int) -> None:
    """Take orders until there are no more."""
    worker = Worker(name)
    # Lines are read in a thread: nothing of a contestant's own may wait for an order.
    while line := await asyncio.to_thread(sys.stdin.readline):
        order = json.loads(line)
        try:
            result = await getattr(worker, order["order"])(order)
        except Exception as error:
            result = {"failed": f"{type(error).__name__}: {error}"}
        os.write(results, json.dumps(result).encode() + b"\n")


def main() -> None:
    """Answer on standard output; what a library prints goes elsewhere."""
    results = os.dup(1)
    os.dup2(2, 1)
    more_files()
    asyncio.run(work(sys.argv[1], results))


if __name__ == "__main__":
    main()
