"""Pydantic AI: one `Agent`; history is handed on as its messages."""

from __future__ import annotations

from collections.abc import AsyncIterable
from typing import Any

import openai
from pydantic_ai import Agent, PartDeltaEvent, PartStartEvent, TextPart, TextPartDelta
from pydantic_ai.models.openai import OpenAIChatModel
from pydantic_ai.providers.openai import OpenAIProvider

from .drawing import Drawing
from .task import CLIENT, INSTRUCTIONS, MODEL, Contestant, Conversation, Told

__all__ = ["opened"]


async def opened(base_url: str, *, concurrency: int) -> Contestant:  # noqa: ARG001  the SDK's own limit holds
    return _PydanticAI(base_url)


class _PydanticAI:
    def __init__(self, base_url: str) -> None:
        self._client = openai.AsyncOpenAI(base_url=base_url, **CLIENT)
        self._drawing = Drawing(base_url)
        self._agent: Any = Agent(
            OpenAIChatModel(MODEL, provider=OpenAIProvider(openai_client=self._client)),
            instructions=INSTRUCTIONS,
            tools=[self._drawing.generate_image],
            retries=0,
        )

    def conversation(self) -> Conversation:
        return _Talk(self._agent)

    async def aclose(self) -> None:
        await self._drawing.aclose()
        await self._client.close()


class _Talk:
    def __init__(self, agent: Any) -> None:
        self._agent = agent
        self._messages: list[Any] = []

    async def ask(self, text: str) -> str:
        result = await self._agent.run(text, message_history=self._messages)
        self._messages = result.all_messages()
        return str(result.output)

    async def stream(self, text: str, told: Told) -> str:
        async def handle(_: Any, events: AsyncIterable[Any]) -> None:
            async for event in events:
                if isinstance(event, PartDeltaEvent) and isinstance(event.delta, TextPartDelta):
                    told(event.delta.content_delta)
                elif isinstance(event, PartStartEvent) and isinstance(event.part, TextPart):
                    told(event.part.content)

        result = await self._agent.run(text, message_history=self._messages, event_stream_handler=handle)
        self._messages = result.all_messages()
        return str(result.output)
