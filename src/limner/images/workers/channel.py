"""What carries frames to a worker and back: a pair of sockets, or the process's own pipes."""

from __future__ import annotations

import io
import socket
import subprocess
import sys
from collections.abc import Mapping, Sequence
from typing import Protocol

import anyio
from anyio.abc import Process
from anyio.streams.buffered import BufferedByteReceiveStream

__all__ = ["PAIRS", "Channel", "Severed", "opened"]

PAIRS = sys.platform != "win32"
"""Whether a process can be given a socket as its input and its output: its owner then writes and reads
with nobody in between, and is woken once for each job."""

_SLICE_BYTES = 256 * 1024
"""What the event loop copies at a time."""
_USUAL_BYTES = 64 * 1024
"""More than nearly every answer has, which then comes in one read."""
_QUIET = getattr(socket, "MSG_NOSIGNAL", 0)
"""That a worker has ended is an error of its job, also in a program that wants to die of broken pipes."""


class Severed(Exception):
    """The other end is gone, or this one was closed."""


class Channel(Protocol):
    """Our end of a worker; for one job at a time."""

    async def send(self, head: bytes, body: bytes) -> None:
        """Hand over a frame. Raises: Severed."""
        ...

    async def receive(self, size_bytes: int) -> bytes:
        """Exactly so many bytes. Raises: Severed."""
        ...

    async def aclose(self) -> None:
        """Close this end; whoever waits at it is woken. Idempotent."""
        ...


async def opened(
    command: Sequence[str], environment: Mapping[str, str], *, pairs: bool = PAIRS
) -> tuple[Process, Channel]:
    """A process that was started, and the way to it.

    Raises: OSError; NotImplementedError where the event loop cannot start any.
    """
    if not pairs:
        process = await anyio.open_process(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, env=environment
        )
        return process, _Pipes(process)
    ours, theirs = socket.socketpair()
    with theirs:
        try:
            end = theirs.fileno()
            process = await anyio.open_process(
                command, stdin=end, stdout=end, stderr=subprocess.DEVNULL, env=environment
            )
        except BaseException:
            ours.close()
            raise
    return process, _Pair(ours)


class _Pair:
    """One of two sockets; the process has the other."""

    def __init__(self, end: socket.socket) -> None:
        end.setblocking(False)
        self._end = end
        self._came = b""

    async def send(self, head: bytes, body: bytes) -> None:
        try:
            sent = self._end.sendmsg((head, body), (), _QUIET)
            for part in (head, body):
                rest = memoryview(part)[sent:]
                sent = max(0, sent - len(part))
                while rest:
                    await anyio.wait_writable(self._end)
                    rest = rest[self._end.send(rest[:_SLICE_BYTES], _QUIET) :]
        except (OSError, anyio.ClosedResourceError) as error:
            raise Severed from error

    async def receive(self, size_bytes: int) -> bytes:
        came = self._came or (await self._read(_USUAL_BYTES) if size_bytes else b"")
        if len(came) >= size_bytes:
            self._came = came[size_bytes:]
            return came[:size_bytes]
        # It hands its bytes over without a copy of them.
        gathered = io.BytesIO()
        gathered.write(came)
        while missing := size_bytes - gathered.tell():
            came = await self._read(min(max(missing, _USUAL_BYTES), _SLICE_BYTES))
            self._came = came[missing:]
            gathered.write(came[:missing])
        return gathered.getvalue()

    async def _read(self, most_bytes: int) -> bytes:
        try:
            await anyio.wait_readable(self._end)
            came = self._end.recv(most_bytes)
        except (OSError, anyio.ClosedResourceError) as error:
            raise Severed from error
        if not came:
            raise Severed
        return came

    async def aclose(self) -> None:
        if self._end.fileno() >= 0:
            anyio.notify_closing(self._end)
            self._end.close()


class _Pipes:
    """Both pipes of a process, which are closed with it."""

    def __init__(self, process: Process) -> None:
        assert process.stdin is not None
        assert process.stdout is not None
        self._jobs = process.stdin
        self._results = BufferedByteReceiveStream(process.stdout)

    async def send(self, head: bytes, body: bytes) -> None:
        try:
            await self._jobs.send(head)
            for start in range(0, len(body), _SLICE_BYTES):
                await self._jobs.send(body[start : start + _SLICE_BYTES])
        except (anyio.BrokenResourceError, anyio.ClosedResourceError) as error:
            raise Severed from error

    async def receive(self, size_bytes: int) -> bytes:
        try:
            return await self._results.receive_exactly(size_bytes)
        except (anyio.IncompleteRead, anyio.BrokenResourceError, anyio.ClosedResourceError) as error:
            raise Severed from error

    async def aclose(self) -> None:
        await self._jobs.aclose()
        await self._results.aclose()
