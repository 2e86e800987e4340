"""A chat request, read."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from limner.core.stopping import StopWhen
from limner.gateway.refusal import REFUSALS
from limner.wire.chat.ask import IMAGE, AskError, ChatAsk, ImageOptions, illustrated, read_chat_ask
from limner.wire.chat.messages import MOST_MESSAGES
from limner.wire.chat.tools import unused_name

USER = {"role": "user", "content": "Draw a fox."}
WEATHER = {"type": "function", "function": {"name": "get_weather", "parameters": {"type": "object"}}}
CALL = {"id": "c1", "type": "function", "function": {"name": "get_weather", "arguments": "{}"}}


def ask(**fields: Any) -> ChatAsk:
    return read_chat_ask({"model": "m", "messages": [USER], **fields})


def refused(body: Any) -> tuple[str, str | None]:
    """(code, param); every sentence is one line that is not long, whatever was sent."""
    with pytest.raises(AskError) as caught:
        read_chat_ask(body)
    assert caught.value.code in REFUSALS
    assert len(caught.value.sentence) < 500
    assert caught.value.sentence.isprintable()
    return caught.value.code, caught.value.param


def refused_with(**fields: Any) -> tuple[str, str | None]:
    return refused({"model": "m", "messages": [USER], **fields})


def options(tool: dict[str, Any]) -> ImageOptions:
    image = ask(tools=[tool]).image
    assert image is not None
    return image


def test_a_whole_request_is_read() -> None:
    """OpenAI's and OpenRouter's fields side by side; what is not acted on goes on as it was written."""
    body: dict[str, Any] = {
        "model": "openai/gpt-4o",
        "messages": [{"role": "system", "content": "Be brief."}, USER],
        "tools": [WEATHER, {"type": IMAGE, "parameters": {"quality": "high"}}],
        "tool_choice": {"type": IMAGE},
        "stream": True,
        "stream_options": {"include_usage": True, "include_obfuscation": False},
        "max_tool_calls": 4,
        "stop_server_tools_when": [{"type": "max_cost", "max_cost_in_dollars": 0.5}],
        "parallel_tool_calls": False,
        "temperature": 0.5,
        "provider": {"order": ["x"]},
        "n": 1,
        "seed": None,
    }
    read = read_chat_ask(body)
    assert read.model == "openai/gpt-4o"
    assert read.messages == tuple(body["messages"])
    assert [(tool.name, tool.given, tool.parameters) for tool in read.tools] == [
        ("get_weather", WEATHER, {"type": "object"})
    ]
    assert read.image == ImageOptions(quality="high")
    assert (read.tool_choice, read.stream, read.include_usage, read.max_tool_calls) == (IMAGE, True, True, 4)
    assert read.stop_when == (StopWhen("max_cost", 0.5),)
    assert dict(read.options) == {
        "parallel_tool_calls": False,
        "temperature": 0.5,
        "provider": {"order": ["x"]},
        "n": 1,
    }


def test_the_least_request_is_read() -> None:
    """Everything but model and messages has a default."""
    assert ask() == ChatAsk("m", (USER,))


@pytest.mark.parametrize(
    ("body", "answer"),
    [
        ({}, ("missing_parameter", "model")),
        ({"messages": [USER]}, ("missing_parameter", "model")),
        ({"model": None, "messages": [USER]}, ("missing_parameter", "model")),
        ({"model": "", "messages": [USER]}, ("missing_parameter", "model")),
        ({"model": 4, "messages": [USER]}, ("invalid_value", "model")),
        ({"model": "m" * 257, "messages": [USER]}, ("invalid_value", "model")),
        ({"model": "m\r\nX-Evil: 1", "messages": [USER]}, ("invalid_value", "model")),
        ({"model": "m\x1b[2J", "messages": [USER]}, ("invalid_value", "model")),
        ({"model": "m"}, ("missing_parameter", "messages")),
        ({"model": "m", "messages": None}, ("missing_parameter", "messages")),
        ([], ("invalid_value", None)),
        ("{}", ("invalid_value", None)),
        (None, ("invalid_value", None)),
    ],
)
def test_a_body_without_what_it_needs_is_refused(body: Any, answer: tuple[str, str | None]) -> None:
    """Probes send `{}` and expect 400 (facts, clients). S12: a model's name is one line."""
    assert refused(body) == answer
    assert REFUSALS[answer[0]].status == 400


