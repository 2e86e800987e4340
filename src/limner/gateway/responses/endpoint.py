"""`POST /responses`: the request is read as the chat that it is, and answered by the same turns, in events."""

from __future__ import annotations

from dataclasses import replace

from limner.beside import beside
from limner.clock import Clock, SystemClock
from limner.config.settings import Config
from limner.wire.asking import AskError
from limner.wire.chat.ask import IMAGE, illustrated
from limner.wire.parameters import check_beside_image_tool
from limner.wire.responses.ask import ResponsesAsk, read_responses_ask, with_items
from limner.wire.responses.said import ResponseBuilder, ResponseHead

from ..exchange import Answer, Inbound
from ..front.strictjson import read_object
from ..naming.upstreams import Upstreams
from ..passing.spoken import SpokenAnswers
from ..refusal import Refusal
from ..stored.shelf import Shelf
from ..turns.answering import Answering, Asked, Spoken
from .recall import Recall
from .voice import ResponsesVoice

__all__ = ["ResponsesEndpoint"]

_REMEMBERED_BYTES = 1 << 20
"""How large what the shelf gives is taken for: read beside the event loop, whatever it is."""


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
        self._recall = Recall(shelf)
        self._clock = clock or SystemClock()

    async def answer(self, inbound: Inbound) -> Answer:
        """The answer. Raises: Refusal, LimnerError. Cancel: nothing more is bought; what was ordered is received."""
        body = await read_object(inbound.body)
        try:
            read = await beside(len(inbound.body), lambda: read_responses_ask(body, forward=self._forward))
            upstream = self._upstreams.find(read.ask.model)
            inbound.record["model"] = read.ask.model
            items = await self._recall.items(inbound.tenant.name, read)
            size_bytes = len(inbound.body) + (_REMEMBERED_BYTES if items is not read.items else 0)
            ask = await beside(size_bytes, lambda: with_items(read, items))
            ask = replace(ask, options=upstream.worded(ask.options))
            if upstream.illustrated and read.image_allowed:
                ask = illustrated(ask)
            # Who did not declare the tool is told nothing of it but pictures in the words.
            partials = ask.stream and read.ask.image is not None
            asked = Asked(inbound, body, ask, upstream, size_bytes, partials)
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

        try:
            return await self._answering.answer(asked, speak)
        except Refusal as refusal:
            # Where the conversation stands in a request of this interface.
            refusal.param = "input" if refusal.param == "messages" else refusal.param
            raise

    def _voice(
        self, asked: Asked, read: ResponsesAsk, name: str, spoken: Spoken | None = None
    ) -> ResponsesVoice:
        keep = self._recall.keeper(asked.inbound.tenant.name, read)
        head = ResponseHead(
            id=name,
            created_at=int(self._clock.now()),
            model=asked.ask.model,
            provider=asked.upstream.provider,
        )
        echo = {**read.echo, "store": keep is not None}
        if asked.inbound.dialect == "openrouter" and read.ask.tool_choice == IMAGE:
            # Its client refuses a whole answer that says which tool was chosen, unless that is a function.
            echo["tool_choice"] = "required"
        offline = asked.upstream.offline or (spoken is not None and spoken.plan.offline)
        tool = None if spoken is None else spoken.plan.tool
        return ResponsesVoice(
            asked.inbound,
            ResponseBuilder(head, echo, native=read.native, offline=offline),
            self._clock,
            native=read.native,
            # Strict clients lose the whole answer over an item that they did not ask for.
            shows_calls=read.ask.image is not None,
            withheld=read.withheld,
            addresses=None if spoken is None else spoken.addresses,
            ordered={} if tool is None else {"quality": tool.quality, "background": tool.background},
            keep=keep,
        )
