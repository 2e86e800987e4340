"""Turns that mix our tool with the client's own: handed out, gone on with, told once."""

from __future__ import annotations

import json
import threading
from collections.abc import Sequence
from typing import Any

import pytest

from chats import FOX, IMAGE, Chats, Told, calls, chatting, draw, tool_results
from gateways import key
from providers import Answer, Gate, Provider, Said, status

TOOLS = [IMAGE, *calls("weather")]


def script(body: dict[str, Any]) -> Said:
    """Draws and asks for the weather at once; then tells of both."""
    results = tool_results(body)
    if not results:
        return Said("Let me see.", [*draw("a fox"), ("weather", {"city": "Ulm"})])
    picture, weather = results[0]["imageUrl"], results[-1]
    return Said(f"It is {weather}. ![the fox]({picture}) Bye.")


@pytest.fixture(autouse=True)
def _script(provider: Provider) -> None:
    provider.chat_script(script)


def returned(
    first: dict[str, Any], *results: str, text: str | None = None, after: Sequence[dict[str, Any]] = ()
) -> list[dict[str, Any]]:
    """The conversation with the first answer and what its calls returned, in ordinary messages alone."""
    message = first["choices"][0]["message"]
    assistant = {"role": "assistant", "content": message["content"], "tool_calls": message["tool_calls"]}
    answers = [
        {"role": "tool", "tool_call_id": call["id"], "content": result}
        for call, result in zip(message["tool_calls"], results, strict=False)
    ]
    return [{"role": "user", "content": "Draw"}, assistant, *answers, *after]


def text_of(answer: dict[str, Any]) -> str:
    text: str = answer["choices"][0]["message"]["content"]
    return text


def test_ours_is_run_and_theirs_is_handed_out(chats: Chats, provider: Provider) -> None:
    """In the same reply: the picture is drawn, the client's call goes out under an id of ours."""
    answer = chats.ask("Draw", tools=TOOLS)
    message = answer["choices"][0]["message"]
    assert answer["choices"][0]["finish_reason"] == "tool_calls"
    (handed,) = message["tool_calls"]
    assert handed["function"] == {"name": "weather", "arguments": '{"city": "Ulm"}'}
    assert handed["id"].startswith("call_lm")
    assert len(handed["id"]) <= 40
    assert message["content"] == "Let me see."
    assert [line["status"] for line in answer["limner"]["images"]] == ["completed"]
    assert len(provider.posts("/images/generations")) == 1


def test_a_stream_hands_them_out_as_well(chats: Chats) -> None:
    """Whole calls in one delta, then the finish reason."""
    told = chats.stream("Draw", tools=TOOLS)
    assert (told.content, told.finish) == ("Let me see.", "tool_calls")
    assert [call["function"]["name"] for call in told.calls] == ["weather"]


@pytest.mark.parametrize("stream", [False, True])
def test_the_turn_goes_on_with_the_results_and_tells_only_what_is_new(
    chats: Chats, provider: Provider, stream: bool
) -> None:
    """Ordinary messages are enough: the run has all the rest, and nothing is bought twice."""
    first = chats.ask("Draw", tools=TOOLS)
    messages = returned(first, "raining")
    if stream:
        told = chats.stream(messages, tools=TOOLS)
        content, images, finish, details = told.content, told.images, told.finish, told.details
    else:
        answer = chats.ask(messages, tools=TOOLS)
        message = answer["choices"][0]["message"]
        content, finish = message["content"], answer["choices"][0]["finish_reason"]
        images = [image["image_url"]["url"] for image in message["images"]]
        details = message.get("reasoning_details", [])
    assert content == f"It is raining. ![the fox]({images[0]}) Bye."
    assert (finish, details) == ("stop", [])
    assert len(provider.posts("/images/generations")) == 1
    assert len(provider.posts("/chat/completions")) == 2