MESSAGES: dict[str, tuple[Any, str, str]] = {
    "no list": ({"role": "user"}, "invalid_value", "messages"),
    "empty": ([], "invalid_value", "messages"),
    "a text": ("hello", "invalid_value", "messages"),
    "too many": ([USER] * (MOST_MESSAGES + 1), "invalid_value", "messages"),
    "no object": (["hello"], "invalid_value", "messages[0]"),
    "no role": ([USER, {"content": "x"}], "missing_parameter", "messages[1].role"),
    "unknown role": ([{"role": "root", "content": "x"}], "invalid_value", "messages[0].role"),
    "unhashable role": ([{"role": ["user"], "content": "x"}], "invalid_value", "messages[0].role"),
    "no content": ([{"role": "user"}], "missing_parameter", "messages[0].content"),
    "null content": (
        [{"role": "tool", "tool_call_id": "c", "content": None}],
        "missing_parameter",
        "messages[0].content",
    ),
    "content of no kind": (
        [{"role": "user", "content": {"text": "x"}}],
        "invalid_value",
        "messages[0].content",
    ),
    "a number": ([{"role": "assistant", "content": 1}], "invalid_value", "messages[0].content"),
    "too many parts": (
        [{"role": "user", "content": [{"type": "text", "text": ""}] * 10_001}],
        "invalid_value",
        "messages[0].content",
    ),
    "a part of no kind": ([{"role": "user", "content": ["x"]}], "invalid_value", "messages[0].content[0]"),
    "a part without a type": (
        [{"role": "user", "content": [{"text": "x"}]}],
        "missing_parameter",
        "messages[0].content[0].type",
    ),
    "a part without text": (
        [{"role": "user", "content": [{"type": "text", "text": None}]}],
        "invalid_value",
        "messages[0].content[0].text",
    ),
    "a picture without an address": (
        [{"role": "user", "content": [{"type": "image_url", "image_url": {}}]}],
        "missing_parameter",
        "messages[0].content[0].image_url.url",
    ),
    "no picture": (
        [{"role": "user", "content": [{"type": "image_url"}]}],
        "invalid_value",
        "messages[0].content[0].image_url",
    ),
    "a result of no call": (
        [{"role": "tool", "content": "x"}],
        "missing_parameter",
        "messages[0].tool_call_id",
    ),
    "a result of a number": (
        [{"role": "tool", "content": "x", "tool_call_id": 1}],
        "invalid_value",
        "messages[0].tool_call_id",
    ),
    "a function without a name": (
        [{"role": "function", "content": "x"}],
        "missing_parameter",
        "messages[0].name",
    ),
    "calls of no kind": (
        [{"role": "assistant", "tool_calls": CALL}],
        "invalid_value",
        "messages[0].tool_calls",
    ),
    "a call of no kind": (
        [{"role": "assistant", "tool_calls": [1]}],
        "invalid_value",
        "messages[0].tool_calls[0]",
    ),
    "a call without an id": (
        [{"role": "assistant", "tool_calls": [{**CALL, "id": None}]}],
        "missing_parameter",
        "messages[0].tool_calls[0].id",
    ),
    "a call of an unknown type": (
        [{"role": "assistant", "tool_calls": [{**CALL, "type": "shell\n"}]}],
        "invalid_value",
        "messages[0].tool_calls[0].type",
    ),
    "a call of nothing": (
        [{"role": "assistant", "tool_calls": [{"id": "c"}]}],
        "invalid_value",
        "messages[0].tool_calls[0].function",
    ),
    "arguments that are not written": (
        [{"role": "assistant", "tool_calls": [{"id": "c", "function": {"name": "f", "arguments": {}}}]}],
        "invalid_value",
        "messages[0].tool_calls[0].function.arguments",
    ),
}


