"""A real provider on loopback: an HTTP/1.1 server in a thread of its own, scripted per test.

    with Provider() as provider:
        provider.chat(sse(text("Hello"), finish()))             # one answer; the last one repeats
        provider.chat(status(429, retry_after="2"), sse(…))     # one after the other
        provider.chat_script(lambda body: Said("Hi", calls=[("draw", {"prompt": "a fox"})]))
        provider.image_script(lambda body: pictures.png())      # bytes: b64_json; str: a link
        provider.pictures["/fox.png"] = raw(pictures.png())     # GET, at provider.origin + "/fox.png"

It runs its own event loop, so it serves tests on asyncio and trio alike. An answer is a list of
steps: bytes to send, seconds to wait, a gate to wait at, a stall, a cut.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import socket
import ssl
import struct
import threading
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any, Self

from answers import (
    CUT,
    FIN,
    STALL,
    Answer,
    Gate,
    Said,
    Step,
    call,
    chunk,
    drawn,
    event,
    finish,
    raw,
    spoken,
    sse,
    status,
    text,
    usage,
    wait_for,
    whole,
)

__all__ = [
    "CUT",
    "FIN",
    "STALL",
    "Answer",
    "Gate",
    "Provider",
    "Recorded",
    "Said",
    "call",
    "chunk",
    "event",
    "finish",
    "raw",
    "sse",
    "status",
    "text",
    "usage",
    "wait_for",
    "whole",
]


@dataclass
class Recorded:
    """One request as it arrived."""

    method: str
    path: str
    headers: dict[str, str]
    """Names in lower case."""
    body: bytes
    closed: threading.Event = field(default_factory=threading.Event)
    """Set when the client closed the connection before the answer was complete."""
    answered: threading.Event = field(default_factory=threading.Event)

    @property
    def json(self) -> Any:
        """The body, parsed."""
        return json.loads(self.body)


_TLS_GREETING = b"\x16"


class Provider:
    """The server; use it with `with`."""

    def __init__(self, host: str = "127.0.0.1", tls: ssl.SSLContext | None = None) -> None:
        self.requests: list[Recorded] = []
        """Every request in the order of arrival."""
        self.pictures: dict[str, Answer | list[Answer]] = {}
        """What GET answers, by path; of a list, one after the other, and the last one repeats."""
        self.connections = 0
        self.origin = ""
        """Like "http://127.0.0.1:4711"."""
        self._host = host
        self._tls = tls
        self._posts: dict[str, Callable[[Recorded], Answer]] = {}
        self._ready = threading.Event()
        self._thread = threading.Thread(target=lambda: asyncio.run(self._main()), daemon=True)
        self._stop: Callable[[], object] = lambda: None

    @property
    def base_url(self) -> str:
        """What a client is configured with."""
        return f"{self.origin}/v1"

    def chat(self, *answers: Answer) -> None:
        """Answer chat requests with these, one after the other; the last one repeats."""
        self._posts["/v1/chat/completions"] = _in_turn(answers)

    def images(self, *answers: Answer) -> None:
        """Answer orders of pictures with these, one after the other; the last one repeats."""
        self._posts["/v1/images/generations"] = _in_turn(answers)

    def answers(self, path: str, *answers: Answer) -> None:
        """Answer POST requests to `path` (like "/v1/images") with these, in the same way."""
        self._posts[path] = _in_turn(answers)

    def script(self, path: str, handler: Callable[[dict[str, Any]], Answer]) -> None:
        """Answer each POST request to `path` with what `handler` makes of its body."""
        self._posts[path] = lambda request: handler(request.json)

    def chat_script(self, handler: Callable[[dict[str, Any]], Said | str | Answer]) -> None:
        """Answer each chat request with what `handler` makes of its body."""
        self._posts["/v1/chat/completions"] = lambda request: spoken(handler(request.json), request.json)

    def image_script(
        self, handler: Callable[[dict[str, Any]], bytes | str | Answer], before_s: float = 0.0
    ) -> None:
        """Answer each order with what `handler` makes of it: bytes, a link, or any answer."""
        self._posts["/v1/images/generations"] = lambda request: drawn(handler(request.json), before_s)

    def posts(self, end: str) -> list[Recorded]:
        """The requests whose path ends so."""
        return [request for request in self.requests if request.path.split("?")[0].endswith(end)]

    def __enter__(self) -> Self:
        self._thread.start()
        if not self._ready.wait(5):
            raise AssertionError("the loopback provider did not start")
        return self

    def __exit__(self, *_: object) -> None:
        self._stop()
        self._thread.join(5)

    async def _main(self) -> None:
        loop, stop = asyncio.get_running_loop(), asyncio.Event()
        tasks: set[asyncio.Task[None]] = set()

        async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            task = asyncio.current_task()
            assert task is not None
            tasks.add(task)
            try:
                await self._connection(reader, writer)
            except (ConnectionError, asyncio.IncompleteReadError, asyncio.CancelledError):
                pass  # the client has gone, or the test is over
            finally:
                tasks.discard(task)
                writer.transport.abort()

        server = await asyncio.start_server(serve, self._host, 0, ssl=self._tls)
        scheme = "https" if self._tls else "http"
        self.origin = f"{scheme}://{self._host}:{server.sockets[0].getsockname()[1]}"
        self._stop = lambda: loop.call_soon_threadsafe(stop.set)
        self._ready.set()
        await stop.wait()
        server.close()
        for task in tuple(tasks):
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _connection(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        ahead = await reader.read(1)
        if ahead == _TLS_GREETING:
            writer.write(b"HTTP/1.1 400 There is no TLS here\r\n\r\n")
            await writer.drain()
            writer.close()
            return
        while (request := await _received(reader, ahead)) is not None:
            self.requests.append(request)
            answer = self._answer(request)
            watcher = asyncio.ensure_future(reader.read(1))
            sending = asyncio.ensure_future(_sent(answer, writer))
            await asyncio.wait({watcher, sending}, return_when=asyncio.FIRST_COMPLETED)
            if not sending.done() and not _ahead(watcher):
                request.closed.set()
                sending.cancel()
            watcher.cancel()
            # Only one coroutine may read a stream at a time.
            await asyncio.wait({watcher, sending})
            request.answered.set()
            if sending.cancelled() or sending.exception() is not None:
                request.closed.set()
                return
            if not sending.result():
                return
            ahead = _ahead(watcher)

    def _answer(self, request: Recorded) -> Answer:
        path = request.path.split("?")[0]
        if request.method == "POST" and path in self._posts:
            return self._posts[path](request)
        found = self.pictures.get(path)
        if request.method != "GET" or found is None:
            return status(404)
        if isinstance(found, Answer):
            return found
        return found.pop(0) if len(found) > 1 else found[0]


def _ahead(watcher: asyncio.Future[bytes]) -> bytes:
    """What the client sent while it was being answered; b"" where it has gone or sent nothing."""
    if not watcher.done() or watcher.cancelled() or watcher.exception() is not None:
        return b""
    return watcher.result()


async def _received(reader: asyncio.StreamReader, ahead: bytes) -> Recorded | None:
    """The next request of a connection; None at its end."""
    try:
        head = ahead + await reader.readuntil(b"\r\n\r\n")
    except asyncio.IncompleteReadError:
        return None
    first, *lines = head.decode("latin-1").split("\r\n")
    method, path, _ = first.split(" ", 2)
    headers = {
        name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines if line)
    }
    body = b""
    if headers.get("transfer-encoding", "").lower() == "chunked":
        while size := int((await reader.readline()).strip(), 16):
            body += await reader.readexactly(size)
            await reader.readline()
        await reader.readline()
    elif "content-length" in headers:
        body = await reader.readexactly(int(headers["content-length"]))
    return Recorded(method, path, headers, body)


async def _sent(answer: Answer, writer: asyncio.StreamWriter) -> bool:
    """Perform an answer; whether the connection may serve another request."""
    for step in answer.before:
        if not await _step(step, writer, chunked=False):
            return False
    headers = {name.lower(): value for name, value in answer.headers.items()}
    if answer.chunked:
        headers["transfer-encoding"] = "chunked"
    elif "content-length" not in headers:
        headers["content-length"] = str(sum(len(step) for step in answer.steps if isinstance(step, bytes)))
    head = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
    writer.write(f"HTTP/1.1 {answer.status} Scripted\r\n{head}\r\n".encode("latin-1"))
    await writer.drain()
    for step in answer.steps:
        if not await _step(step, writer, answer.chunked):
            return False
    if answer.chunked:
        writer.write(b"0\r\n\r\n")
    await writer.drain()
    return True


async def _step(step: Step, writer: asyncio.StreamWriter, chunked: bool) -> bool:
    """One step; False where the connection is gone after it."""
    if isinstance(step, bytes):
        writer.write(b"%x\r\n%s\r\n" % (len(step), step) if chunked and step else step)
        await writer.drain()
        return True
    if isinstance(step, Gate):
        await step.hold()
        return True
    if isinstance(step, int | float):
        await asyncio.sleep(step)
        return True
    if step is STALL:
        await asyncio.Event().wait()
    if step is CUT:
        connection: socket.socket = writer.get_extra_info("socket")
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        writer.transport.abort()
    else:
        writer.close()
        with contextlib.suppress(ConnectionError):
            await writer.wait_closed()
    return False


def _in_turn(answers: Iterable[Answer]) -> Callable[[Recorded], Answer]:
    left = list(answers)
    return lambda _: left.pop(0) if len(left) > 1 else left[0]
