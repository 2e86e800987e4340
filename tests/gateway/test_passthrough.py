"""Chats without our tool: what goes to the provider, what comes back, and every way in which it can fail."""

from __future__ import annotations

import json
import socket
from collections.abc import Iterator
from contextlib import aclosing
from typing import Any, cast

import anyio
import pytest

from limner.gateway.exchange import Streamed, Whole
from limner.gateway.refusal import Refusal
from limner.wire.asking import AskError
from passing import KEY, cut, passing, words
from providers import (
    CUT,
    FIN,
    STALL,
    Answer,
    Gate,
    Provider,
    chunk,
    event,
    finish,
    sse,
    status,
    text,
    usage,
    wait_for,
    whole,
)

pytestmark = pytest.mark.anyio

FIGURES = {"prompt_tokens": 7, "completion_tokens": 3, "total_tokens": 10}
WHOLE = {
    "id": "up-1",
    "object": "chat.completion",
    "created": 5,
    "model": "m-2026",
    "choices": [{"index": 0, "message": {"role": "assistant", "content": "Hello"}, "finish_reason": "stop"}],
    "usage": FIGURES,
    "system_fingerprint": "fp",
}


@pytest.fixture
def anyio_backend() -> str:
    """The gateway runs on asyncio alone."""
    return "asyncio"


@pytest.fixture
def provider() -> Iterator[Provider]:
    with Provider() as running:
        yield running


def said(content: Any, **more: Any) -> dict[str, Any]:
    """A whole answer with this message."""
    choice = {
        "index": 0,
        "message": {"role": "assistant", "content": content} | more,
        "finish_reason": "stop",
    }
    return WHOLE | {"choices": [choice]}


async def test_a_request_goes_on_as_the_client_wrote_it(provider: Provider) -> None:
    """Parameters of the first list, messages and functions are the provider's to understand."""
    provider.chat(whole(WHOLE))
    function = {"type": "function", "function": {"name": "look", "parameters": {"type": "object"}}}
    parts = [{"type": "text", "text": "Füchse"}, {"type": "image_url", "image_url": {"url": "https://a/b"}}]
    asked = {
        "messages": [{"role": "user", "content": parts, "name": "x"}],
        "tools": [function],
        "tool_choice": {"type": "function", "function": {"name": "look"}},
        "temperature": 0.5,
        "seed": 12345678901234567890,
        "reasoning": {"effort": "high"},
        "max_tool_calls": 3,
        "store": False,
        "user": None,
    }
    async with passing(provider) as through:
        assert await through.whole(asked) == WHOLE
    (sent,) = provider.requests
    assert sent.json == {
        "model": "m",
        "messages": asked["messages"],
        "tools": [function],
        "tool_choice": asked["tool_choice"],
        "temperature": 0.5,
        "seed": 12345678901234567890,
        "reasoning": {"effort": "high"},
    }
    assert sent.headers["authorization"] == f"Bearer {KEY}"


@pytest.mark.parametrize("name", ["api_base", "base_url", "extra_headers", "api_key", "not_known"])
async def test_a_parameter_that_may_lead_elsewhere_goes_nowhere(provider: Provider, name: str) -> None:
    """S30: refused by name, before anything is sent."""
    async with passing(provider) as through:
        with pytest.raises(AskError) as caught:
            await through.answer({name: "http://elsewhere"})
    assert (caught.value.code, caught.value.param) == ("unsupported_parameter", name)
    assert provider.requests == []


async def test_a_whole_answer_is_the_providers_own(provider: Provider) -> None:
    """Text is the model's own, verbatim, and what it cost is noted."""
    verbatim = "![x](https://elsewhere/?q=1) <img src=x> \u2028 \U0001f98a"
    provider.chat(whole(said(verbatim, reasoning_content="hm", refusal=None)))
    async with passing(provider) as through:
        answer = await through.whole()
        assert through.record == {"model": "m", "prompt_tokens": 7, "completion_tokens": 3}
    assert answer == said(verbatim, reasoning_content="hm", refusal=None)


