"""A picture behind a link: one more GET where the first brought none, never a second order."""

from __future__ import annotations

from pathlib import Path

import anyio
import anyio.to_thread

from limner.errors import PictureError

from ..inspection.checking import is_whole
from ..inspection.limits import MAX_BYTES
from ..protocol import Content
from .guarded import download
from .resolver import Resolver, system_resolver

__all__ = ["fetch_picture"]

_DOWNLOAD_S = 60.0
_AGAIN = frozenset({"image_url_expired", "image_truncated", "image_unreachable", "image_provider_error"})
"""What may be different a moment later. Source: scorecard I06, I08."""


async def fetch_picture(
    url: str,
    *,
    trusted: str | None,
    api_key: str = "",
    left_s: float,
    connect_s: float = 5.0,
    idle_s: float = 10.0,
    max_bytes: int = MAX_BYTES,
    folder: Path | None = None,
    resolve: Resolver = system_resolver,
) -> Content:
    """`download` what an order was answered with, in two tries at most, all within `left_s`.

    What comes without its end a second time is returned as it is: inspection has the last word.
    Raises: PictureError.
    Cancel: safe.
    """
    ends = anyio.current_time() + left_s

    async def fetched() -> Content:
        total_s = max(0.001, min(_DOWNLOAD_S, ends - anyio.current_time()))
        return await download(
            url,
            trusted=trusted,
            api_key=api_key,
            connect_s=connect_s,
            idle_s=idle_s,
            total_s=total_s,
            max_bytes=max_bytes,
            folder=folder,
            resolve=resolve,
        )

    try:
        content = await fetched()
    except PictureError as error:
        if error.code not in _AGAIN or anyio.current_time() >= ends:
            raise
        return await fetched()
    if isinstance(content, bytes) or await _has_end(content) or anyio.current_time() >= ends:
        return content
    await anyio.to_thread.run_sync(_removed, content)
    return await fetched()


async def _has_end(path: Path) -> bool:
    try:
        return await anyio.to_thread.run_sync(is_whole, path)
    except BaseException:
        with anyio.CancelScope(shield=True):
            await anyio.to_thread.run_sync(_removed, path)
        raise


def _removed(path: Path) -> None:
    path.unlink(missing_ok=True)
