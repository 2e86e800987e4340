"""The painter's worker processes: started when needed, replaced when broken, ended with the pool."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from contextlib import suppress
from typing import Any

import anyio
from anyio.abc import Process
from anyio.streams.buffered import BufferedByteReceiveStream

from limner.errors import PictureError

from .frames import LENGTHS, lengths, pack

__all__ = ["Workers"]

_MODULE = "limner.images.offline.worker"


class _Worker:
    """One process, one request at a time."""

    def __init__(self, process: Process) -> None:
        if process.stdin is None or process.stdout is None:
            raise PictureError("internal", billed="no", detail="the worker has no pipes")
        self._process = process
        self._requests = process.stdin
        self._answers = BufferedByteReceiveStream(process.stdout)

    @property
    def pid(self) -> int:
        return self._process.pid

    @property
    def alive(self) -> bool:
        return self._process.returncode is None

    async def ask(self, head: dict[str, Any]) -> bytes:
        """Send one request and wait for its picture.

        Raises: PictureError. After any exception the worker is of no more use.
        """
        try:
            await self._requests.send(pack(head))
            head_length, body_length = lengths(await self._answers.receive_exactly(LENGTHS))
            answer = json.loads(await self._answers.receive_exactly(head_length))
            picture = await self._answers.receive_exactly(body_length)
        except (
            anyio.IncompleteRead,
            anyio.BrokenResourceError,
            anyio.ClosedResourceError,
            anyio.EndOfStream,
        ) as error:
            raise PictureError("internal", billed="no", detail="the worker ended while it drew") from error
        except ValueError as error:
            raise PictureError("internal", billed="no", detail="the worker's answer is no frame") from error
        if not answer["ok"]:
            raise PictureError("internal", billed="no", detail=str(answer["error"]))
        return picture

    async def end(self) -> None:
        """Kill the process and give back its pipes, whatever the caller's cancellation says."""
        with anyio.CancelScope(shield=True):
            if self.alive:
                # It may have ended between the question and the signal.
                with suppress(ProcessLookupError):
                    self._process.kill()
            await self._process.aclose()


class Workers:
    """At most `count` processes, each drawing one picture at a time."""

    def __init__(self, count: int) -> None:
        self._places = anyio.Semaphore(count)
        self._idle: list[_Worker] = []
        self._busy: set[_Worker] = set()
        self._closed = False

    @property
    def pids(self) -> tuple[int, ...]:
        """Of all processes that run now: for those who watch them."""
        return tuple(worker.pid for worker in (*self._idle, *self._busy) if worker.alive)

    async def ask(self, head: dict[str, Any]) -> bytes:
        """Let the next free worker draw.

        Raises: PictureError "internal" where the worker broke; the next call gets a new one.
        Cancel: the worker that draws is killed, since it cannot be interrupted.
        """
        async with self._places:
            if self._closed:
                raise PictureError("internal", billed="no", detail="the painter is closed")
            worker = await self._take()
            self._busy.add(worker)
            kept = False
            try:
                picture = await worker.ask(head)
                kept = not self._closed
                return picture
            finally:
                self._busy.discard(worker)
                if kept:
                    self._idle.append(worker)
                else:
                    await worker.end()

    async def _take(self) -> _Worker:
        """A worker that lives: an idle one, else a new one."""
        while self._idle:
            worker = self._idle.pop()
            if worker.alive:
                return worker
            await worker.end()
        # -P: a file in the working directory must not be taken for a module of ours.
        command = [sys.executable, "-P", "-m", _MODULE]
        try:
            with anyio.CancelScope(shield=True):
                # Not to be cut in half: a process without an owner would never be ended.
                process = await anyio.open_process(
                    command,
                    stdin=subprocess.PIPE,
                    stdout=subprocess.PIPE,
                    stderr=subprocess.DEVNULL,
                    env=_environment(),
                )
        except OSError as error:
            raise PictureError("internal", billed="no", detail=f"no worker: {error}") from error
        return _Worker(process)

    async def aclose(self) -> None:
        """End every process; pictures under way fail. Idempotent."""
        self._closed = True
        while self._idle:
            await self._idle.pop().end()
        for worker in tuple(self._busy):
            await worker.end()


def _environment() -> dict[str, str]:
    """What the worker needs of ours; no key, no token, nothing that is not about running Python."""
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
