"""Requests and answers on trio, over httpx2."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator, Mapping
from typing import TYPE_CHECKING, cast

import anyio
import anyio.lowlevel

from .bodies import KEPT_S, Answer, Deadlines
from .faults import TransportFault, fault_of
from .parcels import Pieces

if TYPE_CHECKING:
    import httpx2

    from .surroundings import Surroundings

__all__ = ["Httpx2Answer", "Httpx2Carrier"]


class Httpx2Carrier:
    """Sends requests; never retries, never follows a redirect, keeps no cookies."""

    def __init__(
        self,
        surroundings: Surroundings,
        *,
        connect_s: float,
        keep_connections: bool,
        headers: Mapping[str, str],
    ) -> None:
        """`headers` go with every request."""
        from http.cookiejar import CookieJar, DefaultCookiePolicy

        import httpx2

        context = surroundings.tls
        proxy = None if surroundings.proxy is None else httpx2.Proxy(surroundings.proxy)
        if proxy is not None and proxy.url.scheme == "https":
            proxy.ssl_context = context
        self._starting = anyio.Lock()
        self._client = httpx2.AsyncClient(
            # Deadlines are ours; only the connection's own time is left to the library.
            timeout=httpx2.Timeout(None, connect=connect_s),
            # No limit of connections: who lets requests in has one, and a second would be a queue unseen.
            limits=httpx2.Limits(
                max_connections=None,
                max_keepalive_connections=None if keep_connections else 0,
                keepalive_expiry=KEPT_S if keep_connections else 0.0,
            ),
            headers={**headers, "Connection": "keep-alive" if keep_connections else "close"},
            cookies=CookieJar(DefaultCookiePolicy(allowed_domains=[])),
            # A redirect that is followed sends the key and the paid request elsewhere.
            follow_redirects=False,
            trust_env=False,
            # Where nothing is encrypted there is nothing to verify, and certificates take a while to read.
            verify=context if context is not None else False,
            proxy=proxy,
        )

    async def send(
        self,
        method: str,
        url: str,
        body: Pieces | None,
        deadlines: Deadlines,
        headers: Mapping[str, str] | None = None,
    ) -> Httpx2Answer:
        """Send `body`; returns with the headers, of any status.

        Raises: TransportFault.
        Cancel: safe; the connection is closed.
        """
        started = anyio.current_time()
        opening_s, late = deadlines.opening
        said = dict(headers or {})
        content: bytes | Pieces | None = None
        if body is not None:
            content = body.joined
            if content is None:
                content = body
                said["Content-Length"] = str(body.size_bytes)
        try:
            request = self._client.build_request(method, url, content=content, headers=said)
            with anyio.fail_after(opening_s):
                async with self._starting:
                    # One in each round of the event loop: where a thousand begin to connect at the same
                    # time, the time for it is over before the last of them has had a turn.
                    await anyio.lowlevel.checkpoint()
                response = await self._client.send(request, stream=True)
        except TimeoutError:
            raise TransportFault(late) from None
        except Exception as error:
            # Strategy: HTTP libraries raise errors of several others; one place names them.
            raise fault_of(error) from error
        try:
            return Httpx2Answer(response, deadlines, started)
        except TransportFault:
            with anyio.CancelScope(shield=True):
                await _close_stream(cast("httpx2.AsyncByteStream", response.stream), None)
            raise

    async def aclose(self) -> None:
        """Give back the connections; idempotent."""
        with anyio.CancelScope(shield=True):
            await self._client.aclose()

    def forget(self) -> None:
        """Let go of what belongs to a run that is over, and with which it is gone."""


class Httpx2Answer(Answer):
    """One answer, read under a scope for each wait."""

    def __init__(self, response: httpx2.Response, deadlines: Deadlines, started: float) -> None:
        """Read `response`, whose request began at `started` (of `anyio.current_time`). Raises: TransportFault."""
        super().__init__(response.status_code, response.headers, deadlines, started, anyio.current_time)
        self._stream = cast("httpx2.AsyncByteStream", response.stream)
        self._reads: AsyncIterator[bytes] | None = aiter(self._stream)

    async def aclose(self) -> None:
        """Close the provider's stream; idempotent, and also done while being cancelled."""
        with anyio.CancelScope(shield=True):
            reads, self._reads = self._reads, None
            await _close_stream(self._stream, reads)

    async def _received(self) -> bytes:
        if self._reads is None:
            return b""
        try:
            with anyio.fail_after(max(0.0, self._due - self._now())):
                while not (data := await anext(self._reads)):
                    pass
                return data
        except StopAsyncIteration:
            return b""
        except TimeoutError:
            raise TransportFault(self._overdue()) from None
        except Exception as error:
            # Strategy: HTTP libraries raise errors of several others; one place names them.
            raise fault_of(error) from error


async def _close_stream(stream: httpx2.AsyncByteStream, reads: AsyncIterator[bytes] | None) -> None:
    """Close `stream`, then end the generators that were reading it.

    Strategy: a connection that is given up may fail in any way that its library likes; nobody
    needs to know.
    """
    with contextlib.suppress(Exception):
        await stream.aclose()
    # The HTTP client nests generators, and closing the outermost leaves others suspended. Woken
    # once more after their connection is gone, each ends by its own error, and none is left to
    # the garbage collector (which trio reports). What had been received is finite.
    with contextlib.suppress(Exception):
        while reads is not None:
            await anext(reads)
