"""What an answer of the Responses API is, whole and streamed, with both tools and with none."""

from __future__ import annotations

import json
from typing import Any

import pytest

import pictures
from chats import PUBLIC, Chats, draw, drawn, tool_results
from providers import Provider, Said, finish, sse, status, text, usage, wait_for  # noqa: F401
from published import valid
from responding import NATIVE, OURS, Events, functions, items_of, picture_in, post, respond, stream, text_of

TEXT = "A fox:\n\n![the fox]({0})\n\nand a boat: ![the boat]({1}) there."
FOX = pictures.png(colour=(200, 90, 30))
KINDS = pytest.mark.parametrize("tool", [OURS, NATIVE], ids=["openrouter", "native"])


@pytest.fixture(autouse=True)
def _script(provider: Provider) -> None:
    provider.chat_script(drawn(TEXT, "a fox", "a boat"))
    provider.image_script(lambda body: FOX if body["prompt"] == "a fox" else pictures.png())


def bare(response: dict[str, Any]) -> Any:
    """Without what differs between two runs of the same request: ids, times, links."""
    said = json.loads(json.dumps(response))
    for name in ("id", "created_at", "completed_at"):
        del said[name]
    for line in said.get("limner", {}).get("images", ()):
        del line["seconds"], line["call_id"]
    for item in said["output"]:
        del item["id"]
    return said


def kind_of(tool: dict[str, Any]) -> str:
    return "image_generation_call" if tool is NATIVE else tool["type"]


@KINDS
def test_a_streamed_answer_ends_with_what_the_whole_one_is(chats: Chats, tool: dict[str, Any]) -> None:
    """One fold: the object of the last event is the whole answer."""
    whole, told = respond(chats, "Draw", tools=[tool]), stream(chats, "Draw", tools=[tool])
    assert bare(told.response) == bare(whole)
    assert told.types[:2] == ["response.created", "response.in_progress"]
    assert told.types[-1] == "response.completed"
    assert told.done
    assert told.text == text_of(told.response)


@KINDS
def test_each_picture_stands_in_its_place_and_in_its_item(chats: Chats, tool: dict[str, Any]) -> None:
    """Facts, wire, section 4.1: the text shows it by a link, the item says where it came from."""
    told = stream(chats, "Draw", tools=[tool])
    items = items_of(told.response, kind_of(tool))
    urls = [line["url"] for line in told.response["limner"]["images"]]
    assert told.text == f"A fox:\n\n![the fox]({urls[0]})\n\nand a boat: ![the boat]({urls[1]}) there."
    assert f"![the fox]({urls[0]})" in told.deltas
    assert all(url.startswith(PUBLIC) for url in urls)
    if tool is NATIVE:
        assert picture_in(items[0]) == FOX == chats.picture(urls[0]).content
        assert [item["revised_prompt"] for item in items] == ["a fox", "a boat"]
        assert {item["output_format"] for item in items} == {"png"}
    else:
        assert [item["imageUrl"] for item in items] == [item["result"] for item in items] == urls
        assert [item["prompt"] for item in items] == ["a fox", "a boat"]


def test_the_native_tool_has_its_own_events_and_no_other(chats: Chats) -> None:
    """Facts, wire, section 4.4: added, in progress, generating, completed, done, in this order."""
    told = stream(chats, "Draw", tools=[NATIVE])
    (added, *_), (done, *_) = told.of("response.output_item.added"), told.of("response.output_item.done")
    about = [
        each["type"].removeprefix("response.")
        for each in told.events
        if each.get("item_id") == added["item"]["id"] or each.get("item", {}).get("id") == added["item"]["id"]
    ]
    assert added["item"]["result"] is None
    assert done["item"]["status"] == "completed"
    assert about == [
        "output_item.added",
        "image_generation_call.in_progress",
        "image_generation_call.generating",
        "image_generation_call.completed",
        "output_item.done",
    ]
    other = stream(chats, "Draw", tools=[OURS])
    assert not [kind for kind in other.types if "image_generation" in kind]


def test_a_model_that_is_illustrated_by_its_name_gives_no_items_that_nobody_asked_for(chats: Chats) -> None:
    """Strict clients lose the whole answer over an item type that they did not declare."""
    answer = respond(chats, "Draw", model="m-1:illustrated", tools=None)
    assert [item["type"] for item in answer["output"]] == ["message"]
    assert text_of(answer).count(f"]({PUBLIC}") == 2
    valid("openresponses/response", answer)


@KINDS
def test_what_has_a_server_tool_fits_its_publishers_schemas(chats: Chats, tool: dict[str, Any]) -> None:
    """Text: every event and object valid against OpenRouter's schemas, native ones against OpenAI's."""
    publisher = "openai" if tool is NATIVE else "openrouter"
    told = stream(chats, "Draw", tools=[tool])
    for event in told.events:
        valid(f"{publisher}/response_event", event)
    valid(f"{publisher}/response", told.response)
    valid(f"{publisher}/response", respond(chats, "Draw", tools=[tool]))


def check_plain(told: Events) -> None:
    for event in told.events:
        valid("openresponses/response_event", event)
        valid("openai/response_event", event)
    valid("openresponses/response", told.response)


def test_plain_words_pass_in_events_of_open_responses(chats: Chats, provider: Provider) -> None:
    """Without a tool of ours nothing is placed: the words are the model's own."""
    provider.chat(sse(text("Hello ![x](https://evil.example/x.png)"), text(" you"), finish()))
    told = stream(chats, "Hi", tools=None)
    assert (told.text, told.response["status"]) == ("Hello ![x](https://evil.example/x.png) you", "completed")
    check_plain(told)
    assert "limner" not in told.response
    whole = respond(chats, "Hi", tools=None)
    assert bare(whole) == bare(told.response)
    valid("openresponses/response", whole)