@pytest.mark.parametrize(("messages", "code", "param"), MESSAGES.values(), ids=MESSAGES)
def test_a_message_of_a_wrong_shape_is_refused_by_its_place(messages: Any, code: str, param: str) -> None:
    """Checked before a picture is bought: every provider would refuse it, with words about another request."""
    assert refused({"model": "m", "messages": messages}) == (code, param)


@pytest.mark.parametrize(
    "message",
    [
        {"role": "developer", "content": "x"},
        {"role": "assistant", "content": None, "tool_calls": [CALL]},
        {"role": "assistant", "tool_calls": [{"id": "c", "function": {"name": "f", "arguments": ""}}]},
        {
            "role": "assistant",
            "tool_calls": [{"id": "c", "type": "custom", "custom": {"name": "f", "input": "x"}}],
        },
        {"role": "assistant", "content": "", "images": [1], "reasoning_details": "x", "tool_calls": None},
        {"role": "assistant", "content": [{"type": "refusal", "refusal": "no"}]},
        {"role": "tool", "tool_call_id": "c", "content": [{"type": "text", "text": "x"}]},
        {"role": "function", "name": "f", "content": None},
        {
            "role": "user",
            "content": [{"type": "image_url", "image_url": "https://x/y"}, {"type": "input_audio"}],
        },
        {"role": "user", "content": [], "cache_control": {"type": "ephemeral"}},
    ],
)
def test_a_message_of_a_shape_that_clients_send_is_taken_as_it_is(message: dict[str, Any]) -> None:
    """Fields that are not known here go on: providers have their own."""
    assert ask(messages=[USER, message]).messages == (USER, message)


@pytest.mark.parametrize("kind", [IMAGE, "image_generation"])
def test_the_image_tool_is_declared_in_either_dialect(kind: str) -> None:
    """OpenRouter's server tool, and the native one of the Responses API."""
    assert options({"type": kind}) == ImageOptions()
    assert ask(tools=[{"type": kind}], tool_choice={"type": kind}).tool_choice == IMAGE
    assert ask().image is None


@pytest.mark.parametrize("flat", [False, True])
def test_options_are_read_under_parameters_and_beside_the_type(flat: bool) -> None:
    """OpenRouter's documents write `parameters`, its AI SDK provider flattens them (facts, clients)."""
    said = {
        "model": "openai/gpt-image-1",
        "quality": "high",
        "size": "1024x1024",
        "aspect_ratio": "16:9",
        "background": "transparent",
        "output_format": "png",
        "output_compression": 90.0,
        "moderation": "auto",
        "style": "vivid",
        "input_fidelity": "high",
        "input_image_mask": {"image_url": "https://x.example/mask.png"},
        "partial_images": 2,
        "action": "edit",
        "promise_after": 2,
        "show": "images",
        "urls": "data",
    }
    tool = {"type": IMAGE, **said} if flat else {"type": IMAGE, "parameters": said}
    assert options(tool) == ImageOptions(
        model="openai/gpt-image-1",
        quality="high",
        size="1024x1024",
        aspect_ratio="16:9",
        background="transparent",
        output_format="png",
        output_compression=90,
        moderation="auto",
        style="vivid",
        input_fidelity="high",
        mask="https://x.example/mask.png",
        partial_images=2,
        action="edit",
        promise_after_s=2.0,
        show="images",
        urls="data",
    )


def test_auto_says_nothing_in_the_native_declaration() -> None:
    """OpenAI API reference, "Create a model response": its clients write out the default of each option."""
    native = {"type": "image_generation", "size": "auto", "quality": "auto", "moderation": "low"}
    assert options(native) == ImageOptions(moderation="low")


