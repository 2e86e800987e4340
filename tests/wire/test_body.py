"""A request's body: what was written of a history before stands, and only what is new is written."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from limner.core.limits import Limits
from limner.core.machine import apply
from limner.core.messages import ChatRequest, Message, ToolCall, ToolSpec
from limner.core.state import State
from limner.core.transcript import Transcript, messages
from limner.wire.body import Body, written
from limner.wire.chat.writing import chat_body
from limner.wire.errors import Fault
from limner.wire.responses.upstream import responses_body, without_reasoning
from walks import SETTINGS, legal_events

DRAW = ToolSpec("draw", "Draws.", {"type": "object", "properties": {}})
NOTE = ToolSpec("note", "Notes.", {}, given={"type": "custom", "custom": {"name": "note"}})
SEALED = {"type": "reasoning.encrypted", "data": "x", "format": "openai-responses-v1"}


def spoken(**message: Any) -> Message:
    return Message(message.get("role", "user"), given=message)


def called(call_id: str, name: str) -> Message:
    """A call of a tool whose arguments are free text, where that tool is declared."""
    return Message("assistant", "", (ToolCall(call_id, name, '{"a": 1}'),))


POOL = (
    Message("system", "Be kind"),
    Message("user", "Hi \ud800 \u00e9 \U0001f98a"),
    Message("assistant"),
    Message("assistant", "Hello", reasoning=({**SEALED, "id": "rs_1"},)),
    Message("assistant", "Well", (ToolCall("c2", "draw", "{"),), reasoning=({**SEALED, "id": "rs_1"},)),
    Message("assistant", "Hm", reasoning=({**SEALED, "id": "rs_2"}, {"type": "reasoning.text", "text": "h"})),
    called("c1", "note"),
    called("c1", "draw"),
    Message("tool", '{"status": "ok"}', call_id="c1"),
    Message("tool", "", call_id="c2"),
    spoken(role="user", content=[{"type": "text", "text": "See"}, {"type": "image_url", "image_url": {"url": "u"}}]),
    spoken(role="assistant", content="So", reasoning_details=[{**SEALED, "id": "rs_2"}]),
    spoken(role="assistant", tool_calls=[{"id": "c3", "type": "custom", "custom": {"name": "note", "input": "i"}}]),
    spoken(role="tool", tool_call_id="c3", content="ok"),
    Message("tool", "ok", call_id="c3"),
    spoken(role="assistant", content=None, function_call={"name": "draw", "arguments": "{}"}),
    spoken(role="function", name="draw", content="drawn"),
    spoken(role="user", content="1", flag=True),
    spoken(role="user", content="1", flag=1),
)  # fmt: skip
"""Messages whose writing depends on those before them, and some that are equal and written otherwise."""


@st.composite
def histories(draw: st.DrawFn) -> list[tuple[Message, ...]]:
    """What one request after the other says: more, less, or something else in between."""
    said: list[tuple[Message, ...]] = [()]
    for _ in range(draw(st.integers(1, 8))):
        before = said[-1]
        kept = draw(st.integers(0, len(before)))
        again = draw(st.integers(kept, len(before)))
        new = draw(st.lists(st.sampled_from(POOL), max_size=6)) * draw(st.sampled_from((1, 1, 1, 25)))
        said.append((*before[:kept], *new, *before[again:]))
    return said


def chat(request: ChatRequest, **extra: Any) -> Body:
    return chat_body(request, model="m", stream=True, extra=extra)


def responses(request: ChatRequest, **extra: Any) -> Body:
    return responses_body(request, model="m", stream=True, extra=extra)


@given(histories(), st.data())
@settings(max_examples=200, deadline=None)
def test_a_body_that_is_written_on_is_that_which_is_written_anew(
    said: list[tuple[Message, ...]], data: st.DataObject
) -> None:
    """Byte by byte, in both APIs, with tools and options that come and go.

    Fails if what one message says of those after it is not taken back with it.
    """
    memory: dict[str, Any] = {}
    for each in said:
        tools = data.draw(st.sampled_from(((), (DRAW,), (DRAW, NOTE))))
        store = data.draw(st.sampled_from((None, True)))
        for write in (chat, responses):
            on = write(ChatRequest(each, tools, memory=memory), store=store).data()
            assert on == write(ChatRequest(each, tools), store=store).data()
            json.loads(on)


@given(st.data())
@settings(max_examples=60, deadline=None)
def test_a_conversation_is_written_on_through_all_that_happens(data: st.DataObject) -> None:
    """Promises that are kept later, pictures drawn again, replies that were interrupted, failures."""
    state = State(settings=replace(SETTINGS, limits=Limits(rounds=3, calls=6, images=4)))
    transcript, memory = Transcript(), dict[str, Any]()
    for _ in range(data.draw(st.integers(1, 30))):
        state = apply(state, data.draw(st.sampled_from(legal_events(state, data.draw))))
        request = ChatRequest(transcript.messages(state), (DRAW,), memory=memory)
        for write in (chat, responses):
            assert write(request).data() == write(ChatRequest(messages(state), (DRAW,))).data()


class Counting:
    """Writes messages as they are, and says which it was asked for."""

    def __init__(self) -> None:
        self.asked: list[str] = []

    def items(self, at: int, message: Message) -> Iterator[Mapping[str, Any]]:
        self.asked.append(message.text)
        yield {"said": message.text}

    def rewind(self, at: int) -> None:
        pass


def test_only_what_is_new_is_written() -> None:
    """A turn costs what it says, however long the conversation is. Fails if the memory is not used."""
    scribe, memory = Counting(), dict[str, Any]()
    one, two, three, other = (Message("user", text) for text in ("one", "two", "three", "other"))
    for said in ((one, two), (one, two), (one, two, three), (one, other, three), (one,)):
        body = Body({"model": "m"}, "messages", ChatRequest(said, memory=memory), lambda: scribe)
        wanted = {"model": "m", "messages": [{"said": message.text} for message in said]}
        assert json.loads(body.data()) == wanted
        assert json.loads(body.data()) == wanted, "and a second time, for a request that is sent again"
    # What was written together is written again together.
    assert scribe.asked == ["one", "two", "three", "one", "other", "three", "one"]


def test_two_requests_at_once_do_not_write_into_each_other() -> None:
    """A model of somebody's own may ask two providers side by side with what it was given."""
    memory: dict[str, Any] = {}
    said = (Message("user", "one"), Message("user", "two"))
    chat(ChatRequest(said, memory=memory)).data()
    first = chat(ChatRequest(said[:1], memory=memory))
    second = chat(ChatRequest((*said[1:], *said), memory=memory))
    contents = [
        [each["content"] for each in json.loads(body.data())["messages"]] for body in (first, second, first)
    ]
    assert contents == [["one"], ["two", "one", "two"], ["one"]]


