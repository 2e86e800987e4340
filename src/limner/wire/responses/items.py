"""The items of a request of the Responses API, each as what it is in a chat.

An item is read into one message in the shape of Chat Completions, or a part of one: what an assistant
said, thought, drew or called comes as several items, which `messages` puts together. Fields that
are not known, or that only answers have, are passed over, because clients send back what they were given.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import Any

from ..asking import AskError
from ..chat.said import server_call
from ..parameters import shown
from ..servertool import IMAGE
from ..shapes import entries, needed_text, wrong
from .parts import content_of, spoken
from .reasoning import OWN_ID

__all__ = ["NATIVE_CALL", "chat_message", "read_items", "reference", "references"]

NATIVE_CALL = "image_generation_call"
_PICTURES = (NATIVE_CALL, IMAGE)
_ROLES = ("user", "assistant", "system", "developer")
_FAILED = ("failed", "error")
_WHOLE = (None, "completed")
_NOT_DRAWN = "The picture was not drawn."
_MEDIA_TYPES = {"/9j/": "image/jpeg", "UklGR": "image/webp", "iVBOR": "image/png"}
"""By what base64 of each begins with."""
_THOUGHT_FORMAT = "openai-responses-v1"
_STORED = "limner_url"
"""In stored responses it stands for a picture's bytes; no client was ever told it, nor may write it."""

_LEFT_OUT = frozenset(
    {
        "apply_patch_call",
        "apply_patch_call_output",
        "code_interpreter_call",
        "compaction",
        "computer_call",
        "computer_call_output",
        "file_search_call",
        "local_shell_call",
        "local_shell_call_output",
        "mcp_approval_request",
        "mcp_approval_response",
        "mcp_call",
        "mcp_list_tools",
        "program",
        "program_output",
        "shell_call",
        "shell_call_output",
        "tool_search_call",
        "tool_search_output",
        "web_search_call",
    }
)
"""What other services' tools did, in histories that were begun there; only those can read it."""


def read_items(said: object) -> tuple[Mapping[str, Any], ...]:
    """The field `input`: a text, which is one message of the user, or items; checked, each with its `type`.

    Raises: AskError.
    """
    if isinstance(said, str):
        return ({"type": "message", "role": "user", "content": [{"type": "input_text", "text": said}]},)
    items = entries(said, "input", "a string or a list of items")
    return tuple(_read(item, f"input[{place}]") for place, item in enumerate(items))


def references(items: Iterable[Mapping[str, Any]]) -> tuple[str, ...]:
    """The ids of items that stand elsewhere in whole, once each, in order."""
    return tuple(dict.fromkeys(named for item in items if (named := reference(item)) is not None))


def reference(item: Mapping[str, Any]) -> str | None:
    """The id of a checked item that only names another, as a picture without its bytes does; None of any other."""
    kind, named = item.get("type"), _word(item, "id")
    if kind == "item_reference":
        return named
    drawn = kind in _PICTURES and item.get("status") in _WHOLE
    return named if drawn and _address(item) is None else None


def chat_message(item: Mapping[str, Any], at: str) -> dict[str, Any] | None:
    """What `item` is in a chat; of an assistant, a message with one of `content` (as parts), `reasoning_details`, `tool_calls`.

    None for what says nothing to a model. `at`: the item's path.

    Raises: AskError.
    """
    match item["type"]:
        case "message":
            return _message(item, at)
        case "function_call":
            return _call(item, at, _string(item, "arguments", at))
        case "custom_tool_call":
            # No other provider takes calls of this kind, so they go on as calls of a function.
            return _call(item, at, json.dumps({"input": _string(item, "input", at)}, ensure_ascii=False))
        case "function_call_output" | "custom_tool_call_output":
            call_id = needed_text(item, "call_id", at)
            return {"role": "tool", "tool_call_id": call_id, "content": content_of(item, "output", at)}
        case "reasoning":
            details = _thoughts(item)
        case kind:
            details = _drawn(item) if kind in _PICTURES else []
    return _assistant(reasoning_details=details)


def _read(item: object, at: str) -> Mapping[str, Any]:
    if not isinstance(item, Mapping):
        raise wrong(at, "must be an object")
    kind = item.get("type")
    if kind is None:
        # Both may be left out. Source: OpenAI API reference, "Create a model response".
        kind = "message" if "role" in item else "item_reference"
        if kind == "item_reference" and item.keys() - {"type", "id"}:
            raise AskError("missing_parameter", f"'{at}.type' is missing.", f"{at}.type")
        item = {**item, "type": kind}
    if not isinstance(kind, str):
        raise wrong(f"{at}.type", "must be a string")
    if not isinstance(item.get("id"), str | None):
        raise wrong(f"{at}.id", "must be a string")
    if _STORED in item:
        item = {name: value for name, value in item.items() if name != _STORED}
    if kind == "item_reference":
        needed_text(item, "id", at)
    elif chat_message(item, at) is None and not (kind in _KNOWN or ":" in kind):
        raise AskError(
            "invalid_value",
            f"'{at}.type' is {shown(kind)}, which is no item that is known here; leave it out.",
            f"{at}.type",
        )
    return item


