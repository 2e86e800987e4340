"""What a chat client is answered, judged by the published schemas and by the openai package's own types."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, Literal

import pytest
from hypothesis import given
from hypothesis import strategies as st
from openai.types.chat import ChatCompletion, ChatCompletionChunk

from limner.core.messages import ToolCall
from limner.core.pictures import Picture
from limner.errors import CALL_CODES
from limner.wire.chat import said as chatsaid
from limner.wire.chat.said import (
    DONE,
    Head,
    comment,
    frame,
    image_line,
    image_lines,
    json_bytes,
    server_call,
    usage,
    whole,
)
from limner.wire.sse import SseParser
from published import DEVIATIONS, errors, valid

HEAD = Head(id="gen-1", created=1_795_000_000, model="openai/gpt-4o", provider="limner")
LINK = "https://pictures.example/images/abc.png?e=1&s=2"
FOX = Picture(
    id="abc",
    sha256="00",
    format="png",
    width=1024,
    height=768,
    size_bytes=9,
    alt="a fox",
    prompt="a fox, watercolour",
    seconds=21.5,
    cost_usd=0.04,
)
ASKED: dict[str, Any] = {
    "call": "t1/r1/c0/generate_image",
    "call_id": "abc123xyz",
    "tool": "generate_image",
    "status": "ok",
    "code": None,
    "number": 1,
    "alt": "a fox",
    "prompt": "a fox, watercolour",
    "paid": True,
    "rescued": None,
    "made_good": False,
    "like": [],
    "redraws": None,
}
REFUSED = ASKED | {
    "call": "t1/r1/c1/generate_image",
    "call_id": "abc123xy2",
    "status": "error",
    "code": "image_policy",
    "number": 2,
    "alt": "a boat",
    "paid": False,
}
PENDING = ASKED | {
    "call": "t1/r1/c2/generate_image",
    "call_id": "abc123xy3",
    "status": "pending",
    "number": 3,
    "alt": "a hut",
    "paid": None,
}
CLIENTS_OWN = {"call": "t1/r1/c3/weather", "call_id": "abc123xy4", "tool": "weather", "status": "ok"}
RECEIPT: dict[str, Any] = {
    "number": 1,
    "chat": {
        "model": "openai/gpt-4o",
        "requests": 2,
        "prompt_tokens": 300,
        "cached_tokens": 20,
        "reasoning_tokens": 6,
        "completion_tokens": 100,
        "cost_usd": 0.008,
        "estimated": False,
    },
    "images": [
        {"call": ASKED["call"], "number": 1, "paid": True, "cost_usd": 0.04, "estimated": False},
        {"call": REFUSED["call"], "number": 2, "paid": False, "cost_usd": 0.0, "estimated": False},
    ],
    "late": [],
    "unknown": [],
    "images_usd": 0.04,
    "cost_usd": 0.048,
}
LINES = image_lines([ASKED, REFUSED, PENDING, CLIENTS_OWN], pictures={1: FOX}, urls={1: LINK, 3: LINK + "3"})
DETAIL = server_call(
    0, call_id="abc123xyz", arguments='{"prompt": "a fox"}', result={"status": "ok", "imageUrl": LINK}
)

anything = st.text(st.characters(exclude_categories=()))
tool_calls = st.builds(ToolCall, id=anything, name=anything, arguments=anything)
heads = st.builds(
    Head,
    id=anything,
    created=st.integers(0, 2**40),
    model=anything,
    provider=anything,
    fingerprint=st.none() | anything,
    offline=st.booleans(),
)


def read(data: bytes) -> Any:
    """What a strict reader of server-sent events finds in one frame."""
    data.decode()  # valid UTF-8
    events = SseParser(1 << 20).feed(data)
    assert len(events) == 1
    return json.loads(events[0].data)


def chunk_stands(chunk: Mapping[str, Any]) -> ChatCompletionChunk:
    """The chunk as it travels, after every published schema and OpenAI's own package took it."""
    sent = read(frame(chunk))
    valid("openai/chunk", sent)
    valid("openrouter/chunk", sent)
    assert "error" not in sent
    assert sent.get("system_fingerprint", "") is not None
    return ChatCompletionChunk.model_validate(sent)


@given(heads, anything, anything, st.lists(tool_calls, max_size=3), st.sampled_from(["stop", "length"]))
def test_every_chunk_fits_both_services_schemas(
    head: Head, text: str, url: str, calls: list[ToolCall], reason: str
) -> None:
    """Facts, clients: @openrouter/sdk refuses a whole stream for one field of one chunk."""
    detail = server_call(0, call_id=text, arguments=text, result={"status": "ok", "imageUrl": url})
    for chunk in (
        chatsaid.role_chunk(head),
        chatsaid.text_chunk(head, text),
        chatsaid.picture_chunk(head, 0, url),
        chatsaid.server_call_chunk(head, detail),
        chatsaid.calls_chunk(head, calls),
        chatsaid.progress_chunk(head, LINES),
        chatsaid.finish_chunk(head, reason, native=text, lines=LINES, incomplete="seconds"),
        chatsaid.usage_chunk(head, usage(RECEIPT), dialect="openai"),
        chatsaid.usage_chunk(head, usage(RECEIPT), dialect="openrouter"),
    ):
        chunk_stands(chunk)


