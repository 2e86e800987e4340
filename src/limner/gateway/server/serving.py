"""A server from its first connection to its last: it listens, drains, and ends."""

from __future__ import annotations

import asyncio
import socket
import time
from collections.abc import Callable
from email.utils import formatdate

from uvicorn import Config
from uvicorn.server import ServerState

from limner.errors import ConfigError
from limner.gateway.front.app import App
from limner.gateway.refusal import Refusal
from limner.gateway.watching.ended import Ended

from .limits import ServerLimits
from .protocol import GuardedProtocol

__all__ = ["Server", "listen"]

_BACKLOG = 2048
_GRACE_S = 5.0
"""For those who were told that the service is stopping: to read it, and to put down what they hold."""
_DATE_S = 1.0
_UNSENT_BYTES = 128 << 10
"""For the system to hold of one answer, beside what is on its way."""


def listen(host: str, port: int) -> socket.socket:
    """A socket at this address, which nobody can connect to yet; `port` 0 is one that is free.

    Raises: ConfigError (`address_unusable`), with a sentence that names the address.
    """
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
        family, kind, protocol, _, address = found[0]
        listener = socket.socket(family, kind, protocol)
    except OSError as error:
        raise _unusable(host, port, error) from error
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if hasattr(socket, "TCP_NOTSENT_LOWAT"):
            # What waits for a slow reader waits with us, where it is bounded: the system alone would take megabytes.
            listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NOTSENT_LOWAT, _UNSENT_BYTES)
        listener.bind(address)
    except OSError as error:
        listener.close()
        raise _unusable(host, port, error) from error
    return listener


def _unusable(host: str, port: int, error: OSError) -> ConfigError:
    reason = (error.strerror or "not usable").lower()
    return ConfigError(
        f"cannot listen at {host} port {port}: {reason}; choose another with --host or --port",
        code="address_unusable",
    )


class Server:
    """Made on the event loop that it serves on."""

    def __init__(self, app: App, limits: ServerLimits) -> None:
        self.state = ServerState()
        """Open connections, and requests that are being answered."""
        self._app = app
        self._limits = limits
        self._loop = asyncio.get_running_loop()
        self._config = Config(
            app,
            http=GuardedProtocol,
            ws="none",
            lifespan="off",
            log_config=None,
            log_level="critical",
            access_log=False,
            proxy_headers=False,
            server_header=False,
            # The wait between two requests; uvicorn's own rounds it to whole seconds only in its types.
            timeout_keep_alive=limits.idle_s,  # type: ignore[arg-type]
        )
        self._config.load()
        self._clock: asyncio.TimerHandle | None = None

    async def serve(
        self,
        listener: socket.socket,
        *,
        stop: asyncio.Event,
        drain_s: float = 30.0,
        ready: Callable[[], None] = lambda: None,
    ) -> None:
        """Answer until `stop` is set, and then those who are being answered, for `drain_s` at most.

        `ready` is called as soon as clients can connect.
        """
        await self._open(listener)
        try:
            ready()
            await stop.wait()
        finally:
            await self._drain(drain_s)

    async def _open(self, listener: socket.socket) -> None:
        self._set_date()
        self._server = await self._loop.create_server(self._protocol, sock=listener, backlog=_BACKLOG)

    def _protocol(self) -> GuardedProtocol:
        return GuardedProtocol(self._config, self.state, self._limits, self._refused, self._loop)

    def _refused(self, refusal: Refusal) -> str:
        """Tell the observers of what never became a request."""
        ended = Ended(
            id=self._app.new_id(),
            tenant=None,
            method="",
            route="",
            status=refusal.kind.status,
            code=refusal.code,
            seconds=0.0,
            record={},
        )
        for observer in self._app.observers:
            observer(ended)
        return ended.id

    def _set_date(self) -> None:
        self.state.default_headers = [(b"date", formatdate(time.time(), usegmt=True).encode())]
        self._clock = self._loop.call_later(_DATE_S, self._set_date)

    async def _drain(self, drain_s: float) -> None:
        """No new clients; those who are being answered may finish, then are told, then are left."""
        self._app.admission.draining = True
        self._server.close()
        await self._until_answered(drain_s)
        self._app.stop()
        await self._until_answered(_GRACE_S)
        for task in tuple(self.state.tasks):
            task.cancel()
        for connection in tuple(self.state.connections):
            connection.shutdown()
        await self._until_closed(_GRACE_S)
        for connection in tuple(self.state.connections):
            if isinstance(connection, GuardedProtocol):
                connection.abort()
        await self._until_answered(_GRACE_S)
        if self._clock is not None:
            self._clock.cancel()

    async def _until_answered(self, at_most_s: float) -> None:
        until_s = self._loop.time() + at_most_s
        while self.state.tasks and (left_s := until_s - self._loop.time()) > 0:
            await asyncio.wait(self.state.tasks, timeout=left_s, return_when=asyncio.FIRST_COMPLETED)

    async def _until_closed(self, at_most_s: float) -> None:
        until_s = self._loop.time() + at_most_s
        while self.state.connections and self._loop.time() < until_s:  # noqa: ASYNC110 - uvicorn tells nobody
            await asyncio.sleep(0.02)
