"""A chat endpoint that speaks the Responses API alone, behind clients that need not know."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx2
import pytest

import pictures
from chats import Chats, calls, chatting
from limner.config.settings import LimitsConfig, UpstreamConfig
from providers import STALL, Provider, sse, status
from responders import called, events, items_of, message, responder, streamed, thought
from responding import functions, respond


@contextmanager
def connected(folder: Path, provider: Provider, **more: Any) -> Iterator[Chats]:
    row = UpstreamConfig("", provider.base_url, "sk-canary-chat", api="responses")
    provider.image_script(lambda body: pictures.png())
    with chatting(folder, provider, upstreams=(row,), **more) as chats:
        yield chats


def draws(body: dict[str, Any]) -> Sequence[dict[str, Any]]:
    """A model that thinks, draws, thinks and shows; later it only speaks."""
    asked = sum(item.get("role") == "user" for item in body["input"])
    results = [json.loads(item["output"]) for item in items_of(body, "function_call_output")]
    if asked > 1:
        return [thought(f"rs_later_{asked}"), message("As before.")]
    if results:
        return [thought("rs_2", ["Show it."]), message(f"Here: ![a fox]({results[0]['imageUrl']})")]
    return [
        thought("rs_1", ["Draw it."]),
        called("generate_image", {"prompt": "a fox", "alt": "a fox"}, call_id="call_x"),
    ]


def sealed(id: str) -> dict[str, Any]:
    """What a client brings back of a thought."""
    return {
        "type": "reasoning.encrypted",
        "data": f"sealed-{id}",
        "id": id,
        "format": "openai-responses-v1",
        "index": 0,
    }


def test_a_chat_with_pictures_goes_through_and_its_history_is_taken_back(
    provider: Provider, tmp_path: Path
) -> None:
    """Quirk 35: what a client brings back of the model's thoughts stands where the provider takes it."""
    provider.script("/v1/responses", responder(draws))
    with connected(tmp_path, provider) as chats:
        told = chats.stream("Draw a fox", usage={"include": True})
        answer = chats.ask("Draw a fox", max_tokens=500, stop=["."])
        assert len(told.images) == 1
        assert told.content == f"Here: ![a fox]({told.images[0]})"
        assert "x-limner-offline" not in chats.post("Draw a fox").headers
        message_ = answer["choices"][0]["message"]
        for details in (told.details, message_["reasoning_details"]):
            ours = [each for each in details if each["type"] == "reasoning.server_tool_call"]
            history = [
                {"role": "user", "content": "Draw a fox"},
                {**message_, "reasoning_details": [sealed("rs_1"), *ours, sealed("rs_2")]},
                {"role": "user", "content": "And again"},
            ]
            assert chats.ask(history)["choices"][0]["message"]["content"] == "As before."
    first = provider.posts("/responses")[0].json
    assert (first["model"], first["store"], first["tools"][0]["name"]) == ("m-1", False, "generate_image")
    limited = [each.json for each in provider.posts("/responses") if "max_output_tokens" in each.json]
    assert [each["max_output_tokens"] for each in limited] == [500, 500]
    assert not any("stop" in each for each in limited)
    assert answer["usage"]["completion_tokens_details"]["reasoning_tokens"] == 24
    thoughts = items_of(provider.posts("/responses")[-1].json, "reasoning")
    assert [each["encrypted_content"] for each in thoughts] == ["sealed-rs_1", "sealed-rs_2"]
    kinds = [item["type"] for item in provider.posts("/responses")[-1].json["input"]]
    asked = ["reasoning", "function_call", "function_call_output"]
    assert kinds[kinds.index("reasoning") :] == [*asked, "reasoning", "message", "message"]


def test_a_chat_without_the_tool_is_answered_in_the_models_own_words(
    provider: Provider, tmp_path: Path
) -> None:
    """What cannot be passed on as bytes is told again; the words are the model's."""
    provider.script("/v1/responses", responder(lambda body: [thought(), message("Just words. image://1")]))
    with connected(tmp_path, provider) as chats:
        answer = chats.ask("Speak", tools=None)
        told = chats.stream("Speak", tools=None, stream_options={"include_usage": True})
        headers = chats.post("Speak", tools=None).headers
        history: list[dict[str, Any]] = [
            {"role": "user", "content": "Speak"},
            {"role": "assistant", "content": told.content, "reasoning_details": told.details},
            {"role": "user", "content": "More"},
        ]
        chats.ask(history, tools=None)
    assert answer["choices"][0]["message"]["content"] == told.content == "Just words. image://1"
    assert (answer["choices"][0]["finish_reason"], told.finish) == ("stop", "stop")
    assert answer["usage"]["prompt_tokens"] == 30
    assert told.usage is not None
    assert "x-limner-offline" not in headers
    assert "tools" not in provider.posts("/responses")[0].json
    (back,) = items_of(provider.posts("/responses")[-1].json, "reasoning")
    assert back["encrypted_content"] == "sealed-rs_1"


