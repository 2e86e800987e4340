"""Properties of requests of the Responses API: whatever comes is read or refused, and answers can be sent back."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from limner.core.messages import ToolCall
from limner.gateway.refusal import REFUSALS
from limner.wire.asking import AskError
from limner.wire.chat.ask import IMAGE
from limner.wire.chat.history import data_urls_in_messages, history, links_in_messages, numbered
from limner.wire.responses.ask import read_responses_ask, with_items
from limner.wire.responses.parameters import RESPONSES
from limner.wire.responses.said import ResponseBuilder, ResponseHead

JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False)
    | st.text(max_size=12)
    | st.sampled_from(
        ["user", "assistant", "auto", "message", "input_text", "completed", "json_schema", IMAGE]
    ),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                [
                    "role",
                    "content",
                    "type",
                    "name",
                    "id",
                    "call_id",
                    "text",
                    "output",
                    "image_url",
                    "format",
                    "tools",
                ]
            )
            | st.text(max_size=4),
            inner,
            max_size=4,
        )
    ),
    max_leaves=25,
)
FIELDS = st.sampled_from(
    sorted(RESPONSES.acted_on | {"temperature", "metadata", "reasoning", "top_logprobs"})
)
ROLES = {"system", "developer", "user", "assistant", "tool"}
KINDS = st.sampled_from(
    [
        "message",
        "function_call",
        "function_call_output",
        "custom_tool_call",
        "custom_tool_call_output",
        "reasoning",
        "image_generation_call",
        IMAGE,
        "item_reference",
        "web_search_call",
        "acme:thing",
        "thing",
    ]
)
ITEM = st.fixed_dictionaries(
    {},
    optional={
        "type": KINDS | JSON,
        "role": st.sampled_from(["user", "assistant", "developer", "tool"]) | JSON,
        "content": st.text(max_size=5)
        | st.lists(
            st.fixed_dictionaries(
                {
                    "type": st.sampled_from(
                        ["input_text", "output_text", "refusal", "input_image", "input_file", "x"]
                    )
                },
                optional={
                    "text": JSON,
                    "refusal": JSON,
                    "image_url": JSON,
                    "file_data": JSON,
                    "file_id": JSON,
                },
            )
            | JSON,
            max_size=3,
        )
        | JSON,
        "id": st.text(max_size=5) | JSON,
        "call_id": st.text(max_size=5) | JSON,
        "name": st.text(max_size=5) | JSON,
        "arguments": st.text(max_size=5) | JSON,
        "input": st.text(max_size=5) | JSON,
        "output": st.text(max_size=5) | JSON,
        "summary": JSON,
        "encrypted_content": JSON,
        "signature": JSON,
        "status": st.sampled_from(["completed", "failed", "in_progress"]) | JSON,
        "result": st.text(max_size=5) | JSON,
        "imageUrl": JSON,
        "prompt": JSON,
        "error": JSON,
    },
)
TOOL = st.fixed_dictionaries(
    {"type": st.sampled_from(["function", IMAGE, "image_generation", "x"])},
    optional={"function": JSON, "name": st.sampled_from(["f", "g"]), "parameters": JSON, "size": JSON},
)
CHOICE = JSON | st.fixed_dictionaries(
    {"type": st.sampled_from(["allowed_tools", "function", IMAGE])},
    optional={
        "mode": JSON,
        "name": JSON,
        "function": JSON,
        "tools": st.lists(TOOL | JSON, max_size=3) | JSON,
    },
)


def _reads_or_refuses(body: dict[str, Any]) -> None:
    try:
        read = read_responses_ask(body)
        messages = with_items(read, read.items).messages
    except AskError as error:
        refusal = error
    else:
        assert messages
        assert {message["role"] for message in messages} <= ROLES
        return
    assert refusal.code in REFUSALS
    assert refusal.sentence.isprintable()
    assert (refusal.param or "").isprintable()


BODIES = st.tuples(
    st.dictionaries(FIELDS | st.text(max_size=6), JSON, max_size=5),
    st.none() | st.lists(ITEM, max_size=4),
    st.none() | st.lists(TOOL, max_size=3),
    st.none() | CHOICE,
    st.booleans(),
)


def _body(parts: tuple[dict[str, Any], Any, Any, Any, bool]) -> dict[str, Any]:
    body, items, tools, choice, whole = parts
    for name, value in (("input", items), ("tools", tools), ("tool_choice", choice)):
        if value is not None:
            body = {**body, name: value}
    return {"model": "m", "input": "x", **body} if whole else body


@given(BODIES)
@settings(max_examples=25, deadline=None)
def test_any_body_is_read_or_refused_by_code(parts: Any) -> None:
    """Nothing but AskError leaves, whatever the JSON."""
    _reads_or_refuses(_body(parts))


@pytest.mark.soak
@given(BODIES)
@settings(max_examples=5000, deadline=None)
def test_any_of_five_thousand_bodies_is_read_or_refused_by_code(parts: Any) -> None:
    """The same, for longer."""
    _reads_or_refuses(_body(parts))


WORD = st.text(min_size=1, max_size=8)
NAME = st.sampled_from(["get_weather", "stop"])
DETAIL = st.one_of(
    st.builds(
        lambda words, at: {"type": "reasoning.text", "text": words, "index": at}, WORD, st.integers(0, 2)
    ),
    st.builds(lambda words: {"type": "reasoning.summary", "summary": words, "id": "rs_1", "index": 3}, WORD),
    st.builds(
        lambda data: {
            "type": "reasoning.encrypted",
            "data": data,
            "id": "rs_1",
            "format": "openai-responses-v1",
        },
        WORD,
    ),
)
STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("text"), WORD),
        st.tuples(st.just("reasoning"), DETAIL),
        st.tuples(st.just("drawn"), WORD),
        st.tuples(st.just("failed"), WORD),
        st.tuples(st.just("waiting"), WORD),
    ),
    max_size=6,
)


def _answer(steps: list[tuple[str, Any]], calls: list[str], *, native: bool, finish: str) -> dict[str, Any]:
    """What our own builder makes of that."""
    builder = ResponseBuilder(ResponseHead("resp_1", 1, "m", "limner"), {}, native=native)
    builder.begin()
    for place, (kind, said) in enumerate(steps):
        call_id = f"call_{place}"
        if kind == "text":
            builder.text(said)
        elif kind == "reasoning":
            builder.reasoning([said])
        else:
            builder.image_queued(call_id, said)
            if kind == "drawn":
                url = f"https://x.example/images/{place}"
                builder.image_finished(call_id, url=url, b64="iVBORw0KGgo" if native else None, prompt=said)
            elif kind == "failed":
                builder.image_failed(call_id, "image_policy")
    builder.calls([ToolCall(f"call_f{place}", name, "{}") for place, name in enumerate(calls)])
    builder.end(usage={"prompt_tokens": 1, "completion_tokens": 1}, completed_at=2, finish=finish)
    return builder.response()


@given(STEPS, st.lists(NAME, max_size=2), st.booleans(), st.sampled_from(["stop", "length"]))
@settings(max_examples=50, deadline=None)
def test_any_answer_of_ours_can_be_sent_back(
    steps: list[tuple[str, Any]], calls: list[str], native: bool, finish: str
) -> None:
    """Pain 12, and Open Responses: every item is accepted as input as it was given out, with all its fields;
    what it told is in the history that the model reads."""
    output = _answer(steps, calls, native=native, finish=finish)["output"]
    results = [
        {"type": "function_call_output", "call_id": f"call_f{at}", "output": "ok"} for at in range(len(calls))
    ]
    again = {"role": "user", "content": "Again."}
    read = read_responses_ask({"model": "m", "input": [*output, *results, again]})
    messages = with_items(read, read.items).messages
    told = [message for message in messages if message["role"] == "assistant"]
    assert len(told) <= 1
    said = told[0] if told else {}
    assert (said.get("content") or "") == "".join(words for kind, words in steps if kind == "text")
    assert [call["function"]["name"] for call in said.get("tool_calls", [])] == calls
    drawn = sum(kind == "drawn" for kind, _ in steps)
    addresses = [*links_in_messages(messages), *data_urls_in_messages(messages)]
    pictures = {url: url for url in addresses}
    read_by_model = history(messages, numbered(messages, pictures), image_tool="generate_image")
    asked = [call for message in read_by_model for call in message.calls if call.name == "generate_image"]
    assert len(asked) == drawn + sum(kind == "failed" for kind, _ in steps)
    assert [message.call_id for message in read_by_model if message.role == "tool"][len(asked) :] == [
        result["call_id"] for result in results
    ]
