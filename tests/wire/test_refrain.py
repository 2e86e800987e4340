"""What is read by its likeness to an earlier event is what reading it whole says."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from limner.core.messages import Delta
from limner.wire.chat.upstream import read_chunk, read_words
from limner.wire.errors import fault_in_body
from limner.wire.parsing import parsed
from limner.wire.refrain import Refrain


def chunk(text: object, **more: Any) -> dict[str, Any]:
    choice = {"index": 0, "delta": {"content": text}, "finish_reason": None}
    return {"id": "c1", "object": "chat.completion.chunk", "choices": [choice], **more}


def written(value: object, tight: bool = True) -> str:
    text = json.dumps(value, ensure_ascii=False, separators=(",", ":") if tight else None)
    return text.encode(errors="replace").decode()


def learnt(event: str) -> Refrain:
    refrain = Refrain(read_words)
    refrain.learn(event, read_words(parsed(event)))
    return refrain


@pytest.mark.parametrize("tight", [True, False])
@pytest.mark.parametrize("text", ["Fuchs", "🦊 ", "c1", "0", "content", ",", "[DONE]", "\u2028"])
def test_an_event_that_differs_in_its_words_alone_is_not_read_again(text: str, tight: bool) -> None:
    """Whatever the first one said, also where the same stands elsewhere in it."""
    refrain = learnt(written(chunk(text), tight))
    assert refrain.text(written(chunk(" and more"), tight)) == " and more"


def test_padding_may_differ() -> None:
    """OpenAI API reference, `stream_options.include_obfuscation`: noise of another length in each event."""
    refrain = learnt(written(chunk("a", obfuscation="x3", x=1)))
    assert refrain.text(written(chunk("b", obfuscation="Qw", x=1))) == "b"
    assert refrain.text(written(chunk("b", obfuscation="", x=1))) == "b"
    assert not refrain.text(written(chunk("b", obfuscation="Qw", x=2)))
    assert not refrain.text(written(chunk("b", obfuscation='","error":"x', x=1)))
    assert not refrain.text(written(chunk("b", obfuscation='x","error":"x', x=1)).replace("\\", ""))
    assert not refrain.text(written(chunk("b", obfuscation="", x=1)).replace('n":"","', 'n":","'))


@pytest.mark.parametrize(
    "event",
    [
        pytest.param(written(chunk("")), id="no words"),
        pytest.param(written(chunk(None)), id="nothing"),
        pytest.param(written(chunk("a\nb")), id="an escape"),
        pytest.param(written(chunk('a"b')), id="a quote"),
        pytest.param(written(chunk("a"), tight=False), id="other blanks"),
        pytest.param(written(chunk("a", id="c2")), id="another id"),
        pytest.param(written(chunk("a", usage={})), id="figures"),
        pytest.param(written(chunk("a", error={"code": 500})), id="an error"),
        pytest.param(written(chunk("a"))[:-1], id="cut short"),
        pytest.param(written(chunk("a")) + "}", id="too long"),
        pytest.param(written(chunk("a")).replace("a", "a\tb"), id="a control character"),
        pytest.param(written(chunk('x"},"finish_reason":"stop"},{"delta":{"content":"')), id="a likeness"),
        pytest.param(
            written(chunk("X")).replace("X", 'x"},"finish_reason":"stop"},{"delta":{"content":"'),
            id="another choice",
        ),
        pytest.param("", id="an empty one"),
    ],
)
def test_any_other_event_has_to_be_read(event: str) -> None:
    """A quote, an escape or another figure, and it may say anything."""
    refrain = learnt(written(chunk("Fuchs")))
    assert refrain.text(event) == ""


def test_where_no_event_is_like_the_next_few_are_learnt() -> None:
    """Some servers give each event an id of its own: reading each twice would cost more than it saves."""
    seen: list[object] = []

    def words(value: object) -> str:
        seen.append(value)
        return read_words(value)

    refrain = Refrain(words)
    for number in range(1000):
        refrain.learn(written(chunk("a", id=str(number))), "a")
    assert len(seen) < 15
    for number in range(300):
        refrain.learn(written(chunk("a", id=f"c{number // 150}")), "a")
        assert number % 150 or not refrain.text(written(chunk("b", id="c2")))
    assert refrain.text(written(chunk("b", id="c1"))) == "b"


WORDS = st.text(st.sampled_from('a1 ,:{}[]"\\\n🦊\ud800'), max_size=6)
VALUES: st.SearchStrategy[Any] = (
    st.none() | st.booleans() | st.just({}) | st.just([]) | st.just(0) | WORDS | st.just([{"text": "x"}])
)
SAID = st.fixed_dictionaries(
    {},
    optional={
        "content": WORDS | VALUES,
        "role": VALUES,
        "refusal": VALUES,
        "reasoning": VALUES,
        "reasoning_content": VALUES,
        "reasoning_details": VALUES,
        "tool_calls": VALUES | st.just([{"id": "x", "function": {"name": "f", "arguments": "{}"}}]),
        "function_call": VALUES | st.just({"name": "f"}),
    },
)
CHOICES = st.fixed_dictionaries(
    {"delta": SAID | VALUES},
    optional={
        "finish_reason": st.sampled_from([None, "", "stop", 1]),
        "error": VALUES,
        "text": VALUES,
        "message": SAID,
        "index": st.just(0),
    },
)
CHUNKS = st.fixed_dictionaries(
    {"choices": st.lists(CHOICES | VALUES, max_size=2) | VALUES},
    optional={
        "usage": VALUES,
        "error": VALUES,
        "object": st.sampled_from(["chunk", "error", None]),
        "type": st.sampled_from(["chunk", "error", None]),
        "obfuscation": WORDS,
    },
)


@given(CHUNKS)
@settings(max_examples=600, deadline=None)
def test_what_is_easily_told_is_all_that_a_chunk_says(value: dict[str, Any]) -> None:
    """Two readings of one chunk agree: the short one answers only where nothing else is said."""
    if text := read_words(value):
        assert read_chunk(value) == (Delta(text),)
        assert fault_in_body(value) is None


@given(st.lists(CHUNKS, min_size=1, max_size=3), st.lists(WORDS, min_size=1, max_size=4), st.booleans())
@settings(max_examples=400, deadline=None)
def test_every_likeness_says_what_reading_says(
    chunks: list[dict[str, Any]], texts: list[str], tight: bool
) -> None:
    """An event is recognised only where reading it whole gives the same words and nothing else."""
    refrain = Refrain(read_words)
    for value in [*chunks, *(chunk(text, obfuscation=texts[0]) for text in texts)]:
        for event in (written(value, tight), written(value).replace("a", '","content":"')):
            text = refrain.text(event)
            if text:
                assert read_chunk(parsed(event)) == (Delta(text),)
                assert fault_in_body(parsed(event)) is None
        if said := read_words(value):
            refrain.learn(written(value, tight), said)


def test_escapes_are_read_where_they_are_asked_for() -> None:
    """Line feeds and quotes are in every Markdown; what is no text stays unread."""
    refrain = learnt(written(chunk("Fuchs")))
    for text in ("\n\n", 'a "b" \\ 🦊', "\t", "\\"):
        assert refrain.words(written(chunk(text))) == text
        assert refrain.text(written(chunk(text))) == ""
    odd = written(chunk("X"))
    assert refrain.words(odd.replace("X", r"\ud83e\udd8a\ud800")) == "🦊\ufffd"
    for raw in (r"\x", "\\", '","a":"', "a\nb", '"'):
        assert refrain.words(odd.replace("X", raw)) == ""


def test_events_that_are_counted_are_alike_all_the_same() -> None:
    """OpenAI API reference, Responses, streaming events: each has a `sequence_number`."""
    refrain = Refrain(read_words, counted=True)
    refrain.learn(written(chunk("a", sequence_number=7)), "a")
    assert refrain.words(written(chunk("b", sequence_number=0))) == "b"
    said = 'b","sequence_number":1,"'
    assert refrain.words(written(chunk(said, sequence_number=12345))) == said
    for number in (r"01", "-1", "1.5", '"1"', "1e5"):
        event = written(chunk("b", sequence_number=9)).replace(":9", f":{number}")
        assert refrain.words(event) == ""
    refrain.forget()
    assert refrain.words(written(chunk("b", sequence_number=0))) == ""
