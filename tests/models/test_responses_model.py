"""A chat model that is asked through the Responses API, against a real server on loopback."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Iterator
from contextlib import aclosing, asynccontextmanager
from typing import Any

import pytest

from clocks import OwnClock
from limner.core.deltas import Folded, fold
from limner.core.events import AskedCall
from limner.core.messages import ChatRequest, Delta, Message, ToolSpec, Usage
from limner.errors import ConfigError, ModelError, ModelOverloaded, ModelTimeout
from limner.models.responses import ResponsesModel
from providers import CUT, STALL, Answer, Gate, Provider, event, raw, sse, status, wait_for, whole
from responders import called, events, items_of, message, named, responder, response, streamed, thought

pytestmark = pytest.mark.anyio

REQUEST = ChatRequest((Message("user", "Draw a fox"),))
DRAW = ToolSpec("draw", "Draws.", {"type": "object"})
PATH = "/v1/responses"


@pytest.fixture
def provider() -> Iterator[Provider]:
    with Provider() as running:
        yield running


@asynccontextmanager
async def connected(provider: Provider, **options: Any) -> AsyncIterator[ResponsesModel]:
    settled: dict[str, Any] = {
        "base_url": provider.base_url,
        "api_key": "sk-canary",
        "clock": OwnClock(),
        "first_byte_s": 20.0,
        "idle_s": 20.0,
    }
    model = ResponsesModel("m-1", **(settled | options))
    try:
        yield model
    finally:
        await model.aclose()


async def heard(model: ResponsesModel, request: ChatRequest = REQUEST) -> Folded:
    """All that the model says, folded."""
    async with aclosing(model.stream(request)) as batches:
        return fold([delta async for batch in batches for delta in batch])


async def failed(model: ResponsesModel) -> tuple[str, ModelError]:
    """What the model says before it fails, and the error."""
    deltas: list[Delta] = []

    async def hear() -> None:
        async with aclosing(model.stream(REQUEST)) as batches:
            async for batch in batches:
                deltas.extend(batch)

    with pytest.raises(ModelError) as caught:
        await hear()
    return "".join(delta.text for delta in deltas), caught.value


ANSWER = (
    thought("rs_1", ["A fox ", "it is."]),
    message("Here is one."),
    called("draw", {"prompt": "a fox"}, call_id="call_a"),
    called("draw", {"prompt": "an owl"}, call_id="call_b"),
)
SEALED = {"type": "reasoning.encrypted", "data": "sealed-rs_1", "format": "openai-responses-v1", "id": "rs_1"}


@pytest.mark.parametrize("stream", [True, False], ids=["streamed", "whole"])
async def test_an_answer_says_the_same_streamed_and_whole(provider: Provider, stream: bool) -> None:
    """Facts, wire, 4.1 to 4.4: words, calls, thoughts and figures, each told once."""
    provider.script(PATH, responder(lambda body: ANSWER))
    async with connected(provider, stream=stream) as model:
        folded = await heard(model)
    assert folded.text == "Here is one."
    assert folded.calls == (
        AskedCall("draw", '{"prompt": "a fox"}'),
        AskedCall("draw", '{"prompt": "an owl"}'),
    )
    assert folded.finish_reason == "tool_calls"
    assert folded.usage == Usage(30, 20, cached_tokens=10, reasoning_tokens=12)
    assert [each.get("summary") for each in folded.reasoning] == ["A fox ", "it is.", None]
    assert folded.reasoning[-1] == SEALED | {"index": 2}
    assert provider.requests[0].json.get("stream", False) is stream


async def test_the_request_is_written_for_this_api(provider: Provider) -> None:
    """OpenAI API reference, "Create a model response": flat tools, nothing stored, thoughts encrypted."""
    provider.answers(PATH, streamed(message("ok")))
    request = ChatRequest((Message("system", "Be kind"), *REQUEST.messages), (DRAW,), "draw")
    async with connected(provider, extra_body={"service_tier": "flex"}) as model:
        await heard(model, request)
    (sent,) = provider.requests
    assert sent.path == PATH
    assert sent.headers["authorization"] == "Bearer sk-canary"
    assert sent.json == {
        "model": "m-1",
        "input": [
            {"type": "message", "role": "system", "content": [{"type": "input_text", "text": "Be kind"}]},
            {"type": "message", "role": "user", "content": [{"type": "input_text", "text": "Draw a fox"}]},
        ],
        "tools": [
            {
                "type": "function",
                "name": "draw",
                "description": "Draws.",
                "parameters": {"type": "object"},
                "strict": False,
            }
        ],
        "tool_choice": {"type": "function", "name": "draw"},
        "store": False,
        "include": ["reasoning.encrypted_content"],
        "stream": True,
        "service_tier": "flex",
    }


async def test_another_name_at_the_endpoint_has_options_in_the_words_of_chats(provider: Provider) -> None:
    """One engine speaks to both APIs: what a client says as a chat is told in the words of this one."""
    provider.answers(PATH, streamed(message("ok")))
    async with connected(provider, extra_body={"service_tier": "flex"}) as model:
        other = model.named("m-2", {"max_tokens": 99, "reasoning_effort": "low", "stop": ["."]})
        await heard(other)
        await other.aclose()
        await heard(model)
    first, second = (request.json for request in provider.requests)
    assert (first["model"], first["max_output_tokens"], first["reasoning"]) == ("m-2", 99, {"effort": "low"})
    assert not {"stop", "max_tokens", "reasoning_effort", "service_tier"} & set(first)
    assert (second["model"], second["service_tier"]) == ("m-1", "flex")


async def test_plain_json_is_accepted_where_a_stream_was_asked_for(provider: Provider) -> None:
    """A server that answers plain JSON to stream:true is accepted."""
    provider.answers(PATH, whole(response(message("Hello"))))
    async with connected(provider) as model:
        assert (await heard(model)).text == "Hello"


async def test_a_model_that_does_not_think_is_asked_without_its_thoughts(provider: Provider) -> None:
    """Quirk 36: a refused field costs nothing, and is left out for that model from then on."""
    words = "Encrypted content is not supported with this model."
    refused = {"error": {"message": words, "type": "invalid_request_error", "param": "include", "code": None}}
    provider.answers(PATH, status(400, refused), streamed(message("Hi")))
    async with connected(provider) as model:
        assert (await heard(model)).text == "Hi"
        assert (await heard(model)).text == "Hi"
        assert (await heard(model.named("m-2"))).text == "Hi"
    assert ["include" in request.json for request in provider.requests] == [True, False, False, True]


async def test_a_thought_that_the_provider_cannot_decrypt_costs_the_thought_alone(provider: Provider) -> None:
    """Another account's key: without this, the conversation would be refused for ever."""
    words = "The encrypted content for item rs_1 could not be verified."
    refused = {
        "error": {"message": words, "type": "invalid_request_error", "code": "invalid_encrypted_content"}
    }

    def answer(body: dict[str, Any]) -> Answer:
        return status(400, refused) if items_of(body, "reasoning") else streamed(message("Hi"))

    provider.script(PATH, answer)
    spoken = Message("assistant", "Hm.", reasoning=({**SEALED, "index": 0},))
    async with connected(provider) as model:
        assert (await heard(model, ChatRequest((*REQUEST.messages, spoken, *REQUEST.messages)))).text == "Hi"
    assert ["include" in request.json for request in provider.requests] == [True, True]


