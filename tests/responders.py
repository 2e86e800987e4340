"""What a provider of the Responses API says, and a server of it that refuses what OpenAI refuses.

provider.answers("/v1/responses", streamed(message("Hi"), usage={"input_tokens": 3}))
provider.script("/v1/responses", responder(lambda body: [thought("rs_1"), called("draw", {…})]))
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from answers import Answer, Step, event, status, whole

__all__ = [
    "called",
    "events",
    "items_of",
    "message",
    "named",
    "refusal_of",
    "responder",
    "response",
    "said",
    "streamed",
    "thought",
]

Item = dict[str, Any]
FIGURES = {
    "input_tokens": 30,
    "input_tokens_details": {"cached_tokens": 10},
    "output_tokens": 20,
    "output_tokens_details": {"reasoning_tokens": 12},
    "total_tokens": 50,
}


def message(words: str, id: str = "msg_1") -> Item:
    part = {"type": "output_text", "text": words, "annotations": [], "logprobs": []}
    return {"type": "message", "id": id, "status": "completed", "role": "assistant", "content": [part]}


def called(name: str, arguments: Any, *, call_id: str = "call_1", id: str = "") -> Item:
    written = arguments if isinstance(arguments, str) else json.dumps(arguments)
    return {
        "type": "function_call",
        "id": id or f"fc_{call_id}",
        "call_id": call_id,
        "name": name,
        "arguments": written,
        "status": "completed",
    }


def thought(id: str = "rs_1", summary: Sequence[str] = (), sealed: str | None = None) -> Item:
    parts = [{"type": "summary_text", "text": text} for text in summary]
    return {
        "type": "reasoning",
        "id": id,
        "summary": parts,
        "encrypted_content": f"sealed-{id}" if sealed is None else sealed,
    }


def response(*output: Item, status: str = "completed", **fields: Any) -> dict[str, Any]:
    """The Response object."""
    return {
        "id": "resp_1",
        "object": "response",
        "created_at": 1,
        "status": status,
        "error": None,
        "incomplete_details": None,
        "model": "m",
        "output": list(output),
        "usage": FIGURES if status == "completed" else None,
    } | fields


def named(kind: str, **fields: Any) -> bytes:
    """One event of a stream, as the specification frames it."""
    return f"event: {kind}\n".encode() + event({"type": kind, **fields})


def events(*output: Item, end: str = "completed", **fields: Any) -> list[bytes]:
    """The events of an answer as OpenAI sends them, from `response.created` to the end."""
    begun = response(status="in_progress")
    sent = [named("response.created", response=begun), named("response.in_progress", response=begun)]
    for at, item in enumerate(output):
        sent += _told(at, item)
    return [*sent, named(f"response.{end}", response=response(*output, status=end, **fields))]


def _told(at: int, item: Item) -> list[bytes]:
    where = {"output_index": at, "item_id": item["id"]}
    empty: Item = {"content": []} if item["type"] == "message" else {"status": "in_progress"}
    empty |= {"arguments": ""} if item["type"] == "function_call" else {}
    # What it will be encrypted to is not known yet.
    empty |= {"summary": [], "encrypted_content": "not-yet"} if item["type"] == "reasoning" else {}
    sent = [named("response.output_item.added", output_index=at, item=item | empty)]
    if item["type"] == "message":
        (part,) = item["content"]
        sent.append(named("response.content_part.added", **where, content_index=0, part=part | {"text": ""}))
        sent += _pieces("response.output_text", "text", part["text"], where | {"content_index": 0})
        sent.append(named("response.content_part.done", **where, content_index=0, part=part))
    elif item["type"] == "function_call":
        sent += _pieces("response.function_call_arguments", "arguments", item["arguments"], where)
    elif item["type"] == "reasoning":
        for index, part in enumerate(item["summary"]):
            there = where | {"summary_index": index}
            sent.append(named("response.reasoning_summary_part.added", **there, part=part | {"text": ""}))
            sent += _pieces("response.reasoning_summary_text", "text", part["text"], there)
            sent.append(named("response.reasoning_summary_part.done", **there, part=part))
    return [*sent, named("response.output_item.done", output_index=at, item=item)]


def _pieces(kind: str, whole_name: str, text: str, where: Mapping[str, Any]) -> list[bytes]:
    pieces = [text[at : at + 7] for at in range(0, len(text), 7)]
    sent = [named(f"{kind}.delta", **where, delta=piece) for piece in pieces]
    return [*sent, named(f"{kind}.done", **where, **{whole_name: text})]


def streamed(*output: Item, end: str = "completed", done: bool = False, **fields: Any) -> Answer:
    """A stream; `done` adds the terminator that some servers send."""
    steps: list[Step] = list(events(*output, end=end, **fields))
    return Answer(
        (*steps, *([event("[DONE]")] if done else [])), headers={"content-type": "text/event-stream"}
    )


def said(output: Sequence[Item], body: Mapping[str, Any], **fields: Any) -> Answer:
    """`output` streamed or whole, as the request wants it."""
    return streamed(*output, **fields) if body.get("stream") else whole(response(*output, **fields))


def responder(
    handler: Callable[[dict[str, Any]], Sequence[Item] | Answer],
) -> Callable[[dict[str, Any]], Answer]:
    """A server that checks each request as OpenAI does, and says what `handler` makes of its body."""
    given: list[Item] = []

    def answer(body: dict[str, Any]) -> Answer:
        refused = refusal_of(body, given)
        if refused:
            error = {"message": refused, "type": "invalid_request_error", "param": "input", "code": None}
            return status(400, {"error": error})
        output = handler(body)
        if isinstance(output, Answer):
            return output
        given.extend(output)
        return said(output, body)

    return answer


def refusal_of(body: Mapping[str, Any], given: Sequence[Item]) -> str:
    """Why OpenAI would refuse `body`; "" where it would not. `given`: the items of earlier answers.

    Source: quirk 35; OpenAI API reference, "Reasoning models", on items that go back (read 2026-11-21).
    """
    items = body["input"]
    thoughts = {item["id"]: item for item in given if item["type"] == "reasoning"}
    needed: dict[str, str] = {}
    """Calls → the thought that came right before them."""
    last = ""
    for item in given:
        if item["type"] == "reasoning":
            last = item["id"]
        elif item["type"] == "function_call" and last:
            needed[item["name"] + item["arguments"]] = last
            last = ""
        else:
            last = ""
    # What was thought in turns that have ended may be left out.
    begun = max((at for at, item in enumerate(items) if item.get("role") == "user"), default=-1)
    seen: set[str] = set()
    open_calls: dict[str, None] = {}
    for at, item in enumerate(items):
        kind, after = item["type"], items[at + 1]["type"] if at + 1 < len(items) else ""
        if kind == "reasoning":
            if item.get("id") in seen:
                return f"Duplicate item found with id {item['id']}."
            seen.add(item.get("id", ""))
            if item.get("encrypted_content") != thoughts.get(item.get("id"), {}).get("encrypted_content"):
                return f"The encrypted content of {item.get('id')} could not be verified."
            if after not in ("reasoning", "message", "function_call"):
                return f"Item {item['id']!r} of type 'reasoning' was provided without its required following item."
        elif kind == "function_call":
            open_calls[item["call_id"]] = None
            wanted = needed.get(item["name"] + item["arguments"])
            before = items[at - 1].get("id") if at else None
            if wanted and before != wanted and (at > begun or wanted in seen):
                return f"A function_call was provided without its required 'reasoning' item: {wanted!r}."
        elif kind == "function_call_output":
            if item["call_id"] not in open_calls:
                return f"No tool call found for function call output with call_id {item['call_id']}."
            del open_calls[item["call_id"]]
    return f"No tool output found for function call {next(iter(open_calls))}." if open_calls else ""


def items_of(body: Mapping[str, Any], kind: str) -> list[Item]:
    """The items of one kind in a request."""
    return [item for item in body["input"] if item["type"] == kind]
