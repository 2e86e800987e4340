"""Whole turns with models that are asked through the Responses API, over real HTTP."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import anyio
import pytest

from limner import (
    Engine,
    Limits,
    ModelError,
    OpenAIImages,
    OpenAIModel,
    ReasoningDelta,
    Reply,
    ResponsesModel,
    SQLiteRecorder,
    TextDelta,
    Tool,
)
from pictures import png
from providers import Answer, Gate, Provider, Said, chunk, finish, sse
from responders import called, events, items_of, message, responder, thought

pytestmark = pytest.mark.anyio

NAMES = ["a fox", "a boat", "an owl", "a tree"]


def connected(provider: Provider, *, stream: bool = True, **more: Any) -> Engine:
    return Engine(
        ResponsesModel("chat", base_url=provider.base_url, api_key="sk-chat", stream=stream),
        OpenAIImages("image", base_url=provider.base_url, api_key="sk-image", timeout_s=5),
        **more,
    )


def four_pictures(body: dict[str, Any]) -> Sequence[dict[str, Any]]:
    """Two rounds of two pictures, each round thought over, then the words."""
    results = [json.loads(item["output"]) for item in items_of(body, "function_call_output")]
    made = len(results)
    if made >= len(NAMES):
        shown = "\n\n".join(
            f"![{name}]({each['imageUrl']})" for name, each in zip(NAMES, results, strict=True)
        )
        return [thought(f"rs_{made}", ["Done."]), message(shown)]
    asked = [
        called("generate_image", {"prompt": name, "alt": name}, call_id=f"call_{made}_{at}")
        for at, name in enumerate(NAMES[made : made + 2])
    ]
    return [thought(f"rs_{made}", [f"{made} so far."]), message("Wait."), thought(f"rs_{made}b"), *asked]


@pytest.mark.parametrize("stream", [True, False], ids=["streamed", "whole"])
async def test_four_pictures_in_a_turn_and_the_thoughts_beside_their_calls(stream: bool) -> None:
    """Quirk 35: in the rounds of a turn, and in the turns after it, the server gets back what it thought."""
    with Provider() as provider:
        provider.script("/v1/responses", responder(four_pictures))
        provider.image_script(lambda body: png())
        async with connected(provider, stream=stream) as engine:
            conversation = engine.conversation()
            reply = await conversation.ask("draw four")
            again = await conversation.ask("and once more")
    assert [image.alt for image in reply.images] == NAMES
    assert [call["code"] for call in reply.calls] == [None] * 4
    requests = [request.json for request in provider.posts("/responses")]
    # Two rounds with pictures and one of words; the next turn shows the pictures that are there.
    assert len(requests) == 4
    kinds = [item["type"] for item in requests[2]["input"] if item.get("role") not in ("system", "user")]
    asked = ["reasoning", "message", "reasoning", "function_call", "function_call"]
    assert kinds == [*asked, *["function_call_output"] * 2] * 2
    assert [item["id"] for item in items_of(requests[3], "reasoning")] == [
        *("rs_0", "rs_0b", "rs_2", "rs_2b"),
        "rs_4",
    ]
    assert len(again.images) == 4
    assert reply.receipt["chat"]["reasoning_tokens"] == 3 * 12
    assert {"store": False}.items() <= requests[0].items()


async def test_thoughts_outlive_the_process(tmp_path: Path) -> None:
    """A journal holds what the provider wants back; another process goes on with the turn."""

    def answer(body: dict[str, Any]) -> Sequence[dict[str, Any]]:
        if items_of(body, "function_call_output"):
            return [message("Found it.")]
        return [thought("rs_1", ["Where?"]), called("look", {"for": "a fox"})]

    look = Tool("look", "Looks.", {"type": "object"})
    journal = tmp_path / "journal"
    with Provider() as provider:
        provider.script("/v1/responses", responder(answer))
        async with connected(provider, tools=[look], recorder=SQLiteRecorder(journal)) as engine:
            reply = await engine.conversation().ask("where is it?")
        (waiting,) = reply.waiting
        async with connected(provider, tools=[look], recorder=SQLiteRecorder(journal)) as engine:
            conversation = await engine.resume(reply.run)
            done = await conversation.resume({waiting.id: "here"})
    assert done.markdown() == "Found it."
    (sealed,) = items_of(provider.requests[-1].json, "reasoning")
    assert (sealed["id"], sealed["encrypted_content"]) == ("rs_1", "sealed-rs_1")


async def test_calls_that_were_refused_take_no_thought_along() -> None:
    """Quirk 35, the other way: a thought without its item is refused as well."""

    def answer(body: dict[str, Any]) -> Sequence[dict[str, Any]]:
        place = len(body["input"])
        return [thought(f"rs_{place}"), called("generate_image", {"prompt": f"fox {place}", "alt": "a fox"})]

    with Provider() as provider:
        provider.script("/v1/responses", responder(answer))
        provider.image_script(lambda body: png())
        async with connected(provider, limits=Limits(rounds=1)) as engine:
            conversation = engine.conversation()
            first = await conversation.ask("draw")
            second = await conversation.ask("draw")
    assert (first.incomplete, second.incomplete) == ("max_tool_rounds", "max_tool_rounds")
    assert len(provider.posts("/responses")) == 4


async def test_a_reply_that_breaks_off_keeps_what_was_said_and_can_be_asked_again() -> None:
    """An answer without its end is no answer; the turn is resumed, and nothing stands twice."""
    answers = [
        Answer(events(message("Once upon"))[:-1], headers={"content-type": "text/event-stream"}),
        Answer(events(message("Once upon a time.")), headers={"content-type": "text/event-stream"}),
    ]
    with Provider() as provider:
        provider.answers("/v1/responses", *answers)
        async with connected(provider) as engine:
            conversation = engine.conversation()
            with pytest.raises(ModelError) as caught:
                await conversation.ask("a story")
            reply = await conversation.resume()
    assert caught.value.code == "upstream_truncated"
    assert isinstance(caught.value.reply, Reply)
    assert caught.value.reply.markdown() == "Once upon"
    assert reply.markdown().endswith("Once upon a time.")


async def test_words_reach_a_reader_as_they_come() -> None:
    """A stream of events is one of words."""
    frames = events(thought(), message("One, two and three."))
    first = next(at for at, frame in enumerate(frames) if b"output_text.delta" in frame) + 1
    rest, heard = Gate(), []
    with Provider() as provider:
        answer = sse(*frames[:first], rest, *frames[first:], done=False)
        provider.script("/v1/responses", responder(lambda body: answer))
        with anyio.fail_after(10):
            async with connected(provider) as engine, engine.conversation().stream("count") as stream:
                async for event in stream:
                    if isinstance(event, TextDelta):
                        heard.append(event.text)
                        rest.open()
    assert "".join(heard) == "One, two and three."
    assert len(heard) > 1


# --- the other API ---------------------------------------------------------------------------


async def test_a_chat_server_that_wants_its_thoughts_back_gets_them_beside_the_calls() -> None:
    """Quirk 34: refused where `reasoning_content` is missing on a turn with tools."""

    def answer(body: dict[str, Any]) -> Any:
        asked = [each for each in body["messages"] if each.get("tool_calls")]
        if any("reasoning_content" not in each for each in asked):
            return sse(chunk({"content": "no thoughts"}), finish())
        if asked:
            return Said("Done.")
        function = {"name": "look", "arguments": "{}"}
        return sse(
            chunk({"reasoning_content": "Let me "}),
            chunk({"reasoning_content": "see."}),
            chunk({"tool_calls": [{"index": 0, "id": "a", "type": "function", "function": function}]}),
            finish("tool_calls"),
        )

    async def run() -> str:
        return "here"

    with Provider() as provider:
        provider.chat_script(answer)
        model = OpenAIModel("chat", base_url=provider.base_url, api_key="k")
        look = Tool("look", "Looks.", {"type": "object", "properties": {}}, run)
        async with Engine(
            model, OpenAIImages("i", base_url=provider.base_url, api_key="k"), tools=[look]
        ) as engine:
            reply = await engine.conversation().ask("where?")
    assert reply.markdown() == "Done."
    (asked,) = [each for each in provider.requests[-1].json["messages"] if each.get("tool_calls")]
    assert asked["reasoning_content"] == "Let me see."


async def test_a_stream_tells_what_the_model_thinks_and_keeps_it_out_of_the_reply() -> None:
    """docs/reference.md, "Stream events": for who shows it; the reply is what was said."""
    with Provider() as provider:
        provider.script("/v1/responses", responder(four_pictures))
        provider.image_script(lambda body: png())
        async with connected(provider) as engine, engine.conversation().stream("draw four") as stream:
            thoughts = [event.text async for event in stream if isinstance(event, ReasoningDelta)]
            reply = stream.reply
    assert "".join(thoughts) == "0 so far.2 so far.Done."
    assert "so far" not in reply.text
