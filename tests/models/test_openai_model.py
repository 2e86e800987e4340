"""The chat model behind an OpenAI-compatible endpoint, against a real server on loopback."""

from __future__ import annotations

import gzip
import json
import logging
import socket
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import aclosing, asynccontextmanager
from typing import Any

import anyio
import pytest

from clocks import OwnClock
from limner.core.messages import ChatRequest, Delta, Message, ToolSpec, Usage
from limner.errors import ConfigError, ModelError, ModelOverloaded, ModelTimeout
from limner.models.openai import OpenAIModel
from providers import (
    CUT,
    FIN,
    STALL,
    Answer,
    Gate,
    Provider,
    Said,
    call,
    chunk,
    event,
    finish,
    raw,
    sse,
    status,
    text,
    usage,
    wait_for,
    whole,
)

pytestmark = pytest.mark.anyio

REQUEST = ChatRequest((Message("user", "Draw a fox"),))
DRAW = ToolSpec("draw", "Draws.", {"type": "object"})


@pytest.fixture
def provider() -> Iterator[Provider]:
    with Provider() as running:
        yield running


@asynccontextmanager
async def connected(provider: Provider, **options: Any) -> AsyncIterator[OpenAIModel]:
    """A model at `provider` with short deadlines."""
    settled: dict[str, Any] = {
        "base_url": provider.base_url,
        "api_key": "sk-canary",
        "clock": OwnClock(),
        "first_byte_s": 20.0,
        "idle_s": 20.0,
    }
    model = OpenAIModel("m-1", **(settled | options))
    try:
        yield model
    finally:
        await model.aclose()


async def heard(model: OpenAIModel, request: ChatRequest = REQUEST) -> list[Delta]:
    """All that the model says."""
    async with aclosing(model.stream(request)) as batches:
        return [delta async for batch in batches for delta in batch]


async def failed(model: OpenAIModel) -> tuple[list[Delta], ModelError]:
    """What the model says before it fails, and the error."""
    deltas: list[Delta] = []

    async def hear() -> None:
        async with aclosing(model.stream(REQUEST)) as batches:
            async for batch in batches:
                deltas.extend(batch)

    with pytest.raises(ModelError) as caught:
        await hear()
    return deltas, caught.value


def words(deltas: list[Delta]) -> str:
    return "".join(delta.text for delta in deltas)


# --- the plain way ---------------------------------------------------------------------------


async def test_a_streamed_answer_becomes_deltas_with_its_figures(provider: Provider) -> None:
    """Real providers: any Chat Completions endpoint, streamed."""
    provider.chat(
        sse(
            text("Hel"),
            text("lo"),
            call("draw", {"prompt": "fox"}, index=0, id="a"),
            finish("tool_calls"),
            usage(prompt_tokens=7, completion_tokens=3, cost=0.25),
        )
    )
    async with connected(provider) as model:
        deltas = await heard(model)
    assert words(deltas) == "Hello"
    assert [(d.index, d.call_id, d.name, d.arguments) for d in deltas if d.name] == [
        (0, "a", "draw", '{"prompt": "fox"}')
    ]
    assert [d.finish_reason for d in deltas if d.finish_reason] == ["tool_calls"]
    assert [d.usage for d in deltas if d.usage] == [Usage(7, 3, 0.25)]


async def test_a_whole_answer_becomes_one_tuple(provider: Provider) -> None:
    """Protocol: a model that does not stream yields one tuple."""
    provider.chat_script(lambda body: Said("Hello", calls=[("draw", {"prompt": "fox"})]))
    async with connected(provider, stream=False) as model, aclosing(model.stream(REQUEST)) as batches:
        (deltas,) = [batch async for batch in batches]
    assert words(list(deltas)) == "Hello"
    assert [d.name for d in deltas if d.name] == ["draw"]
    assert deltas[-1].finish_reason == "tool_calls"
    assert "stream" not in provider.requests[0].json


