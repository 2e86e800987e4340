"""A request of the Responses API, read."""

from __future__ import annotations

import ast
import inspect
from typing import Any

import pytest
from openai.types.responses import response_create_params

from limner.core.stopping import StopWhen
from limner.gateway.refusal import REFUSALS
from limner.wire.asking import AskError
from limner.wire.chat.ask import IMAGE, ImageOptions, illustrated
from limner.wire.parameters import ACTED_ON, FORWARDED, named
from limner.wire.responses.ask import ResponsesAsk, read_responses_ask, with_items
from limner.wire.responses.parameters import INCLUDABLE, RESPONSES

WEATHER = {"type": "function", "name": "get_weather", "parameters": {"type": "object"}}
OPENROUTER = (
    "image_config modalities models plugins provider route session_id stop_server_tools_when top_k trace user"
)


def ask(**fields: Any) -> ResponsesAsk:
    return read_responses_ask({"model": "m", "input": "Draw a fox.", **fields})


def refused(body: Any) -> AskError:
    """Every sentence is one line that is not long, whatever was sent."""
    with pytest.raises(AskError) as caught:
        read_responses_ask(body)
    assert caught.value.code in REFUSALS
    assert len(caught.value.sentence) < 500
    assert caught.value.sentence.isprintable()
    return caught.value


def refused_with(**fields: Any) -> tuple[str, str | None]:
    error = refused({"model": "m", "input": "Draw a fox.", **fields})
    return error.code, error.param


def options(**fields: Any) -> dict[str, Any]:
    return dict(ask(**fields).ask.options)


def test_a_whole_request_is_read_in_the_words_of_a_chat() -> None:
    """Everything behind the reader knows one request; what is said otherwise here is translated."""
    read = ask(
        instructions="Be brief.",
        tools=[WEATHER, {"type": IMAGE, "parameters": {"quality": "high"}}],
        tool_choice={"type": IMAGE},
        stream=True,
        stream_options={"include_obfuscation": False},
        max_tool_calls=4,
        max_output_tokens=500,
        stop_server_tools_when=[{"type": "max_cost", "max_cost_in_dollars": 0.5}],
        parallel_tool_calls=False,
        temperature=0.5,
        text={
            "format": {"type": "json_schema", "name": "n", "schema": {"type": "object"}, "strict": True},
            "verbosity": "low",
        },
        reasoning={"effort": "low", "summary": "auto", "exclude": None},
        metadata={"chat": "7"},
        provider={"order": ["x"]},
        include=["reasoning.encrypted_content"],
        store=False,
        user=None,
    )
    assert (read.ask.model, read.ask.messages, read.ask.tool_choice) == ("m", (), IMAGE)
    assert read.ask.image == ImageOptions(quality="high")
    assert (read.ask.stream, read.ask.include_usage, read.ask.max_tool_calls) == (True, True, 4)
    assert read.ask.stop_when == (StopWhen("max_cost", 0.5),)
    assert dict(read.ask.options) == {
        "parallel_tool_calls": False,
        "temperature": 0.5,
        "max_completion_tokens": 500,
        "response_format": {
            "type": "json_schema",
            "json_schema": {"name": "n", "schema": {"type": "object"}, "strict": True},
        },
        "verbosity": "low",
        "reasoning": {"effort": "low", "summary": "auto"},
        "provider": {"order": ["x"]},
    }
    assert (read.native, read.store, read.include) == (False, False, ("reasoning.encrypted_content",))
    assert with_items(read, read.items).messages == (
        {"role": "system", "content": "Be brief."},
        {"role": "user", "content": "Draw a fox."},
    )


def test_the_least_request_is_repeated_with_the_defaults_of_the_specification() -> None:
    """Facts, wire, section 7: every field is there, and the five sampling values are numbers, never null."""
    read = ask()
    assert read.echo == {
        "instructions": None,
        "previous_response_id": None,
        "tools": [],
        "tool_choice": "auto",
        "parallel_tool_calls": True,
        "temperature": 1.0,
        "top_p": 1.0,
        "presence_penalty": 0.0,
        "frequency_penalty": 0.0,
        "top_logprobs": 0,
        "max_output_tokens": None,
        "max_tool_calls": None,
        "truncation": "disabled",
        "text": {"format": {"type": "text"}},
        "reasoning": None,
        "metadata": {},
        "safety_identifier": None,
        "prompt_cache_key": None,
        "service_tier": "default",
        "background": False,
        "store": False,
    }
    assert dict(read.ask.options) == {}
    assert (read.store, read.previous_response_id, read.include) == (None, None, ())