@given(
    heads,
    anything,
    st.lists(anything, max_size=3),
    st.lists(tool_calls, max_size=3),
    st.none() | st.just(usage(RECEIPT, [ASKED])),
)
def test_every_whole_answer_fits_both_services_schemas(
    head: Head, text: str, urls: list[str], calls: list[ToolCall], spent: dict[str, Any] | None
) -> None:
    """Facts, clients: whole answers need `system_fingerprint`, and Pydantic AI a top-level `provider`."""
    answer = whole(
        head,
        text,
        images=urls,
        details=[DETAIL],
        calls=calls,
        finish="tool_calls" if calls else "stop",
        usage=spent,
        lines=LINES,
    )
    sent = json.loads(json_bytes(answer).decode())
    valid("openai/chat", sent)
    valid("openrouter/chat", sent)
    assert "system_fingerprint" in sent
    assert "provider" in sent
    parsed = ChatCompletion.model_validate(sent)
    assert parsed.choices[0].message.content == sent["choices"][0]["message"]["content"]


def test_a_known_deviation_is_one() -> None:
    """Facts, clients: the list of deviations stands beside the validation, and none outlives its reason."""
    answer = json.loads(json_bytes(whole(HEAD, "words")))
    found = {error.partition(":")[0] for error in errors("openai/chat", answer)}
    assert found == set(DEVIATIONS["openai/chat"])
    assert {name for name in DEVIATIONS if "chat" in name or "chunk" in name} == {"openai/chat"}


@given(anything)
def test_a_frame_is_one_line_of_valid_utf8(text: str) -> None:
    """U14, U15: openai-python dies of invalid UTF-8, and clients cut lines wherever `splitlines` does."""
    data = frame(chatsaid.text_chunk(HEAD, text))
    assert data.startswith(b"data: {")
    assert data.endswith(b"}\n\n")
    assert len(data.decode().splitlines()) == 2
    heard = read(data)["choices"][0]["delta"]["content"]
    assert heard == text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")


def test_no_frame_has_an_id_or_an_event_type() -> None:
    """U16: custom `event:` types are never emitted, and after an `id:` a comment becomes an empty event."""
    hostile = chatsaid.text_chunk(HEAD, "a\nid: 1\r\nevent: x\u2028id: 2")
    for data in (frame(hostile), DONE):
        assert [line.partition(b":")[0] for line in data.splitlines()] == [b"data", b""]
        assert b"\r" not in data


@given(anything)
def test_a_comment_says_nothing(text: str) -> None:
    """Wire sheet, 3.4: a comment with an empty line after it, whatever it says."""
    data = comment(text)
    assert data.startswith(b": ")
    assert data.endswith(b"\n\n")
    assert data.count(b"\n") == 2
    assert SseParser(1 << 20).feed(data) == []


def test_a_text_is_one_delta_to_the_letter() -> None:
    """Facts, clients: pages show broken text where `![…](…)` is split over deltas."""
    markdown = f"![a fox]({LINK})"
    chunk = chunk_stands(chatsaid.text_chunk(HEAD, markdown))
    assert chunk.choices[0].delta.content == markdown


def test_the_first_chunk_has_the_role_and_says_offline() -> None:
    """An offline answer says so in itself, never silently."""
    assert chatsaid.role_chunk(HEAD)["choices"][0]["delta"] == {"role": "assistant", "content": ""}
    assert "limner" not in chatsaid.role_chunk(HEAD)
    offline = Head(id="gen-1", created=1, model="m", provider="limner", offline=True)
    assert chatsaid.role_chunk(offline)["limner"] == {"offline": True}
    assert chatsaid.finish_chunk(offline, "stop")["limner"] == {"offline": True}
    assert whole(offline, "words")["limner"] == {"offline": True}


def test_a_picture_is_an_item_of_images() -> None:
    """Wire sheet, 3.3: `delta.images[]`, which clients read into file parts."""
    item = {"type": "image_url", "image_url": {"url": LINK}, "index": 1}
    assert chatsaid.picture_chunk(HEAD, 1, LINK)["choices"][0]["delta"] == {"images": [item]}
    assert whole(HEAD, "", images=["a", LINK])["choices"][0]["message"]["images"][1] == item


