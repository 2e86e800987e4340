"""The loop by hand, over LiteLLM."""

from __future__ import annotations

import asyncio
import json
import os
from typing import Any

# Else its import fetches the prices of models.
os.environ["LITELLM_LOCAL_MODEL_COST_MAP"] = "True"

import litellm

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


async def opened(base_url: str, *, concurrency: int) -> Contestant:  # noqa: ARG001  its own limit holds
    litellm.telemetry = False
    return _LiteLLM(base_url)


class _LiteLLM:
    def __init__(self, base_url: str) -> None:
        self._options = {"api_base": base_url, **CLIENT}
        self._pictures = Pictures()

    def conversation(self) -> Conversation:
        return _Talk(self._options, self._pictures)

    async def aclose(self) -> None:
        await litellm.close_litellm_async_clients()
        # Else the next one at the same address is handed a client that is closed.
        litellm.in_memory_llm_clients_cache.flush_cache()


class _Talk:
    def __init__(self, options: dict[str, Any], pictures: Pictures) -> None:
        self._options = options
        self._pictures = pictures
        self._messages: list[Any] = [{"role": "system", "content": INSTRUCTIONS}]

    async def ask(self, text: str) -> str:
        self._messages.append({"role": "user", "content": text})
        while True:
            answer = await self._complete()
            message = answer.choices[0].message
            self._messages.append(message.model_dump(exclude_none=True))
            if not message.tool_calls:
                return message.content or ""
            await self._run([(call.id, call.function.arguments) for call in message.tool_calls])

    async def stream(self, text: str, told: Told) -> str:
        self._messages.append({"role": "user", "content": text})
        while True:
            said: list[str] = []
            calls: dict[int, dict[str, Any]] = {}
            async for chunk in await self._complete(stream=True, stream_options={"include_usage": True}):
                if not chunk.choices:
                    continue
                delta = chunk.choices[0].delta
                if delta.content:
                    said.append(delta.content)
                    told(delta.content)
                for each in delta.tool_calls or ():
                    call = calls.setdefault(
                        each.index,
                        {"id": each.id, "type": "function", "function": {"name": "", "arguments": ""}},
                    )
                    call["function"]["name"] += each.function.name or ""
                    call["function"]["arguments"] += each.function.arguments or ""
            whole = "".join(said)
            if not calls:
                self._messages.append({"role": "assistant", "content": whole})
                return whole
            asked = list(calls.values())
            self._messages.append({"role": "assistant", "content": whole or None, "tool_calls": asked})
            await self._run([(call["id"], call["function"]["arguments"]) for call in asked])

    async def _complete(self, **more: Any) -> Any:
        return await litellm.acompletion(
            model=f"openai/{MODEL}", messages=self._messages, tools=_TOOLS, **self._options, **more
        )

    async def _run(self, calls: list[tuple[str, str]]) -> None:
        results = await asyncio.gather(*(self._draw(arguments) for _, arguments in calls))
        for (call_id, _), result in zip(calls, results, strict=True):
            self._messages.append({"role": "tool", "tool_call_id": call_id, "content": json.dumps(result)})

    async def _draw(self, arguments: str) -> dict[str, str]:
        try:
            prompt = json.loads(arguments)["prompt"]
            drawn: Any = await litellm.aimage_generation(
                prompt=prompt, model="openai/gpt-image-1", **self._options
            )
            return self._pictures.keep(drawn.data[0].b64_json)
        except Exception as error:
            return {"status": "error", "error": str(error)}