def test_options_in_both_places_are_taken_where_they_agree() -> None:
    """Said twice the same way is said once; null says nothing."""
    assert options(
        {"type": IMAGE, "size": "1x1", "parameters": {"size": "1x1", "style": "vivid"}, "style": None}
    ) == (ImageOptions(size="1x1", style="vivid"))
    tools = [{"type": IMAGE, "size": "1x1", "parameters": {"size": "2x2"}}]
    assert refused_with(tools=tools) == ("invalid_value", "tools[0].size")


TOOLS: dict[str, tuple[Any, str, str]] = {
    "no list": ({"type": IMAGE}, "invalid_value", "tools"),
    "no object": ([IMAGE], "invalid_value", "tools[0]"),
    "no type": ([{"function": {}}], "missing_parameter", "tools[0].type"),
    "unhashable type": ([{"type": {}}], "invalid_value", "tools[0].type"),
    "web search": ([WEATHER, {"type": "openrouter:web_search"}], "invalid_value", "tools[1].type"),
    "web search, short": ([{"type": "web_search_preview"}], "invalid_value", "tools[0].type"),
    "custom": ([{"type": "custom", "custom": {"name": "x"}}], "invalid_value", "tools[0].type"),
    "a long type": ([{"type": "x\n" * 100_000}], "invalid_value", "tools[0].type"),
    "the image tool twice": ([{"type": IMAGE}, {"type": IMAGE}], "invalid_value", "tools[1]"),
    "in both dialects": ([{"type": "image_generation"}, {"type": IMAGE}], "invalid_value", "tools[1]"),
    "no options": ([{"type": IMAGE, "parameters": []}], "invalid_value", "tools[0].parameters"),
    "an unknown option": (
        [{"type": IMAGE, "parameters": {"n": 2}}],
        "unsupported_parameter",
        "tools[0].parameters.n",
    ),
    "an unknown option, flat": (
        [{"type": IMAGE, "seed": 2}],
        "unsupported_parameter",
        "tools[0].seed",
    ),
    "too many partial pictures": (
        [{"type": IMAGE, "partial_images": 4}],
        "invalid_value",
        "tools[0].partial_images",
    ),
    "a fidelity of no kind": (
        [{"type": IMAGE, "parameters": {"input_fidelity": "middling"}}],
        "invalid_value",
        "tools[0].parameters.input_fidelity",
    ),
    "an action of no kind": ([{"type": IMAGE, "action": "paint"}], "invalid_value", "tools[0].action"),
    "a mask of no kind": (
        [{"type": IMAGE, "input_image_mask": "x"}],
        "invalid_value",
        "tools[0].input_image_mask",
    ),
    "an empty mask": (
        [{"type": IMAGE, "input_image_mask": {}}],
        "invalid_value",
        "tools[0].input_image_mask.image_url",
    ),
    "a mask that is a file elsewhere": (
        [{"type": IMAGE, "input_image_mask": {"file_id": "file_1"}}],
        "unsupported_parameter",
        "tools[0].input_image_mask.file_id",
    ),
    "an address": (
        [{"type": IMAGE, "parameters": {"base_url": "x"}}],
        "unsupported_parameter",
        "tools[0].parameters.base_url",
    ),
    "a size of no kind": (
        [{"type": IMAGE, "parameters": {"size": 1024}}],
        "invalid_value",
        "tools[0].parameters.size",
    ),
    "an empty model": ([{"type": IMAGE, "model": ""}], "invalid_value", "tools[0].model"),
    "too compressed": (
        [{"type": IMAGE, "parameters": {"output_compression": 101}}],
        "invalid_value",
        "tools[0].parameters.output_compression",
    ),
    "a promise of no time": (
        [{"type": IMAGE, "parameters": {"promise_after": -1}}],
        "invalid_value",
        "tools[0].parameters.promise_after",
    ),
    "an unknown way to show": ([{"type": IMAGE, "show": "html"}], "invalid_value", "tools[0].show"),
    "a function without one": ([{"type": "function"}], "invalid_value", "tools[0].function"),
    "flat as in Responses": ([{"type": "function", "name": "f"}], "invalid_value", "tools[0].function"),
    "no name": ([{"type": "function", "function": {}}], "missing_parameter", "tools[0].function.name"),
    "a name with a space": (
        [{"type": "function", "function": {"name": "a b"}}],
        "invalid_value",
        "tools[0].function.name",
    ),
    "our tool's type as a name": (
        [{"type": "function", "function": {"name": IMAGE}}],
        "invalid_value",
        "tools[0].function.name",
    ),
    "a long name": (
        [{"type": "function", "function": {"name": "x" * 65}}],
        "invalid_value",
        "tools[0].function.name",
    ),
    "two of a name": ([WEATHER, WEATHER], "invalid_value", "tools[1].function.name"),
    "strict, perhaps": (
        [{"type": "function", "function": {"name": "f", "strict": "yes"}}],
        "invalid_value",
        "tools[0].function.strict",
    ),
    "no schema": (
        [{"type": "function", "function": {"name": "f", "parameters": "x"}}],
        "schema_invalid",
        "tools[0].function.parameters",
    ),
    "a schema of texts": (
        [{"type": "function", "function": {"name": "f", "parameters": {"type": "string"}}}],
        "schema_invalid",
        "tools[0].function.parameters",
    ),
    "a schema elsewhere": (
        [
            {"type": IMAGE},
            {"type": "function", "function": {"name": "f", "parameters": {"$ref": "http://127.0.0.1:1"}}},
        ],
        "schema_remote_ref",
        "tools[1].function.parameters",
    ),
}


