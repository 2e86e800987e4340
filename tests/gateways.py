"""A real gateway on loopback, in a thread of its own, with whatever endpoints a test gives it.

    with serving([Route("POST", "/chat/completions", endpoint)], keys=[key("alice")]) as gateway:
        httpx2.get(f"{gateway.url}/models", headers=gateway.auth("alice"))
        gateway.ended                              # what the log is told, request by request

Parts that live on the event loop are opened by `open_routes`, an async context manager that gives the routes.
"""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import socket
import threading
from collections.abc import AsyncIterator, Callable, Iterable, Iterator, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field

from uvicorn.server import ServerState

from limner.clock import Clock, SystemClock
from limner.config.settings import KeyConfig
from limner.gateway.front.admission import Admission
from limner.gateway.front.app import App, Route
from limner.gateway.front.doors import Doors
from limner.gateway.front.pump import Pace
from limner.gateway.front.purses import Purses
from limner.gateway.front.reading import BodyLimits
from limner.gateway.server.limits import ServerLimits
from limner.gateway.server.serving import Server, listen
from limner.gateway.watching.ended import Ended
from limner.spending.budget import Budget

__all__ = ["Gateway", "Talk", "key", "secret", "serving", "serving_app"]


def secret(name: str) -> str:
    """The key of the tenant `name`."""
    return f"sk-limner-{name}-0123456789abcdef"


def key(
    name: str,
    *,
    usd: float | None = None,
    requests_per_minute: int | None = None,
    concurrency: int | None = None,
) -> KeyConfig:
    """What the configuration knows of that key."""
    digest = hashlib.sha256(secret(name).encode()).hexdigest()
    return KeyConfig(name, digest, usd, requests_per_minute, concurrency)


class Talk:
    """A client on a raw socket, which reads as much as the test says."""

    def __init__(self, port: int, timeout_s: float = 10.0) -> None:
        self.socket = socket.create_connection(("127.0.0.1", port), timeout_s)
        self._read = b""

    def __enter__(self) -> Talk:
        return self

    def __exit__(self, *_: object) -> None:
        self.socket.close()

    def ask(self, method: str, target: str, body: bytes = b"", *more: str) -> Talk:
        """Send a request with a JSON body."""
        head = [f"{method} {target} HTTP/1.1", "Host: localhost", "Content-Type: application/json", *more]
        lines = "\r\n".join([*head, f"Content-Length: {len(body)}", "", ""])
        self.socket.sendall(lines.encode() + body)
        return self

    def until(self, wanted: bytes) -> bytes:
        """What comes up to `wanted` and with it."""
        while wanted not in self._read:
            piece = self.socket.recv(65536)
            if not piece:
                raise AssertionError(f"{wanted!r} did not come: {self._read!r}")
            self._read += piece
        end = self._read.index(wanted) + len(wanted)
        said, self._read = self._read[:end], self._read[end:]
        return said

    def answer(self) -> tuple[int, bytes, bytes]:
        """One whole answer: its status, its head and its body."""
        head = self.until(b"\r\n\r\n")
        length = next(line for line in head.lower().split(b"\r\n") if line.startswith(b"content-length:"))
        size = int(length.split(b":")[1])
        while len(self._read) < size:
            piece = self.socket.recv(65536)
            if not piece:
                raise AssertionError(f"only a part of a body came: {self._read!r}")
            self._read += piece
        body, self._read = self._read[:size], self._read[size:]
        return int(head.split(b" ")[1]), head.lower(), body

    def rest(self) -> bytes:
        """All that comes until the connection is closed."""
        with contextlib.suppress(ConnectionResetError):
            while piece := self.socket.recv(65536):
                self._read += piece
        said, self._read = self._read, b""
        return said


