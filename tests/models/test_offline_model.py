"""The offline model as a model: a stream of deltas, the same each time, on both backends."""

from __future__ import annotations

import json

import anyio
import pytest

from limner.core.messages import ChatRequest, Delta, Message, ToolSpec, Usage
from limner.models.offline import OfflineModel, plan
from limner.models.protocol import Model

TOOL = ToolSpec(
    "draw",
    "Draws a picture.",
    {"type": "object", "properties": {"prompt": {"type": "string"}}, "required": ["prompt"]},
)
ASKED = Message("user", "Teach me to brew green tea in five illustrated steps")


async def stream(request: ChatRequest) -> list[tuple[Delta, ...]]:
    return [batch async for batch in OfflineModel().stream(request)]


def test_it_is_a_model_that_says_it_is_offline() -> None:
    """`models/protocol.py`: name and offline stand in receipts."""
    model: Model = OfflineModel()
    assert (model.name, model.offline) == ("offline", True)


@pytest.mark.anyio
async def test_calls_stream_with_index_id_name_and_arguments() -> None:
    """The first turn is calls alone, then "tool_calls" and a usage of nothing."""
    request = ChatRequest((ASKED,), (TOOL,))
    batches = await stream(request)
    deltas = [delta for batch in batches for delta in batch]
    expected = plan(request.messages, request.tools).calls
    told = [(d.index, d.call_id, d.name, d.arguments) for d in deltas if d.index is not None]
    assert told == [(n, call.id, call.name, call.arguments) for n, call in enumerate(expected)]
    assert len(told) == 5
    assert [d.finish_reason for d in deltas if d.finish_reason] == ["tool_calls"]
    assert deltas[-1].usage == Usage(0, 0, 0.0)


@pytest.mark.anyio
@pytest.mark.parametrize("text", [ASKED.text, "用四张图教我怎么包饺子", "hello"])
async def test_text_streams_in_words_over_several_reads(text: str) -> None:
    """The text arrives in word-sized pieces that join to the plan's own text, then "stop"."""
    request = ChatRequest((Message("user", text),), (TOOL,), "none")
    batches = await stream(request)
    deltas = [delta for batch in batches for delta in batch]
    assert "".join(delta.text for delta in deltas) == plan(request.messages, request.tools, "none").text
    assert len(batches) >= 3
    assert max(len(delta.text) for delta in deltas) <= 40
    assert [d.finish_reason for d in deltas if d.finish_reason] == ["stop"]


@pytest.mark.anyio
async def test_the_same_request_streams_the_same_deltas() -> None:
    """Determinism: nothing but the request decides."""
    request = ChatRequest((ASKED,), (TOOL,))
    assert await stream(request) == await stream(request)


@pytest.mark.anyio
async def test_it_lets_other_tasks_run_between_reads() -> None:
    """Fails if the checkpoint is removed: a stream of no awaits would starve the loop."""
    ran = 0

    async def other() -> None:
        nonlocal ran
        while True:
            ran += 1
            await anyio.lowlevel.checkpoint()

    with anyio.fail_after(5):
        async with anyio.create_task_group() as group:
            group.start_soon(other)
            await stream(ChatRequest((ASKED,), (TOOL,)))
            group.cancel_scope.cancel()
    assert ran >= 3


@pytest.mark.anyio
async def test_leaving_early_and_closing_twice_is_safe() -> None:
    """Cancel: safe at any time; `aclose` is idempotent."""
    model = OfflineModel()
    deltas = model.stream(ChatRequest((ASKED,), (TOOL,)))
    first = await anext(deltas)
    await deltas.aclose()
    assert json.loads(first[0].arguments or "")["prompt"]
    await model.aclose()
    await model.aclose()
