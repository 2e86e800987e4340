"""LangChain: an agent of `create_agent`; history is handed on as its messages."""

from __future__ import annotations

import os
from typing import Any

# Its traces would go to LangSmith, where the surroundings ask for them.
os.environ["LANGSMITH_TRACING"] = "false"

from langchain.agents import create_agent
from langchain.tools import tool
from langchain_core.messages import AIMessageChunk
from langchain_openai import ChatOpenAI

from .drawing import Drawing
from .task import CLIENT, INSTRUCTIONS, MODEL, Contestant, Conversation, Told

__all__ = ["opened"]


async def opened(base_url: str, *, concurrency: int) -> Contestant:  # noqa: ARG001  the SDK's own limit holds
    return _LangChain(base_url)


class _LangChain:
    def __init__(self, base_url: str) -> None:
        model = ChatOpenAI(
            model=MODEL,
            base_url=base_url,
            **CLIENT,
            use_responses_api=False,
            stream_usage=True,
        )
        self._drawing = Drawing(base_url)
        draw = tool(self._drawing.generate_image, parse_docstring=True)
        self._agent: Any = create_agent(model, [draw], system_prompt=INSTRUCTIONS)

    def conversation(self) -> Conversation:
        return _Talk(self._agent)

    async def aclose(self) -> None:
        await self._drawing.aclose()


class _Talk:
    def __init__(self, agent: Any) -> None:
        self._agent = agent
        self._messages: list[Any] = []

    async def ask(self, text: str) -> str:
        asked = {"messages": [*self._messages, {"role": "user", "content": text}]}
        self._messages = (await self._agent.ainvoke(asked))["messages"]
        return str(self._messages[-1].content)

    async def stream(self, text: str, told: Told) -> str:
        asked = {"messages": [*self._messages, {"role": "user", "content": text}]}
        async for mode, each in self._agent.astream(asked, stream_mode=["messages", "values"]):
            if mode == "values":
                self._messages = each["messages"]
            elif isinstance(each[0], AIMessageChunk) and each[0].content:
                told(str(each[0].content))
        return str(self._messages[-1].content)