async def test_a_stream_is_the_providers_own_frame_by_frame(provider: Provider) -> None:
    """The bytes of a frame in which nothing must change are forwarded as they are; one frame each."""
    odd = b'data: {"id" :"c1","object":"chat.completion.chunk","created":1,"model":"m", "x":1.50,'
    odd += b'"choices":[{"index":0,"delta":{"content":"![a](https://b)"},"finish_reason":null}]}\n\n'
    provider.chat(sse(text("Hi ") + odd, finish()))
    async with passing(provider) as through:
        frames = await through.frames()
    assert frames == [text("Hi "), odd, finish(), b"data: [DONE]\n\n"]
    assert provider.requests[0].json["stream_options"] == {"include_usage": True}


async def test_figures_are_noted_always_and_told_where_they_are_wanted(provider: Provider) -> None:
    """U18: under OpenAI's paths figures come where they were asked for, under OpenRouter's always."""
    provider.chat(sse(text("Hi"), finish(), usage(**FIGURES, cost=0.25)))
    async with passing(provider) as through:
        silent = await through.chunks()
        assert through.record["cost_usd"] == 0.25
        asked = await through.chunks({"stream_options": {"include_usage": True}})
        routed = await through.chunks(dialect="openrouter")
    assert not any("usage" in each for each in silent)
    assert all(each["choices"] for each in silent)
    assert (asked[-1]["choices"], asked[-1]["usage"]["total_tokens"]) == ([], 10)
    assert (routed[-1]["choices"][0]["delta"], routed[-1]["usage"]["cost"]) == ({}, 0.25)
    assert all(each["provider"] == "upstream" for each in routed)


async def test_chunks_without_choices_are_read_and_not_forwarded(provider: Provider) -> None:
    """U18: Azure's filter speaks before the model, and nulls stand where figures come later."""
    filtered = event({"id": "", "object": "", "model": "", "choices": [], "prompt_filter_results": []})
    inside = chunk({"content": "Hi"}, usage=None, system_fingerprint=None)
    last = chunk({}, "stop", usage=FIGURES)
    provider.chat(sse(filtered, inside, last, event({"choices": None})))
    async with passing(provider) as through:
        chunks = await through.chunks()
        assert through.record["prompt_tokens"] == 7
    assert [sorted(each) for each in chunks] == [["choices", "created", "id", "model", "object"]] * 2


@pytest.mark.parametrize(
    "figures", [{"prompt_tokens": -1}, {"completion_tokens": 10**18}, {"cost": -0.5}, "many", None]
)
async def test_figures_that_cannot_be_are_left_out(provider: Provider, figures: Any) -> None:
    """U31: never negative, never absurd."""
    streamed = sse(text("Hi"), finish(), event({"id": "c1", "choices": [], "usage": figures}))
    provider.chat(whole(WHOLE | {"usage": figures}), streamed)
    async with passing(provider) as through:
        assert "usage" not in await through.whole()
        chunks = await through.chunks({"stream_options": {"include_usage": True}})
    assert not any("usage" in each for each in chunks)


async def test_what_strict_clients_need_is_added_where_a_server_leaves_it_out(provider: Provider) -> None:
    """Clients, "strict clients": a fingerprint in whole answers, never null in chunks; choices complete."""
    bare = {"choices": [{"message": {"content": None, "tool_calls": None, "audio": None}}]}
    chunks = [{"choices": [{"delta": None}]}, {"choices": [{"delta": {"content": "a"}, "finish_reason": ""}]}]
    provider.chat(whole(bare), sse(*map(event, chunks), event({"choices": [{"finish_reason": "stop"}]})))
    async with passing(provider) as through:
        answer = await through.whole(dialect="openrouter")
        streamed = await through.chunks()
    message = {"role": "assistant", "content": ""}
    assert answer["choices"] == [{"message": message, "index": 0, "finish_reason": "stop"}]
    assert (answer["system_fingerprint"], answer["provider"]) == (None, "upstream")
    head = {"id": "chatcmpl-1", "created": 1_700_000_000, "model": "m"}
    assert {key: answer[key] for key in head} == head
    assert [(each["choices"][0]["delta"], each["choices"][0]["finish_reason"]) for each in streamed] == [
        ({}, None),
        ({"content": "a"}, None),
        ({}, "stop"),
    ]
    for each in streamed:
        assert {key: each[key] for key in head} == head
        assert each["object"] == "chat.completion.chunk"


