"""Frames that go on by their likeness to an earlier one are those that reading each would give."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from limner.gateway.exchange import Dialect
from limner.gateway.passing.passage import Passage
from limner.wire.chat.said import Head

HEAD = Head(id="chatcmpl-1", created=1, model="m", provider="p", offline=False)

CHANGED: dict[str, dict[str, Any]] = {
    "nothing": {},
    "figures that are none": {"usage": None},
    "a fingerprint that is none": {"system_fingerprint": None},
    "padding": {"obfuscation": "x3"},
    "padding and no figures": {"usage": None, "obfuscation": "x3"},
    "another kind": {"object": "chunk"},
    "no id": {"id": None},
    "what stands for padding": {"usage": None, "note": "\ufdd1"},
}


def chunk(content: str, more: dict[str, Any], said: dict[str, Any] | None = None) -> bytes:
    choice = {"index": 0, "delta": {"content": content, **(said or {})}, "finish_reason": None}
    body = {
        "id": "c1",
        "object": "chat.completion.chunk",
        "created": 1,
        "model": "m",
        "choices": [choice],
        **more,
    }
    return b"data: " + json.dumps(body, ensure_ascii=False).encode(errors="replace") + b"\n\n"


def passage(dialect: Dialect = "openai") -> Passage:
    return Passage(HEAD, dialect, wants_usage=False)


def alone(event: bytes, dialect: Dialect = "openai") -> list[bytes]:
    """What an event becomes that nothing has come before."""
    return passage(dialect).take(event)


@pytest.mark.parametrize("dialect", ["openai", "openrouter"])
@pytest.mark.parametrize("more", CHANGED.values(), ids=CHANGED)
@pytest.mark.parametrize(
    "text", ["Fuchs", "🦊\u2028\u0085 ", 'a"b', "a\nb", "\\", "", "x3", "\ufdd0", "\ufdd1"]
)
def test_whatever_differs_in_its_words_is_mended_as_if_it_were_read(
    text: str, more: dict[str, Any], dialect: Dialect
) -> None:
    """Clients: what strict ones stumble over is mended in every chunk, and the rest stays to the byte."""
    events = [chunk("one ", more), chunk(text, more), chunk("three", more)]
    read = passage(dialect).take(b"".join(events))
    assert read == [frame for event in events for frame in alone(event, dialect)]


def test_calls_of_a_second_answer_are_counted_however_often_they_look_the_same() -> None:
    """Quirk 1: each fragment with an id of its own begins another call, and gets an index that none had."""
    words = {"index": 0, "delta": {"content": "one"}, "finish_reason": None}
    call = {"id": "c", "function": {"name": "f", "arguments": "{}"}}
    calls = {"index": 1, "delta": {"tool_calls": [call]}, "finish_reason": None}
    frames = passage().take(3 * chunk("", {"choices": [words, calls]}))
    told = [json.loads(frame[6:])["choices"][1]["delta"]["tool_calls"][0]["index"] for frame in frames]
    assert told == [0, 1, 2]


def test_padding_goes_on_as_long_as_it_came() -> None:
    """OpenAI API reference, `stream_options.include_obfuscation`: noise of another length in each event."""
    events = [
        chunk(text, {"usage": None, "obfuscation": noise}) for text, noise in (("a", "Qw"), ("bc", "x"))
    ]
    told = [json.loads(frame[6:]) for frame in passage().take(b"".join(events))]
    assert [(each["choices"][0]["delta"]["content"], each["obfuscation"]) for each in told] == [
        ("a", "Qw"),
        ("bc", "x"),
    ]
    assert not any("usage" in each for each in told)


@given(
    st.lists(
        st.tuples(
            st.text(max_size=6),
            st.sampled_from([*CHANGED.values()]),
            st.sampled_from([{}, {"role": "assistant"}, {"audio": None}, {"refusal": "no"}]),
        ),
        min_size=1,
        max_size=8,
    ),
    st.sampled_from([1, 2, 100]),
)
def test_a_stream_says_the_same_however_its_events_come(
    said: list[tuple[str, dict[str, Any], dict[str, Any]]], at_once: int
) -> None:
    """Whichever shapes take turns, and however many events one read has."""
    events = [chunk(text, more, extra) for text, more, extra in said]
    read = passage()
    told = [
        frame
        for at in range(0, len(events), at_once)
        for frame in read.take(b"".join(events[at : at + at_once]))
    ]
    assert told == [frame for event in events for frame in alone(event)]


def test_what_ends_a_stream_is_read_among_repeated_events() -> None:
    """U09: an error, a finish and the mark of the end are never taken for words."""
    like = passage()
    finish = b'data: {"choices":[{"index":0,"delta":{},"finish_reason":"stop"}]}\n\n'
    told = like.take(chunk("a", {}) + chunk("b", {}) + finish + b"data: [DONE]\n\n")
    assert (len(told), like.finished, like.ended) == (3, True, True)
    broken = passage()
    broken.take(chunk("a", {}) + chunk("b", {}) + b'data: {"error":{"message":"x"}}\n\n')
    assert broken.failure is not None
    assert broken.failure.code == "upstream_stream_error"
