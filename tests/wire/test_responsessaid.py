"""What a client of the Responses API is answered, judged by three published schemas."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from openai import omit
from openai.lib.streaming.responses._responses import ResponseStreamState
from openai.types.responses import ResponseStreamEvent
from pydantic import TypeAdapter

from limner.core.messages import ToolCall
from limner.core.pictures import Picture
from limner.core.thoughts import MAX_ENTRIES
from limner.wire.envelopes import ErrorWords
from limner.wire.frames import event_frame
from limner.wire.responses.ask import read_responses_ask
from limner.wire.responses.reasoning import OWN_ID
from limner.wire.responses.said import Event, ResponseBuilder, ResponseHead, responses_usage
from limner.wire.sse import SseParser
from published import DEVIATIONS, errors, valid

HEAD = ResponseHead(id="resp_abc", created_at=1_795_000_000, model="openai/gpt-4o", provider="limner")
LINK = "https://pictures.example/images/abc.png?e=1&s=2"
FOX = Picture(id="abc", sha256="00", format="png", width=1024, height=768, size_bytes=9, prompt="a fox")
LINE = {"index": 0, "call_id": "c1", "number": 1, "alt": "a fox", "status": "completed", "url": LINK}
TOOLS: Mapping[str, list[dict[str, Any]]] = {
    "openresponses": [{"type": "function", "name": "look_up", "parameters": {"type": "object"}}],
    "openrouter": [{"type": "openrouter:image_generation"}],
    "openai": [{"type": "image_generation", "size": "1024x1024"}],
}
USAGE = {
    "prompt_tokens": 100,
    "completion_tokens": 50,
    "total_tokens": 150,
    "prompt_tokens_details": {"cached_tokens": 20},
    "completion_tokens_details": {"reasoning_tokens": 7},
    "is_byok": False,
    "cost": 0.05,
    "cost_details": {
        "upstream_inference_cost": 0.01,
        "upstream_inference_prompt_cost": 0.004,
        "upstream_inference_completions_cost": 0.006,
        "server_tool_cost": 0.04,
    },
    "server_tool_use_details": {"tool_calls_requested": 1, "tool_calls_executed": 1},
}
FAILURE: Mapping[str, Any] = {
    "status": 502,
    "code": "upstream_5xx",
    "type": "server_error",
    "error_type": "provider_unavailable",
    "sentence": "The model failed; try again.",
    "request_id": "req-1",
    "partial": "turn-1",
}

Step = Callable[[ResponseBuilder], list[Event]]


def builder(publisher: str = "openresponses", **said: Any) -> ResponseBuilder:
    """One for a request that `publisher` would know."""
    offline = said.pop("offline", False)
    ask = read_responses_ask({"model": HEAD.model, "input": "Draw a fox", "tools": TOOLS[publisher], **said})
    return ResponseBuilder(HEAD, ask.echo, native=publisher == "openai", offline=offline)


def text(said: str) -> Step:
    return lambda builder: builder.text(said)


def thinks(*details: dict[str, Any]) -> Step:
    return lambda builder: builder.reasoning(details)


def summary(said: str, **named: Any) -> dict[str, Any]:
    return {"type": "reasoning.summary", "summary": said, "format": "openai-responses-v1", **named}


def thought(said: str, **named: Any) -> dict[str, Any]:
    return {"type": "reasoning.text", "text": said, **named}


def calls(*asked: ToolCall) -> Step:
    return lambda builder: builder.calls(asked)


def drawn(call_id: str = "c1") -> list[Step]:
    """A picture from the first to the last that is told of it."""
    return [
        lambda builder: builder.image_queued(call_id, "a fox"),
        lambda builder: builder.image_generating(call_id),
        lambda builder: builder.image_partial(call_id, 0, "AAAA", format="png"),
        lambda builder: builder.image_finished(
            call_id, url=LINK, b64="BBBB", picture=FOX, prompt="a fox", quality="high"
        ),
    ]


def failed(call_id: str = "c1") -> Step:
    return lambda builder: builder.image_failed(call_id, "image_policy")


def end(**how: Any) -> Step:
    told: dict[str, Any] = {"usage": responses_usage(USAGE), "completed_at": 1_795_000_009, **how}
    return lambda builder: builder.end(**told)


def fail(builder: ResponseBuilder) -> list[Event]:
    return builder.fail(ErrorWords(**FAILURE))


def told(builder: ResponseBuilder, *steps: Step) -> list[Event]:
    return [event for step in steps for event in step(builder)]


def of(events: list[Event], type: str) -> list[Event]:
    return [event for event in events if event["type"] == type]


PLAIN: Mapping[str, list[Step]] = {
    "words": [text("Hello"), text(" there."), end()],
    "nothing": [end()],
    "summaries": [
        thinks(summary("One", id="rs_1", index=0)),
        thinks(summary("Two", id="rs_1", index=1)),
        thinks({"type": "reasoning.encrypted", "data": "zz", "id": "rs_1", "index": 0}),
        text("Hello"),
        end(),
    ],
    "calls": [
        text("Wait."),
        calls(ToolCall("c9", "look_up", '{"a":1}'), ToolCall("c8", "look_up", "")),
        end(finish="tool_calls"),
    ],
    "length": [text("Hello"), end(finish="length")],
    "limit": [text("Hello"), end(finish="length", incomplete="max_rounds")],
    "filtered": [text("Hello"), end(finish="content_filter")],
    "failure": [text("Hello"), fail],
    "failure at once": [fail],
}
ILLUSTRATED: Mapping[str, list[Step]] = {
    "picture": [text("Look: "), *drawn(), text(f"![a fox]({LINK})"), end(lines=[LINE])],
    "thoughts": [thinks(thought("Hm", index=0, signature="s")), *drawn(), end(lines=[LINE])],
    "refused": [failed(), text("No fox."), end(lines=[])],
    "given up": [*drawn()[:2], text("Later."), end(lines=[])],
    "failure": [*drawn("c1"), *drawn("c2")[:1], text("Hello"), fail],
    "limit": [*drawn(), calls(ToolCall("c9", "look_up", "{}")), end(incomplete="turn_deadline")],
}


@pytest.mark.parametrize("name", PLAIN)
@pytest.mark.parametrize("publisher", TOOLS)
def test_a_plain_answer_fits_every_published_schema(name: str, publisher: str) -> None:
    """Open Responses, OpenRouter and OpenAI: all events, and the answer in one piece."""
    made = builder()
    for event in told(made, *PLAIN[name]):
        valid(f"{publisher}/response_event", event)
    valid(f"{publisher}/response", made.response())


@pytest.mark.parametrize("name", ILLUSTRATED)
@pytest.mark.parametrize("publisher", ["openrouter", "openai"])
def test_an_illustrated_answer_fits_the_schema_of_whose_tool_it_is(name: str, publisher: str) -> None:
    """Facts, wire, sections 4.1 and 4.4."""
    made = builder(publisher)
    for event in told(made, *ILLUSTRATED[name]):
        valid(f"{publisher}/response_event", event)
    valid(f"{publisher}/response", made.response())


def test_only_the_text_of_thoughts_is_unknown_to_open_responses() -> None:
    """Its two events have OpenAI's names, which the clients know; all else of it fits."""
    made = builder()
    events = told(made, thinks(thought("Hm", id="rs_1"), thought("!", id="rs_1")), text("Hello"), end())
    unknown = {event["type"] for event in events if errors("openresponses/response_event", event)}
    assert unknown == {"response.reasoning_text.delta", "response.reasoning_text.done"}
    for event in events:
        valid("openresponses/response_event", event)
    valid("openresponses/response", made.response())


