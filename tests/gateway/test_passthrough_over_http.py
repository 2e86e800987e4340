"""Chats that are passed on, through a real server, to the official client."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from typing import Any

import httpx2
import openai
import pytest
from openai.types.chat import ChatCompletionMessageParam, ChatCompletionToolParam

from gateways import Gateway, key, secret, serving
from limner.clock import SystemClock
from limner.config.settings import Config, GatewayConfig, UpstreamConfig
from limner.gateway.chat.voice import chat_voice
from limner.gateway.exchange import Answer as Answered
from limner.gateway.exchange import Inbound
from limner.gateway.front.app import Route
from limner.gateway.front.strictjson import read_object
from limner.gateway.naming.upstreams import Upstreams
from limner.gateway.passing.passthrough import PassThrough
from limner.gateway.passing.spoken import SpokenAnswers
from limner.gateway.refusal import Refusal
from limner.gateway.turns.answering import Asked
from limner.wire.chat.ask import AskError, read_chat_ask
from passing import KEY
from providers import CUT, STALL, Answer, Gate, Provider, Said, chunk, event, finish, sse, status, text, whole

HI: list[ChatCompletionMessageParam] = [{"role": "user", "content": "Hi"}]
LOOK: ChatCompletionToolParam = {
    "type": "function",
    "function": {"name": "look", "parameters": {"type": "object", "properties": {"at": {"type": "string"}}}},
}


@pytest.fixture
def provider() -> Iterator[Provider]:
    with Provider() as running:
        yield running


@contextmanager
def gateway_before(provider: Provider | None, **times: float) -> Iterator[Gateway]:
    """A gateway that passes on to `provider`; None: nothing is connected."""

    @asynccontextmanager
    async def routes() -> AsyncIterator[list[Route]]:
        clock = SystemClock()
        rows = () if provider is None else (UpstreamConfig("up/", provider.base_url, KEY),)
        upstreams = Upstreams(Config(gateway=GatewayConfig(upstreams=rows)), clock, offline=provider is None)
        through = PassThrough(clock, **times)

        async def answer(inbound: Inbound) -> Answered:
            try:
                ask = read_chat_ask(await read_object(inbound.body))
            except AskError as error:
                raise Refusal(error.code, error.sentence, param=error.param) from error
            upstream = upstreams.find(ask.model)
            if upstream.relay is not None:
                return await through.answer(inbound, ask, upstream)
            asked = Asked(inbound, {}, ask, upstream, 0)
            return await SpokenAnswers(clock).answer(asked, lambda name: chat_voice(asked, name, clock))

        try:
            yield [Route("POST", "/chat/completions", answer)]
        finally:
            await upstreams.aclose()

    with serving(open_routes=routes, keys=[key("alice")]) as gateway:
        yield gateway


@contextmanager
def client_of(gateway: Gateway, base_url: str | None = None) -> Iterator[openai.OpenAI]:
    with openai.OpenAI(
        base_url=base_url or gateway.url, api_key=secret("alice"), max_retries=0, timeout=10
    ) as client:
        yield client


def test_the_official_client_reads_whole_and_streamed_answers(provider: Provider) -> None:
    """Clients, "openai (Python)": plain chats need nothing changed but host and key."""
    provider.chat_script(lambda body: "Hello, fox 🦊")
    with gateway_before(provider) as gateway, client_of(gateway) as client:
        answer = client.chat.completions.create(model="up/m", messages=HI, temperature=0.5)
        stream = client.chat.completions.create(
            model="up/m", messages=HI, stream=True, stream_options={"include_usage": True}
        )
        chunks = list(stream)
    assert answer.choices[0].message.content == "Hello, fox 🦊"
    assert "".join(each.choices[0].delta.content or "" for each in chunks if each.choices) == "Hello, fox 🦊"
    assert (chunks[-1].choices, chunks[-1].usage and chunks[-1].usage.total_tokens) == ([], 15)
    assert all(request.json["model"] == "m" for request in provider.requests)
    assert all(request.headers["authorization"] == f"Bearer {KEY}" for request in provider.requests)
    assert secret("alice") not in str([request.headers for request in provider.requests])
    first, second = gateway.wait_for_ended(2)
    assert (first.record["model"], first.record["prompt_tokens"]) == ("up/m", 10)
    assert second.record["completion_tokens"] == 5


def test_the_clients_own_functions_are_called(provider: Provider) -> None:
    """A request with functions of the client and without our tool is the provider's own affair."""
    provider.chat_script(lambda body: Said(calls=[("look", {"at": "fox"}), ("look", {"at": "boat"})]))
    with gateway_before(provider) as gateway, client_of(gateway) as client:
        answer = client.chat.completions.create(model="up/m", messages=HI, tools=[LOOK])
        with client.chat.completions.stream(model="up/m", messages=HI, tools=[LOOK]) as stream:
            streamed = stream.get_final_completion()
    for each in (answer.choices[0], streamed.choices[0]):
        calls: Any = each.message.tool_calls
        assert [json.loads(call.function.arguments) for call in calls] == [{"at": "fox"}, {"at": "boat"}]
        assert each.finish_reason == "tool_calls"