async def test_a_refusal_of_what_was_thought_is_tried_once_more_and_no_oftener(provider: Provider) -> None:
    """A server that goes on refusing is heard."""
    provider.answers(PATH, status(400, {"error": {"message": "Item 'rs_1' was provided without its item."}}))
    spoken = Message("assistant", "Hm.", reasoning=({**SEALED, "index": 0},))
    async with connected(provider) as model:
        with pytest.raises(ModelError) as caught:
            await heard(model, ChatRequest((*REQUEST.messages, spoken, *REQUEST.messages)))
    assert (caught.value.code, len(provider.requests)) == ("upstream_bad_request", 2)


async def test_a_finished_answer_is_not_waited_for_and_keeps_its_connection(provider: Provider) -> None:
    """The event that ends an answer ends it; the terminator that may follow is drained."""
    provider.answers(PATH, streamed(message("Hi"), done=True))
    async with connected(provider) as model:
        for _ in range(3):
            assert (await heard(model)).text == "Hi"
    assert provider.connections == 1


async def test_an_answer_that_ended_is_heard_though_the_connection_stays(provider: Provider) -> None:
    """The event that ends an answer ends it, whatever the server still waits for."""
    provider.answers(PATH, sse(*events(message("Hi")), STALL, done=False))
    async with connected(provider) as model:
        assert (await heard(model)).text == "Hi"
    await wait_for(provider.requests[0].closed)