def test_a_picture_that_comes_at_once_was_ordered_all_the_same() -> None:
    """OpenAI's order: in progress, generating, completed; a maker may be quicker than the news of the order."""
    queued, generating, _, finished = drawn()
    made = builder("openai")
    events = told(made, queued, finished, generating, end())
    family = "response.image_generation_call."
    states = [event["type"].removeprefix(family) for event in events if event["type"].startswith(family)]
    assert states == ["in_progress", "generating", "completed"]


def test_no_deviation_is_listed_in_vain() -> None:
    """Each one of the list is really one, so that the list stays true."""
    made = {publisher: [] for publisher in TOOLS}  # type: dict[str, list[tuple[str, Any]]]
    for publisher in TOOLS:
        steps = [*PLAIN.values(), *(ILLUSTRATED.values() if publisher != "openresponses" else ())]
        steps += [[thinks(thought("Hm")), end()]]
        for each in steps:
            answer = builder(publisher)
            made[publisher] += [("response_event", event) for event in told(answer, *each)]
            made[publisher] += [("response", builder(publisher).response()), ("response", answer.response())]
    for name, known in DEVIATIONS.items():
        publisher, _, kind = name.partition("/")
        if not kind.startswith("response"):
            continue
        said = [
            error for told_as, value in made[publisher] if told_as == kind for error in errors(name, value)
        ]
        for beginning in known:
            assert any(error.startswith(beginning) for error in said), f"{name}: {beginning}"


