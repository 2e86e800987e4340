"""A provider's answer reads the same however its bytes were cut."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from limner.core.messages import Delta
from limner.models.openai import OpenAIModel
from limner.models.reading import Answering, Reading
from limner.models.responses import ResponsesModel
from limner.wire.errors import Fault
from providers import call, chunk, event, finish, text, usage
from responders import called, events, message, named, response, thought

DONE = event("[DONE]")
WHOLE = {"choices": [{"message": {"content": "Füchse 🦊"}, "finish_reason": "stop"}]}
FIGURES = usage(prompt_tokens=1)

ANSWERS: dict[str, bytes] = {
    "a stream": text("Füchse ") + text("🦊") + finish() + FIGURES + DONE,
    "a stream with calls": call("f", "{}")
    + call("g", {"ä": 1}, index=1, id="b")
    + finish("tool_calls")
    + DONE,
    "a stream without its end": text("Füchse") + text("🦊"),
    "a stream that breaks off": text("Füchse") + text("🦊")[:-20],
    "a stream with an error": text("Füchse") + event({"error": {"code": 500, "message": "x"}}) + DONE,
    "a stream with no JSON": text("Füchse") + event("{") + DONE,
    "a stream that says nothing": b": hello\n\n" + chunk() + DONE,
    "a stream of carriage returns": (text("Füchse") + finish() + DONE).replace(b"\n", b"\r"),
    "a whole answer": json.dumps(WHOLE, ensure_ascii=False).encode(),
    "a whole answer after blanks": b" \r\n\n" + json.dumps(WHOLE).encode() + b"\n",
    "a whole answer cut short": json.dumps(WHOLE).encode()[:-3],
    "a page": b"\n<html>Not here</html>",
    "words": b"Not here",
    "blanks": b"  \n ",
    "nothing": b"",
    "a byte order mark": b"\xef\xbb\xbf" + text("Fuchs") + finish(),
    "responses: a stream": b"".join(events(thought(), message("Füchse 🦊"), called("f", {"ä": 1}))) + DONE,
    "responses: a stream without its end": b"".join(events(message("Füchse 🦊"))[:-1]) + DONE,
    "responses: a stream that breaks off": b"".join(events(message("Füchse 🦊")))[:-20],
    "responses: a stream with an error": b"".join(events(message("Füchse"))[:-1])
    + named("error", code="server_error", message="x"),
    "responses: a whole answer": json.dumps(response(message("Füchse 🦊")), ensure_ascii=False).encode(),
    "responses: a chat's answer": json.dumps(WHOLE).encode(),
}


class Careful:
    """An API of whose events none is easily told."""

    def __init__(self, answering: Answering) -> None:
        self._answering = answering

    def __getattr__(self, name: str) -> Any:
        return getattr(self._answering, name)

    def words(self, value: object) -> str:
        return ""


def read(
    pieces: list[bytes], name: str = "", *, careful: bool = False
) -> tuple[str, tuple[Delta, ...], str | None, bool]:
    """The text, the rest, what failed, and whether the model has finished."""
    speech = ResponsesModel.speech if name.startswith("responses") else OpenAIModel.speech
    answering: Any = Careful(speech.answering()) if careful else speech.answering()
    reading = Reading(answering, max_whole_bytes=10_000)
    deltas: list[Delta] = []
    for piece in [*(piece for piece in pieces if piece), b""]:
        deltas.extend(reading.take(piece))
        if reading.ended or reading.failure is not None:
            break
    failure = reading.failure
    named = "fault" if isinstance(failure, Fault) else failure
    words = "".join(delta.text for delta in deltas)
    return words, tuple(delta for delta in deltas if not delta.text), named, reading.finished


@pytest.mark.parametrize("name", ANSWERS)
def test_each_byte_alone_reads_the_same(name: str) -> None:
    """Scorecard U14: the finest cut of all."""
    answer = ANSWERS[name]
    assert read([answer[at : at + 1] for at in range(len(answer))], name) == read([answer], name)


@pytest.mark.parametrize("name", ANSWERS)
@given(data=st.data())
@settings(max_examples=40, deadline=None)
def test_any_cutting_reads_the_same(name: str, data: st.DataObject) -> None:
    """Scorecard U14: what was said, what failed and whether it finished do not depend on the network."""
    answer = ANSWERS[name]
    cuts = sorted(data.draw(st.lists(st.integers(0, len(answer)), max_size=6)))
    pieces = [answer[start:end] for start, end in zip([0, *cuts], [*cuts, len(answer)], strict=True)]
    assert read(pieces, name) == read([answer], name)


SPOKEN = st.text(st.sampled_from('a🦊 "\\\n,:{}0'), max_size=5)
CHAT = st.one_of(
    SPOKEN.map(text),
    SPOKEN.map(lambda said: event(json.dumps({"choices": [{"delta": {"content": said, "refusal": None}}]}))),
    SPOKEN.map(lambda said: event({"choices": [{"delta": {"content": said}}], "obfuscation": said[::-1]})),
    SPOKEN.map(lambda said: chunk(content=said, reasoning="x")),
    SPOKEN.map(lambda said: call("f", {"a": said})),
    st.sampled_from([b": hello\n\n", event(""), event({"error": "x"}), FIGURES, finish()]),
)
RESPONSES = st.one_of(
    *[
        st.builds(
            lambda number, said, place, part, item_id, **more: named(
                "response.output_text.delta",
                sequence_number=number,
                item_id=item_id,
                output_index=place,
                content_index=part,
                delta=said,
                **more,
            ),
            st.integers(0, 1000),
            SPOKEN,
            st.sampled_from(places),
            st.sampled_from([0, 0, 0, 1]),
            st.sampled_from(["m1", "m1", "m2", None]),
            **(
                {}
                if len(places) == 1
                else {"obfuscation": SPOKEN, "error": st.sampled_from([None, None, "x"])}
            ),
        )
        for places in ([0], [0, 0, 1, None])
    ],
    st.sampled_from([*events(message("Fuchs"), called("f", {"a": 1})), *events(message("b"), message("c"))]),
)


@pytest.mark.parametrize("name", ["chat", "responses"])
@given(data=st.data())
@settings(max_examples=300, deadline=None)
def test_what_is_easily_told_is_told_as_with_care(name: str, data: st.DataObject) -> None:
    """Whatever came before an event, and however alike two of them are."""
    said = data.draw(st.lists(RESPONSES if name == "responses" else CHAT, max_size=12))
    answer = b"".join(said) + DONE
    assert read([answer], name) == read([answer], name, careful=True)
    assert read([*said, DONE], name) == read([answer], name, careful=True)


def test_messages_that_take_turns_are_paragraphs() -> None:
    """What an event says depends on what was said before it, also where it is like an earlier one."""

    def says(place: int, said: str) -> bytes:
        return named(
            "response.output_text.delta", item_id=f"m{place}", output_index=place, content_index=0, delta=said
        )

    order = [(0, "a"), (0, "b"), (0, "c"), (1, "d"), (0, "e"), (0, "f"), (1, "g")]
    answer = b"".join(says(*each) for each in order)
    assert read([answer], "responses")[0] == "abc\n\nd\n\nef\n\ng"


def test_adjacent_words_of_one_read_are_one_delta() -> None:
    """Whoever streams is told once for each network read, not once for each word."""
    reading = Reading(OpenAIModel.speech.answering())
    said = reading.take(
        text("Füchse ") + text("und ") + text("Igel\n") + call("f", "{}") + text("a") + text("b")
    )
    assert [delta.text for delta in said if delta.text] == ["Füchse und Igel\n", "ab"]


OUTCOMES: dict[str, tuple[str, str | None]] = {
    "a stream": ("Füchse 🦊", None),
    "a stream with calls": ("", None),
    "a stream without its end": ("Füchse🦊", "upstream_truncated"),
    "a stream that breaks off": ("Füchse", "upstream_truncated"),
    "a stream with an error": ("Füchse", "fault"),
    "a stream with no JSON": ("Füchse", "upstream_protocol"),
    "a stream that says nothing": ("", "upstream_empty"),
    "a stream of carriage returns": ("Füchse", None),
    "a whole answer": ("Füchse 🦊", None),
    "a whole answer after blanks": ("Füchse 🦊", None),
    "a whole answer cut short": ("", "upstream_protocol"),
    "a page": ("", "upstream_empty"),
    "words": ("", "upstream_empty"),
    "blanks": ("", "upstream_empty"),
    "nothing": ("", "upstream_empty"),
    "a byte order mark": ("Fuchs", None),
    "responses: a stream": ("Füchse 🦊", None),
    "responses: a stream without its end": ("Füchse 🦊", "upstream_truncated"),
    "responses: a stream that breaks off": ("Füchse 🦊", "upstream_truncated"),
    "responses: a stream with an error": ("Füchse", "fault"),
    "responses: a whole answer": ("Füchse 🦊", None),
    "responses: a chat's answer": ("", "upstream_empty"),
}


@pytest.mark.parametrize(("name", "outcome"), OUTCOMES.items(), ids=OUTCOMES.keys())
def test_every_answer_has_its_outcome(name: str, outcome: tuple[str, str | None]) -> None:
    """Scorecard U11 to U13, U19."""
    said, _, failure, _ = read([ANSWERS[name]], name)
    assert (said, failure) == outcome


def test_u17_a_whole_answer_has_a_limit() -> None:
    """Scorecard U17."""
    assert read([b"{", *[b" " * 1000] * 11])[2] == "upstream_too_large"


ODD = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5) | st.just(10**400),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                [
                    "choices",
                    "delta",
                    "message",
                    "content",
                    "text",
                    "type",
                    "tool_calls",
                    "function",
                    "name",
                    "arguments",
                    "id",
                    "index",
                    "finish_reason",
                    "usage",
                    "cost",
                    "prompt_tokens",
                    "error",
                    "code",
                    "metadata",
                    "detail",
                    "refusal",
                ]
            ),
            inner,
            max_size=5,
        )
    ),
    max_leaves=20,
)


@settings(deadline=None, max_examples=150)
@given(ODD, st.booleans())
def test_no_answer_whatever_its_shape_raises_anything(odd: object, streamed: bool) -> None:
    """Errors: nothing but ModelError leaves the model, and what was said before stays."""
    answer = text("Fuchs") + event(odd) + finish() + DONE if streamed else json.dumps([odd, odd]).encode()
    said, *_ = read([answer])
    assert said.startswith("Fuchs") or not streamed
    if isinstance(odd, dict):
        read([json.dumps(odd).encode()])


@pytest.mark.parametrize("key", ["content", "arguments", "error", "metadata", "message"])
def test_what_is_nested_hundreds_deep_takes_nothing_else_along(key: str) -> None:
    """Attack: one odd chunk cost the whole turn, and the text already said with it."""
    deep = '[{"type":"text","text":' * 400 + "0" + "}]" * 400
    shapes = {
        "content": '{"choices":[{"delta":{"content":%s}}]}',
        "arguments": '{"choices":[{"delta":{"tool_calls":[{"index":0,"function":{"arguments":%s}}]}}]}',
        "error": '{"error":%s}',
        "metadata": '{"error":{"code":500,"metadata":%s}}',
        "message": '{"error":{"message":%s}}',
    }
    said, _, failure, _ = read([text("Fuchs") + event(shapes[key] % deep) + finish() + DONE])
    assert said == "Fuchs"
    assert failure == (None if key in ("content", "arguments") else "fault")


def test_a_figure_of_thousands_of_digits_costs_nothing() -> None:
    """Attack: Python refuses to read such an integer, and the whole chunk with it."""
    odd = '{"choices":[{"delta":{"content":"!"}}],"usage":{"cost":%s}}' % ("1" * 5000)
    said, _, failure, finished = read([text("Fuchs") + event(odd) + finish() + DONE])
    assert (said, failure, finished) == ("Fuchs!", None, True)


@pytest.mark.parametrize(
    ("before", "failure"), [(text("Fuchs"), "upstream_too_large"), (text("Fuchs") + finish(), None)]
)
def test_a_stream_without_end_is_left(before: bytes, failure: str | None) -> None:
    """Attack: 64 MiB are enough for any answer; one that has finished stands all the same."""
    silence = (b": " + b"." * 10_000 + b"\n\n") * 100
    said, _, named, _ = read([before, *[silence] * 70])
    assert (said, named) == ("Fuchs", failure)
    reading = Reading(OpenAIModel.speech.answering())
    for _ in range(64):
        reading.take(b" " * 2**20)
    assert reading.failure is None
    reading.take(b" ")
    assert reading.failure == "upstream_too_large"
