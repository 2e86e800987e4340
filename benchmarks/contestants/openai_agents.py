"""OpenAI's Agents SDK: an `Agent`, and `Runner` for each turn; history is handed on as its input list."""

from __future__ import annotations

from typing import Any

import openai
from agents import (
    Agent,
    ModelSettings,
    OpenAIChatCompletionsModel,
    Runner,
    function_tool,
    set_tracing_disabled,
)

from .drawing import Drawing
from .task import CLIENT, INSTRUCTIONS, MODEL, Contestant, Conversation, Told

__all__ = ["opened"]


async def opened(base_url: str, *, concurrency: int) -> Contestant:  # noqa: ARG001  the SDK's own limit holds
    # Its traces would go to OpenAI.
    set_tracing_disabled(True)
    return _Agents(base_url)


class _Agents:
    def __init__(self, base_url: str) -> None:
        self._client = openai.AsyncOpenAI(base_url=base_url, **CLIENT)
        self._drawing = Drawing(base_url)
        self._agent = Agent(
            name="Illustrator",
            instructions=INSTRUCTIONS,
            model=OpenAIChatCompletionsModel(MODEL, openai_client=self._client),
            model_settings=ModelSettings(parallel_tool_calls=True, include_usage=True),
            tools=[function_tool(self._drawing.generate_image)],
        )

    def conversation(self) -> Conversation:
        return _Talk(self._agent)

    async def aclose(self) -> None:
        await self._drawing.aclose()
        await self._client.close()


class _Talk:
    def __init__(self, agent: Any) -> None:
        self._agent = agent
        self._items: list[Any] = []

    async def ask(self, text: str) -> str:
        result = await Runner.run(self._agent, [*self._items, {"role": "user", "content": text}])
        self._items = result.to_input_list()
        return str(result.final_output)

    async def stream(self, text: str, told: Told) -> str:
        result = Runner.run_streamed(self._agent, [*self._items, {"role": "user", "content": text}])
        async for event in result.stream_events():
            if event.type == "raw_response_event" and event.data.type == "response.output_text.delta":
                told(event.data.delta)
        self._items = result.to_input_list()
        return str(result.final_output)