def test_what_was_said_is_repeated() -> None:
    """Null is not said; what has a type always has it."""
    echo = ask(
        temperature=0,
        top_p=None,
        truncation="auto",
        service_tier="flex",
        user="u",
        store=True,
        background=False,
        reasoning={"effort": "high", "generate_summary": "concise"},
        text={"format": {"type": "json_schema", "name": "n", "schema": {}}},
        metadata={"a": "b"},
        instructions="Be brief.",
        previous_response_id="resp_1",
    ).echo
    assert {name: echo[name] for name in ("temperature", "top_p", "truncation")} == {
        "temperature": 0.0,
        "top_p": 1.0,
        "truncation": "auto",
    }
    assert (echo["service_tier"], echo["user"], echo["store"], echo["metadata"]) == (
        "flex",
        "u",
        True,
        {"a": "b"},
    )
    assert echo["reasoning"] == {"effort": "high", "summary": "concise"}
    assert echo["text"]["format"] == {
        "type": "json_schema",
        "name": "n",
        "description": None,
        "schema": {},
        "strict": False,
    }
    assert (echo["instructions"], echo["previous_response_id"]) == ("Be brief.", "resp_1")


@pytest.mark.parametrize(
    ("fields", "sent"),
    [
        ({"text": {"format": {"type": "text"}}}, {}),
        ({"text": {"format": {"type": "json_object"}}}, {"response_format": {"type": "json_object"}}),
        (
            {"text": {"format": {"type": "json_schema", "name": "n", "schema": {}, "strict": None}}},
            {"response_format": {"type": "json_schema", "json_schema": {"name": "n", "schema": {}}}},
        ),
        ({"top_logprobs": 0}, {}),
        ({"include": ["message.output_text.logprobs"]}, {}),
        ({"reasoning": {"generate_summary": "auto"}}, {"reasoning": {"summary": "auto"}}),
        ({"reasoning": {"effort": None}}, {}),
        (
            {"reasoning": {"max_tokens": 10, "enabled": True}},
            {"reasoning": {"max_tokens": 10, "enabled": True}},
        ),
        ({"metadata": {"a": "b"}}, {}),
        ({"parallel_tool_calls": True}, {}),
        ({"parallel_tool_calls": True, "tools": [WEATHER]}, {"parallel_tool_calls": True}),
        ({"max_output_tokens": 16.0}, {"max_completion_tokens": 16}),
        (
            {"safety_identifier": "s", "seed": 1, "top_k": 4},
            {"safety_identifier": "s", "seed": 1, "top_k": 4},
        ),
    ],
)
def test_what_goes_to_the_provider_is_what_providers_of_chats_take(
    fields: dict[str, Any], sent: dict[str, Any]
) -> None:
    """Translated, and left out where a chat would be refused for it: OpenAI takes neither metadata without
    `store` nor `parallel_tool_calls` without tools."""
    assert options(**fields) == sent


def _openai_parameters() -> list[str]:
    tree = ast.parse(inspect.getsource(response_create_params))
    return [
        field.target.id
        for node in tree.body
        if isinstance(node, ast.ClassDef) and node.name.startswith("ResponseCreateParams")
        for field in node.body
        if isinstance(field, ast.AnnAssign) and isinstance(field.target, ast.Name)
    ]


@pytest.mark.parametrize("name", sorted({*_openai_parameters(), *OPENROUTER.split()}))
def test_every_parameter_of_todays_clients_is_on_a_list(name: str) -> None:
    """What a client can send is forwarded, acted on or refused with a reason of its own."""
    assert name in RESPONSES.forwarded or name in RESPONSES.acted_on or name in RESPONSES.refused