def test_each_answer_tells_its_own_figures(chats: Chats) -> None:
    """Who adds them up gets what the turn has cost."""
    first = chats.ask("Draw", tools=TOOLS)
    second = chats.ask(returned(first, "raining"), tools=TOOLS)
    figures = [
        (each["usage"]["prompt_tokens"], each["usage"]["completion_tokens"]) for each in (first, second)
    ]
    assert figures == [(10, 5), (10, 5)]
    assert first["usage"]["server_tool_use_details"]["tool_calls_executed"] == 1
    assert "server_tool_use_details" not in second["usage"]


def test_a_picture_that_was_not_placed_before_stands_at_the_end_of_the_turn(
    chats: Chats, provider: Provider
) -> None:
    """DESIGN decision 2: it is the turn's own, and the turn is one."""

    def silent(body: dict[str, Any]) -> Said:
        return Said("Sunny.") if tool_results(body) else script(body)

    provider.chat_script(silent)
    first = chats.ask("Draw", tools=TOOLS)
    told = chats.stream(returned(first, "sun"), tools=TOOLS)
    assert told.content == f"Sunny.\n\n![a picture of a fox]({told.images[0]})"


def test_a_turn_may_be_handed_out_twice(chats: Chats, provider: Provider) -> None:
    """Each time its client comes back with what it has."""

    def twice(body: dict[str, Any]) -> Said:
        results = tool_results(body)
        if len(results) < 2:
            return Said(f"Round {len(results)}.", [("weather", {"day": len(results)})])
        return Said(f"First {results[0]}, then {results[1]}.")

    provider.chat_script(twice)
    first = chats.ask("Draw", tools=TOOLS)
    messages = returned(first, "rain")
    second = chats.ask(messages, tools=TOOLS)
    assert text_of(second) == "Round 1."
    third = chats.ask([*messages, *returned(second, "sun")[1:]], tools=TOOLS)
    assert text_of(third) == "First rain, then sun."
    assert len({answer["id"] for answer in (first, second, third)}) == 1


def test_a_result_that_is_missing_is_named(chats: Chats, provider: Provider) -> None:
    """400, with the ids; who puts it right is answered."""
    provider.chat_script(
        lambda body: (
            Said("Both.") if tool_results(body) else Said("", [("weather", {"a": 1}), ("weather", {"a": 2})])
        )
    )
    first = chats.ask("Draw", tools=TOOLS)
    ids = [call["id"] for call in first["choices"][0]["message"]["tool_calls"]]
    code, error = chats.refused(returned(first, "rain"), tools=TOOLS)
    assert (code, error["code"]) == (400, "results_missing")
    assert ids[1] in error["message"]
    assert ids[0] not in error["message"]
    assert text_of(chats.ask(returned(first, "rain", "sun"), tools=TOOLS)) == "Both."


def test_what_the_user_adds_reaches_the_model_with_all_that_was_drawn(
    chats: Chats, provider: Provider
) -> None:
    """The conversation is changed: a new turn from the run's own transcript, not from what the client kept."""
    first = chats.ask("Draw", tools=TOOLS)
    extra = {"role": "user", "content": "And in French, please."}
    told = chats.stream(returned(first, "raining", after=[extra]), tools=TOOLS)
    assert told.finish == "stop"
    sent = provider.posts("/chat/completions")[1].json["messages"]
    assert sent[-1] == extra
    assert [each["role"] for each in sent] == ["user", "assistant", "tool", "tool", "user"]
    assert json.loads(sent[2]["content"])["imageUrl"] == "image://1"
    assert sent[3]["content"] == "raining"
    # The picture of before can be shown, and is not drawn again.
    assert len(provider.posts("/images/generations")) == 1
    assert chats.picture(told.images[0]).content == FOX


def test_a_return_that_comes_again_is_told_the_same_and_asks_nobody(chats: Chats, provider: Provider) -> None:
    """The words were paid for: they are told again from the journal, whatever was lost on the way."""
    first = chats.ask("Draw", tools=TOOLS)
    messages = returned(first, "raining")
    second, third = chats.ask(messages, tools=TOOLS), chats.stream(messages, tools=TOOLS)
    assert text_of(second) == third.content
    assert third.finish == "stop"
    assert len(provider.posts("/chat/completions")) == 2