def test_a_call_of_ours_is_told_as_a_finished_record() -> None:
    """Wire sheet, 3.1: `arguments` and `result` are JSON in strings; no entry in `tool_calls`."""
    assert json.loads(DETAIL["arguments"]) == {"prompt": "a fox"}
    assert json.loads(DETAIL["result"]) == {"status": "ok", "imageUrl": LINK}
    assert DETAIL["tool_name"] == "openrouter:image_generation"
    assert DETAIL["tool_call_id"] == "abc123xyz"
    message = whole(HEAD, "words", details=[DETAIL])["choices"][0]["message"]
    assert message["reasoning_details"] == [DETAIL]
    assert "tool_calls" not in message


@pytest.mark.parametrize("arguments", ["", "null", "[1]", '{"prompt": "a f', "{" * 10_000])
def test_broken_arguments_are_told_as_an_object(arguments: str) -> None:
    """U23: clients parse `arguments` to send the record back in a later turn."""
    told = server_call(0, call_id="c", arguments=arguments, result={"status": "error", "error": "no"})
    assert isinstance(json.loads(told["arguments"]), dict)


def test_the_clients_calls_come_whole_and_with_arguments() -> None:
    """The client's own tools are handed back; an empty text is no JSON."""
    calls = [ToolCall("abc123xyz", "weather", '{"city": "Rome"}'), ToolCall("abc123xy2", "time", "")]
    delta = chatsaid.calls_chunk(HEAD, calls)["choices"][0]["delta"]
    assert delta["tool_calls"][1] == {
        "index": 1,
        "id": "abc123xy2",
        "type": "function",
        "function": {"name": "time", "arguments": "{}"},
    }
    message = whole(HEAD, "", calls=calls, finish="tool_calls")["choices"][0]["message"]
    assert message["content"] is None
    assert "index" not in message["tool_calls"][0]
    assert whole(HEAD, "Wait.", calls=calls)["choices"][0]["message"]["content"] == "Wait."


def test_content_is_never_null_without_calls() -> None:
    """U20: 200 with `content: ""`."""
    assert whole(HEAD, "")["choices"][0]["message"]["content"] == ""


def test_progress_stands_beside_an_empty_delta() -> None:
    """Progress of each picture in a shape that strict clients ignore."""
    chunk = chatsaid.progress_chunk(HEAD, LINES[:1])
    assert chunk["limner"] == {"images": LINES[:1]}
    parsed = chunk_stands(chunk)
    delta = parsed.choices[0].delta
    assert (delta.role, delta.content, delta.tool_calls) == (None, None, None)
    assert parsed.choices[0].finish_reason is None


@pytest.mark.parametrize(("dialect", "choices"), [("openai", 0), ("openrouter", 1)])
def test_usage_comes_as_each_services_clients_know_it(
    dialect: Literal["openai", "openrouter"], choices: int
) -> None:
    """Wire sheet, 3.3: OpenAI's has no choices; OpenRouter's clients look at the first."""
    chunk = chatsaid.usage_chunk(HEAD, usage(RECEIPT), dialect=dialect)
    assert len(chunk["choices"]) == choices
    parsed = chunk_stands(chunk)
    assert parsed.usage is not None
    assert parsed.usage.total_tokens == 400


def test_the_end_says_why_and_what_became_of_every_picture() -> None:
    """U29: `finish_reason` "length" and `x_incomplete.reason`."""
    chunk = chatsaid.finish_chunk(HEAD, "length", lines=LINES, incomplete="max_tool_rounds")
    assert chunk["choices"][0]["finish_reason"] == "length"
    assert chunk["x_incomplete"] == {"reason": "max_tool_rounds"}
    assert chunk["limner"]["images"] == LINES
    answer = whole(HEAD, "words", finish="length", lines=LINES, incomplete="max_tool_rounds")
    assert answer["x_incomplete"] == {"reason": "max_tool_rounds"}
    assert answer["limner"]["images"] == LINES
    assert "x_incomplete" not in whole(HEAD, "words")


def test_a_finished_picture_has_a_line_with_its_figures() -> None:
    """Every call with its status in a top-level `limner.images[]`; the client's own are none."""
    assert len(LINES) == 3
    assert LINES[0] == {
        "index": 0,
        "call_id": "abc123xyz",
        "number": 1,
        "alt": "a fox",
        "status": "completed",
        "url": LINK,
        "width": 1024,
        "height": 768,
        "format": "png",
        "seconds": 21.5,
        "cost_usd": 0.04,
    }


def test_a_failed_picture_has_a_line_with_its_code_and_no_link() -> None:
    """I01, I20: `limner.images[]` shows "failed" and a code of the closed list."""
    assert LINES[1] == {
        "index": 1,
        "call_id": "abc123xy2",
        "number": 2,
        "alt": "a boat",
        "status": "failed",
        "code": "image_policy",
        "error": CALL_CODES["image_policy"].sentence,
        "retryable": False,
        "paid": False,
    }


