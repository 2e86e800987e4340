"""What is said to and by a chat model: frozen, JSON-shaped, without behaviour."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

__all__ = ["NOTHING", "ChatRequest", "Delta", "Message", "Reasoning", "ToolCall", "ToolSpec", "Usage"]

Reasoning = tuple[Mapping[str, Any], ...]
"""What a model thought, in the shape of OpenRouter's `reasoning_details`."""


@dataclass(frozen=True, slots=True)
class ToolCall:
    """One call that the model asked for."""

    id: str
    """Nine ASCII letters and digits, unique in the conversation; ours, never the provider's.

    Source: the strictest provider takes `^[A-Za-z0-9]{9}$` only (quirk 27).
    """
    name: str
    arguments: str
    """The model's raw text; not parsed, not checked."""


@dataclass(frozen=True, slots=True)
class Message:
    """One entry of the transcript, shaped like a Chat Completions message."""

    role: Literal["system", "user", "assistant", "tool"]
    text: str = ""
    calls: tuple[ToolCall, ...] = ()
    """Of an assistant message alone; the tool messages that answer them follow in this order."""
    call_id: str | None = None
    """Of a tool message alone: the `ToolCall.id` that it answers."""
    given: Mapping[str, Any] | None = field(default=None, hash=False)
    """The whole message as somebody else wrote it in the shape of Chat Completions; sent as it is.

    The rest says the same for who reads it here: its words, its calls.
    """
    reasoning: Reasoning = field(default=(), hash=False)
    """Of an assistant message alone: what the model thought before it, as its provider wants it back."""


@dataclass(frozen=True, slots=True)
class ToolSpec:
    """A tool as the model sees it."""

    name: str
    description: str
    parameters: dict[str, Any] = field(hash=False)
    """A JSON Schema of type object."""
    given: Mapping[str, Any] | None = field(default=None, hash=False)
    """The whole declaration as somebody else wrote it in the shape of Chat Completions; sent as it is."""


@dataclass(frozen=True, slots=True)
class ChatRequest:
    """All that one request to a chat model says."""

    messages: tuple[Message, ...]
    tools: tuple[ToolSpec, ...] = ()
    tool_choice: str = "auto"
    """ "auto", "none", "required", or the name of one of `tools` (which forces that tool)."""
    memory: dict[str, Any] = field(default_factory=dict, compare=False, repr=False)
    """The conversation's, from one request to the next: what a model keeps there is found there again.

    No part of what is said. A model that needs none leaves it alone, or hands it on with a request of its own.
    """


@dataclass(frozen=True, slots=True)
class Usage:
    """What one request cost, as the provider counted it; never negative."""

    prompt_tokens: int = 0
    completion_tokens: int = 0
    cost_usd: float | None = None
    """The provider's own figure, else one from a table of prices; None where nobody knows."""
    estimated: bool = False
    """Whether the cost is from a table, not from the provider."""
    cached_tokens: int = 0
    """Of the prompt's tokens those that the provider had read before, and mostly sells cheaper."""
    reasoning_tokens: int = 0
    """Of the completion's tokens those that the model thought with."""


NOTHING = Usage(cost_usd=0.0)
"""The usage of no request."""


@dataclass(frozen=True, slots=True)
class Delta:
    """One streamed fragment: of the text, of a call, or the end.

    What identifies a call is kept as the provider sent it (None where absent), because the
    fold in `deltas.py` decides which fragments belong together, not the wire.
    """

    text: str = ""
    index: int | None = None
    call_id: str | None = None
    name: str | None = None
    arguments: str | None = None
    finish_reason: str | None = None
    """ "stop", "tool_calls", "length", "content_filter" or "error"; None before the end."""
    usage: Usage | None = None
    reasoning: Reasoning = field(default=(), hash=False)
    """Fragments of what the model thinks; how they belong together: `core.thoughts`."""
