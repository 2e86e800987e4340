"""What becomes of a turn whose model fails: before the first word, and after it."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

import pytest

from chats import IMAGE, Chats, draw, drawn, tool_results
from providers import (
    CUT,
    FIN,
    STALL,
    Answer,
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
    whole,
)

WORDS = "Once there was a "
QUOTA = {"error": {"code": "insufficient_quota", "type": "insufficient_quota", "message": "canary-words"}}
LONG = {"error": {"code": "context_length_exceeded", "message": "canary-words"}}


def failed(chats: Chats, stream: bool) -> tuple[int, dict[str, Any], dict[str, str]]:
    """Before the first word both ways of asking get the same: a status, an error, headers."""
    answer = chats.post("Draw", stream=stream)
    return answer.status_code, answer.json()["error"], dict(answer.headers)


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize(
    ("row", "answers", "expected", "asked", "again"),
    [
        ("U01", [status(429, retry_after="2")], (429, "rate_limit_error", "upstream_rate_limited"), 3, True),
        ("U03", [status(429, QUOTA)], (429, "rate_limit_error", "upstream_quota"), 1, False),
        ("U04", [status(500)], (502, "upstream_error", "upstream_5xx"), 3, True),
        ("U04", [status(529)], (502, "upstream_error", "upstream_5xx"), 3, True),
        ("U05", [status(400, LONG)], (400, "invalid_request_error", "context_length_exceeded"), 1, True),
        ("U05", [status(400)], (400, "invalid_request_error", "upstream_bad_request"), 1, True),
        ("U06", [status(401)], (502, "upstream_error", "upstream_auth"), 1, True),
        ("U08", [Answer(before=(STALL,))], (504, "upstream_timeout", "upstream_ttfb_timeout"), 1, False),
        ("U19", [whole({"choices": []})], (502, "upstream_error", "upstream_empty"), 1, False),
        ("U19", [raw(b"<html>", "text/html")], (502, "upstream_error", "upstream_empty"), 1, False),
    ],
    ids=lambda each: each if isinstance(each, str) else "",
)
def test_a_failure_before_the_first_word_is_an_error_with_its_status(
    chats: Chats,
    provider: Provider,
    stream: bool,
    row: str,
    answers: Sequence[Answer],
    expected: tuple[int, str, str],
    asked: int,
    again: bool,
) -> None:
    """U01, U03, U04, U05, U06, U08, U19: the same for streams; what may be billed is not asked for again."""
    provider.chat(*answers)
    code, error, headers = failed(chats, stream)
    assert (code, error["type"], error["code"]) == expected
    assert len(provider.posts("/chat/completions")) == asked
    assert (headers.get("x-should-retry") is None) is again
    assert "canary" not in json.dumps(error)


def test_a_429_is_waited_out_as_long_as_it_asks(chats: Chats, provider: Provider) -> None:
    """U01: no request comes earlier than `Retry-After`; what comes then is the answer."""
    provider.chat(
        status(429, retry_after="2"), status(429, retry_after_ms="1500"), sse(text("Hello"), finish())
    )
    assert chats.ask("Draw")["choices"][0]["message"]["content"] == "Hello"
    first, second = chats.parts["waits"].slept
    assert first >= 2
    assert second >= 1.5


def test_a_429_that_stays_says_when_to_come_again(chats: Chats, provider: Provider) -> None:
    """U01: in whole seconds."""
    provider.chat(status(429, retry_after="2"))
    assert failed(chats, False)[2]["retry-after"] == "2"


@pytest.mark.parametrize(
    ("row", "steps", "expected", "code"),
    [
        ("U09", (text(WORDS), STALL), 504, "upstream_idle_timeout"),
        ("U10", (text(WORDS), CUT), 502, "upstream_reset"),
        ("U10", (text(WORDS), FIN), 502, "upstream_reset"),
        ("U12", (text(WORDS), event({"error": {"message": "canary-words"}})), 502, "upstream_stream_error"),
        ("U13", (text(WORDS), event("no JSON at all")), 502, "upstream_protocol"),
    ],
    ids=lambda each: each if isinstance(each, str) and each.startswith("U") else "",
)
def test_a_failure_after_the_first_word_keeps_the_words_and_ends_with_an_error(
    chats: Chats, provider: Provider, row: str, steps: tuple[Any, ...], expected: int, code: str
) -> None:
    """U09, U10, U12, U13: a stream has told the words; a whole answer names the turn that keeps them."""
    provider.chat(sse(*steps, done=False))
    told = chats.stream("Draw")
    assert told.content == WORDS
    assert told.error is not None
    assert told.error["code"] == code
    assert told.done
    assert told.finish is None
    answer = chats.post("Draw")
    error = answer.json()["error"]
    assert (answer.status_code, error["code"]) == (expected, code)
    assert len(error["partial"]) == 24
    assert answer.headers["x-should-retry"] == "false"
    assert "canary" not in answer.text
    assert len(provider.posts("/chat/completions")) == 2


def test_an_answer_that_ends_without_its_end_is_no_answer(chats: Chats, provider: Provider) -> None:
    """U11: a client that sees `[DONE]` takes half an answer for a whole one."""
    provider.chat(sse(text(WORDS), done=False))
    told = chats.stream("Draw")
    assert told.error is not None
    assert told.error["code"] == "upstream_truncated"
    assert chats.refused("Draw")[1]["code"] == "upstream_truncated"


def test_an_error_in_a_stream_is_said_in_the_words_of_the_client(chats: Chats, provider: Provider) -> None:
    """Facts, wire, section 6.3: OpenRouter's clients read a chunk with a status as its code."""
    provider.chat(sse(text(WORDS), CUT, done=False))
    last = chats.stream("Draw", prefix="/api/v1").chunks[-1]
    assert last["error"]["code"] == 502
    assert last["choices"][0]["finish_reason"] == "error"
    assert last["id"].startswith("chatcmpl-")


