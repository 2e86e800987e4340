"""Items of the Responses API as messages of a chat."""

from __future__ import annotations

import json
from typing import Any

import pytest

from limner.gateway.refusal import REFUSALS
from limner.gateway.turns.callids import public_id
from limner.gateway.turns.mixed import read_return
from limner.wire.asking import AskError
from limner.wire.chat.ask import IMAGE
from limner.wire.chat.history import history, links_in_messages
from limner.wire.responses.ask import read_responses_ask, references, with_items
from limner.wire.servertool import SERVER_CALL
from limner.wire.shapes import MOST_ENTRIES

PNG = "iVBORw0KGgoAAAANSUhEUg=="
USER = {"type": "message", "role": "user", "content": "Draw a fox."}
CALL = {
    "type": "function_call",
    "id": "fc_1",
    "call_id": "call_1",
    "name": "f",
    "arguments": "{}",
    "status": "completed",
}
DRAWN = {
    "type": "image_generation_call",
    "id": "ig_c1",
    "status": "completed",
    "result": PNG,
    "revised_prompt": "a fox",
}
THOUGHT = {
    "type": "reasoning",
    "id": "rs_1",
    "summary": [{"type": "summary_text", "text": "Hm."}],
    "encrypted_content": "gAAA",
}


def messages(*items: Any, **fields: Any) -> tuple[Any, ...]:
    read = read_responses_ask({"model": "m", "input": list(items), **fields})
    return with_items(read, read.items).messages


def refused(*items: Any) -> tuple[str, str | None]:
    with pytest.raises(AskError) as caught:
        messages(*items)
    assert caught.value.code in REFUSALS
    assert len(caught.value.sentence) < 500
    assert caught.value.sentence.isprintable()
    return caught.value.code, caught.value.param


def said(text: str, **fields: Any) -> dict[str, Any]:
    """An item as answers have it."""
    part = {"type": "output_text", "text": text, "annotations": [], "logprobs": []}
    return {
        "type": "message",
        "id": "msg_1",
        "role": "assistant",
        "status": "completed",
        "content": [part],
        **fields,
    }


def result(item: dict[str, Any]) -> dict[str, Any]:
    """What the history says of a picture's item."""
    (message,) = messages(item)
    (detail,) = message["reasoning_details"]
    assert (detail["type"], detail["tool_name"]) == (SERVER_CALL, IMAGE)
    told: dict[str, Any] = json.loads(detail["result"])
    return told


def test_a_string_is_a_message_of_the_user() -> None:
    """OpenAI API reference, "input"; it is kept as the item that it stands for."""
    read = read_responses_ask({"model": "m", "input": "Draw a fox."})
    part = {"type": "input_text", "text": "Draw a fox."}
    assert read.items == ({"type": "message", "role": "user", "content": [part]},)
    assert with_items(read, read.items).messages == ({"role": "user", "content": "Draw a fox."},)


@pytest.mark.parametrize("role", ["user", "system", "developer", "assistant"])
def test_a_message_needs_no_type_and_may_be_a_string(role: str) -> None:
    """Facts, wire, section 7: `phase` and string content on items of the assistant are accepted."""
    read = read_responses_ask(
        {"model": "m", "input": [{"role": role, "content": "Hi.", "phase": "commentary"}]}
    )
    assert read.items[0]["type"] == "message"
    assert with_items(read, read.items).messages == ({"role": role, "content": "Hi."},)


