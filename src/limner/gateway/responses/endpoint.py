"""`POST /responses`: the request is read as the chat that it is, and answered by the same turns, in events."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

from limner.clock import Clock, SystemClock
from limner.config.settings import Config
from limner.errors import JournalError
from limner.logs import log
from limner.wire.asking import AskError
from limner.wire.chatask import ChatAsk, illustrated
from limner.wire.parameters import check_beside_image_tool
from limner.wire.responsesask import ResponsesAsk, read_responses_ask, references, with_items
from limner.wire.responsessaid import ResponseBuilder, ResponseHead

from ..beside import beside
from ..exchange import Answer, Inbound
from ..front.strictjson import read_object
from ..naming.upstreams import Upstream, Upstreams
from ..passing.spoken import SpokenAnswers
from ..refusal import Refusal
from ..turns.answering import Answering, Asked, Spoken
from .shelf import Shelf
from .voice import Keep, ResponsesVoice

__all__ = ["ResponsesEndpoint"]

Item = Mapping[str, Any]

_REMEMBERED_BYTES = 1 << 20
"""How large what the shelf gives is taken for: read beside the event loop, whatever it is."""
_BY_ID = "image_generation_call"


class ResponsesEndpoint:
    """Answers requests of the Responses API, whole and streamed, with pictures and without."""

    def __init__(
        self,
        answering: Answering,
        config: Config,
        *,
        upstreams: Upstreams,
        spoken: SpokenAnswers,
        shelf: Shelf | None,
        clock: Clock | None = None,
    ) -> None:
        """`config`: [gateway] `forward`. `shelf`: None where responses are not stored."""
        self._answering = answering
        self._forward = config.gateway.forward
        self._upstreams = upstreams
        self._spoken = spoken
        self._shelf = shelf
        self._clock = clock or SystemClock()

    async def answer(self, inbound: Inbound) -> Answer:
        """The answer. Raises: Refusal, LimnerError. Cancel: nothing more is bought; what was ordered is received."""
        body = await read_object(inbound.body)
        try:
            read = await beside(len(inbound.body), lambda: read_responses_ask(body, forward=self._forward))
            upstream = self._upstreams.find(read.ask.model)
            inbound.record["model"] = read.ask.model
            items = await self._history(inbound.tenant.name, read)
            size_bytes = len(inbound.body) + (_REMEMBERED_BYTES if items is not read.items else 0)
            ask = await beside(size_bytes, lambda: with_items(read, items))
            ask = _for_upstream(illustrated(ask) if upstream.illustrated else ask, upstream)
            asked = Asked(inbound, body, ask, upstream, size_bytes)
            plain = ask.image is None and not await self._answering.has_part(asked)
            if not plain:
                check_beside_image_tool(ask.options)
        except AskError as error:
            raise Refusal(error.code, error.sentence, param=error.param) from error
        if plain:
            return await self._spoken.answer(asked, lambda name: self._voice(asked, read, f"resp_{name}"))

        def speak(spoken: Spoken) -> ResponsesVoice:
            name = f"resp_{spoken.conversation.id}{spoken.rounds_before:02}"
            return self._voice(asked, read, name, spoken)

        return await self._answering.answer(asked, speak)

    def _voice(
        self, asked: Asked, read: ResponsesAsk, name: str, spoken: Spoken | None = None
    ) -> ResponsesVoice:
        stored = self._shelf is not None and read.store is not False
        head = ResponseHead(
            id=name,
            created_at=int(self._clock.now()),
            model=asked.ask.model,
            provider=asked.upstream.provider,
        )
        echo = {**read.echo, "store": stored}
        offline = asked.upstream.offline or (spoken is not None and spoken.plan.offline)
        tool = None if spoken is None else spoken.plan.tool
        return ResponsesVoice(
            asked.inbound,
            ResponseBuilder(head, echo, native=read.native, offline=offline),
            self._clock,
            native=read.native,
            # Strict clients lose the whole answer over an item that they did not ask for.
            shows_calls=read.ask.image is not None,
            addresses=None if spoken is None else spoken.addresses,
            ordered={} if tool is None else {"quality": tool.quality, "background": tool.background},
            keep=self._keeper(asked.inbound.tenant.name, read) if stored else None,
        )

    async def _history(self, tenant: str, read: ResponsesAsk) -> Sequence[Item]:
        """The whole conversation: what is stored of it, then what was sent, each item once.

        Raises: Refusal.
        """
        items: Sequence[Item] = read.items
        named = references(items)
        if self._shelf is None:
            _check_nothing_stored(read, named)
            return [each for each in items if not _by_id(each)] if any(map(_by_id, items)) else items
        if read.previous_response_id is not None:
            before = await self._shelf.history(tenant, read.previous_response_id)
            known = {each["id"] for each in before if each.get("id")}
            # Some clients send again what the response that they go on with holds already.
            items = [*before, *(each for each in items if each.get("id") not in known or not each.get("id"))]
        if named:
            found = await self._shelf.items_of(tenant, named)
            items = list(_resolved(items, found))
        return [_linked(each) for each in items] if items is not read.items else items

    def _keeper(self, tenant: str, read: ResponsesAsk) -> Keep:
        shelf = self._shelf
        assert shelf is not None

        async def keep(response: Mapping[str, Any], links: Mapping[str, str]) -> bool:
            output = [_without_bytes(each, links) for each in response["output"]]
            try:
                await shelf.keep(
                    tenant, {**response, "output": output}, read.items, read.previous_response_id
                )
            except JournalError as error:
                log.error("response.unkept", response=response["id"], code=error.code)
                return False
            return True

        return keep


def _check_nothing_stored(read: ResponsesAsk, named: Sequence[str]) -> None:
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


def _resolved(items: Sequence[Item], found: Mapping[str, Item]) -> Iterator[Item]:
    """With what is referred to in place of references, each item once.

    A picture's item that is sent by its id alone and is not known any more is left out: what it shows stands
    in the words, and clients send it so by themselves.
    """
    told: set[str] = set()
    for place, each in enumerate(items):
        reference = each.get("type") == "item_reference"
        if reference or _by_id(each):
            name = str(each.get("id"))
            if name not in found:
                if reference:
                    raise Refusal(
                        "invalid_value",
                        "There is no such item here any more; send it whole, and 'store': false from the beginning.",
                        param=f"input[{place}].id",
                    )
                continue
            each = found[name]
        name = str(each.get("id") or "")
        if name and name in told:
            continue
        told.add(name)
        yield each


def _by_id(item: Item) -> bool:
    """Whether a picture's item says no more than which one it is."""
    return item.get("type") == _BY_ID and not item.get("result") and not item.get("status")


def _linked(item: Item) -> Item:
    """A stored picture with its link, as the history knows those of OpenRouter's tool."""
    link = item.get("limner_url")
    if link is None:
        return item
    prompt = item.get("revised_prompt") or ""
    return {
        "type": "openrouter:image_generation",
        "id": item.get("id"),
        "status": item.get("status"),
        "imageUrl": link,
        "prompt": prompt,
    }


def _without_bytes(item: Item, links: Mapping[str, str]) -> Item:
    link = links.get(item["id"])
    if item["type"] != _BY_ID or link is None:
        return item
    return {**{name: value for name, value in item.items() if name != "result"}, "limner_url": link}


def _for_upstream(ask: ChatAsk, upstream: Upstream) -> ChatAsk:
    """The limit of tokens by the name that the model's server knows."""
    if "max_completion_tokens" not in ask.options or upstream.knows_completion_tokens:
        return ask
    options = dict(ask.options)
    options["max_tokens"] = options.pop("max_completion_tokens")
    return replace(ask, options=options)
