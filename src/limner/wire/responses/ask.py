"""A request of the Responses API as JSON, read into the request that a chat would have made.

What is said in other words here becomes chat's words; what the answer repeats of the request is made here,
too. Sources: OpenAI API reference, "Create a model response"; Open Responses specification; OpenRouter API
reference, "Create a response" (read 2026-11-21).
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from ..asking import AskError, flag, number, one_of, text, whole_number
from ..chat.ask import ChatAsk, illustrated, read_include_usage, read_loop, read_model
from ..parameters import forwarded, named, shown
from ..shapes import entries, needed_text, wrong
from .items import read_items, references
from .messages import messages_of
from .parameters import INCLUDABLE, RESPONSES
from .tools import ResponsesTools, read_responses_tools

__all__ = ["ResponsesAsk", "read_responses_ask", "references", "with_items"]

_MOST = 10**12
_LONGEST_ID = 256
_MOST_METADATA = 16
_LONGEST_KEY = 64
_LONGEST_VALUE = 512
_MOST_LOGPROBS = 20
_WORDS = ("user", "safety_identifier", "prompt_cache_key", "prompt_cache_retention", "service_tier")
_SAMPLING: Mapping[str, tuple[float, float, float]] = {
    # Name: least, most, and what the answer says where the request says nothing.
    "temperature": (0, 2, 1.0),
    "top_p": (0, 1, 1.0),
    "presence_penalty": (-2, 2, 0.0),
    "frequency_penalty": (-2, 2, 0.0),
}
_FORMATS = ("text", "json_object", "json_schema")
_VERBOSITIES = ("low", "medium", "high")


@dataclass(frozen=True, slots=True)
class ResponsesAsk:
    """One request of the Responses API."""

    ask: ChatAsk
    """The same as a chat would have asked it, but without messages until `with_items`."""
    native: bool
    """Whether the image tool was declared as `{"type": "image_generation"}`."""
    image_allowed: bool
    """False where `allowed_tools` leaves the image tool out: then no model has it by itself either."""
    withheld: frozenset[str]
    """Functions of the client's own that are declared and may not be called."""
    instructions: str | None = field(repr=False)
    items: tuple[Mapping[str, Any], ...] = field(repr=False)
    """The input, checked, each item with its type; a string is one message of the user."""
    store: bool | None
    previous_response_id: str | None
    include: tuple[str, ...]
    echo: Mapping[str, Any] = field(repr=False)
    """What the answer repeats of the request, each field with the type that it always has."""


def read_responses_ask(body: Mapping[str, Any], *, forward: Collection[str] = ()) -> ResponsesAsk:
    """`body` is parsed JSON and otherwise unknown; `forward`: parameters that the operator lets through.

    Raises: AskError, and nothing else.
    """
    model = read_model(body)
    options = forwarded(body, forward, RESPONSES)
    previous = text(body, "previous_response_id", least=1, most=_LONGEST_ID)
    items = _items(body.get("input"), continued=previous is not None)
    instructions = text(body, "instructions")
    tools = read_responses_tools(body.get("tools"), body.get("tool_choice"))
    include = _include(body.get("include"))
    echo = _echo(body, tools) | {"instructions": instructions, "previous_response_id": previous}
    read_include_usage(body)
    ask = ChatAsk(
        model=model,
        messages=(),
        tools=tools.tools,
        image=tools.image,
        tool_choice=tools.tool_choice,
        include_usage=True,
        options=_options(body, options, echo, tools),
        **read_loop(body),
    )
    return ResponsesAsk(
        ask=ask if tools.image is None else illustrated(ask),
        native=tools.native,
        image_allowed=tools.image_allowed,
        withheld=tools.withheld,
        instructions=instructions,
        items=items,
        store=flag(body, "store"),
        previous_response_id=previous,
        include=include,
        echo=echo,
    )


def with_items(ask: ResponsesAsk, items: Sequence[Mapping[str, Any]]) -> ChatAsk:
    """The request with its messages. `items`: the whole conversation, the request's own items at its end.

    Raises: AskError.
    """
    before = len(items) - len(ask.items)
    paths = (
        f"input[{place - before}]" if place >= before else "previous_response_id"
        for place in range(len(items))
    )
    messages = messages_of(zip(paths, items, strict=True), ask.instructions)
    if not messages:
        raise AskError(
            "invalid_value", "'input' holds nothing that a model could read; send a message.", "input"
        )
    return replace(ask.ask, messages=messages)


def _items(said: object, *, continued: bool) -> tuple[Mapping[str, Any], ...]:
    """`continued`: whether the conversation stands elsewhere already, so that nothing need be added."""
    if said is None and not continued:
        raise AskError("missing_parameter", "'input' is missing.", "input")
    items = () if said is None else read_items(said)
    if not items and not continued:
        raise AskError("invalid_value", "'input' is empty; send at least one item.", "input")
    return items


def _options(
    body: Mapping[str, Any],
    options: dict[str, Any],
    echo: Mapping[str, Any],
    tools: ResponsesTools,
) -> dict[str, Any]:
    """What the model's provider is sent, in chat's words; `options`: what is the same in both."""
    # It belongs to the answer that is kept, and providers of chats refuse it where they keep none.
    options.pop("metadata", None)
    if not (tools.tools or tools.image):
        # Providers of chats refuse it where there is nothing to call.
        options.pop("parallel_tool_calls", None)
    options.pop("top_logprobs", None)
    if echo["max_output_tokens"] is not None:
        options["max_completion_tokens"] = echo["max_output_tokens"]
    reasoning = _reasoning(body.get("reasoning"))
    options.pop("reasoning", None)
    if reasoning:
        options["reasoning"] = reasoning
    match echo["text"]["format"]:
        case {"type": "json_schema", **schema}:
            # Both are the defaults there, too.
            written = {name: value for name, value in schema.items() if value not in (None, False)}
            options["response_format"] = {"type": "json_schema", "json_schema": written}
        case {"type": "json_object"}:
            options["response_format"] = {"type": "json_object"}
    if "verbosity" in echo["text"]:
        options["verbosity"] = echo["text"]["verbosity"]
    return options