def test_a_return_whose_answer_failed_is_asked_again(chats: Chats, provider: Provider) -> None:
    """The results are recorded; only the model is asked again."""
    answers: list[Answer | None] = [status(400), None]

    def once(body: dict[str, Any]) -> Said | Answer:
        if tool_results(body) and (failure := answers.pop(0)) is not None:
            return failure
        return script(body)

    provider.chat_script(once)
    first = chats.ask("Draw", tools=TOOLS)
    messages = returned(first, "raining")
    assert chats.refused(messages, tools=TOOLS)[1]["code"] == "upstream_bad_request"
    assert text_of(chats.ask(messages, tools=TOOLS)).startswith("It is raining.")
    assert len(provider.posts("/images/generations")) == 1


def test_what_a_changed_conversation_has_bought_is_not_bought_again(chats: Chats, provider: Provider) -> None:
    """Sent again with its key, it goes on with the turn that it began, not with the one that it came back to."""
    failures = [status(400)]

    def boat(body: dict[str, Any]) -> Said | Answer:
        drawn = [each for each in tool_results(body) if isinstance(each, dict)]
        if body["messages"][-1]["role"] == "user" and len(drawn) == 1:
            return Said("", draw("a boat"))
        return failures.pop() if len(drawn) > 1 and failures else script(body)

    provider.chat_script(boat)
    first = chats.ask("Draw", tools=TOOLS)
    messages = returned(first, "raining", after=[{"role": "user", "content": "And a boat."}])
    again = {"tools": TOOLS, "headers": {"idempotency-key": "once"}}
    chats.refused(messages, **again)
    assert text_of(chats.ask(messages, **again)).startswith("It is")
    assert len(provider.posts("/images/generations")) == 2


def test_two_returns_at_once_are_one_and_a_refusal(chats: Chats, provider: Provider) -> None:
    """One goes on with the turn; the other is told to wait."""
    gate = Gate()

    def waits(body: dict[str, Any]) -> Said | Answer:
        if not tool_results(body):
            return script(body)
        from providers import finish, sse, text

        return sse(gate, text("Done."), finish())

    provider.chat_script(waits)
    first = chats.ask("Draw", tools=TOOLS)
    messages = returned(first, "raining")
    told: list[Told] = []
    thread = threading.Thread(target=lambda: told.append(chats.stream(messages, tools=TOOLS)))
    thread.start()
    assert gate.reached.wait(5)
    code, error = chats.refused(messages, tools=TOOLS)
    gate.open()
    thread.join(10)
    assert (code, error["code"]) == (409, "turn_busy")
    assert told[0].content.startswith("Done.")


def test_a_turn_that_nobody_knows_is_a_history_like_any_other(chats: Chats, provider: Provider) -> None:
    """Forgotten, or of another service: what the messages say is enough to answer."""
    first = chats.ask("Draw", tools=TOOLS)
    message = first["choices"][0]["message"]
    (handed,) = message["tool_calls"]
    foreign = handed["id"][:-10] + "0000000000"
    messages = [
        {"role": "user", "content": "Draw"},
        {**message, "tool_calls": [{**handed, "id": foreign}]},
        {"role": "tool", "tool_call_id": foreign, "content": "snowing"},
    ]
    answer = chats.ask(messages, tools=TOOLS)
    assert text_of(answer).startswith("It is snowing.")
    sent = provider.posts("/chat/completions")[1].json["messages"]
    # Our tool's call comes from the details that the client has kept; no provider sees a long id.
    assert json.loads(sent[2]["content"]) == {"status": "ok", "imageUrl": "image://1"}
    assert all(len(each.get("tool_call_id", "")) <= 9 for each in sent)


