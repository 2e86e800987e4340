"""`POST /chat/completions`: passed on as it is where our tool has no part in it, else a turn of the engine."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Mapping
from contextlib import aclosing
from typing import Any

from anyio import to_thread

from limner.clock import Clock, SystemClock
from limner.config.settings import Config
from limner.engine.defaults import default_limits
from limner.engine.engine import Engine
from limner.wire.asking import AskError
from limner.wire.chatask import ChatAsk, illustrated, read_chat_ask
from limner.wire.chatsaid import DONE, Head, frame, json_bytes, usage_chunk
from limner.wire.parameters import check_beside_image_tool

from ..beside import beside
from ..books.bookkeeping import Bookkeeping
from ..exchange import Answer, Inbound, Streamed, Whole
from ..front.strictjson import read_object
from ..ledger import Ledger
from ..naming.makers import Makers
from ..naming.upstreams import Upstreams
from ..passing.offline import OFFLINE_HEADERS
from ..passing.passthrough import PassThrough
from ..refusal import Refusal
from .addresses import Addresses
from .asking import Plan, planned
from .callids import MARK, our_call
from .opening import Opened, Opening
from .remembering import Memory
from .telling import Chunk, Teller
from .turns import Turn, Turns

__all__ = ["ChatEndpoint"]

_LARGE_CHUNK = 128 << 10
"""Characters of a picture's Markdown beyond which a chunk is written beside the event loop."""


class ChatEndpoint:
    """Answers chats, whole and streamed, with pictures and without."""

    def __init__(
        self,
        engine: Engine,
        config: Config,
        *,
        upstreams: Upstreams,
        makers: Makers,
        ledger: Ledger,
        books: Bookkeeping,
        turns: Turns,
        passthrough: PassThrough,
        clock: Clock | None = None,
    ) -> None:
        """`engine` records with `books`, or nobody accounts for its turns. `config`: limits, and [gateway]."""
        self._engine = engine
        self._gateway = config.gateway
        self._limits = default_limits(config)
        self._upstreams = upstreams
        self._makers = makers
        self._books = books
        self._turns = turns
        self._passthrough = passthrough
        self._clock = clock or SystemClock()
        self._memory = Memory(
            ledger,
            engine.storage,
            engine.inspector,
            books.promises,
            ours=f"{books.links.base_url}/images/",
        )
        self._opening = Opening(engine, self._memory, ledger, books)

    async def answer(self, inbound: Inbound) -> Answer:
        """The answer. Raises: Refusal, LimnerError. Cancel: nothing more is bought; what was ordered is received."""
        body = await read_object(inbound.body)
        try:
            ask = await beside(len(inbound.body), lambda: read_chat_ask(body, forward=self._gateway.forward))
            upstream = self._upstreams.find(ask.model)
            if upstream.illustrated:
                ask = illustrated(ask)
            inbound.record["model"] = ask.model
            if ask.image is None and not await self._speaks_of_us(inbound, ask):
                return await self._passthrough.answer(inbound, ask, upstream)
            check_beside_image_tool(ask.options)
        except AskError as error:
            raise Refusal(error.code, error.sentence, param=error.param) from error
        plan = await planned(
            ask,
            body,
            upstream,
            makers=self._makers,
            gateway=self._gateway,
            limits=self._limits,
            budget=inbound.tenant.budget,
        )
        opened = await self._opening.open(inbound, plan)
        turn = self._turn(inbound, plan, opened)
        inbound.record["turn"] = opened.conversation.id
        await inbound.begun(opened.conversation.id)
        headers = OFFLINE_HEADERS if plan.offline else {}
        if ask.stream:
            return Streamed(self._frames(turn, plan), headers, turn.head)
        return Whole(await self._whole(turn), headers=headers)

    async def _speaks_of_us(self, inbound: Inbound, ask: ChatAsk) -> bool:
        """Whether something of ours stands in the messages: a link, or a call that we handed out."""
        # Most requests have neither word in all their bytes, and then nothing else is looked at.
        if MARK.encode() in inbound.body and any(_calls_of_ours(each) for each in ask.messages):
            return True
        if b"ignature=" not in inbound.body:
            return False
        return await self._memory.speaks_of_ours(ask.messages, len(inbound.body))

    def _turn(self, inbound: Inbound, plan: Plan, opened: Opened) -> Turn:
        conversation = opened.conversation
        head = Head(
            id=f"chatcmpl-{conversation.id}",
            created=int(self._clock.now()),
            model=plan.ask.model,
            provider=plan.upstream.provider,
            offline=plan.offline,
        )
        addresses = Addresses(conversation, self._engine.storage, self._books, by_value=plan.urls == "data")
        teller = Teller(
            head,
            conversation,
            addresses,
            show=plan.show,
            kept=not plan.ask.stream,
            rounds_before=opened.rounds_before,
            told_before=opened.told_before,
        )
        return Turn(
            inbound=inbound,
            head=head,
            conversation=conversation,
            teller=teller,
            model=plan.upstream.name,
            offline=plan.upstream.offline,
            begin=opened.begin,
            told_usage=opened.told_usage,
        )

    async def _frames(self, turn: Turn, plan: Plan) -> AsyncGenerator[bytes, None]:
        async with aclosing(self._turns.tell(turn)) as chunks:
            async for chunk in chunks:
                yield await _written(chunk)
        if plan.ask.include_usage or turn.inbound.dialect == "openrouter":
            yield frame(usage_chunk(turn.head, turn.new_usage(), dialect=turn.inbound.dialect))
        yield DONE

    async def _whole(self, turn: Turn) -> bytes:
        async with aclosing(self._turns.tell(turn)) as chunks:
            async for _ in chunks:
                pass
        answer = turn.teller.whole(turn.receipt(), turn.waiting(), turn.state.incomplete, turn.new_usage())
        return await to_thread.run_sync(json_bytes, answer)


async def _written(chunk: Chunk) -> bytes:
    choices = chunk["choices"]
    delta: Mapping[str, Any] = choices[0]["delta"] if choices else {}
    urls = [each["image_url"]["url"] for each in delta.get("images", ())]
    if any(len(text) > _LARGE_CHUNK for text in (*urls, delta.get("content", ""))):
        return await to_thread.run_sync(frame, chunk)
    return frame(chunk)


def _calls_of_ours(message: Mapping[str, Any]) -> bool:
    calls = message.get("tool_calls") or ()
    return our_call(message.get("tool_call_id")) is not None or any(
        our_call(call.get("id")) for call in calls
    )
