"""The one place that makes a client for providers and sends requests through it."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import anyio
import anyio.to_thread

from limner.errors import ConfigError

from .bodies import Answer, Deadlines
from .faults import TransportFault
from .forms import written
from .identity import Address, address_of, introduction
from .parcels import Form, Json, Parcel, Pieces, is_large, json_parcel
from .surroundings import Surroundings, surroundings_of

if TYPE_CHECKING:
    import asyncio

    import trio

    from .overaiohttp import AiohttpCarrier
    from .overhttpx2 import Httpx2Carrier

    Loop = asyncio.AbstractEventLoop | trio.lowlevel.TrioToken

__all__ = ["ProviderClient"]

_BUFFER_BYTES = 64 * 1024
"""Of one answer, whose reader may be slow."""


class ProviderClient:
    """Sends JSON and forms to one provider and hands back raw answers; never retries, never follows a redirect."""

    def __init__(
        self, *, base_url: str | None, api_key: str, connect_s: float = 5.0, keep_connections: bool = True
    ) -> None:
        """`keep_connections` False: a new connection for each request.

        A kept connection may be dead without anybody knowing; a paid request that is sent into
        it has an unknown outcome, which costs more than a handshake.
        """
        if base_url is not None:
            _check_url(base_url)
        if not api_key.isascii() or not api_key.isprintable():
            raise ConfigError(
                "the API key has characters that no header can carry; copy it again", code="api_key_invalid"
            )
        self._base_url = base_url
        self._api_key = api_key
        self._connect_s = connect_s
        self._keep_connections = keep_connections
        self._lines: dict[Loop, _Line] = {}
        """By event loop, for connections belong to one."""
        self._opening: dict[Loop, anyio.Event] = {}

    async def post(
        self,
        path: str,
        body: Mapping[str, Any] | Parcel,
        deadlines: Deadlines,
        headers: Mapping[str, str] | None = None,
    ) -> Answer:
        """Send `body` to `path` (like "/chat/completions"); returns with the headers, of any status.

        Raises: TransportFault; TypeError or ValueError where `body` is no JSON.
        Cancel: safe; the connection is closed.
        """
        if isinstance(body, Json):
            pieces = Pieces((body.data,))
        elif isinstance(body, Form):
            content_type, parts = written(body)
            pieces = Pieces(parts)
            headers = {**(headers or {}), "Content-Type": content_type}
        elif is_large(body):
            # A conversation may be megabytes, with pictures in it.
            pieces = Pieces(((await anyio.to_thread.run_sync(json_parcel, body)).data,))
        else:
            pieces = Pieces((json_parcel(body).data,))
        line = self._lines.get(_running_loop()) or await self._opened()
        return await line.carrier.send("POST", line.address.at(path), pieces, deadlines, headers)

    async def aclose(self) -> None:
        """Give back the connections of this event loop; idempotent, and a later request opens new ones."""
        self._forget_ended_loops()
        line = self._lines.pop(_running_loop(), None)
        if line is not None:
            await line.carrier.aclose()

    async def _opened(self) -> _Line:
        loop = _running_loop()
        while (line := self._lines.get(loop)) is None:
            opening = self._opening.get(loop)
            if opening is not None:
                # A thousand may come first at the same time; who waits tries again where that one fails.
                await opening.wait()
                continue
            opening = self._opening[loop] = anyio.Event()
            try:
                line = self._lines[loop] = await self._made(loop)
            finally:
                del self._opening[loop]
                opening.set()
        return line

    async def _made(self, loop: Loop) -> _Line:
        try:
            address = address_of(self._base_url)
            # Up to half a second of imports and certificates: at the first request, beside the event loop.
            way, introduce = await anyio.to_thread.run_sync(self._prepared, address, _is_asyncio(loop))
        except ValueError as error:
            raise TransportFault("not_http", sent=False) from error
        except OSError as error:
            # Certificates are files, and a process may have no more of them.
            raise TransportFault("unreachable", sent=False) from error
        self._forget_ended_loops()
        return _Line(address, self._carrier(way, introduce(), _is_asyncio(loop)))

    def _prepared(
        self, address: Address, on_asyncio: bool
    ) -> tuple[Surroundings, Callable[[], Mapping[str, str]]]:
        if on_asyncio:
            import aiohttp  # noqa: F401  for those who need it in a moment, on the event loop
        else:
            import httpx2  # noqa: F401  as above
        return surroundings_of(address.at("")), introduction(address, self._api_key)

    def _carrier(
        self, way: Surroundings, headers: Mapping[str, str], on_asyncio: bool
    ) -> AiohttpCarrier | Httpx2Carrier:
        keep = self._keep_connections
        if not on_asyncio:
            from .overhttpx2 import Httpx2Carrier

            return Httpx2Carrier(way, connect_s=self._connect_s, keep_connections=keep, headers=headers)
        from .overaiohttp import AiohttpCarrier

        return AiohttpCarrier(
            way,
            connect_s=self._connect_s,
            keep_connections=keep,
            buffer_bytes=_BUFFER_BYTES,
            headers=headers,
        )

    def _forget_ended_loops(self) -> None:
        # A copy, and nothing that has to be there: other threads may have event loops too.
        for loop in tuple(self._lines):
            if _has_ended(loop) and (line := self._lines.pop(loop, None)) is not None:
                line.carrier.forget()


@dataclass(frozen=True, slots=True)
class _Line:
    """What requests of one event loop are sent over."""

    address: Address
    carrier: AiohttpCarrier | Httpx2Carrier


def _running_loop() -> Loop:
    """The event loop; on trio the token of the run."""
    import asyncio

    try:
        return asyncio.get_running_loop()
    except RuntimeError:
        import trio

        return trio.lowlevel.current_trio_token()


def _is_asyncio(loop: Loop) -> bool:
    import asyncio

    return isinstance(loop, asyncio.AbstractEventLoop)


def _has_ended(loop: Loop) -> bool:
    import asyncio

    if isinstance(loop, asyncio.AbstractEventLoop):
        return loop.is_closed()
    import trio

    try:
        # The one question that a token answers.
        loop.run_sync_soon(_nothing)
    except trio.RunFinishedError:
        return True
    return False


def _nothing() -> None:
    pass


def _check_url(url: str) -> None:
    try:
        parts = urlsplit(url)
        fine = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        fine = False
    if not fine:
        raise ConfigError(
            f"the base URL {_shown(url)!r} is no address; write it like 'https://host/v1'",
            code="base_url_invalid",
        )


def _shown(url: str) -> str:
    """`url` without what may be a secret."""
    return re.sub(r"//.*@", "//…@", url.partition("?")[0])