async def test_plain_json_is_accepted_where_a_stream_was_asked_for(provider: Provider) -> None:
    """A server that answers plain JSON to stream:true is accepted."""
    message = {"role": "assistant", "content": "Hello"}
    provider.chat(whole({"choices": [{"message": message, "finish_reason": "stop"}]}))
    async with connected(provider) as model:
        assert words(await heard(model)) == "Hello"
    assert provider.requests[0].json["stream"] is True


async def test_white_space_that_keeps_the_connection_alive_is_skipped(provider: Provider) -> None:
    """Some gateways send blanks before a whole answer while they wait."""
    body = json.dumps({"choices": [{"message": {"content": "Hello"}, "finish_reason": "stop"}]}).encode()
    provider.chat(Answer((b"   ", 0.01, b"\n\n", 0.01, body), headers={"content-type": "application/json"}))
    async with connected(provider) as model:
        assert words(await heard(model)) == "Hello"


async def test_each_network_read_is_one_tuple(provider: Provider) -> None:
    """DESIGN: models yield tuples of deltas, one tuple per network read."""
    gate = Gate()
    provider.chat(sse(text("a") + text("b"), gate, text("c") + finish()))
    async with connected(provider) as model, aclosing(model.stream(REQUEST)) as batches:
        first = await anext(batches)
        gate.open()
        rest = [batch async for batch in batches]
    assert words(list(first)) == "ab"
    assert words([delta for batch in rest for delta in batch]) == "c"


async def test_the_request_carries_the_key_the_tools_and_the_options(provider: Provider) -> None:
    """Wire sheet, section 3: the shape of a request."""
    provider.chat(sse(text("ok"), finish()))
    request = ChatRequest(REQUEST.messages, (DRAW,), "draw")
    async with connected(provider, extra_body={"temperature": 0, "stream_options": None}) as model:
        await heard(model, request)
    (sent,) = provider.requests
    assert sent.path == "/v1/chat/completions"
    assert sent.headers["authorization"] == "Bearer sk-canary"
    assert sent.json == {
        "model": "m-1",
        "messages": [{"role": "user", "content": "Draw a fox"}],
        "tools": [
            {
                "type": "function",
                "function": {"name": "draw", "description": "Draws.", "parameters": {"type": "object"}},
            }
        ],
        "tool_choice": {"type": "function", "function": {"name": "draw"}},
        "stream": True,
        "temperature": 0,
    }


async def test_an_empty_key_sends_no_key(provider: Provider) -> None:
    """Local servers need none, and "Bearer " alone is refused by some."""
    provider.chat(sse(text("ok"), finish()))
    async with connected(provider, api_key="") as model:
        await heard(model)
    assert "authorization" not in provider.requests[0].headers


async def test_a_connection_serves_the_next_request_too(provider: Provider) -> None:
    """A handshake costs a tenth of a second; an answer that was read to its end keeps its connection."""
    provider.chat(sse(text("ok"), finish()))
    async with connected(provider) as model:
        for _ in range(3):
            await heard(model)
    assert provider.connections == 1


# --- shapes ----------------------------------------------------------------------------------

FOX = json.dumps({"choices": [{"delta": {"content": "🦊é"}}]}, ensure_ascii=False).encode()