def test_calls_of_the_client_go_out_and_their_results_come_back(provider: Provider, tmp_path: Path) -> None:
    """A mixed turn: the provider gets each thought back beside the call that came of it."""

    def answer(body: dict[str, Any]) -> Sequence[dict[str, Any]]:
        results = [item["output"] for item in items_of(body, "function_call_output")]
        if results:
            return [message(f"It is {results[-1]}.")]
        return [
            thought("rs_1"),
            called("generate_image", {"prompt": "a fox", "alt": "a fox"}, call_id="call_a"),
            thought("rs_2"),
            called("weather", {}, call_id="call_b"),
        ]

    provider.script("/v1/responses", responder(answer))
    with connected(tmp_path, provider) as chats:
        tools = [*calls("weather"), {"type": "openrouter:image_generation"}]
        first = chats.ask("Weather, and a fox?", tools=tools)
        said = first["choices"][0]["message"]
        (call,) = said["tool_calls"]
        history = [
            {"role": "user", "content": "Weather, and a fox?"},
            said,
            {"role": "tool", "tool_call_id": call["id"], "content": "sunny"},
        ]
        second = chats.ask(history, tools=tools)
    assert call["function"]["name"] == "weather"
    assert second["choices"][0]["message"]["content"].startswith("It is sunny.")
    kinds = [each["type"] for each in provider.posts("/responses")[-1].json["input"]]
    assert kinds[-6:] == [
        *("reasoning", "function_call", "reasoning", "function_call"),
        *("function_call_output", "function_call_output"),
    ]


@pytest.mark.parametrize("stream", [True, False], ids=["streamed", "whole"])
def test_a_client_of_responses_reaches_a_provider_of_responses(
    provider: Provider, tmp_path: Path, stream: bool
) -> None:
    """Both sides speak the same API, and the items in between are replayable."""
    provider.script("/v1/responses", responder(lambda body: [thought("rs_1", ["Hm."]), message("Hello.")]))
    with connected(tmp_path, provider) as chats:
        body = {"model": "m-1", "input": "Hi", "stream": stream, "store": False}
        answer = httpx2.post(f"{chats.gateway.url}/responses", json=body, timeout=20)
        assert answer.status_code == 200, answer.text
        lines = [line[6:] for line in answer.text.splitlines() if line.startswith("data: {")]
        whole = json.loads(lines[-1])["response"] if stream else answer.json()
        assert [item["type"] for item in whole["output"]] == ["reasoning", "message"]
        items = [{"role": "user", "content": "Hi"}, *whole["output"], {"role": "user", "content": "Again"}]
        again = httpx2.post(f"{chats.gateway.url}/responses", json=body | {"input": items}, timeout=20)
        assert again.status_code == 200, again.text
    (sent,) = items_of(provider.posts("/responses")[-1].json, "reasoning")
    assert (sent["id"], sent["encrypted_content"]) == ("rs_1", "sealed-rs_1")


@pytest.mark.parametrize(
    ("reason", "finish"), [("max_output_tokens", "length"), ("content_filter", "content_filter")]
)
def test_a_call_that_was_cut_off_is_not_handed_out(
    provider: Provider, tmp_path: Path, reason: str, finish: str
) -> None:
    """U22: arguments that lack their end may still be valid JSON, and mean something else."""
    half = streamed(
        message("I look."),
        called("weather", '{"days": 1'),
        end="incomplete",
        incomplete_details={"reason": reason},
    )
    provider.script("/v1/responses", lambda body: half)
    with connected(tmp_path, provider) as chats:
        (choice,) = chats.ask("Weather?", tools=calls("weather"))["choices"]
        response = respond(chats, "Weather?", tools=functions("weather"))
    assert (choice["finish_reason"], choice["message"]["content"]) == (finish, "I look.")
    assert "tool_calls" not in choice["message"]
    assert (response["status"], response["incomplete_details"]) == ("incomplete", {"reason": reason})
    assert [item["type"] for item in response["output"]] == ["message"]


@pytest.mark.parametrize("said", [(), events(message("Once"))[:5]], ids=["nothing", "a beginning"])
def test_a_model_that_falls_silent_has_the_time_of_a_turn_and_no_more(
    provider: Provider, tmp_path: Path, said: Sequence[bytes]
) -> None:
    """`[limits] seconds`, whether it has said something or not; the provider's connection is closed."""
    provider.answers("/v1/responses", sse(*said, STALL, done=False))
    with connected(tmp_path, provider, limits=LimitsConfig(seconds=0.3)) as chats:
        whole = chats.refused("Hi", tools=None)
        told = chats.stream("Hi", tools=None) if said else None
    assert (whole[0], whole[1]["code"]) == (504, "turn_deadline")
    assert told is None or (told.error or {}).get("code") == "turn_deadline"
    assert all(request.closed.wait(10) for request in provider.posts("/responses"))


def test_a_refusal_of_the_provider_is_told_as_one(provider: Provider, tmp_path: Path) -> None:
    """The same closed list of errors, whichever API is spoken behind."""
    provider.answers("/v1/responses", status(401))
    with connected(tmp_path, provider) as chats:
        told = [
            chats.refused("Hi", tools=tools) for tools in (None, [{"type": "openrouter:image_generation"}])
        ]
    assert told[0][0] == told[1][0] >= 500
    assert told[0][1]["code"] == told[1][1]["code"]
