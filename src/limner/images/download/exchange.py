"""One connection to addresses that were checked, and one GET over it.

Under our own hands and not a client library's: what was checked is what is connected to, nothing
is followed, remembered or sent along, and no library logs the links in an answer's headers.
"""

from __future__ import annotations

import functools
import importlib
import threading
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Self

import anyio
import anyio.to_thread
from anyio.abc import ByteStream, SocketStream
from anyio.streams.tls import TLSStream

from .addresses import Address
from .links import Link

if TYPE_CHECKING:
    import ssl

    import h11

__all__ = ["Broken", "Exchange", "Unreachable", "tls_context"]

_MOST_ADDRESSES = 4
"""Of one host: more would only be tried after the time is over."""
_READ_BYTES = 64 * 1024
_MOST_HEADER_BYTES = 64 * 1024
_lock = threading.Lock()


class Unreachable(Exception):
    """No connection came about."""


class Broken(Exception):
    """The connection broke, or what came over it is no HTTP."""


class Exchange:
    """A connection that serves one request; close it, however it ends."""

    def __init__(self, stream: ByteStream) -> None:
        import h11

        self._stream = stream
        self._http = h11.Connection(h11.CLIENT, max_incomplete_event_size=_MOST_HEADER_BYTES)

    @classmethod
    async def connected(
        cls,
        link: Link,
        addresses: Sequence[Address],
        ends: float,
        tls: Callable[[], ssl.SSLContext],
    ) -> Self:
        """Connect to the first of `addresses` that can be reached, before `ends` (of `anyio.current_time`).

        Nothing but these is connected to. A certificate has to name the link's host.
        Raises: Unreachable.
        """
        # Beside the event loop: imports and certificates are read from the disk.
        await anyio.to_thread.run_sync(importlib.import_module, "h11")
        context = await anyio.to_thread.run_sync(tls) if link.scheme == "https" else None
        stream: ByteStream = await _dialled(addresses[:_MOST_ADDRESSES], link.port, ends)
        if context is not None:
            stream = await _secured(stream, link.host, context, ends)
        return cls(stream)

    async def ask(self, link: Link, api_key: str = "") -> h11.Response:
        """Send the GET and wait for the answer's head; with `api_key` where there is one. Raises: Broken."""
        import h11

        headers = {
            "Host": link.authority,
            "Accept": "image/*",
            "Accept-Encoding": "identity",
            "User-Agent": "limner",
            "Connection": "close",
            **({"Authorization": f"Bearer {api_key}"} if api_key else {}),
        }
        try:
            asked = self._http.send(h11.Request(method="GET", target=link.target, headers=[*headers.items()]))
            ended = self._http.send(h11.EndOfMessage())
            await self._stream.send((asked or b"") + (ended or b""))
        except (anyio.BrokenResourceError, anyio.ClosedResourceError, OSError) as error:
            raise Broken from error
        # What is only informational is passed over.
        while not isinstance(event := await self._event(), h11.Response):
            if isinstance(event, h11.EndOfMessage | h11.ConnectionClosed):
                raise Broken
        return event

    async def read(self) -> bytes:
        """Some more of the body, at most 64 KiB; b"" at its end. Raises: Broken."""
        import h11

        while not isinstance(event := await self._event(), h11.EndOfMessage | h11.ConnectionClosed):
            if isinstance(event, h11.Data) and event.data:
                return event.data
        return b""

    async def aclose(self) -> None:
        """Close the connection; also while being cancelled."""
        with anyio.CancelScope(shield=True):
            await anyio.aclose_forcefully(self._stream)

    async def _event(self) -> h11.Event:
        import h11

        try:
            while True:
                event = self._http.next_event()
                if isinstance(event, h11.Event):
                    return event
                if event is not h11.NEED_DATA:
                    raise Broken  # it switched to another protocol
                try:
                    self._http.receive_data(await self._stream.receive(_READ_BYTES))
                except anyio.EndOfStream:
                    self._http.receive_data(b"")
        except (
            h11.RemoteProtocolError,
            anyio.BrokenResourceError,
            anyio.ClosedResourceError,
            OSError,
        ) as error:
            raise Broken from error


async def _dialled(addresses: Sequence[Address], port: int, ends: float) -> SocketStream:
    failed: Exception | None = None
    for place, address in enumerate(addresses):
        # Each gets its share of what is left: the first may be one that never answers.
        share_s = (ends - anyio.current_time()) / (len(addresses) - place)
        try:
            with anyio.fail_after(max(0.0, share_s)):
                return await anyio.connect_tcp(str(address), port)
        except (OSError, TimeoutError) as error:
            failed = error
    raise Unreachable from failed


async def _secured(stream: ByteStream, host: str, context: ssl.SSLContext, ends: float) -> TLSStream:
    try:
        with anyio.fail_after(max(0.0, ends - anyio.current_time())):
            return await TLSStream.wrap(
                stream, hostname=host, ssl_context=context, server_side=False, standard_compatible=False
            )
    except BaseException as error:
        with anyio.CancelScope(shield=True):
            await anyio.aclose_forcefully(stream)
        if isinstance(error, OSError | TimeoutError | anyio.BrokenResourceError | anyio.EndOfStream):
            # A certificate for another name is among them.
            raise Unreachable from error
        raise


def tls_context() -> ssl.SSLContext:
    """The certificates that providers are trusted by; reading them takes tens of milliseconds."""
    with _lock:  # not by each of many first downloads
        return _tls_context()


@functools.cache
def _tls_context() -> ssl.SSLContext:
    import httpx2

    context = httpx2.create_ssl_context()
    context.set_alpn_protocols(["http/1.1"])
    return context
