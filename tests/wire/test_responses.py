"""A request in the words of the Responses API."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from limner.core.messages import ChatRequest, Message, ToolCall, ToolSpec
from limner.wire.responses.stream import FORMAT
from limner.wire.responses.upstream import CHAT_ONLY, responses_body
from responders import refusal_of

DRAW = ToolSpec("draw", "Draws.", {"type": "object", "properties": {}})
CALL = ToolCall("abcdefghi", "draw", '{"prompt": "fox"}')
OTHER = ToolCall("bcdefghij", "draw", '{"prompt": "owl"}')
CALLED = {
    "type": "function_call",
    "call_id": "abcdefghi",
    "name": "draw",
    "arguments": '{"prompt": "fox"}',
}
CALLED_OTHER = {**CALLED, "call_id": "bcdefghij", "arguments": '{"prompt": "owl"}'}


def body(*messages: Message, **options: Any) -> dict[str, Any]:
    request = ChatRequest(messages, options.pop("tools", ()), options.pop("tool_choice", "auto"))
    written: dict[str, Any] = json.loads(
        responses_body(request, model="m", **({"stream": False} | options)).data()
    )
    return written


def items(*messages: Message, **options: Any) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = body(*messages, **options)["input"]
    return found


def said(role: str, *parts: dict[str, Any]) -> dict[str, Any]:
    return {"type": "message", "role": role, "content": list(parts)}


def text(words: str) -> dict[str, Any]:
    return {"type": "input_text", "text": words}


def answer(words: str) -> dict[str, Any]:
    return said("assistant", {"type": "output_text", "text": words, "annotations": []})


def from_client(role: Any, content: Any = None, **fields: Any) -> Message:
    given = {"role": role, "content": content, **fields}
    return Message(role, given=given, call_id=fields.get("tool_call_id"))


# --- messages --------------------------------------------------------------------------------

WRITTEN: dict[str, tuple[Message, list[dict[str, Any]]]] = {
    "system": (Message("system", "Be kind"), [said("system", text("Be kind"))]),
    "user": (Message("user", "Hi"), [said("user", text("Hi"))]),
    "assistant": (Message("assistant", "Hi"), [answer("Hi")]),
    "an assistant that said nothing": (Message("assistant"), []),
    "calls": (Message("assistant", "", (CALL, OTHER)), [CALLED, CALLED_OTHER]),
    "words and calls": (Message("assistant", "Hi", (CALL,)), [answer("Hi"), CALLED]),
    "a result": (
        Message("tool", '{"status": "ok"}', call_id="abcdefghi"),
        [{"type": "function_call_output", "call_id": "abcdefghi", "output": '{"status": "ok"}'}],
    ),
    "30 an empty result": (
        Message("tool", "", call_id="abcdefghi"),
        [{"type": "function_call_output", "call_id": "abcdefghi", "output": "(no output)"}],
    ),
    "a developer": (from_client("developer", "Be kind"), [said("developer", text("Be kind"))]),
    "a user's parts": (
        from_client(
            "user",
            [
                {"type": "text", "text": "This?", "cache_control": {"type": "ephemeral"}},
                {"type": "image_url", "image_url": {"url": "https://x.example/a.png", "detail": "low"}},
                {"type": "image_url", "image_url": "data:image/png;base64,AA=="},
                {
                    "type": "file",
                    "file": {"filename": "a.pdf", "file_data": "data:application/pdf;base64,AA=="},
                },
                {"type": "file", "file": {"file_id": "file_1", "file_data": None}},
                {"type": "file", "file": {"file_data": "https://x.example/a.pdf"}},
                {"type": "input_audio", "input_audio": {"data": "AA==", "format": "wav"}},
                {"type": "video_url", "video_url": {"url": "https://x.example/a.mp4"}},
            ],
            name="ann",
        ),
        [
            said(
                "user",
                text("This?"),
                {"type": "input_image", "image_url": "https://x.example/a.png", "detail": "low"},
                {"type": "input_image", "image_url": "data:image/png;base64,AA==", "detail": "auto"},
                {"type": "input_file", "filename": "a.pdf", "file_data": "data:application/pdf;base64,AA=="},
                {"type": "input_file", "file_id": "file_1"},
                {"type": "input_file", "file_url": "https://x.example/a.pdf"},
                {"type": "input_audio", "input_audio": {"data": "AA==", "format": "wav"}},
                {"type": "input_video", "video_url": "https://x.example/a.mp4"},
            )
        ],
    ),
    "an assistant's parts": (
        from_client("assistant", [{"type": "text", "text": "Hi"}, {"type": "refusal", "refusal": "No"}]),
        [
            said(
                "assistant",
                {"type": "output_text", "text": "Hi", "annotations": []},
                {"type": "refusal", "refusal": "No"},
            )
        ],
    ),
    "a refusal alone": (
        from_client("assistant", refusal="No"),
        [said("assistant", {"type": "refusal", "refusal": "No"})],
    ),
    "a client's calls": (
        from_client(
            "assistant",
            "Hi",
            tool_calls=[
                {
                    "id": "abcdefghi",
                    "type": "function",
                    "function": {"name": "draw", "arguments": CALL.arguments},
                },
                {"id": "c2", "type": "custom", "custom": {"name": "run", "input": "ls"}},
            ],
        ),
        [answer("Hi"), CALLED, {"type": "custom_tool_call", "call_id": "c2", "name": "run", "input": "ls"}],
    ),
    "a result of parts": (
        from_client(
            "tool",
            [
                {"type": "text", "text": "See"},
                {"type": "image_url", "image_url": {"url": "https://x.example/a"}},
            ],
            tool_call_id="abcdefghi",
        ),
        [
            {
                "type": "function_call_output",
                "call_id": "abcdefghi",
                "output": [
                    text("See"),
                    {"type": "input_image", "image_url": "https://x.example/a", "detail": "auto"},
                ],
            }
        ],
    ),
    "a result without parts": (
        from_client("tool", [], tool_call_id="abcdefghi"),
        [{"type": "function_call_output", "call_id": "abcdefghi", "output": "(no output)"}],
    ),
}


@pytest.mark.parametrize(("message", "written"), WRITTEN.values(), ids=WRITTEN.keys())
def test_every_message_becomes_its_items(message: Message, written: list[dict[str, Any]]) -> None:
    """OpenAI API reference, "Input" of a response (read 2026-11-21); quirks 29 to 31."""
    assert items(message) == written


@pytest.mark.parametrize("arguments", ['{"prompt": "fo', "[1]", "null", "", "{'a': True}", "[" * 100_000])
def test_arguments_that_are_no_object_are_not_replayed(arguments: str) -> None:
    """Quirk 23: a provider that is shown broken arguments answers 400 for ever."""
    (sent,) = items(Message("assistant", "", (ToolCall("abcdefghi", "draw", arguments),)))
    assert sent["arguments"] == "{}"


def test_calls_of_the_oldest_shape_get_ids_that_join_them_with_their_results() -> None:
    """`function_call` and the role "function" have no ids; here nothing goes without."""
    sent = items(
        from_client("assistant", function_call={"name": "draw", "arguments": "{}"}),
        from_client("function", "one", name="draw"),
        from_client("assistant", function_call={"name": "draw", "arguments": "{}"}),
        from_client("function", None, name="draw"),
    )
    assert [(each["type"], each["call_id"]) for each in sent] == [
        ("function_call", "call_1"),
        ("function_call_output", "call_1"),
        ("function_call", "call_2"),
        ("function_call_output", "call_2"),
    ]
    assert [each.get("output") for each in sent] == [None, "one", None, "(no output)"]


# --- reasoning -------------------------------------------------------------------------------


def sealed(id: str | None, data: str = "Zm94", **fields: Any) -> dict[str, Any]:
    return {"type": "reasoning.encrypted", "data": data, "id": id, "format": FORMAT, **fields}


def summary(id: str, words: str, **fields: Any) -> dict[str, Any]:
    return {"type": "reasoning.summary", "summary": words, "id": id, "format": FORMAT, **fields}


def item(id: str, *words: str, data: str = "Zm94") -> dict[str, Any]:
    parts = [{"type": "summary_text", "text": each} for each in words]
    return {"type": "reasoning", "id": id, "summary": parts, "encrypted_content": data}


def test_a_thought_stands_right_before_what_it_belongs_to() -> None:
    """Quirk 35: OpenAI refuses a thought without its item, and an item without its thought."""
    thoughts = (
        summary("rs_1", "A fox", index=0),
        summary("rs_1", "in snow", index=1),
        sealed("rs_1", index=2),
        sealed("rs_2", index=3, place=1),
        sealed("rs_3", index=4, place=2),
    )
    sent = items(Message("assistant", "Hi", (CALL, OTHER), reasoning=thoughts))
    assert sent == [
        item("rs_1", "A fox", "in snow"),
        answer("Hi"),
        item("rs_2"),
        CALLED,
        item("rs_3"),
        CALLED_OTHER,
    ]


LEFT: dict[str, tuple[Message, list[str]]] = {
    "what it belonged to is gone": (Message("assistant", reasoning=(sealed("rs_1"),)), []),
    "its call is gone": (Message("assistant", "Hi", reasoning=(sealed("rs_1", place=1),)), ["message"]),
    "another maker's": (
        Message("assistant", "Hi", reasoning=({**sealed("rs_1"), "format": "google-gemini-v1"},)),
        ["message"],
    ),
    "a chat server's": (
        Message(
            "assistant",
            "Hi",
            reasoning=({"type": "reasoning.text", "text": "hm", "format": "reasoning_content"},),
        ),
        ["message"],
    ),
    "nobody could decrypt it": (Message("assistant", "Hi", reasoning=(summary("rs_1", "hm"),)), ["message"]),
    "a finished call of ours": (
        from_client("assistant", "Hi", reasoning_details=[{"type": "reasoning.server_tool_call", "id": "c"}]),
        ["message"],
    ),
    "no list": (from_client("assistant", "Hi", reasoning_details="odd"), ["message"]),
}


@pytest.mark.parametrize(("message", "kinds"), LEFT.values(), ids=LEFT.keys())
def test_a_thought_that_would_be_refused_is_left_out(message: Message, kinds: list[str]) -> None:
    """Quirk 35; OpenAI API reference, "Encrypted reasoning items" (read 2026-11-21)."""
    assert [each["type"] for each in items(message)] == kinds


def test_what_is_thought_aloud_goes_back_as_it_was() -> None:
    """Open models do not encrypt: their servers send the words, and take them back."""
    words = {"type": "reasoning.text", "text": "hm", "id": "rs_1", "format": FORMAT, "index": 0}
    sent = items(Message("assistant", "", (CALL,), reasoning=(words,)))
    content = [{"type": "reasoning_text", "text": "hm"}]
    assert sent == [{"type": "reasoning", "id": "rs_1", "summary": [], "content": content}, CALLED]


def test_a_provider_that_keeps_its_answers_is_sent_their_ids() -> None:
    """`store` true: an id is all that it needs."""
    message = Message("assistant", "", (CALL,), reasoning=(summary("rs_1", ""),))
    assert items(message) == [CALLED]
    sent = items(message, extra={"store": True})
    assert sent == [{"type": "reasoning", "id": "rs_1", "summary": []}, CALLED]


def test_a_thought_that_a_client_brings_back_goes_on() -> None:
    """Clients of chats bring `reasoning_details` back as they got them, others without `format`."""
    bare = {"type": "reasoning.encrypted", "data": "b3ds", "id": "rs_2"}
    sent = items(
        from_client("assistant", "Hi", reasoning_details=[summary("rs_1", "hm"), sealed("rs_1"), bare])
    )
    assert sent == [item("rs_1", "hm"), item("rs_2", data="b3ds"), answer("Hi")]


def test_the_same_thought_is_sent_once() -> None:
    """OpenAI refuses an id that comes twice."""
    message = Message("assistant", "Hi", reasoning=(sealed("rs_1"),))
    assert [each["type"] for each in items(message, message)] == ["reasoning", "message", "message"]


def test_thoughts_without_ids_are_one_each() -> None:
    """Encrypted data of two thoughts is not written into one."""
    sent = items(Message("assistant", "Hi", reasoning=(sealed(None, "a"), sealed(None, "b"))))
    assert [each.get("encrypted_content") for each in sent] == ["a", "b", None]
    assert not any("id" in each for each in sent)


# --- tools -----------------------------------------------------------------------------------

FLAT = {"type": "function", "name": "look", "parameters": {"type": "object"}, "strict": False}
TOOLS: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {
    "a function": (
        {"type": "function", "function": {"name": "look", "parameters": {"type": "object"}}},
        FLAT,
    ),
    "a strict one": (
        {"type": "function", "function": {"name": "look", "parameters": {"type": "object"}, "strict": True}},
        FLAT | {"strict": True},
    ),
    "one without parameters": (
        {"type": "function", "function": {"name": "look", "strict": None}},
        FLAT | {"parameters": {"type": "object", "properties": {}}},
    ),
    "a custom one": (
        {
            "type": "custom",
            "custom": {
                "name": "run",
                "format": {"type": "grammar", "grammar": {"syntax": "lark", "definition": "x"}},
            },
        },
        {"type": "custom", "name": "run", "format": {"type": "grammar", "syntax": "lark", "definition": "x"}},
    ),
    "a provider's own": ({"type": "web_search", "filters": {}}, {"type": "web_search", "filters": {}}),
    "one that is flat already": (FLAT, FLAT),
}


@pytest.mark.parametrize(("declared", "sent"), TOOLS.values(), ids=TOOLS.keys())
def test_tools_lie_flat(declared: dict[str, Any], sent: dict[str, Any]) -> None:
    """Facts, wire, 1.2; OpenAI API reference: here a schema is strict unless it says that it is not."""
    spec = ToolSpec("look", "", {}, given=declared)
    assert body(Message("user", "Hi"), tools=(spec,))["tools"] == [sent]


def test_a_custom_tool_is_called_and_answered_in_its_own_words() -> None:
    """Its arguments are free text, and its items have other names."""
    spec = ToolSpec("run", "", {}, given={"type": "custom", "custom": {"name": "run"}})
    asked = Message("assistant", "", (ToolCall("abcdefghi", "run", "ls -l"),))
    told = body(asked, Message("tool", "a b", call_id="abcdefghi"), tools=(spec,), tool_choice="run")
    assert told["input"] == [
        {"type": "custom_tool_call", "call_id": "abcdefghi", "name": "run", "input": "ls -l"},
        {"type": "custom_tool_call_output", "call_id": "abcdefghi", "output": "a b"},
    ]
    assert told["tool_choice"] == {"type": "custom", "name": "run"}


CHOICES: dict[str, Any] = {
    "auto": None,
    "none": "none",
    "required": "required",
    "draw": {"type": "function", "name": "draw"},
}


@pytest.mark.parametrize(("choice", "sent"), CHOICES.items(), ids=CHOICES.keys())
def test_a_choice_of_tools_is_flat_too(choice: str, sent: Any) -> None:
    """Quirk 36: the default is not sent."""
    assert body(Message("user", "Hi"), tools=(DRAW,), tool_choice=choice).get("tool_choice") == sent
    assert "tool_choice" not in body(Message("user", "Hi"), tool_choice=choice)


# --- options ---------------------------------------------------------------------------------

SCHEMA = {"name": "answer", "schema": {"type": "object"}, "strict": True}
OPTIONS: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {
    "max_tokens": ({"max_tokens": 9}, {"max_output_tokens": 9}),
    "max_completion_tokens": ({"max_completion_tokens": 9}, {"max_output_tokens": 9}),
    "both": ({"max_tokens": 8, "max_completion_tokens": 9}, {"max_output_tokens": 9}),
    "one of both": ({"max_tokens": 8, "max_completion_tokens": None}, {"max_output_tokens": 8}),
    "a schema": (
        {"response_format": {"type": "json_schema", "json_schema": SCHEMA}},
        {"text": {"format": {"type": "json_schema", **SCHEMA}}},
    ),
    "JSON": ({"response_format": {"type": "json_object"}}, {"text": {"format": {"type": "json_object"}}}),
    "verbosity": (
        {"verbosity": "low", "response_format": {"type": "text"}},
        {"text": {"verbosity": "low", "format": {"type": "text"}}},
    ),
    "effort": ({"reasoning_effort": "high"}, {"reasoning": {"effort": "high"}}),
    "reasoning": (
        {"reasoning": {"effort": "low", "summary": "auto"}, "reasoning_effort": "high"},
        {"reasoning": {"effort": "low", "summary": "auto"}},
    ),
    "no reasoning": ({"reasoning_effort": None, "reasoning": None, "verbosity": None}, {}),
    "a choice": (
        {"tool_choice": {"type": "function", "function": {"name": "look"}}},
        {"tool_choice": {"type": "function", "name": "look"}},
    ),
    "some tools": (
        {
            "tool_choice": {
                "type": "allowed_tools",
                "allowed_tools": {
                    "mode": "auto",
                    "tools": [{"type": "function", "function": {"name": "look"}}],
                },
            }
        },
        {
            "tool_choice": {
                "type": "allowed_tools",
                "mode": "auto",
                "tools": [{"type": "function", "name": "look"}],
            }
        },
    ),
    "the same names": (
        {"temperature": 0, "top_p": 1, "user": "u", "metadata": {"a": "b"}, "parallel_tool_calls": False},
        {"temperature": 0, "top_p": 1, "user": "u", "metadata": {"a": "b"}, "parallel_tool_calls": False},
    ),
    "a server's own": ({"chat_template_kwargs": {"a": 1}}, {"chat_template_kwargs": {"a": 1}}),
    "nothing": ({"temperature": None}, {}),
    **{name: ({name: 1}, {}) for name in sorted(CHAT_ONLY)},
}
PLAIN = {"model": "m", "input": [], "store": False, "include": ["reasoning.encrypted_content"]}


@pytest.mark.parametrize(("options", "sent"), OPTIONS.values(), ids=OPTIONS.keys())
def test_options_of_chats_are_told_in_the_words_of_this_api(
    options: dict[str, Any], sent: dict[str, Any]
) -> None:
    """OpenAI API reference, "Migrate to the Responses API" (read 2026-11-21)."""
    assert body(options=options) == PLAIN | sent


def test_extra_fields_win_as_they_stand_and_none_removes() -> None:
    """What an application adds goes along, also what chats alone know; its None takes away."""
    extra = {"stop": ["."], "max_output_tokens": 5, "include": None, "store": True}
    sent = body(options={"max_tokens": 9}, extra=extra, stream=True)
    assert sent == {
        "model": "m",
        "input": [],
        "store": True,
        "stop": ["."],
        "max_output_tokens": 5,
        "stream": True,
    }


# --- whatever comes --------------------------------------------------------------------------

WORDS = st.text(st.characters(codec="utf-8"), max_size=8)
TURNS = st.lists(
    st.tuples(
        WORDS,
        st.integers(0, 3),
        st.lists(st.tuples(st.booleans(), st.integers(0, 4)), max_size=3),
    ),
    max_size=4,
)


@given(TURNS)
@settings(deadline=None)
def test_whatever_was_said_the_items_are_ones_that_openai_takes(turns: Any) -> None:
    """Quirk 35: every thought stands before an item, every call has its output, no id comes twice."""
    messages: list[Message] = []
    given_out: list[dict[str, Any]] = []
    for turn, (words, count, thoughts) in enumerate(turns):
        calls = tuple(ToolCall(f"t{turn}c{at}", "draw", json.dumps({"n": [turn, at]})) for at in range(count))
        details: list[dict[str, Any]] = []
        for at, (told, place) in enumerate(sorted(thoughts, key=lambda each: each[1])):
            name = f"rs_{turn}_{at}"
            details += [summary(name, "hm")] if told else []
            details.append(sealed(name, name, place=place))
            given_out.append({"type": "reasoning", "id": name, "encrypted_content": name})
            given_out.append({"type": "message"})
        messages += [Message("user", "Go on"), Message("assistant", words, calls, reasoning=tuple(details))]
        messages += [Message("tool", "ok", call_id=call.id) for call in calls]
    sent = body(*messages)
    json.dumps(sent, ensure_ascii=False).encode()
    assert refusal_of(sent, given_out) == ""
    spoken = [each for each in sent["input"] if each["type"] == "message" and each["role"] == "assistant"]
    assert [each["content"][0]["text"] for each in spoken] == [words for words, _, _ in turns if words]
    assert [each["call_id"] for each in sent["input"] if each["type"] == "function_call"] == [
        call.id for message in messages for call in message.calls
    ]
