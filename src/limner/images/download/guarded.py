"""The one way in which a link that came from outside is opened.

It leads to the open internet and to nothing else, but for the one origin that the operator
configured. Each hop's host is resolved once, every address told is checked, and only what was
checked is connected to.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import anyio
import anyio.to_thread

from limner.errors import PictureError
from limner.transport.compression import Unpacker
from limner.transport.faults import TransportFault
from limner.wire.encodings import data_url_bytes

from ..inspection.limits import MAX_BYTES
from ..protocol import Content
from .addresses import Address, is_open_port, is_public
from .exchange import Broken, Exchange, Unreachable, tls_context
from .links import Link, is_relative, read_endpoint, read_link
from .resolver import Resolver, addresses_of, system_resolver
from .spool import Spool

if TYPE_CHECKING:
    import ssl

    import h11

__all__ = ["Limits", "Network", "download", "guarded"]

_MOST_REDIRECTS = 3
_REDIRECTS = frozenset({301, 302, 303, 307, 308})
_GONE = frozenset({401, 403, 404, 410})
"""How image hosts say that a link has expired."""
_SLICE_BYTES = 128 * 1024
"""Gathered before a thread writes them."""


@dataclass(frozen=True, slots=True)
class Limits:
    """What one download may take."""

    connect_s: float = 5.0
    """For each hop, until it is connected and secured: resolving included."""
    idle_s: float = 10.0
    """Until the head of an answer, and between two reads of its body."""
    total_s: float = 60.0
    """For everything, all hops together."""
    max_bytes: int = MAX_BYTES


@dataclass(frozen=True, slots=True)
class Network:
    """What a download reaches the world with."""

    resolve: Resolver = system_resolver
    is_public: Callable[[Address], bool] = is_public
    tls: Callable[[], ssl.SSLContext] = tls_context


async def download(
    url: str,
    *,
    trusted: str | None,
    api_key: str = "",
    connect_s: float = 5.0,
    idle_s: float = 10.0,
    total_s: float = 60.0,
    max_bytes: int = MAX_BYTES,
    folder: Path | None = None,
    resolve: Resolver = system_resolver,
) -> Content:
    """Fetch what is behind `url`, once, into a temporary file that is the caller's to delete.

    Where the disk is full, or takes no file at all, the picture comes as bytes: it is paid for.

    `trusted` is the base URL that the operator configured: relative links are relative to it, and
    its origin (scheme, host and port as written) may be private. `api_key` goes along with such a
    link alone, for it leads back to who has the key already: never with one that names a host, nor
    after a redirect. A `data:` URL is decoded, to bytes. `folder` is where the file is made, by
    default the system's temporary one.

    Raises: PictureError; it is paid for already, so every one says `billed="yes"`.
    Cancel: safe; the connection is closed and the file removed.
    """
    if url[:5].lower() == "data:":
        return await anyio.to_thread.run_sync(_decoded, url, max_bytes)
    limits = Limits(connect_s, idle_s, total_s, max_bytes)
    return await guarded(url, trusted, limits, folder, Network(resolve), api_key=api_key)


async def guarded(
    url: str,
    trusted: str | None,
    limits: Limits,
    folder: Path | None,
    network: Network,
    *,
    api_key: str = "",
) -> Content:
    """`download` of an http or https link over any `network`. Raises: PictureError."""
    spool = Spool(folder)
    try:
        with anyio.fail_after(limits.total_s):
            return await _Download(limits, network, spool, api_key).followed(url, trusted)
    except BaseException as error:
        with anyio.CancelScope(shield=True):
            await anyio.to_thread.run_sync(spool.discard)
        if isinstance(error, TimeoutError):
            raise _failed("image_download_timeout", "the whole took too long") from None
        raise


@dataclass(frozen=True, slots=True)
class _Download:
    """One download: a GET, and another for each redirect."""

    limits: Limits
    network: Network
    spool: Spool = field(repr=False)
    api_key: str = field(repr=False)

    async def followed(self, url: str, trusted: str | None) -> Content:
        """What `url` leads to in the end."""
        try:
            home = read_endpoint(trusted) if trusted else None
            link = read_link(url, home)
        except ValueError as error:
            raise _blocked(str(error)) from None
        at_home = home is not None
        api_key = self.api_key if is_relative(url) else ""
        for _ in range(_MOST_REDIRECTS + 1):
            # Once it has left, even the trusted origin is as foreign as any: somebody else sends us there.
            at_home = at_home and home is not None and link.origin == home.origin
            async with self._asked(link, at_home, api_key) as (exchange, answer):
                if answer.status_code not in _REDIRECTS:
                    return await self._received(exchange, answer)
                link, api_key = _onward(link, answer), ""
        raise _blocked("the link leads through more than three redirects")

    @asynccontextmanager
    async def _asked(
        self, link: Link, at_home: bool, api_key: str
    ) -> AsyncIterator[tuple[Exchange, h11.Response]]:
        """One GET, up to the head of its answer."""
        ends = anyio.current_time() + self.limits.connect_s
        addresses = await self._checked(link, at_home)
        try:
            exchange = await Exchange.connected(link, addresses, ends, self.network.tls)
        except Unreachable as error:
            raise _failed("image_unreachable", f"{link.host} cannot be reached") from error
        try:
            try:
                with anyio.fail_after(self.limits.idle_s):
                    answer = await exchange.ask(link, api_key)
            except TimeoutError:
                raise _failed("image_download_timeout", f"{link.host} does not answer") from None
            yield exchange, answer
        except Broken as error:
            raise _failed("image_truncated", f"{link.host} broke off") from error
        finally:
            await exchange.aclose()

    async def _checked(self, link: Link, at_home: bool) -> tuple[Address, ...]:
        """The addresses of the link's host, all of which may be connected to."""
        if not at_home and not is_open_port(link.port):
            raise _blocked(f"port {link.port} of {link.host} is none that pictures are served on")
        try:
            with anyio.fail_after(self.limits.connect_s):
                addresses = await addresses_of(link, self.network.resolve)
        except OSError as error:
            raise _failed("image_unreachable", f"{link.host} has no address") from error
        # One private answer among public ones is how a name is made to change its mind.
        closed = [address for address in addresses if not self.network.is_public(address)]
        if closed and not at_home:
            raise _blocked(f"{link.host} is not on the open internet ({closed[0]})")
        return addresses

    async def _received(self, exchange: Exchange, answer: h11.Response) -> Content:
        """The body, in the spool's file."""
        _check(answer, self.limits.max_bytes)
        gathered: list[bytes] = []
        gathered_bytes = total_bytes = 0
        try:
            unpacker = Unpacker(_header(answer, b"content-encoding"))
            while data := await self._read(exchange):
                for piece in unpacker.pieces(data):
                    gathered.append(piece)
                    gathered_bytes += len(piece)
                    total_bytes += len(piece)
                    if total_bytes > self.limits.max_bytes:
                        raise _failed("image_too_large", "the body has more bytes than allowed")
                    if gathered_bytes >= _SLICE_BYTES:
                        await anyio.to_thread.run_sync(self.spool.write, gathered)
                        gathered, gathered_bytes = [], 0
            unpacker.finish()
            return await anyio.to_thread.run_sync(self.spool.keep, gathered)
        except TransportFault as fault:
            code = "image_truncated" if fault.kind == "reset" else "image_bad_payload"
            raise _failed(code, f"the body's packing is wrong ({fault.kind})") from fault
        except OSError as error:
            raise _failed("image_store_full", f"the temporary file: {error}") from error

    async def _read(self, exchange: Exchange) -> bytes:
        try:
            with anyio.fail_after(self.limits.idle_s):
                return await exchange.read()
        except TimeoutError:
            raise _failed("image_download_timeout", "the body stands still") from None


