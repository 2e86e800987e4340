"""The tools of a request of the Responses API."""

from __future__ import annotations

from typing import Any

import pytest

from limner.gateway.refusal import REFUSALS
from limner.wire.asking import AskError
from limner.wire.chat.ask import IMAGE, ImageOptions
from limner.wire.responses.tools import ResponsesTools, read_responses_tools
from limner.wire.toolcheck import MOST_TOOLS

WEATHER = {"type": "function", "name": "get_weather", "parameters": {"type": "object"}}
NATIVE = {"type": "image_generation"}


def read(tools: Any, choice: Any = None) -> ResponsesTools:
    return read_responses_tools(tools, choice)


def refused(tools: Any, choice: Any = None) -> tuple[str, str | None]:
    with pytest.raises(AskError) as caught:
        read_responses_tools(tools, choice)
    assert caught.value.code in REFUSALS
    assert len(caught.value.sentence) < 500
    assert caught.value.sentence.isprintable()
    return caught.value.code, caught.value.param


def test_a_function_is_declared_flat_or_as_in_a_chat() -> None:
    """OpenAI API reference, "Create a model response"; clients of both APIs send either shape."""
    fields = {"name": "get_weather", "description": "Now.", "parameters": {"type": "object"}, "strict": False}
    nested = {"type": "function", "function": fields}
    for tool in ({"type": "function", **fields, "defer_loading": True}, nested):
        said = read([tool])
        assert [(spec.name, spec.description, spec.parameters) for spec in said.tools] == [
            ("get_weather", "Now.", {"type": "object"})
        ]
        assert said.tools[0].given == nested
        assert said.echoed_tools == ({"type": "function", **fields},)


def test_a_function_is_repeated_with_all_the_fields_that_it_could_have() -> None:
    """Open Responses, "FunctionTool": description, parameters and strict are there, null where nothing was said."""
    said = read([{"type": "function", "name": "stop", "description": None}])
    assert said.tools[0].given == {"type": "function", "function": {"name": "stop"}}
    assert said.tools[0].parameters == {"type": "object", "properties": {}}
    assert said.echoed_tools == (
        {"type": "function", "name": "stop", "description": None, "parameters": None, "strict": None},
    )


def test_the_native_image_tool_has_its_own_options() -> None:
    """Facts, wire, 4.3: all of them are read, and "auto" says nothing."""
    tool = {
        "type": "image_generation",
        "model": "gpt-image-1",
        "quality": "auto",
        "size": "1024x1024",
        "output_format": "webp",
        "output_compression": 80,
        "moderation": "low",
        "background": "auto",
        "input_fidelity": "high",
        "input_image_mask": {"image_url": "data:image/png;base64,AAAA"},
        "partial_images": 2,
        "action": "auto",
    }
    said = read([tool])
    assert said.native
    assert said.image == ImageOptions(
        model="gpt-image-1",
        size="1024x1024",
        output_format="webp",
        output_compression=80,
        moderation="low",
        input_fidelity="high",
        mask="data:image/png;base64,AAAA",
        partial_images=2,
    )
    assert said.echoed_tools == (tool,)


@pytest.mark.parametrize(
    "tool", [{"type": IMAGE, "parameters": {"size": "1x1"}}, {"type": IMAGE, "size": "1x1"}]
)
def test_openrouters_image_tool_is_declared_as_in_a_chat(tool: dict[str, Any]) -> None:
    """Options under `parameters` or beside the type; repeated as they were written."""
    said = read([WEATHER, tool])
    assert not said.native
    assert said.image == ImageOptions(size="1x1")
    assert said.echoed_tools[1] == tool


TOOLS: dict[str, tuple[Any, str, str]] = {
    "no list": (NATIVE, "invalid_value", "tools"),
    "no object": (["x"], "invalid_value", "tools[0]"),
    "too many": ([WEATHER] * (MOST_TOOLS + 1), "schema_too_complex", "tools"),
    "no name": ([{"type": "function"}], "missing_parameter", "tools[0].name"),
    "no name under function": (
        [{"type": "function", "function": {}}],
        "missing_parameter",
        "tools[0].function.name",
    ),
    "an empty name": ([{"type": "function", "name": ""}], "invalid_value", "tools[0].name"),
    "a name twice": ([WEATHER, WEATHER], "invalid_value", "tools[1].name"),
    "no schema": ([{**WEATHER, "parameters": []}], "schema_invalid", "tools[0].parameters"),
    "a schema elsewhere": (
        [{**WEATHER, "parameters": {"type": "object", "$ref": "https://x.example"}}],
        "schema_remote_ref",
        "tools[0].parameters",
    ),
    "a strictness of no kind": ([{**WEATHER, "strict": "yes"}], "invalid_value", "tools[0].strict"),
    "the native tool twice": ([NATIVE, NATIVE], "invalid_value", "tools[1]"),
    "both image tools": ([NATIVE, {"type": IMAGE}], "invalid_value", "tools[1]"),
    "an unknown option": ([{**NATIVE, "n": 2}], "unsupported_parameter", "tools[0].n"),
    "a size of no kind": ([WEATHER, {**NATIVE, "size": 1}], "invalid_value", "tools[1].size"),
    "too many partial pictures": (
        [{**NATIVE, "partial_images": 4}],
        "invalid_value",
        "tools[0].partial_images",
    ),
    "a mask that is a file elsewhere": (
        [{**NATIVE, "input_image_mask": {"file_id": "file_1"}}],
        "unsupported_parameter",
        "tools[0].input_image_mask.file_id",
    ),
    "another hosted tool": ([{"type": "web_search_preview"}], "invalid_value", "tools[0].type"),
    "a custom tool": ([{"type": "custom", "name": "x"}], "invalid_value", "tools[0].type"),
    "an unhashable type": ([{"type": {}}], "invalid_value", "tools[0].type"),
}


