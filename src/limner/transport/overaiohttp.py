"""Requests and answers on asyncio, straight over aiohttp.

Whatever stands between two sockets is paid for with every request and with every piece of a stream;
here deadlines are timers, and nothing but aiohttp lies between a provider's bytes and their reader.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import TYPE_CHECKING, cast

from .bodies import KEPT_S, Answer, Deadlines
from .faults import TransportFault, fault_of
from .parcels import Pieces
from .turnstile import Turnstile

if TYPE_CHECKING:
    import aiohttp

    from .surroundings import Surroundings

__all__ = ["AiohttpAnswer", "AiohttpCarrier"]

_STARTS = 16
"""Requests that leave in one round of the event loop."""


class AiohttpCarrier:
    """Sends requests from one event loop; never retries, never follows a redirect, keeps no cookies."""

    def __init__(
        self,
        surroundings: Surroundings,
        *,
        connect_s: float,
        keep_connections: bool,
        buffer_bytes: int,
        headers: Mapping[str, str],
    ) -> None:
        """Make the carrier on the event loop that it is for; `headers` go with every request.

        `buffer_bytes` of an answer wait for a slow reader; the provider waits beyond twice that.
        """
        import aiohttp

        # Not given to the session, which would tell proxies too.
        self._headers = {**headers, "Connection": "keep-alive" if keep_connections else "close"}
        self.loop = asyncio.get_running_loop()
        context = surroundings.tls
        self._proxy = surroundings.proxy
        self._turnstile = Turnstile(_STARTS)
        self._session = aiohttp.ClientSession(
            # No limit of connections: who lets requests in has one, and a second would be a queue unseen.
            connector=aiohttp.TCPConnector(
                limit=0,
                ssl=True if context is None else context,
                **({"keepalive_timeout": KEPT_S} if keep_connections else {"force_close": True}),
            ),
            cookie_jar=aiohttp.DummyCookieJar(),
            auto_decompress=False,
            read_bufsize=buffer_bytes,
            # Deadlines are ours; only the connection's own time is left to the library.
            timeout=aiohttp.ClientTimeout(total=None, sock_connect=connect_s),
        )

    async def send(
        self,
        method: str,
        url: str,
        body: Pieces | None,
        deadlines: Deadlines,
        headers: Mapping[str, str] | None = None,
    ) -> AiohttpAnswer:
        """Send `body`; returns with the headers, of any status.

        Raises: TransportFault.
        Cancel: safe; the connection is closed.
        """
        started = self.loop.time()
        opening_s, late = deadlines.opening
        said = {**self._headers, **(headers or {})}
        data: bytes | Pieces | None = None
        if body is not None:
            data = body.joined
            if data is None:
                # What is large leaves piece by piece, with rounds of the event loop in between.
                data = body
                said["Content-Length"] = str(body.size_bytes)
        try:
            async with asyncio.timeout(opening_s):
                await self._turnstile.enter()
                response = await self._session.request(
                    method, url, data=data, headers=said, proxy=self._proxy, allow_redirects=False
                )
        except Exception as error:
            # Strategy: one place names what libraries raise. That a connection did not come to be in
            # time is an error of theirs; a bare one is our own deadline.
            if type(error) is TimeoutError:
                raise TransportFault(late) from None
            raise fault_of(error) from error
        try:
            return AiohttpAnswer(response, deadlines, started, self.loop)
        except TransportFault:
            response.close()
            raise

    async def aclose(self) -> None:
        """Give back the connections; idempotent."""
        await self._session.close()

    def forget(self) -> None:
        """Let go of what belongs to an event loop that is closed, and with which it is gone."""
        self._session.detach()


class AiohttpAnswer(Answer):
    """One answer, read without a scope or a task of its own."""

    def __init__(
        self,
        response: aiohttp.ClientResponse,
        deadlines: Deadlines,
        started: float,
        loop: asyncio.AbstractEventLoop,
    ) -> None:
        """Read `response`, whose request began at `started` (of the loop's clock). Raises: TransportFault."""
        super().__init__(response.status, response.headers, deadlines, started, loop.time)
        self._response = response
        self._loop = loop
        self._timer: asyncio.TimerHandle | None = None
        self._come_bytes = 0
        """Of what has come, when the last read began."""

    def close(self) -> None:
        """Close the connection, unless the answer came to its end, which gave it back; idempotent."""
        timer, self._timer = self._timer, None
        if timer is not None:
            timer.cancel()
        # Where all has come, the connection has been given back already.
        connection = self._response.connection
        if connection is not None and connection.transport is not None:
            # Merely closed, it would stay until a body is taken that its server may never read.
            connection.transport.abort()
        self._response.close()

    async def aclose(self) -> None:
        """As `close`, which needs no waiting here."""
        self.close()

    async def _received(self) -> bytes:
        content = self._response.content
        if not content.is_eof():
            self._come_bytes = content.total_bytes
            self._watch()
        try:
            data = await content.readany()
        except _OverdueError:
            raise TransportFault(self._overdue()) from None
        except Exception as error:
            data = self._left(error)
            if not data:
                # Strategy: one place names what the library raises.
                raise fault_of(error) from error
        # Until the next read nobody waits, so nothing can be late but the whole.
        self._due = self._ends
        return data

    def _left(self, error: Exception) -> bytes:
        """What came before the connection broke: the library keeps it, and raises the `error` first.

        It may be a picture that was paid for, in the same packet as the end of the connection.
        """
        content = self._response.content
        if content.exception() is None:
            return b""
        content.set_exception(cast("Exception", None))
        try:
            return content.read_nowait()
        finally:
            content.set_exception(error)

    def _watch(self) -> None:
        """Have a timer that looks no later than what is due.

        One for the whole answer: where bytes keep coming it is put off, not made anew.
        """
        timer = self._timer
        if timer is None or timer.when() > self._due:
            if timer is not None:
                timer.cancel()
            self._timer = self._loop.call_at(self._due, self._look)

    def _look(self) -> None:
        """Wake whoever waits for bytes, if they are late."""
        self._timer = None
        now = self._loop.time()
        content = self._response.content
        late = now >= self._due
        # Where something held up the event loop, bytes that came in time are seen at the same moment as the timer.
        if late and content.total_bytes == self._come_bytes and not content.is_eof():
            content.set_exception(_OverdueError())
        elif not self._ended:
            # The next wait has not begun yet, and can end no sooner.
            soonest = now + self._idle_s
            self._timer = self._loop.call_at(soonest if late else min(self._due, soonest), self._look)


class _OverdueError(Exception):
    """Said to a reader whose bytes did not come in time."""
