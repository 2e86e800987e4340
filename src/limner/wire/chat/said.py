"""What a chat client is answered: whole, and in chunks.

Functions give JSON-shaped data; `frame` writes one of them as one frame. What strict clients need:
an answer in one piece has `system_fingerprint`, null where there is none, and a chunk never has it null;
`content` is "" rather than null unless there are calls; `tool_calls`, `cost` and the like are left out rather
than null; every chunk has choices, and an empty delta where it says something beside them.

Sources: OpenAI API reference, "Chat Completions"; OpenRouter API reference, "Chat"; the packages openai 3.52,
@openrouter/sdk 1.3.19 and @openrouter/ai-sdk-provider 2.10.0 (read 2026-11-21).
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from limner.core.messages import ToolCall
from limner.core.repair import canonical_arguments
from limner.core.thoughts import joined

from ..dialects import Dialect
from ..frames import DONE, comment, frame, json_bytes
from ..images.lines import image_line, image_lines, limner
from ..servertool import IMAGE, SERVER_CALL

__all__ = [
    "DONE",
    "Head",
    "calls_chunk",
    "comment",
    "finish_chunk",
    "frame",
    "image_line",
    "image_lines",
    "json_bytes",
    "limner",
    "picture_chunk",
    "progress_chunk",
    "reasoning_chunk",
    "role_chunk",
    "server_call",
    "server_call_chunk",
    "text_chunk",
    "usage",
    "usage_chunk",
    "whole",
]


@dataclass(frozen=True, slots=True)
class Head:
    """What every piece of one answer begins with."""

    id: str
    created: int
    """Unix seconds."""
    model: str
    """As the client named it."""
    provider: str
    """Who answers, for people; some clients refuse an answer without it."""
    fingerprint: str | None = None
    """The model's own `system_fingerprint`, where it has one."""
    offline: bool = False
    """Nothing is connected: the first chunk and the last, and an answer in one piece, say so."""


def role_chunk(head: Head) -> dict[str, Any]:
    """The first chunk."""
    return _chunk(head, {"role": "assistant", "content": ""}, extension=limner(offline=head.offline))


def text_chunk(head: Head, text: str) -> dict[str, Any]:
    """More words; Markdown that fetches nothing but what stands here in its place.

    A picture's Markdown, `![alt](link)`, is one `text` of its own, because pages show broken text where it is
    split. The engine tells a picture's place as one event, and who answers it makes one chunk of that event:
    nothing is cut or joined here.
    """
    return _chunk(head, {"content": text})


