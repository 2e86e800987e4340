"""The shapes of Chat Completions, in both directions."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from limner.core.messages import ChatRequest, Delta, Message, ToolCall, ToolSpec, Usage
from limner.wire.chat.upstream import read_chunk, read_whole
from limner.wire.chat.writing import chat_body

DRAW = ToolSpec("draw", "Draws.", {"type": "object", "properties": {}})
CALL = ToolCall("abcdefghi", "draw", '{"prompt": "fox"}')


def body(*messages: Message, **options: Any) -> dict[str, Any]:
    request = ChatRequest(messages, options.pop("tools", ()), options.pop("tool_choice", "auto"))
    written: dict[str, Any] = json.loads(
        chat_body(request, model="m", **({"stream": False} | options)).data()
    )
    return written


# --- writing ---------------------------------------------------------------------------------

WRITTEN: dict[str, tuple[Message, dict[str, Any] | None]] = {
    "system": (Message("system", "Be kind"), {"role": "system", "content": "Be kind"}),
    "user": (Message("user", "Hi"), {"role": "user", "content": "Hi"}),
    "assistant": (Message("assistant", "Hi"), {"role": "assistant", "content": "Hi"}),
    "31 calls without words": (
        Message("assistant", "", (CALL,)),
        {
            "role": "assistant",
            "content": None,
            "tool_calls": [
                {
                    "id": "abcdefghi",
                    "type": "function",
                    "function": {"name": "draw", "arguments": '{"prompt": "fox"}'},
                }
            ],
        },
    ),
    "a result": (
        Message("tool", '{"status": "ok"}', call_id="abcdefghi"),
        {"role": "tool", "tool_call_id": "abcdefghi", "content": '{"status": "ok"}'},
    ),
    "30 an empty result": (
        Message("tool", "", call_id="abcdefghi"),
        {"role": "tool", "tool_call_id": "abcdefghi", "content": "(no output)"},
    ),
    "an assistant that said nothing": (Message("assistant"), None),
}


@pytest.mark.parametrize(("message", "written"), WRITTEN.values(), ids=WRITTEN.keys())
def test_every_message_is_written_as_providers_take_it(
    message: Message, written: dict[str, Any] | None
) -> None:
    """Quirks 29 to 31."""
    assert body(message)["messages"] == ([] if written is None else [written])


@pytest.mark.parametrize(
    "arguments",
    ['{"prompt": "fo', "[1]", '"text"', "null", "", "NaN", "{'a': True}", '{"a":1}{"a":2}', "[" * 100_000],
    ids=["cut", "a list", "a text", "null", "empty", "NaN", "Python", "two objects", "too deep"],
)
def test_arguments_that_are_no_object_are_not_replayed(arguments: str) -> None:
    """Quirk 23: a provider that is shown broken arguments answers 400 for ever."""
    sent = body(Message("assistant", "", (ToolCall("abcdefghi", "draw", arguments),)))
    assert sent["messages"][0]["tool_calls"][0]["function"]["arguments"] == "{}"


CHOICES: dict[str, Any] = {
    "auto": None,
    "none": "none",
    "required": "required",
    "draw": {"type": "function", "function": {"name": "draw"}},
}


@pytest.mark.parametrize(("choice", "sent"), CHOICES.items(), ids=CHOICES.keys())
def test_a_choice_of_tools_is_written_in_its_own_form(choice: str, sent: Any) -> None:
    """Wire sheet 1.3; quirk 36: the default is not sent."""
    assert body(Message("user", "Hi"), tools=(DRAW,), tool_choice=choice).get("tool_choice") == sent


def test_a_request_without_tools_has_no_choice_of_them() -> None:
    """A choice without tools is a 400 at several providers."""
    sent = body(Message("user", "Hi"), tool_choice="none")
    assert "tools" not in sent
    assert "tool_choice" not in sent


def test_a_stream_is_asked_for_with_its_figures() -> None:
    """Wire sheet 3.3: usage comes in the last chunk only when asked for."""
    sent = body(Message("user", "Hi"), stream=True)
    assert (sent["stream"], sent["stream_options"]) == (True, {"include_usage": True})
    assert "stream" not in body(Message("user", "Hi"))


def test_extra_fields_win_and_none_removes() -> None:
    """What an application adds goes along, and its None takes away."""
    sent = body(Message("user", "Hi"), stream=True, extra={"model": "n", "stream_options": None, "seed": 1})
    assert sent == {
        "model": "n",
        "messages": [{"role": "user", "content": "Hi"}],
        "stream": True,
        "seed": 1,
    }


# --- reading a stream ------------------------------------------------------------------------


def delta(finish: Any = None, **said: Any) -> dict[str, Any]:
    return {"choices": [{"index": 0, "delta": said, "finish_reason": finish}]}


def fragment(**function: Any) -> dict[str, Any]:
    return {"function": function}


def thinking(words: str, field: str) -> dict[str, Any]:
    return {"type": "reasoning.text", "text": words, "format": field, "index": 0}


CHUNKS: dict[str, tuple[Any, tuple[Delta, ...]]] = {
    "text": (delta(content="Hi"), (Delta(text="Hi"),)),
    "role alone": (delta(role="assistant", content=""), ()),
    "1 a call without an index": (
        delta(tool_calls=[{"id": "a", **fragment(name="f", arguments="{}")}]),
        (Delta(call_id="a", name="f", arguments="{}"),),
    ),
    "2 two calls at one index": (
        delta(tool_calls=[{"index": 0, "id": i, **fragment(name="f", arguments="{}")} for i in "ab"]),
        (
            Delta(index=0, call_id="a", name="f", arguments="{}"),
            Delta(index=0, call_id="b", name="f", arguments="{}"),
        ),
    ),
    "3 an index that is far off": (
        delta(tool_calls=[{"index": 7, **fragment(arguments="x")}]),
        (Delta(index=7, arguments="x"),),
    ),
    "3 an index that is none": (
        delta(tool_calls=[{"index": True, **fragment(arguments="x")}]),
        (Delta(arguments="x"),),
    ),
    "4 an empty id": (
        delta(tool_calls=[{"index": 0, "id": "", **fragment(name="f")}]),
        (Delta(index=0, name="f"),),
    ),
    "4 a null id": (
        delta(tool_calls=[{"index": 0, "id": None, **fragment(name="f")}]),
        (Delta(index=0, name="f"),),
    ),
    "6 a null name": (
        delta(tool_calls=[{"index": 0, "id": "a", **fragment(name=None, arguments="")}]),
        (Delta(index=0, call_id="a", arguments=""),),
    ),
    "7 null arguments": (
        delta(tool_calls=[{"index": 0, **fragment(name="f", arguments=None)}]),
        (Delta(index=0, name="f"),),
    ),
    "11 choices null": ({"choices": None}, ()),
    "11 no choices": ({"choices": []}, ()),
    "11 delta null": ({"choices": [{"delta": None}]}, ()),
    "11 a choice null": ({"choices": [None]}, ()),
    "15 stop beside a call": (
        delta("stop", tool_calls=[{"index": 0, "id": "a", **fragment(name="f", arguments="{}")}]),
        (Delta(index=0, call_id="a", name="f", arguments="{}"), Delta(finish_reason="stop")),
    ),
    "18 a legacy call": (
        delta("function_call", function_call={"name": "f", "arguments": "{"}),
        (Delta(name="f", arguments="{"), Delta(finish_reason="tool_calls")),
    ),
    "19 arguments as an object": (
        delta(tool_calls=[{"index": 0, **fragment(name="f", arguments={"ä": 1})}]),
        (Delta(index=0, name="f", arguments='{"ä": 1}'),),
    ),
    "a call that is no list": (
        delta(tool_calls={"id": "a", **fragment(name="f")}),
        (Delta(call_id="a", name="f"),),
    ),
    "a call without a function": (
        delta(tool_calls=[{"name": "f", "arguments": "{}"}]),
        (Delta(name="f", arguments="{}"),),
    ),
    "calls that are none": (delta(tool_calls=[None, "x", 3]), ()),
    "content as parts": (
        delta(
            content=[{"type": "text", "text": "a"}, {"type": "thinking", "text": "no"}, "b", {"text": "c"}, 4]
        ),
        (Delta(text="abc"),),
    ),
    "content that is no text": (delta(content=7), ()),
    "a refusal": (delta(content=None, refusal="I won't"), (Delta(text="I won't"),)),
    "reasoning": (
        delta(content=None, reasoning="hm", reasoning_content="hm"),
        (Delta(reasoning=(thinking("hm", "reasoning_content"),)),),
    ),
    "reasoning that is only for reading": (
        delta(content="Hi", reasoning="hm"),
        (Delta(text="Hi", reasoning=(thinking("hm", "reasoning"),)),),
    ),
    "reasoning told twice": (
        delta(reasoning="hm", reasoning_details=[{"type": "reasoning.text", "text": "hm", "index": 3}, 7]),
        (Delta(reasoning=({"type": "reasoning.text", "text": "hm", "index": 3},)),),
    ),
    "34 no thought before a call": (
        delta(reasoning_content="", tool_calls=[{"index": 0, **fragment(name="f")}]),
        (Delta(reasoning=(thinking("", "reasoning_content"),)), Delta(index=0, name="f")),
    ),
    "34 no thought before a word": (delta(content="Hi", reasoning_content=""), (Delta(text="Hi"),)),
    "no reasoning": (delta(reasoning="", reasoning_content=None, reasoning_details=[]), ()),
    "U15 a lone surrogate in a thought": (
        delta(reasoning_details=[{"type": "reasoning.text", "text": "a\ud800", "odd": {"deep": 1}}]),
        (Delta(reasoning=({"type": "reasoning.text", "text": "a\ufffd"},)),),
    ),
    "a whole message as a chunk": ({"choices": [{"message": {"content": "Hi"}}]}, (Delta(text="Hi"),)),
    "completions text": ({"choices": [{"text": "Hi"}]}, (Delta(text="Hi"),)),
    "U15 a lone surrogate": (delta(content="a\ud800b"), (Delta(text="a\ufffdb"),)),
    "a finish in capitals": (delta("STOP"), (Delta(finish_reason="stop"),)),
    "a finish of its own": (delta("eos"), (Delta(finish_reason="stop"),)),
    "max_tokens": (delta("max_tokens"), (Delta(finish_reason="length"),)),
    "safety": (delta("SAFETY"), (Delta(finish_reason="content_filter"),)),
    "an empty finish": (delta(""), ()),
    "a finish that is no text": (delta(3), ()),
    "no object": ("ping", ()),
    "null": (None, ()),
    "a number": (7, ()),
}


@pytest.mark.parametrize(("chunk", "deltas"), CHUNKS.values(), ids=CHUNKS.keys())
def test_every_chunk_is_read(chunk: Any, deltas: tuple[Delta, ...]) -> None:
    """Quirks 1 to 20, by their numbers."""
    assert read_chunk(chunk) == deltas


FIGURES: dict[str, tuple[Any, Usage | None]] = {
    "plain": ({"prompt_tokens": 7, "completion_tokens": 3, "cost": 0.5}, Usage(7, 3, 0.5)),
    "other names": ({"input_tokens": 7, "output_tokens": 3}, Usage(7, 3)),
    "null": (None, None),
    "empty": ({}, Usage()),
    "negative": ({"prompt_tokens": -7, "completion_tokens": 3, "cost": -1}, Usage(0, 3)),
    "absurd": (
        {"prompt_tokens": 10**18, "completion_tokens": 1e300, "cost": 1e300},
        Usage(10**9, 10**9, 1e6),
    ),
    "endless": (
        {"prompt_tokens": float("inf"), "completion_tokens": float("nan"), "cost": float("nan")},
        Usage(),
    ),
    "texts": ({"prompt_tokens": "7", "completion_tokens": [3], "cost": "0.5"}, Usage(cost_usd=0.5)),
    "ticks": ({"prompt_tokens": 7, "cost_in_usd_ticks": 5_000_000}, Usage(7, 0, 0.0005)),
    "truths": ({"prompt_tokens": True, "cost": False}, Usage()),
    "thinking": (
        {"completion_tokens": 9, "completion_tokens_details": {"reasoning_tokens": 7}},
        Usage(0, 9, reasoning_tokens=7),
    ),
    "thinking, by its other name": (
        {"output_tokens": 9, "output_tokens_details": {"reasoning_tokens": 70}},
        Usage(0, 9, reasoning_tokens=9),
    ),
    "zero": ({"prompt_tokens": 0, "completion_tokens": 0, "cost": 0}, Usage(0, 0, 0.0)),
    "read before": (
        {"prompt_tokens": 9, "completion_tokens": 1, "prompt_tokens_details": {"cached_tokens": 4}},
        Usage(9, 1, cached_tokens=4),
    ),
    "read before, by another name": (
        {"prompt_tokens": 9, "completion_tokens": 1, "prompt_cache_hit_tokens": 4},
        Usage(9, 1, cached_tokens=4),
    ),
    "more was read before than there is": (
        {"input_tokens": 9, "output_tokens": 1, "input_tokens_details": {"cached_tokens": 10**18}},
        Usage(9, 1, cached_tokens=9),
    ),
    "details that are none": (
        {"prompt_tokens": 9, "prompt_tokens_details": [4], "prompt_cache_hit_tokens": -4},
        Usage(9),
    ),
}


@pytest.mark.parametrize(("usage", "read"), FIGURES.values(), ids=FIGURES.keys())
def test_figures_are_never_negative_and_never_absurd(usage: Any, read: Usage | None) -> None:
    """Missing, negative and 1e18 are clamped; `cost` is OpenRouter's, ticks are xAI's."""
    assert read_chunk({"choices": [], "usage": usage}) == (() if read is None else (Delta(usage=read),))


# --- reading a whole answer ------------------------------------------------------------------


def said(finish: Any = "stop", **message: Any) -> dict[str, Any]:
    return {"choices": [{"message": message, "finish_reason": finish}]}


STOP = Delta(finish_reason="stop")
WHOLES: dict[str, tuple[Any, tuple[Delta, ...]]] = {
    "text": (said(content="Hi"), (Delta(text="Hi"), STOP)),
    "U20 content null": (said(content=None), (STOP,)),
    "no finish": (said(None, content="Hi"), (Delta(text="Hi"), STOP)),
    "5 the same id twice": (
        said(
            "tool_calls",
            tool_calls=[{"id": "a", **fragment(name="f", arguments="{}")} for _ in range(2)],
        ),
        (
            Delta(index=0, call_id="a", name="f", arguments="{}"),
            Delta(index=1, name="f", arguments="{}"),
            Delta(finish_reason="tool_calls"),
        ),
    ),
    "2 the same index twice": (
        said(tool_calls=[{"index": 0, "id": i, **fragment(name="f")} for i in "ab"]),
        (Delta(index=0, call_id="a", name="f"), Delta(index=1, call_id="b", name="f"), STOP),
    ),
    "18 a legacy call": (
        said("function_call", content=None, function_call={"name": "f", "arguments": {"a": 1}}),
        (Delta(index=0, name="f", arguments='{"a": 1}'), Delta(finish_reason="tool_calls")),
    ),
    "thoughts without numbers": (
        said(content="Hi", reasoning_details=[{"type": "reasoning.text", "text": word} for word in "ab"]),
        (
            Delta(
                text="Hi",
                reasoning=tuple(
                    {"type": "reasoning.text", "text": word, "index": at} for at, word in enumerate("ab")
                ),
            ),
            STOP,
        ),
    ),
    "U19 no choices": ({"choices": []}, ()),
    "U19 message null": ({"choices": [{"message": None, "finish_reason": "stop"}]}, ()),
    "U19 nothing": ({}, ()),
    "U19 a list": ([], ()),
}


@pytest.mark.parametrize(("answer", "deltas"), WHOLES.values(), ids=WHOLES.keys())
def test_every_whole_answer_is_read(answer: Any, deltas: tuple[Delta, ...]) -> None:
    """Quirks 2, 5, 18; scorecard U19, U20. In a whole message the place in the list is the truth."""
    assert read_whole(answer) == deltas


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(st.characters()),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(
            st.sampled_from(
                [
                    "choices",
                    "delta",
                    "message",
                    "content",
                    "tool_calls",
                    "function",
                    "arguments",
                    "name",
                    "id",
                    "index",
                    "finish_reason",
                    "usage",
                    "cost",
                    "prompt_tokens",
                    "text",
                    "type",
                    "function_call",
                ]
            ),
            inner,
            max_size=6,
        )
    ),
    max_leaves=25,
)


@given(JSON)
@settings(max_examples=600, deadline=None)
def test_no_json_breaks_the_reading_and_all_text_is_utf_8(value: Any) -> None:
    """Scorecard U15: output is always valid UTF-8; any shape gives deltas."""
    for shaped in (value, {"choices": [{"delta": value, "message": value}], "usage": value}):
        for found in (*read_chunk(shaped), *read_whole(shaped)):
            json.dumps([found.text, found.name, found.arguments, found.call_id], ensure_ascii=False).encode()
            if found.usage is not None:
                assert found.usage.prompt_tokens >= 0


def nested(depth: int) -> Any:
    """Parts within parts within parts."""
    part: Any = "deep"
    for _ in range(depth):
        part = [{"type": "text", "text": part}]
    return part


@pytest.mark.parametrize("read", [read_chunk, read_whole])
def test_only_one_level_of_parts_is_read(read: Any) -> None:
    """Attack: parts nested hundreds deep, beside words that are none of their fault."""
    content = [*nested(1), *nested(450), "!", {"type": "text", "text": {"value": "no"}}, {"text": 3}]
    answer = {"choices": [{"message": {"content": content}, "finish_reason": "stop"}]}
    assert "".join(delta.text for delta in read(answer)) == "deep!"


@pytest.mark.parametrize("read", [read_chunk, read_whole])
def test_arguments_nested_too_deeply_are_handed_on_as_invalid(read: Any) -> None:
    """Scorecard 3.2: the call fails as arguments_invalid_json, and nothing beside it."""
    deep: Any = {}
    for _ in range(5000):
        deep = {"a": deep}
    called = {"id": "a", "function": {"name": "draw", "arguments": deep}}
    answer = {"choices": [{"message": {"content": "Hi", "tool_calls": [called]}}]}
    text, fragment, *_ = read(answer)
    assert (text.text, fragment.call_id, fragment.name) == ("Hi", "a", "draw")
    with pytest.raises(ValueError):  # noqa: PT011 - json's own subclass
        json.loads(fragment.arguments)
