"""The one place that fetches a picture from a link.

Nothing of ours goes with the request: no key, no cookie, no proxy of the environment, and a
redirect is not followed. Which addresses may be connected to is decided in `download` alone.
"""

from __future__ import annotations

import functools
import importlib
import re
from collections.abc import Mapping
from typing import TYPE_CHECKING
from urllib.parse import urljoin, urlsplit

import anyio
import anyio.to_thread

from limner.errors import PictureError
from limner.transport.bodies import Answer, Deadlines, close_stream
from limner.transport.faults import FaultKind, TransportFault, fault_of
from limner.wire.images import data_url_bytes

from .inspection import MAX_BYTES

if TYPE_CHECKING:
    import ssl

__all__ = ["download"]

_PLAIN = re.compile(r"[^\\\x00-\x20\x7f]+")
_CODES: Mapping[FaultKind, str] = {
    "unreachable": "image_unreachable",
    "tls": "image_unreachable",
    "not_http": "image_fetch_blocked",
    "first_byte": "image_download_timeout",
    "idle": "image_download_timeout",
    "total": "image_download_timeout",
    "reset": "image_truncated",
    "too_large": "image_too_large",
    "encoding": "image_bad_payload",
}


async def download(
    url: str,
    *,
    base_url: str | None = None,
    max_bytes: int = MAX_BYTES,
    connect_s: float = 5.0,
    idle_s: float = 10.0,
    total_s: float = 60.0,
) -> bytes:
    """Fetch the picture at `url`, once; a relative one is resolved against `base_url`.

    Raises: PictureError; it is paid for already, so every one says `billed="yes"`.
    Cancel: safe; the connection is closed.
    """
    if url[:5].lower() == "data:":
        return data_url_bytes(url, max_bytes)
    target = _target(url, base_url)
    try:
        return await _fetched(target, max_bytes, connect_s, Deadlines(idle_s, idle_s, total_s))
    except TransportFault as fault:
        raise PictureError(_CODES[fault.kind], billed="yes") from fault


def _target(url: str, base_url: str | None) -> str:
    """The absolute address, if it is one that pictures come from."""
    try:
        target = urljoin(f"{base_url.rstrip('/')}/", url) if base_url else url
        parts = urlsplit(target)
        fine = (
            parts.scheme in ("http", "https")
            and bool(parts.hostname)
            # Who puts a name and a password there wants a parser to be mistaken about the host.
            and "@" not in parts.netloc
            # White space and backslashes mean something else to each parser.
            and _PLAIN.fullmatch(url) is not None
            and parts.port != 0
        )
    except ValueError:
        fine = False
    if not fine:
        raise PictureError("image_fetch_blocked", billed="yes")
    return target


async def _fetched(url: str, max_bytes: int, connect_s: float, deadlines: Deadlines) -> bytes:
    """One GET. Raises: PictureError, TransportFault."""
    # Imported beside the event loop; most engines have it loaded already.
    await anyio.to_thread.run_sync(importlib.import_module, "httpx2")
    import httpx2

    try:
        request = httpx2.Request(
            "GET",
            url,
            headers={"Accept": "image/*", "Accept-Encoding": "identity", "User-Agent": "limner"},
            extensions={"timeout": {"connect": connect_s, "read": None, "write": None, "pool": None}},
        )
    except httpx2.InvalidURL:
        raise PictureError("image_fetch_blocked", billed="yes") from None
    # The transport itself and no client around it: it knows neither cookies nor redirects nor
    # proxies, and does not log the link.
    async with httpx2.AsyncHTTPTransport(verify=await anyio.to_thread.run_sync(_tls)) as transport:
        started = anyio.current_time()
        opening_s, late = deadlines.opening
        try:
            with anyio.fail_after(opening_s):
                response = await transport.handle_async_request(request)
        except TimeoutError:
            raise TransportFault(late) from None
        except Exception as error:
            # Strategy: the transport raises errors of several libraries; one place names them.
            raise fault_of(error) from error
        try:
            answer = Answer(response, deadlines, started)
        except TransportFault:
            with anyio.CancelScope(shield=True):
                await close_stream(response.stream, None)  # type: ignore[arg-type]  # an asynchronous transport
            raise
        try:
            _check(answer, max_bytes)
            return await answer.whole(max_bytes)
        finally:
            await answer.aclose()


def _check(answer: Answer, max_bytes: int) -> None:
    """Refuse by the headers what need not be read."""
    if 300 <= answer.status < 400:
        raise PictureError("image_fetch_blocked", billed="yes")
    if answer.status in (401, 403, 404, 410):
        raise PictureError("image_url_expired", billed="yes")
    if answer.status != 200:
        raise PictureError("image_provider_error", billed="yes")
    length = answer.headers.get("content-length", "")
    if length.isascii() and length.isdigit() and len(length) < 20 and int(length) > max_bytes:
        raise PictureError("image_too_large", billed="yes")


@functools.cache
def _tls() -> ssl.SSLContext:
    """The trusted certificates; reading them takes tens of milliseconds."""
    import httpx2

    return httpx2.create_ssl_context()