SHAPES: dict[str, tuple[Answer, str]] = {
    "U14 a character cut in two": (
        sse(b"data: " + FOX[:38], 0.01, FOX[38:41], 0.01, FOX[41:] + b"\n\n", finish()),
        "🦊é",
    ),
    "U15 bytes that are no UTF-8": (
        sse(b'data: {"choices":[{"delta":{"content":"a\xff\xfeb"}}]}\n\n', finish()),
        "a\ufffd\ufffdb",
    ),
    "U15 a lone surrogate": (
        sse(b'data: {"choices":[{"delta":{"content":"a\\ud800b"}}]}\n\n', finish()),
        "a\ufffdb",
    ),
    "U16 CRLF": (sse(text("Hi").replace(b"\n", b"\r\n"), finish().replace(b"\n", b"\r\n")), "Hi"),
    "U16 CR": (sse(text("Hi").replace(b"\n", b"\r"), finish().replace(b"\n", b"\r")), "Hi"),
    "U16 comments, ids, events, a byte order mark": (
        sse(b"\xef\xbb\xbf: PROCESSING\n\n", b"id: 7\nevent: message\n" + text("Hi"), b":\n", finish()),
        "Hi",
    ),
    "U16 no space after the colon": (sse(text("Hi").replace(b"data: ", b"data:"), finish()), "Hi"),
    "U18 no choices first": (
        sse(event({"choices": [], "prompt_filter_results": []}), text("Hi"), finish()),
        "Hi",
    ),
    "U18 choices null, delta null": (
        sse(event({"choices": None}), event({"choices": [{"delta": None}]}), text("Hi"), finish()),
        "Hi",
    ),
    "U20 content null and no calls": (sse(chunk({"content": None}), finish()), ""),
    "no [DONE] after the finish": (sse(text("Hi"), finish(), done=False), "Hi"),
    "no finish before [DONE]": (sse(text("Hi")), "Hi"),
    "[DONE] without its empty line": (sse(text("Hi"), b"data: [DONE]", done=False), "Hi"),
    "cut after the finish": (sse(text("Hi"), finish(), 0.05, CUT), "Hi"),
    "gzip although it was not asked for": (
        sse(gzip.compress(text("Hi") + finish()), done=False, headers={"content-encoding": "gzip"}),
        "Hi",
    ),
    "called plain text": (sse(text("Hi"), finish(), headers={"content-type": "text/plain"}), "Hi"),
}


@pytest.mark.parametrize(("answer", "said"), SHAPES.values(), ids=SHAPES.keys())
async def test_every_shape_is_read(provider: Provider, answer: Answer, said: str) -> None:
    """Scorecard U14 to U20, quirks 11, 13 and 14."""
    provider.chat(answer)
    async with connected(provider) as model:
        assert words(await heard(model)) == said


# --- failures --------------------------------------------------------------------------------

BIG = b"data: " + b"x" * 70_000
BOMB = gzip.compress(b"{" + b" " * (40 * 1024 * 1024))