# --- failures --------------------------------------------------------------------------------

BEGUN = events(message("Hi"))[:-1]
FAILED = {"code": "server_error", "message": "canary-words"}


def fails(code: str, **fields: Any) -> bytes:
    error = {"code": code, "message": "canary-words"}
    return named("response.failed", response=response(status="failed", error=error, **fields))


BROKEN: dict[str, tuple[Answer, str, str]] = {
    "no end": (sse(*BEGUN, done=False), "upstream_truncated", "Hi"),
    "[DONE] and no end": (sse(*BEGUN), "upstream_truncated", "Hi"),
    "half an end": (
        sse(*BEGUN, events(message("Hi"))[-1][:-40], done=False),
        "upstream_truncated",
        "Hi",
    ),
    "stalls in the middle": (sse(*BEGUN, STALL), "upstream_idle_timeout", "Hi"),
    "resets in the middle": (sse(*BEGUN, CUT), "upstream_reset", "Hi"),
    "fails in the middle": (sse(*BEGUN, fails("server_error")), "upstream_stream_error", "Hi"),
    "fails before its first word": (sse(BEGUN[0], fails("server_error")), "upstream_5xx", ""),
    "is over its rate before its first word": (
        sse(BEGUN[0], fails("rate_limit_exceeded")),
        "upstream_rate_limited",
        "",
    ),
    "has no credit": (sse(BEGUN[0], fails("insufficient_quota")), "upstream_quota", ""),
    "is asked too much": (sse(BEGUN[0], fails("context_length_exceeded")), "context_length_exceeded", ""),
    "a wrong key, told late": (
        sse(BEGUN[0], fails("server_error", error_type="authentication")),
        "upstream_auth",
        "",
    ),
    "fails without a word why": (
        sse(BEGUN[0], named("response.failed", response=response(status="failed"))),
        "upstream_stream_error",
        "",
    ),
    "is cancelled": (
        sse(*BEGUN, named("response.cancelled", response=response(status="cancelled"))),
        "upstream_stream_error",
        "Hi",
    ),
    "an error, flat": (
        sse(*BEGUN, named("error", code="server_error", message="canary-words", param=None)),
        "upstream_stream_error",
        "Hi",
    ),
    "an error, nested": (
        sse(BEGUN[0], named("error", error={"code": "rate_limit_exceeded", "message": "canary-words"})),
        "upstream_rate_limited",
        "",
    ),
    "an error of the documents": (
        sse(BEGUN[0], named("response.error", error={"code": "invalid_api_key", "message": "canary-words"})),
        "upstream_auth",
        "",
    ),
    "an error that its frame alone calls one": (
        sse(BEGUN[0], b'event: error\ndata: {"code": "server_error", "message": "canary-words"}\n\n'),
        "upstream_5xx",
        "",
    ),
    "a whole answer that failed": (
        whole(response(message("Hi"), status="failed", error=FAILED)),
        "upstream_stream_error",
        "Hi",
    ),
    "a whole answer that is none yet": (whole(response(status="queued")), "upstream_empty", ""),
    "a chat's answer": (
        whole({"choices": [{"message": {"content": "Hi"}, "finish_reason": "stop"}]}),
        "upstream_empty",
        "",
    ),
    "a chat's stream": (
        sse(event({"choices": [{"delta": {"content": "Hi"}, "finish_reason": "stop"}]})),
        "upstream_truncated",
        "",
    ),
    "no JSON": (sse(*BEGUN, event("{canary-words")), "upstream_protocol", "Hi"),
    "a page": (raw(b"<html>canary-words", "text/html"), "upstream_empty", ""),
    "nothing": (raw(b""), "upstream_empty", ""),
}


@pytest.mark.parametrize(("answer", "code", "said_"), BROKEN.values(), ids=BROKEN.keys())
async def test_every_break_has_its_code_and_what_was_said_before_it_stands(
    provider: Provider, answer: Answer, code: str, said_: str
) -> None:
    """Scorecard U09 to U19: nothing is retried once it may have been billed, nothing is echoed."""
    provider.answers(PATH, answer)
    async with connected(provider, idle_s=0.3 if code == "upstream_idle_timeout" else 20.0) as model:
        words, error = await failed(model)
    assert (error.code, words) == (code, said_)
    assert "canary" not in str(error)
    assert isinstance(error, ModelTimeout) == code.endswith("_timeout")
    assert isinstance(error, ModelOverloaded) == (code in ("upstream_rate_limited", "upstream_quota"))
    assert len(provider.requests) == 1


