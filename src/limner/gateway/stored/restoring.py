"""What was stored, as it is told again: pictures by value where they were told so, and links that hold.

Only for the tenant's own pictures: whoever finds another's old link in a text gets no new one for it.
"""

from __future__ import annotations

import base64
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from anyio import to_thread

from limner.errors import StoreError
from limner.storage.links import LinkSigner
from limner.storage.protocol import Storage
from limner.wire.chat.links import links_in

from ..ledger import Ledger

__all__ = ["Restoring"]

_LINK = "limner_url"
_GONE: Mapping[str, Any] = {
    "type": "image_generation_error",
    "code": "image_not_found",
    "message": "The picture is not kept any more; ask for a new one.",
    "param": None,
}


@dataclass(frozen=True, slots=True)
class _Found:
    """What became of the pictures behind links; of the tenant's own alone."""

    pictures: Mapping[str, str]
    """Links to the store's ids."""
    awaited: frozenset[str]
    """Links whose pictures are still being drawn."""
    fresh: Mapping[str, str]
    """Links as they are minted now."""


class Restoring:
    """Puts back what a stored response has links for."""

    def __init__(self, ledger: Ledger, storage: Storage, links: LinkSigner) -> None:
        self._ledger = ledger
        self._storage = storage
        self._links = links

    async def told(self, tenant: str, items: Sequence[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
        """The items as they were told to `tenant`; of a picture that is gone it says so.

        Raises: LimnerError, where it cannot be known now.
        """
        # Megabytes of text are gone through beside the loop, and those of pictures not at all.
        said = await to_thread.run_sync(lambda: set(self._links_of(items)))
        said |= {link for item in items if (link := self._here(item.get(_LINK))) is not None}
        found = await self._find(tenant, said)
        fresh = await to_thread.run_sync(lambda: [_replaced(item, found.fresh) for item in items])
        return [
            await self._with_picture(item, self._here(kept.get(_LINK)), found)
            for item, kept in zip(fresh, items, strict=True)
        ]

    async def _with_picture(
        self, item: Mapping[str, Any], link: str | None, found: _Found
    ) -> Mapping[str, Any]:
        if _LINK not in item:
            return item
        item = {name: value for name, value in item.items() if name != _LINK}
        if item.get("type") != "image_generation_call":
            return item
        if link in found.awaited:
            return {**item, "status": "in_progress", "result": ""}
        data = None if link is None else await self._opened(found.pictures.get(link))
        if data is None:
            return {**item, "status": "failed", "result": "", "error": _GONE}
        return {**item, "result": (await to_thread.run_sync(base64.b64encode, data)).decode("ascii")}

    def _here(self, link: object) -> str | None:
        """A picture's link as it would be at this address: that may have changed since it was kept."""
        if not isinstance(link, str) or "/images/" not in link:
            return None
        return f"{self._links.base_url}{link[link.rindex('/images/') :]}"

    async def _opened(self, id: str | None) -> bytes | None:
        """A picture of the store; None where it is gone for good."""
        if id is None:
            return None
        try:
            return await self._storage.open(id)
        except StoreError as error:
            if error.code in ("image_not_found", "image_corrupt"):
                return None
            raise

    def _links_of(self, items: Iterable[Mapping[str, Any]]) -> Iterator[str]:
        for text in _texts(items):
            for link in links_in(text, f"{self._links.base_url}/images/"):
                if self._links.id_of(link) is not None:
                    yield link

    async def _find(self, tenant: str, links: Iterable[str]) -> _Found:
        names = {link: name for link in links if (name := self._links.id_of(link)) is not None}
        known = await self._ledger.pictures(tenant, names.values())
        pictures: dict[str, str] = {}
        awaited: set[str] = set()
        own = set(known)
        for name in dict.fromkeys(names.values()):
            if name in known:
                pictures[name] = name
                continue
            promise = await self._ledger.promised(name)
            if promise is not None and promise.tenant == tenant:
                own.add(name)
                if promise.picture is not None:
                    pictures[name] = promise.picture
                elif promise.state == "pending":
                    awaited.add(name)
        return _Found(
            {link: pictures[name] for link, name in names.items() if name in pictures},
            frozenset(link for link, name in names.items() if name in awaited),
            {link: self._links.link(name) for link, name in names.items() if name in own},
        )


def _texts(value: object) -> Iterator[str]:
    """Every text in a JSON value."""
    left = [value]
    while left:
        each = left.pop()
        if isinstance(each, str):
            yield each
        elif isinstance(each, Mapping):
            left.extend(each.values())
        elif isinstance(each, list | tuple):
            left.extend(each)


def _replaced(item: Mapping[str, Any], fresh: Mapping[str, str]) -> Mapping[str, Any]:
    """`item` with fresh links in place of the old ones."""
    if not fresh:
        return item

    def text(said: str) -> str:
        for old, new in fresh.items():
            if old in said:
                said = said.replace(old, new)
        return said

    changed: Mapping[str, Any] = _mapped(item, text)
    return changed


def _mapped(value: Any, change: Callable[[str], str]) -> Any:
    if isinstance(value, str):
        return change(value)
    if isinstance(value, Mapping):
        return {name: _mapped(each, change) for name, each in value.items()}
    if isinstance(value, list | tuple):
        return [_mapped(each, change) for each in value]
    return value
