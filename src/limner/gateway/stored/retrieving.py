"""`GET` and `DELETE /responses/{id}`, `GET /responses/{id}/input_items`: what was stored, and an end to that."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, NoReturn
from urllib.parse import parse_qsl, unquote

from anyio import to_thread

from limner.wire.frames import json_bytes
from limner.wire.responses.stored import deleted, item_page

from ..exchange import OFFLINE_HEADERS, Inbound, Whole
from ..front.app import Route
from ..refusal import Refusal
from .restoring import Restoring
from .shelf import Shelf, Stored

__all__ = ["StoredEndpoints"]

_SUFFIXES = ("/input_items", "/cancel")
_LIMIT, _MOST = 20, 100
_MOST_PARAMETERS = 100


class StoredEndpoints:
    """The stored responses of each tenant, for itself alone (S17)."""

    def __init__(self, shelf: Shelf | None, restoring: Restoring, *, offline: bool = False) -> None:
        """`shelf`: None where nothing is stored."""
        self._shelf = shelf
        self._restoring = restoring
        self._headers: Mapping[str, str] = OFFLINE_HEADERS if offline else {}

    def routes(self) -> list[Route]:
        """Where they stand; the longer paths first, because an id may have anything in it."""
        return [
            Route("GET", "/responses/{id}/input_items", self.items),
            Route("POST", "/responses/{id}/cancel", self.cancel),
            Route("GET", "/responses/{id}", self.response),
            Route("DELETE", "/responses/{id}", self.delete),
        ]

    async def response(self, inbound: Inbound) -> Whole:
        """`GET /responses/{id}`.

        Raises: Refusal (`response_not_found`; `unsupported_parameter` for `stream` and `starting_after`),
        LimnerError. Cancel: safe.
        """
        query = _query(inbound)
        if query.get("stream", "false").lower() not in ("false", "0", ""):
            _refuse_stream("stream")
        if "starting_after" in query:
            _refuse_stream("starting_after")
        stored = await self._find(inbound)
        head, *output = await self._restoring.told(
            inbound.tenant.name, [{**stored.response, "output": None}, *stored.response["output"]]
        )
        return await self._whole({**head, "output": output})

    async def items(self, inbound: Inbound) -> Whole:
        """`GET /responses/{id}/input_items`: what was sent with that request, a page at a time.

        Raises: Refusal (`response_not_found`, `invalid_value`), LimnerError. Cancel: safe.
        """
        query = _query(inbound)
        limit, order = query.get("limit", str(_LIMIT)), query.get("order", "desc")
        if not re.fullmatch("[0-9]{1,3}", limit) or not 1 <= int(limit) <= _MOST:
            raise Refusal("invalid_value", f"`limit` is a whole number from 1 to {_MOST}.", param="limit")
        if order not in ("asc", "desc"):
            raise Refusal("invalid_value", '`order` is "asc" or "desc".', param="order")
        stored = await self._find(inbound)
        page = item_page(
            stored.items, limit=int(limit), newest_first=order == "desc", after=query.get("after")
        )
        if page is None:
            sentence = "`after` is the id of no input item of this response; give the last one of a page."
            raise Refusal("invalid_value", sentence, param="after")
        page["data"] = await self._restoring.told(inbound.tenant.name, page["data"])
        return await self._whole(page)

    async def delete(self, inbound: Inbound) -> Whole:
        """`DELETE /responses/{id}`: gone, whole, when this is answered.

        Raises: Refusal (`response_not_found`), LimnerError. Cancel: it is deleted, or not.
        """
        name = _id(inbound)
        if self._shelf is None or not await self._shelf.drop(inbound.tenant.name, name):
            raise _unknown(self._shelf)
        return await self._whole(deleted(name))

    async def cancel(self, inbound: Inbound) -> Whole:
        """`POST /responses/{id}/cancel`: nothing that has an id is still being answered.

        Raises: Refusal (`response_not_found`, else `invalid_value`), LimnerError.
        """
        await self._find(inbound)
        sentence = (
            "The response has ended: nothing is answered in the background here. Close a stream to end it."
        )
        raise Refusal("invalid_value", sentence)

    async def _find(self, inbound: Inbound) -> Stored:
        found = await self._shelf.find(inbound.tenant.name, _id(inbound)) if self._shelf is not None else None
        if found is None:
            raise _unknown(self._shelf)
        return found

    async def _whole(self, value: Mapping[str, Any]) -> Whole:
        # Pictures are megabytes.
        return Whole(await to_thread.run_sync(json_bytes, value), headers=self._headers)


def _id(inbound: Inbound) -> str:
    rest = inbound.path.partition("/responses/")[2]
    for suffix in _SUFFIXES:
        rest = rest.removesuffix(suffix)
    return unquote(rest)


def _query(inbound: Inbound) -> dict[str, str]:
    try:
        said = parse_qsl(inbound.query, keep_blank_values=True, max_num_fields=_MOST_PARAMETERS)
    except ValueError:
        raise Refusal("invalid_value", "The query cannot be read; send fewer parameters.") from None
    return dict(reversed(said))


def _refuse_stream(param: str) -> NoReturn:
    sentence = f"A stored response is given whole; leave `{param}` out."
    raise Refusal("unsupported_parameter", sentence, param=param)


def _unknown(shelf: Shelf | None) -> Refusal:
    sentence = "There is no such response, or it is not kept any more; ask again."
    if shelf is None:
        sentence = "Responses are not stored here, so there is none by this id; keep what you are answered."
    return Refusal("response_not_found", sentence)
