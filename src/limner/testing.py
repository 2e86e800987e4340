"""Fakes for those who embed Limner: a chat model that follows a script, and a painter of plain colours.

Both are whole implementations of their protocols, on either backend, without a network.
"""

from __future__ import annotations

import binascii
import hashlib
import json
import re
import struct
import zlib
from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import anyio

from .core.messages import ChatRequest, Delta, Usage
from .errors import ModelError
from .images.protocol import Drawing, ImageRequest, Policy, Purchase, Resolved
from .images.throttle import Throttle

__all__ = ["PlainImages", "Say", "ScriptedModel", "plain_png"]


@dataclass(frozen=True, slots=True)
class Say:
    """One reply of the scripted model."""

    text: str = ""
    calls: Sequence[tuple[str, Mapping[str, Any] | str]] = ()
    """Tool name and arguments; a string is sent as it is."""
    finish_reason: str | None = None
    """By default "tool_calls" with calls, else "stop"."""
    delay_s: float = 0.0
    """Before the first delta."""
    gap_s: float = 0.0
    """Between two deltas."""
    error: ModelError | None = None
    """Raised after the text."""
    usage: Usage = Usage(10, 5, 0.0)


class ScriptedModel:
    """Answers each request with what `script` says; `requests` holds what it was asked."""

    def __init__(self, script: Callable[[ChatRequest], Say | Awaitable[Say]] | Sequence[Say]) -> None:
        self.name = "scripted"
        self.offline = False
        self.requests: list[ChatRequest] = []
        self.closed_early = 0
        """How many streams were left before their end."""
        self._script = script

    async def stream(self, request: ChatRequest) -> AsyncGenerator[tuple[Delta, ...], None]:
        """Stream the scripted reply, a word at a time."""
        self.requests.append(request)
        say = await self._next(request)
        ended = False
        try:
            await anyio.sleep(say.delay_s)
            for word in re.findall(r"\s*\S+|\s+$", say.text):
                yield (Delta(text=word),)
                await anyio.sleep(say.gap_s)
            if say.error is not None:
                raise say.error
            deltas = [
                Delta(index=index, call_id=f"call_{index}", name=name, arguments=_json(arguments))
                for index, (name, arguments) in enumerate(say.calls)
            ]
            reason = say.finish_reason or ("tool_calls" if say.calls else "stop")
            yield (*deltas, Delta(finish_reason=reason, usage=say.usage))
            ended = True
        finally:
            self.closed_early += not ended and say.error is None

    async def aclose(self) -> None:
        """Nothing is held."""

    async def _next(self, request: ChatRequest) -> Say:
        if not callable(self._script):
            return self._script[len(self.requests) - 1]
        say = self._script(request)
        return say if isinstance(say, Say) else await say


@dataclass
class PlainImages:
    """Paints one colour, chosen by the prompt."""

    policy: Policy = "at_most_once"
    delay_s: float = 0.0
    concurrency: int = 8
    max_references: int = 0
    timeout_s: float = 60.0
    price: float | None = 0.0
    before: Callable[[ImageRequest, Purchase], Awaitable[None]] | None = None
    """Called with each submission before the picture exists; may wait, or raise `PictureError`."""
    submissions: list[str] = field(default_factory=list)
    """The keys of all submissions, in order."""
    requests: list[ImageRequest] = field(default_factory=list)
    most_at_once: int = 0
    name: str = "plain"
    offline: bool = False
    _now: int = 0

    def __post_init__(self) -> None:
        self.throttle = Throttle(self.concurrency)

    def resolve(self, request: ImageRequest) -> Resolved:
        """Whatever is asked for, at the same price for every picture."""
        return Resolved(request, self.price if self.price is None else self.price * request.n)

    async def draw(self, request: ImageRequest, purchase: Purchase) -> tuple[Drawing, ...]:
        """Plain pictures, after `delay_s`; partial ones, which are smaller, before."""
        self._now += 1
        self.most_at_once = max(self.most_at_once, self._now)
        try:
            self.requests.append(request)
            if purchase.job_id is None:
                self.submissions.append(purchase.key)
                if self.policy == "job" and purchase.record_job is not None:
                    await purchase.record_job(f"job-{purchase.key}")
            if self.before is not None:
                await self.before(request, purchase)
            for index in range(request.partial_images):
                if purchase.on_partial is not None:
                    purchase.on_partial(index, plain_png(f"{request.prompt} partial {index}", 2, 2))
                await anyio.sleep(self.delay_s / (request.partial_images + 1))
            await anyio.sleep(self.delay_s / (request.partial_images + 1))
        finally:
            self._now -= 1
        words = (request.prompt, *(f"{request.prompt} {at}" for at in range(2, request.n + 1)))
        return tuple(Drawing(plain_png(each), "plain", cost_usd=self.price) for each in words)

    async def aclose(self) -> None:
        """Nothing is held."""


def plain_png(words: str, width: int = 8, height: int = 8) -> bytes:
    """A valid PNG of one colour; other words, another colour."""
    colour = hashlib.sha256(words.encode("utf-8", "replace")).digest()[:3]
    rows = (b"\0" + colour * width) * height
    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    chunks = (b"IHDR", header), (b"IDAT", zlib.compress(rows)), (b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + b"".join(_chunk(kind, data) for kind, data in chunks)


def _chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", binascii.crc32(kind + data))


def _json(arguments: Mapping[str, Any] | str) -> str:
    return arguments if isinstance(arguments, str) else json.dumps(dict(arguments), ensure_ascii=False)