async def test_fragments_of_calls_have_an_index(provider: Provider) -> None:
    """Quirk 1: clients fold fragments by index, and some servers send none."""

    def fragment(arguments: str, **more: Any) -> bytes:
        return chunk({"tool_calls": [{"function": {"arguments": arguments}, **more}]})

    steps = (fragment("{", id="a"), fragment("}"), fragment("{}", id="b"), chunk({"tool_calls": []}))
    provider.chat(sse(*steps, finish("tool_calls")))
    async with passing(provider) as through:
        chunks = await through.chunks()
    deltas = [each["choices"][0]["delta"] for each in chunks]
    assert [delta["tool_calls"][0]["index"] for delta in deltas[:3]] == [0, 0, 1]
    assert deltas[3:] == [{}, {}]


async def test_a_whole_answer_to_a_streamed_request_is_streamed(provider: Provider) -> None:
    """Some servers answer plain JSON to `stream: true`."""
    call = {"id": "a", "type": "function", "function": {"name": "look", "arguments": "{}"}}
    provider.chat(whole(said("Hi", tool_calls=[call])))
    async with passing(provider) as through:
        (only,) = await through.chunks()
        told = await through.chunks({"stream_options": {"include_usage": True}})
    assert only["object"] == "chat.completion.chunk"
    assert only["choices"][0]["delta"] == {
        "role": "assistant",
        "content": "Hi",
        "tool_calls": [{**call, "index": 0}],
    }
    assert (told[1]["choices"], told[1]["usage"]) == ([], FIGURES)


async def test_several_answers_end_when_the_last_one_ends(provider: Provider) -> None:
    """With `n`, the end of one choice is not the end of the stream."""

    def at(index: int, delta: Any, reason: str | None = None) -> bytes:
        return event({"choices": [{"index": index, "delta": delta, "finish_reason": reason}]})

    # Longer than the figures of a stream that has ended are waited for.
    provider.chat(sse(at(0, {"content": "a"}, "stop"), 0.2, at(1, {"content": "b"}, "stop"), done=False))
    async with passing(provider, tail_s=0.05) as through:
        assert words(await through.chunks({"n": 2})) == "ab"


# Failures before the first byte.


async def test_a_provider_that_is_full_is_asked_again_when_it_says(provider: Provider) -> None:
    """U01: no request earlier than Retry-After, two retries at most, then 429 with a figure."""
    full = status(429, retry_after="2")
    provider.chat(full, status(429, retry_after_ms="1500"), whole(WHOLE))
    async with passing(provider) as through:
        assert (await through.whole())["id"] == "up-1"
        assert len(provider.requests) == 3
        first, second = through.clock.slept
        assert first >= 2
        assert second >= 1.5
        provider.chat(full)
        refusal = await through.refused()
    assert (refusal.code, refusal.kind.status, refusal.retry_after_s) == ("upstream_rate_limited", 429, 2)
    assert not refusal.bought
    assert len(provider.requests) == 6


@pytest.mark.parametrize("asked", ["3600", "-1", "NaN", "soon", "Mon, 01 Jan 1990 00:00:00 GMT", "1e400"])
async def test_a_wait_that_cannot_be_meant_is_not_waited_for(provider: Provider, asked: str) -> None:
    """U02: no wait, and no figure of ours either."""
    provider.chat(status(429, retry_after=asked))
    async with passing(provider) as through:
        refusal = await through.refused()
        assert through.clock.slept == []
    assert (refusal.code, refusal.retry_after_s) == ("upstream_rate_limited", None)


