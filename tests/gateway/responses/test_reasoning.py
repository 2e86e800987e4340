"""What a model thinks: told to clients of both APIs, and given back to the model beside the calls that need it."""

from __future__ import annotations

import json
from typing import Any

import pytest

from chats import Chats, Told, tool_results
from providers import Provider, chunk, finish, sse, text
from published import valid
from responding import NATIVE, OURS, functions, items_of, respond, stream, text_of

CALL = {"name": "generate_image", "arguments": json.dumps({"prompt": "a fox", "alt": "a fox"})}


def thought(words: str, **more: Any) -> bytes:
    detail = {"type": "reasoning.text", "text": words, "index": 0, "format": "unknown", **more}
    return chunk({"reasoning_details": [detail]})


def script(body: dict[str, Any]) -> Any:
    """Thinks in two fragments, draws, thinks again, tells."""
    if tool_results(body):
        return sse(thought("Now I "), thought("tell."), text("![a fox](image://1) Done."), finish())
    asked = chunk({"tool_calls": [{"index": 0, "id": "c1", "type": "function", "function": CALL}]})
    return sse(thought("A fox "), thought("it is."), asked, finish("tool_calls"))


@pytest.fixture(autouse=True)
def _script(provider: Provider) -> None:
    provider.chat_script(script)


def read_thoughts(details: list[dict[str, Any]]) -> list[tuple[int, str]]:
    """What clients make of fragments: those with one index are one."""
    joined: dict[int, str] = {}
    for each in details:
        joined[each["index"]] = joined.get(each["index"], "") + (each.get("text") or each["type"])
    return list(joined.items())


EXPECTED = [(0, "A fox it is."), (1, "reasoning.server_tool_call"), (2, "Now I tell.")]


def test_chats_are_told_it_in_order_with_indices_of_their_own(chats: Chats) -> None:
    """Clients join what has one index: two rounds that both begin at 0 would be one thought."""
    told: Told = chats.stream("Draw")
    message = chats.ask("Draw")["choices"][0]["message"]
    assert read_thoughts(told.details) == EXPECTED
    assert read_thoughts(message["reasoning_details"]) == EXPECTED
    assert len(message["reasoning_details"]) == 3
    assert message["reasoning"] == "A fox it is.Now I tell."


@pytest.mark.parametrize(("tool", "publisher"), [(OURS, "openrouter"), (NATIVE, "openai")])
def test_responses_have_items_of_it(chats: Chats, tool: dict[str, Any], publisher: str) -> None:
    """One item for each thought, before what came of it."""
    told = stream(chats, "Draw", tools=[tool])
    kinds = [item["type"] for item in told.response["output"]]
    picture = "image_generation_call" if tool is NATIVE else tool["type"]
    assert kinds == ["reasoning", picture, "reasoning", "message"]
    said = [item["content"][0]["text"] for item in items_of(told.response, "reasoning")]
    assert said == ["A fox it is.", "Now I tell."]
    for event in told.events:
        valid(f"{publisher}/response_event", event)
    whole = respond(chats, "Draw", tools=[tool])
    assert [item["type"] for item in whole["output"]] == kinds


def test_it_goes_back_beside_the_calls_that_need_it(chats: Chats, provider: Provider) -> None:
    """Facts, quirks 34 and 35: in the turn itself, and when a client sends its items again."""
    first = respond(chats, "Draw", tools=[OURS])
    second = provider.requests[-1].json["messages"]
    asking = next(each for each in second if each["role"] == "assistant")
    assert [each["text"] for each in asking["reasoning_details"]] == ["A fox it is."]
    provider.chat(sse(text("Yes."), finish()))
    respond(
        chats, [{"role": "user", "content": "Draw"}, *first["output"], {"role": "user", "content": "Sure?"}]
    )
    _, asked, _, told, _ = provider.requests[-1].json["messages"]
    assert [each["text"] for each in asked["reasoning_details"]] == ["A fox it is."]
    assert [each["text"] for each in told["reasoning_details"]] == ["Now I tell."]


def test_plain_answers_tell_it_as_open_responses_does(chats: Chats, provider: Provider) -> None:
    """Without a tool of ours, also before a function call."""
    call = {"index": 0, "id": "c1", "type": "function", "function": {"name": "look", "arguments": "{}"}}
    provider.chat(sse(thought("Hm."), chunk({"tool_calls": [call]}), finish("tool_calls")))
    told = stream(chats, "Look", tools=functions("look"))
    assert [item["type"] for item in told.response["output"]] == ["reasoning", "function_call"]
    valid("openresponses/response", told.response)
    for event in told.events:
        valid("openresponses/response_event", event)
    assert text_of(told.response) == ""


def test_thoughts_cannot_break_a_stream(chats: Chats, provider: Provider) -> None:
    """Whatever stands in them: ends of lines, half characters, nothing."""
    odd = "a\u2028b\r\n\ndata: [DONE]\n\n"
    provider.chat(sse(thought(odd), thought("", signature="s"), text("Hi"), finish()))
    told = stream(chats, "Hi", tools=None)
    assert items_of(told.response, "reasoning")[0]["content"][0]["text"] == odd
    assert told.text == "Hi"