BROKEN: dict[str, tuple[Answer, str, str]] = {
    "U09 stalls in the middle": (sse(text("Hi"), STALL), "upstream_idle_timeout", "Hi"),
    "U10 reset in the middle": (sse(text("Hi"), 0.05, CUT), "upstream_reset", "Hi"),
    "U10 closed in the middle of the chunked body": (sse(text("Hi"), 0.05, FIN), "upstream_reset", "Hi"),
    "U10 reset before the headers": (Answer(before=(CUT,)), "upstream_reset", ""),
    "U11 ends without an end": (sse(text("Hi"), done=False), "upstream_truncated", "Hi"),
    "U11 ends inside an event": (
        sse(text("Hi"), b'data: {"choices":[{"de', done=False),
        "upstream_truncated",
        "Hi",
    ),
    "U12 an error in the middle": (
        sse(text("Hi"), event({"error": {"code": 502, "message": "canary-words"}})),
        "upstream_stream_error",
        "Hi",
    ),
    "U12 an error beside choices": (
        sse(chunk({"content": "Hi"}, "error", error={"code": 429, "message": "canary-words"})),
        "upstream_stream_error",
        "Hi",
    ),
    "U12 an error object of another kind": (
        sse(text("Hi"), event({"object": "error", "message": "canary-words", "code": 400})),
        "upstream_stream_error",
        "Hi",
    ),
    "U12 an error event": (
        sse(text("Hi"), b"event: error\n" + event("canary-words")),
        "upstream_stream_error",
        "Hi",
    ),
    "U12 an error before the first word": (
        sse(event({"error": {"code": 429, "message": "canary-words"}})),
        "upstream_rate_limited",
        "",
    ),
    "U12 an error in a whole answer, after words": (
        whole(
            {
                "choices": [
                    {
                        "message": {"content": "Hi"},
                        "finish_reason": "error",
                        "error": {"code": 502, "message": "canary-words"},
                    }
                ]
            }
        ),
        "upstream_stream_error",
        "Hi",
    ),
    "U13 no JSON": (sse(text("Hi") + event("{canary-words")), "upstream_protocol", "Hi"),
    "U13 JSON too deep": (sse(text("Hi"), event("[" * 100_000)), "upstream_protocol", "Hi"),
    "U17 one endless line": (sse(text("Hi"), *[BIG] * 70, done=False), "upstream_too_large", "Hi"),
    "U17 an endless whole answer": (
        Answer((b"{", *[b" " * 1_000_000] * 17), headers={"content-type": "application/json"}),
        "upstream_too_large",
        "",
    ),
    "U17 a gzip bomb": (
        Answer((BOMB,), headers={"content-type": "application/json", "content-encoding": "gzip"}),
        "upstream_too_large",
        "",
    ),
    "U19 no choices": (whole({"choices": []}), "upstream_empty", ""),
    "U19 message null": (whole({"choices": [{"message": None}]}), "upstream_empty", ""),
    "U19 a page of HTML": (raw(b"<html>canary-words", "text/html"), "upstream_empty", ""),
    "U19 nothing": (raw(b""), "upstream_empty", ""),
    "U19 a stream that says nothing": (sse(event({"choices": []})), "upstream_empty", ""),
    "an encoding that nobody asked for": (
        sse(text("Hi"), headers={"content-encoding": "br"}),
        "upstream_protocol",
        "",
    ),
}


@pytest.mark.parametrize(("answer", "code", "said"), BROKEN.values(), ids=BROKEN.keys())
async def test_every_break_has_its_code_and_what_was_said_before_it_stands(
    provider: Provider, answer: Answer, code: str, said: str
) -> None:
    """Scorecard U09 to U19: nothing is retried once it may have been billed, nothing is echoed."""
    provider.chat(answer)
    async with connected(provider, idle_s=0.3 if code == "upstream_idle_timeout" else 20.0) as model:
        deltas, error = await failed(model)
    assert (error.code, words(deltas)) == (code, said)
    assert "canary" not in str(error)
    assert isinstance(error, ModelTimeout) == code.endswith("_timeout")
    assert len(provider.requests) == 1


def openai_error(code: str | None, message: str = "canary-words") -> dict[str, Any]:
    return {"error": {"message": message, "type": "invalid_request_error", "param": None, "code": code}}


REFUSED: dict[str, tuple[Answer, str, int]] = {
    "U03 quota": (status(429, openai_error("insufficient_quota")), "upstream_quota", 1),
    "U03 no credit": (status(402), "upstream_quota", 1),
    "U01 429 for ever": (status(429), "upstream_rate_limited", 3),
    "U04 500": (status(500), "upstream_5xx", 3),
    "U04 502": (whole(b"<html>canary-words", 502), "upstream_5xx", 3),
    "U04 503": (whole(b"canary-words", 503), "upstream_5xx", 3),
    "U04 529": (status(529), "upstream_5xx", 3),
    "504 may be at work still": (status(504), "upstream_5xx", 1),
    "U05 context": (status(400, openai_error("context_length_exceeded")), "context_length_exceeded", 1),
    "U05 context in prose": (
        status(400, {"object": "error", "message": "This model's maximum context length is 8", "code": 400}),
        "context_length_exceeded",
        1,
    ),
    "U05 another 400": (status(400, openai_error("invalid_value")), "upstream_bad_request", 1),
    "U05 a detail": (status(422, {"detail": [{"msg": "canary-words"}]}), "upstream_bad_request", 1),
    "U06 401": (status(401, openai_error("invalid_api_key", "sk-canary")), "upstream_auth", 1),
    "U06 403": (status(403), "upstream_auth", 1),
    "404": (status(404, openai_error("model_not_found")), "upstream_model_not_found", 1),
    "404 as text": (status(404, {"error": "canary-words"}), "upstream_model_not_found", 1),
    "400 for a model": (
        status(400, {"error": {"code": 400, "message": "x is not a valid model ID"}}),
        "upstream_model_not_found",
        1,
    ),
    "a redirect": (whole({}, 307, location="http://127.0.0.1:9/elsewhere"), "upstream_protocol", 1),
    "an endless error": (
        Answer((*[b"canary-words" * 10_000] * 20, STALL), 400),
        "upstream_bad_request",
        1,
    ),
    "a cut error": (Answer((b'{"error"', CUT), 400), "upstream_bad_request", 1),
}