def checked(events: list[Event], answer: Mapping[str, Any]) -> None:
    """What holds for every answer, whatever is in it."""
    assert [event["sequence_number"] for event in events] == list(range(len(events)))
    assert [event["type"] for event in events[:2]] == ["response.created", "response.in_progress"]
    last = events[-1]
    assert last["type"] == f"response.{answer['status']}"
    assert last["response"] is answer
    added = {event["output_index"]: event["item"] for event in of(events, "response.output_item.added")}
    done = {event["output_index"]: event["item"] for event in of(events, "response.output_item.done")}
    output = answer["output"]
    assert len(of(events, "response.output_item.added")) == len(output)
    assert len(of(events, "response.output_item.done")) == len(done)
    assert list(added) == list(range(len(output)))
    assert len({item["id"] for item in output}) == len(output)
    for index, item in enumerate(output):
        assert all(added[index][name] == item[name] for name in ("id", "type"))
        if index in done:
            assert done[index] == item
    if answer["status"] != "failed":
        assert len(done) == len(output)
        joined(events, output)
    for event in events:
        if "item_id" in event:
            assert event["item_id"] == added[event["output_index"]]["id"]


FAMILIES = {
    "response.output_text": ("text", "content_index", "content"),
    "response.reasoning_text": ("text", "content_index", "content"),
    "response.reasoning_summary_text": ("text", "summary_index", "summary"),
    "response.function_call_arguments": ("arguments", None, None),
}


def joined(events: list[Event], output: list[dict[str, Any]]) -> None:
    """The deltas of everything that is written, put together, are what it is in the end."""
    written: dict[tuple[str, int, int], str] = {}
    over: dict[tuple[str, int, int], str] = {}
    for event in events:
        family, _, what = event["type"].rpartition(".")
        if family not in FAMILIES:
            continue
        field, index, _ = FAMILIES[family]
        place = (family, event["output_index"], event[index] if index else 0)
        if what == "delta":
            assert place not in over
            written[place] = written.get(place, "") + event["delta"]
        else:
            assert place not in over
            over[place] = event[field]
    assert {place: written.get(place, "") for place in over} == over
    assert set(written) <= set(over)
    for (family, output_index, at), said in over.items():
        field, index, parts = FAMILIES[family]
        item = output[output_index]
        assert (item[parts][at][field] if index and parts else item[field]) == said


