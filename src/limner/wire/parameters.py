"""What a request may say beside its messages and tools: three lists for each API, as data. Here: chat's.

A name on the first goes to the model's provider as it is, one on the second is acted on here, one on
the third is refused with its reason. A name on none is refused too: whatever is passed on unread may
lead a key, a bill or a request elsewhere.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any

from .asking import AskError, whole_number

__all__ = [
    "ACTED_ON",
    "BESIDE_THE_IMAGE_TOOL",
    "CHAT",
    "FORWARDED",
    "LEGACY",
    "REFUSED",
    "REFUSED_EVERYWHERE",
    "Beside",
    "Lists",
    "Refused",
    "check_beside_image_tool",
    "forwarded",
    "shown",
]

FORWARDED = frozenset(
    {
        # OpenAI API reference, "Create chat completion" (openai 3.x, read 2026-11-21).
        "audio",
        "frequency_penalty",
        "logit_bias",
        "logprobs",
        "max_completion_tokens",
        "max_tokens",
        "metadata",
        "modalities",
        "moderation",
        "n",
        "parallel_tool_calls",
        "prediction",
        "presence_penalty",
        "prompt_cache_key",
        "prompt_cache_options",
        "prompt_cache_retention",
        "reasoning_effort",
        "response_format",
        "safety_identifier",
        "seed",
        "service_tier",
        "stop",
        "temperature",
        "top_logprobs",
        "top_p",
        "user",
        "verbosity",
        "web_search_options",
        # OpenRouter API reference, "Parameters", "Provider routing", "Plugins" (read 2026-11-21).
        "cache_control",
        "image_config",
        "include_reasoning",
        "min_p",
        "plugins",
        "provider",
        "reasoning",
        "repetition_penalty",
        "route",
        "session_id",
        "structured_outputs",
        "top_a",
        "top_k",
        "trace",
        "transforms",
        # What model servers of one's own and other providers take, and their clients send.
        "chat_template_kwargs",
        "enable_thinking",
        "guided_choice",
        "guided_json",
        "ignore_eos",
        "keep_alive",
        "length_penalty",
        "min_tokens",
        "mirostat",
        "mirostat_eta",
        "mirostat_tau",
        "num_ctx",
        "num_predict",
        "random_seed",
        "repeat_last_n",
        "repeat_penalty",
        "safe_prompt",
        "search_parameters",
        "thinking",
        "thinking_budget",
        "tfs_z",
        "typical_p",
    }
)
"""Sent to the model's provider as the client wrote them; it knows what they may hold."""

ACTED_ON = frozenset(
    {
        "max_tool_calls",
        "messages",
        "model",
        "stop_server_tools_when",
        "store",
        "stream",
        "stream_options",
        "tool_choice",
        "tools",
        "usage",
    }
)
"""Read here; an operator cannot have them passed on."""


@dataclass(frozen=True, slots=True)
class Refused:
    """Why a known parameter is refused."""

    reason: str
    """What follows "… is not supported: ", with what to do instead."""
    always: bool = False
    """Whether an operator cannot let it through either."""


_ADDRESS = Refused("which server is asked, and with which key, is not the client's to say", always=True)
_HEADERS = Refused("headers of other requests are not the client's to write", always=True)
LEGACY = Refused("declare functions under 'tools' and choose one with 'tool_choice'")
_RESPONSES = Refused(
    "it belongs to the Responses API; ask POST /responses, or send the whole conversation as 'messages'"
)
_OTHER_MODELS = Refused("a request names one model, from the list of this service; send it as 'model'")

REFUSED_EVERYWHERE: Mapping[str, Refused] = {
    # Where LiteLLM's CVE-2024-6587 came in (scorecard S30).
    "api_base": _ADDRESS,
    "api_key": _ADDRESS,
    "api_type": _ADDRESS,
    "api_version": _ADDRESS,
    "base_url": _ADDRESS,
    "custom_llm_provider": _ADDRESS,
    "organization": _ADDRESS,
    "default_headers": _HEADERS,
    "extra_headers": _HEADERS,
    "headers": _HEADERS,
    "extra_body": Refused("write its fields beside the others", always=True),
    "extra_query": Refused("the query of other requests is not the client's to write", always=True),
    "models": _OTHER_MODELS,
    "fallbacks": _OTHER_MODELS,
    "preset": Refused("a preset may name other models and tools; send what it holds"),
    "chat_template": Refused("a template runs on the model's server; send the conversation"),
    "debug": Refused("what is sent to the model's provider is not shown"),
}
"""By every API."""