async def test_a_wait_beyond_the_turns_time_is_not_begun(provider: Provider) -> None:
    """U01: retries stay inside the turn's deadline."""
    provider.chat(status(429, retry_after="60"))
    async with passing(provider, turn_s=30.0) as through:
        assert (await through.refused()).retry_after_s == 60
        assert through.clock.slept == []


@pytest.mark.parametrize("code", [500, 502, 503, 529])
async def test_a_provider_that_fails_is_asked_three_times(provider: Provider, code: int) -> None:
    """U04: two retries with jitter; the provider's words are not ours."""
    provider.chat(status(code))
    async with passing(provider) as through:
        said, refusal = await through.broken()
        assert len(through.clock.slept) == 2
        assert all(0.5 <= slept <= 8 for slept in through.clock.slept)
    assert (said, refusal.code, refusal.kind.status) == ("", "upstream_5xx", 502)
    assert len(provider.requests) == 3
    assert "canary" not in str(refusal)


@pytest.mark.parametrize(
    ("answer", "code"),
    [
        (status(429, {"error": {"message": "canary-words", "code": "insufficient_quota"}}), "upstream_quota"),
        (
            status(400, {"error": {"message": "canary-words", "code": "context_length_exceeded"}}),
            "context_length_exceeded",
        ),
        (status(400), "upstream_bad_request"),
        (status(401), "upstream_auth"),
        (status(403), "upstream_auth"),
        (status(404), "model_not_found"),
        (status(307, location="http://127.0.0.1:9/"), "upstream_protocol"),
        (status(504), "upstream_5xx"),
    ],
)
async def test_a_refusal_is_told_in_our_words_and_not_repeated(
    provider: Provider, answer: Answer, code: str
) -> None:
    """U03, U05, U06: no retry, a code of ours, nothing of theirs; our bad key is never the client's 401."""
    provider.chat(answer)
    async with passing(provider) as through:
        refusal = await through.refused()
    assert refusal.code == code
    assert refusal.kind.status != 401
    assert len(provider.requests) == 1
    assert "canary" not in str(refusal)
    assert KEY not in str(refusal)


async def test_a_404_of_the_provider_names_what_the_operator_checks(provider: Provider) -> None:
    """Errors say what to do: a wrong `api` is a 404 for every model, and our list of names has it all the same."""
    provider.chat(status(404))
    async with passing(provider) as through:
        refusal = await through.refused()
    assert "`base_url` and `api`" in str(refusal)
    assert "GET /v1/models" not in str(refusal)


