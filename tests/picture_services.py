"""A picture endpoint with real parts: a ledger, a folder of pictures, links that are signed."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

import pictures
from limner.clock import Clock, SystemClock
from limner.core.pictures import Picture
from limner.gateway.exchange import Inbound, Whole
from limner.gateway.front.envelope import dialect_of
from limner.gateway.ledger import Ledger
from limner.gateway.pictures import PictureEndpoint, Promises
from limner.gateway.refusal import Refusal
from limner.gateway.tenant import Tenant
from limner.images.inspector import Inspector
from limner.spending.budget import Budget
from limner.storage.folder import FolderStorage
from limner.storage.keeping import keep
from limner.storage.links import LinkSigner

__all__ = ["KEY", "PictureService", "inbound", "picture_service"]

KEY = "k" * 32
BASE_URL = "https://pictures.example"


def inbound(
    method: str, path: str, query: str = "", headers: Mapping[str, str] | None = None, body: bytes = b""
) -> Inbound:
    """A request that was let in."""
    return Inbound(
        "req_1", dialect_of(path), Tenant("ada", Budget()), method, path, query, headers or {}, body
    )


@dataclass
class PictureService:
    """The endpoint and what stands behind it."""

    ledger: Ledger
    storage: FolderStorage
    links: LinkSigner
    promises: Promises
    endpoint: PictureEndpoint
    inspector: Inspector

    async def keep(self, data: bytes, *, tenant: str = "ada", alt: str = "a fox") -> Picture:
        """A picture that was drawn."""
        picture = await keep(self.storage, self.inspector, tenant, data, alt=alt)
        await self.ledger.know(tenant, picture)
        return picture

    async def get(self, link: str, *, method: str = "GET", **headers: str) -> Whole:
        """What a client gets that follows `link`. Raises: Refusal."""
        parts = urlsplit(link)
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        return await self.endpoint.answer(inbound(method, parts.path, parts.query, named))

    async def refused(self, path: str, query: str = "", method: str = "GET") -> Refusal:
        """How a raw path and query are refused."""
        try:
            answer = await self.endpoint.answer(inbound(method, path, query))
        except Refusal as refusal:
            return refusal
        raise AssertionError(f"answered with {answer.status}")


@asynccontextmanager
async def picture_service(
    folder: Path,
    *,
    wait_s: float = 20.0,
    base_url: str = BASE_URL,
    clock: Clock | None = None,
    keys: tuple[str, ...] = (KEY,),
) -> AsyncIterator[PictureService]:
    clock = clock or SystemClock()
    links = LinkSigner(base_url, keys, ttl_s=3600, clock=clock)
    storage = FolderStorage(folder, links=links)
    inspector = Inspector()
    try:
        async with Ledger(folder, clock=clock) as ledger:
            promises = Promises(ledger, links, clock=clock)
            endpoint = PictureEndpoint(storage, links, promises, wait_s=wait_s, clock=clock)
            yield PictureService(ledger, storage, links, promises, endpoint, inspector)
    finally:
        await inspector.aclose()


FOX = pictures.png(colour=(200, 90, 20))
BOAT = pictures.jpeg(colour=(20, 90, 200))