REFUSED: Mapping[str, Refused] = {
    **REFUSED_EVERYWHERE,
    "function_call": LEGACY,
    "functions": LEGACY,
    "background": _RESPONSES,
    "conversation": _RESPONSES,
    "include": _RESPONSES,
    "input": _RESPONSES,
    "instructions": _RESPONSES,
    "max_output_tokens": _RESPONSES,
    "previous_response_id": _RESPONSES,
    "truncation": _RESPONSES,
    "prompt": Refused("it belongs to the Completions API; send it as 'messages'"),
    "best_of": Refused("it belongs to the Completions API; ask several times"),
    "store": Refused("nothing is stored under an id of the provider; send false or leave it out"),
}
"""`store` is on the second list for its false, and here for its true."""


@dataclass(frozen=True, slots=True)
class Lists:
    """What the requests of one API may say."""

    forwarded: frozenset[str]
    acted_on: frozenset[str]
    refused: Mapping[str, Refused]
    """What is `acted_on` and stands here too may be false, and nothing else."""


CHAT = Lists(FORWARDED, ACTED_ON, REFUSED)


@dataclass(frozen=True, slots=True)
class Beside:
    """What a forwarded parameter may say where the image tool is on."""

    values: tuple[object, ...]
    reason: str


_DRAWN_BY_THE_TOOL = "pictures are drawn by the image tool; set them up in its options"

BESIDE_THE_IMAGE_TOOL: Mapping[str, Beside] = {
    "audio": Beside((), "the image tool answers in text and pictures"),
    # The model's own pictures and the tool's would be two ways to the same answer, one of them unbounded base64.
    "image_config": Beside((), _DRAWN_BY_THE_TOOL),
    "modalities": Beside((["text"],), _DRAWN_BY_THE_TOOL),
    # An answer is made of several of the model's messages, and pictures stand for some of the tokens.
    "logprobs": Beside((False,), "an illustrated answer has no tokens of its own"),
    "top_logprobs": Beside((0,), "an illustrated answer has no tokens of its own"),
    # Each of n answers would buy its own pictures.
    "n": Beside((1,), "with the image tool there is one answer; ask several times"),
}

_LONGEST_SHOWN = 64
_MOST_ANSWERS = 128


def forwarded(body: Mapping[str, Any], forward: Collection[str] = (), lists: Lists = CHAT) -> dict[str, Any]:
    """What goes to the model's provider as it is; `forward` adds the operator's names to the first list.

    Null means "not said" everywhere, so it is not passed on.

    Raises: AskError (`unsupported_parameter`, `invalid_value`).
    """
    options: dict[str, Any] = {}
    for name, value in body.items():
        refused = lists.refused.get(name)
        if name in lists.acted_on:
            if refused is not None and value not in (None, False):
                raise _refusal(name, refused)
        elif name in lists.forwarded or (name in forward and not (refused and refused.always)):
            if value is not None:
                options[name] = value
        elif refused is None:
            raise AskError(
                "unsupported_parameter",
                f"There is no parameter {shown(name)} here; leave it out.",
                named(name),
            )
        elif value is not None:
            raise _refusal(name, refused)
    count = whole_number(options, "n", least=1, most=_MOST_ANSWERS)
    return options if count is None else {**options, "n": count}


def check_beside_image_tool(options: Mapping[str, Any]) -> None:
    """Whether a request with `options` can be illustrated.

    Raises: AskError (`parameter_refused`).
    """
    for name, rule in BESIDE_THE_IMAGE_TOOL.items():
        if name in options and options[name] not in rule.values:
            raise AskError("parameter_refused", f"{name!r} cannot be had: {rule.reason}.", name)


def shown(name: str) -> str:
    """A client's word in a sentence of ours: never long, never with control characters in it."""
    return ascii(named(name))


def named(name: str) -> str:
    """A client's word as (a part of) the `param` of an error."""
    cut = name if len(name) <= _LONGEST_SHOWN else f"{name[:_LONGEST_SHOWN]}..."
    return ascii(cut)[1:-1]


def _refusal(name: str, refused: Refused) -> AskError:
    return AskError("unsupported_parameter", f"{name!r} is not supported: {refused.reason}.", name)