async def test_a_closed_port_is_tried_again(provider: Provider) -> None:
    """U07: two retries, because nothing was sent."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        address = f"http://127.0.0.1:{taken.getsockname()[1]}/v1"
        async with passing(provider, address) as through:
            refusal = await through.refused()
            assert len(through.clock.slept) == 2
    assert (refusal.code, refusal.kind.status, refusal.bought) == ("upstream_unreachable", 502, False)


async def test_a_failure_of_tls_is_not_tried_again(provider: Provider) -> None:
    """U07: a certificate does not become another by asking again."""
    async with passing(provider, provider.base_url.replace("http:", "https:")) as through:
        refusal = await through.refused()
        assert through.clock.slept == []
    assert refusal.code == "upstream_unreachable"


@pytest.mark.parametrize("stream", [False, True])
async def test_silence_before_the_first_byte_ends_the_request(provider: Provider, stream: bool) -> None:
    """U08: 504, not sent again by anybody, because it may be billed."""
    provider.chat(Answer(before=(STALL,)))
    async with passing(provider, turn_s=0.2, first_byte_s=0.2) as through:
        refusal = (await through.broken())[1] if stream else await through.refused()
    assert (refusal.code, refusal.kind.status, refusal.bought) == ("upstream_ttfb_timeout", 504, True)
    assert len(provider.requests) == 1
    await wait_for(provider.requests[0].closed)


async def test_a_whole_answer_may_take_as_long_as_the_turn(provider: Provider) -> None:
    """Of a whole answer the first byte comes last, so it has the turn's time and not a stream's."""
    provider.chat(whole(WHOLE, before=(0.4,)))
    async with passing(provider, first_byte_s=0.1, idle_s=0.1) as through:
        assert (await through.whole())["id"] == "up-1"


async def test_a_server_that_refuses_figures_is_asked_without(provider: Provider) -> None:
    """Quirk 36: learned once for all requests."""
    provider.chat(
        status(400, {"error": {"message": "Unknown parameter: stream_options"}}), sse(text("Hi"), finish())
    )
    async with passing(provider) as through:
        for _ in range(2):
            assert words(await through.chunks()) == "Hi"
        assert through.clock.slept == []
    assert ["stream_options" in each.json for each in provider.requests] == [True, False, False]


# Failures in the middle.

BROKEN = [
    ((text("Hello"),), "upstream_truncated"),  # U11
    ((text("Hello"), b'data: {"choices":[{"del'), "upstream_truncated"),  # U11
    ((text("Hello"), event({"error": {"message": "canary-words", "code": 500}})), "upstream_stream_error"),
    ((text("Hello"), event({"object": "error", "message": "canary-words"})), "upstream_stream_error"),  # U12
    ((text("Hello"), b"event: error\ndata: canary-words\n\n"), "upstream_stream_error"),  # U12
    ((text("Hello"), event("canary-words")), "upstream_protocol"),  # U13
    ((text("Hello"), event("[1, 2]")), "upstream_protocol"),  # U13
    ((text("Hello"), event({"choices": {"0": 1}})), "upstream_protocol"),
    ((text("Hello"), event({"choices": ["x"]})), "upstream_protocol"),
    ((b"",), "upstream_empty"),
    ((event("[DONE]"),), "upstream_empty"),
    ((b"<html>canary-words</html>",), "upstream_empty"),  # U19
    ((event({"error": {"message": "canary-words", "code": 429}}),), "upstream_rate_limited"),
]


@pytest.mark.parametrize(("steps", "code"), BROKEN)
async def test_a_stream_that_breaks_says_so_after_all_that_came(
    provider: Provider, steps: tuple[bytes, ...], code: str
) -> None:
    """U11 to U13: what came before is delivered, then an explicit error; never a silent end."""
    provider.chat(sse(*steps, done=False))
    async with passing(provider) as through:
        said, refusal = await through.broken()
        assert through.clock.slept == []
    assert (said, refusal.code) == ("Hello" if len(steps) > 1 or code == "upstream_truncated" else "", code)
    assert refusal.bought
    assert "canary" not in str(refusal)
    assert len(provider.requests) == 1


@pytest.mark.parametrize("end", [FIN, CUT])
@pytest.mark.parametrize("finished", [False, True])
async def test_a_connection_that_breaks(provider: Provider, end: object, finished: bool) -> None:
    """U10: an explicit error, unless the model had finished: then nothing is missing but figures."""
    gate = Gate()
    # The gate keeps the reset from overtaking the words.
    provider.chat(sse(text("Hello"), *([finish()] if finished else []), gate, end))
    async with passing(provider) as through:
        frames = aiter(cast(Streamed, await through.answer({"stream": True})).frames)
        expected = [text("Hello"), *([finish()] if finished else [])]
        told: list[bytes] = []
        while len(told) < len(expected):
            told += cut(await anext(frames))
        assert told == expected
        gate.open()
        if finished:
            assert [frame async for frame in frames] == [b"data: [DONE]\n\n"]
        else:
            with pytest.raises(Refusal) as caught:
                await anext(frames)
            assert (caught.value.code, caught.value.bought) == ("upstream_reset", True)


async def test_a_stream_that_stalls_ends_with_what_it_is(provider: Provider) -> None:
    """U09: the words so far, then 504 as an error; the provider's connection is closed."""
    provider.chat(sse(text("a"), text("b"), text("c"), STALL))
    async with passing(provider, idle_s=0.2) as through:
        said, refusal = await through.broken()
    assert (said, refusal.code, refusal.kind.status) == ("abc", "upstream_idle_timeout", 504)
    await wait_for(provider.requests[0].closed)


