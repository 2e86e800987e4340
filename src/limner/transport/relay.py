"""A request passed on as it is, answered as raw bytes: asyncio alone.

Beside `client`, which the engine uses on any event loop and which speaks as the SDK would: a gateway
sends what its own clients wrote, a thousand streams at once, to readers that may be slow.
"""

from __future__ import annotations

import asyncio

from .bodies import Deadlines
from .faults import TransportFault
from .overaiohttp import AiohttpAnswer as RelayAnswer
from .overaiohttp import AiohttpCarrier
from .parcels import Pieces
from .surroundings import Surroundings, surroundings_of

__all__ = ["Relay", "RelayAnswer"]

_BUFFER_BYTES = 16 * 1024
"""Of one answer whose reader is slow."""


class Relay:
    """Sends requests to one address under one key; never retries, never follows a redirect, keeps no cookies."""

    def __init__(self, url: str, *, api_key: str, connect_s: float = 5.0) -> None:
        """`url` is the whole address, path included; an empty `api_key` sends none."""
        self._url = url
        self._api_key = api_key
        self._connect_s = connect_s
        self._carrier: AiohttpCarrier | None = None
        self._opening = asyncio.Lock()

    async def post(self, data: bytes, deadlines: Deadlines) -> RelayAnswer:
        """Send `data`; returns with the headers, of any status.

        Raises: TransportFault.
        Cancel: safe; the connection is closed.
        """
        carrier = self._carrier or await self._opened()
        return await carrier.send("POST", self._url, Pieces((data,)), deadlines)

    async def get(self, deadlines: Deadlines) -> RelayAnswer:
        """What is at the address; otherwise as `post`."""
        carrier = self._carrier or await self._opened()
        return await carrier.send("GET", self._url, None, deadlines)

    async def aclose(self) -> None:
        """Give back the connections; idempotent, and a later request opens new ones."""
        carrier, self._carrier = self._carrier, None
        if carrier is not None:
            await carrier.aclose()

    async def _opened(self) -> AiohttpCarrier:
        async with self._opening:
            if self._carrier is None:
                try:
                    # Half a second of imports and certificates: at the first request, beside the event loop.
                    way = await asyncio.to_thread(_way_to, self._url)
                except ValueError as error:
                    raise TransportFault("not_http", sent=False) from error
                except OSError as error:
                    # Certificates are files, and a process may have no more of them.
                    raise TransportFault("unreachable", sent=False) from error
                self._carrier = AiohttpCarrier(
                    way,
                    connect_s=self._connect_s,
                    keep_connections=True,
                    buffer_bytes=_BUFFER_BYTES,
                    headers={
                        "Accept-Encoding": "identity",
                        "Content-Type": "application/json",
                        "User-Agent": "limner",
                        **({"Authorization": f"Bearer {self._api_key}"} if self._api_key else {}),
                    },
                )
            return self._carrier


def _way_to(url: str) -> Surroundings:
    import aiohttp  # noqa: F401  for those who need it in a moment, on the event loop

    return surroundings_of(url)
