"""A request passed on as it is, answered as raw bytes: asyncio alone, straight over aiohttp.

Beside `client`, which the engine uses on any event loop, because a gateway passes on a thousand
streams at once, and whatever stands between two sockets is paid for at every frame.
"""

from __future__ import annotations

import asyncio
import io
import math
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from .bodies import Deadlines
from .compression import Unpacker
from .faults import FaultKind, TransportFault, fault_of
from .turnstile import Turnstile

if TYPE_CHECKING:
    import ssl

    import aiohttp

__all__ = ["Relay", "RelayAnswer"]

_KEPT_S = 4.0
"""Shorter than the five seconds after which common servers close a kept connection."""
_BUFFER_BYTES = 16 * 1024
"""Of one answer whose reader is slow; the provider waits beyond twice that."""
_LARGE_BYTES = 256 * 1024
"""Of a request."""
_STARTS = 16
"""Requests that leave in one round of the event loop."""


class Relay:
    """Sends requests to one address under one key; never retries, never follows a redirect, keeps no cookies."""

    def __init__(self, url: str, *, api_key: str, connect_s: float = 5.0) -> None:
        """`url` is the whole address, path included; an empty `api_key` sends none."""
        self._url = url
        self._api_key = api_key
        self._connect_s = connect_s
        self._session: aiohttp.ClientSession | None = None
        self._proxy: str | None = None
        self._opening = asyncio.Lock()
        self._turnstile = Turnstile(_STARTS)

    async def post(self, data: bytes, deadlines: Deadlines) -> RelayAnswer:
        """Send `data`; returns with the headers, of any status.

        Raises: TransportFault.
        Cancel: safe; the connection is closed.
        """
        return await self._asked("POST", data, deadlines)

    async def get(self, deadlines: Deadlines) -> RelayAnswer:
        """What is at the address; otherwise as `post`."""
        return await self._asked("GET", None, deadlines)

    async def _asked(self, method: str, data: bytes | None, deadlines: Deadlines) -> RelayAnswer:
        started = asyncio.get_running_loop().time()
        try:
            session = self._session or await self._opened()
        except OSError as error:
            # Certificates are files, and a process may have no more of them.
            raise TransportFault("unreachable", sent=False) from error
        opening_s, late = deadlines.opening
        try:
            async with asyncio.timeout(opening_s):
                await self._turnstile.enter()
                response = await session.request(
                    method,
                    self._url,
                    # What is large leaves piece by piece, with rounds of the event loop in between.
                    data=data if data is None or len(data) <= _LARGE_BYTES else io.BytesIO(data),
                    proxy=self._proxy,
                    allow_redirects=False,
                )
        except Exception as error:
            # Strategy: one place names what libraries raise. That a connection did not come to be in
            # time is an error of theirs; a bare one is our own deadline.
            if type(error) is TimeoutError:
                raise TransportFault(late) from None
            raise fault_of(error) from error
        try:
            return RelayAnswer(response, deadlines, started)
        except TransportFault:
            response.close()
            raise

    async def aclose(self) -> None:
        """Give back the connections; idempotent, and a later request opens new ones."""
        session, self._session = self._session, None
        if session is not None:
            await session.close()

    async def _opened(self) -> aiohttp.ClientSession:
        async with self._opening:
            if self._session is None:
                secure = urlsplit(self._url).scheme == "https"
                # Half a second of imports and certificates: at the first request, beside the event loop.
                context, self._proxy = await asyncio.to_thread(_surroundings, self._url, secure)
                self._session = self._made(context)
            return self._session

    def _made(self, context: ssl.SSLContext | None) -> aiohttp.ClientSession:
        import aiohttp

        # No limit of connections: who lets requests in has one, and a second would be a queue unseen.
        connector = aiohttp.TCPConnector(
            limit=0, keepalive_timeout=_KEPT_S, ssl=context if context is not None else True
        )
        headers = {
            "Accept-Encoding": "identity",
            "Content-Type": "application/json",
            "User-Agent": "limner",
            **({"Authorization": f"Bearer {self._api_key}"} if self._api_key else {}),
        }
        return aiohttp.ClientSession(
            connector=connector,
            headers=headers,
            cookie_jar=aiohttp.DummyCookieJar(),
            auto_decompress=False,
            read_bufsize=_BUFFER_BYTES,
            # Deadlines are ours; only the connection's own time is left to the library.
            timeout=aiohttp.ClientTimeout(total=None, sock_connect=self._connect_s),
        )