REFUSED: dict[str, tuple[Answer, str, int]] = {
    "401": (status(401), "upstream_auth", 1),
    "404": (status(404), "upstream_model_not_found", 1),
    "429 for ever": (status(429), "upstream_rate_limited", 3),
    "no credit": (
        status(429, {"error": {"message": "x", "code": "insufficient_quota"}}),
        "upstream_quota",
        1,
    ),
    "500 for ever": (status(500), "upstream_5xx", 3),
    "400": (status(400), "upstream_bad_request", 1),
    "400 for its length": (
        status(400, {"error": {"message": "x", "code": "context_length_exceeded"}}),
        "context_length_exceeded",
        1,
    ),
}


@pytest.mark.parametrize(("answer", "code", "tries"), REFUSED.values(), ids=REFUSED.keys())
async def test_every_refusal_has_its_code_and_its_number_of_tries(
    provider: Provider, answer: Answer, code: str, tries: int
) -> None:
    """Scorecard U01 to U06: at most two retries, and only where a retry can help."""
    clock = OwnClock()
    provider.answers(PATH, answer)
    async with connected(provider, clock=clock) as model:
        words, error = await failed(model)
    assert (error.code, words, len(provider.requests)) == (code, "", tries)
    assert len(clock.slept) == tries - 1
    assert "canary" not in str(error) + repr(error)


async def test_what_passes_is_tried_again_and_a_wait_that_was_asked_for_is_kept(provider: Provider) -> None:
    """Scorecard U01 and U04: no request earlier than Retry-After; the next try answers."""
    clock = OwnClock()
    provider.answers(PATH, status(429, retry_after="2"), status(500), streamed(message("Hi")))
    async with connected(provider, clock=clock) as model:
        assert (await heard(model)).text == "Hi"
    first, second = clock.slept
    assert 2 <= first < 3
    assert second >= 0.5


# --- leaving ---------------------------------------------------------------------------------


async def test_what_is_left_out_at_once_takes_no_retry_away(provider: Provider) -> None:
    """Retries are for what passes; a server may be busy right after it has refused a field."""
    words = "Encrypted content is not supported with this model."
    refused = {"error": {"message": words, "type": "invalid_request_error", "param": "include", "code": None}}
    provider.answers(PATH, status(400, refused), status(503), status(503), streamed(message("Hi")))
    async with connected(provider) as model:
        assert (await heard(model)).text == "Hi"
    assert len(provider.requests) == 4


async def test_leaving_early_closes_the_providers_stream(provider: Provider) -> None:
    """Protocol: the provider's stream is closed before the generator ends."""
    gate = Gate()
    provider.answers(PATH, sse(*BEGUN, gate, STALL))
    async with connected(provider) as model:
        async with aclosing(model.stream(REQUEST)) as batches:
            await anext(batches)
        await wait_for(provider.requests[0].closed)


async def test_a_model_without_a_name_is_refused() -> None:
    """CONVENTIONS, errors: what cannot work is refused before anything is sent."""
    with pytest.raises(ConfigError) as caught:
        ResponsesModel("", api_key="k")
    assert caught.value.code == "model_missing"


async def test_the_server_of_these_tests_refuses_a_call_without_its_thought(provider: Provider) -> None:
    """The checker itself: quirk 35 is what the tests of whole turns stand on."""
    provider.script(PATH, responder(lambda body: ANSWER))
    async with connected(provider) as model:
        folded = await heard(model)
        calls = tuple(_calls(folded))
        results = tuple(Message("tool", "ok", call_id=call.id) for call in calls)
        bare = Message("assistant", folded.text, calls[:1])
        whole_ = Message("assistant", folded.text, calls, reasoning=folded.reasoning)
        assert (await heard(model, ChatRequest((*REQUEST.messages, whole_, *results)))).text
        with pytest.raises(ModelError) as caught:
            await heard(model, ChatRequest((*REQUEST.messages, bare)))
    assert caught.value.code == "upstream_bad_request"


def _calls(folded: Folded) -> Iterator[Any]:
    from limner.core.messages import ToolCall

    for at, call in enumerate(folded.calls):
        yield ToolCall(f"c{at:08}", call.name, json.dumps(json.loads(call.arguments)))