def test_an_error_in_the_middle_raises_with_our_code(provider: Provider) -> None:
    """Clients: a clean end looks like success to the official client, so an end is never silent."""
    broken = {
        "upstream_truncated": sse(text("Hel"), text("lo"), done=False),
        "upstream_stream_error": sse(text("Hel"), text("lo"), event({"error": {"message": "canary-words"}})),
        "upstream_protocol": sse(text("Hel"), text("lo"), event("canary-words")),
        "upstream_idle_timeout": sse(text("Hel"), text("lo"), STALL),
    }
    with gateway_before(provider, idle_s=0.3) as gateway, client_of(gateway) as client:
        for code, answer in broken.items():
            provider.chat(answer)
            stream = iter(client.chat.completions.create(model="up/m", messages=HI, stream=True))
            assert [next(stream).choices[0].delta.content for _ in range(2)] == ["Hel", "lo"]
            with pytest.raises(openai.APIError) as caught:
                next(stream)
            assert caught.value.code == code
            assert "canary" not in str(caught.value.body)
    assert [each.code for each in gateway.wait_for_ended(4)] == list(broken)


def test_an_error_before_the_first_byte_is_plain_json(provider: Provider) -> None:
    """Earlier errors are plain JSON with their status, also for streams."""
    provider.chat(status(401))
    with gateway_before(provider) as gateway, client_of(gateway) as client:
        for stream in (False, True):
            with pytest.raises(openai.InternalServerError) as caught:
                client.chat.completions.create(model="up/m", messages=HI, stream=stream)
            assert (caught.value.status_code, caught.value.code) == (502, "upstream_auth")
            assert KEY not in caught.value.response.text
            assert caught.value.response.headers["content-type"] == "application/json"


def test_whoever_should_not_ask_again_is_told_so(provider: Provider) -> None:
    """U19, S29: the official client sends again by itself what failed, unless this header is there."""
    provider.chat(whole({"choices": []}))
    with gateway_before(provider) as gateway:
        eager = openai.OpenAI(base_url=gateway.url, api_key=secret("alice"))
        with eager, pytest.raises(openai.InternalServerError) as caught:
            eager.chat.completions.create(model="up/m", messages=HI)
        assert caught.value.code == "upstream_empty"
    assert len(provider.requests) == 1


def test_a_model_or_a_parameter_that_is_not_there(provider: Provider) -> None:
    """An unknown model is 404; S30: what may lead a request elsewhere is 400, by name."""
    with gateway_before(provider) as gateway, client_of(gateway) as client:
        with pytest.raises(openai.NotFoundError) as missing:
            client.chat.completions.create(model="elsewhere/m", messages=HI)
        with pytest.raises(openai.BadRequestError) as refused:
            client.chat.completions.create(
                model="up/m", messages=HI, extra_body={"api_base": "http://127.0.0.1:9"}
            )
    assert (missing.value.code, missing.value.param) == ("model_not_found", "model")
    assert (refused.value.code, refused.value.param) == ("unsupported_parameter", "api_base")
    assert provider.requests == []


def test_what_comes_is_told_before_the_next_comes_and_a_client_may_leave(provider: Provider) -> None:
    """Serving, "Disconnects": the provider's connection is closed within a second, also before a word."""
    gate = Gate()
    provider.chat(sse(text("a"), gate, text("b"), STALL), Answer(before=(STALL,)), Answer(before=(STALL,)))
    body = {"model": "up/m", "messages": HI, "stream": True}
    with gateway_before(provider) as gateway:
        headers = gateway.auth("alice")
        url = f"{gateway.url}/chat/completions"
        with httpx2.Client() as client:
            with client.stream("POST", url, json=body, headers=headers) as response:
                lines = response.iter_lines()
                assert next(lines) == text("a").decode().strip()
                gate.open()
                assert [next(lines), next(lines)] == ["", text("b").decode().strip()]
            assert provider.requests[0].closed.wait(1)
            for stream in (True, False):
                with pytest.raises(httpx2.ReadTimeout):
                    client.post(url, json=body | {"stream": stream}, headers=headers, timeout=0.2)
                assert provider.requests[-1].closed.wait(1)
        assert [each.status for each in gateway.wait_for_ended(3)][1:] == [499, 499]