@pytest.mark.parametrize(("answer", "code", "tries"), REFUSED.values(), ids=REFUSED.keys())
async def test_every_refusal_has_its_code_and_its_number_of_tries(
    provider: Provider, answer: Answer, code: str, tries: int
) -> None:
    """Scorecard U01 to U06: at most two retries, and only where a retry can help."""
    clock = OwnClock()
    provider.chat(answer)
    async with connected(provider, clock=clock) as model:
        deltas, error = await failed(model)
    assert (error.code, deltas) == (code, [])
    assert len(provider.requests) == tries
    assert len(clock.slept) == tries - 1
    assert all(0.5 <= seconds <= 8 for seconds in clock.slept)
    assert "canary" not in str(error) + repr(error)


async def test_u01_a_wait_that_was_asked_for_is_kept(provider: Provider) -> None:
    """Scorecard U01: no request earlier than Retry-After; the second try answers."""
    clock = OwnClock()
    provider.chat(status(429, retry_after="2"), status(429, retry_after_ms="1500"), sse(text("Hi"), finish()))
    async with connected(provider, clock=clock) as model:
        assert words(await heard(model)) == "Hi"
    first, second = clock.slept
    assert 2 <= first < 3
    assert 1.5 <= second < 2.5


@pytest.mark.parametrize(
    "asked", ["3600", "-1", "NaN", "soon", "Mon, 02 Jan 2006 15:04:05 GMT"], ids=lambda asked: f"U02 {asked}"
)
async def test_u02_an_absurd_wait_ends_it_at_once(provider: Provider, asked: str) -> None:
    """Scorecard U02: no wait, and no figure is passed on."""
    clock = OwnClock()
    provider.chat(status(429, retry_after=asked))
    async with connected(provider, clock=clock) as model:
        _, error = await failed(model)
    assert isinstance(error, ModelOverloaded)
    assert error.retry_after_s is None
    assert (clock.slept, len(provider.requests)) == ([], 1)


async def test_u03_an_empty_account_is_overload_that_no_retry_helps(provider: Provider) -> None:
    """Scorecard U03: 429, but not retryable."""
    provider.chat(status(429, openai_error("insufficient_quota"), retry_after="1"))
    async with connected(provider) as model:
        _, error = await failed(model)
    assert isinstance(error, ModelOverloaded)
    assert not error.retryable


async def test_u07_a_refused_connection_is_tried_three_times() -> None:
    """Scorecard U07."""
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        clock = OwnClock()
        url = f"http://127.0.0.1:{closed.getsockname()[1]}/v1"
        model = OpenAIModel("m", base_url=url, api_key="k", clock=clock)
        _, error = await failed(model)
        await model.aclose()
    assert error.code == "upstream_unreachable"
    assert len(clock.slept) == 2