async def test_a_stream_that_drips_for_ever_ends_with_the_turn(provider: Provider) -> None:
    """U32: however regularly it drips."""
    provider.chat(sse(*(step for _ in range(1000) for step in (text("a"), 0.01))))
    async with passing(provider, turn_s=0.3) as through:
        said, refusal = await through.broken()
    assert set(said) == {"a"}
    assert (refusal.code, refusal.kind.status) == ("turn_deadline", 504)


@pytest.mark.parametrize(
    "rest", [(STALL,), (0.05, b": still here\n\n") * 2000], ids=["silence", "signs of life"]
)
async def test_figures_that_do_not_come_are_not_waited_for_long(
    provider: Provider, rest: tuple[Any, ...]
) -> None:
    """What the model has finished stands; a server that stays open after it is left."""
    provider.chat(sse(text("Hi"), finish(), *rest))
    async with passing(provider, tail_s=0.1) as through:
        with anyio.fail_after(20):
            assert words(await through.chunks()) == "Hi"
    await wait_for(provider.requests[0].closed)


async def test_a_stream_may_end_without_its_last_line(provider: Provider) -> None:
    """Once there was a finish, a clean end is one; and `[DONE]` is said once."""
    provider.chat(sse(text("Hi"), finish(), done=False), sse(text("Hi"), finish(), event("[DONE]")))
    async with passing(provider) as through:
        for _ in range(2):
            frames = await through.frames()
            assert frames == [text("Hi"), finish(), b"data: [DONE]\n\n"]


@pytest.mark.parametrize(
    ("answer", "code"),
    [
        (whole(WHOLE | {"choices": []}), "upstream_empty"),
        (whole({"choices": [{"message": None}]}), "upstream_empty"),
        (whole(b"<html>canary-words</html>"), "upstream_empty"),
        (whole(b""), "upstream_empty"),
        (whole(b"  "), "upstream_empty"),
        (whole(b'{"choices": ['), "upstream_protocol"),
        (whole(b"[]"), "upstream_empty"),
        (whole({"choices": "x"}), "upstream_empty"),
        (whole({"choices": ["x"]}), "upstream_protocol"),
        (whole(b"[" * 100_000), "upstream_protocol"),
        (sse(text("Hi"), finish()), "upstream_protocol"),
        (whole({"error": {"message": "canary-words", "code": 429}}), "upstream_rate_limited"),
        (whole({"error": {"message": "canary-words"}}), "upstream_stream_error"),
        (whole(b"", 204), "upstream_protocol"),
        (Answer((json.dumps(WHOLE).encode()[:20], FIN)), "upstream_reset"),
        (whole(b"{}", content_length="5"), "upstream_idle_timeout"),
    ],
)
async def test_a_whole_answer_that_is_none(provider: Provider, answer: Answer, code: str) -> None:
    """U10, U12, U19: 502 with its code, once; what was billed is not asked for again."""
    provider.chat(answer)
    async with passing(provider, idle_s=0.3) as through:
        refusal = await through.refused()
        assert through.clock.slept == []
    assert refusal.code == code
    assert refusal.bought is (answer.status == 200)
    assert len(provider.requests) == 1
    assert "canary" not in str(refusal)


