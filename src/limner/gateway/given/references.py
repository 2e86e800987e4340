"""Pictures that a client gives: bytes, data URLs, links of ours, and links of others, opened with care."""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Iterable

import anyio
from anyio import to_thread

from limner.core.pictures import Picture
from limner.errors import PictureError, StoreError
from limner.images.download import fetch_picture
from limner.images.inspector import Inspector
from limner.images.protocol import Content
from limner.storage.keeping import discard, keep
from limner.storage.protocol import Storage

from ..ledger import Ledger
from ..refusal import Refusal

__all__ = ["References"]

_DATA = re.compile(r"data:image/[a-z0-9.+-]{1,32};base64,", re.IGNORECASE)
_FETCH_S = 20.0
_UNREACHED = frozenset(
    {"image_download_timeout", "image_fetch_blocked", "image_unreachable", "image_url_expired"}
)
"""Codes of links behind which no picture was seen."""


class References:
    """Keeps them as the tenant's own pictures, so that the engine finds them like all others."""

    def __init__(
        self, ledger: Ledger, storage: Storage, inspector: Inspector, *, links_s: float = 45.0
    ) -> None:
        """`links_s`: for all links of one request, which holds a place of its key while it waits for them."""
        self._links_s = links_s
        self._ledger = ledger
        self._storage = storage
        self._inspector = inspector

    async def kept(self, tenant: str, given: Iterable[tuple[str, str | bytes]]) -> dict[int, Picture]:
        """The pictures, numbered from 1; each `given` as its field's path and its bytes or its address.

        Raises: Refusal (`invalid_value`, which names the one that cannot be used; `store_unavailable`).
        """
        ends_s = anyio.current_time() + self._links_s
        return {
            number: await self.one(tenant, each, at, ends_s) for number, (at, each) in enumerate(given, 1)
        }

    async def one(self, tenant: str, given: str | bytes, at: str, ends_s: float | None = None) -> Picture:
        """One picture, as `kept`; `ends_s`: when a link is waited for no longer, by anyio's clock."""
        ours = None if isinstance(given, bytes) else self._storage.linked(given)
        if ours is not None:
            return await self._ours(tenant, ours, at)
        try:
            content = await _content(given, ends_s)
            try:
                return await keep(self._storage, self._inspector, tenant, content)
            except BaseException:
                await discard(content)
                raise
        except PictureError as error:
            if isinstance(error.__cause__, StoreError):
                raise Refusal("store_unavailable") from error
            fix = (
                "give a link that everybody can open, or a data URL"
                if error.code in _UNREACHED
                else "give a PNG, JPEG or WebP picture"
            )
            raise _unusable(at, f"cannot be used ({error.code})", fix) from error

    async def _ours(self, tenant: str, id: str, at: str) -> Picture:
        """A picture of this service: the tenant's own, or none (S17)."""
        promised = await self._ledger.promised(id)
        kept = id if promised is None or promised.picture is None else promised.picture
        known = (await self._ledger.pictures(tenant, [kept])).get(kept)
        if known is None:
            raise _unusable(at, "is no picture of yours here")
        return known


async def _content(given: str | bytes, ends_s: float | None) -> Content:
    if isinstance(given, bytes):
        return given
    return await _decoded(given) if _DATA.match(given) else await _fetched(given, ends_s)


async def _decoded(url: str) -> bytes:
    text = url.partition(",")[2]
    try:
        return await to_thread.run_sync(lambda: base64.b64decode(text, validate=True))
    except (binascii.Error, ValueError) as error:
        raise PictureError("image_bad_payload", billed="no") from error


async def _fetched(url: str, ends_s: float | None) -> Content:
    if not url.lower().startswith(("http://", "https://")):
        raise PictureError("image_bad_payload", billed="no")
    left_s = _FETCH_S if ends_s is None else min(_FETCH_S, ends_s - anyio.current_time())
    if left_s <= 0:
        raise PictureError("image_download_timeout", billed="no")
    return await fetch_picture(url, trusted=None, left_s=left_s)


def _unusable(at: str, why: str, fix: str = "give a PNG, JPEG or WebP picture") -> Refusal:
    return Refusal("invalid_value", f"{at!r} {why}; {fix}.", param=at)
