"""What tests of the Responses API share: requests to a gateway of `chats`, and answers read strictly."""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import httpx2

from chats import Chats

__all__ = [
    "NATIVE",
    "OURS",
    "Events",
    "functions",
    "items_of",
    "picture_in",
    "post",
    "read_events",
    "respond",
    "stream",
    "text_of",
]

OURS = {"type": "openrouter:image_generation"}
NATIVE = {"type": "image_generation"}


def functions(*names: str) -> list[dict[str, Any]]:
    """Declarations of the client's own functions, as this API has them."""
    parameters = {"type": "object", "properties": {}}
    return [{"type": "function", "name": name, "parameters": parameters} for name in names]


def post(
    chats: Chats,
    said: str | Sequence[Mapping[str, Any]],
    *,
    tenant: str = "",
    prefix: str = "/v1",
    headers: Mapping[str, str] | None = None,
    **more: Any,
) -> httpx2.Response:
    """The raw answer; the tool is OpenRouter's unless `tools` says another. A field that is None is left out."""
    body = {"model": "m-1", "input": said, "tools": [OURS], **more}
    body = {name: value for name, value in body.items() if value is not None}
    sent = {**(chats.gateway.auth(tenant) if tenant else {}), **(headers or {})}
    return httpx2.post(f"{chats.gateway.origin}{prefix}/responses", json=body, headers=sent, timeout=20)


def respond(chats: Chats, said: str | Sequence[Mapping[str, Any]], **more: Any) -> dict[str, Any]:
    """The whole answer, which must be one."""
    answer = post(chats, said, **more)
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


def stream(chats: Chats, said: str | Sequence[Mapping[str, Any]], **more: Any) -> Events:
    """The streamed answer."""
    answer = post(chats, said, stream=True, **more)
    assert answer.status_code == 200, answer.text
    return read_events(answer.content)


@dataclass
class Events:
    """A streamed answer, and what it says in all."""

    events: list[dict[str, Any]]
    done: bool

    @property
    def types(self) -> list[str]:
        return [each["type"] for each in self.events]

    @property
    def text(self) -> str:
        return "".join(self.deltas)

    @property
    def deltas(self) -> list[str]:
        return [each["delta"] for each in self.events if each["type"] == "response.output_text.delta"]

    @property
    def response(self) -> dict[str, Any]:
        """Of the last event."""
        found: dict[str, Any] = self.events[-1]["response"]
        return found

    def of(self, kind: str) -> list[dict[str, Any]]:
        """The events of one type."""
        return [each for each in self.events if each["type"] == kind]


def read_events(content: bytes) -> Events:
    """A stream, frame by frame, as Open Responses has it: every event named by its type and counted."""
    events: list[dict[str, Any]] = []
    done = False
    for block in content.split(b"\n\n"):
        if not block or block.startswith(b":"):
            continue
        assert not done, "nothing follows the mark of the end"
        assert b"\r" not in block
        if block == b"data: [DONE]":
            done = True
            continue
        name, data = block.split(b"\n")
        assert data.startswith(b"data: ")
        event = json.loads(data[6:].decode())
        assert name.decode() == f"event: {event['type']}"
        assert event["sequence_number"] == len(events)
        events.append(event)
    return Events(events, done)


def items_of(response: Mapping[str, Any], kind: str) -> list[dict[str, Any]]:
    """The items of one type, in their order."""
    return [each for each in response["output"] if each["type"] == kind]


def text_of(response: Mapping[str, Any]) -> str:
    """What the official clients call `output_text`."""
    return "".join(part["text"] for item in items_of(response, "message") for part in item["content"])


def picture_in(item: Mapping[str, Any]) -> bytes:
    """The picture that a native item carries."""
    return base64.b64decode(item["result"], validate=True)
