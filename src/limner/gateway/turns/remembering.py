"""What a client's messages speak of: pictures that it had from us, pictures that it sends, and their numbers."""

from __future__ import annotations

import hashlib
from collections import OrderedDict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import anyio
from anyio import to_thread

from limner.beside import beside
from limner.core.messages import Message
from limner.core.pictures import Picture
from limner.errors import PictureError, StoreError
from limner.images.inspection.limits import MAX_BYTES
from limner.images.inspector import Inspector
from limner.storage.keeping import keep
from limner.storage.protocol import Storage
from limner.wire.chat.history import (
    data_urls_in_messages,
    history,
    links_in_messages,
    numbered,
    sent_pictures,
)
from limner.wire.encodings import data_url, data_url_bytes

from ..ledger import Ledger
from ..pictures import Promises
from .callids import with_short_ids

__all__ = ["Memory", "Remembered"]

_MOST_BY_VALUE = 16
_MOST_SHOWN_BYTES = 16 << 20
"""Of pictures of ours that are put before the model by value."""
_AWAITED_S = 10.0
"""How long a request waits for pictures that an earlier answer has promised; whoever asks for the same fox in
the rain means the one that is being drawn."""
_KNOWN = 256


@dataclass(frozen=True, slots=True)
class Remembered:
    """A transcript, and the pictures that stand in it."""

    messages: tuple[Message, ...]
    pictures: Mapping[int, Picture]


@dataclass(slots=True)
class _Found:
    """What became of the addresses in a request."""

    pictures: dict[str, Picture] = field(default_factory=dict)
    broken: dict[str, str] = field(default_factory=dict)
    """Promised links that came to nothing, with their codes."""


