"""What the loopback provider can say: answers as lists of steps, and the shapes of chat and pictures."""

from __future__ import annotations

import asyncio
import base64
import json
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import anyio.to_thread

__all__ = [
    "CUT",
    "FIN",
    "STALL",
    "Answer",
    "Gate",
    "Said",
    "Step",
    "call",
    "chunk",
    "drawn",
    "event",
    "finish",
    "raw",
    "spoken",
    "sse",
    "status",
    "text",
    "usage",
    "wait_for",
    "whole",
]


async def wait_for(event: threading.Event, timeout_s: float = 5.0) -> None:
    """Wait for what the server's thread will set, from either backend."""
    if not await anyio.to_thread.run_sync(event.wait, timeout_s):
        raise AssertionError("the server did not see it in time")


class Gate:
    """The server waits here until the test opens it."""

    def __init__(self) -> None:
        self.reached = threading.Event()
        self._opened = threading.Event()
        self._wake: Callable[[], object] | None = None

    def open(self) -> None:
        """Let the answer go on; also before it has come here."""
        self._opened.set()
        if self._wake is not None:
            self._wake()

    async def wait_until_reached(self) -> None:
        """Return once the server waits here."""
        await wait_for(self.reached)

    async def hold(self) -> None:
        """What the server does here, in its own loop."""
        loop, event = asyncio.get_running_loop(), asyncio.Event()
        self._wake = lambda: loop.call_soon_threadsafe(event.set)
        self.reached.set()
        if not self._opened.is_set():
            await event.wait()


STALL = object()
"""Say nothing more, and keep the connection open."""
CUT = object()
"""Reset the connection (RST)."""
FIN = object()
"""Close the connection as if all were said; a chunked body lacks its end."""

Step = bytes | float | Gate | object
"""Bytes to send, seconds to wait, a gate, STALL, CUT or FIN."""


@dataclass(frozen=True)
class Answer:
    """One answer: what stands before the headers, the headers, what stands in the body."""

    steps: Sequence[Step] = ()
    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)
    before: Sequence[Step] = ()
    """Steps before the status line; a cut or a stall here is one before the first byte."""
    chunked: bool = True
    """False: Content-Length, which a test may also falsify through `headers`."""


@dataclass(frozen=True)
class Said:
    """What a scripted chat model says: text, and calls as (name, arguments)."""

    text: str = ""
    calls: Sequence[tuple[str, Any]] = ()
    finish: str | None = None
    """By default "tool_calls" where there are calls, else "stop"."""
    before_s: float = 0.0
    """Seconds before the first byte."""


def chunk(delta: Any = None, finish_reason: str | None = None, **top: Any) -> bytes:
    """One `data:` line of a chat stream."""
    choice = {"index": 0, "delta": {} if delta is None else delta, "finish_reason": finish_reason}
    body = {"id": "c1", "object": "chat.completion.chunk", "created": 1, "model": "m", "choices": [choice]}
    return event(body | top)


def event(body: Any) -> bytes:
    """Any JSON as one server-sent event; text is sent as it stands."""
    data = body if isinstance(body, str) else json.dumps(body, ensure_ascii=False)
    return b"data: " + data.encode("utf-8", "surrogatepass") + b"\n\n"


def text(words: str) -> bytes:
    return chunk({"content": words})


def call(name: str, arguments: Any, *, index: int = 0, id: str = "call_1") -> bytes:
    """A whole call in one chunk; `arguments` that are not text are written as JSON."""
    written = arguments if isinstance(arguments, str) else json.dumps(arguments)
    function = {"name": name, "arguments": written}
    return chunk({"tool_calls": [{"index": index, "id": id, "type": "function", "function": function}]})


def finish(reason: str = "stop") -> bytes:
    return chunk({}, reason)


def usage(**figures: Any) -> bytes:
    return event({"id": "c1", "object": "chat.completion.chunk", "choices": [], "usage": figures})


def sse(*steps: Step, done: bool = True, headers: Mapping[str, str] | None = None) -> Answer:
    """A stream; `done` adds the terminator."""
    tail = (event("[DONE]"),) if done else ()
    return Answer((*steps, *tail), headers={"content-type": "text/event-stream", **(headers or {})})


def whole(body: Any, status: int = 200, *, before: Sequence[Step] = (), **headers: str) -> Answer:
    """A JSON answer in one piece; `headers` with underscores for hyphens."""
    data = body if isinstance(body, bytes) else json.dumps(body).encode()
    named = {"content-type": "application/json"} | {k.replace("_", "-"): v for k, v in headers.items()}
    return Answer((data,), status, named, before, chunked=False)


def status(code: int, body: Any = None, **headers: str) -> Answer:
    """An error in the usual envelope."""
    error = {"error": {"message": f"canary-words {code}", "type": "t", "param": None, "code": None}}
    return whole(error if body is None else body, code, **headers)


def raw(data: bytes, content_type: str = "application/octet-stream", code: int = 200) -> Answer:
    """Bytes with a content type, as a picture's link answers."""
    return Answer((data,), code, {"content-type": content_type}, chunked=False)


def spoken(said: Said | str | Answer, body: Mapping[str, Any]) -> Answer:
    """What a scripted model says, streamed or whole as the request wants it."""
    if isinstance(said, Answer):
        return said
    said = Said(said) if isinstance(said, str) else said
    reason = said.finish or ("tool_calls" if said.calls else "stop")
    wait = (said.before_s,) if said.before_s else ()
    figures = {"prompt_tokens": 10, "completion_tokens": 5, "total_tokens": 15}
    if body.get("stream"):
        words = [text(said.text[at : at + 7]) for at in range(0, len(said.text), 7)]
        calls = [call(name, args, index=i, id=f"call_{i}") for i, (name, args) in enumerate(said.calls)]
        return Answer(
            (*words, *calls, finish(reason), usage(**figures), event("[DONE]")),
            headers={"content-type": "text/event-stream"},
            before=wait,
        )
    calls_whole = [
        {"id": f"call_{i}", "type": "function", "function": {"name": name, "arguments": _written(args)}}
        for i, (name, args) in enumerate(said.calls)
    ]
    message: dict[str, Any] = {"role": "assistant", "content": said.text or None}
    message |= {"tool_calls": calls_whole} if calls_whole else {}
    choice = {"index": 0, "message": message, "finish_reason": reason}
    return whole(
        {"id": "c1", "object": "chat.completion", "choices": [choice], "usage": figures}, before=wait
    )


def _written(arguments: Any) -> str:
    return arguments if isinstance(arguments, str) else json.dumps(arguments)


def drawn(made: bytes | str | Answer, before_s: float) -> Answer:
    """A picture in the usual shape: bytes as base64, text as a link."""
    if isinstance(made, Answer):
        return made
    entry = {"url": made} if isinstance(made, str) else {"b64_json": base64.b64encode(made).decode()}
    return whole({"created": 1, "data": [entry]}, before=(before_s,) if before_s else ())