@dataclass
class Gateway:
    """One that runs."""

    port: int
    app: App = field(init=False)
    ended: list[Ended] = field(default_factory=list)
    """Every request that has ended, in its order."""
    _changed: threading.Condition = field(default_factory=threading.Condition)
    _loop: asyncio.AbstractEventLoop = field(init=False)
    _server: Server = field(init=False)
    _stop: Callable[[], object] = lambda: None
    stopped: threading.Event = field(default_factory=threading.Event)

    @property
    def origin(self) -> str:
        """Where clients reach it."""
        return f"http://127.0.0.1:{self.port}"

    @property
    def url(self) -> str:
        """What an OpenAI client calls its base URL."""
        return f"{self.origin}/v1"

    @property
    def openrouter_url(self) -> str:
        """What an OpenRouter client calls its base URL."""
        return f"{self.origin}/api/v1"

    @staticmethod
    def auth(name: str) -> dict[str, str]:
        """The header with the key of the tenant `name`."""
        return {"authorization": f"Bearer {secret(name)}"}

    def talk(self, sent: bytes, timeout_s: float = 5.0) -> bytes:
        """Send these bytes, and give all that comes back until the connection is closed."""
        with socket.create_connection(("127.0.0.1", self.port), timeout_s) as connection:
            connection.sendall(sent)
            received = b""
            with contextlib.suppress(ConnectionResetError):
                while piece := connection.recv(65536):
                    received += piece
        return received

    def stop(self) -> None:
        """What SIGTERM does; returns at once."""
        self._stop()

    def wait_for_ended(self, count: int = 1, timeout_s: float = 5.0) -> list[Ended]:
        """Return once so many requests have ended."""
        with self._changed:
            if not self._changed.wait_for(lambda: len(self.ended) >= count, timeout_s):
                raise AssertionError(f"{len(self.ended)} of {count} requests have ended")
        return self.ended

    def wait_until(self, true: Callable[[], bool], timeout_s: float = 5.0) -> None:
        """Return once something is so on the gateway's own event loop, where it is looked at."""
        found = threading.Event()

        def look() -> None:
            if true():
                found.set()
            elif not self.stopped.is_set():
                self._loop.call_later(0.01, look)

        self._loop.call_soon_threadsafe(look)
        if not found.wait(timeout_s):
            raise AssertionError("it did not become so in time")

    @property
    def server_state(self) -> ServerState:
        """What uvicorn knows: connections and tasks."""
        return self._server.state

    def _tell(self, ended: Ended) -> None:
        with self._changed:
            self.ended.append(ended)
            self._changed.notify_all()


async def _nothing_spent(_tenant: str, _day: str) -> float:
    return 0.0


@contextlib.contextmanager
def serving(
    routes: Iterable[Route] = (),
    *,
    open_routes: Callable[[], AbstractAsyncContextManager[Iterable[Route]]] | None = None,
    keys: Sequence[KeyConfig] = (),
    pace: Pace = Pace(),  # noqa: B008 - frozen
    body: BodyLimits = BodyLimits(),  # noqa: B008 - frozen
    limits: ServerLimits = ServerLimits(),  # noqa: B008 - frozen
    concurrency: int = 1000,
    drain_s: float = 5.0,
    public_url: str | None = None,
    clock: Clock | None = None,
    budget: Budget | None = None,
    listener: socket.socket | None = None,
) -> Iterator[Gateway]:
    """Serve these routes until the end of the context; `listener`: for whoever must know the address before."""
    clock = clock or SystemClock()
    admission = Admission(keys, concurrency=concurrency, clock=clock)

    @contextlib.asynccontextmanager
    async def opened() -> AsyncIterator[App]:
        async with contextlib.AsyncExitStack() as stack:
            given = routes if open_routes is None else await stack.enter_async_context(open_routes())
            yield App(
                given,
                doors=Doors(keys, public_url=public_url),
                purses=Purses(keys, _nothing_spent, clock, within=budget),
                admission=admission,
                pace=pace,
                body=body,
                clock=clock,
            )

    with serving_app(opened, limits=limits, drain_s=drain_s, listener=listener) as gateway:
        yield gateway


@contextlib.contextmanager
def serving_app(
    opened: Callable[[], AbstractAsyncContextManager[App]],
    *,
    limits: ServerLimits = ServerLimits(),  # noqa: B008 - frozen
    drain_s: float = 5.0,
    listener: socket.socket | None = None,
) -> Iterator[Gateway]:
    """Serve a whole application, opened on the server's own event loop."""
    listener = listener or listen("127.0.0.1", 0)
    gateway = Gateway(port=listener.getsockname()[1])
    ready = threading.Event()
    failed: list[BaseException] = []

    async def main() -> None:
        stop = asyncio.Event()
        loop = asyncio.get_running_loop()

        def stop_from_outside() -> None:
            with contextlib.suppress(RuntimeError):  # the loop has ended already
                loop.call_soon_threadsafe(stop.set)

        gateway._stop = stop_from_outside
        async with opened() as app:
            app.observers = (*app.observers, gateway._tell)
            gateway.app, gateway._loop, gateway._server = app, loop, Server(app, limits)
            await gateway._server.serve(listener, stop=stop, drain_s=drain_s, ready=ready.set)

    def run() -> None:
        import uvloop

        try:
            with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
                runner.run(main())
        except BaseException as error:
            failed.append(error)
        finally:
            ready.set()
            gateway.stopped.set()

    thread = threading.Thread(target=run, name="gateway", daemon=True)
    thread.start()
    try:
        if not ready.wait(10):
            raise AssertionError("the gateway did not start in time")
        if not failed:
            yield gateway
    finally:
        gateway.stop()
        thread.join(drain_s + 20)
        listener.close()
        if failed:
            raise failed[0]
        if thread.is_alive():
            raise AssertionError("the gateway did not end in time")
