"""A request whose answer is a turn of the engine: planned, opened, told in the voice of its interface."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

from limner.config.settings import Config
from limner.engine.conversation import Conversation
from limner.engine.defaults import default_limits
from limner.engine.engine import Engine
from limner.wire.chat.ask import ChatAsk

from ..books.bookkeeping import Bookkeeping
from ..exchange import OFFLINE_HEADERS, Answer, Inbound, Streamed, Whole
from ..given.masks import read_mask
from ..given.references import References
from ..ledger import Ledger
from ..naming.makers import Makers
from ..naming.upstreams import Upstream
from ..refusal import Refusal
from .addresses import Addresses
from .callids import MARK, our_call
from .opening import Opened, Opening
from .planning import Plan, planned
from .remembering import Memory
from .telling import Teller
from .turns import Turn, Turns
from .voice import Voice
from .writing import frames_of, whole_of

__all__ = ["Answering", "Asked", "Spoken"]


@dataclass(frozen=True, slots=True)
class Asked:
    """A request, read: what every interface comes to."""

    inbound: Inbound
    body: Mapping[str, Any]
    """As the client wrote it, for the names of its fields."""
    ask: ChatAsk
    upstream: Upstream
    size_bytes: int
    """Of all messages, those that were remembered here included."""
    partials: bool = False
    """Whether the client can be told of partial pictures."""


@dataclass(frozen=True, slots=True)
class Spoken:
    """What a voice tells of."""

    conversation: Conversation
    addresses: Addresses
    plan: Plan
    rounds_before: int
    """Of the same turn, told in other answers."""


Speak = Callable[[Spoken], Voice]


class Answering:
    """Answers with pictures, whole and streamed, in any voice."""

    def __init__(
        self,
        engine: Engine,
        config: Config,
        *,
        makers: Makers,
        ledger: Ledger,
        books: Bookkeeping,
        turns: Turns,
        references: References,
    ) -> None:
        """`engine` records with `books`, or nobody accounts for its turns. `config`: limits, and [gateway]."""
        self._engine = engine
        self._gateway = config.gateway
        self._limits = default_limits(config)
        self._makers = makers
        self._books = books
        self._turns = turns
        self._references = references
        self._memory = Memory(
            ledger,
            engine.storage,
            engine.inspector,
            books.promises,
            ours=f"{books.links.base_url}/images/",
        )
        self._opening = Opening(engine, self._memory, ledger, books)

    async def has_part(self, asked: Asked) -> bool:
        """Whether something of ours stands in the messages: a link, or a call that we handed out."""
        # Most requests have neither word in all their bytes, and then nothing else is looked at.
        inbound = asked.inbound
        remembered = asked.size_bytes > len(inbound.body)
        marked = remembered or MARK.encode() in inbound.body
        if marked and any(_calls_of_ours(each) for each in asked.ask.messages):
            return True
        if not remembered and b"ignature=" not in inbound.body:
            return False
        return await self._memory.speaks_of_ours(asked.ask.messages, asked.size_bytes)

    async def answer(self, asked: Asked, speak: Speak) -> Answer:
        """The answer. Raises: Refusal, LimnerError. Cancel: nothing more is bought; what was ordered is received."""
        inbound = asked.inbound
        plan = await planned(
            asked.ask,
            asked.body,
            asked.upstream,
            makers=self._makers,
            gateway=self._gateway,
            limits=self._limits,
            budget=inbound.tenant.budget,
            size_bytes=asked.size_bytes,
            masks=partial(self._mask, inbound.tenant.name),
            partials=asked.partials,
        )
        opened = await self._opening.open(inbound, plan)
        turn = self._turn(inbound, plan, opened, speak)
        inbound.record["turn"] = opened.conversation.id
        await inbound.begun(opened.conversation.id)
        headers = OFFLINE_HEADERS if plan.offline else {}
        pieces = self._turns.tell(turn)
        if asked.ask.stream:
            return Streamed(frames_of(pieces, turn.teller.voice), headers, turn.teller.voice.broken)
        return Whole(await whole_of(pieces, turn.teller.voice), headers=headers)

    async def _mask(self, tenant: str, url: str, at: str) -> bytes:
        try:
            return await read_mask(self._references, self._engine.storage, tenant, url, None)
        except Refusal as refusal:
            refusal.param = at
            raise

    def _turn(self, inbound: Inbound, plan: Plan, opened: Opened, speak: Speak) -> Turn:
        conversation = opened.conversation
        addresses = Addresses(conversation, self._engine.storage, self._books, by_value=plan.urls == "data")
        teller = Teller(
            speak(Spoken(conversation, addresses, plan, opened.rounds_before)),
            conversation,
            addresses,
            show=plan.show,
            rounds_before=opened.rounds_before,
            told_before=opened.told_before,
        )
        return Turn(
            inbound=inbound,
            conversation=conversation,
            teller=teller,
            model=plan.upstream.name,
            offline=plan.upstream.offline,
            begin=opened.begin,
            told_usage=opened.told_usage,
        )


def _calls_of_ours(message: Mapping[str, Any]) -> bool:
    calls = message.get("tool_calls") or ()
    return our_call(message.get("tool_call_id")) is not None or any(
        our_call(call.get("id")) for call in calls
    )
