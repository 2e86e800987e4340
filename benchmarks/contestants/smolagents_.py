"""smolagents: a `ToolCallingAgent` for each conversation, which keeps its memory; synchronous, so in threads."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import openai
from rich.console import Console
from smolagents import ChatMessageStreamDelta, FinalAnswerStep, LogLevel, OpenAIModel, Tool, ToolCallingAgent
from smolagents.monitoring import AgentLogger

from .task import (
    CLIENT,
    INSTRUCTIONS,
    MODEL,
    PARAMETERS,
    TOOL,
    TOOL_DESCRIPTION,
    Contestant,
    Conversation,
    Pictures,
    Told,
)

__all__ = ["opened"]

_OPENING = '{"answer": "'


class _ImageTool(Tool):  # type: ignore[misc]  # the package is not in the environment that checks types
    name = TOOL
    description = TOOL_DESCRIPTION
    inputs = PARAMETERS["properties"]
    output_type = "string"

    def __init__(self, base_url: str) -> None:
        super().__init__()
        self.client = openai.OpenAI(base_url=base_url, **CLIENT)
        self._pictures = Pictures()

    def forward(self, prompt: str, alt: str) -> str:  # noqa: ARG002  the model says it, and places it
        drawn = self.client.images.generate(model="gpt-image-1", prompt=prompt)
        assert drawn.data is not None
        return json.dumps(self._pictures.keep(drawn.data[0].b64_json or ""))


async def opened(base_url: str, *, concurrency: int) -> Contestant:
    return _Smolagents(base_url, concurrency)


class _Smolagents:
    def __init__(self, base_url: str, concurrency: int) -> None:
        self._model = OpenAIModel(
            MODEL, api_base=base_url, api_key=CLIENT["api_key"], client_kwargs=CLIENT, retry=False
        )
        self._tool = _ImageTool(base_url)
        self._threads = ThreadPoolExecutor(concurrency)
        # Its prompts are read from a file, and what is drawn for a terminal is nobody's here: once, for all.
        self._prompts = ToolCallingAgent([self._tool], self._model).prompt_templates
        self._logger = AgentLogger(LogLevel.OFF, Console(quiet=True))

    def conversation(self) -> Conversation:
        agent = ToolCallingAgent(
            [self._tool],
            self._model,
            prompt_templates=self._prompts,
            instructions=INSTRUCTIONS,
            logger=self._logger,
        )
        return _Talk(agent, self._threads)

    async def aclose(self) -> None:
        self._threads.shutdown()
        self._tool.client.close()
        self._model.client.close()


class _Talk:
    def __init__(self, agent: Any, threads: ThreadPoolExecutor) -> None:
        self._agent = agent
        self._threads = threads

    async def ask(self, text: str) -> str:
        self._agent.stream_outputs = False
        return str(await self._in_thread(lambda: self._agent.run(text, reset=False)))

    async def stream(self, text: str, told: Told) -> str:
        self._agent.stream_outputs = True
        loop = asyncio.get_running_loop()
        return str(
            await self._in_thread(
                lambda: self._streamed(text, lambda piece: loop.call_soon_threadsafe(told, piece))
            )
        )

    async def _in_thread(self, work: Callable[[], Any]) -> Any:
        return await asyncio.get_running_loop().run_in_executor(self._threads, work)

    def _streamed(self, text: str, told: Callable[[str], object]) -> str:
        """In the thread; the answer is a call of `final_answer`, whose arguments come in pieces."""
        answering, answer = False, ""
        for step in self._agent.run(text, stream=True, reset=False):
            if isinstance(step, FinalAnswerStep):
                answer = str(step.output)
            elif isinstance(step, ChatMessageStreamDelta):
                for call in step.tool_calls or ():
                    answering = call.function.name == "final_answer" if call.function.name else answering
                    piece = call.function.arguments or ""
                    if answering and piece and piece != _OPENING:
                        told(piece)
        return answer