def test_after_something_was_bought_nobody_asks_again_by_himself(chats: Chats, provider: Provider) -> None:
    """S29: the pictures are paid for; what is told of them stands before the error."""

    def script(body: dict[str, Any]) -> Said | Answer:
        return status(500) if tool_results(body) else Said("", draw("a fox"))

    provider.chat_script(script)
    answer = chats.post("Draw")
    assert (answer.status_code, answer.headers["x-should-retry"]) == (502, "false")
    told = chats.stream("Draw")
    assert told.error is not None
    assert [line["status"] for line in told.lines] == ["completed"]
    assert chats.picture(told.lines[0]["url"]).status_code == 200
    assert f"![a picture of a fox]({told.images[0]})" in told.content


@pytest.mark.parametrize("cut", range(1, 4))
def test_characters_that_are_cut_in_two_arrive_whole(chats: Chats, provider: Provider, cut: int) -> None:
    """U14: wherever the network cuts them; the engine's own tests cut everywhere."""
    data = text("Grüße, 狐 🦊!")
    at = data.index("🦊".encode()) + cut
    provider.chat(sse(data[:at], 0.01, data[at:], finish()))
    assert chats.stream("Say").content == "Grüße, 狐 🦊!"
    assert chats.ask("Say")["choices"][0]["message"]["content"] == "Grüße, 狐 🦊!"


def test_bytes_that_are_no_text_become_a_mark(chats: Chats, provider: Provider) -> None:
    """U15: what leaves is always valid UTF-8, or clients die of it."""
    broken = text("ab").replace(b"ab", b"a\xff\xfeb\\ud800c")
    provider.chat(sse(broken, finish()))
    assert chats.stream("Say").content == "a\ufffd\ufffdb\ufffdc"
    assert chats.ask("Say")["choices"][0]["message"]["content"] == "a\ufffd\ufffdb\ufffdc"


def test_chunks_without_choices_are_passed_over(chats: Chats, provider: Provider) -> None:
    """U18: a filter speaks first, and figures come last."""
    provider.chat(sse(event({"choices": []}), text("Hello"), finish(), event({"choices": [], "usage": {}})))
    told = chats.stream("Say")
    assert (told.content, told.finish) == ("Hello", "stop")
    assert all(each["choices"] for each in told.chunks)


def test_an_answer_of_nothing_is_an_answer(chats: Chats, provider: Provider) -> None:
    """U20: 200; decision 3 has the reader told that there are no words."""
    provider.chat(sse(chunk({"content": None}), finish()))
    answer = chats.ask("Say")
    assert answer["choices"][0]["message"]["content"] == "The model wrote no answer."
    assert answer["choices"][0]["finish_reason"] == "stop"


def test_a_content_filter_keeps_the_words_and_runs_no_tool(chats: Chats, provider: Provider) -> None:
    """U21."""
    (name, arguments), *_ = draw("a fox")
    provider.chat(sse(text(WORDS), call(name, arguments), finish("content_filter")))
    told, answer = chats.stream("Draw"), chats.ask("Draw")
    assert told.finish == answer["choices"][0]["finish_reason"] == "content_filter"
    assert told.content == WORDS
    assert provider.posts("/images/generations") == []


def test_calls_that_were_cut_off_do_not_run(chats: Chats, provider: Provider) -> None:
    """U22: one more round; again, and the answer ends for its length."""
    (name, _), *_ = draw("a fox")
    provider.chat(sse(text("So: "), call(name, '{"prompt": "a f'), finish("length")))
    answer = chats.ask("Draw")
    assert answer["choices"][0]["finish_reason"] == "length"
    assert {line["code"] for line in answer["limner"]["images"]} == {"arguments_truncated"}
    assert provider.posts("/images/generations") == []