def test_parts_become_the_parts_of_a_chat() -> None:
    """Pictures by link and by value, files by value and by link; marks for a cache stay."""
    content = [
        {"type": "input_text", "text": "Look.", "prompt_cache_breakpoint": {"mode": "explicit"}},
        {"type": "input_image", "image_url": "https://x.example/a.png", "detail": "low", "file_id": None},
        {"type": "image_url", "image_url": {"url": "data:image/png;base64,AAAA"}},
        {"type": "input_file", "file_data": "data:application/pdf;base64,AAAA", "filename": "a.pdf"},
        {"type": "input_file", "file_url": "https://x.example/a.pdf"},
        {"type": "input_video", "video_url": "https://x.example/a.mp4"},
        {"type": "input_audio", "input_audio": {"data": "AAAA", "format": "wav"}},
    ]
    (message,) = messages({"role": "user", "content": content})
    assert message["content"] == [
        {"type": "text", "text": "Look.", "prompt_cache_breakpoint": {"mode": "explicit"}},
        {"type": "image_url", "image_url": {"url": "https://x.example/a.png", "detail": "low"}},
        {"type": "image_url", "image_url": {"url": "data:image/png;base64,AAAA"}},
        {"type": "file", "file": {"filename": "a.pdf", "file_data": "data:application/pdf;base64,AAAA"}},
        {"type": "file", "file": {"file_data": "https://x.example/a.pdf"}},
        {"type": "video_url", "video_url": {"url": "https://x.example/a.mp4"}},
        {"type": "input_audio", "input_audio": {"data": "AAAA", "format": "wav"}},
    ]


def test_one_text_alone_is_a_string() -> None:
    """Servers of one's own often take nothing else."""
    part = {"type": "input_text", "text": "Hi."}
    assert messages({"role": "user", "content": [part]})[0]["content"] == "Hi."
    assert messages({"role": "user", "content": []})[0]["content"] == ""
    output = {"type": "function_call_output", "call_id": "call_1", "output": [part]}
    assert messages(USER, CALL, output)[2]["content"] == "Hi."


def test_what_an_assistant_did_in_one_go_is_one_message() -> None:
    """Chat Completions has words, thoughts, pictures and calls in one message, and results after it."""
    other = {**CALL, "call_id": "call_2"}
    outputs = [{"type": "function_call_output", "call_id": f"call_{n}", "output": str(n)} for n in (2, 1)]
    read = messages(USER, THOUGHT, said("One."), DRAWN, CALL, said("Two."), other, *outputs, said("Done."))
    assert [message["role"] for message in read] == ["user", "assistant", "tool", "tool", "assistant"]
    spoken = read[1]
    assert spoken["content"] == "One.\n\nTwo."
    assert [call["id"] for call in spoken["tool_calls"]] == ["call_1", "call_2"]
    assert [(each["type"], each["index"]) for each in spoken["reasoning_details"]] == [
        ("reasoning.summary", 0),
        ("reasoning.encrypted", 1),
        (SERVER_CALL, 2),
    ]
    assert [(each["tool_call_id"], each["content"]) for each in read[2:4]] == [
        ("call_2", "2"),
        ("call_1", "1"),
    ]
    assert read[4] == {"role": "assistant", "content": "Done."}


def test_a_message_of_calls_alone_has_no_words() -> None:
    """Several providers refuse an empty text beside calls."""
    function = {"name": "f", "arguments": "{}"}
    assert messages(USER, CALL)[1] == {
        "role": "assistant",
        "content": None,
        "tool_calls": [{"id": "call_1", "type": "function", "function": function}],
    }


def test_calls_of_free_text_become_calls_of_a_function() -> None:
    """OpenAI API reference, "custom_tool_call": no other provider has them, and the model needs to read them."""
    call = {"type": "custom_tool_call", "call_id": "call_1", "name": "sh", "input": "ls"}
    output = {"type": "custom_tool_call_output", "call_id": "call_1", "output": "a.txt"}
    read = messages(USER, call, output)
    assert read[1]["tool_calls"][0]["function"] == {"name": "sh", "arguments": '{"input": "ls"}'}
    assert read[2] == {"role": "tool", "tool_call_id": "call_1", "content": "a.txt"}


def test_thoughts_stay_beside_what_they_led_to() -> None:
    """Quirk 35: providers refuse a thought without its call, and a call without its thought."""
    read = messages(
        USER, THOUGHT, CALL, {"type": "function_call_output", "call_id": "call_1", "output": "x"}, THOUGHT
    )
    assert [message["role"] for message in read] == ["user", "assistant", "tool"]
    head = {"id": "rs_1", "format": "openai-responses-v1"}
    assert read[1]["reasoning_details"] == [
        {"type": "reasoning.summary", "summary": "Hm.", **head, "index": 0},
        {"type": "reasoning.encrypted", "data": "gAAA", **head, "index": 1},
    ]
    assert messages(THOUGHT, USER) == messages(USER)


