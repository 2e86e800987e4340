"""Conversations of several requests: items that come back, mixed turns, and what is meant by ids."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from chats import FOX, PUBLIC, Chats, chatting, draw, drawn, tool_results
from gateways import key
from providers import Provider, Said, finish, sse, text
from responding import NATIVE, OURS, functions, items_of, post, respond, stream, text_of

KINDS = pytest.mark.parametrize("tool", [OURS, NATIVE], ids=["openrouter", "native"])
HI = {"role": "user", "content": "Draw"}
MORE = {"role": "user", "content": [{"type": "input_text", "text": "And the same fox in the rain"}]}


@pytest.fixture(autouse=True)
def _script(provider: Provider) -> None:
    provider.chat_script(drawn("![the fox]({0}) Done.", "a fox"))


def roles(body: dict[str, Any]) -> list[str]:
    return [each["role"] for each in body["messages"]]


def check_second_turn(provider: Provider) -> None:
    """What the model reads of the first turn: the call and its result by reference, never a link or base64."""
    body = provider.requests[-1].json
    said = json.dumps(body)
    assert tool_results(body)[0]["imageUrl"] == "image://1"
    assert "![the fox](image://1) Done." in said
    assert PUBLIC not in said
    assert "base64" not in said
    assert "iVBOR" not in said


@KINDS
@pytest.mark.parametrize("streamed", [False, True])
def test_a_second_turn_with_the_items_of_the_first(
    chats: Chats, provider: Provider, tool: dict[str, Any], streamed: bool
) -> None:
    """Text: stateless history with every item replayable as input, as `model_dump` writes it."""
    first = stream(chats, "Draw", tools=[tool]).response if streamed else respond(chats, "Draw", tools=[tool])
    nulls = [
        {**item, "status": item.get("status"), "phase": None, "action": None} for item in first["output"]
    ]
    provider.chat(sse(text("As before: ![a fox](image://1)"), finish()))
    second = respond(chats, [HI, *nulls, MORE], tools=[tool], store=False)
    check_second_turn(provider)
    assert f"![a fox]({PUBLIC}" in text_of(second)


@KINDS
def test_a_second_turn_by_the_id_of_the_first(chats: Chats, provider: Provider, tool: dict[str, Any]) -> None:
    """`previous_response_id`: the whole conversation is known, pictures included, instructions are not."""
    first = respond(chats, "Draw", tools=[tool], instructions="Be brief")
    assert first["store"] is True
    provider.chat(sse(text("As before: ![a fox](image://1)"), finish()))
    second = respond(chats, [MORE], tools=[tool], previous_response_id=first["id"])
    check_second_turn(provider)
    assert second["previous_response_id"] == first["id"]
    assert roles(provider.requests[-1].json) == ["user", "assistant", "tool", "assistant", "user"]
    third = respond(chats, "Again", tools=[tool], previous_response_id=second["id"])
    assert "As before" in json.dumps(provider.requests[-1].json)
    assert text_of(third).startswith("As before")


@KINDS
def test_items_by_their_ids_alone(chats: Chats, provider: Provider, tool: dict[str, Any]) -> None:
    """Facts, clients: `@ai-sdk/openai` sends references, some of them twice, by itself."""
    first = respond(chats, "Draw", tools=[tool])
    named = [{"type": "item_reference", "id": item["id"]} for item in first["output"]]
    provider.chat(sse(text("Yes."), finish()))
    respond(chats, [HI, named[0], *named, MORE], tools=[tool])
    check_second_turn(provider)
    assert len(tool_results(provider.requests[-1].json)) == 1


def test_a_picture_by_its_id_alone(chats: Chats, provider: Provider) -> None:
    """Pydantic AI and langchain send so; one that nobody knows is left out, because its link stands in the words."""
    first = respond(chats, "Draw", tools=[NATIVE])
    picture, message = first["output"]
    provider.chat(sse(text("Yes."), finish()))
    only = {"type": "image_generation_call", "id": picture["id"]}
    respond(chats, [HI, only, message, MORE], tools=[NATIVE])
    check_second_turn(provider)
    respond(chats, [HI, {**only, "id": "ig_unknown"}, message, MORE], tools=[NATIVE])
    assert "![the fox](image://1) Done." in json.dumps(provider.requests[-1].json)


def mixed(body: dict[str, Any]) -> Said:
    """Draws and asks for the weather at once; then tells of both."""
    results = tool_results(body)
    if not results:
        return Said("Let me see.", [*draw("a fox"), ("weather", {"city": "Ulm"})])
    return Said(f"It is {results[-1]}. ![the fox]({results[0]['imageUrl']}) Bye.")


@KINDS
@pytest.mark.parametrize("how", ["items", "id", "calls"])
def test_a_mixed_turn_goes_on_with_what_its_functions_returned(
    chats: Chats, provider: Provider, tool: dict[str, Any], how: str
) -> None:
    """With all items, by the id, or with no more than the calls: nothing is told or bought twice."""
    provider.chat_script(mixed)
    tools = [tool, *functions("weather")]
    first = respond(chats, "Draw", tools=tools)
    assert text_of(first) == "Let me see."
    (call,) = items_of(first, "function_call")
    result = {"type": "function_call_output", "call_id": call["call_id"], "output": "raining"}
    if how == "items":
        second = respond(chats, [HI, *first["output"], result], tools=tools)
    elif how == "id":
        second = respond(chats, [result], tools=tools, previous_response_id=first["id"])
    else:
        only = {name: call[name] for name in ("type", "call_id", "name", "arguments")}
        second = respond(chats, [HI, only, result], tools=tools, store=False)
    told = text_of(second)
    assert told.strip().startswith("It is raining. ![the fox](")
    assert "Let me see" not in told
    assert second["id"] != first["id"]
    assert [item["type"] for item in second["output"]] == ["message"]
    assert len(provider.posts("/images/generations")) == 1


def test_results_that_are_missing_are_named(chats: Chats, provider: Provider) -> None:
    """As for chats, by the id that the client knows."""
    provider.chat_script(mixed)
    tools = [OURS, *functions("weather")]
    first = respond(chats, "Draw", tools=tools)
    (call,) = items_of(first, "function_call")
    answer = post(chats, [HI, *first["output"], MORE], tools=tools)
    assert (answer.status_code, answer.json()["error"]["param"]) == (400, "input")
    assert call["call_id"] in answer.json()["error"]["message"]


def test_what_is_not_to_be_stored_cannot_be_gone_on_with(chats: Chats) -> None:
    """`store: false` is kept: nothing of the response is there later."""
    first = respond(chats, "Draw", store=False)
    assert first["store"] is False
    answer = post(chats, "More", previous_response_id=first["id"])
    assert answer.status_code == 404
    assert answer.json()["error"]["param"] == "previous_response_id"


@pytest.fixture(scope="module")
def forgetful(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Chats]:
    with Provider() as provider:
        provider.image_script(lambda body: FOX)
        provider.chat_script(drawn("![the fox]({0}) Done.", "a fox"))
        with chatting(tmp_path_factory.mktemp("forgetful"), provider, store_days=0) as chats:
            yield chats


@pytest.mark.parametrize(
    ("more", "param"),
    [
        ({"store": True}, "store"),
        ({"previous_response_id": "resp_1"}, "previous_response_id"),
    ],
)
def test_without_a_store_what_needs_one_is_refused_by_name(
    forgetful: Chats, more: dict[str, Any], param: str
) -> None:
    """Text: refused by name, with what to do instead."""
    answer = post(forgetful, "Hi", **more)
    assert (answer.status_code, answer.json()["error"]["param"]) == (400, param)
    assert "send" in answer.json()["error"]["message"]


def test_without_a_store_references_say_what_to_send(forgetful: Chats) -> None:
    """Vercel's client sends references unless it is told `store: false`."""
    answer = post(forgetful, [HI, {"type": "item_reference", "id": "msg_1"}])
    assert answer.status_code == 400
    assert "'store': false" in answer.json()["error"]["message"]
    assert respond(forgetful, "Hi")["store"] is False


def test_nobody_goes_on_with_anothers_responses(tmp_path: Path) -> None:
    """S17: another tenant's id is one that never was."""
    with Provider() as provider:
        provider.image_script(lambda body: FOX)
        provider.chat_script(drawn("![the fox]({0}) Done.", "a fox"))
        with chatting(tmp_path, provider, keys=[key("alice"), key("bob")]) as chats:
            first = respond(chats, "Draw", tenant="alice")
            tried = post(chats, "More", previous_response_id=first["id"], tenant="bob")
            unknown = post(chats, "More", previous_response_id="resp_none", tenant="bob")
            named = [{"type": "item_reference", "id": first["output"][0]["id"]}, HI]
            referred = post(chats, named, tenant="bob")
            provider.requests.clear()
            respond(chats, [HI, *first["output"], MORE], tenant="bob")
    assert tried.status_code == unknown.status_code == 404
    assert tried.json()["error"]["message"] == unknown.json()["error"]["message"]
    assert referred.status_code == 400
    assert "image://1" not in json.dumps(provider.requests[0].json)