@pytest.mark.parametrize(
    ("row", "arguments", "code"),
    [
        ("U23", '{"prompt": "a fox"', "arguments_invalid_json"),
        ("U24", '["a fox"]', "arguments_not_object"),
        ("U25", {"prompt": 7, "alt": "x"}, "arguments_schema"),
        ("U25", {"prompt": "a fox", "alt": "x", "secret": "canary"}, "arguments_schema"),
    ],
)
def test_arguments_that_cannot_be_used_are_the_models_to_mend(
    chats: Chats, provider: Provider, row: str, arguments: Any, code: str
) -> None:
    """U23, U24, U25: nothing is guessed, nothing is bought, the words come to their end."""

    def script(body: dict[str, Any]) -> Said:
        return Said("No picture then.") if tool_results(body) else Said("", [("generate_image", arguments)])

    provider.chat_script(script)
    answer = chats.ask("Draw")
    assert [line["code"] for line in answer["limner"]["images"]] == [code]
    assert answer["choices"][0]["finish_reason"] == "stop"
    assert "No picture then." in answer["choices"][0]["message"]["content"]
    assert provider.posts("/images/generations") == []


def test_a_tool_that_there_is_not_is_the_models_to_mend(chats: Chats, provider: Provider) -> None:
    """U26: it reads that there is none; the client never sees the call."""

    def script(body: dict[str, Any]) -> Said:
        return Said("Well.") if tool_results(body) else Said("", [("dance", {})])

    provider.chat_script(script)
    answer = chats.ask("Draw")
    assert "tool_calls" not in answer["choices"][0]["message"]
    (result,) = tool_results(provider.posts("/chat/completions")[1].json)
    assert result["code"] == "unknown_tool"


def test_each_call_runs_once_whatever_it_is_called(chats: Chats, provider: Provider) -> None:
    """U27: one id for two calls; each gets its own result, in its order."""

    def script(body: dict[str, Any]) -> Said | Answer:
        if tool_results(body):
            return Said("Done.")
        calls = [call(name, args, index=at, id="same") for at, (name, args) in enumerate(draw("a", "b"))]
        return sse(*calls, finish("tool_calls"))

    provider.chat_script(script)
    answer = chats.ask("Draw")
    assert [line["status"] for line in answer["limner"]["images"]] == ["completed", "completed"]
    assert len(provider.posts("/images/generations")) == 2
    sent = provider.posts("/chat/completions")[1].json["messages"]
    assert [each["tool_call_id"] for each in sent[2:]] == [each["id"] for each in sent[1]["tool_calls"]]


def test_two_hundred_pictures_at_once_are_sixteen(chats: Chats, provider: Provider) -> None:
    """U28: the rest is refused, and nothing is bought for it."""
    provider.chat_script(drawn("Done.", *(f"fox {n}" for n in range(200))))
    answer = chats.ask("Draw", timeout_s=60)
    codes = [line.get("code") for line in answer["limner"]["images"]]
    assert codes.count(None) == 16 == len(provider.posts("/images/generations"))
    assert set(codes[32:]) == {"too_many_calls"} or "too_many_images" in codes


def test_a_loop_without_end_has_one(chats: Chats, provider: Provider) -> None:
    """U29: after eight rounds one without tools, and then it ends, and says why."""
    provider.chat_script(lambda body: Said("", draw(f"fox {len(body['messages'])}")))
    told, answer = chats.stream("Draw"), chats.ask("Draw")
    assert told.finish == answer["choices"][0]["finish_reason"] == "length"
    assert answer["x_incomplete"] == {"reason": "max_tool_rounds"}
    assert len(provider.posts("/chat/completions")) == 18


def test_the_same_call_a_third_time_is_refused(chats: Chats, provider: Provider) -> None:
    """U30."""

    def script(body: dict[str, Any]) -> Said:
        return Said("Done.") if len(tool_results(body)) >= 3 else Said("", draw("a fox"))

    provider.chat_script(script)
    codes = [line.get("code") for line in chats.ask("Draw")["limner"]["images"]]
    assert codes == [None, None, "repeated_call"]


def test_figures_that_cannot_be_are_not_told(chats: Chats, provider: Provider) -> None:
    """U31: never negative, never absurd."""
    figures = {"prompt_tokens": -5, "completion_tokens": 10**18, "cost": -1}
    provider.chat(sse(text("Hello"), finish(), event({"choices": [], "usage": figures})))
    usage = chats.ask("Say")["usage"]
    assert usage["prompt_tokens"] == 0
    assert usage["completion_tokens"] <= 10**9
    assert usage.get("cost", 0) >= 0


@pytest.mark.parametrize(
    ("more", "expected"),
    [
        ({"model": None}, (400, "missing_parameter", "model")),
        ({"n": 2}, (400, "parameter_refused", "n")),
        ({"logprobs": True}, (400, "parameter_refused", "logprobs")),
        ({"api_base": "http://evil"}, (400, "unsupported_parameter", "api_base")),
        ({"tools": [{**IMAGE, "dance": 1}]}, (400, "unsupported_parameter", "tools[0].dance")),
        (
            {"tools": [{**IMAGE, "promise_after": 1, "urls": "data"}]},
            (400, "parameter_refused", "tools[0].promise_after"),
        ),
    ],
)
def test_what_cannot_be_asked_is_refused_by_name(
    chats: Chats, provider: Provider, more: dict[str, Any], expected: tuple[int, str, str]
) -> None:
    """Nothing is sent anywhere; the error names the field."""
    code, error = chats.refused("Draw", **more)
    assert (code, error["code"], error["param"]) == expected
    assert provider.requests == []
