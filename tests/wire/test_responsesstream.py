"""Answers of the Responses API, streamed and whole, as deltas."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from limner.core.deltas import Folded, fold
from limner.core.events import AskedCall
from limner.core.messages import Delta, Usage
from limner.wire.responses.stream import FORMAT, ResponsesAnswer
from limner.wire.sse import SseParser
from responders import called, events, message, response, thought

FOX, OWL = AskedCall("draw", '{"prompt": "fox"}'), AskedCall("draw", '{"prompt": "owl"}')


def parsed(frames: Iterable[bytes]) -> list[dict[str, Any]]:
    parser = SseParser()
    return [json.loads(event.data) for frame in frames for event in parser.feed(frame)]


def read(events_: Iterable[Any]) -> list[Delta]:
    answer = ResponsesAnswer()
    return [delta for event in events_ for delta in answer.chunk(event)]


def streamed(events_: Iterable[Any]) -> Folded:
    return fold(read(events_))


def told(body: Any) -> Folded:
    return fold(ResponsesAnswer().whole(body))


def e(kind: str, **fields: Any) -> dict[str, Any]:
    return {"type": f"response.{kind}", **fields}


def ended(*output: dict[str, Any], status: str = "completed", **fields: Any) -> dict[str, Any]:
    return e(status, response=response(*output, status=status, **fields))


def added(at: int, **item: Any) -> dict[str, Any]:
    return e("output_item.added", output_index=at, item=item)


def done(at: int, **item: Any) -> dict[str, Any]:
    return e("output_item.done", output_index=at, item=item)


# --- streams ---------------------------------------------------------------------------------

STREAMS: dict[str, tuple[list[Any], str, tuple[AskedCall, ...]]] = {
    "as specified": (
        parsed(events(message("Hello there"), called("draw", FOX.arguments))),
        "Hello there",
        (FOX,),
    ),
    "nothing but the end": ([ended(message("Hi"), called("draw", FOX.arguments))], "Hi", (FOX,)),
    "nothing but whole items": (
        [done(0, **message("Hi")), done(1, **called("draw", FOX.arguments)), ended()],
        "Hi",
        (FOX,),
    ),
    "fragments and no whole items": (
        [
            e("output_text.delta", item_id="m", output_index=0, content_index=0, delta="H"),
            e("output_text.delta", item_id="m", output_index=0, content_index=0, delta="i"),
            added(1, type="function_call", id="f", call_id="c", name="draw", arguments=""),
            e("function_call_arguments.delta", item_id="f", output_index=1, delta=FOX.arguments[:4]),
            e("function_call_arguments.delta", item_id="f", output_index=1, delta=FOX.arguments[4:]),
            ended(),
        ],
        "Hi",
        (FOX,),
    ),
    "only `done` events": (
        [
            e("output_text.done", item_id="m", output_index=0, content_index=0, text="Hi"),
            e(
                "function_call_arguments.done",
                item_id="f",
                output_index=1,
                name="draw",
                arguments=FOX.arguments,
            ),
            ended(),
        ],
        "Hi",
        (FOX,),
    ),
    "calls side by side": (
        [
            added(0, type="function_call", id="a", call_id="c1", name="draw", arguments=""),
            added(1, type="function_call", id="b", call_id="c2", name="draw", arguments=""),
            e("function_call_arguments.delta", output_index=1, item_id="b", delta=OWL.arguments[:5]),
            e("function_call_arguments.delta", output_index=0, item_id="a", delta=FOX.arguments[:5]),
            e("function_call_arguments.delta", output_index=1, item_id="b", delta=OWL.arguments[5:]),
            e("function_call_arguments.delta", output_index=0, item_id="a", delta=FOX.arguments[5:]),
            ended(called("draw", FOX.arguments, id="a"), called("draw", OWL.arguments, id="b")),
        ],
        "",
        (FOX, OWL),
    ),
    "no places, only ids": (
        [
            e(
                "output_item.added",
                item={"type": "function_call", "id": "a", "call_id": "c1", "name": "draw"},
            ),
            e(
                "output_item.added",
                item={"type": "function_call", "id": "b", "call_id": "c2", "name": "draw"},
            ),
            e("function_call_arguments.delta", item_id="b", delta=OWL.arguments),
            e("function_call_arguments.delta", item_id="a", delta=FOX.arguments),
            ended(),
        ],
        "",
        (FOX, OWL),
    ),
    "another id in each event": (
        [
            added(0, type="message", id="x1"),
            e("output_text.delta", item_id="x2", output_index=0, content_index=0, delta="Hi"),
            done(0, **message("Hi", id="x3")),
            added(1, type="function_call", id="y1", call_id="c", name="draw"),
            e("function_call_arguments.delta", item_id="y2", output_index=1, delta=FOX.arguments),
            done(1, **called("draw", FOX.arguments, id="y3")),
            ended(message("Hi", id="x4"), called("draw", FOX.arguments, id="y4")),
        ],
        "Hi",
        (FOX,),
    ),
    "an end that leaves items out": (
        [
            *parsed(events(thought(), message("Hi"), called("draw", FOX.arguments))[:-1]),
            ended(message("Hi", id="other"), called("draw", FOX.arguments, id="another")),
        ],
        "Hi",
        (FOX,),
    ),
    "neither places nor ids": (
        [e("output_text.delta", delta="H"), e("output_text.delta", delta="i"), ended()],
        "Hi",
        (),
    ),
    "two messages": (
        parsed(events(message("One.", id="m1"), message("Two.", id="m2"))),
        "One.\n\nTwo.",
        (),
    ),
    "a refusal": (
        [
            e("refusal.delta", item_id="m", output_index=0, content_index=0, delta="I won't"),
            e("refusal.done", item_id="m", output_index=0, content_index=0, refusal="I won't"),
            ended(
                {
                    "type": "message",
                    "id": "m",
                    "content": [{"type": "refusal", "refusal": "I won't"}],
                }
            ),
        ],
        "I won't",
        (),
    ),
    "a custom tool": (
        [
            added(0, type="custom_tool_call", id="a", call_id="c", name="run", input=""),
            e("custom_tool_call_input.delta", item_id="a", output_index=0, delta="ls"),
            e("custom_tool_call_input.done", item_id="a", output_index=0, input="ls"),
            ended(),
        ],
        "",
        (AskedCall("run", "ls"),),
    ),
    "what the provider ran itself": (
        [
            added(0, type="web_search_call", id="ws", status="in_progress"),
            e("web_search_call.searching", item_id="ws", output_index=0),
            done(0, type="web_search_call", id="ws", status="completed"),
            added(1, type="image_generation_call", id="ig", status="in_progress"),
            e("image_generation_call.partial_image", item_id="ig", output_index=1, partial_image_b64="AA=="),
            done(1, type="image_generation_call", id="ig", status="completed", result="AA=="),
            e("mcp_call_arguments.delta", item_id="mcp", output_index=2, delta="{}"),
            *parsed(events(message("Hi")))[2:-1],
            ended(),
        ],
        "Hi",
        (),
    ),
    "events that nobody knows": (
        [
            e("new.thing", delta="x"),
            {"odd": 1},
            7,
            None,
            [],
            "ping",
            e("output_text.delta"),
            ended(message("Hi")),
        ],
        "Hi",
        (),
    ),
    "U15 half a letter": (
        [e("output_text.delta", item_id="m", output_index=0, delta="a\ud800b"), ended()],
        "a\ufffdb",
        (),
    ),
    "another name of the end": ([e("done", response=response(message("Hi")))], "Hi", ()),
    "an end without the answer": ([e("output_text.delta", delta="Hi"), e("completed")], "Hi", ()),
}


@pytest.mark.parametrize(("events_", "words", "calls"), STREAMS.values(), ids=STREAMS.keys())
def test_every_stream_tells_each_thing_once(
    events_: list[Any], words: str, calls: tuple[AskedCall, ...]
) -> None:
    """Facts, wire, 4.4; quirks 2 to 9 in other words: places, ids and repetitions cannot be trusted."""
    folded = streamed(events_)
    assert (folded.text, folded.calls) == (words, calls)
    assert folded.finish_reason == ("tool_calls" if calls else "stop")


def test_the_name_of_an_event_may_stand_in_its_frame_alone() -> None:
    """Server-sent events have names of their own; some servers leave `type` out of the data."""
    answer = ResponsesAnswer()
    assert answer.chunk({"delta": "Hi"}, "response.output_text.delta") == (Delta(text="Hi"),)


ENDS: dict[str, tuple[dict[str, Any], str]] = {
    "completed": (ended(), "stop"),
    "cut off": (
        ended(status="incomplete", incomplete_details={"reason": "max_output_tokens"}),
        "length",
    ),
    "a filter": (
        ended(status="incomplete", incomplete_details={"reason": "content_filter"}),
        "content_filter",
    ),
    "cut off, nobody knows why": (e("incomplete", response={"incomplete_details": None}), "length"),
    "a call in the end": (ended(called("draw", "{}")), "tool_calls"),
    "a call that was cut off": (
        ended(called("draw", '{"a'), status="incomplete", incomplete_details={"reason": "max_output_tokens"}),
        "length",
    ),
}


@pytest.mark.parametrize(("event", "finish"), ENDS.values(), ids=ENDS.keys())
def test_every_end_has_its_reason_streamed_and_whole(event: dict[str, Any], finish: str) -> None:
    """Scorecard U22: a call of an answer that was cut off must not run."""
    answer = ResponsesAnswer()
    assert fold(answer.chunk(event)).finish_reason == finish
    assert answer.ended
    body = {"output": [], "status": event["type"].removeprefix("response."), **event["response"]}
    assert told(body).finish_reason == finish


def test_figures_are_those_of_the_end() -> None:
    """Facts, wire, 4.2: `usage` of the response, OpenRouter's cost included."""
    usage = {
        "input_tokens": 100,
        "input_tokens_details": {"cached_tokens": 40},
        "output_tokens": 50,
        "output_tokens_details": {"reasoning_tokens": 30},
        "cost": 0.01,
    }
    assert streamed([ended(usage=usage)]).usage == Usage(100, 50, 0.01, cached_tokens=40, reasoning_tokens=30)


