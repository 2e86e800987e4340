"""What tests of chats without our tool share: a request let in, and what becomes of it, without a server."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from contextlib import aclosing, asynccontextmanager
from typing import Any, cast

from clocks import OwnClock
from limner.config.settings import Config, GatewayConfig, UpstreamConfig
from limner.gateway.chat.voice import chat_voice
from limner.gateway.exchange import Dialect, Inbound, Streamed, Whole
from limner.gateway.naming.upstreams import Upstreams
from limner.gateway.passing.passthrough import PassThrough
from limner.gateway.passing.spoken import SpokenAnswers
from limner.gateway.refusal import Refusal
from limner.gateway.tenant import Tenant
from limner.gateway.turns.answering import Asked
from limner.spending.budget import Budget
from limner.wire.chat.ask import read_chat_ask
from providers import Provider

__all__ = ["KEY", "Passing", "passing", "words"]

KEY = "sk-canary-upstream"


class Passing:
    """What is before one provider, or before none."""

    def __init__(self, upstreams: Upstreams, clock: OwnClock, times: dict[str, float]) -> None:
        self.clock = clock
        self.record: dict[str, Any] = {}
        """Of the newest request."""
        self._upstreams = upstreams
        self._through = PassThrough(clock, **times)
        self._spoken = SpokenAnswers(clock)

    async def answer(
        self, body: dict[str, Any] | None = None, dialect: Dialect = "openai"
    ) -> Whole | Streamed:
        """What a request is answered with; `body` is merged into a small one."""
        asked = {"model": "m", "messages": [{"role": "user", "content": "Hi"}]} | (body or {})
        self.record = {}
        inbound = Inbound(
            "req_1", dialect, Tenant("local", Budget()), "POST", "/chat", "", {}, b"", self.record
        )
        ask = read_chat_ask(asked)
        upstream = self._upstreams.find(ask.model)
        if upstream.relay is not None:
            return await self._through.answer(inbound, ask, upstream)
        spoken = Asked(inbound, asked, ask, upstream, 0)
        return await self._spoken.answer(spoken, lambda name: chat_voice(spoken, name, self.clock))

    async def whole(self, body: dict[str, Any] | None = None, dialect: Dialect = "openai") -> Any:
        """A whole answer, parsed."""
        return json.loads(cast(Whole, await self.answer(body, dialect)).body)

    async def frames(self, body: dict[str, Any] | None = None, dialect: Dialect = "openai") -> list[bytes]:
        """All frames of a streamed answer."""
        answer = cast(Streamed, await self.answer({"stream": True} | (body or {}), dialect))
        return [frame async for together in answer.frames for frame in cut(together)]

    async def chunks(self, body: dict[str, Any] | None = None, dialect: Dialect = "openai") -> list[Any]:
        """What the frames of a stream that ended well say."""
        *frames, done = await self.frames(body, dialect)
        assert done == b"data: [DONE]\n\n"
        return [_chunk(frame) for frame in frames]

    async def refused(self, body: dict[str, Any] | None = None) -> Refusal:
        """How a whole answer is refused."""
        try:
            await self.answer(body)
        except Refusal as refusal:
            return refusal
        raise AssertionError("it was answered")

    async def broken(self, body: dict[str, Any] | None = None) -> tuple[str, Refusal]:
        """What a stream said before it was refused, and how."""
        answer = cast(Streamed, await self.answer({"stream": True} | (body or {})))
        said = ""
        async with aclosing(cast(Any, answer.frames)) as frames:
            try:
                async for together in frames:
                    assert b"data: [DONE]\n\n" not in together
                    said += words([_chunk(frame) for frame in cut(together)])
            except Refusal as refusal:
                return said, refusal
        raise AssertionError("it ended well")


def cut(together: bytes) -> list[bytes]:
    """The frames that are written with one write."""
    assert together.endswith(b"\n\n")
    return [frame + b"\n\n" for frame in together[:-2].split(b"\n\n")]


def words(chunks: list[Any]) -> str:
    """The text of chunks, in their order."""
    return "".join(choice["delta"].get("content") or "" for chunk in chunks for choice in chunk["choices"])


def _chunk(frame: bytes) -> Any:
    text = frame.decode()
    assert text.startswith("data: {")
    assert text.endswith("}\n\n")
    assert len(text.splitlines()) == 2
    return json.loads(text[6:])


@asynccontextmanager
async def passing(provider: Provider | None, base_url: str = "", **times: float) -> AsyncIterator[Passing]:
    """A pass-through before `provider`; None: nothing is connected."""
    rows = () if provider is None else (UpstreamConfig("", base_url or provider.base_url, KEY),)
    clock = OwnClock()
    upstreams = Upstreams(Config(gateway=GatewayConfig(upstreams=rows)), clock, offline=provider is None)
    try:
        yield Passing(upstreams, clock, times)
    finally:
        await upstreams.aclose()
