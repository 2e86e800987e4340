"""Pictures in memory, for tests and for programs that need no files."""

from __future__ import annotations

import secrets
from functools import partial
from pathlib import Path

from anyio import to_thread

from limner.beside import beside
from limner.errors import StoreError
from limner.images.protocol import Content

from .contents import whole
from .ids import not_found, owner_key, picture_id, valid_id
from .links import LinkSigner, opaque_id, opaque_link

__all__ = ["MemoryStorage"]


class MemoryStorage:
    """Keeps pictures as long as the object lives; `max_bytes` bounds all of them together.

    With `links`, links are signed by it, for a gateway that serves them.
    """

    def __init__(self, *, max_bytes: int | None = None, links: LinkSigner | None = None) -> None:
        self._links = links
        self._secret = secrets.token_bytes(32)
        self._pictures: dict[str, bytes] = {}
        self._max_bytes = max_bytes
        self._size_bytes = 0

    async def put(self, owner: str, data: Content) -> str:
        """Keep `data`, of a file what is in it, and return its id.

        Raises: StoreError (`image_store_full` where `max_bytes` would be passed, `store_unavailable`
        where a file cannot be read).
        Cancel: safe.
        """
        # A bytearray could change under its id.
        kept = await to_thread.run_sync(whole, data) if isinstance(data, Path) else bytes(data)
        key = owner_key(self._secret, owner)
        # 25 MiB take longer to hash than an event loop may stand still (P13).
        name = await beside(len(kept), partial(picture_id, key, kept))
        if name in self._pictures:
            return name
        if self._max_bytes is not None and self._size_bytes + len(kept) > self._max_bytes:
            raise StoreError(
                f"the memory for pictures is full ({self._max_bytes} bytes); raise max_bytes or use a FolderStorage",
                code="image_store_full",
            )
        self._pictures[name] = kept
        self._size_bytes += len(kept)
        return name

    async def open(self, id: str) -> bytes:
        """Read a picture back. A bytes object cannot change, so there is nothing to check.

        Raises: StoreError (`image_not_found`).
        """
        return self._find(id)

    def link(self, id: str) -> str:
        """A signed link, else an opaque URI: nothing outside this process can read it.

        Raises: StoreError (`image_not_found`).
        """
        self._find(id)
        return opaque_link(id) if self._links is None else self._links.link(id)

    def linked(self, link: str) -> str | None:
        """The id in a link of this store's, also an expired one; else None."""
        signed = None if self._links is None else self._links.id_of(link)
        name = signed or opaque_id(link)
        return name if name in self._pictures else None

    async def aclose(self) -> None:
        """Nothing to give back: replies stay readable after the engine has closed."""

    def _find(self, id: str) -> bytes:
        if not valid_id(id) or id not in self._pictures:
            raise not_found()
        return self._pictures[id]