@pytest.mark.parametrize(("tools", "code", "param"), TOOLS.values(), ids=TOOLS)
def test_a_tool_that_cannot_be_had_is_refused_by_its_place(tools: Any, code: str, param: str) -> None:
    """S13, S14, S30 and OpenAI's rules for functions; of two image tools none can be meant."""
    assert refused_with(tools=tools) == (code, param)


@pytest.mark.parametrize(
    ("choice", "read"),
    [
        (None, "auto"),
        ("auto", "auto"),
        ("none", "none"),
        ("required", "required"),
        ({"type": "function", "function": {"name": "get_weather"}}, "get_weather"),
        ({"type": "function", "name": "get_weather"}, "get_weather"),
        ({"type": IMAGE}, IMAGE),
        ({"type": "image_generation"}, IMAGE),
    ],
)
def test_every_shape_of_a_choice_is_read(choice: Any, read: str) -> None:
    """facts, wire, section 1.3."""
    assert ask(tools=[WEATHER, {"type": IMAGE}], tool_choice=choice).tool_choice == read


@pytest.mark.parametrize(
    ("choice", "param"),
    [
        ({"type": IMAGE}, "tool_choice"),
        ({"type": "function", "function": {"name": "get_time"}}, "tool_choice.function.name"),
        ({"type": "function", "function": {"name": IMAGE}}, "tool_choice.function.name"),
        ({"type": "function", "function": {"name": ["get_weather"]}}, "tool_choice.function.name"),
        ({"type": "function"}, "tool_choice.function.name"),
        ({"type": "function", "function": "get_weather"}, "tool_choice.function.name"),
        ({"type": "allowed_tools", "allowed_tools": {}}, "tool_choice.type"),
        ({"type": ["function"]}, "tool_choice.type"),
        ({}, "tool_choice.type"),
        ("any", "tool_choice"),
        ("get_weather", "tool_choice"),
        (1, "tool_choice"),
        (["auto"], "tool_choice"),
    ],
)
def test_a_choice_of_a_tool_that_is_not_declared_is_refused_by_name(choice: Any, param: str) -> None:
    """Silently choosing "auto" instead would be an answer to another request."""
    assert refused_with(tools=[WEATHER], tool_choice=choice) == ("invalid_value", param)