def _onward(link: Link, answer: h11.Response) -> Link:
    """Where a redirect leads."""
    told = [value for name, value in answer.headers if name == b"location"]
    try:
        if len(told) != 1:
            raise ValueError("the redirect does not say one place")
        onward = read_link(told[0].decode("utf-8"), link)
    except ValueError as error:
        reason = "half a character" if isinstance(error, UnicodeError) else str(error)
        raise _blocked(f"redirected by {link.host}: {reason}") from None
    if link.scheme == "https" and onward.scheme != "https":
        raise _blocked(f"redirected by {link.host} from https to http")
    return onward


def _check(answer: h11.Response, max_bytes: int) -> None:
    """Refuse by the head what need not be read."""
    if answer.status_code in _GONE:
        raise _failed("image_url_expired", f"status {answer.status_code}")
    if answer.status_code != 200:
        raise _failed("image_provider_error", f"status {answer.status_code}")
    # A list of equal lengths was made one by the parser, which refuses what is no number.
    if int(_header(answer, b"content-length") or 0) > max_bytes:
        raise _failed("image_too_large", "the announced length is more than allowed")


def _header(answer: h11.Response, name: bytes) -> str:
    """All of a header's values, as one."""
    return b", ".join(value for key, value in answer.headers if key == name).decode("latin-1")


def _decoded(url: str, max_bytes: int) -> bytes:
    try:
        return data_url_bytes(url, max_bytes)
    except PictureError as error:
        raise _failed(error.code, "a data URL") from error


def _blocked(reason: str) -> PictureError:
    return _failed("image_fetch_blocked", reason)


def _failed(code: str, detail: str) -> PictureError:
    """What was drawn is paid for, whether or not it can be fetched."""
    return PictureError(code, billed="yes", detail=detail)