def test_a_history_that_cannot_be_written_spoils_none_after_it() -> None:
    """What is no JSON is refused; the conversation can go on without it."""
    memory: dict[str, Any] = {}
    fine = Message("user", "one")
    chat(ChatRequest((fine,), memory=memory)).data()
    with pytest.raises(ValueError, match="not JSON compliant"):
        chat(ChatRequest((fine, spoken(role="user", content=float("nan"))), memory=memory)).data()
    body = json.loads(chat(ChatRequest((fine, fine), memory=memory)).data())
    assert [each["content"] for each in body["messages"]] == ["one", "one"]


def test_a_history_of_whole_pictures_is_not_held_twice() -> None:
    """Memory: what is longer than 8 MiB is written again for each request."""
    memory: dict[str, Any] = {}
    picture = spoken(role="user", content="x" * (8 << 20))
    assert len(chat(ChatRequest((picture,), memory=memory)).data()) > 8 << 20
    assert memory == {}
    chat(ChatRequest((Message("user", "x"),), memory=memory)).data()
    assert len(memory) == 1


@pytest.mark.parametrize(
    ("request_", "heavy"),
    [
        (ChatRequest((Message("user", "x" * 70_000),)), True),
        (ChatRequest((Message("user", "x"),) * 2_000), True),
        (ChatRequest((spoken(role="user", content=[{"type": "text", "text": "x" * 70_000}]),)), True),
        (ChatRequest((), (replace(DRAW, description="x" * 70_000),)), True),
        (ChatRequest((Message("user", "x" * 10_000),) * 3, (DRAW,)), False),
    ],
    ids=["a text", "many", "a part", "a tool", "little"],
)
def test_what_takes_long_to_write_is_known_beforehand(request_: ChatRequest, heavy: bool) -> None:
    """It is written beside the event loop; once it has been, it weighs nothing."""
    body = chat(request_)
    assert body.heavy == heavy
    body.data()
    assert chat(request_).heavy == (heavy and bool(request_.tools))


def test_the_history_may_be_said_by_whoever_asks() -> None:
    """`extra_body` wins over everything; its None takes a field away."""
    request = ChatRequest((Message("user", "one"),))
    assert json.loads(chat(request, messages=[], stream_options=None).data()) == {
        "model": "m",
        "messages": [],
        "stream": True,
    }
    assert "messages" not in json.loads(chat(request, messages=None).data())
    assert json.loads(responses(request, input="one").data())["input"] == "one"
    alone = chat(request, model=None, stream=None, stream_options=None)
    assert json.loads(alone.data()) == {"messages": [{"role": "user", "content": "one"}]}
    assert json.loads(chat(ChatRequest(())).data())["messages"] == []


def test_reasoning_is_taken_out_of_one_request_alone() -> None:
    """Who asks later may have the right key again. Fails if what is kept is edited."""
    memory: dict[str, Any] = {}
    said = (POOL[3], Message("user", '{"type":"reasoning",'), spoken(role="user", content="reasoning"))
    refused = Fault(400, frozenset({"invalid_encrypted_content"}), "")

    def kinds(body: Body) -> list[str]:
        return [item["type"] for item in json.loads(body.data())["input"]]

    body = responses(ChatRequest(said, memory=memory))
    assert kinds(body) == ["reasoning", "message", "message", "message"]
    assert without_reasoning(refused, body)
    assert kinds(body) == ["message", "message", "message"]
    assert not without_reasoning(refused, body), "there is none left"
    assert kinds(responses(ChatRequest(said, memory=memory)))[0] == "reasoning"


@given(st.recursive(st.none() | st.booleans() | st.integers() | st.text(), st.lists, max_leaves=5))
def test_json_is_written_as_providers_read_it(value: object) -> None:
    """U15: valid UTF-8, with no lone surrogate in it."""
    assert json.loads(written(value)) == value
    assert json.loads(written(["\ud83d\ude00", "\ud800"])) == ["\U0001f600", "\ufffd"]