CALL_IDS = st.sampled_from(["c1", "c2", "c3"])
WORDS = st.text(max_size=6)
STEPS: st.SearchStrategy[Step] = st.one_of(
    st.builds(text, WORDS),
    st.builds(
        lambda kind, field, said, of, index: thinks({"type": kind, field: said, "id": of, "index": index}),
        st.sampled_from(["reasoning.text", "reasoning.summary", "reasoning.encrypted", "reasoning.new"]),
        st.sampled_from(["text", "summary", "data", "signature"]),
        WORDS,
        st.sampled_from([None, "rs_1", "rs_2", "ig_c1"]),
        st.sampled_from([None, 0, 1]),
    ),
    st.builds(lambda call: lambda builder: builder.image_queued(call, "a fox"), CALL_IDS),
    st.builds(lambda call: lambda builder: builder.image_generating(call), CALL_IDS),
    st.builds(lambda call: lambda builder: builder.image_partial(call, 0, "AAAA", format="png"), CALL_IDS),
    st.builds(lambda call: drawn(call)[-1], CALL_IDS),
    st.builds(failed, CALL_IDS),
    st.builds(
        lambda call, arguments: calls(ToolCall(call, "look_up", arguments)),
        CALL_IDS,
        st.sampled_from(["", '{"a":1}', "{}"]),
    ),
)
ENDS: st.SearchStrategy[Step] = st.one_of(
    st.builds(
        lambda finish, incomplete: end(finish=finish, incomplete=incomplete),
        st.sampled_from(["stop", "tool_calls", "length", "content_filter"]),
        st.sampled_from([None, "turn_deadline"]),
    ),
    st.just(fail),
)


@pytest.mark.parametrize(
    "named", [lambda at: {"id": f"rs_{at}"}, lambda at: {"id": "rs_1", "index": at}], ids=["items", "parts"]
)
def test_thoughts_without_end_are_not_told_to_their_end(named: Callable[[int], dict[str, Any]]) -> None:
    """U17: a stream of fragments that belong to nothing before them is an object for each, in each client, too."""
    made = builder()
    events = told(made, *(thinks(thought("x", **named(at))) for at in range(2000)), text("Hi"), end())
    checked(events, made.response())
    thoughts = [item for item in made.response()["output"] if item["type"] == "reasoning"]
    assert sum(len(item["content"]) for item in thoughts) == MAX_ENTRIES
    assert made.response()["output"][-1]["content"][0]["text"] == "Hi"


def test_an_id_of_megabytes_does_not_stand_in_every_event() -> None:
    """U17: the id comes once, and would be told with each word."""
    made = builder()
    events = told(made, thinks(thought("Hm", id="r" * 2**20, index=0)))
    events += told(made, *(thinks(thought("x", index=0)) for _ in range(99)), end())
    checked(events, made.response())
    assert len(json.dumps(events)) < 2**20
    (item,) = made.response()["output"]
    assert (item["id"].startswith(OWN_ID), item["content"][0]["text"]) == (True, "Hm" + "x" * 99)


@given(st.lists(STEPS, max_size=25), ENDS, st.lists(STEPS, max_size=3), st.sampled_from(list(TOOLS)))
def test_every_answer_is_the_sum_of_its_events(
    steps: list[Step], over: Step, late: list[Step], publisher: str
) -> None:
    """Facts, wire, sections 4.4 and 7: an item is added once and done once, and the last event holds the answer."""
    made = builder(publisher)
    events = told(made, *steps, over)
    once = json.dumps(events)
    assert told(made, *late, over) == []
    assert json.dumps(events) == once
    checked(events, made.response())
    judge = "openrouter" if publisher == "openresponses" else publisher
    for event in events:
        valid(f"{judge}/response_event", event)


@given(st.lists(STEPS, max_size=25), ENDS)
def test_what_was_told_stays_as_it_was_told(steps: list[Step], over: Step) -> None:
    """Frames are written later than they are made: nothing that is given out changes afterwards."""
    made = builder("openai")
    events: list[Event] = []
    written: list[str] = []
    for step in [*steps, over]:
        given_out = step(made)
        events += given_out
        written += map(json.dumps, given_out)
    assert written == [json.dumps(event) for event in events]