@pytest.mark.parametrize("name", sorted(FORWARDED | ACTED_ON))
def test_every_parameter_of_a_chat_has_an_answer_here(name: str) -> None:
    """Who moves from one API to the other is told the new name of what has one."""
    assert name in RESPONSES.forwarded or name in RESPONSES.acted_on or name in RESPONSES.refused


def test_the_openai_package_has_the_parameters_that_the_lists_are_held_against() -> None:
    """Fails if the package moves its parameters, so that the test above would hold nothing."""
    assert {"model", "input", "stream", "text", "context_management"} <= set(_openai_parameters())


def test_no_name_is_on_two_lists() -> None:
    """One answer each; `background` alone is read for its false and refused for its true."""
    assert not RESPONSES.forwarded & RESPONSES.acted_on
    assert not RESPONSES.forwarded & set(RESPONSES.refused)
    assert RESPONSES.acted_on & set(RESPONSES.refused) == {"background"}


@pytest.mark.parametrize("name", sorted(RESPONSES.refused))
def test_what_is_refused_says_what_to_do_instead(name: str) -> None:
    """S30: by name and with a reason; null says nothing and is let pass."""
    error = refused({"model": "m", "input": "x", name: True})
    assert (error.code, error.param) == ("unsupported_parameter", name)
    assert RESPONSES.refused[name].reason in error.sentence
    assert ask(**{name: None}).items


@pytest.mark.parametrize(
    ("name", "instead"),
    [
        ("messages", "'input'"),
        ("max_tokens", "'max_output_tokens'"),
        ("max_completion_tokens", "'max_output_tokens'"),
        ("response_format", "'text.format'"),
        ("reasoning_effort", "'reasoning.effort'"),
        ("verbosity", "'text.verbosity'"),
        ("logprobs", "without their tokens"),
        ("functions", "'tools'"),
        ("conversation", "'input'"),
        ("prompt", "'instructions'"),
        ("context_management", "'input'"),
        ("models", "'model'"),
    ],
)
def test_what_has_another_name_here_is_refused_with_that_name(name: str, instead: str) -> None:
    """Whoever sends a chat's words to this API is one word away from an answer."""
    assert instead in refused({"model": "m", "input": "x", name: [1]}).sentence


def test_an_operator_lets_nothing_through_that_is_written_here() -> None:
    """Messages of the client's would take the place of those that its items make."""
    assert dict(
        read_responses_ask({"model": "m", "input": "x", "grammar": "g"}, forward=("grammar",)).ask.options
    ) == {"grammar": "g"}
    with pytest.raises(AskError):
        read_responses_ask({"model": "m", "input": "x", "messages": []}, forward=("messages",))