def test_a_promised_picture_has_a_line_with_the_link_that_waits() -> None:
    """Words first: the answer's link is sent at once."""
    line = LINES[2]
    assert (line["status"], line["promised"], line["url"]) == ("generating", True, LINK + "3")


def test_a_failure_that_cost_something_says_so() -> None:
    """I06: paid is true; an estimate is marked as one."""
    lost = REFUSED | {"code": "image_url_expired", "paid": True}
    unknown = REFUSED | {"code": "outcome_unknown", "paid": None, "made_good": True, "number": None}
    cost = RECEIPT["images"][1] | {"cost_usd": 0.05, "estimated": True}
    for call in (lost, unknown):
        (line,) = image_lines([call], pictures={}, urls={2: LINK}, receipt={"images": [cost], "late": []})
        assert (line["paid"], line["cost_usd"], line["estimated"]) == (call["paid"], 0.05, True)
        assert line["number"] == call["number"]
        assert "url" not in line
    assert line["made_good"] is True


def test_a_line_of_a_picture_under_way_is_short() -> None:
    """Progress tells what is new: ordered, not yet drawn."""
    line = image_line(0, "abc123xyz", 1, "a fox", "generating")
    assert line == {
        "index": 0,
        "call_id": "abc123xyz",
        "number": 1,
        "alt": "a fox",
        "status": "generating",
    }
    refused = image_line(1, "c", None, "", "failed", code="no such code")
    assert (refused["number"], refused["error"]) == (None, CALL_CODES["internal"].sentence)


def test_usage_holds_words_and_pictures() -> None:
    """Wire sheet, 3.2: the pictures' cost is part of `cost`, and `server_tool_cost` by itself."""
    assert usage(RECEIPT, [ASKED, REFUSED, CLIENTS_OWN]) == {
        "prompt_tokens": 300,
        "completion_tokens": 100,
        "total_tokens": 400,
        "prompt_tokens_details": {"cached_tokens": 20},
        "completion_tokens_details": {"reasoning_tokens": 6},
        "is_byok": False,
        "cost": 0.048,
        "cost_details": {
            "upstream_inference_cost": 0.008,
            "upstream_inference_prompt_cost": pytest.approx(0.006),
            "upstream_inference_completions_cost": pytest.approx(0.002),
            "server_tool_cost": 0.04,
        },
        "server_tool_use_details": {"tool_calls_requested": 2, "tool_calls_executed": 1},
    }


costs = st.none() | st.floats(0, 1000)


@given(st.integers(0, 10**9), st.integers(0, 10**9), costs, st.none() | st.floats(-1, 1000))
def test_what_is_unknown_is_left_out_and_nothing_is_negative(
    prompt: int, completion: int, chat_usd: float | None, images_usd: float | None
) -> None:
    """U31: usage is never negative; @openrouter/ai-sdk-provider refuses a `cost` that is null."""
    chat = {
        "prompt_tokens": prompt,
        "cached_tokens": 0,
        "reasoning_tokens": 0,
        "completion_tokens": completion,
        "cost_usd": chat_usd,
    }
    total = None if chat_usd is None or images_usd is None else chat_usd + images_usd
    said = usage({"chat": chat, "images": [], "images_usd": images_usd, "cost_usd": total})
    assert ("cost" in said) == (total is not None)
    assert ("cost_details" in said) == (chat_usd is not None)
    assert "server_tool_use_details" not in said
    details = said.get("cost_details", {})
    assert min([said.get("cost", 0), *(value for value in details.values() if value is not None)]) >= 0
    if chat_usd is not None:
        split = details["upstream_inference_prompt_cost"] + details["upstream_inference_completions_cost"]
        assert split == pytest.approx(chat_usd)
    chunk_stands(chatsaid.usage_chunk(HEAD, said, dialect="openrouter"))


@pytest.mark.parametrize(
    ("schema", "broken"),
    [
        ("openrouter/chunk", chatsaid.text_chunk(HEAD, "x") | {"system_fingerprint": None}),
        ("openrouter/chat", whole(HEAD, "x", usage=usage(RECEIPT) | {"cost_details": {}})),
        ("openrouter/chunk", chatsaid.server_call_chunk(HEAD, DETAIL | {"result": {}})),
        ("openai/chat", whole(HEAD, "x") | {"object": "chat.completion.chunk"}),
        ("openai/chunk", chatsaid.finish_chunk(HEAD, "done")),
    ],
)
def test_the_schemas_refuse_what_strict_clients_refuse(schema: str, broken: dict[str, Any]) -> None:
    """The negative control of this file: a schema that takes anything would judge nothing."""
    with pytest.raises(AssertionError, match=schema):
        valid(schema, broken)
