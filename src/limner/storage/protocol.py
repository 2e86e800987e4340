"""What a store of pictures is to the engine."""

from __future__ import annotations

from typing import Protocol

from limner.images.protocol import Content

__all__ = ["Storage"]


class Storage(Protocol):
    """Keeps pictures under ids that say nothing about them.

    An id is `base64url(HMAC-SHA256(owner's key, bytes))`, 43 characters: the same bytes of
    the same owner are kept once, and nobody can tell from an id whether another owner has them.
    """

    async def put(self, owner: str, data: Content) -> str:
        """Keep `data` and return its id; on return the bytes survive a power cut where the store can.

        A file is read and left as it is: it stays the caller's, who does not write to it meanwhile.

        Raises: StoreError (`image_store_full` where there is no room, else `store_unavailable`).
        Cancel: safe; nothing half-written is ever found under an id.
        """
        ...

    async def open(self, id: str) -> bytes:
        """Read a picture back, checked against the SHA-256 that stands beside it.

        Raises: StoreError (`image_not_found` also for an id that is not one, `image_corrupt`).
        """
        ...

    def link(self, id: str) -> str:
        """Where a reader finds the picture: a signed link, a file URI, or an opaque `limner:` URI.

        Minted each time it is asked for, because it may expire.

        Raises: StoreError (`image_not_found` where the store can tell without waiting).
        """
        ...

    def linked(self, link: str) -> str | None:
        """The id in a link that `link` has minted, else None.

        An expired one counts, and one that an older key has signed: it tells which picture was
        meant. What differs from such a link in one byte does not count (S24).
        """
        ...

    async def aclose(self) -> None:
        """Give back what is held; idempotent."""
        ...
