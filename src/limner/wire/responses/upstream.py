"""The Responses API of a chat model's provider: a request as JSON.

The request is the one that Chat Completions would be sent, told in the other words: messages become
items (`input`), tools lie flat, and options keep their name, get another, or are left out.
Nothing is kept by the provider, so what a model thought goes along encrypted.

Source: OpenAI API reference, "Create a model response" (openai 3.52, read 2026-11-21).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from limner.core.messages import ChatRequest, ToolSpec

from ..body import Body
from ..errors import Fault
from .input import Items

__all__ = ["CHAT_ONLY", "responses_body", "without_reasoning"]

CHAT_ONLY = frozenset(
    {
        "audio",
        "frequency_penalty",
        "include_reasoning",
        "logit_bias",
        "logprobs",
        "modalities",
        "n",
        "prediction",
        "presence_penalty",
        "seed",
        "stop",
        "stream_options",
        "top_logprobs",
        "web_search_options",
    }
)
"""Options of chats that the Responses API has no word for; one that knows them is told by `extra`."""

_ENCRYPTED = "reasoning.encrypted_content"


def responses_body(
    request: ChatRequest,
    *,
    model: str,
    stream: bool,
    options: Mapping[str, Any] | None = None,
    extra: Mapping[str, Any] | None = None,
) -> Body:
    """The request as JSON.

    `options` are parameters of Chat Completions, told in the words of this API; those of `CHAT_ONLY` are left
    out. `extra` is merged as it stands: it wins over everything, and its None removes a key.
    """
    extra = dict(extra or {})
    fields: dict[str, Any] = {"model": model, "store": False, "include": [_ENCRYPTED]}
    if request.tools:
        fields["tools"] = [_tool(tool) for tool in request.tools]
        if request.tool_choice in ("none", "required"):
            fields["tool_choice"] = request.tool_choice
        elif request.tool_choice != "auto":
            fields["tool_choice"] = _chosen(request.tool_choice, request.tools)
    if stream:
        fields["stream"] = True
    fields.update(_translated(options or {}))
    fields.update(extra)
    manner = (_custom_names(request.tools), extra.get("store") is True)
    return Body(fields, "input", request, lambda: Items(*manner), manner)


def without_reasoning(fault: Fault, body: Body) -> bool:
    """Take all reasoning out of a refused `body`, if that is what was refused; whether there was any.

    What another account encrypted, or a key that has been changed since, is refused for ever, and the
    conversation with it; words and calls alone say enough to go on with.
    """
    about = "invalid_encrypted_content" in fault.words or fault.says(
        "encrypted content", "'reasoning'", "'rs_"
    )
    return fault.status in (400, 404, 422) and about and body.leave_out("reasoning")


def _tool(tool: ToolSpec) -> dict[str, Any]:
    if tool.given is None:
        # Strict is the default here, and a schema that is not written for it is refused.
        return {
            "type": "function",
            "name": tool.name,
            "description": tool.description,
            "parameters": tool.parameters,
            "strict": False,
        }
    given = dict(tool.given)
    kind = given.get("type", "function")
    inner = given.get(kind) if isinstance(kind, str) else None
    if not isinstance(inner, Mapping):
        # A tool of the provider's own, or one that lies flat already.
        return given
    flat = {"type": kind, **inner}
    if kind == "function":
        flat.setdefault("parameters", {"type": "object", "properties": {}})
        flat["strict"] = bool(flat.get("strict"))
    grammar = flat.get("format")
    if isinstance(grammar, Mapping) and isinstance(grammar.get("grammar"), Mapping):
        flat["format"] = {"type": "grammar", **grammar["grammar"]}
    return flat


def _custom_names(tools: tuple[ToolSpec, ...]) -> frozenset[str]:
    """The tools whose arguments are no JSON but free text."""
    return frozenset(
        tool.name for tool in tools if tool.given is not None and tool.given.get("type") == "custom"
    )


def _chosen(name: str, tools: tuple[ToolSpec, ...]) -> dict[str, Any]:
    return {"type": "custom" if name in _custom_names(tools) else "function", "name": name}


def _translated(options: Mapping[str, Any]) -> dict[str, Any]:
    """Parameters of Chat Completions in the words of this API."""
    body: dict[str, Any] = {}
    text: dict[str, Any] = {}
    reasoning: dict[str, Any] = {}
    for name, value in options.items():
        if name in CHAT_ONLY:
            continue
        if name in ("max_tokens", "max_completion_tokens"):
            # Who says both means the newer one.
            if name == "max_completion_tokens" or options.get("max_completion_tokens") is None:
                body.setdefault("max_output_tokens", value)
        elif name == "response_format":
            text["format"] = _format(value)
        elif name == "verbosity":
            text["verbosity"] = value
        elif name == "reasoning_effort":
            reasoning.setdefault("effort", value)
        elif name == "reasoning" and isinstance(value, Mapping):
            reasoning.update(value)
        elif name == "tool_choice":
            body["tool_choice"] = _choice(value)
        else:
            body[name] = value
    for name, told in (("text", text), ("reasoning", reasoning)):
        said = {key: value for key, value in told.items() if value is not None}
        if said:
            body[name] = {**(body[name] if isinstance(body.get(name), Mapping) else {}), **said}
    return body


def _format(value: object) -> object:
    if not isinstance(value, Mapping) or not isinstance(value.get("json_schema"), Mapping):
        return value
    return {"type": "json_schema", **value["json_schema"]}


def _choice(value: object) -> object:
    """A choice of tools, flat as here."""
    if not isinstance(value, Mapping):
        return value
    kind = value.get("type")
    inner = value.get(kind) if isinstance(kind, str) else None
    if not isinstance(inner, Mapping):
        return value
    tools = inner.get("tools")
    chosen = {"type": kind, **inner}
    return {**chosen, "tools": [_choice(tool) for tool in tools]} if isinstance(tools, list) else chosen