def test_the_clients_own_functions_are_handed_back_and_go_on(chats: Chats, provider: Provider) -> None:
    """A function call and its result are the calls and messages of a chat upstream."""

    def script(body: dict[str, Any]) -> Said:
        results = tool_results(body)
        return Said(f"It is {results[0]}.") if results else Said("", [("weather", {"city": "Ulm"})])

    provider.chat_script(script)
    told = stream(chats, "Weather?", tools=functions("weather"))
    check_plain(told)
    (call,) = items_of(told.response, "function_call")
    assert (call["name"], json.loads(call["arguments"]), call["status"]) == (
        "weather",
        {"city": "Ulm"},
        "completed",
    )
    output = {"type": "function_call_output", "call_id": call["call_id"], "output": "raining"}
    items = [{"role": "user", "content": "Weather?"}, *told.response["output"], output]
    assert text_of(respond(chats, items, tools=functions("weather"), store=False)) == "It is raining."
    sent = provider.requests[-1].json
    assert [each["role"] for each in sent["messages"]] == ["user", "assistant", "tool"]
    assert sent["tools"][0]["function"]["name"] == "weather"


@pytest.mark.parametrize(
    "choice",
    ["none", {"type": "allowed_tools", "mode": "auto", "tools": [{"type": "function", "name": "look"}]}],
    ids=["none", "others"],
)
@pytest.mark.parametrize("streamed", [False, True])
def test_calls_of_tools_that_may_not_be_used_are_not_handed_out(
    chats: Chats, provider: Provider, choice: Any, streamed: bool
) -> None:
    """Facts, wire, section 7: the server enforces it, for the client executes whatever it is handed."""
    provider.chat_script(lambda body: Said("Done.", [("wipe", {})]))
    asked: dict[str, Any] = {"tools": functions("look", "wipe"), "tool_choice": choice}
    told = stream(chats, "Hi", **asked).response if streamed else respond(chats, "Hi", **asked)
    assert [item["type"] for item in told["output"]] == ["message"]
    assert (told["status"], text_of(told)) == ("completed", "Done.")
    free = respond(chats, "Hi", tools=functions("look", "wipe"))
    assert [item["name"] for item in items_of(free, "function_call")] == ["wipe"]


def test_only_allowed_tools_are_offered(chats: Chats, provider: Provider) -> None:
    """Facts, wire, section 7: `allowed_tools` is enforced by the server, and told as it was asked."""
    provider.chat(sse(text("Hello"), finish()))
    choice = {"type": "allowed_tools", "mode": "required", "tools": [{"type": "function", "name": "look"}]}
    answer = respond(chats, "Hi", tools=[OURS, *functions("look", "weather")], tool_choice=choice)
    sent = provider.requests[-1].json
    assert [tool["function"]["name"] for tool in sent["tools"]] == ["look"]
    assert sent["tool_choice"] == "required"
    assert answer["tool_choice"]["type"] == "allowed_tools"
    assert len(answer["tools"]) == 3


def test_no_more_pictures_are_drawn_than_calls_are_allowed(chats: Chats, provider: Provider) -> None:
    """`max_tool_calls`: the third picture is refused, the answer is complete all the same."""
    provider.chat_script(
        lambda body: Said("Done.") if tool_results(body) else Said("", draw("a fox", "a boat", "a hat"))
    )
    answer = respond(chats, "Draw", max_tool_calls=2)
    items = items_of(answer, "openrouter:image_generation")
    assert sorted(item["status"] for item in items) == ["completed", "completed", "failed"]
    assert (answer["status"], answer["max_tool_calls"]) == ("completed", 2)
    assert len(provider.posts("/images/generations")) == 2


@KINDS
def test_a_picture_that_fails_is_a_failed_item_of_a_completed_answer(
    chats: Chats, provider: Provider, tool: dict[str, Any]
) -> None:
    """Facts, wire, section 6.3: an image tool's failure is never the request's."""
    refused = status(400, json.dumps({"error": {"code": "moderation_blocked", "message": "no"}}))
    provider.image_script(lambda body: refused if body["prompt"] == "a boat" else FOX)
    provider.chat_script(
        lambda body: Said("Sorry.") if tool_results(body) else Said("", draw("a fox", "a boat"))
    )
    told = stream(chats, "Draw", tools=[tool])
    items = items_of(told.response, kind_of(tool))
    assert [item["status"] for item in items] == ["completed", "failed"]
    assert items[1]["error"]
    assert told.types[-1] == "response.completed"
    publisher = "openai" if tool is NATIVE else "openrouter"
    for event in told.events:
        valid(f"{publisher}/response_event", event)


def test_an_upstream_that_fails_before_the_first_word_is_a_status(chats: Chats, provider: Provider) -> None:
    """As for chats: a stream that has not begun answers with its status."""
    provider.chat(status(401, "{}"))
    answer = post(chats, "Draw", stream=True)
    assert (answer.status_code, answer.json()["error"]["code"]) == (502, "upstream_auth")


def test_limits_of_length_make_an_answer_incomplete(chats: Chats, provider: Provider) -> None:
    """Facts, wire, section 4.2: `response.incomplete`, with the reason of the list."""
    provider.chat(sse(text("Once upon"), finish("length")))
    told = stream(chats, "Tell", tools=None, max_output_tokens=2)
    assert told.types[-1] == "response.incomplete"
    assert told.response["incomplete_details"] == {"reason": "max_output_tokens"}
    assert provider.requests[-1].json["max_tokens"] == 2
    check_plain(told)
