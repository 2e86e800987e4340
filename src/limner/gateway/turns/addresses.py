"""Where a reader finds each picture of one answer: once said, it stays so to the answer's end."""

from __future__ import annotations

from collections.abc import Mapping

from anyio import to_thread

from limner.core.pictures import Picture
from limner.engine.conversation import Conversation
from limner.errors import StoreError
from limner.reply.assembly import known_pictures
from limner.storage.protocol import Storage
from limner.wire.encodings import data_url

from ..books.bookkeeping import Bookkeeping

__all__ = ["Addresses"]


class Addresses:
    """Links, promised links and data URLs, by the numbers of pictures."""

    def __init__(
        self, conversation: Conversation, storage: Storage, books: Bookkeeping, *, by_value: bool
    ) -> None:
        """`by_value`: finished pictures are shown as data URLs."""
        self._conversation = conversation
        self._storage = storage
        self._books = books
        self._by_value = by_value
        self._links: dict[int, str] = {}
        self._minted: dict[str, str] = {}
        """By the ids of pictures: to sign a link costs more than all else that tells of it."""

    async def shown(self, number: int) -> str:
        """What an answer shows the picture by. Raises: LimnerError, where it cannot be promised."""
        if self._by_value and number not in self._links:
            data = await self.data(number)
            if data is not None:
                return await to_thread.run_sync(data_url, data)
        return await self.link(number)

    async def data(self, number: int) -> bytes | None:
        """The bytes of a finished picture; None where it is none, or cannot be read."""
        picture = known_pictures(self._conversation.state).get(number)
        if picture is None:
            return None
        try:
            return await self._storage.open(picture.id)
        except StoreError:
            return None

    async def link(self, number: int) -> str:
        """The link, of a picture that is not drawn yet a promised one. Raises: LimnerError."""
        found = self._links.get(number) or self.known(number)
        if found is None:
            calls = self._conversation.state.calls
            (call,) = (call for call in calls if call.number == number and call.redraws is None)
            found = await self._books.promise(self._conversation.id, call)
        self._links[number] = found
        return found

    def known(self, number: int | None) -> str | None:
        """The link that was said, or that of a finished picture; None where there is none yet."""
        if number is None:
            return None
        picture = known_pictures(self._conversation.state).get(number)
        return self._links.get(number) or (None if picture is None else self._of(picture))

    def all(self, pictures: Mapping[int, Picture]) -> dict[int, str]:
        """The links of `pictures`, and those that were promised."""
        return {number: self._of(picture) for number, picture in pictures.items()} | self._links

    def _of(self, picture: Picture) -> str:
        link = self._minted.get(picture.id)
        if link is None:
            try:
                link = self._storage.link(picture.id)
            except StoreError:
                # Lost from the store: the answer goes on without a link that works.
                link = f"limner:missing/{picture.id}"
            self._minted[picture.id] = link
        return link
