"""What a chat model thought goes back in the field that it came in, and only there."""

from __future__ import annotations

import json
from typing import Any

import pytest

from limner.core.deltas import fold
from limner.core.messages import ChatRequest, Message, ToolCall
from limner.wire.chat.upstream import read_chunk, read_whole
from limner.wire.chat.writing import chat_body

CALL = ToolCall("abcdefghi", "draw", "{}")
CALLED = {"tool_calls": [{"index": 0, "id": "a", "function": {"name": "draw", "arguments": "{}"}}]}


def sent_back(*pieces: dict[str, Any], calls: tuple[ToolCall, ...] = (CALL,)) -> dict[str, Any]:
    """The assistant's message of the next request, without its words and calls."""
    folded = fold(delta for said in pieces for delta in read_chunk({"choices": [{"delta": said}]}))
    message = Message("assistant", "Hi", calls, reasoning=folded.reasoning)
    (sent,) = json.loads(chat_body(ChatRequest((message,)), model="m", stream=False).data())["messages"]
    return {key: value for key, value in sent.items() if key not in ("role", "content", "tool_calls")}


SIGNED = {
    "type": "reasoning.text",
    "text": "hm.",
    "signature": "sig",
    "format": "anthropic-claude-v1",
    "index": 0,
}

FIELDS: dict[str, tuple[list[dict[str, Any]], dict[str, Any]]] = {
    "34 reasoning_content": (
        [{"reasoning_content": "h"}, {"reasoning_content": "m"}, CALLED],
        {"reasoning_content": "hm"},
    ),
    "34 reasoning_content that says nothing": (
        [{"reasoning_content": "", **CALLED}],
        {"reasoning_content": ""},
    ),
    "33 reasoning_details": (
        [
            {"reasoning": "hm", "reasoning_details": [SIGNED | {"text": "hm", "signature": None}]},
            {"reasoning_details": [SIGNED | {"text": "."}]},
            CALLED,
        ],
        {"reasoning_details": [SIGNED]},
    ),
    "reasoning is only for reading": ([{"reasoning": "hm"}, CALLED], {}),
    "no thoughts": ([CALLED], {}),
}


@pytest.mark.parametrize(("pieces", "fields"), FIELDS.values(), ids=FIELDS.keys())
def test_reasoning_goes_back_in_its_own_field(pieces: list[dict[str, Any]], fields: dict[str, Any]) -> None:
    """Quirks 33 and 34: refused where it is missing, and refused where it is another's."""
    assert sent_back(*pieces) == fields


def test_reasoning_content_does_not_go_back_without_calls() -> None:
    """Quirk 34: its makers want it on tool turns; one refuses it on all others."""
    assert sent_back({"reasoning_content": "hm"}, calls=()) == {}


def test_a_whole_answer_is_sent_back_alike() -> None:
    """Streamed or whole, the next request is the same."""
    message = {"content": "Hi", "reasoning_details": [SIGNED]}
    folded = fold(read_whole({"choices": [{"message": message}]}))
    assert folded.reasoning == (SIGNED,)


GIVEN: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {
    "a provider's own": ({"reasoning_details": [SIGNED]}, {"reasoning_details": [SIGNED]}),
    "a client's own field": ({"reasoning_content": "hm"}, {"reasoning_content": "hm"}),
    "what came in another field": (
        {
            "reasoning_details": [
                {"type": "reasoning.text", "text": "hm", "format": "reasoning_content"},
                {"type": "reasoning.text", "text": "no", "format": "reasoning"},
            ]
        },
        {"reasoning_content": "hm"},
    ),
    "nothing that anybody knows": ({"reasoning_details": "odd"}, {"reasoning_details": "odd"}),
}


@pytest.mark.parametrize(("fields", "sent"), GIVEN.values(), ids=GIVEN.keys())
def test_what_a_client_brings_back_goes_into_the_field_that_it_came_in(
    fields: dict[str, Any], sent: dict[str, Any]
) -> None:
    """Clients know `reasoning_details` alone; the provider may know only another field."""
    calls = [{"id": "a", "type": "function", "function": {"name": "draw", "arguments": "{}"}}]
    given = {"role": "assistant", "content": None, "tool_calls": calls}
    message = Message("assistant", given=given | fields)
    assert json.loads(chat_body(ChatRequest((message,)), model="m", stream=False).data())["messages"] == [
        given | sent
    ]