@pytest.mark.parametrize("status", ["queued", "in_progress"])
def test_an_answer_that_is_not_there_yet_is_none(status: str) -> None:
    """Background responses are not asked for, and have said nothing."""
    assert ResponsesAnswer().whole(response(status=status)) == ()
    assert ResponsesAnswer().whole({"choices": []}) == ()


# --- reasoning -------------------------------------------------------------------------------


def test_an_id_of_megabytes_is_not_told_with_each_word_of_a_thought() -> None:
    """U17: the event that adds an item may be large; what follows it names its place alone."""
    name = "r" * 2**20
    words = [e("reasoning_text.delta", output_index=0, content_index=0, delta="x")] * 9
    deltas = read([added(0, type="reasoning", id=name), *words, done(0, type="reasoning", id=name), ended()])
    (thought_,) = fold(deltas).reasoning
    assert (thought_["text"], "id" in thought_) == ("x" * 9, False)


def test_thoughts_are_told_with_what_they_are_sent_back_with() -> None:
    """The encrypted data is true only when the item is done: what its beginning says is not."""
    folded = streamed(parsed(events(thought("rs_1", ["A fox ", "in snow"]), message("Hi"))))
    assert folded.reasoning == (
        {"type": "reasoning.summary", "summary": "A fox ", "id": "rs_1", "format": FORMAT, "index": 0},
        {"type": "reasoning.summary", "summary": "in snow", "id": "rs_1", "format": FORMAT, "index": 1},
        {"type": "reasoning.encrypted", "data": "sealed-rs_1", "id": "rs_1", "format": FORMAT, "index": 2},
    )