def test_the_frames_of_a_stream_are_written_one_by_one(provider: Provider) -> None:
    """No `id:`, no custom `event:`, line feeds alone, always text, one end."""
    odd = b"\xef\xbb\xbfevent: delta\r\nid: 7\r\ndata: " + text("a \xff").removeprefix(b"data: ").strip()
    provider.chat(sse(odd + b"\r\n\r\n: note\r\n\r\n", chunk({"content": "b"}), finish(), event("[DONE]")))
    with gateway_before(provider) as gateway:
        response = httpx2.post(
            f"{gateway.url}/chat/completions",
            json={"model": "up/m", "messages": HI, "stream": True},
            headers=gateway.auth("alice"),
        )
    frames = response.content.decode().split("\n\n")
    assert response.headers["content-type"].startswith("text/event-stream")
    assert all(frame.startswith("data: ") and "\n" not in frame for frame in frames[:-1])
    assert "\r" not in response.text
    assert frames[-2:] == ["data: [DONE]", ""]
    assert len(frames) == 5


def test_under_openrouters_paths_its_words_are_spoken(provider: Provider) -> None:
    """An integer code in errors, figures in every stream, and a provider in every chunk."""
    provider.chat(status(403), sse(text("Hi"), finish(), chunk({}, choices=[], usage={"prompt_tokens": 3})))
    body = {"model": "up/m", "messages": HI}
    with gateway_before(provider) as gateway:
        url = f"{gateway.openrouter_url}/chat/completions"
        refused = httpx2.post(url, json=body, headers=gateway.auth("alice"))
        streamed = httpx2.post(url, json=body | {"stream": True}, headers=gateway.auth("alice"))
    assert refused.status_code == refused.json()["error"]["code"] == 502
    chunks = [json.loads(line[6:]) for line in streamed.text.splitlines() if line.startswith("data: {")]
    assert {each["provider"] for each in chunks} == {"up"}
    assert chunks[-1]["usage"]["prompt_tokens"] == 3


def test_many_streams_at_once_are_all_told_to_their_end(provider: Provider) -> None:
    """Of streams at the same time none is lost and none is mixed up with another."""
    provider.chat_script(lambda body: body["messages"][0]["content"] * 40)

    async def ask(client: openai.AsyncOpenAI, word: str) -> str:
        stream = await client.chat.completions.create(
            model="up/m", messages=[{"role": "user", "content": word}], stream=True
        )
        return "".join([each.choices[0].delta.content or "" async for each in stream])

    async def all_of_them(gateway: Gateway) -> list[str]:
        async with openai.AsyncOpenAI(base_url=gateway.url, api_key=secret("alice")) as client:
            return await asyncio.gather(*(ask(client, f"<{number}>") for number in range(100)))

    with gateway_before(provider) as gateway:
        assert asyncio.run(all_of_them(gateway)) == [f"<{number}>" * 40 for number in range(100)]


def test_offline_says_so_in_each_answer() -> None:
    """It never falls back to offline silently."""
    with gateway_before(None) as gateway, client_of(gateway) as client:
        raw = client.chat.completions.with_raw_response.create(model="any/name", messages=HI)
        streamed = list(client.chat.completions.create(model="any/name", messages=HI, stream=True))
    assert raw.headers["x-limner-offline"] == "true"
    answer: Any = raw.parse()
    assert (answer.model, answer.limner) == ("any/name", {"offline": True})
    first: Any = streamed[0]
    assert first.limner == {"offline": True}


def test_a_connection_that_breaks_is_an_error_for_the_client(provider: Provider) -> None:
    """U10: through the whole of the service."""
    gate = Gate()
    provider.chat(sse(text("Hello"), gate, CUT))
    with gateway_before(provider) as gateway, client_of(gateway) as client:
        stream = iter(client.chat.completions.create(model="up/m", messages=HI, stream=True))
        assert next(stream).choices[0].delta.content == "Hello"
        gate.open()
        with pytest.raises(openai.APIError) as caught:
            next(stream)
    assert caught.value.code == "upstream_reset"
