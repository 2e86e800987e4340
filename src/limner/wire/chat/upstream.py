"""Chat Completions: what comes back, as deltas.

Reading is tolerant of every shape in the quirks list; what identifies a call is handed on as
it came, because the fold decides what belongs together.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import Any

from limner.core.messages import Delta, Reasoning, Usage

from ..figures import cost_usd, counted
from ..text import clean
from .reasoning import read_reasoning

__all__ = ["read_chunk", "read_usage", "read_whole", "read_words"]

_TEXTUAL = ("text", "output_text", "refusal")
_UNWRITABLE = "(nested too deeply)"
"""Stands for arguments that cannot be written: the call then fails as any invalid one."""
_FINISHES = {
    "stop": "stop",
    "tool_calls": "tool_calls",
    "length": "length",
    "content_filter": "content_filter",
    "error": "error",
    "function_call": "tool_calls",
    "tool_use": "tool_calls",
    "max_tokens": "length",
    "model_length": "length",
    "model_context_window_exceeded": "length",
    "safety": "content_filter",
    "recitation": "content_filter",
    "prohibited_content": "content_filter",
    "refusal": "content_filter",
    "malformed_function_call": "error",
}
"""What providers call the end of a message; any other word means "stop"."""


def read_chunk(chunk: object) -> tuple[Delta, ...]:
    """What one streamed chunk says; () where it says nothing that we keep."""
    if not isinstance(chunk, dict):
        return ()
    choice = _first(chunk.get("choices"))
    said = choice.get("delta")
    # Some servers stream whole messages.
    said = said if isinstance(said, dict) else choice.get("message")
    said = said if isinstance(said, dict) else {}
    text = _text(said) or _content(choice.get("text"))
    thought = read_reasoning(said, whole=False)
    return _joined(thought, text, _calls(said, whole=False), _finish(choice), read_usage(chunk.get("usage")))


def read_words(chunk: object) -> str:
    """The text of a streamed chunk that says nothing else; "" where it has to be read with care."""
    if not isinstance(chunk, dict) or chunk.get("error") or chunk.get("usage") is not None:
        return ""
    choices = chunk.get("choices")
    choice = choices[0] if isinstance(choices, list) and len(choices) == 1 else None
    said = choice.get("delta") if isinstance(choice, dict) else None
    if not isinstance(choice, dict) or not isinstance(said, dict):
        return ""
    if choice.get("finish_reason") or choice.get("error"):
        return ""
    if chunk.get("object") == "error" or chunk.get("type") == "error":
        return ""
    for name, value in said.items():
        # What is empty says nothing, whatever it is.
        if value and name not in ("content", "role"):
            return ""
    text = said.get("content")
    return clean(text) if isinstance(text, str) else ""


def read_whole(body: object) -> tuple[Delta, ...]:
    """What a whole answer says; () where it holds no message."""
    if not isinstance(body, dict):
        return ()
    choice = _first(body.get("choices"))
    said = choice.get("message")
    if not isinstance(said, dict):
        return ()
    thought, finish = read_reasoning(said, whole=True), _finish(choice) or "stop"
    return _joined(thought, _text(said), _calls(said, whole=True), finish, read_usage(body.get("usage")))


def read_usage(usage: object) -> Usage | None:
    """What an answer says of tokens and money; None where it says nothing."""
    if not isinstance(usage, dict):
        return None
    details = usage.get("prompt_tokens_details") or usage.get("input_tokens_details")
    prompt_tokens = counted(usage, "prompt_tokens", "input_tokens")
    cached_tokens = counted(details, "cached_tokens") if isinstance(details, dict) else 0
    completion_tokens = counted(usage, "completion_tokens", "output_tokens")
    details = usage.get("completion_tokens_details") or usage.get("output_tokens_details")
    reasoning_tokens = counted(details, "reasoning_tokens") if isinstance(details, dict) else 0
    return Usage(
        prompt_tokens=prompt_tokens,
        completion_tokens=completion_tokens,
        cost_usd=cost_usd(usage),
        cached_tokens=min(cached_tokens or counted(usage, "prompt_cache_hit_tokens"), prompt_tokens),
        reasoning_tokens=min(reasoning_tokens, completion_tokens),
    )


def _first(choices: object) -> dict[str, Any]:
    if isinstance(choices, list):
        for choice in choices:
            if isinstance(choice, dict):
                return choice
    return {}


def _text(said: Mapping[str, Any]) -> str:
    return _content(said.get("content")) or _content(said.get("refusal"))


def _content(content: object) -> str:
    """Text, or a list of parts of which the textual ones count; parts within parts do not."""
    if isinstance(content, str):
        return clean(content)
    if not isinstance(content, list):
        return ""
    return "".join(clean(text) for part in content if isinstance(text := _worded(part), str))


def _worded(part: object) -> object:
    if isinstance(part, dict):
        kind = part.get("type", "text")
        return part.get("text") if kind in _TEXTUAL else None
    return part


def _calls(said: Mapping[str, Any], *, whole: bool) -> list[Delta]:
    fragments: list[Delta] = []
    entries = said.get("tool_calls")
    if isinstance(entries, dict):
        entries = [entries]
    seen: set[str] = set()
    for position, entry in enumerate(entries if isinstance(entries, list) else ()):
        if not isinstance(entry, dict):
            continue
        call_id = entry.get("id")
        call_id = clean(call_id) if isinstance(call_id, str) and call_id else None
        index = entry.get("index")
        index = index if isinstance(index, int) and not isinstance(index, bool) else None
        if whole:
            # In a whole message the place in the list is the truth: an id that comes twice is none.
            index, call_id = position, None if call_id in seen else call_id
            seen.add(call_id or "")
        function = entry.get("function")
        function = function if isinstance(function, dict) else entry
        fragments.append(
            Delta(
                index=index,
                call_id=call_id,
                name=_name(function.get("name")),
                arguments=_arguments(function.get("arguments")),
            )
        )
    legacy = said.get("function_call")
    if not fragments and isinstance(legacy, dict):
        name, arguments = _name(legacy.get("name")), _arguments(legacy.get("arguments"))
        if name is not None or arguments is not None:
            fragments.append(Delta(index=0 if whole else None, name=name, arguments=arguments))
    return fragments


def _name(name: object) -> str | None:
    return clean(name) if isinstance(name, str) and name else None


def _arguments(arguments: object) -> str | None:
    """The raw text; JSON that a provider sent unwritten is written (quirk 19)."""
    if arguments is None or isinstance(arguments, str):
        return None if arguments is None else clean(arguments)
    try:
        return clean(json.dumps(arguments, ensure_ascii=False))
    except RecursionError:
        return _UNWRITABLE


def _finish(choice: Mapping[str, Any]) -> str | None:
    reason = choice.get("finish_reason")
    return _FINISHES.get(reason.lower(), "stop") if isinstance(reason, str) and reason else None


def _joined(
    thought: Reasoning, text: str, calls: Iterable[Delta], finish: str | None, usage: Usage | None
) -> tuple[Delta, ...]:
    deltas = [Delta(text=text, reasoning=thought)] if text or thought else []
    deltas.extend(calls)
    if finish is not None or usage is not None:
        deltas.append(Delta(finish_reason=finish, usage=usage))
    return tuple(deltas)
