"""What the provider says, in Chat Completions and in Responses, whole and streamed."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from itertools import chain
from typing import Any

__all__ = ["ANSWER", "END", "WORDS", "Chat", "Responses", "Teller", "head_of", "piece"]

WORDS = "Here is what you asked for, step by step."
END = b"0\r\n\r\n"
ANSWER = "@answer@"
"""Stands in ids for what tells one answer from another: eight characters, as no two ids are the same."""
_TOKENS = re.findall(r"\S+\s?", WORDS)
_CHAT_STAMP: dict[str, Any] = {
    "id": f"chatcmpl-{ANSWER}",
    "created": 1763700000,
    "model": "gpt-4o-2024-08-06",
}
_CHAT_USAGE = {"prompt_tokens": 9, "completion_tokens": 12, "total_tokens": 21}
_RESPONSE: dict[str, Any] = {
    "id": f"resp_{ANSWER}",
    "object": "response",
    "created_at": 1763700000,
    "model": "gpt-4o-2024-08-06",
    "error": None,
    "incomplete_details": None,
    "instructions": None,
    "metadata": {},
    "parallel_tool_calls": True,
    "temperature": 1.0,
    "tool_choice": "auto",
    "tools": [],
    "top_p": 1.0,
}
_RESPONSE_USAGE = {
    "input_tokens": 9,
    "input_tokens_details": {"cached_tokens": 0},
    "output_tokens": 12,
    "output_tokens_details": {"reasoning_tokens": 0},
    "total_tokens": 21,
}


def head_of(length: int) -> bytes:
    """The head of a whole answer."""
    return b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: %d\r\n\r\n" % length


def piece(data: bytes) -> bytes:
    """A chunk of a body that is sent in chunks."""
    return b"%x\r\n%s\r\n" % (len(data), data)


def _orders(pictures: int) -> list[tuple[str, str, str]]:
    """Id, name and arguments of each call of the image tool."""
    told = ((number, f"Step {number}") for number in range(1, pictures + 1))
    return [
        (
            f"call_{ANSWER}{number:03}",
            "generate_image",
            json.dumps({"prompt": f"{step}: a paper crane", "alt": step}),
        )
        for number, step in told
    ]


def _said(addresses: list[str]) -> list[str]:
    """The reply of a finished turn, in tokens."""
    return [
        *_TOKENS,
        *(f"\n\n![Step {number}]({address})" for number, address in enumerate(addresses, 1)),
    ]


def _calls(pictures: int, addresses: list[str], final: bool) -> list[tuple[str, str, str]]:
    """What the model calls; nothing: it speaks."""
    if not addresses and pictures:
        return _orders(pictures)
    if final:
        # The reply as the call that some agents want it in.
        return [(f"call_{ANSWER}final", "final_answer", json.dumps({"answer": "".join(_said(addresses))}))]
    return []


def _tokens(addresses: list[str], deltas: int) -> Iterator[str]:
    # No two alike in a row: some gateways take a model that repeats itself for one that is stuck.
    yield from (f"word{at % 10} " for at in range(deltas - len(_TOKENS)))
    yield from _said(addresses)


def _cut(text: str) -> Iterator[str]:
    return (text[at : at + 24] for at in range(0, len(text), 24))


def _parts(name: str, arguments: str, addresses: list[str], deltas: int) -> Iterator[str]:
    """What a streamed call's arguments come in; of a reply that is a call, as many as of any other."""
    if name != "final_answer":
        return _cut(arguments)
    words = (json.dumps(token)[1:-1] for token in _tokens(addresses, deltas))
    return chain(('{"answer": "',), words, ('"}',))


def _json(body: Any) -> bytes:
    return json.dumps(body, separators=(",", ":")).encode()