def test_thoughts_of_other_makers_keep_their_signature() -> None:
    """OpenRouter API reference, "reasoning": `format` and `signature` stand on the item."""
    thought = {
        "type": "reasoning",
        "id": "rs_1",
        "summary": [],
        "content": [{"type": "reasoning_text", "text": "Hm."}],
        "format": "anthropic-claude-v1",
        "signature": "sig",
    }
    detail = messages(USER, thought, said("Hi."))[1]["reasoning_details"]
    assert detail == [
        {
            "type": "reasoning.text",
            "text": "Hm.",
            "id": "rs_1",
            "format": "anthropic-claude-v1",
            "signature": "sig",
            "index": 0,
        }
    ]


LINK = "https://x.example/images/1"
PICTURES: dict[str, tuple[dict[str, Any], str]] = {
    "native": (DRAWN, f"data:image/png;base64,{PNG}"),
    "native, webp": ({**DRAWN, "result": "UklGRiQA"}, "data:image/webp;base64,UklGRiQA"),
    "native, jpeg": ({**DRAWN, "result": "/9j/4AAQ", "status": None}, "data:image/jpeg;base64,/9j/4AAQ"),
    "output-only fields": (
        {**DRAWN, "action": "edit", "size": "1x1", "quality": "high"},
        f"data:image/png;base64,{PNG}",
    ),
    "a link": ({"type": IMAGE, "status": "completed", "imageUrl": LINK, "result": LINK}, LINK),
    "a result that is a link": ({"type": IMAGE, "id": "ig_1", "status": "completed", "result": LINK}, LINK),
    "a data URL": (
        {"type": IMAGE, "status": "completed", "result": "data:image/png;base64,AA"},
        "data:image/png;base64,AA",
    ),
    "base64": ({"type": IMAGE, "status": "completed", "imageB64": PNG}, f"data:image/png;base64,{PNG}"),
}


@pytest.mark.parametrize(("item", "address"), PICTURES.values(), ids=PICTURES)
def test_a_picture_is_a_finished_call_of_the_history(item: dict[str, Any], address: str) -> None:
    """Facts, wire, 4.1: both types, and the picture in each of the fields where it may stand."""
    assert result(item) == {"status": "ok", "imageUrl": address}


def test_the_model_reads_a_picture_that_came_back_by_its_number() -> None:
    """As in chats: a link of ours becomes a reference, and its prompt is the call's argument."""
    item = {"type": IMAGE, "id": "ig_1", "status": "completed", "imageUrl": LINK, "prompt": "a fox"}
    read = messages(USER, item, said(f"Here: ![a fox]({LINK})"))
    assert LINK in links_in_messages(read)
    told = history(read, {LINK: 1}, image_tool="generate_image")
    assert [message.role for message in told] == ["user", "assistant", "tool", "assistant"]
    assert (told[1].calls[0].name, json.loads(told[1].calls[0].arguments)) == (
        "generate_image",
        {"prompt": "a fox"},
    )
    assert json.loads(told[2].text) == {"status": "ok", "imageUrl": "image://1"}
    assert told[3].text == "Here: ![a fox](image://1)"


@pytest.mark.parametrize(
    ("error", "told"),
    [
        ("No.", {"status": "error", "error": "No."}),
        (
            {"code": "image_policy", "message": "No."},
            {"status": "error", "error": "No.", "code": "image_policy"},
        ),
        (None, {"status": "error", "error": "The picture was not drawn."}),
        (["x"], {"status": "error", "error": "The picture was not drawn."}),
    ],
)
@pytest.mark.parametrize("kind", [IMAGE, "image_generation_call"])
@pytest.mark.parametrize("status", ["failed", "error"])
def test_a_picture_that_failed_is_told_as_that(
    kind: str, status: str, error: Any, told: dict[str, str]
) -> None:
    """The model knows then what it need not show."""
    assert result({"type": kind, "id": "ig_1", "status": status, "result": None, "error": error}) == told


