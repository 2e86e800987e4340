"""What a request means by ids: earlier responses, items of them, pictures. And what is kept for those that follow."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from limner.logs import log
from limner.wire.responses.ask import ResponsesAsk, references
from limner.wire.responses.items import reference

from ..refusal import Refusal
from ..stored.shelf import Shelf
from .voice import Keep

__all__ = ["Recall"]

Item = Mapping[str, Any]

_PICTURE = "image_generation_call"


class Recall:
    """Reads histories from the shelf, and puts answers there."""

    def __init__(self, shelf: Shelf | None) -> None:
        """`shelf`: None where responses are not stored."""
        self._shelf = shelf

    async def items(self, tenant: str, read: ResponsesAsk) -> Sequence[Item]:
        """The whole conversation, each item once: what is stored of it, then what was sent.

        The very `read.items` where nothing is meant by an id. Raises: Refusal.
        """
        items: Sequence[Item] = read.items
        named = references(items)
        if self._shelf is None:
            _check_nothing_stored(read)
            return items if not named else [each for each in items if reference(each) is None]
        if read.previous_response_id is None and not named:
            return items
        before: Sequence[Item] = ()
        if read.previous_response_id is not None:
            before = await self._shelf.history(tenant, read.previous_response_id)
            # Some clients send again what the response that they go on with holds already.
            items = [*map(_linked, before), *items]
            # What was named in an earlier request stands there by its name.
            named = references(items)
        found = await self._shelf.items_of(tenant, named) if named else {}
        known = {name: _linked(each) for name, each in found.items()}
        return list(_once(_resolved(items, known, len(before))))

    def keeper(self, tenant: str, read: ResponsesAsk) -> Keep | None:
        """Keeps the answer to `read`; None where it is not to be stored."""
        shelf = self._shelf
        if shelf is None or read.store is False:
            return None

        async def keep(response: Item, links: Mapping[str, str]) -> bool:
            output = [_without_bytes(each, links) for each in response["output"]]
            told = {**response, "output": output}
            try:
                await shelf.keep(tenant, told, read.items, read.previous_response_id)
            # Strategy: whatever is wrong with the shelf, the answer was paid for.
            except Exception as error:
                log.error("response.unkept", response=response["id"], error=type(error).__name__)
                return False
            return True

        return keep


def _check_nothing_stored(read: ResponsesAsk) -> None:
    """Raises: Refusal, where a request needs what is not stored here."""
    why = "is not supported: this service stores no responses"
    if read.store:
        raise Refusal("unsupported_parameter", f"'store' {why}; send false.", param="store")
    if read.previous_response_id is not None:
        raise Refusal(
            "unsupported_parameter",
            f"'previous_response_id' {why}; send the whole conversation as 'input'.",
            param="previous_response_id",
        )
    for place, each in enumerate(read.items):
        if each.get("type") == "item_reference":
            raise Refusal(
                "unsupported_parameter",
                f"An 'item_reference' {why}; send 'store': false, and whole items.",
                param=f"input[{place}]",
            )


def _resolved(items: Iterable[Item], found: Mapping[str, Item], before: int) -> Iterator[Item]:
    """With what is referred to in place of references; the first `before` are those of earlier requests.

    A picture's item that is sent by its id alone and is not known any more is left out: what it shows stands
    in the words, and clients send it so by themselves.
    """
    for place, each in enumerate(items, -before):
        name = reference(each)
        if name is None:
            yield each
        elif name in found:
            yield found[name]
        elif each.get("type") == "item_reference":
            raise Refusal(
                "invalid_value",
                "There is no such item here, or it is not kept any more; send the item itself in its place."
                if place >= 0
                else "An item that this conversation names is not kept any more; send all of it as input.",
                param=f"input[{place}].id" if place >= 0 else "previous_response_id",
            )


def _once(items: Iterable[Item]) -> Iterator[Item]:
    told: set[str] = set()
    for each in items:
        name = each.get("id")
        if name is None or name not in told:
            yield each
        if name is not None:
            told.add(name)


def _linked(item: Item) -> Item:
    """A stored picture with its link, as histories know those of OpenRouter's tool."""
    link = item.get("limner_url")
    if link is None:
        return item
    return {
        "type": "openrouter:image_generation",
        "id": item["id"],
        "status": item.get("status"),
        "imageUrl": link,
        "prompt": item.get("revised_prompt"),
    }


def _without_bytes(item: Item, links: Mapping[str, str]) -> Item:
    link = links.get(item["id"])
    if item["type"] != _PICTURE or link is None:
        return item
    return {**{name: value for name, value in item.items() if name != "result"}, "limner_url": link}