@pytest.mark.parametrize("name", ["reasoning_text", "reasoning"])
def test_thoughts_aloud_have_two_names(name: str) -> None:
    """OpenAI's events, and those of Open Responses (facts, wire, 7)."""
    where = {"item_id": "rs_1", "output_index": 0, "content_index": 0}
    item = {
        "type": "reasoning",
        "id": "rs_1",
        "summary": [],
        "content": [{"type": "reasoning_text", "text": "hm."}],
    }
    folded = streamed(
        [
            added(0, type="reasoning", id="rs_1", summary=[]),
            e(f"{name}.delta", **where, delta="hm"),
            e(f"{name}.delta", **where, delta="."),
            e(f"{name}.done", **where, text="hm."),
            done(0, **item),
            ended(item, message("Hi")),
        ]
    )
    words = {"type": "reasoning.text", "text": "hm.", "id": "rs_1", "format": FORMAT, "index": 0}
    assert (folded.reasoning, folded.text) == ((words,), "Hi")


def test_a_thought_knows_what_it_stands_before() -> None:
    """Quirk 35: what the model thought goes back right before the item that came of it."""
    output = [
        thought("rs_1"),
        message("Hi"),
        thought("rs_2"),
        called("draw", FOX.arguments, call_id="c1"),
        thought("rs_3"),
        called("draw", OWL.arguments, call_id="c2"),
    ]
    for folded in (streamed(parsed(events(*output))), told(response(*output))):
        assert [(each["id"], each.get("place", 0)) for each in folded.reasoning] == [
            ("rs_1", 0),
            ("rs_2", 1),
            ("rs_3", 2),
        ]


