"""`POST /chat/completions`: passed on as it is where our tool has no part in it, else a turn of the engine."""

from __future__ import annotations

from limner.beside import beside
from limner.clock import Clock, SystemClock
from limner.config.settings import Config
from limner.wire.asking import AskError
from limner.wire.chat.ask import illustrated, read_chat_ask
from limner.wire.parameters import check_beside_image_tool

from ..exchange import Answer, Inbound
from ..front.strictjson import read_object
from ..naming.upstreams import Upstreams
from ..passing.passthrough import PassThrough
from ..passing.spoken import SpokenAnswers
from ..refusal import Refusal
from ..turns.answering import Answering, Asked, Spoken
from .voice import ChatVoice, chat_voice

__all__ = ["ChatEndpoint"]


class ChatEndpoint:
    """Answers chats, whole and streamed, with pictures and without."""

    def __init__(
        self,
        answering: Answering,
        config: Config,
        *,
        upstreams: Upstreams,
        passthrough: PassThrough,
        spoken: SpokenAnswers,
        clock: Clock | None = None,
    ) -> None:
        """`config`: [gateway] `forward`."""
        self._answering = answering
        self._forward = config.gateway.forward
        self._upstreams = upstreams
        self._passthrough = passthrough
        self._spoken = spoken
        self._clock = clock or SystemClock()

    async def answer(self, inbound: Inbound) -> Answer:
        """The answer. Raises: Refusal, LimnerError. Cancel: nothing more is bought; what was ordered is received."""
        body = await read_object(inbound.body)
        size_bytes = len(inbound.body)
        try:
            ask = await beside(size_bytes, lambda: read_chat_ask(body, forward=self._forward))
            upstream = self._upstreams.find(ask.model)
            if upstream.illustrated:
                ask = illustrated(ask)
            inbound.record["model"] = ask.model
            asked = Asked(inbound, body, ask, upstream, size_bytes, partials=ask.stream)
            if ask.image is None and not await self._answering.has_part(asked):
                if upstream.relay is not None:
                    return await self._passthrough.answer(inbound, ask, upstream)
                return await self._spoken.answer(asked, lambda name: chat_voice(asked, name, self._clock))
            check_beside_image_tool(ask.options)
        except AskError as error:
            raise Refusal(error.code, error.sentence, param=error.param) from error

        def speak(spoken: Spoken) -> ChatVoice:
            return chat_voice(asked, spoken.conversation.id, self._clock, offline=spoken.plan.offline)

        return await self._answering.answer(asked, speak)
