"""The fold of what a model thinks. Source: OpenRouter API reference, "Reasoning tokens"; quirks 33 to 35."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from limner.core.codec import decode_event, decode_state, encode_event, encode_state
from limner.core.deltas import fold
from limner.core.events import AskedCall, ModelReplied, UserSpoke
from limner.core.machine import apply, model_key
from limner.core.messages import Delta, Message, Usage
from limner.core.money import add_usage
from limner.core.state import Settings, State
from limner.core.thoughts import MAX_ENTRIES, MAX_REASONING, joined
from limner.core.transcript import messages

OPENAI = "openai-responses-v1"


def folded(*fragments: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    return list(fold(Delta(reasoning=(fragment,)) for fragment in fragments).reasoning)


def text(words: str, index: int | None = 0, **fields: Any) -> dict[str, Any]:
    return {"type": "reasoning.text", "text": words, "index": index, **fields}


FOLDED: dict[str, tuple[list[dict[str, Any]], list[dict[str, Any]]]] = {
    "fragments of one": ([text("Let me "), text("see.")], [text("Let me see.")]),
    "the signature comes last": (
        [text("Hm", signature=None), text(".", signature="sig"), text("", signature=None)],
        [text("Hm.", signature="sig")],
    ),
    "two at two places": (
        [text("a", 0), text("x", 1), text("b", 0), text("y", 1)],
        [text("ab", 0), text("xy", 1)],
    ),
    "two types at one place": (
        [text("a"), {"type": "reasoning.encrypted", "data": "Zm94", "index": 0}, text("b")],
        [text("ab"), {"type": "reasoning.encrypted", "data": "Zm94", "index": 0}],
    ),
    "two ids at one place": (
        [
            {"type": "reasoning.encrypted", "data": "a", "id": "call_1", "index": 0},
            {"type": "reasoning.encrypted", "data": "b", "id": "call_2", "index": 0},
        ],
        [
            {"type": "reasoning.encrypted", "data": "a", "id": "call_1", "index": 0},
            {"type": "reasoning.encrypted", "data": "b", "id": "call_2", "index": 0},
        ],
    ),
    "an id that is told once": (
        [text("a", id="rs_1"), text("b"), text("c", id=None)],
        [text("abc", id="rs_1")],
    ),
    "no place at all": ([text("a", None), text("b", None)], [text("ab", None)]),
    "nothing thought is a thought too": ([text(""), text("")], [text("")]),
    "half a letter": ([text("a\ud800")], [text("a\ufffd")]),
}


@pytest.mark.parametrize(("fragments", "entries"), FOLDED.values(), ids=FOLDED.keys())
def test_fragments_become_whole_entries(
    fragments: list[dict[str, Any]], entries: list[dict[str, Any]]
) -> None:
    """Quirks 33 to 35: what a provider wants back it wants back whole, and in its order."""
    assert folded(*fragments) == entries


def test_what_is_too_long_is_left_out_whole() -> None:
    """Scorecard U27: memory is bounded; half of encrypted data is refused by whoever encrypted it."""
    half = "x" * (MAX_REASONING // 2)
    sealed = {"type": "reasoning.encrypted", "data": half, "index": 1}
    assert folded(text("short"), sealed, sealed, sealed) == [text("short")]


def test_one_entry_too_many_is_left_out_and_written_on_no_other() -> None:
    """Scorecard U27: memory is bounded."""
    fragments = [text("a", index) for index in range(MAX_ENTRIES + 5)]
    found = folded(*fragments, text("b", MAX_ENTRIES + 2), text("b", 0))
    assert len(found) == MAX_ENTRIES
    assert [found[0], found[-1]] == [text("ab", 0), text("a", MAX_ENTRIES - 1)]


@given(st.lists(st.tuples(st.integers(0, 3), st.text(max_size=5)), max_size=30))
def test_nothing_that_was_thought_is_lost_or_changes_places(pieces: list[tuple[int, str]]) -> None:
    """The fold keeps every word of every place, in its order."""
    found = folded(*(text(words, index) for index, words in pieces))
    wanted: dict[int, str] = {}
    for index, words in pieces:
        wanted[index] = wanted.get(index, "") + words
    assert {each["index"]: each["text"] for each in found} == wanted


@given(
    st.lists(
        st.dictionaries(
            st.sampled_from(["type", "text", "data", "id", "index", "signature", "other"]),
            st.none()
            | st.text(st.characters(), max_size=3)
            | st.integers()
            | st.lists(st.none(), max_size=1)
            | st.floats(),
        ),
        max_size=10,
    )
)
def test_any_shape_folds_into_something_that_can_be_written_down(shapes: list[dict[str, Any]]) -> None:
    """Providers send shapes that nobody thought of; a journal takes whatever was folded."""
    replied = ModelReplied("t1/r1/model", "", reasoning=tuple(folded(*shapes)))
    assert decode_event(encode_event(replied)) == replied


SEALED = {"type": "reasoning.encrypted", "data": "Zm94", "id": "rs_1", "format": OPENAI, "index": 0}


def test_reasoning_stands_beside_the_calls_in_the_next_request_and_after_a_restart() -> None:
    """Quirk 35: OpenAI refuses a call whose reasoning is gone; a journal is enough to go on."""
    state = apply(State(settings=Settings(tools=("look",))), UserSpoke("Look", 0.0))
    replied = ModelReplied(model_key(state), "", (AskedCall("look", "{}"),), reasoning=(SEALED,))
    state = apply(state, decode_event(encode_event(replied)))
    read_back = decode_state(encode_state(state))
    assert read_back == state
    _, assistant, *_ = messages(read_back)
    assert assistant == Message("assistant", calls=assistant.calls, reasoning=(SEALED,))
    assert [call.name for call in assistant.calls] == ["look"]


def test_a_journal_without_reasoning_is_read() -> None:
    """Journals that were written before there was reasoning in them."""
    old = '{"event": "ModelReplied", "key": "k", "text": "Hi", "calls": [], "usage": {"prompt_tokens": 3}}'
    assert decode_event(old) == ModelReplied("k", "Hi", usage=Usage(3))


def test_tokens_of_thinking_add_up() -> None:
    """Money: a receipt says how many tokens of several requests were spent on thinking."""
    assert add_usage(Usage(1, 5, reasoning_tokens=4), Usage(1, 9, reasoning_tokens=3)).reasoning_tokens == 7


KEPT: dict[str, tuple[list[object], list[object]]] = {
    "whole entries": ([text("a", 0), text("b", 1), SEALED], [text("a", 0), text("b", 1), SEALED]),
    "every fragment that was heard": ([text("a"), text("b"), SEALED, text("c")], [text("abc"), SEALED]),
    "of two rounds": (
        [text("a", id="rs_1"), text("b", id="rs_1"), text("c", id="rs_2"), text("d", id="rs_2")],
        [text("ab", id="rs_1"), text("cd", id="rs_2")],
    ),
    "an id that is told once": ([text("a", id="rs_1"), text("b")], [text("ab", id="rs_1")]),
    "without places": ([text("a", None), text("b", None), "odd"], [text("a", None), text("b", None), "odd"]),
    "with and without": ([text("a"), text("b"), {"odd": 1}, 7], [text("ab"), {"odd": 1}, 7]),
}


@pytest.mark.parametrize(("details", "entries"), KEPT.values(), ids=KEPT.keys())
def test_what_a_client_kept_as_fragments_becomes_whole(details: list[object], entries: list[object]) -> None:
    """Many clients bring back every fragment that they have heard, and their provider wants the whole."""
    assert list(joined(details)) == entries
