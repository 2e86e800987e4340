"""Pictures in memory, for tests and for programs that need no files."""

from __future__ import annotations

import secrets

from anyio import to_thread

from limner.errors import StoreError

from .ids import owner_key, picture_id, valid_id

__all__ = ["MemoryStorage"]


class MemoryStorage:
    """Keeps pictures as long as the object lives; `max_bytes` bounds all of them together."""

    def __init__(self, *, max_bytes: int | None = None) -> None:
        self._secret = secrets.token_bytes(32)
        self._pictures: dict[str, bytes] = {}
        self._max_bytes = max_bytes
        self._size_bytes = 0

    async def put(self, owner: str, data: bytes) -> str:
        """Keep `data` and return its id.

        Raises: StoreError (`image_store_full` where `max_bytes` would be passed).
        Cancel: safe.
        """
        data = bytes(data)  # a bytearray could change under its id
        # In a thread: 25 MiB take longer to hash than an event loop may stand still (P13).
        name = await to_thread.run_sync(picture_id, owner_key(self._secret, owner), data)
        if name in self._pictures:
            return name
        if self._max_bytes is not None and self._size_bytes + len(data) > self._max_bytes:
            raise StoreError(
                f"the memory for pictures is full ({self._max_bytes} bytes); raise max_bytes or use a FolderStorage",
                code="image_store_full",
            )
        self._pictures[name] = data
        self._size_bytes += len(data)
        return name

    async def open(self, id: str) -> bytes:
        """Read a picture back. A bytes object cannot change, so there is nothing to check.

        Raises: StoreError (`image_not_found`).
        """
        return self._find(id)

    def link(self, id: str) -> str:
        """An opaque URI: nothing outside this process can read it.

        Raises: StoreError (`image_not_found`).
        """
        self._find(id)
        return f"limner:picture/{id}"

    async def aclose(self) -> None:
        """Nothing to give back: replies stay readable after the engine has closed."""

    def _find(self, id: str) -> bytes:
        if not valid_id(id) or id not in self._pictures:
            raise StoreError(
                "no such picture is kept here; ask again with an id that put() returned",
                code="image_not_found",
            )
        return self._pictures[id]