@given(st.lists(STEPS, max_size=25), st.sampled_from(["stop", "length"]))
def test_openai_s_own_package_puts_the_same_answer_together(steps: list[Step], finish: str) -> None:
    """The helper of the openai package refuses a stream whose items or places disagree."""
    made = builder("openai")
    state: ResponseStreamState[object] = ResponseStreamState(input_tools=[], text_format=omit)
    for event in told(made, *steps, end(finish=finish)):
        state.handle_event(STREAM_EVENT.validate_python(event))


STREAM_EVENT: TypeAdapter[ResponseStreamEvent] = TypeAdapter(ResponseStreamEvent)


@given(st.lists(STEPS, max_size=12), ENDS)
def test_frames_are_read_as_the_events_they_are(steps: list[Step], over: Step) -> None:
    """Open Responses, "Streaming": `event` equals `type`; one frame has two lines, and ends with an empty one."""
    for event in told(builder("openai"), *steps, over):
        raw = event_frame(event)
        assert raw.count(b"\n") == 3
        assert b"\r" not in raw
        assert b"\nid:" not in raw
        assert raw.startswith(f"event: {event['type']}\ndata: {{".encode())
        (read,) = SseParser().feed(raw)
        assert read.event == event["type"]
        assert json.loads(read.data) == json.loads(json.dumps(event))


def test_a_picture_of_openai_s_own_tool_is_told_as_openai_tells_it() -> None:
    """Facts, wire, section 4.4: the order of the events, and the picture itself in the item that is done."""
    made = builder("openai")
    events = told(made, *drawn())[2:]
    family = "response.image_generation_call."
    assert [event["type"] for event in events] == [
        "response.output_item.added",
        f"{family}in_progress",
        f"{family}generating",
        f"{family}partial_image",
        f"{family}completed",
        "response.output_item.done",
    ]
    added, partial, done = events[0]["item"], events[3], events[-1]["item"]
    assert added == {
        "id": "ig_c1",
        "type": "image_generation_call",
        "status": "in_progress",
        "result": None,
    }
    assert (partial["partial_image_b64"], partial["partial_image_index"]) == ("AAAA", 0)
    assert partial["output_format"] == "png"
    assert done == {
        "id": "ig_c1",
        "type": "image_generation_call",
        "status": "completed",
        "result": "BBBB",
        "revised_prompt": "a fox",
        "output_format": "png",
        "size": "1024x768",
        "quality": "high",
    }


def test_a_picture_of_openrouter_s_tool_is_an_item_with_a_link() -> None:
    """Facts, wire, section 4.1; what takes shape is told as the only event there is for it."""
    events = told(builder("openrouter"), *drawn())[2:]
    assert [event["type"] for event in events] == [
        "response.output_item.added",
        "response.image_generation_call.partial_image",
        "response.output_item.done",
    ]
    assert events[-1]["item"] == {
        "id": "ig_c1",
        "type": "openrouter:image_generation",
        "status": "completed",
        "result": LINK,
        "imageUrl": LINK,
        "prompt": "a fox",
    }


@pytest.mark.parametrize(("publisher", "result"), [("openai", ""), ("openrouter", None)])
@pytest.mark.parametrize("queued", [True, False])
def test_a_picture_that_failed_is_an_item_and_no_failed_answer(
    publisher: str, result: str | None, queued: bool
) -> None:
    """Also one that was refused before it was queued. Vercel's client needs a text in `result` of OpenAI's tool."""
    made = builder(publisher)
    events = told(made, *(drawn()[:1] if queued else []), failed(), end())
    (done,) = of(events, "response.output_item.done")
    assert (done["item"]["status"], done["item"]["result"]) == ("failed", result)
    error = done["item"]["error"]
    assert "content policy" in (error["message"] if publisher == "openai" else error)
    name = "revised_prompt" if publisher == "openai" else "prompt"
    assert done["item"].get(name) == ("a fox" if queued else None)
    assert not of(events, "response.image_generation_call.completed")
    assert made.response()["status"] == "completed"


