"""The floor: `aiohttp` and `json`, nothing checked, nothing promised."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import aiohttp

from .task import (
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


async def opened(base_url: str, *, concurrency: int) -> Contestant:
    connector = aiohttp.TCPConnector(limit=concurrency)
    session = aiohttp.ClientSession(connector=connector, timeout=aiohttp.ClientTimeout(None))
    return _Bare(session, base_url)


class _Bare:
    def __init__(self, session: aiohttp.ClientSession, base_url: str) -> None:
        self._session = session
        self._base_url = base_url
        self._pictures = Pictures()

    def conversation(self) -> Conversation:
        return _Talk(self._session, self._base_url, self._pictures)

    async def aclose(self) -> None:
        await self._session.close()


class _Talk:
    def __init__(self, session: aiohttp.ClientSession, base_url: str, pictures: Pictures) -> None:
        self._session = session
        self._base_url = base_url
        self._pictures = pictures
        self._messages: list[Any] = [{"role": "system", "content": INSTRUCTIONS}]

    async def ask(self, text: str) -> str:
        self._messages.append({"role": "user", "content": text})
        while True:
            body = {"model": MODEL, "messages": self._messages, "tools": _TOOLS}
            answer = await self._post("/chat/completions", body)
            message = answer["choices"][0]["message"]
            self._messages.append(message)
            if not message.get("tool_calls"):
                return str(message["content"])
            await self._run(message["tool_calls"])

    async def stream(self, text: str, told: Told) -> str:
        self._messages.append({"role": "user", "content": text})
        while True:
            said: list[str] = []
            calls: list[Any] = []
            body = {"model": MODEL, "messages": self._messages, "tools": _TOOLS, "stream": True}
            async with self._session.post(f"{self._base_url}/chat/completions", json=body) as answer:
                async for line in answer.content:
                    if not line.startswith(b"data: ") or line.startswith(b"data: [DONE]"):
                        continue
                    chunk = json.loads(line[6:])
                    if not chunk["choices"]:
                        continue
                    delta = chunk["choices"][0]["delta"]
                    if delta.get("content"):
                        said.append(delta["content"])
                        told(delta["content"])
                    for each in delta.get("tool_calls") or ():
                        if each["index"] == len(calls):
                            calls.append(each)
                        else:
                            calls[each["index"]]["function"]["arguments"] += each["function"]["arguments"]
            if not calls:
                whole = "".join(said)
                self._messages.append({"role": "assistant", "content": whole})
                return whole
            self._messages.append({"role": "assistant", "content": None, "tool_calls": calls})
            await self._run(calls)

    async def _run(self, calls: list[Any]) -> None:
        results = await asyncio.gather(*(self._draw(call["function"]["arguments"]) for call in calls))
        for call, result in zip(calls, results, strict=True):
            self._messages.append({"role": "tool", "tool_call_id": call["id"], "content": json.dumps(result)})

    async def _draw(self, arguments: str) -> dict[str, str]:
        body = {"model": "gpt-image-1", "prompt": json.loads(arguments)["prompt"]}
        drawn = await self._post("/images/generations", body)
        return self._pictures.keep(drawn["data"][0]["b64_json"])

    async def _post(self, path: str, body: dict[str, Any]) -> Any:
        async with self._session.post(f"{self._base_url}{path}", json=body) as answer:
            return json.loads(await answer.read())