def test_a_thought_that_tells_nothing_keeps_its_name() -> None:
    """Its id is all that a provider needs that keeps its answers."""
    silent = {"type": "reasoning", "id": "rs_1", "summary": []}
    (kept,) = streamed(parsed(events(thought("rs_1", sealed=""), message("Hi")))).reasoning
    assert kept == {"type": "reasoning.summary", "summary": "", "id": "rs_1", "format": FORMAT, "index": 0}
    assert told(response(silent)).reasoning == (kept,)


# --- faults ----------------------------------------------------------------------------------

FAULTS: dict[str, tuple[Any, int | None]] = {
    "flat": ({"type": "error", "code": "rate_limit_exceeded", "message": "m", "param": None}, 429),
    "nested": ({"type": "error", "error": {"type": "server_error", "code": None, "message": "m"}}, 500),
    "of the documents": (
        {"type": "response.error", "error": {"code": "invalid_api_key", "message": "m"}},
        401,
    ),
    "a status of its own": ({"type": "error", "error": {"code": 502, "message": "m"}}, 502),
    "failed": (ended(status="failed", error={"code": "insufficient_quota", "message": "m"}), 402),
    "failed, the kind beside it": (
        ended(status="failed", error={"code": "server_error", "message": "m"}, error_type="authentication"),
        401,
    ),
    "failed, nobody knows why": (ended(status="failed"), 0),
    "failed at a quiet end": (e("done", response=response(status="failed")), 0),
    "cancelled": (ended(status="cancelled"), 0),
    "a whole one": (response(status="failed", error={"code": "server_error", "message": "m"}), 500),
    "an envelope": ({"error": {"code": "context_length_exceeded", "message": "m"}}, 400),
    "completed": (ended(message("Hi")), None),
    "incomplete": (ended(status="incomplete"), None),
    "a whole one that is well": (response(message("Hi")), None),
    "begun": (e("created", response=response(status="in_progress")), None),
    "nothing": (None, None),
}