LEFT_OUT: list[dict[str, Any]] = [
    {"type": "image_generation_call", "id": "ig_1", "status": "in_progress", "result": None},
    {"type": "image_generation_call", "id": "ig_1", "status": "generating", "result": ""},
    {"type": IMAGE, "id": "ig_1", "status": "incomplete"},
    {"type": IMAGE, "status": "completed"},
    {"type": "web_search_call", "id": "ws_1", "status": "completed", "action": {}},
    {"type": "file_search_call", "id": "fs_1"},
    {"type": "mcp_list_tools", "id": "mcp_1", "tools": []},
    {"type": "local_shell_call_output", "id": "x", "output": "{}"},
    {"type": "compaction", "id": "cmp_1", "encrypted_content": "x"},
    {"type": "openrouter:datetime", "id": "st_1", "status": "completed"},
    {"type": "acme:telescope", "id": "t_1", "status": "completed"},
    {"type": "reasoning", "id": "rs_1", "summary": []},
    {"type": "message", "role": "assistant", "content": None},
    {"type": "message", "role": "assistant", "content": [{"type": "reasoning_text", "text": "x"}]},
]


@pytest.mark.parametrize("item", LEFT_OUT, ids=lambda item: f"{item['type']} {item.get('status')}")
def test_what_no_model_here_can_read_is_left_out(item: dict[str, Any]) -> None:
    """A history that was begun elsewhere, or was cut off, never breaks a request."""
    assert messages(USER, item, said("Hi.")) == messages(USER, said("Hi."))


def test_nothing_to_read_is_an_error() -> None:
    """Providers refuse a request without messages, in words that nobody understands."""
    assert refused({"type": "web_search_call", "id": "ws_1"}) == ("invalid_value", "input")


REFERENCES: list[dict[str, Any]] = [
    {"type": "item_reference", "id": "msg_1"},
    {"id": "rs_1"},
    {"type": "image_generation_call", "id": "ig_1"},
    {"type": "image_generation_call", "id": "ig_2", "status": "completed", "result": None},
    {"type": "item_reference", "id": "msg_1"},
]


def test_items_that_only_name_others_are_listed() -> None:
    """openai-openapi#575: clients replay pictures by their id alone."""
    read = read_responses_ask({"model": "m", "input": [USER, *REFERENCES]})
    assert references(read.items) == ("msg_1", "rs_1", "ig_1", "ig_2")
    assert (
        references([DRAWN, CALL, USER, {"type": "image_generation_call", "id": "ig_1", "status": "failed"}])
        == ()
    )


def test_a_named_item_is_read_where_it_was_found() -> None:
    """Who keeps responses puts the whole item in its place, and older ones before the input."""
    read = read_responses_ask({"model": "m", "input": [USER, REFERENCES[2]], "instructions": "Be brief."})
    whole = with_items(read, [said("Hello."), USER, DRAWN])
    assert [message["role"] for message in whole.messages] == ["system", "assistant", "user", "assistant"]


def test_a_named_item_that_is_nowhere_is_an_error_that_names_it() -> None:
    """The path is that of the request, whatever stands before it; without it the model would miss what was said."""
    for item in REFERENCES:
        read = read_responses_ask({"model": "m", "input": [USER, item]})
        with pytest.raises(AskError) as caught:
            with_items(read, [said("Hello."), *read.items])
        assert (caught.value.code, caught.value.param) == ("invalid_value", "input[1].id")
        assert item["id"] in caught.value.sentence
        assert "store" in caught.value.sentence
    read = read_responses_ask({"model": "m", "input": [USER]})
    with pytest.raises(AskError) as caught:
        with_items(read, [REFERENCES[2], USER])
    assert caught.value.param == "previous_response_id"


def test_a_client_comes_back_to_a_turn_as_in_a_chat() -> None:
    """Calls of ours are known by their ids, in whatever API they come back."""
    run = "0" * 24
    ids = [public_id(run, f"c00101{n}000"[:9]) for n in (1, 2)]
    calls = [{**CALL, "id": f"fc_{each}", "call_id": each} for each in ids]
    outputs = [{"type": "function_call_output", "call_id": each, "output": "ok"} for each in ids]
    back = read_return(
        messages(USER, said("So."), *calls, *outputs, {"role": "user", "content": "And a dog."})
    )
    assert back is not None
    assert (back.run, list(back.handed), list(back.said)) == (run, ids, ids)
    assert back.after == ({"role": "user", "content": "And a dog."},)


