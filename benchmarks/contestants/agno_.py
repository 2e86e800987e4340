"""Agno: one `Agent`; history is handed on as its messages."""

from __future__ import annotations

from typing import Any

import openai
from agno.agent import Agent
from agno.models.openai import OpenAIChat
from agno.run.agent import RunContentEvent, RunOutput

from .drawing import Drawing
from .task import CLIENT, INSTRUCTIONS, MODEL, Contestant, Conversation, Told

__all__ = ["opened"]


async def opened(base_url: str, *, concurrency: int) -> Contestant:  # noqa: ARG001  the SDK's own limit holds
    return _Agno(base_url)


class _Agno:
    def __init__(self, base_url: str) -> None:
        self._client = openai.AsyncOpenAI(base_url=base_url, **CLIENT)
        self._drawing = Drawing(base_url)
        self._agent: Any = Agent(
            model=OpenAIChat(id=MODEL, async_client=self._client),
            instructions=INSTRUCTIONS,
            tools=[self._drawing.generate_image],
            telemetry=False,
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
        return self._kept(await self._agent.arun([*self._messages, {"role": "user", "content": text}]))

    async def stream(self, text: str, told: Told) -> str:
        asked = [*self._messages, {"role": "user", "content": text}]
        result: Any = None
        async for event in self._agent.arun(asked, stream=True, yield_run_output=True):
            if isinstance(event, RunOutput):
                result = event
            elif isinstance(event, RunContentEvent) and event.content:
                told(event.content)
        return self._kept(result)

    def _kept(self, result: Any) -> str:
        # Each run begins with the instructions.
        self._messages = [message for message in result.messages if message.role != "system"]
        return str(result.content)