@pytest.mark.parametrize(("body", "status"), FAULTS.values(), ids=FAULTS.keys())
def test_every_shape_of_an_error_is_one(body: Any, status: int | None) -> None:
    """Facts, wire, 4.5: three shapes of the event, and an answer that failed."""
    fault = ResponsesAnswer().fault(body)
    assert (None if fault is None else fault.status) == status


@pytest.mark.parametrize("status", ["failed", "cancelled"])
def test_an_answer_that_failed_has_no_finish_and_keeps_its_words(status: str) -> None:
    """What was said before it failed stands."""
    folded = fold(ResponsesAnswer().chunk(ended(message("Hi"), status=status)))
    assert (folded.text, folded.finish_reason) == ("Hi", None)


# --- whatever comes --------------------------------------------------------------------------

WORDS = st.text(st.characters(codec="utf-8"), min_size=1, max_size=20)
ITEMS = st.one_of(
    st.builds(lambda words, n: message(words, f"m{n}"), WORDS, st.integers(0, 99)),
    st.builds(lambda words, n: called("draw", {"p": words}, call_id=f"c{n}"), WORDS, st.integers(0, 99)),
    st.builds(
        lambda parts, n: thought(f"rs{n}", parts),
        st.lists(WORDS, max_size=3),
        st.integers(0, 99),
    ),
)


@given(st.lists(ITEMS, max_size=6, unique_by=lambda item: item["id"]))
@settings(deadline=None)
def test_a_stream_and_a_whole_answer_say_the_same(output: list[dict[str, Any]]) -> None:
    """Streamed or whole is the caller's choice, and changes nothing of what was said."""
    frames = parsed(events(*output))
    whole = told(response(*output))
    assert streamed(frames) == whole
    assert whole.text == "\n\n".join(
        each["content"][0]["text"] for each in output if each["type"] == "message"
    )
    assert len(whole.calls) == sum(each["type"] == "function_call" for each in output)
    without_fragments = [each for each in frames if not each["type"].endswith((".delta", ".added"))]
    assert streamed(without_fragments).text == whole.text
    assert streamed(without_fragments).calls == whole.calls


KEYS = [
    "type",
    "item",
    "item_id",
    "output_index",
    "content_index",
    "summary_index",
    "delta",
    "text",
    "response",
]
KEYS += [
    "output",
    "status",
    "error",
    "code",
    "message",
    "id",
    "call_id",
    "name",
    "arguments",
    "summary",
    "content",
]
KEYS += ["encrypted_content", "usage", "incomplete_details", "reason", "output_tokens", "refusal", "input"]
KINDS = [
    *(
        f"response.{end}"
        for end in ("completed", "incomplete", "failed", "output_item.added", "output_item.done")
    ),
    *(f"response.{part}.{how}" for part in ("output_text", "reasoning_text") for how in ("delta", "done")),
    *(f"response.function_call_arguments.{how}" for how in ("delta", "done")),
    *("response.reasoning_summary_text.delta", "error", "message", "function_call", "reasoning", "completed"),
]
JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(st.characters())
    | st.sampled_from(KINDS),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.sampled_from(KEYS), inner, max_size=6),
    max_leaves=25,
)


@given(st.lists(st.dictionaries(st.sampled_from(KEYS), JSON, max_size=6) | JSON, max_size=5), st.data())
@settings(max_examples=120, deadline=None)
def test_no_json_breaks_the_reading_and_all_text_is_utf_8(values: list[Any], data: st.DataObject) -> None:
    """Scorecard U15: output is always valid UTF-8; any shape gives deltas."""
    answer = ResponsesAnswer()
    for value in values:
        event = value
        if isinstance(value, dict):
            event = value | {"type": data.draw(st.sampled_from(KINDS))}
        for found in (*answer.chunk(event), *ResponsesAnswer().whole(event)):
            written = [found.text, found.name, found.arguments, found.call_id, *map(dict, found.reasoning)]
            json.dumps(written, ensure_ascii=False).encode()
        fault = answer.fault(event)
        assert fault is None or isinstance(fault.status, int)