def part(**fields: Any) -> dict[str, Any]:
    return {"role": "user", "content": [fields]}


WRONG: dict[str, tuple[Any, str, str]] = {
    "no object": ("x", "invalid_value", "input[0]"),
    "no type": ({"call_id": "c"}, "missing_parameter", "input[0].type"),
    "an unhashable type": ({"type": {}}, "invalid_value", "input[0].type"),
    "an unknown type": ({"type": "thing"}, "invalid_value", "input[0].type"),
    "a long type": ({"type": "x\n" * 100_000}, "invalid_value", "input[0].type"),
    "a role of a chat": ({"role": "tool", "content": "x"}, "invalid_value", "input[0].role"),
    "no role": ({"type": "message", "content": "x"}, "missing_parameter", "input[0].role"),
    "calls of a chat": (
        {"role": "assistant", "content": None, "tool_calls": [{}]},
        "unsupported_parameter",
        "input[0].tool_calls",
    ),
    "no content": ({"role": "user"}, "missing_parameter", "input[0].content"),
    "content of no kind": ({"role": "user", "content": {}}, "invalid_value", "input[0].content"),
    "a part of no kind": ({"role": "user", "content": ["x"]}, "invalid_value", "input[0].content[0]"),
    "a part without a type": (part(text="x"), "missing_parameter", "input[0].content[0].type"),
    "an unknown part": (part(type="hologram"), "invalid_value", "input[0].content[0].type"),
    "no text": (part(type="input_text"), "invalid_value", "input[0].content[0].text"),
    "what the assistant did not say": (
        {"role": "assistant", "content": [{"type": "output_text"}]},
        "invalid_value",
        "input[0].content[0].text",
    ),
    "a picture of no kind": (
        part(type="input_image", image_url=1),
        "invalid_value",
        "input[0].content[0].image_url",
    ),
    "a picture kept elsewhere": (
        part(type="input_image", file_id="file_1"),
        "unsupported_parameter",
        "input[0].content[0].file_id",
    ),
    "a file kept elsewhere": (
        part(type="input_file", file_id="file_1"),
        "unsupported_parameter",
        "input[0].content[0].file_id",
    ),
    "no file": (part(type="input_file"), "missing_parameter", "input[0].content[0].file_url"),
    "a file's name of no kind": (
        part(type="input_file", file_data="x", filename=1),
        "invalid_value",
        "input[0].content[0].filename",
    ),
    "a call without an id": ({**CALL, "call_id": None}, "missing_parameter", "input[0].call_id"),
    "a call without a name": ({**CALL, "name": ""}, "invalid_value", "input[0].name"),
    "arguments as an object": ({**CALL, "arguments": {}}, "invalid_value", "input[0].arguments"),
    "a result of nothing": (
        {"type": "function_call_output", "output": "x"},
        "missing_parameter",
        "input[0].call_id",
    ),
    "no result": ({"type": "function_call_output", "call_id": "c"}, "missing_parameter", "input[0].output"),
    "a result's part": (
        {"type": "function_call_output", "call_id": "c", "output": [{"type": "x"}]},
        "invalid_value",
        "input[0].output[0].type",
    ),
    "free text that is none": (
        {"type": "custom_tool_call", "call_id": "c", "name": "n", "input": {}},
        "invalid_value",
        "input[0].input",
    ),
    "a reference to nothing": ({"type": "item_reference"}, "missing_parameter", "input[0].id"),
}


@pytest.mark.parametrize(("item", "code", "param"), WRONG.values(), ids=WRONG)
def test_an_item_of_a_wrong_shape_is_refused_by_its_place(item: Any, code: str, param: str) -> None:
    """Errors name the place as this API writes it."""
    assert refused(item, USER) == (code, param)


def test_items_without_number_are_refused() -> None:
    """As many as messages of a chat, and no more."""
    assert refused(*[USER] * (MOST_ENTRIES + 1)) == ("invalid_value", "input")
    assert refused(
        {"role": "user", "content": [{"type": "input_text", "text": ""}] * (MOST_ENTRIES + 1)}
    ) == (
        "invalid_value",
        "input[0].content",
    )
