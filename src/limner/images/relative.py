"""Pictures that a provider serves itself: a link without an origin leads back to it.

It asks for the same key there as everywhere, and has it already. A link that names an origin, be it
the provider's own, goes through the guarded download, without the key.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

import anyio
import anyio.to_thread

from limner.errors import ConfigError, PictureError
from limner.transport.bodies import Answer, Deadlines
from limner.transport.client import ProviderClient
from limner.transport.faults import FaultKind, TransportFault

from .download.links import read_endpoint, read_link
from .download.spool import Spool
from .inspection import MAX_BYTES
from .protocol import Content

__all__ = ["fetch_relative", "is_relative"]

_DOWNLOAD_S = 60.0
_ORIGIN = re.compile(r"[a-z][a-z0-9+.-]*:|//", re.IGNORECASE)
_SLICE_BYTES = 128 * 1024
"""Gathered before a thread writes them."""
_AGAIN = frozenset({"image_url_expired", "image_truncated", "image_unreachable", "image_provider_error"})
"""What may be different a moment later. Source: scorecard I06, I08."""
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


def is_relative(url: str) -> bool:
    """Whether `url` names neither a scheme nor a host."""
    return not _ORIGIN.match(url)


async def fetch_relative(
    url: str, *, client: ProviderClient, base_url: str, left_s: float, idle_s: float
) -> Content:
    """What is behind a link of which `is_relative` holds, in two tries at most, as a temporary file.

    Raises: PictureError; it is paid for already, so every one says `billed="yes"`.
    Cancel: safe; the file is removed.
    """
    try:
        link = read_link(url, read_endpoint(base_url))
    except ValueError as error:
        raise PictureError("image_fetch_blocked", billed="yes", detail=str(error)) from None
    target = f"{link.scheme}://{link.authority}{link.target}"
    ends = anyio.current_time() + min(left_s, _DOWNLOAD_S)
    try:
        return await _fetched(target, client, ends, idle_s)
    except PictureError as error:
        if error.code not in _AGAIN or anyio.current_time() >= ends:
            raise
    return await _fetched(target, client, ends, idle_s)


async def _fetched(url: str, client: ProviderClient, ends: float, idle_s: float) -> Content:
    total_s = max(0.001, ends - anyio.current_time())
    spool = Spool(None)
    try:
        answer = await client.get(url, Deadlines(idle_s, idle_s, total_s), {"Accept": "image/*"})
        try:
            if answer.status != 200:
                gone = answer.status in (401, 403, 404, 410)
                code = "image_fetch_blocked" if 300 <= answer.status < 400 else "image_provider_error"
                raise PictureError("image_url_expired" if gone else code, billed="yes")
            return await _spooled(answer, spool)
        finally:
            await answer.aclose()
    except BaseException as error:
        with anyio.CancelScope(shield=True):
            await anyio.to_thread.run_sync(spool.discard)
        if isinstance(error, TransportFault):
            raise PictureError(_CODES[error.kind], billed="yes", detail=error.kind) from error
        if isinstance(error, ConfigError):
            raise PictureError("image_fetch_blocked", billed="yes", detail="another origin") from error
        if isinstance(error, OSError):
            raise PictureError("image_store_full", billed="yes", detail="no temporary file") from error
        raise


async def _spooled(answer: Answer, spool: Spool) -> Content:
    size = 0
    pieces: list[bytes] = []
    held = 0
    while data := await answer.read():
        size += len(data)
        if size > MAX_BYTES:
            raise TransportFault("too_large")
        pieces.append(data)
        held += len(data)
        if held >= _SLICE_BYTES:
            await anyio.to_thread.run_sync(spool.write, pieces)
            pieces, held = [], 0
    return await anyio.to_thread.run_sync(spool.keep, pieces)