def test_the_turns_of_others_are_not_there(tmp_path_factory: pytest.TempPathFactory) -> None:
    """S17: with the id of another tenant's call one gets what anybody gets for an id that never was."""
    with Provider() as provider:
        provider.image_script(lambda body: FOX)
        provider.chat_script(script)
        folder = tmp_path_factory.mktemp("tenants")
        with chatting(folder, provider, keys=[key("alice"), key("bob")]) as chats:
            first = chats.ask("Draw", tools=TOOLS, tenant="alice")
            messages = returned(first, "raining")
            provider.chat_script(lambda body: f"I see {len(tool_results(body))} result.")
            answer = chats.ask(messages, tools=TOOLS, tenant="bob")
            assert text_of(answer) == "I see 1 result."
            assert answer["id"] != first["id"]
            provider.chat_script(script)
            assert text_of(chats.ask(messages, tools=TOOLS, tenant="alice")).startswith("It is raining.")


def test_a_client_that_declares_nothing_any_more_gets_the_end_of_its_turn(
    chats: Chats, provider: Provider
) -> None:
    """Less than before is declared: the turn goes on, and the model can call nothing."""
    first = chats.ask("Draw", tools=TOOLS)
    answer = chats.ask(returned(first, "raining"), tools=None)
    assert text_of(answer).startswith("It is raining. ![the fox](")
    assert "tools" not in provider.posts("/chat/completions")[1].json


def test_a_client_that_wants_no_more_calls_buys_no_more(chats: Chats, provider: Provider) -> None:
    """Agents say `none` with their last results; the model hears it, and what it asks for all the same is not drawn."""
    first = chats.ask("Draw", tools=TOOLS)
    provider.chat_script(lambda body: Said("Done.", draw("another")))
    second = chats.ask(returned(first, "raining"), tools=TOOLS, tool_choice="none")
    assert (text_of(second), second["choices"][0]["finish_reason"]) == ("Done.", "stop")
    assert tool_results(provider.posts("/completions")[-1].json)[-1] == "raining"
    assert provider.posts("/completions")[-1].json["tool_choice"] == "none"
    assert len(provider.posts("/generations")) == 1


def test_a_client_that_declares_more_goes_on_from_what_was_said(chats: Chats, provider: Provider) -> None:
    """A run knows the tools that it began with: a new one takes its transcript over."""
    first = chats.ask("Draw", tools=TOOLS)
    answer = chats.ask(returned(first, "raining"), tools=[*TOOLS, *calls("clock")])
    assert text_of(answer).startswith("It is raining. ![the fox](")
    assert answer["id"] != first["id"]
    assert len(provider.posts("/images/generations")) == 1


@pytest.mark.parametrize("stream", [False, True])
def test_what_an_earlier_answer_showed_is_not_shown_again(
    chats: Chats, provider: Provider, stream: bool
) -> None:
    """Pictures, what was held back at the end, and a fence left open: the next answer begins with new words."""

    def script_of_three(body: dict[str, Any]) -> Said:
        results = tool_results(body)
        if not results:
            return Said("One ![", [*draw("a fox"), ("weather", {"day": 1})])
        if len(results) == 2:
            return Said(f"![fox]({results[0]['imageUrl']})\n\n```\ncode", [("weather", {"day": 2})])
        return Said("The end.")

    provider.chat_script(script_of_three)
    first = chats.ask("Draw", tools=TOOLS)
    messages = returned(first, "rain")
    second = chats.ask(messages, tools=TOOLS)
    image = second["choices"][0]["message"]["images"][0]["image_url"]["url"]
    assert text_of(second) == f"![fox]({image})\n\n```\ncode"
    messages += returned(second, "sun")[1:]
    if stream:
        told = chats.stream(messages, tools=TOOLS)
        assert (told.content, told.images, told.finish) == ("The end.", [], "stop")
    else:
        answer = chats.ask(messages, tools=TOOLS)
        assert text_of(answer) == "The end."
        assert "images" not in answer["choices"][0]["message"]
    again = chats.ask(messages, tools=TOOLS)
    assert text_of(again) == "The end."
    assert len(provider.posts("/chat/completions")) == 3