@pytest.mark.parametrize(("publisher", "status"), [("openai", "generating"), ("openrouter", "incomplete")])
def test_a_picture_that_is_still_being_drawn_is_not_told_as_failed(publisher: str, status: str) -> None:
    """It was ordered and may come: nothing false is said of it."""
    (event,) = of(told(builder(publisher), *drawn()[:2], end()), "response.output_item.done")
    assert event["item"]["status"] == status


@pytest.mark.parametrize(
    ("how", "status", "reason", "own"),
    [
        ({}, "completed", None, None),
        ({"finish": "tool_calls"}, "completed", None, None),
        ({"finish": "length"}, "incomplete", "max_output_tokens", None),
        ({"finish": "content_filter"}, "incomplete", "content_filter", None),
        ({"finish": "length", "incomplete": "max_rounds"}, "incomplete", "max_output_tokens", "max_rounds"),
    ],
)
def test_an_answer_says_whether_and_why_it_is_incomplete(
    how: dict[str, Any], status: str, reason: str | None, own: str | None
) -> None:
    """In the words that clients know; our own, where there is one, stands in the extension."""
    made = builder()
    told(made, text("Hello"), end(**how))
    answer = made.response()
    assert (answer["status"], answer["output"][0]["status"]) == (status, status)
    assert answer["incomplete_details"] == (None if reason is None else {"reason": reason})
    assert answer.get("limner", {}).get("incomplete") == own
    assert (answer["completed_at"] is None) == (status == "incomplete")


def test_what_was_cut_off_by_an_error_is_never_told_as_done() -> None:
    """Open items stay open; the error has the fields of all three publishers, then the answer fails."""
    made = builder("openai")
    events = told(made, *drawn("c1"), text("Hel"), *drawn("c2")[:2], fail)
    assert len(of(events, "response.output_item.done")) == 1
    error, over = events[-2:]
    flat = {"code": "upstream_5xx", "message": FAILURE["sentence"], "param": None}
    assert {name: error[name] for name in flat} == flat
    assert {name: error["error"][name] for name in flat} == flat
    assert error["error"]["type"] == "server_error"
    metadata = error["error"]["metadata"]
    assert (metadata["request_id"], metadata["partial"]) == ("req-1", "turn-1")
    answer = over["response"]
    assert (over["type"], answer["status"], answer["error_type"]) == (
        "response.failed",
        "failed",
        "provider_unavailable",
    )
    statuses = [item["status"] for item in answer["output"]]
    assert statuses == ["completed", "incomplete", "generating"]
    assert answer["output"][0]["result"] == "BBBB"


@pytest.mark.parametrize(
    ("error_type", "code"),
    [
        ("rate_limit_exceeded", "rate_limit_exceeded"),
        ("context_length_exceeded", "invalid_prompt"),
        ("invalid_request", "invalid_prompt"),
        ("content_policy_violation", "image_content_policy_violation"),
        ("provider_unavailable", "server_error"),
        ("server", "server_error"),
    ],
)
def test_a_failed_answer_names_its_error_in_openai_s_words(error_type: str, code: str) -> None:
    """Facts, wire, section 4.5."""
    made = builder()
    made.fail(ErrorWords(**{**FAILURE, "error_type": error_type}))
    assert made.response()["error"]["code"] == code


def test_usage_is_told_in_the_words_of_responses() -> None:
    """Facts, wire, section 4.2."""
    said = responses_usage(USAGE)
    assert said == {
        "input_tokens": 100,
        "input_tokens_details": {"cached_tokens": 20, "cache_write_tokens": 0},
        "output_tokens": 50,
        "output_tokens_details": {"reasoning_tokens": 7},
        "total_tokens": 150,
        "is_byok": False,
        "cost": 0.05,
        "cost_details": {
            "upstream_inference_cost": 0.01,
            "upstream_inference_input_cost": 0.004,
            "upstream_inference_output_cost": 0.006,
            "server_tool_cost": 0.04,
        },
        "server_tool_use_details": {"tool_calls_requested": 1, "tool_calls_executed": 1},
    }