def _top_logprobs(body: Mapping[str, Any]) -> int:
    if whole_number(body, "top_logprobs", least=0, most=_MOST_LOGPROBS):
        raise AskError(
            "unsupported_parameter",
            "'top_logprobs' is not supported: answers are told without their tokens; leave it out.",
            "top_logprobs",
        )
    return 0


def _echo(body: Mapping[str, Any], tools: ResponsesTools) -> dict[str, Any]:
    """What the answer repeats, with what the specification says of what was not said."""
    flag(body, "background")
    words = {name: text(body, name, most=_LONGEST_VALUE) for name in _WORDS}
    echo: dict[str, Any] = {
        "tools": list(tools.echoed_tools),
        "tool_choice": tools.echoed_choice,
        "parallel_tool_calls": flag(body, "parallel_tool_calls") is not False,
        "max_output_tokens": whole_number(body, "max_output_tokens", least=1, most=_MOST),
        "max_tool_calls": whole_number(body, "max_tool_calls", least=1, most=_MOST),
        "top_logprobs": _top_logprobs(body),
        "truncation": one_of(body, "truncation", ("auto", "disabled")) or "disabled",
        "text": _text(body.get("text")),
        "reasoning": None,
        "metadata": _metadata(body.get("metadata")),
        "safety_identifier": words["safety_identifier"],
        "prompt_cache_key": words["prompt_cache_key"],
        "service_tier": words["service_tier"] if words["service_tier"] not in (None, "auto") else "default",
        "background": False,
        "store": flag(body, "store") is True,
    }
    for name, (least, most, otherwise) in _SAMPLING.items():
        said = number(body, name, least=least, most=most)
        echo[name] = otherwise if said is None else said
    reasoning = _reasoning(body.get("reasoning"))
    if reasoning:
        echo["reasoning"] = {name: reasoning.get(name) for name in ("effort", "summary")}
    return echo | {
        name: words[name] for name in ("user", "prompt_cache_retention") if words[name] is not None
    }


def _include(said: object) -> tuple[str, ...]:
    if said is None:
        return ()
    asked = entries(said, "include", "a list of strings")
    for place, name in enumerate(asked):
        if not isinstance(name, str) or name not in INCLUDABLE:
            raise wrong(f"include[{place}]", f"must be one of {', '.join(INCLUDABLE)}")
    return tuple(dict.fromkeys(asked))


def _reasoning(said: object) -> dict[str, Any]:
    """The field `reasoning` without what is null; what is not read here, its provider knows."""
    if said is None:
        return {}
    if not isinstance(said, Mapping):
        raise wrong("reasoning", "must be an object")
    summary = text(said, "summary", most=_LONGEST_KEY, at="reasoning")
    older = text(said, "generate_summary", most=_LONGEST_KEY, at="reasoning")
    text(said, "effort", most=_LONGEST_KEY, at="reasoning")
    read = {name: value for name, value in said.items() if value is not None and name != "generate_summary"}
    return read if summary or not older else {**read, "summary": older}


def _metadata(said: object) -> dict[str, str]:
    if said is None:
        return {}
    if not isinstance(said, Mapping):
        raise wrong("metadata", "must be an object")
    if len(said) > _MOST_METADATA:
        raise wrong("metadata", f"has {len(said)} entries; at most {_MOST_METADATA} are accepted")
    for key, value in said.items():
        if len(key) > _LONGEST_KEY:
            raise wrong(
                "metadata", f"has a key of {len(key)} characters; at most {_LONGEST_KEY} are accepted"
            )
        if not isinstance(value, str) or len(value) > _LONGEST_VALUE:
            param = f"metadata.{named(key)}"
            raise wrong(param, f"must be a string of at most {_LONGEST_VALUE} characters")
    return dict(said)


def _text(said: object) -> dict[str, Any]:
    """The field `text` as the answer repeats it."""
    if said is None:
        said = {}
    if not isinstance(said, Mapping):
        raise wrong("text", "must be an object")
    _check_fields(said, ("format", "verbosity"), "text")
    verbosity = one_of(said, "verbosity", _VERBOSITIES, at="text")
    read: dict[str, Any] = {"format": _format(said.get("format"))}
    return read if verbosity is None else {**read, "verbosity": verbosity}


def _format(said: object) -> dict[str, Any]:
    at = "text.format"
    if said is None:
        return {"type": "text"}
    if not isinstance(said, Mapping):
        raise wrong(at, "must be an object")
    needed_text(said, "type", at)
    kind = one_of(said, "type", _FORMATS, at=at)
    if kind != "json_schema":
        return {"type": kind}
    _check_fields(said, ("type", "name", "description", "schema", "strict"), at)
    name = needed_text(said, "name", at)
    schema = said.get("schema")
    if not isinstance(schema, Mapping):
        raise AskError("schema_invalid", f"'{at}.schema' must be a JSON Schema.", f"{at}.schema")
    description, strict = text(said, "description", at=at), flag(said, "strict", at=at) or False
    return {"type": kind, "name": name, "description": description, "schema": schema, "strict": strict}


def _check_fields(said: Mapping[str, Any], known: Sequence[str], at: str) -> None:
    for key in said:
        if key not in known:
            raise AskError(
                "unsupported_parameter",
                f"{at!r} has no field {shown(key)}; it has {', '.join(known)}.",
                f"{at}.{named(key)}",
            )
