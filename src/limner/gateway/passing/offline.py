"""A chat without our tool where no language model is connected: the offline model's own words, and it says so."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import aclosing

from limner.core.messages import ChatRequest, ToolCall
from limner.models.protocol import Model
from limner.wire.chatask import ChatAsk
from limner.wire.chathistory import history
from limner.wire.chatsaid import (
    DONE,
    Head,
    calls_chunk,
    finish_chunk,
    frame,
    json_bytes,
    role_chunk,
    text_chunk,
    usage_chunk,
    whole,
)
from limner.wire.chattools import unused_name

from ..exchange import Answer, Dialect, Streamed, Whole

__all__ = ["OFFLINE_HEADERS", "offline_answer"]

OFFLINE_HEADERS = {"x-limner-offline": "true"}
_FIGURES = {"prompt_tokens": 0, "completion_tokens": 0, "total_tokens": 0, "cost": 0.0}


async def offline_answer(ask: ChatAsk, model: Model, head: Head, dialect: Dialect) -> Answer:
    """What `model` says to `ask`; `head` says that nothing is connected."""
    # A name that no tool of the client has: calls of ours in the history are told under it.
    told = unused_name("generate_image", ask.tools)
    request = ChatRequest(history(ask.messages, {}, image_tool=told), ask.tools, ask.tool_choice)
    if ask.stream:
        return Streamed(_frames(request, ask, model, head, dialect), OFFLINE_HEADERS, head)
    text: list[str] = []
    calls: list[ToolCall] = []
    finish = "stop"
    async with aclosing(model.stream(request)) as stream:
        async for deltas in stream:
            text += [delta.text for delta in deltas]
            calls += [ToolCall(d.call_id or "", d.name, d.arguments or "") for d in deltas if d.name]
            finish = next((delta.finish_reason for delta in deltas if delta.finish_reason), finish)
    answer = whole(head, "".join(text), calls=calls, finish=finish, usage=_FIGURES)
    return Whole(json_bytes(answer), headers=OFFLINE_HEADERS)


async def _frames(
    request: ChatRequest, ask: ChatAsk, model: Model, head: Head, dialect: Dialect
) -> AsyncIterator[bytes]:
    yield frame(role_chunk(head))
    calls: list[ToolCall] = []
    finish = "stop"
    async with aclosing(model.stream(request)) as stream:
        async for deltas in stream:
            for delta in deltas:
                if delta.text:
                    yield frame(text_chunk(head, delta.text))
            calls += [ToolCall(d.call_id or "", d.name, d.arguments or "") for d in deltas if d.name]
            finish = next((delta.finish_reason for delta in deltas if delta.finish_reason), finish)
    if calls:
        yield frame(calls_chunk(head, calls))
    yield frame(finish_chunk(head, finish))
    if ask.include_usage or dialect == "openrouter":
        yield frame(usage_chunk(head, _FIGURES, dialect=dialect))
    yield DONE
