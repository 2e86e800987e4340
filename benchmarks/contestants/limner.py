"""Limner as a library, with nothing turned off."""

from __future__ import annotations

from typing import Any

from limner import Engine, OpenAIImages, OpenAIModel, TextDelta

from .task import INSTRUCTIONS, MODEL, Contestant, Conversation, Told

__all__ = ["made", "opened"]


async def opened(base_url: str, *, concurrency: int) -> Contestant:
    return await made(base_url, concurrency)


async def made(base_url: str, concurrency: int, **options: Any) -> Contestant:
    """An engine with `options` beside what all variants have."""
    engines = [
        Engine(
            OpenAIModel(MODEL, base_url=base_url, api_key="k", stream=streamed),
            OpenAIImages(
                "gpt-image-1", base_url=base_url, api_key="k", concurrency=concurrency, price_usd=0.04
            ),
            system=INSTRUCTIONS,
            **options,
        )
        for streamed in (False, True)
    ]
    contestant = _Limner(*engines)
    for engine in engines:
        await engine.__aenter__()
    return contestant


class _Limner:
    def __init__(self, whole: Engine, streamed: Engine) -> None:
        self._whole = whole
        self._streamed = streamed

    def conversation(self) -> Conversation:
        return _Talk(self._whole, self._streamed)

    async def aclose(self) -> None:
        for engine in (self._streamed, self._whole):
            await engine.__aexit__(None, None, None)


class _Talk:
    def __init__(self, whole: Engine, streamed: Engine) -> None:
        self._engines = whole, streamed
        self._talk: Any = None

    async def ask(self, text: str) -> str:
        self._talk = self._talk or self._engines[0].conversation()
        reply = await self._talk.ask(text)
        return str(reply.markdown())

    async def stream(self, text: str, told: Told) -> str:
        self._talk = self._talk or self._engines[1].conversation()
        async with self._talk.stream(text) as stream:
            async for event in stream:
                if isinstance(event, TextDelta):
                    told(event.text)
        return str(stream.reply.markdown())