def test_every_condition_to_stop_is_read() -> None:
    """facts, wire, section 1.4."""
    conditions = [
        {"type": "step_count_is", "step_count": 5},
        {"type": "has_tool_call", "tool_name": "finalize"},
        {"type": "max_tokens_used", "max_tokens": 10_000},
        {"type": "max_cost", "max_cost_in_dollars": 0},
        {"type": "finish_reason_is", "reason": "length"},
    ]
    assert ask(stop_server_tools_when=conditions).stop_when == (
        StopWhen("step_count_is", 5),
        StopWhen("has_tool_call", word="finalize"),
        StopWhen("max_tokens_used", 10_000),
        StopWhen("max_cost", 0),
        StopWhen("finish_reason_is", word="length"),
    )


SWITCHES: dict[str, tuple[dict[str, Any], str, str]] = {
    "no conditions": ({"stop_server_tools_when": []}, "invalid_value", "stop_server_tools_when"),
    "one condition": (
        {"stop_server_tools_when": {"type": "max_cost"}},
        "invalid_value",
        "stop_server_tools_when",
    ),
    "too many conditions": (
        {"stop_server_tools_when": [{"type": "step_count_is", "step_count": 1}] * 33},
        "invalid_value",
        "stop_server_tools_when",
    ),
    "an unknown condition": (
        {"stop_server_tools_when": [{"type": []}]},
        "invalid_value",
        "stop_server_tools_when[0].type",
    ),
    "a condition of nothing": (
        {"stop_server_tools_when": [{"type": "max_cost"}]},
        "missing_parameter",
        "stop_server_tools_when[0].max_cost_in_dollars",
    ),
    "a condition of something else": (
        {"stop_server_tools_when": [{"type": "max_cost", "max_cost": 1}]},
        "unsupported_parameter",
        "stop_server_tools_when[0].max_cost",
    ),
    "no steps": (
        {"stop_server_tools_when": [{"type": "step_count_is", "step_count": 0}]},
        "invalid_value",
        "stop_server_tools_when[0].step_count",
    ),
    "an empty word": (
        {"stop_server_tools_when": [{"type": "has_tool_call", "tool_name": ""}]},
        "invalid_value",
        "stop_server_tools_when[0].tool_name",
    ),
    "infinite money": (
        {"stop_server_tools_when": [{"type": "max_cost", "max_cost_in_dollars": float("inf")}]},
        "invalid_value",
        "stop_server_tools_when[0].max_cost_in_dollars",
    ),
    "no calls": ({"max_tool_calls": 0}, "invalid_value", "max_tool_calls"),
    "calls that are no number": ({"max_tool_calls": True}, "invalid_value", "max_tool_calls"),
    "stream": ({"stream": "true"}, "invalid_value", "stream"),
    "stream options": ({"stream_options": True}, "invalid_value", "stream_options"),
    "an unknown stream option": (
        {"stream_options": {"flush": True}},
        "unsupported_parameter",
        "stream_options.flush",
    ),
    "usage": ({"stream_options": {"include_usage": 1}}, "invalid_value", "stream_options.include_usage"),
    "an older usage": ({"usage": {"include": "yes"}}, "invalid_value", "usage.include"),
    "n": ({"n": 2, "tools": [{"type": IMAGE}]}, "parameter_refused", "n"),
    "modalities": (
        {"modalities": ["image", "text"], "tools": [{"type": IMAGE}]},
        "parameter_refused",
        "modalities",
    ),
    "a key": ({"api_key": "k"}, "unsupported_parameter", "api_key"),
    "a typing error": ({"temprature": 1}, "unsupported_parameter", "temprature"),
}


