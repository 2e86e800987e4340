"""What a request of the Responses API may say beside its items and tools: its three lists, as data.

What chat requests may say, they may say too, but for what this API says under another name.
Sources: OpenAI API reference, "Create a model response"; Open Responses specification; OpenRouter API
reference, "Create a response" (read 2026-11-21).
"""

from __future__ import annotations

from collections.abc import Mapping

from ..parameters import FORWARDED, LEGACY, REFUSED_EVERYWHERE, Lists, Refused

__all__ = ["INCLUDABLE", "RESPONSES"]

INCLUDABLE = (
    "code_interpreter_call.outputs",
    "computer_call_output.output.image_url",
    "file_search_call.results",
    "message.input_image.image_url",
    "message.output_text.logprobs",
    "reasoning.encrypted_content",
    "web_search_call.action.sources",
    "web_search_call.results",
)
"""What `include` may ask for."""

_CHAT_ONLY = Refused("it belongs to Chat Completions; leave it out")

_SAID_OTHERWISE: Mapping[str, Refused] = {
    # Always: what goes on under these names is written here.
    "messages": Refused("send the conversation as 'input'", always=True),
    "max_completion_tokens": Refused("send it as 'max_output_tokens'", always=True),
    "max_tokens": Refused("send it as 'max_output_tokens'", always=True),
    "response_format": Refused("send it as 'text.format'", always=True),
    "verbosity": Refused("send it as 'text.verbosity'", always=True),
    "logprobs": Refused("answers are told without their tokens; leave it out", always=True),
    "reasoning_effort": Refused("send it as 'reasoning.effort'"),
    "function_call": LEGACY,
    "functions": LEGACY,
    "n": Refused("a request has one answer; ask several times", always=True),
    "best_of": Refused("a request has one answer; ask several times"),
    "audio": _CHAT_ONLY,
    "prediction": _CHAT_ONLY,
    "web_search_options": _CHAT_ONLY,
}

RESPONSES = Lists(
    forwarded=FORWARDED - _SAID_OTHERWISE.keys(),
    acted_on=frozenset(
        {
            "background",
            "include",
            "input",
            "instructions",
            "max_output_tokens",
            "max_tool_calls",
            "model",
            "previous_response_id",
            "stop_server_tools_when",
            "store",
            "stream",
            "stream_options",
            "text",
            "tool_choice",
            "tools",
            "truncation",
            "usage",
        }
    ),
    refused={
        **REFUSED_EVERYWHERE,
        **_SAID_OTHERWISE,
        "access_programs": Refused("what the service's own account may use is not the client's to say"),
        "background": Refused(
            "no answer is made in the background; send 'stream': true, and keep the connection open"
        ),
        "context_management": Refused("a conversation is never compacted here; send a shorter 'input'"),
        "conversation": Refused(
            "conversations are not kept under an id; send all of it as 'input', or 'previous_response_id'"
        ),
        "image": Refused("pictures go to the model as they are sent; leave it out"),
        "prompt": Refused("prompts are not kept here; send the words as 'instructions' and 'input'"),
    },
)