@pytest.mark.parametrize(("tools", "code", "param"), TOOLS.values(), ids=TOOLS)
def test_a_tool_that_cannot_be_had_is_refused_by_its_place(tools: Any, code: str, param: str) -> None:
    """The path is that of this API: no `function` where the client wrote none."""
    assert refused(tools) == (code, param)


CHOICES: list[tuple[Any, str, Any]] = [
    (None, "auto", "auto"),
    ("none", "none", "none"),
    ("required", "required", "required"),
    ({"type": "function", "name": "get_weather"}, "get_weather", {"type": "function", "name": "get_weather"}),
    (
        {"type": "function", "function": {"name": "get_weather"}},
        "get_weather",
        {"type": "function", "name": "get_weather"},
    ),
    (NATIVE, IMAGE, NATIVE),
    ({"type": IMAGE}, IMAGE, {"type": IMAGE}),
]


@pytest.mark.parametrize(("choice", "read_as", "echoed"), CHOICES)
def test_a_tool_is_chosen_in_every_way_that_clients_have(choice: Any, read_as: str, echoed: Any) -> None:
    """Facts, wire, 1.3: flat or nested, and the image tool by either name, whichever was declared."""
    said = read([WEATHER, NATIVE], choice)
    assert (said.tool_choice, said.echoed_choice) == (read_as, echoed)
    assert said.image_allowed


def test_only_allowed_tools_are_offered() -> None:
    """Open Responses: `allowed_tools` is enforced by the server, and the answer repeats what was written."""
    tools = [WEATHER, {"type": "function", "name": "stop"}, NATIVE]
    choice = {"type": "allowed_tools", "mode": "required", "tools": [{"type": "function", "name": "stop"}]}
    said = read(tools, choice)
    assert [spec.name for spec in said.tools] == ["stop"]
    assert (said.image, said.image_allowed, said.tool_choice) == (None, False, "required")
    assert said.native
    assert len(said.echoed_tools) == 3
    assert said.echoed_choice == choice


def test_the_image_tool_may_be_the_one_that_is_allowed() -> None:
    """OpenAI API reference, "tool_choice": an entry names a hosted tool by its type alone."""
    said = read([WEATHER, NATIVE], {"type": "allowed_tools", "mode": "auto", "tools": [NATIVE]})
    assert said.tools == ()
    assert (said.image, said.image_allowed, said.tool_choice) == (ImageOptions(), True, "auto")


def test_allowed_tools_may_be_written_as_in_a_chat() -> None:
    """Chat Completions nest the list, and the names in it; it is repeated flat."""
    entry = {"type": "function", "function": {"name": "get_weather"}}
    said = read([WEATHER], {"type": "allowed_tools", "allowed_tools": {"mode": "auto", "tools": [entry]}})
    assert [spec.name for spec in said.tools] == ["get_weather"]
    assert said.echoed_choice == {
        "type": "allowed_tools",
        "mode": "auto",
        "tools": [{"type": "function", "name": "get_weather"}],
    }


def _allowed(*tools: Any) -> dict[str, Any]:
    return {"type": "allowed_tools", "mode": "auto", "tools": list(tools)}


WRONG: dict[str, tuple[Any, str, str]] = {
    "a word of no kind": ("any", "invalid_value", "tool_choice"),
    "no name": ({"type": "function"}, "invalid_value", "tool_choice.name"),
    "an undeclared name": ({"type": "function", "name": "x"}, "invalid_value", "tool_choice.name"),
    "an undeclared name, nested": (
        {"type": "function", "function": {"name": "x"}},
        "invalid_value",
        "tool_choice.function.name",
    ),
    "a hosted tool": ({"type": "file_search"}, "invalid_value", "tool_choice.type"),
    "an image tool that is not there": (NATIVE, "invalid_value", "tool_choice"),
    "no list": ({"type": "allowed_tools"}, "missing_parameter", "tool_choice.tools"),
    "an empty list": (_allowed(), "invalid_value", "tool_choice.tools"),
    "no objects": (_allowed("get_weather"), "invalid_value", "tool_choice.tools[0]"),
    "no type": (_allowed({"name": "get_weather"}), "invalid_value", "tool_choice.tools[0]"),
    "a nameless one": (_allowed({"type": "function"}), "invalid_value", "tool_choice.tools[0].name"),
    "one that is not declared": (
        _allowed({"type": "function", "name": "x"}),
        "invalid_value",
        "tool_choice.tools[0]",
    ),
    "an undeclared image tool": (_allowed(NATIVE), "invalid_value", "tool_choice.tools[0]"),
    "another hosted one": (
        _allowed({"type": "mcp", "server_label": "x"}),
        "invalid_value",
        "tool_choice.tools[0]",
    ),
    "a mode of no kind": (
        {**_allowed({"type": "function", "name": "get_weather"}), "mode": "none"},
        "invalid_value",
        "tool_choice.mode",
    ),
    "nested nonsense": ({"type": "allowed_tools", "allowed_tools": []}, "invalid_value", "tool_choice"),
}


@pytest.mark.parametrize(("choice", "code", "param"), WRONG.values(), ids=WRONG)
def test_a_choice_that_cannot_be_had_is_refused_by_its_place(choice: Any, code: str, param: str) -> None:
    """Silently offering another tool would be an answer to another request."""
    assert refused([WEATHER], choice) == (code, param)