WRONG: dict[str, tuple[dict[str, Any], str, str | None]] = {
    "no input": ({"input": None}, "missing_parameter", "input"),
    "an empty input": ({"input": []}, "invalid_value", "input"),
    "an id of no kind": (
        {"input": [{"id": {}, "role": "user", "content": "x"}]},
        "invalid_value",
        "input[0].id",
    ),
    "an input of no kind": ({"input": {"role": "user"}}, "invalid_value", "input"),
    "no model": ({"model": None}, "missing_parameter", "model"),
    "an unknown name": ({"temprature": None}, "unsupported_parameter", "temprature"),
    "in the background": ({"background": True}, "unsupported_parameter", "background"),
    "a background of no kind": ({"background": 0}, "invalid_value", "background"),
    "a store of no kind": ({"store": "yes"}, "invalid_value", "store"),
    "an empty id": ({"previous_response_id": ""}, "invalid_value", "previous_response_id"),
    "instructions of no kind": ({"instructions": ["x"]}, "invalid_value", "instructions"),
    "too hot": ({"temperature": 3}, "invalid_value", "temperature"),
    "a heat of no kind": ({"temperature": "1"}, "invalid_value", "temperature"),
    "too many logprobs": ({"top_logprobs": 21}, "invalid_value", "top_logprobs"),
    "logprobs": ({"top_logprobs": 2}, "unsupported_parameter", "top_logprobs"),
    "no tokens": ({"max_output_tokens": 0}, "invalid_value", "max_output_tokens"),
    "no calls": ({"max_tool_calls": 0}, "invalid_value", "max_tool_calls"),
    "a truncation of no kind": ({"truncation": "middle"}, "invalid_value", "truncation"),
    "a text of no kind": ({"text": "json"}, "invalid_value", "text"),
    "an unknown field of text": ({"text": {"style": 1}}, "unsupported_parameter", "text.style"),
    "a verbosity of no kind": ({"text": {"verbosity": "much"}}, "invalid_value", "text.verbosity"),
    "a format of no kind": ({"text": {"format": "json"}}, "invalid_value", "text.format"),
    "a format without a type": ({"text": {"format": {}}}, "missing_parameter", "text.format.type"),
    "a grammar": ({"text": {"format": {"type": "grammar"}}}, "invalid_value", "text.format.type"),
    "a schema without a name": (
        {"text": {"format": {"type": "json_schema", "schema": {}}}},
        "missing_parameter",
        "text.format.name",
    ),
    "no schema": (
        {"text": {"format": {"type": "json_schema", "name": "n"}}},
        "schema_invalid",
        "text.format.schema",
    ),
    "a schema as in a chat": (
        {"text": {"format": {"type": "json_schema", "json_schema": {"name": "n"}}}},
        "unsupported_parameter",
        "text.format.json_schema",
    ),
    "reasoning of no kind": ({"reasoning": "high"}, "invalid_value", "reasoning"),
    "an effort of no kind": ({"reasoning": {"effort": 3}}, "invalid_value", "reasoning.effort"),
    "metadata of no kind": ({"metadata": []}, "invalid_value", "metadata"),
    "too much metadata": ({"metadata": {str(n): "x" for n in range(17)}}, "invalid_value", "metadata"),
    "a long key": ({"metadata": {"k" * 65: "x"}}, "invalid_value", "metadata"),
    "a value of no kind": ({"metadata": {"a": 1}}, "invalid_value", "metadata.a"),
    "an include of no kind": ({"include": "x"}, "invalid_value", "include"),
    "an unknown include": ({"include": [INCLUDABLE[0], "x"]}, "invalid_value", "include[1]"),
    "an unhashable include": ({"include": [{}]}, "invalid_value", "include[0]"),
    "a user of no kind": ({"user": 7}, "invalid_value", "user"),
    "options of a stream that are none": (
        {"stream_options": {"every": 1}},
        "unsupported_parameter",
        "stream_options.every",
    ),
    "pictures by the model itself": (
        {"tools": [{"type": IMAGE}], "modalities": ["image", "text"]},
        "parameter_refused",
        "modalities",
    ),
    "a condition of no kind": (
        {"stop_server_tools_when": [{"type": "x"}]},
        "invalid_value",
        "stop_server_tools_when[0].type",
    ),
}


@pytest.mark.parametrize(("fields", "code", "param"), WRONG.values(), ids=WRONG)
def test_what_cannot_be_had_is_refused_by_its_place(
    fields: dict[str, Any], code: str, param: str | None
) -> None:
    """Errors name the field as this API writes it."""
    assert refused_with(**fields) == (code, param)


@pytest.mark.parametrize("body", [None, [], "x", 1])
def test_a_body_that_is_no_object_is_refused(body: Any) -> None:
    """Nothing but AskError leaves."""
    assert refused(body).code == "invalid_value"


def test_a_conversation_that_stands_elsewhere_needs_no_input() -> None:
    """OpenAI API reference: `previous_response_id` alone goes on with what was said."""
    assert ask(input=None, previous_response_id="resp_1").items == ()
    assert ask(input=[], previous_response_id="resp_1").items == ()


def test_a_name_in_an_error_is_short_and_printable() -> None:
    """S12: as in chats."""
    assert refused_with(**{"x\n" * 100_000: 1}) == ("unsupported_parameter", named("x\n" * 100_000))


def test_a_request_is_illustrated_as_a_chats_is() -> None:
    """For models that have the image tool by themselves."""
    assert illustrated(ask().ask).image == ImageOptions()