@pytest.mark.parametrize(("fields", "code", "param"), SWITCHES.values(), ids=SWITCHES)
def test_a_switch_of_no_meaning_is_refused_by_name(fields: dict[str, Any], code: str, param: str) -> None:
    """S30, and facts, wire, section 1.4."""
    assert refused_with(**fields) == (code, param)


def test_usage_is_asked_for_in_either_dialect() -> None:
    """OpenAI's way, and OpenRouter's older one."""
    assert ask(stream_options={"include_usage": True}).include_usage
    assert ask(usage={"include": True}).include_usage
    assert not ask(usage={"include": False}, stream_options={"include_usage": None}).include_usage


def test_without_the_image_tool_nothing_of_it_stands_in_the_way() -> None:
    """A request that is only passed on may have two answers, or pictures of the model's own."""
    asked = ask(n=2, modalities=["image", "text"], image_config={"aspect_ratio": "1:1"})
    assert asked.options["n"] == 2
    with pytest.raises(AskError) as caught:
        illustrated(asked)
    assert caught.value.code == "parameter_refused"


def test_a_request_can_be_illustrated_that_did_not_declare_the_tool() -> None:
    """For models that are illustrated by their name: the same rules hold, and options that were said stay."""
    assert illustrated(ask()).image == ImageOptions()
    said = ask(tools=[{"type": IMAGE, "size": "1x1"}])
    assert illustrated(said) is said


def test_our_tool_takes_a_name_that_the_client_has_left() -> None:
    """A client may well have a function of its own that draws."""
    names = ("draw", "draw_2", "other")
    tools = ask(tools=[{"type": "function", "function": {"name": name}} for name in names]).tools
    assert unused_name("draw", tools) == "draw_3"
    assert unused_name("generate_image", tools) == "generate_image"


JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False)
    | st.text(max_size=12)
    | st.sampled_from(["user", "assistant", "tool", "function", "text", "image_url", "auto", "m", IMAGE]),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                [
                    "role",
                    "content",
                    "type",
                    "function",
                    "name",
                    "parameters",
                    "tool_calls",
                    "id",
                    "arguments",
                    "text",
                ]
            )
            | st.text(max_size=4),
            inner,
            max_size=4,
        )
    ),
    max_leaves=25,
)
FIELDS = st.sampled_from(
    [
        "messages",
        "model",
        "tools",
        "tool_choice",
        "stream",
        "stream_options",
        "usage",
        "n",
        "max_tool_calls",
        "stop_server_tools_when",
        "store",
        "modalities",
        "temperature",
    ]
)
TOOL = st.fixed_dictionaries(
    {"type": st.sampled_from(["function", IMAGE, "x"])},
    optional={"function": JSON, "parameters": JSON, "size": JSON},
)
MESSAGE = st.fixed_dictionaries(
    {"role": st.sampled_from(["user", "assistant", "tool", "function", "system"])},
    optional={"content": JSON, "tool_calls": JSON, "tool_call_id": JSON, "name": JSON, "images": JSON},
)


@given(
    st.dictionaries(FIELDS | st.text(max_size=6), JSON, max_size=5),
    st.none() | st.lists(MESSAGE, max_size=3),
    st.none() | st.lists(TOOL, max_size=3),
    st.booleans(),
)
@settings(max_examples=400, deadline=None)
def test_any_body_is_read_or_refused_by_code(
    body: dict[str, Any], messages: Any, tools: Any, whole: bool
) -> None:
    """Nothing but AskError leaves, whatever the JSON; S32 begins here."""
    if messages is not None:
        body["messages"] = messages
    if tools is not None:
        body["tools"] = tools
    if whole:
        body = {"model": "m", "messages": [USER], **body}
    try:
        read = read_chat_ask(body)
    except AskError as error:
        known, sentence = error.code in REFUSALS, error.sentence
    else:
        known, sentence = bool(read.messages and read.model), ""
    assert known
    assert sentence.isprintable()
