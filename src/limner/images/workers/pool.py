"""Worker processes: started when needed, replaced when broken, ended with the pool."""

from __future__ import annotations

import json
import os
import sys
from contextlib import suppress
from typing import Any, Literal

import anyio
from anyio.abc import Process

from .channel import PAIRS, Channel, Severed, opened
from .frames import LENGTHS, head_of, lengths

__all__ = ["WorkerFailed", "Workers"]

_PATIENCE_S = 0.02
"""For a quick job before it; most take a hundredth of that."""


class WorkerFailed(Exception):
    """A job has no result, because of its worker and not because of what the worker found."""

    def __init__(
        self, why: Literal["closed", "not_started", "ended", "too_slow", "broke"], detail: str
    ) -> None:
        """`broke`: the job raised something in its worker, which serves on; all others lose their worker."""
        super().__init__(detail)
        self.why = why
        self.detail = detail


class _Worker:
    """One process, one job at a time."""

    def __init__(self, process: Process, channel: Channel) -> None:
        self._process = process
        self._channel = channel

    @property
    def pid(self) -> int:
        return self._process.pid

    @property
    def alive(self) -> bool:
        return self._process.returncode is None

    async def ask(self, head: dict[str, Any], body: bytes) -> tuple[dict[str, Any], bytes]:
        """Send one job and wait for its result.

        Raises: WorkerFailed. After any exception the worker is of no more use.
        """
        channel = self._channel
        try:
            await channel.send(head_of(head, len(body)), body)
            head_bytes, body_bytes = lengths(await channel.receive(LENGTHS))
            answer = json.loads(await channel.receive(head_bytes))
            return answer, await channel.receive(body_bytes) if body_bytes else b""
        except Severed as error:
            raise WorkerFailed("ended", "the worker ended while it was at work") from error
        except ValueError as error:
            raise WorkerFailed("ended", "the worker's answer is no frame") from error

    async def end(self) -> None:
        """Kill the process and close the way to it, whatever the caller's cancellation says."""
        with anyio.CancelScope(shield=True):
            if self.alive:
                # It may have ended between the question and the signal.
                with suppress(ProcessLookupError):
                    self._process.kill()
            await self._process.aclose()
            await self._channel.aclose()


class Workers:
    """At most `count` processes of `python -m module`, each with one job at a time.

    `limit_s`: how long a job may take before its worker is killed, counted from when a worker has it.
    `pairs`: whether they are spoken to over pairs of sockets, which is what costs least where there are any.
    """

    def __init__(self, module: str, count: int, *, limit_s: float | None = None, pairs: bool = PAIRS) -> None:
        self._module = module
        self._count = count
        self._pairs = pairs
        # Whoever has a place waits for a worker: no need to wait for nothing before it.
        self._places = anyio.Semaphore(count, fast_acquire=True)
        self._quick = anyio.Lock(fast_acquire=True)
        self._limit_s = limit_s
        self._idle: list[_Worker] = []
        self._busy: set[_Worker] = set()
        self._warming = False
        self._closed = False

    @property
    def pids(self) -> tuple[int, ...]:
        """Of all processes that run now: for those who watch them."""
        return tuple(worker.pid for worker in (*self._idle, *self._busy) if worker.alive)

    @property
    def warmed(self) -> bool:
        """Whether `warm` has nothing to do."""
        return bool(self._idle) or self._warming or self._closed or self._places.value < self._count

    async def ask(
        self, head: dict[str, Any], body: bytes = b"", *, quick: bool = False
    ) -> tuple[dict[str, Any], bytes]:
        """Let the next free worker do a job.

        `quick`: the job is thought to take so little that to wake a second worker for it costs more: it
        waits a moment for those like it, which are done one after the other.

        Raises: WorkerFailed; the next job gets a new worker.
        Cancel: the worker that has the job is killed, since it cannot be interrupted.
        """
        if not quick:
            return await self._asked(head, body)
        alone = False
        try:
            self._quick.acquire_nowait()
        except anyio.WouldBlock:
            with anyio.move_on_after(_PATIENCE_S) as patience:
                await self._quick.acquire()
            # What is thought to be quick may be made to look so.
            alone = patience.cancelled_caught
        try:
            return await self._asked(head, body)
        finally:
            if not alone:
                self._quick.release()

    async def warm(self) -> None:
        """Have a worker started for the first job, if there is none; whoever asks does not wait until it is ready.

        Cancel: safe.
        """
        if self.warmed:
            return
        self._warming = True
        try:
            async with self._places:
                with suppress(WorkerFailed):
                    self._idle.append(await self._take())
        finally:
            self._warming = False

    async def aclose(self) -> None:
        """End every process; jobs under way fail. Idempotent."""
        self._closed = True
        while self._idle:
            await self._idle.pop().end()
        for worker in tuple(self._busy):
            await worker.end()

    async def _asked(self, head: dict[str, Any], body: bytes) -> tuple[dict[str, Any], bytes]:
        async with self._places:
            worker = await self._take()
            self._busy.add(worker)
            kept = False
            try:
                with anyio.fail_after(self._limit_s):
                    answer, result = await worker.ask(head, body)
                kept = not self._closed
            except TimeoutError as error:
                raise WorkerFailed("too_slow", f"the worker took more than {self._limit_s} s") from error
            finally:
                self._busy.discard(worker)
                if kept:
                    self._idle.append(worker)
                else:
                    await worker.end()
        if "broke" in answer:
            raise WorkerFailed("broke", str(answer["broke"]))
        return answer, result

    async def _take(self) -> _Worker:
        """A worker that lives: an idle one, else a new one. Raises: WorkerFailed."""
        while self._idle:
            worker = self._idle.pop()
            if worker.alive:
                return worker
            await worker.end()
        self._check_open()
        # Not to be cut in half: a process without an owner would never be ended.
        with anyio.CancelScope(shield=True):
            worker = await _started(self._module, pairs=self._pairs)
        try:
            self._check_open()
        except WorkerFailed:
            await worker.end()
            raise
        return worker

    def _check_open(self) -> None:
        if self._closed:
            raise WorkerFailed("closed", "the pool of workers is closed")


async def _started(module: str, *, pairs: bool) -> _Worker:
    # -P: a file in the working directory must not be taken for a module of ours.
    command = [sys.executable, "-P", "-m", module]
    try:
        return _Worker(*await opened(command, _environment(), pairs=pairs))
    # NotImplementedError: not every event loop can start processes on Windows.
    except (OSError, NotImplementedError) as error:
        raise WorkerFailed("not_started", f"no worker: {error!r}") from error


def _environment() -> dict[str, str]:
    """What a worker needs of ours; no key, no token, nothing that is not about running Python."""
    return {name: value for name, value in os.environ.items() if name.startswith(_KEPT)}


_KEPT = (
    "PATH",
    "PYTHON",
    "VIRTUAL_ENV",
    "LD_LIBRARY_PATH",
    "DYLD_",
    "SYSTEMROOT",
    "TEMP",
    "TMP",
    "TMPDIR",
    "LANG",
    "LC_",
    "HOME",
    "COVERAGE_",
)