async def test_u07_a_name_that_does_not_exist_is_unreachable() -> None:
    """Scorecard U07; `.invalid` never resolves (RFC 2606)."""
    model = OpenAIModel("m", base_url="http://nowhere.invalid/v1", api_key="k", clock=OwnClock())
    _, error = await failed(model)
    await model.aclose()
    assert error.code == "upstream_unreachable"


async def test_u07_what_speaks_no_tls_is_unreachable_at_once(provider: Provider) -> None:
    """Scorecard U07: no retries for TLS."""
    clock = OwnClock()
    url = provider.base_url.replace("http:", "https:")
    async with connected(provider, base_url=url, clock=clock) as model:
        _, error = await failed(model)
    assert error.code == "upstream_unreachable"
    assert clock.slept == []


@pytest.mark.parametrize(
    "answer", [Answer(before=(STALL,)), Answer((STALL,))], ids=["U08 before the headers", "U08 after them"]
)
async def test_u08_silence_ends_at_its_limit_and_is_not_retried(provider: Provider, answer: Answer) -> None:
    """Scorecard U08: it may already be billed."""
    provider.chat(answer)
    async with connected(provider, first_byte_s=0.3) as model:
        _, error = await failed(model)
    assert isinstance(error, ModelTimeout)
    assert error.code == "upstream_ttfb_timeout"
    assert len(provider.requests) == 1
    await wait_for(provider.requests[0].closed)


async def test_u16_comments_keep_a_slow_answer_alive(provider: Provider) -> None:
    """Scorecard U16: keep-alives count as signs of life."""
    beats = [step for _ in range(10) for step in (0.1, b": PROCESSING\n\n")]
    provider.chat(sse(*beats, text("Hi"), finish()))
    async with connected(provider, idle_s=0.8) as model:
        assert words(await heard(model)) == "Hi"


@pytest.mark.parametrize(
    "rest", [(STALL,), (0.1, b": still here\n\n") * 1000], ids=["silence", "signs of life"]
)
async def test_a_model_that_has_finished_is_not_waited_for(provider: Provider, rest: tuple[Any, ...]) -> None:
    """What may follow the finish is figures, which are worth no long wait."""
    provider.chat(sse(text("Hi"), finish(), *rest))
    async with connected(provider, idle_s=60, tail_s=0.2) as model:
        with anyio.fail_after(20):
            assert words(await heard(model)) == "Hi"
    await wait_for(provider.requests[0].closed)


async def test_a_server_that_does_not_know_stream_options_is_asked_without(provider: Provider) -> None:
    """Quirk 36: an unknown parameter is a 400, which costs nothing."""
    refusal = openai_error("unknown_parameter", "Unknown parameter: 'stream_options'.")
    provider.chat(status(400, refusal), sse(text("Hi"), finish()))
    async with connected(provider) as model:
        assert words(await heard(model)) == "Hi"
        assert words(await heard(model)) == "Hi"
    assert ["stream_options" in request.json for request in provider.requests] == [True, False, False]


# --- leaving ---------------------------------------------------------------------------------


async def test_leaving_early_closes_the_providers_stream(provider: Provider) -> None:
    """Protocol: the provider's stream is closed before the generator ends."""
    provider.chat(sse(text("a"), text("b"), STALL))
    async with connected(provider) as model:
        async with aclosing(model.stream(REQUEST)) as batches:
            await anext(batches)
        await wait_for(provider.requests[0].closed)


async def test_cancelling_closes_the_providers_stream(provider: Provider) -> None:
    """Protocol: safe to cancel at any time."""
    gate = Gate()
    provider.chat(sse(text("a"), gate, STALL))
    async with connected(provider) as model:
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(heard, model)
            await gate.wait_until_reached()
            tasks.cancel_scope.cancel()
        await wait_for(provider.requests[0].closed)