class Chat:
    """As a chat model behind Chat Completions does.

    `addresses`: what the tools have answered; `final`: the reply is wanted as a call.
    """

    def whole(self, pictures: int, addresses: list[str], final: bool) -> bytes:
        """The body of a whole answer."""
        message: dict[str, Any] = {"role": "assistant", "content": None}
        calls = _calls(pictures, addresses, final)
        if calls:
            message["tool_calls"] = [self._call(*call) for call in calls]
        else:
            message["content"] = "".join(_said(addresses))
        reason = "tool_calls" if calls else "stop"
        choice = {"index": 0, "message": message, "logprobs": None, "finish_reason": reason}
        return json.dumps(
            {"object": "chat.completion", **_CHAT_STAMP, "choices": [choice], "usage": _CHAT_USAGE}
        ).encode()

    def events(self, pictures: int, addresses: list[str], final: bool, deltas: int) -> Iterator[bytes]:
        """Those of a streamed answer."""
        calls = _calls(pictures, addresses, final)
        yield self._chunk({"role": "assistant", "content": None if calls else ""})
        for index, (call_id, name, arguments) in enumerate(calls):
            yield self._chunk({"tool_calls": [{"index": index, **self._call(call_id, name, "")}]})
            for part in _parts(name, arguments, addresses, deltas):
                yield self._chunk({"tool_calls": [{"index": index, "function": {"arguments": part}}]})
        if not calls:
            for token in _tokens(addresses, deltas):
                yield self._chunk({"content": token})
        yield self._chunk({}, "tool_calls" if calls else "stop")
        yield self._event(
            {"object": "chat.completion.chunk", **_CHAT_STAMP, "choices": [], "usage": _CHAT_USAGE}
        )
        yield b"data: [DONE]\n\n"

    def _call(self, call_id: str, name: str, arguments: str) -> dict[str, Any]:
        return {"id": call_id, "type": "function", "function": {"name": name, "arguments": arguments}}

    def _chunk(self, delta: dict[str, Any], finish_reason: str | None = None) -> bytes:
        choice = {"index": 0, "delta": delta, "logprobs": None, "finish_reason": finish_reason}
        return self._event({"object": "chat.completion.chunk", **_CHAT_STAMP, "choices": [choice]})

    def _event(self, body: dict[str, Any]) -> bytes:
        return b"data: " + _json(body) + b"\n\n"


class Responses:
    """The same, as one behind the Responses API does."""

    def whole(self, pictures: int, addresses: list[str], final: bool) -> bytes:
        """The body of a whole answer."""
        calls = _calls(pictures, addresses, final)
        items = [self._call(*call) for call in calls] or [self._message("".join(_said(addresses)))]
        return json.dumps(self._response(items)).encode()

    def events(self, pictures: int, addresses: list[str], final: bool, deltas: int) -> Iterator[bytes]:
        """Those of a streamed answer."""
        calls = _calls(pictures, addresses, final)
        told = self._called(calls) if calls else self._spoken(list(_tokens(addresses, deltas)))
        begun = _RESPONSE | {"status": "in_progress", "output": [], "usage": None}
        items = []
        events = [("response.created", {"response": begun}), ("response.in_progress", {"response": begun})]
        for kind, body in told:
            events.append((kind, body))
            if kind == "response.output_item.done":
                items.append(body["item"])
        events.append(("response.completed", {"response": self._response(items)}))
        for number, (kind, body) in enumerate(events):
            data = {"type": kind, "sequence_number": number} | body
            yield b"event: %s\ndata: %s\n\n" % (kind.encode(), _json(data))

    def _called(self, calls: list[tuple[str, str, str]]) -> Iterator[tuple[str, dict[str, Any]]]:
        for index, (call_id, name, arguments) in enumerate(calls):
            item = self._call(call_id, name, arguments)
            begun = item | {"arguments": "", "status": "in_progress"}
            yield "response.output_item.added", {"output_index": index, "item": begun}
            at = {"item_id": item["id"], "output_index": index}
            for part in _cut(arguments):
                yield "response.function_call_arguments.delta", at | {"delta": part}
            yield "response.function_call_arguments.done", at | {"arguments": arguments, "name": name}
            yield "response.output_item.done", {"output_index": index, "item": item}

    def _spoken(self, tokens: list[str]) -> Iterator[tuple[str, dict[str, Any]]]:
        text = "".join(tokens)
        item = self._message(text)
        begun = item | {"content": [], "status": "in_progress"}
        yield "response.output_item.added", {"output_index": 0, "item": begun}
        at = {"item_id": item["id"], "output_index": 0, "content_index": 0}
        part = item["content"][0]
        yield "response.content_part.added", at | {"part": part | {"text": ""}}
        for token in tokens:
            yield "response.output_text.delta", at | {"delta": token, "logprobs": []}
        yield "response.output_text.done", at | {"text": text, "logprobs": []}
        yield "response.content_part.done", at | {"part": part}
        yield "response.output_item.done", {"output_index": 0, "item": item}

    def _response(self, items: list[dict[str, Any]]) -> dict[str, Any]:
        return _RESPONSE | {"status": "completed", "output": items, "usage": _RESPONSE_USAGE}

    def _call(self, call_id: str, name: str, arguments: str) -> dict[str, Any]:
        return {
            "type": "function_call",
            "id": f"fc_{call_id}",
            "call_id": call_id,
            "name": name,
            "arguments": arguments,
            "status": "completed",
        }

    def _message(self, text: str) -> dict[str, Any]:
        part = {"type": "output_text", "text": text, "annotations": [], "logprobs": []}
        return {
            "type": "message",
            "id": f"msg_{ANSWER}",
            "role": "assistant",
            "status": "completed",
            "content": [part],
        }


Teller = Chat | Responses