def test_what_nobody_knows_of_the_costs_is_left_out() -> None:
    """Half of a cost would be read as the whole."""
    known = {name: USAGE[name] for name in ("prompt_tokens", "completion_tokens", "total_tokens")}
    said = responses_usage(known)
    assert "cost" not in said
    assert "cost_details" not in said
    assert said["output_tokens_details"] == {"reasoning_tokens": 0}


def test_the_extension_is_there_only_where_it_says_something() -> None:
    """Strict clients ignore it, and a plain answer is what Open Responses says and nothing else."""
    plain, illustrated, offline = builder(), builder("openrouter"), builder(offline=True)
    first = offline.begin()[0]
    for each, lines in ((plain, None), (illustrated, [LINE]), (offline, None)):
        told(each, text("Hello"), end(lines=lines))
    assert "limner" not in plain.response()
    assert illustrated.response()["limner"] == {"images": [LINE]}
    assert offline.response()["limner"] == first["response"]["limner"] == {"offline": True}


def test_thoughts_come_back_as_they_were_told() -> None:
    """What a provider wants back (ids, signatures, encrypted data) stands in the item that a client replays."""
    made = builder()
    told(
        made,
        thinks(summary("On", id="rs_1", index=0), summary("e", id="rs_1", index=0)),
        thinks(summary("Two", id="rs_1", index=1)),
        thinks({"type": "reasoning.encrypted", "data": "zz", "id": "rs_1", "index": 2}),
        thinks(thought("Hm", index=0, format="anthropic-claude-v1"), thought("", index=0, signature="sig")),
        thinks(thought("Next", index=1)),
        text("Hello"),
        end(),
    )
    first, second, third, message = made.response()["output"]
    assert first == {
        "id": "rs_1",
        "type": "reasoning",
        "status": "completed",
        "summary": [{"type": "summary_text", "text": "One"}, {"type": "summary_text", "text": "Two"}],
        "encrypted_content": "zz",
        "format": "openai-responses-v1",
    }
    assert (second["id"], third["id"], message["id"]) == ("rs_tmp_abc", "rs_tmp_abc_2", "msg_abc")
    assert second["content"] == [{"type": "reasoning_text", "text": "Hm"}]
    assert (second["signature"], second["format"]) == ("sig", "anthropic-claude-v1")
    assert third["content"] == [{"type": "reasoning_text", "text": "Next"}]


def test_thoughts_are_over_when_words_or_calls_begin() -> None:
    """Pages show that a model thinks until its item is done."""
    events = told(builder(), thinks(summary("One", id="rs_1")), text("Hello"), end())
    kinds = [event["type"] for event in events]
    assert kinds.index("response.output_item.done") < kinds.index("response.output_text.delta")


def test_all_words_are_one_message_and_every_delta_is_small() -> None:
    """Pictures' places are in the words, so there is one text; and a delta repeats nothing of what was said."""
    made = builder("openrouter")
    events = told(made, text("Look: "), *drawn(), text(f"![a fox]({LINK})"), text("!" * 5000), end())
    words = of(events, "response.output_text.delta")
    assert [event["delta"] for event in words] == ["Look: ", f"![a fox]({LINK})", "!" * 5000]
    assert all(set(event) == set(words[0]) for event in words)
    assert [item["type"] for item in made.response()["output"]] == ["message", "openrouter:image_generation"]


def test_an_answer_so_far_can_be_read_before_it_ends() -> None:
    """The object is the answer as it is now."""
    made = builder()
    told(made, text("Hel"))
    assert made.response()["status"] == "in_progress"
    assert made.response()["output"][0]["content"][0]["text"] == "Hel"
    assert not made.ended
    told(made, end())
    assert made.ended