def reasoning_chunk(head: Head, details: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """What the model thinks, as fragments that clients join by their `index`; in plain words beside it."""
    return _chunk(head, _reasoning(details) | {"reasoning_details": [dict(detail) for detail in details]})


def picture_chunk(head: Head, index: int, url: str) -> dict[str, Any]:
    """A finished picture; `index` counts the pictures shown in this answer from 0."""
    return _chunk(head, {"images": [_image(index, url)]})


def server_call_chunk(head: Head, detail: Mapping[str, Any]) -> dict[str, Any]:
    """A finished call of the image tool, as `server_call` gives it."""
    return _chunk(head, {"reasoning_details": [dict(detail)]})


def calls_chunk(head: Head, calls: Iterable[ToolCall]) -> dict[str, Any]:
    """All calls that the client executes, each of them whole."""
    items = [{"index": index, **_call(call)} for index, call in enumerate(calls)]
    return _chunk(head, {"tool_calls": items})


def progress_chunk(head: Head, lines: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """How pictures come along: `limner.images[]`, beside an empty delta that every client passes over."""
    return _chunk(head, {}, extension=limner(lines))


def finish_chunk(
    head: Head,
    reason: str,
    *,
    native: str | None = None,
    lines: Sequence[Mapping[str, Any]] | None = None,
    incomplete: str | None = None,
) -> dict[str, Any]:
    """The end of the words; a stream has exactly one.

    `reason`: "stop", "tool_calls" (with calls for the client, never else), "length" or "content_filter".
    `native`: the model's own word. `lines`: of all pictures of the answer. `incomplete`: why it ended early.
    """
    chunk = _chunk(head, {}, extension=limner(lines, offline=head.offline))
    chunk["choices"][0] |= {"finish_reason": reason, "native_finish_reason": native or reason}
    return chunk | _incomplete(incomplete)


def usage_chunk(head: Head, usage: Mapping[str, Any], *, dialect: Dialect) -> dict[str, Any]:
    """The last chunk before `DONE`: always under OpenRouter's dialect, under OpenAI's where it was asked for.

    OpenAI's has no choices. OpenRouter's has one with an empty delta: its clients look at the first.
    """
    chunk = _chunk(head, {})
    if dialect == "openai":
        chunk["choices"] = []
    return chunk | {"usage": dict(usage)}


def whole(
    head: Head,
    content: str,
    *,
    images: Sequence[str] = (),
    details: Sequence[Mapping[str, Any]] = (),
    calls: Sequence[ToolCall] = (),
    finish: str = "stop",
    native: str | None = None,
    usage: Mapping[str, Any] | None = None,
    lines: Sequence[Mapping[str, Any]] | None = None,
    incomplete: str | None = None,
) -> dict[str, Any]:
    """The answer in one piece.

    `images`: where the pictures are found, in the order shown. `details`: as `server_call` gives them, and
    what the model thought between them, in entries or in fragments.
    `calls`: those that the client executes. `lines`: `limner.images[]`. The rest as in `finish_chunk`.
    """
    message: dict[str, Any] = {
        "role": "assistant",
        "content": None if calls and not content else content,
        "refusal": None,
    }
    if images:
        message["images"] = [_image(index, url) for index, url in enumerate(images)]
    if details:
        message |= _reasoning(details) | {"reasoning_details": list(joined(details))}
    if calls:
        message["tool_calls"] = [_call(call) for call in calls]
    answer: dict[str, Any] = {
        "id": head.id,
        "object": "chat.completion",
        "created": head.created,
        "model": head.model,
        "provider": head.provider,
        "system_fingerprint": head.fingerprint,
        "choices": [
            {
                "index": 0,
                "finish_reason": finish,
                "native_finish_reason": native or finish,
                "logprobs": None,
                "message": message,
            }
        ],
    }
    if usage is not None:
        answer["usage"] = dict(usage)
    if extension := limner(lines, offline=head.offline):
        answer["limner"] = extension
    return answer | _incomplete(incomplete)


def server_call(
    index: int, *, call_id: str, arguments: str, result: Mapping[str, Any], tool: str = IMAGE
) -> dict[str, Any]:
    """A finished call of ours for `reasoning_details`, from which a client sends it back in a later turn.

    `index` counts these items in one answer from 0, because clients join those of one index.
    `arguments` as the model wrote them; what is no JSON object becomes one. `result` is what the model was
    told, with the link that a reader has in place of the reference.
    """
    return {
        "type": SERVER_CALL,
        "tool_name": tool,
        "arguments": canonical_arguments(arguments),
        "result": json.dumps(result, ensure_ascii=False),
        "tool_call_id": call_id,
        "id": None,
        # The only value that all schemas of it know and that names nobody's model.
        "format": "unknown",
        "index": index,
    }


def usage(receipt: Mapping[str, Any], calls: Iterable[Mapping[str, Any]] = ()) -> dict[str, Any]:
    """`Reply.receipt` and `Reply.calls` as clients read what an answer cost.

    `cost` holds the words and the pictures, in US dollars. What is unknown is left out: clients refuse a cost
    that is null, and half of one would be read as the whole. Clients that want details want the model's
    share split into its two sides; where the provider told one figure, it is split by tokens.
    """
    chat = receipt["chat"]
    prompt, completion = chat["prompt_tokens"], chat["completion_tokens"]
    said: dict[str, Any] = {
        "prompt_tokens": prompt,
        "completion_tokens": completion,
        "total_tokens": prompt + completion,
        "prompt_tokens_details": {"cached_tokens": chat["cached_tokens"]},
        "completion_tokens_details": {"reasoning_tokens": chat["reasoning_tokens"]},
        "is_byok": False,
    }
    chat_usd, images_usd, cost_usd = chat["cost_usd"], receipt["images_usd"], receipt["cost_usd"]
    if cost_usd is not None:
        # A late picture that cost less than was set aside may leave less than nothing.
        said["cost"] = max(0.0, cost_usd)
    if chat_usd is not None:
        prompt_usd = chat_usd * prompt / (prompt + completion) if prompt + completion else chat_usd
        said["cost_details"] = {
            "upstream_inference_cost": chat_usd,
            "upstream_inference_prompt_cost": prompt_usd,
            "upstream_inference_completions_cost": chat_usd - prompt_usd,
            "server_tool_cost": images_usd if images_usd is None else max(0.0, images_usd),
        }
    ours = [call for call in calls if "prompt" in call]
    if ours:
        said["server_tool_use_details"] = {
            "tool_calls_requested": len(ours),
            "tool_calls_executed": sum(call["status"] == "ok" for call in ours),
        }
    return said


def _chunk(
    head: Head, delta: dict[str, Any], *, extension: Mapping[str, Any] | None = None
) -> dict[str, Any]:
    chunk: dict[str, Any] = {
        "id": head.id,
        "object": "chat.completion.chunk",
        "created": head.created,
        "model": head.model,
        "provider": head.provider,
        "choices": [{"index": 0, "delta": delta, "finish_reason": None, "logprobs": None}],
    }
    if head.fingerprint is not None:
        chunk["system_fingerprint"] = head.fingerprint
    if extension:
        chunk["limner"] = dict(extension)
    return chunk


def _image(index: int, url: str) -> dict[str, Any]:
    return {"type": "image_url", "image_url": {"url": url}, "index": index}


def _call(call: ToolCall) -> dict[str, Any]:
    return {
        "id": call.id,
        "type": "function",
        # Clients parse what stands here, and several of them stumble over nothing.
        "function": {"name": call.name, "arguments": call.arguments or "{}"},
    }


def _reasoning(details: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """What of it people can read, as clients show it."""
    said = "".join(str(detail.get("text") or detail.get("summary") or "") for detail in details)
    return {"reasoning": said} if said else {}


def _incomplete(reason: str | None) -> dict[str, Any]:
    return {} if reason is None else {"x_incomplete": {"reason": reason}}
