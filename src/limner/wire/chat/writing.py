"""Chat Completions: a request as JSON."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from limner.core.messages import ChatRequest, Message, ToolSpec
from limner.core.thoughts import joined

from ..body import Body
from ..replaying import NO_OUTPUT, replayable
from .reasoning import with_reasoning

__all__ = ["chat_body"]


def chat_body(
    request: ChatRequest, *, model: str, stream: bool, extra: Mapping[str, Any] | None = None
) -> Body:
    """The request as JSON; `extra` wins over what stands here, and its None removes a key."""
    fields: dict[str, Any] = {"model": model}
    if request.tools:
        fields["tools"] = [_tool(tool) for tool in request.tools]
        # "auto" is the default everywhere, and some servers refuse the field itself (quirk 36).
        if request.tool_choice in ("none", "required"):
            fields["tool_choice"] = request.tool_choice
        elif request.tool_choice != "auto":
            fields["tool_choice"] = {"type": "function", "function": {"name": request.tool_choice}}
    if stream:
        fields["stream"] = True
        fields["stream_options"] = {"include_usage": True}
    return Body(fields | dict(extra or {}), "messages", request, _Scribe)


class _Scribe:
    """Each message by itself."""

    def items(self, at: int, message: Message) -> Iterator[dict[str, Any]]:  # noqa: ARG002  a Scribe's
        written = _message(message)
        if written is not None:
            yield written

    def rewind(self, at: int) -> None:
        pass


def _tool(tool: ToolSpec) -> dict[str, Any]:
    if tool.given is not None:
        return dict(tool.given)
    function = {"name": tool.name, "description": tool.description, "parameters": tool.parameters}
    return {"type": "function", "function": function}


def _message(message: Message) -> dict[str, Any] | None:
    if message.given is not None:
        given = dict(message.given)
        details = given.get("reasoning_details")
        return with_reasoning(given, joined(details)) if isinstance(details, list) else given
    if message.role == "tool":
        return {"role": "tool", "tool_call_id": message.call_id, "content": message.text or NO_OUTPUT}
    if message.role != "assistant":
        return {"role": message.role, "content": message.text}
    if message.calls:
        calls = [
            {
                "id": call.id,
                "type": "function",
                "function": {"name": call.name, "arguments": replayable(call.arguments)},
            }
            for call in message.calls
        ]
        # Null and not "": some providers refuse empty text beside calls, none refuses null (quirk 31).
        said = {"role": "assistant", "content": message.text or None, "tool_calls": calls}
        return with_reasoning(said, message.reasoning)
    # An assistant message that says nothing is refused by several providers and tells nobody anything.
    if not message.text:
        return None
    return with_reasoning({"role": "assistant", "content": message.text}, message.reasoning)