async def test_cancelling_before_the_headers_closes_the_connection(provider: Provider) -> None:
    """Protocol: safe to cancel at any time."""
    gate = Gate()
    provider.chat(Answer(before=(gate, STALL)))
    async with connected(provider) as model:
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(heard, model)
            await gate.wait_until_reached()
            tasks.cancel_scope.cancel()
        await wait_for(provider.requests[0].closed)


# --- secrets ---------------------------------------------------------------------------------


async def test_u06_a_redirect_never_takes_the_key_elsewhere(provider: Provider) -> None:
    """DESIGN decision 10: an unguarded 307 sends the key's request elsewhere."""
    with Provider() as elsewhere:
        elsewhere.chat(sse(text("stolen"), finish()))
        target = f"{elsewhere.base_url}/chat/completions"
        provider.chat(whole({}, 307, location=target))
        async with connected(provider) as model:
            _, error = await failed(model)
    assert error.code == "upstream_protocol"
    assert elsewhere.requests == []


async def test_u06_the_providers_words_go_to_the_restricted_log_without_the_key(
    provider: Provider, caplog: pytest.LogCaptureFixture
) -> None:
    """Scorecard U06, blanket rule 4: the words are for `limner.debug` at DEBUG alone."""
    provider.chat(status(401, openai_error("invalid_api_key", "no such key: sk-canary" + "." * 5000)))
    caplog.set_level(logging.DEBUG)
    async with connected(provider) as model:
        await failed(model)
    assert "no such key" not in "".join(str(vars(record)) for record in caplog.records), (
        "the root's level is not asked"
    )
    caplog.set_level(logging.DEBUG, "limner.debug")
    async with connected(provider) as model:
        _, error = await failed(model)
    told = [record for record in caplog.records if "no such key" in str(vars(record))]
    assert [record.name for record in told] == ["limner.debug"]
    assert "sk-canary" not in "".join(str(vars(record)) for record in caplog.records)
    assert len(str(vars(told[0]))) < 3000
    assert error.__cause__ is None


@pytest.mark.parametrize(
    ("make", "code"),
    [
        (lambda: OpenAIModel("", base_url=None, api_key="k"), "model_missing"),
        (lambda: OpenAIModel("m", base_url="localhost:8000", api_key="k"), "base_url_invalid"),
        (lambda: OpenAIModel("m", base_url="http://[::1/v1", api_key="k"), "base_url_invalid"),
        (lambda: OpenAIModel("m", base_url=None, api_key="k\n"), "api_key_invalid"),
        (lambda: OpenAIModel("m", base_url=None, api_key="ключ"), "api_key_invalid"),
    ],
    ids=["no model", "no scheme", "half an address", "a line break in the key", "a key of letters"],
)
async def test_what_cannot_work_is_refused_before_anything_is_sent(
    make: Callable[[], OpenAIModel], code: str
) -> None:
    """CONVENTIONS, errors: one sentence that ends with what to do."""
    with pytest.raises(ConfigError) as caught:
        make()
    assert caught.value.code == code


async def test_what_was_said_before_an_odd_chunk_stands(provider: Provider) -> None:
    """Attack: parts nested 450 deep; the turn goes on without them."""
    deep: Any = "deep"
    for _ in range(450):
        deep = [{"type": "text", "text": deep}]
    odd = event({"choices": [{"delta": {"content": deep}}], "usage": {"cost": 10**400}})
    provider.chat(sse(text("Hel"), odd, text("lo"), finish()))
    async with connected(provider) as model:
        assert words(await heard(model)) == "Hello"


@pytest.mark.parametrize("code", [201, 204, 206])
async def test_a_strange_success_that_breaks_off_is_a_model_error(provider: Provider, code: int) -> None:
    """Errors: nothing but ModelError leaves the model."""
    provider.chat(Answer((b"{", CUT), status=code))
    async with connected(provider) as model:
        deltas, error = await failed(model)
    assert deltas == []
    assert error.code in ("upstream_reset", "upstream_protocol")
