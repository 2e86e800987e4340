"""What a chat request may say beside its messages and tools."""

from __future__ import annotations

import ast
import inspect
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from openai.types.chat import completion_create_params

from limner.gateway.refusal import REFUSALS
from limner.wire.asking import AskError
from limner.wire.parameters import (
    ACTED_ON,
    BESIDE_THE_IMAGE_TOOL,
    FORWARDED,
    REFUSED,
    check_beside_image_tool,
    forwarded,
    named,
    shown,
)

# What clients of November 2026 send: OpenRouter's SDKs and AI SDK provider, LangChain, chat pages.
OPENROUTER = (
    "cache_control debug image_config include_reasoning max_tool_calls metadata min_p modalities models plugins "
    "preset provider reasoning repetition_penalty route session_id stop_server_tools_when structured_outputs "
    "top_a top_k trace transforms usage user verbosity"
)
LANGCHAIN = (
    "frequency_penalty function_call functions logit_bias logprobs max_completion_tokens max_tokens n "
    "parallel_tool_calls presence_penalty reasoning_effort response_format seed service_tier stop store stream "
    "stream_options temperature tool_choice tools top_logprobs top_p user verbosity"
)


def refused(body: dict[str, Any], forward: tuple[str, ...] = ()) -> AskError:
    with pytest.raises(AskError) as caught:
        forwarded(body, forward)
    return caught.value


def _openai_parameters() -> list[str]:
    tree = ast.parse(inspect.getsource(completion_create_params))
    named = {"CompletionCreateParamsBase", "CompletionCreateParamsStreaming"}
    return [
        field.target.id
        for node in tree.body
        if isinstance(node, ast.ClassDef) and node.name in named
        for field in node.body
        if isinstance(field, ast.AnnAssign) and isinstance(field.target, ast.Name)
    ]


@pytest.mark.parametrize("name", sorted({*_openai_parameters(), *OPENROUTER.split(), *LANGCHAIN.split()}))
def test_every_parameter_of_todays_clients_is_on_a_list(name: str) -> None:
    """The lists: what a client can send is forwarded, acted on or refused with a reason of its own."""
    assert name in FORWARDED or name in ACTED_ON or name in REFUSED


def test_the_openai_package_has_the_parameters_that_the_lists_are_held_against() -> None:
    """Fails if the package moves its parameters, so that the test above would hold nothing."""
    assert {"model", "messages", "stream", "temperature", "verbosity"} <= set(_openai_parameters())


def test_no_name_is_on_two_lists() -> None:
    """One answer each; `store` alone is read for its false and refused for its true."""
    assert not FORWARDED & ACTED_ON
    assert not FORWARDED & set(REFUSED)
    assert ACTED_ON & set(REFUSED) == {"store"}
    assert set(BESIDE_THE_IMAGE_TOOL) <= FORWARDED


@pytest.mark.parametrize("name", sorted(FORWARDED - {"n"}))
def test_what_is_forwarded_goes_on_as_it_is(name: str) -> None:
    """What it may hold is the provider's to say."""
    value = {"deep": [1, None, "x"]}
    assert forwarded({name: value, "model": "m", "messages": []}) == {name: value}
    assert forwarded({name: None}) == {}


@pytest.mark.parametrize(
    "name", ["api_base", "base_url", "extra_headers", "api_key", "extra_body", "headers"]
)
@pytest.mark.parametrize(
    "forward", [(), ("api_base", "base_url", "extra_headers", "api_key", "extra_body", "headers")]
)
def test_s30_who_is_asked_with_which_key_is_never_the_clients_to_say(
    name: str, forward: tuple[str, ...]
) -> None:
    """S30: refused by name, also where an operator has let them through by mistake."""
    error = refused({name: "https://elsewhere.example"}, forward)
    assert (error.code, error.param) == ("unsupported_parameter", name)
    assert "elsewhere" not in error.sentence


@pytest.mark.parametrize("name", sorted(REFUSED))
def test_what_is_refused_says_why(name: str) -> None:
    """S30, and the third list: a reason that ends with what to do; null says nothing and is let pass."""
    error = refused({name: True})
    assert (error.code, error.param) == ("unsupported_parameter", name)
    assert REFUSED[name].reason in error.sentence
    assert forwarded({name: None}) == {}


@pytest.mark.parametrize(
    "name", ["temprature", "", "user\nname", "x" * 100_000, "Temperature", "api_base ", "größe"]
)
def test_a_name_on_no_list_is_refused_by_name(name: str) -> None:
    """S12: the name is shown, but cut, and in one line of ASCII; null is no excuse for a typing error."""
    error = refused({name: None})
    assert error.code == "unsupported_parameter"
    assert error.param == named(name)
    assert len(error.sentence) < 400
    assert (error.sentence + error.param).isascii()
    assert (error.sentence + error.param).isprintable()


def test_an_operator_may_let_more_through() -> None:
    """The first list can be longer; what is acted on stays ours."""
    forward = ("grammar", "models", "stream")
    body = {"grammar": "root ::= x", "models": ["a"], "stream": True, "temperature": 0}
    assert forwarded(body, forward) == {"grammar": "root ::= x", "models": ["a"], "temperature": 0}
    assert refused(body, ()).param == "grammar"


def test_store_may_be_false() -> None:
    """Nothing is stored either way, so saying so is no error."""
    assert forwarded({"store": False}) == {}
    assert refused({"store": True}).param == "store"


@pytest.mark.parametrize("n", [0, -1, True, "2", 1.5, [1], 129, float("inf")])
def test_a_count_of_answers_is_a_count(n: object) -> None:
    """`n` decides what an answer looks like, so it is read here and not only at the provider."""
    assert refused({"n": n}).param == "n"


def test_a_count_of_answers_is_handed_on_as_a_whole_number() -> None:
    """Some clients write 2.0; who counts the answers needs an integer."""
    counted = forwarded({"n": 2.0})["n"]
    assert (counted, type(counted)) == (2, int)


@pytest.mark.parametrize(
    ("options", "param"),
    [
        ({"n": 2}, "n"),
        ({"modalities": ["image", "text"]}, "modalities"),
        ({"modalities": ["text", "audio"]}, "modalities"),
        ({"image_config": {"aspect_ratio": "1:1"}}, "image_config"),
        ({"audio": {"voice": "alloy"}}, "audio"),
        ({"logprobs": True}, "logprobs"),
        ({"top_logprobs": 3}, "top_logprobs"),
        ({"n": 1}, None),
        ({"modalities": ["text"]}, None),
        ({"logprobs": False, "top_logprobs": 0}, None),
        ({"temperature": 1}, None),
    ],
)
def test_what_cannot_be_had_with_pictures_is_refused_by_name(
    options: dict[str, Any], param: str | None
) -> None:
    """Said nowhere else: silently leaving a parameter out would be an answer to another request."""
    if param is None:
        check_beside_image_tool(options)
        return
    with pytest.raises(AskError) as caught:
        check_beside_image_tool(options)
    assert (caught.value.code, caught.value.param) == ("parameter_refused", param)
    assert caught.value.code in REFUSALS


@given(st.text())
def test_s12_a_clients_word_is_shown_short_in_one_line_of_ascii(word: str) -> None:
    """S12, as a property of every text."""
    assert shown(word).isascii()
    assert shown(word).isprintable()
    assert len(shown(word)) <= 1500