class Memory:
    """Reads histories; keeps nothing but what a picture that is sent again and again was found to be."""

    def __init__(
        self, ledger: Ledger, storage: Storage, inspector: Inspector, promises: Promises, *, ours: str
    ) -> None:
        """`ours`: what every link of ours begins with."""
        self.ours = ours
        self._ledger = ledger
        self._storage = storage
        self._inspector = inspector
        self._promises = promises
        self._sent: OrderedDict[tuple[str, bytes], Picture] = OrderedDict()

    async def remember(
        self,
        tenant: str,
        messages: Sequence[Mapping[str, Any]],
        *,
        image_tool: str,
        resembling: bool,
        size_bytes: int,
    ) -> Remembered:
        """What `messages` are to the model, and the pictures that they number.

        `resembling`: the image tool is on and takes pictures to resemble, so those that the user sends
        get numbers, too. `size_bytes`: of the request.

        Raises: LimnerError, where the ledger cannot be read.
        Cancel: safe.
        """
        written = messages
        messages = await beside(size_bytes, lambda: with_short_ids(written))
        ids = await beside(size_bytes, lambda: self._linked(messages))
        found = await self._known(tenant, ids)
        urls = await beside(size_bytes, lambda: _by_value(messages, sent=resembling))
        for url in urls[:_MOST_BY_VALUE]:
            picture = await self._kept(tenant, url)
            if picture is not None:
                found.pictures[url] = picture
        by_id = {url: picture.id for url, picture in found.pictures.items()}
        values = await self._shown(messages, found.pictures, size_bytes)
        numbers = await beside(size_bytes, lambda: numbered(messages, by_id))
        said = await beside(
            size_bytes,
            lambda: history(
                messages, numbers, image_tool=image_tool, ours=self.ours, broken=found.broken, values=values
            ),
        )
        return Remembered(said, {number: found.pictures[url] for url, number in numbers.items()})

    async def numbers_in(
        self,
        tenant: str,
        messages: Sequence[Mapping[str, Any]],
        known: Mapping[int, Picture],
        *,
        size_bytes: int,
    ) -> dict[str, int]:
        """The numbers of links in `messages` that a run has given its pictures already."""
        ids = {picture.id: number for number, picture in known.items()}
        found = await self._known(tenant, await beside(size_bytes, lambda: self._linked(messages)))
        return {link: ids[each.id] for link, each in found.pictures.items() if each.id in ids}

    async def speaks_of_ours(self, messages: Sequence[Mapping[str, Any]], size_bytes: int) -> bool:
        """Whether a link of ours stands somewhere in `messages`."""

        def look() -> bool:
            return any(link.startswith(self.ours) for link in links_in_messages(messages))

        return await beside(size_bytes, look)

    def _linked(self, messages: Sequence[Mapping[str, Any]]) -> dict[str, str]:
        """The ids in links that we have minted, by link."""
        links = (link for link in links_in_messages(messages) if link.startswith(self.ours))
        ids = {link: self._storage.linked(link) for link in links}
        return {link: name for link, name in ids.items() if name is not None}

    async def _known(self, tenant: str, ids: Mapping[str, str]) -> _Found:
        """The tenant's own among the pictures and promises; another's are not there (S17)."""
        found = _Found()
        if not ids:
            return found
        pictures = await self._ledger.pictures(tenant, ids.values())
        kept, broken = await self._promised(tenant, set(ids.values()) - pictures.keys())
        pictures |= kept
        for link, name in ids.items():
            if name in pictures:
                found.pictures[link] = pictures[name]
            elif name in broken:
                found.broken[link] = broken[name]
        return found

    async def _promised(self, tenant: str, ids: Collection[str]) -> tuple[dict[str, Picture], dict[str, str]]:
        """What became of promises: pictures, and codes of those that came to nothing."""
        kept: dict[str, str] = {}
        broken: dict[str, str] = {}

        async def look(name: str) -> None:
            promise = await self._ledger.promised(name)
            if promise is None or promise.tenant != tenant:
                return
            standing = await self._promises.wait(name, _AWAITED_S)
            if standing is not None and standing.picture_id is not None:
                kept[name] = standing.picture_id
            else:
                # Still being drawn: for this answer it is not there.
                broken[name] = (standing.code if standing is not None else None) or "image_timeout"

        async with anyio.create_task_group() as tasks:
            for name in ids:
                tasks.start_soon(look, name)
        pictures = await self._ledger.pictures(tenant, kept.values())
        return {name: pictures[of] for name, of in kept.items() if of in pictures}, broken

    async def _kept(self, tenant: str, url: str) -> Picture | None:
        """The picture that stands in `url`, kept as the tenant's; None where it cannot be used here."""
        name = (tenant, await beside(len(url), lambda: _digest(url)))
        known = self._sent.get(name)
        if known is not None:
            self._sent.move_to_end(name)
            return known
        try:
            data = await to_thread.run_sync(data_url_bytes, url, MAX_BYTES)
            picture = await keep(self._storage, self._inspector, tenant, data)
        except PictureError:
            # The model's provider may take what we do not: it goes on as it is.
            return None
        # What we drew ourselves comes back by value where answers carry pictures so: it has its words already.
        ours = await self._ledger.pictures(tenant, [picture.id])
        if picture.id in ours:
            picture = ours[picture.id]
        else:
            await self._ledger.know(tenant, picture)
        self._sent[name] = picture
        if len(self._sent) > _KNOWN:
            self._sent.popitem(last=False)
        return picture

    async def _shown(
        self, messages: Sequence[Mapping[str, Any]], pictures: Mapping[str, Picture], size_bytes: int
    ) -> dict[str, str]:
        """Data URLs of pictures of ours that the user shows by link: no provider may open those."""
        values: dict[str, str] = {}
        left_bytes = _MOST_SHOWN_BYTES
        for url in await beside(size_bytes, lambda: sent_pictures(messages)):
            picture = pictures.get(url)
            if picture is None or not url.startswith(self.ours) or picture.size_bytes > left_bytes:
                continue
            try:
                data = await self._storage.open(picture.id)
            except StoreError:
                continue
            left_bytes -= len(data)
            values[url] = await to_thread.run_sync(data_url, data)
        return values


def _by_value(messages: Sequence[Mapping[str, Any]], *, sent: bool) -> list[str]:
    """Pictures that stand in the messages themselves: the assistant's, and with `sent` also the user's."""
    theirs = frozenset(() if sent else sent_pictures(messages))
    return [url for url in data_urls_in_messages(messages) if url not in theirs]


def _digest(url: str) -> bytes:
    return hashlib.sha256(url.encode("utf-8", "surrogatepass")).digest()