def _message(item: Mapping[str, Any], at: str) -> dict[str, Any] | None:
    role = item.get("role")
    if role is None:
        raise AskError("missing_parameter", f"'{at}.role' is missing.", f"{at}.role")
    if not isinstance(role, str) or role not in _ROLES:
        raise wrong(
            f"{at}.role", f"must be one of {', '.join(_ROLES)}; results are 'function_call_output' items"
        )
    if role != "assistant":
        return {"role": role, "content": content_of(item, "content", at)}
    if item.get("tool_calls"):
        raise AskError(
            "unsupported_parameter",
            f"'{at}.tool_calls' is not supported: it belongs to Chat Completions; send a 'function_call' item for each.",
            f"{at}.tool_calls",
        )
    return _assistant(content=spoken(item.get("content"), f"{at}.content"))


def _assistant(**said: list[Any]) -> dict[str, Any] | None:
    """A message of the assistant; None where all of it is empty."""
    return {"role": "assistant", **said} if any(said.values()) else None


def _call(item: Mapping[str, Any], at: str, arguments: str) -> dict[str, Any] | None:
    name = needed_text(item, "name", at)
    function = {"name": name, "arguments": arguments}
    call = {"id": needed_text(item, "call_id", at), "type": "function", "function": function}
    return _assistant(tool_calls=[call])


def _string(item: Mapping[str, Any], name: str, at: str) -> str:
    value = item.get(name)
    if not isinstance(value, str):
        raise wrong(f"{at}.{name}", "must be a string")
    return value


def _thoughts(item: Mapping[str, Any]) -> list[dict[str, Any]]:
    """A reasoning item as what OpenRouter calls `reasoning_details`, whose order is the model's."""
    signature, encrypted = _word(item, "signature"), _word(item, "encrypted_content")
    # Clients drop fields that OpenAI has not, and what is encrypted without a word of by whom is OpenAI's.
    form = _word(item, "format") or (_THOUGHT_FORMAT if encrypted else None)
    name = _word(item, "id")
    # A name of our own says nothing to a provider.
    head = {"id": None if name and name.startswith(OWN_ID) else name, "format": form}
    details = [{"type": "reasoning.summary", "summary": words, **head} for words in _texts(item, "summary")]
    details += [{"type": "reasoning.text", "text": words, **head} for words in _texts(item, "content")]
    if signature is not None:
        # It signs the words before it, or stands alone where those are kept secret.
        if not details or details[-1]["type"] != "reasoning.text":
            details.append({"type": "reasoning.text", "text": "", **head})
        details[-1]["signature"] = signature
    if encrypted is not None:
        details.append({"type": "reasoning.encrypted", "data": encrypted, **head})
    return details


def _texts(item: Mapping[str, Any], name: str) -> list[str]:
    parts = item.get(name)
    said = (
        [part.get("text") for part in parts if isinstance(part, Mapping)] if isinstance(parts, list) else []
    )
    return [words for words in said if isinstance(words, str) and words]


def _drawn(item: Mapping[str, Any]) -> list[dict[str, Any]]:
    """A finished call of the image tool as a chat's history tells it; nothing of one that came to no end."""
    result: dict[str, str]
    address = _address(item)
    if address is not None:
        result = {"status": "ok", "imageUrl": address}
    elif item.get("status") in _FAILED:
        error = item.get("error")
        fields = error if isinstance(error, Mapping) else {"message": error}
        result = {"status": "error", "error": _word(fields, "message") or _NOT_DRAWN}
        if code := _word(fields, "code"):
            result["code"] = code
    else:
        return []
    prompts = (_word(item, name) for name in ("prompt", "revised_prompt", "revisedPrompt"))
    prompt = next((words for words in prompts if words is not None), None)
    arguments = json.dumps({} if prompt is None else {"prompt": prompt}, ensure_ascii=False)
    call_id = (_word(item, "id") or "").removeprefix("ig_")
    return [server_call(0, call_id=call_id, arguments=arguments, result=result)]


def _address(item: Mapping[str, Any]) -> str | None:
    """Where the picture is: a link or a data URL."""
    for name in ("imageUrl", "result", "imageB64"):
        said = _word(item, name)
        if said is None:
            continue
        if said.startswith(("https://", "http://", "data:")):
            return said
        media_types = (media for start, media in _MEDIA_TYPES.items() if said.startswith(start))
        return f"data:{next(media_types, 'image/png')};base64,{said}"
    return None


def _word(item: Mapping[str, Any], name: str) -> str | None:
    value = item.get(name)
    return value if isinstance(value, str) and value else None


_KNOWN = _LEFT_OUT | {"message", "reasoning", *_PICTURES}
"""The types of items that may say nothing to a model."""
