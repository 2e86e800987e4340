"""A tool of the application."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from limner.core.messages import ToolSpec
from limner.core.repair import clean
from limner.errors import CallerError

__all__ = ["Tool", "ToolPicture", "ToolResult"]

MAX_CONTENT = 64 * 1024
"""Characters of one result; it is sent again with every later request."""


@dataclass(frozen=True, slots=True)
class ToolPicture:
    """A picture that a tool returns; it gets a reference like every other."""

    data: bytes = field(repr=False)
    """PNG, JPEG or WebP."""
    alt: str
    """What it shows, for people who can't see it."""


@dataclass(frozen=True, slots=True)
class ToolResult:
    """What a tool returns when it has more to say than one value."""

    value: Any = None
    """JSON-shaped, or text."""
    pictures: tuple[ToolPicture, ...] = ()
    error: str | None = None
    """A sentence that the model can act on; the call counts as failed."""


@dataclass(frozen=True, slots=True)
class Tool:
    """A function that the model may call beside the image tool.

    `run` takes the checked arguments as keywords and returns text, JSON-shaped data or a
    `ToolResult`; None means that the caller executes it: the conversation rests and
    `Conversation.resume` takes the results. After a crash a call without a recorded result is
    run again, so `run` must bear being run twice.
    """

    name: str
    """Letters, digits, `_` and `-`, at most 64."""
    description: str
    parameters: Mapping[str, Any]
    """A JSON Schema of type object; references to anything outside it are refused."""
    run: Callable[..., Awaitable[Any]] | None = None
    timeout_s: float = 60.0
    """Seconds for one call, > 0."""
    given: Mapping[str, Any] | None = field(default=None, repr=False)
    """Of a caller's tool: its declaration in the shape of Chat Completions, sent as it is and never looked into."""

    @property
    def spec(self) -> ToolSpec:
        """The tool as the model sees it."""
        return ToolSpec(self.name, self.description, dict(self.parameters), self.given)


def as_result(value: Any) -> ToolResult:
    """What a tool returned, in one shape."""
    return value if isinstance(value, ToolResult) else ToolResult(value)


def content(value: Any) -> str:
    """What the model reads of a tool's value: text as it is, everything else as JSON.

    Raises: CallerError (`tool_result_not_json`).
    """
    if isinstance(value, str):
        return _bounded(clean(value))
    try:
        # NaN and infinity are no JSON, and a provider would refuse them.
        return _bounded(clean(json.dumps(value, ensure_ascii=False, allow_nan=False)))
    except (TypeError, ValueError) as error:
        raise CallerError(
            f"a tool returned {type(value).__name__}, which is not JSON; return text, JSON-shaped data or a ToolResult",
            code="tool_result_not_json",
        ) from error


def picture_bytes(data: object) -> bytes:
    """The bytes of a picture that the application gives.

    Never a path: a file that is kept is moved into the store, and this one is the application's own.

    Raises: CallerError (`picture_not_bytes`).
    """
    if not isinstance(data, bytes | bytearray | memoryview):
        raise CallerError(
            f"a picture is given as bytes and not as {type(data).__name__}; read its file first",
            code="picture_not_bytes",
        )
    return bytes(data)


def _bounded(text: str) -> str:
    if len(text) <= MAX_CONTENT:
        return text
    return f"{text[:MAX_CONTENT]}\n(cut: the result has {len(text)} characters)"