async def test_words_that_stand_in_no_message_are_told_by_null(provider: Provider) -> None:
    """U20, U21: null is no words, and every reason to finish is kept."""
    provider.chat(*(whole(said(None) | {"choices": [said(None)["choices"][0] | {"finish_reason": reason}]})
                    for reason in ("content_filter", "length")))  # fmt: skip
    async with passing(provider) as through:
        for reason in ("content_filter", "length"):
            (choice,) = (await through.whole())["choices"]
            assert (choice["message"]["content"], choice["finish_reason"]) == ("", reason)


async def test_whoever_leaves_closes_the_providers_connection(provider: Provider) -> None:
    """Serving, "Disconnects": also in the window before the first token, whole and streamed."""
    provider.chat(Answer(before=(STALL,)), Answer(before=(STALL,)), sse(text("Hi"), STALL))
    async with passing(provider) as through:
        for ask in (through.whole, through.frames):
            seen = len(provider.requests)
            async with anyio.create_task_group() as group:
                group.start_soon(ask)
                with anyio.fail_after(5):
                    while len(provider.requests) == seen:  # noqa: ASYNC110  the server is a thread
                        await anyio.sleep(0.001)
                group.cancel_scope.cancel()
            await wait_for(provider.requests[-1].closed, 1.0)
        answer = cast(Streamed, await through.answer({"stream": True}))
        async with aclosing(cast(Any, answer.frames)) as frames:
            await anext(frames)
        await wait_for(provider.requests[-1].closed, 1.0)


async def test_a_frame_is_handed_on_before_the_next_one_comes(provider: Provider) -> None:
    """Streams are never collected, and a connection is used again after one."""
    gate = Gate()
    provider.chat(sse(text("a"), gate, text("b"), finish()))
    async with passing(provider) as through:
        for _ in range(2):
            answer = cast(Streamed, await through.answer({"stream": True}))
            frames = aiter(answer.frames)
            told = cut(await anext(frames))
            assert told[0] == text("a")
            gate.open()
            told += [frame async for together in frames for frame in cut(together)]
            assert len(told) == 4
    assert provider.connections == 1


# Offline.


async def test_offline_a_plain_chat_is_answered_and_says_so() -> None:
    """The offline model answers every name and says so in each answer."""
    async with passing(None) as through:
        answer = cast(Whole, await through.answer({"model": "openai/gpt-5"}))
        body = json.loads(answer.body)
        streamed = cast(Streamed, await through.answer({"model": "openai/gpt-5", "stream": True}))
        chunks = [json.loads(frame[6:]) async for frame in streamed.frames if b"[DONE]" not in frame]
    assert answer.headers == streamed.headers == {"x-limner-offline": "true"}
    assert (body["model"], body["limner"]["offline"]) == ("openai/gpt-5", True)
    assert body["choices"][0]["message"]["content"] == words(chunks) != ""
    assert (chunks[0]["limner"]["offline"], chunks[-1]["choices"][0]["finish_reason"]) == (True, "stop")
    assert not any("usage" in each for each in chunks)


async def test_offline_the_clients_own_functions_can_be_called() -> None:
    """Whoever tries a client offline sees its calls come as they would."""
    function = {
        "type": "function",
        "function": {"name": "look", "parameters": {"type": "object", "properties": {}}},
    }
    body = {"tools": [function], "tool_choice": {"type": "function", "function": {"name": "look"}}}
    async with passing(None) as through:
        (choice,) = (await through.whole(body))["choices"]
        chunks = await through.chunks(body | {"stream_options": {"include_usage": True}})
    assert (choice["finish_reason"], choice["message"]["tool_calls"][0]["function"]["name"]) == (
        "tool_calls",
        "look",
    )
    deltas = [each["choices"][0]["delta"] for each in chunks[:-1]]
    (calls,) = [delta["tool_calls"] for delta in deltas if "tool_calls" in delta]
    assert calls[0]["function"]["name"] == "look"
    assert chunks[-1]["usage"]["total_tokens"] == 0
