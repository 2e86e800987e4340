"""A chat request as JSON, read: what is asked of us, and what goes to the model's provider as it is."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, cast

from limner.core.messages import ToolSpec
from limner.core.stopping import StopWhen

from ..asking import AskError, flag, number, text, whole_number
from ..parameters import check_beside_image_tool, forwarded, named, shown
from .messages import read_messages
from .tools import IMAGE, ImageOptions, read_tool_choice, read_tools

__all__ = [
    "IMAGE",
    "AskError",
    "ChatAsk",
    "ImageOptions",
    "illustrated",
    "read_chat_ask",
    "read_include_usage",
    "read_loop",
    "read_model",
]

_LONGEST_MODEL = 256
_MOST_CONDITIONS = 32
_LONGEST_WORD = 256
_MOST = 10**12

_NUMBERS = {
    "step_count_is": "step_count",
    "max_tokens_used": "max_tokens",
}
_WORDS = {"has_tool_call": "tool_name", "finish_reason_is": "reason"}
_COST = {"max_cost": "max_cost_in_dollars"}
_CONDITIONS = _NUMBERS | _COST | _WORDS
"""Kinds of conditions, and the field that each has beside `type`."""


@dataclass(frozen=True, slots=True)
class ChatAsk:
    """One chat request."""

    model: str
    messages: tuple[Mapping[str, Any], ...] = field(repr=False)
    """As the client wrote them; their shapes are checked."""
    tools: tuple[ToolSpec, ...] = ()
    """The client's own functions, each with its declaration as it was written (`given`)."""
    image: ImageOptions | None = None
    """None where the image tool is not declared."""
    tool_choice: str = "auto"
    """ "auto", "none", "required", a function's name, or `IMAGE`."""
    stream: bool = False
    include_usage: bool = False
    max_tool_calls: int | None = None
    stop_when: tuple[StopWhen, ...] = ()
    """Conditions in the client's words: a `has_tool_call` may name `IMAGE`."""
    options: Mapping[str, Any] = field(default_factory=dict, repr=False)
    """What the model's provider is sent as it is."""


def read_chat_ask(body: Mapping[str, Any], *, forward: Collection[str] = ()) -> ChatAsk:
    """`body` is parsed JSON and otherwise unknown; `forward`: parameters that the operator lets through.

    Native `{"type": "image_generation"}` declares the image tool as `{"type": "openrouter:image_generation"}`
    does.

    Raises: AskError, and nothing else.
    """
    model = read_model(body)
    messages = read_messages(body.get("messages"))
    options = forwarded(body, forward)
    tools, image = read_tools(body.get("tools"))
    choice = read_tool_choice(body.get("tool_choice"), (tool.name for tool in tools), image=image is not None)
    ask = ChatAsk(
        model=model,
        messages=messages,
        tools=tools,
        image=image,
        tool_choice=choice,
        include_usage=read_include_usage(body),
        options=options,
        **read_loop(body),
    )
    return ask if image is None else illustrated(ask)


def read_model(body: Mapping[str, Any]) -> str:
    """The chat model that the request is for.

    Raises: AskError, also where the body is no object.
    """
    if not isinstance(body, Mapping):
        raise AskError("invalid_value", "The body must be a JSON object.")
    model = text(body, "model", most=_LONGEST_MODEL)
    if not model:
        raise AskError("missing_parameter", "'model' is missing; see GET /v1/models.", "model")
    if not model.isprintable():
        raise AskError("invalid_value", "'model' must be one line of printable characters.", "model")
    return model


def read_loop(body: Mapping[str, Any]) -> dict[str, Any]:
    """How the answer comes and when it ends, as fields of `ChatAsk`: the same in every API.

    Raises: AskError.
    """
    return {
        "stream": flag(body, "stream") or False,
        "max_tool_calls": whole_number(body, "max_tool_calls", least=1, most=_MOST),
        "stop_when": _stop_when(body.get("stop_server_tools_when")),
    }


def illustrated(ask: ChatAsk) -> ChatAsk:
    """The same request with the image tool on, also where it was not declared.

    Raises: AskError (`parameter_refused`) where something in it cannot be had with pictures.
    """
    check_beside_image_tool(ask.options)
    return ask if ask.image is not None else replace(ask, image=ImageOptions())


def read_include_usage(body: Mapping[str, Any]) -> bool:
    """OpenAI's `stream_options.include_usage`, or OpenRouter's older `usage.include`.

    Raises: AskError.
    """
    asked = False
    for name, fields in (
        ("stream_options", ("include_usage", "include_obfuscation")),
        ("usage", ("include",)),
    ):
        said = body.get(name)
        if said is None:
            continue
        if not isinstance(said, Mapping):
            raise AskError("invalid_value", f"{name!r} must be an object.", name)
        for key in said:
            if key not in fields:
                raise AskError(
                    "unsupported_parameter",
                    f"{name!r} has no field {shown(key)}; it has {', '.join(fields)}.",
                    f"{name}.{named(key)}",
                )
        switches = [flag(said, key, at=name) for key in fields]
        asked = asked or switches[0] is True
    return asked


def _stop_when(conditions: object) -> tuple[StopWhen, ...]:
    if conditions is None:
        return ()
    param = "stop_server_tools_when"
    if not isinstance(conditions, list) or not 1 <= len(conditions) <= _MOST_CONDITIONS:
        raise AskError(
            "invalid_value", f"{param!r} must be a list of 1 to {_MOST_CONDITIONS} conditions.", param
        )
    return tuple(_condition(each, f"{param}[{place}]") for place, each in enumerate(conditions))


def _condition(condition: object, at: str) -> StopWhen:
    if not isinstance(condition, Mapping):
        raise AskError("invalid_value", f"{at!r} must be an object.", at)
    kind = condition.get("type")
    if not isinstance(kind, str) or kind not in _CONDITIONS:
        raise AskError("invalid_value", f"'{at}.type' must be one of {', '.join(_CONDITIONS)}.", f"{at}.type")
    name = _CONDITIONS[kind]
    for key in condition:
        if key not in ("type", name):
            raise AskError(
                "unsupported_parameter",
                f"A condition {kind!r} has no field {shown(key)}; it has {name!r}.",
                f"{at}.{named(key)}",
            )
    if condition.get(name) is None:
        raise AskError("missing_parameter", f"'{at}.{name}' is missing.", f"{at}.{name}")
    if kind in _WORDS:
        word = text(condition, name, least=1, most=_LONGEST_WORD, at=at)
        return StopWhen(cast(Any, kind), word=word or "")
    if kind in _COST:
        return StopWhen("max_cost", number(condition, name, least=0, most=_MOST, at=at) or 0)
    return StopWhen(cast(Any, kind), whole_number(condition, name, least=1, most=_MOST, at=at) or 0)