class RelayAnswer:
    """One answer of a provider, read under deadlines; close it, however it ends."""

    def __init__(self, response: aiohttp.ClientResponse, deadlines: Deadlines, started: float) -> None:
        """Read `response`, whose request began at `started` (of the loop's clock)."""
        self.status = response.status
        self.headers: Mapping[str, str] = response.headers
        """Looked up in any case."""
        encoding = response.headers.get("Content-Encoding")
        # Nothing but `identity` was asked for, yet some servers pack all the same.
        self._unpacker = Unpacker(encoding) if encoding else None
        self._pieces: Iterator[bytes] = iter(())
        self._response = response
        self._loop = asyncio.get_running_loop()
        self._idle_s = deadlines.idle_s
        self._ends = started + (deadlines.total_s or math.inf)
        self._due = min(started + deadlines.first_byte_s, self._ends)
        self._begun = self._ended = False
        # One timer for the whole answer: where bytes keep coming it is put off, not made anew.
        self._timer = self._loop.call_at(min(self._due, self._loop.time() + self._idle_s), self._watch)

    async def read(self, idle_s: float | None = None) -> bytes:
        """What the next network read brought; b"" at the end of the body.

        `idle_s` is this read's own limit, where it is shorter than that of the deadlines.
        Raises: TransportFault.
        """
        while not self._ended:
            for piece in self._pieces:
                # A few bytes of the network may unpack to thousands of pieces.
                await asyncio.sleep(0)
                return piece
            data = await self._received(idle_s)
            if not data:
                self._ended = True
                self._timer.cancel()
                if self._unpacker is not None:
                    self._unpacker.finish()
            elif self._unpacker is None:
                return data
            else:
                self._pieces = self._unpacker.pieces(data)
        return b""

    async def whole(self, max_bytes: int) -> bytes:
        """The body in one piece. Raises: TransportFault, `too_large` beyond `max_bytes`."""
        pieces: list[bytes] = []
        size = 0
        while data := await self.read():
            size += len(data)
            if size > max_bytes:
                raise TransportFault("too_large")
            pieces.append(data)
        return pieces[0] if len(pieces) == 1 else b"".join(pieces)

    async def beginning(self, max_bytes: int, seconds: float) -> bytes:
        """What comes of the body in that time, up to about `max_bytes`; never raises."""
        body = b""
        try:
            async with asyncio.timeout(seconds):
                while len(body) < max_bytes and (data := await self.read()):
                    body += data
        except (TimeoutError, TransportFault):
            pass
        return body[:max_bytes]

    async def drain(self, seconds: float) -> None:
        """Read what little may be left, so that the connection can serve again; never raises."""
        try:
            async with asyncio.timeout(seconds):
                while await self.read():
                    pass
        except (TimeoutError, TransportFault):
            return

    def close(self) -> None:
        """Give the connection back where the answer was read to its end, else close it; idempotent."""
        self._timer.cancel()
        if self._ended:
            self._response.release()
        else:
            self._response.close()

    async def _received(self, idle_s: float | None) -> bytes:
        now = self._loop.time()
        if now >= self._ends:
            # Bytes that wait already are handed out without a wait that a deadline could end.
            raise TransportFault("total")
        if self._begun:
            self._due = min(now + self._idle_s, self._ends)
        if idle_s is not None:
            self._due = min(now + idle_s, self._due)
            self._timer.cancel()
            self._watch()
        try:
            data = await self._response.content.readany()
        except _OverdueError:
            raise TransportFault(self._overdue()) from None
        except Exception as error:
            # Strategy: one place names what the library raises.
            raise fault_of(error) from error
        self._begun = True
        # Until the next read nobody waits, so nothing can be late but the whole.
        self._due = self._ends
        return data

    def _watch(self) -> None:
        """Wake whoever waits for bytes, if they are late.

        Looks again no later than the next wait can end, which has not begun yet.
        """
        now = self._loop.time()
        if now < self._due:
            self._timer = self._loop.call_at(min(self._due, now + self._idle_s), self._watch)
        else:
            self._response.content.set_exception(_OverdueError())

    def _overdue(self) -> FaultKind:
        if self._loop.time() >= self._ends:
            return "total"
        return "idle" if self._begun else "first_byte"


class _OverdueError(Exception):
    """Said to a reader whose bytes did not come in time."""


def _surroundings(url: str, secure: bool) -> tuple[ssl.SSLContext | None, str | None]:
    """What the environment says: whom to trust, and through which proxy to go."""
    from urllib.request import getproxies, proxy_bypass

    parts = urlsplit(url)
    proxy = getproxies().get(parts.scheme)
    if proxy is not None and proxy_bypass(parts.netloc.rpartition("@")[2]):
        proxy = None
    if not secure:
        return None, proxy
    import httpx2

    return httpx2.create_ssl_context(), proxy
