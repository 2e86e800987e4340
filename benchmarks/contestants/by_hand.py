"""The loop that everybody writes first: the `openai` package, its models, a list of messages."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import openai

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

_TOOLS: list[Any] = [
    {
        "type": "function",
        "function": {"name": TOOL, "description": TOOL_DESCRIPTION, "parameters": PARAMETERS},
    }
]


async def opened(base_url: str, *, concurrency: int) -> Contestant:  # noqa: ARG001  the SDK's own limit holds
    return _ByHand(openai.AsyncOpenAI(base_url=base_url, **CLIENT))


class _ByHand:
    def __init__(self, client: openai.AsyncOpenAI) -> None:
        self._client = client
        self._pictures = Pictures()

    def conversation(self) -> Conversation:
        return _Talk(self._client, self._pictures)

    async def aclose(self) -> None:
        await self._client.close()


class _Talk:
    def __init__(self, client: openai.AsyncOpenAI, pictures: Pictures) -> None:
        self._client = client
        self._pictures = pictures
        self._messages: list[Any] = [{"role": "system", "content": INSTRUCTIONS}]

    async def ask(self, text: str) -> str:
        self._messages.append({"role": "user", "content": text})
        while True:
            answer = await self._client.chat.completions.create(
                model=MODEL, messages=self._messages, tools=_TOOLS
            )
            message = answer.choices[0].message
            self._messages.append(message.model_dump(exclude_none=True))
            if not message.tool_calls:
                return message.content or ""
            await self._run([(call.id, call.function.arguments) for call in message.tool_calls])  # type: ignore[union-attr]

    async def stream(self, text: str, told: Told) -> str:
        self._messages.append({"role": "user", "content": text})
        while True:
            said: list[str] = []
            calls: dict[int, dict[str, str]] = {}
            answer = await self._client.chat.completions.create(
                model=MODEL,
                messages=self._messages,
                tools=_TOOLS,
                stream=True,
                stream_options={"include_usage": True},
            )
            async for chunk in answer:
                if not chunk.choices:
                    continue
                delta = chunk.choices[0].delta
                if delta.content:
                    said.append(delta.content)
                    told(delta.content)
                for each in delta.tool_calls or ():
                    call = calls.setdefault(each.index, {"id": "", "name": "", "arguments": ""})
                    call["id"] = call["id"] or each.id or ""
                    if each.function is not None:
                        call["name"] += each.function.name or ""
                        call["arguments"] += each.function.arguments or ""
            if not calls:
                whole = "".join(said)
                self._messages.append({"role": "assistant", "content": whole})
                return whole
            asked = [
                {
                    "id": call["id"],
                    "type": "function",
                    "function": {"name": call["name"], "arguments": call["arguments"]},
                }
                for call in calls.values()
            ]
            self._messages.append(
                {"role": "assistant", "content": "".join(said) or None, "tool_calls": asked}
            )
            await self._run([(call["id"], call["arguments"]) for call in calls.values()])

    async def _run(self, calls: list[tuple[str, str]]) -> None:
        results = await asyncio.gather(*(self._draw(arguments) for _, arguments in calls))
        for (call_id, _), result in zip(calls, results, strict=True):
            self._messages.append({"role": "tool", "tool_call_id": call_id, "content": json.dumps(result)})

    async def _draw(self, arguments: str) -> dict[str, str]:
        try:
            prompt = json.loads(arguments)["prompt"]
            drawn = await self._client.images.generate(model="gpt-image-1", prompt=prompt)
            assert drawn.data is not None
            return self._pictures.keep(drawn.data[0].b64_json or "")
        except Exception as error:
            return {"status": "error", "error": str(error)}
