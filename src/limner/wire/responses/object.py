"""The object around an answer of the Responses API: its fields, what it cost, why it failed.

Sources: Open Responses, "ResponseResource" (version 2026-04-24); OpenAI API reference, "Responses"; OpenRouter API
reference, "Responses" (read 2026-11-21).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ..envelopes import ErrorWords

__all__ = ["ResponseHead", "failure", "response_object", "responses_usage"]


@dataclass(frozen=True, slots=True)
class ResponseHead:
    """What an answer is known by from its first event on."""

    id: str
    """ "resp_…"; the ids of its items are made from the rest."""
    created_at: int
    """Unix seconds."""
    model: str
    """As the client named it."""
    provider: str
    """Who answers, for people."""


def response_object(
    head: ResponseHead,
    echo: Mapping[str, Any],
    output: Sequence[Mapping[str, Any]],
    *,
    status: str,
    completed_at: int | None = None,
    usage: Mapping[str, Any] | None = None,
    error: Mapping[str, Any] | None = None,
    error_type: str | None = None,
    incomplete: str | None = None,
    extension: Mapping[str, Any] | None = None,
) -> dict[str, Any]:
    """Every field of it; `echo` is what the request said, with the defaults for what it left out.

    `incomplete`: "max_output_tokens" or "content_filter". `extension`: the field `limner`.
    """
    answer: dict[str, Any] = {
        "id": head.id,
        "object": "response",
        "created_at": head.created_at,
        "completed_at": completed_at,
        "status": status,
        "error": error,
        "incomplete_details": None if incomplete is None else {"reason": incomplete},
        "model": head.model,
        "provider": head.provider,
        "output": list(output),
        "usage": usage,
        **echo,
    }
    if error_type is not None:
        answer["error_type"] = error_type
    if extension:
        answer["limner"] = dict(extension)
    return answer


def responses_usage(usage: Mapping[str, Any]) -> dict[str, Any]:
    """`usage` as a chat tells it (`wire.chat.said.usage`), as the Responses API does; what is unknown stays away."""
    prompt = usage.get("prompt_tokens_details") or {}
    completion = usage.get("completion_tokens_details") or {}
    said: dict[str, Any] = {
        "input_tokens": usage["prompt_tokens"],
        "input_tokens_details": {
            "cached_tokens": prompt.get("cached_tokens") or 0,
            "cache_write_tokens": prompt.get("cache_write_tokens") or 0,
        },
        "output_tokens": usage["completion_tokens"],
        "output_tokens_details": {"reasoning_tokens": completion.get("reasoning_tokens") or 0},
        "total_tokens": usage["total_tokens"],
    }
    said |= {name: usage[name] for name in ("is_byok", "cost", "server_tool_use_details") if name in usage}
    costs = usage.get("cost_details")
    if costs is not None:
        said["cost_details"] = {_COSTS.get(name, name): value for name, value in costs.items()}
    return said


def failure(words: ErrorWords) -> dict[str, Any]:
    """The field `error` of an answer that failed.

    `type` stands there for a client (Vercel's) that refuses an error without it.
    """
    return {
        "code": _FAILURES.get(words.error_type, "server_error"),
        "message": words.sentence,
        "type": words.type,
    }


_COSTS: Mapping[str, str] = {
    "upstream_inference_prompt_cost": "upstream_inference_input_cost",
    "upstream_inference_completions_cost": "upstream_inference_output_cost",
}
_FAILURES: Mapping[str, str] = {
    "rate_limit_exceeded": "rate_limit_exceeded",
    "context_length_exceeded": "invalid_prompt",
    "invalid_request": "invalid_prompt",
    "invalid_prompt": "invalid_prompt",
    "content_policy_violation": "image_content_policy_violation",
}
"""OpenRouter's word → the closest of OpenAI's closed list."""
