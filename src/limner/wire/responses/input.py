"""Messages as the items of a Responses request.

One assistant message is several items: what it says, and each of its calls. What the model thought
stands right before the item that it belongs to, for OpenAI refuses either without the other
(quirk 35); reasoning of other makers, or that nobody could decrypt, is left out.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from typing import Any

from limner.core.messages import Message
from limner.core.thoughts import joined

from ..replaying import NO_OUTPUT, replayable
from .stream import FORMAT

__all__ = ["Items"]

_TEXTUAL = ("text", "input_text", "output_text")
_KINDS = ("reasoning.summary", "reasoning.text", "reasoning.encrypted")
_FORMATS = (FORMAT, None)
"""None: a client that has heard it as an item brings it back without."""
_Item = dict[str, Any]


class Items:
    """The items that messages amount to."""

    def __init__(self, custom: Collection[str] = (), stored: bool = False) -> None:
        """`custom`: names of tools whose arguments are free text.

        `stored`: the provider keeps its answers, so reasoning is sent back also where it is named by its id alone.
        """
        self._custom_tools = custom
        self._stored = stored
        # Each with the place of the message that it first stood in.
        self._at = 0
        self._custom_calls: dict[str, int] = {}
        self._thought: dict[str, int] = {}
        """Ids of reasoning that was written: the same one twice is refused."""
        self._functions: list[int] = []
        """Calls in the oldest shape, which have no id."""

    def items(self, at: int, message: Message) -> Iterator[_Item]:
        """What the message amounts to that stands at `at`; those before it were asked for already."""
        self._at = at
        given = message.given
        if message.role == "assistant":
            yield from self._assistant(message)
        elif given is not None and given.get("role") == "function":
            yield _output(f"call_{len(self._functions)}", given.get("content"), custom=False)
        elif message.role == "tool":
            call_id = message.call_id or ""
            content = message.text if given is None else given.get("content")
            yield _output(call_id, content, custom=call_id in self._custom_calls)
        else:
            content = message.text if given is None else given.get("content")
            role = message.role if given is None else given.get("role", message.role)
            yield {"type": "message", "role": role, "content": _said(content)}

    def rewind(self, at: int) -> None:
        """Forget the messages from `at` on: others follow instead."""
        self._custom_calls = {name: first for name, first in self._custom_calls.items() if first < at}
        self._thought = {name: first for name, first in self._thought.items() if first < at}
        self._functions = [first for first in self._functions if first < at]

    def _assistant(self, message: Message) -> Iterator[_Item]:
        given = message.given
        if given is None:
            words = [_output_text(message.text)] if message.text else []
            calls = [self._function(call.id, call.name, call.arguments) for call in message.calls]
            thoughts = self._reasoning(message.reasoning, stored=self._stored)
        else:
            words = _answered(given.get("content"), given.get("refusal"))
            calls = list(self._given_calls(given))
            details = given.get("reasoning_details")
            # What a client brings may be of any provider's keeping.
            thoughts = self._reasoning(joined(details) if isinstance(details, list) else (), stored=False)
        said = {"type": "message", "role": "assistant", "content": words} if words else None
        for place, item in enumerate((said, *calls)):
            if item is None:
                continue
            # A thought whose item is gone (a call of a tool that was off) is left out with it.
            due = [thought for at, thought in thoughts if at <= place]
            thoughts = [(at, thought) for at, thought in thoughts if at > place]
            yield from due
            yield item

    def _given_calls(self, given: Mapping[str, Any]) -> Iterator[_Item]:
        for call in given.get("tool_calls") or ():
            if call.get("type") == "custom":
                self._custom_calls.setdefault(call["id"], self._at)
                yield _custom(call["id"], call["custom"]["name"], call["custom"]["input"])
            else:
                called = call["function"]
                yield self._function(call["id"], called["name"], called["arguments"])
        legacy = given.get("function_call")
        if isinstance(legacy, Mapping) and isinstance(legacy.get("name"), str):
            self._functions.append(self._at)
            arguments = legacy.get("arguments")
            written = arguments if isinstance(arguments, str) else ""
            yield self._function(f"call_{len(self._functions)}", legacy["name"], written)

    def _function(self, call_id: str, name: str, arguments: str) -> _Item:
        if name in self._custom_tools:
            self._custom_calls.setdefault(call_id, self._at)
            return _custom(call_id, name, arguments)
        return {
            "type": "function_call",
            "call_id": call_id,
            "name": name,
            "arguments": replayable(arguments),
        }

    def _reasoning(self, details: Iterable[object], *, stored: bool) -> list[tuple[int, _Item]]:
        """Reasoning items, each with the place of the item that it stands before: 0 the words, from 1 the calls."""
        groups: dict[str | int, list[Mapping[str, Any]]] = {}
        for each in details:
            if isinstance(each, Mapping) and each.get("type") in _KINDS and each.get("format") in _FORMATS:
                named = each.get("id")
                # Sealed thoughts without an id are one each; what else has none is one together.
                key = named if isinstance(named, str) and named else (len(groups) if _sealed(each) else "")
                groups.setdefault(key, []).append(each)
        found: list[tuple[int, _Item]] = []
        for key, group in groups.items():
            item = _thought(group)
            if not (stored or "encrypted_content" in item or "content" in item) or key in self._thought:
                continue
            if isinstance(key, str) and key:
                self._thought[key] = self._at
                item["id"] = key
            places = [place for each in group if isinstance(place := each.get("place"), int)]
            found.append((min(places, default=0), item))
        return found


def _thought(group: Iterable[Mapping[str, Any]]) -> _Item:
    item: _Item = {"type": "reasoning", "summary": []}
    for each in group:
        kind, text = each.get("type"), each.get("text")
        if kind == "reasoning.summary" and each.get("summary") and isinstance(each["summary"], str):
            item["summary"].append({"type": "summary_text", "text": each["summary"]})
        elif kind == "reasoning.text" and text and isinstance(text, str):
            item.setdefault("content", []).append({"type": "reasoning_text", "text": text})
        elif _sealed(each):
            item["encrypted_content"] = each["data"]
    return item


def _sealed(detail: Mapping[str, Any]) -> bool:
    data = detail.get("data")
    return detail.get("type") == "reasoning.encrypted" and isinstance(data, str) and bool(data)


def _custom(call_id: str, name: str, words: str) -> _Item:
    return {"type": "custom_tool_call", "call_id": call_id, "name": name, "input": words}


def _output(call_id: str, content: object, *, custom: bool) -> _Item:
    output: object = content if isinstance(content, str) else _said(content)
    kind = "custom_tool_call_output" if custom else "function_call_output"
    return {"type": kind, "call_id": call_id, "output": output or NO_OUTPUT}


def _output_text(text: str) -> _Item:
    return {"type": "output_text", "text": text, "annotations": []}


def _answered(content: object, refusal: object) -> list[_Item]:
    """What an assistant said, as parts; those that are no words have no place in an answer."""
    parts = [{"type": "text", "text": content}] if isinstance(content, str) else content
    said: list[_Item] = []
    for part in parts if isinstance(parts, list) else ():
        if not isinstance(part, Mapping):
            continue
        kind, text = part.get("type"), part.get("text")
        if kind in _TEXTUAL and isinstance(text, str) and text:
            said.append(_output_text(text))
        elif kind == "refusal":
            said.append({"type": "refusal", "refusal": part.get("refusal")})
    if not said and isinstance(refusal, str) and refusal:
        said.append({"type": "refusal", "refusal": refusal})
    return said


def _said(content: object) -> list[_Item]:
    """What a user, a system or a tool says, as parts."""
    if isinstance(content, str):
        return [{"type": "input_text", "text": content}]
    return [_part(part) for part in content if isinstance(part, Mapping)] if isinstance(content, list) else []


def _part(part: Mapping[str, Any]) -> _Item:
    """One part; a kind that is not known goes on as it is, for providers have their own."""
    kind = part.get("type")
    if kind in _TEXTUAL or kind == "refusal":
        text = part.get("refusal") if kind == "refusal" else part.get("text")
        return {"type": "input_text", "text": text}
    if kind == "image_url":
        said = part.get("image_url")
        image = said if isinstance(said, Mapping) else {"url": said}
        return {
            "type": "input_image",
            "image_url": image.get("url"),
            "detail": image.get("detail") or "auto",
        }
    if kind == "file" and isinstance(part.get("file"), Mapping):
        return {"type": "input_file", **_file(part["file"])}
    if kind == "video_url" and isinstance(part.get("video_url"), Mapping):
        return {"type": "input_video", "video_url": part["video_url"].get("url")}
    return dict(part)


def _file(file: Mapping[str, Any]) -> _Item:
    data = file.get("file_data")
    linked = isinstance(data, str) and data.startswith(("http://", "https://"))
    renamed = {("file_url" if linked and name == "file_data" else name): file[name] for name in file}
    return {name: value for name, value in renamed.items() if value is not None}
