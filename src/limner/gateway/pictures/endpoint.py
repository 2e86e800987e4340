"""`GET /images/{id}`: a picture by its signed link, also one that is still being drawn."""

from __future__ import annotations

import re
from collections.abc import Mapping

from limner.clock import Clock, SystemClock
from limner.errors import StoreError
from limner.storage.ids import ID
from limner.storage.links import LinkSigner
from limner.storage.protocol import Storage

from ..exchange import Inbound, Whole
from ..refusal import Refusal
from .placeholder import Placeholders
from .promises import Promises, Standing
from .serving import NOT_KEPT, SAFE, served

__all__ = ["PictureEndpoint"]

_PATH = re.compile(f"/images/({ID})")
_EXPIRES = re.compile(r"(?:^|&)expires=([0-9]{1,12})(?:&|$)")
_CLOSED: Mapping[str, str] = {**SAFE, "cache-control": NOT_KEPT}


class PictureEndpoint:
    """Serves the pictures of all tenants to whoever has their links.

    A link to a promised picture is answered when the picture is there; after `wait_s`, before proxies
    lose their patience, with a redirect to itself. The same link to the byte, because it is signed to
    the byte: so nothing counts the rounds but the client. Chromium follows twenty (measured), Safari
    sixteen, Go ten, so a picture has 8 minutes at least, which is more than a turn has.
    """

    def __init__(
        self,
        storage: Storage,
        links: LinkSigner,
        promises: Promises,
        *,
        wait_s: float = 50.0,
        clock: Clock | None = None,
    ) -> None:
        self._storage = storage
        self._links = links
        self._promises = promises
        self._placeholders = Placeholders()
        self._wait_s = wait_s
        self._clock = clock or SystemClock()

    async def answer(self, inbound: Inbound) -> Whole:
        """The picture, a redirect to the same link, or the picture that says why there is none.

        Raises: Refusal (`image_not_found` also for whatever is no id, before anything is opened;
        `method_not_allowed`, `link_invalid`, `image_corrupt`, `range_invalid`, `store_unavailable`).
        Cancel: safe.
        """
        # The shape alone, on the raw bytes: nothing is decoded, so nothing can be hidden by encoding (S16).
        found = _PATH.fullmatch(inbound.path)
        if found is None:
            raise _missing()
        if inbound.method not in ("GET", "HEAD"):
            raise Refusal("method_not_allowed", headers={**_CLOSED, "allow": "GET, HEAD"})
        link = f"{self._links.base_url}{inbound.path}?{inbound.query}"
        # Whether there is such a picture is not said to those whose link is wrong (S18).
        if self._links.verify(link) != found[1]:
            raise Refusal("link_invalid", headers=_CLOSED)
        return await self._picture(found[1], link, inbound)

    async def _picture(self, id: str, link: str, inbound: Inbound) -> Whole:
        if not self._promises.is_here(id):
            try:
                return await self._kept(id, inbound)
            except Refusal as refusal:
                if refusal.code != "image_not_found":
                    raise
        standing = await self._promises.wait(id, self._wait_s)
        if standing is None:
            raise _missing()
        if standing.picture_id is not None:
            return await self._kept(standing.picture_id, inbound)
        if standing.code is not None:
            return await self._not_drawn(standing, standing.code)
        return Whole(b"", 307, "text/plain; charset=utf-8", {**_CLOSED, "location": link})

    async def _kept(self, id: str, inbound: Inbound) -> Whole:
        try:
            # In a thread, and held against its receipt: wrong bytes are never sent (P06).
            data = await self._storage.open(id)
        except StoreError as error:
            if error.code == "image_not_found":
                raise _missing() from error
            if error.code == "image_corrupt":
                raise Refusal("image_corrupt", headers=_CLOSED) from error
            sentence = "The picture cannot be read now; ask for it again."
            raise Refusal("store_unavailable", sentence, retry_after_s=5, headers=_CLOSED) from error
        return served(data, id, inbound.headers, max_age_s=self._left_s(inbound.query))

    async def _not_drawn(self, standing: Standing, code: str) -> Whole:
        """A picture that says so, with status 200: a page shows nothing at all in the place of an error."""
        data = await self._placeholders.drawn(standing.alt, code)
        # For programs, which must not take it for the picture.
        headers = {
            **_CLOSED,
            "content-disposition": 'inline; filename="not-drawn.png"',
            "x-limner-code": code,
        }
        return Whole(data, 200, "image/png", headers)

    def _left_s(self, query: str) -> int:
        """How long the link still holds; what it says has been verified."""
        found = _EXPIRES.search(query)
        return max(0, int(int(found[1]) - self._clock.now())) if found else 0


def _missing() -> Refusal:
    return Refusal("image_not_found", headers=_CLOSED)
