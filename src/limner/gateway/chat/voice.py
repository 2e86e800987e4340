"""An answer in chunks, as clients of Chat Completions read it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from limner.clock import Clock
from limner.wire.chat.said import (
    Head,
    calls_chunk,
    finish_chunk,
    frame,
    picture_chunk,
    progress_chunk,
    reasoning_chunk,
    role_chunk,
    server_call,
    server_call_chunk,
    text_chunk,
    usage_chunk,
    whole,
)
from limner.wire.images.lines import partial_line

from ..exchange import Inbound
from ..front.envelope import broken_chat
from ..refusal import Refusal
from ..turns.answering import Asked
from ..turns.voice import Called, Chunk, Ended

__all__ = ["ChatVoice", "chat_voice"]

_LARGE_CHUNK = 128 << 10
"""Characters of a picture beyond which a chunk is written beside the event loop."""


class ChatVoice:
    """Chunks, and their sum: a whole answer."""

    waits = False

    def __init__(self, inbound: Inbound, head: Head, *, stream: bool, include_usage: bool) -> None:
        """`stream`: nothing is kept for `whole`."""
        self._head = head
        self._dialect = inbound.dialect
        self._kept = not stream
        self._tells_usage = include_usage or inbound.dialect == "openrouter"
        self._error = broken_chat(inbound, head)
        self._content: list[str] = []
        self._images: list[str] = []
        self._details: list[Chunk] = []
        self._entries = 0
        """Of `reasoning_details`: clients join what has one index, whichever round it is of."""
        self._thinking: dict[tuple[object, object], int] = {}
        self._ended: Ended | None = None

    def begin(self) -> list[Chunk]:
        """The role."""
        return [role_chunk(self._head)]

    def words(self, text: str) -> list[Chunk]:
        """One delta: pages show broken text where a picture's Markdown is split."""
        self._thinking.clear()
        if self._kept:
            self._content.append(text)
        return [text_chunk(self._head, text)]

    def thought(self, details: Sequence[Mapping[str, Any]]) -> list[Chunk]:
        """What the model thinks."""
        told: list[Chunk] = []
        for each in details:
            key = (each.get("type"), each.get("index"))
            if key not in self._thinking:
                self._thinking[key] = self._next()
            told.append({**each, "index": self._thinking[key]})
        if self._kept:
            self._details += told
        return [reasoning_chunk(self._head, told)]

    def picture(self, number: int, url: str) -> list[Chunk]:  # noqa: ARG002  clients know it by its place
        """`delta.images`."""
        self._images.append(url if self._kept else "")
        return [picture_chunk(self._head, len(self._images) - 1, url)]

    def progress(self, line: Mapping[str, Any], prompt: str) -> list[Chunk]:  # noqa: ARG002  told with the call
        """`limner.images[]`."""
        return [progress_chunk(self._head, [line])]

    def partial(self, line: Mapping[str, Any], index: int, data: bytes, format: str) -> list[Chunk]:
        """The same, with the picture as it looks now."""
        return [progress_chunk(self._head, [partial_line(line, index, data, format)])]

    async def called(self, called: Called) -> list[Chunk]:
        """`delta.reasoning_details`, from which a client sends it back."""
        self._thinking.clear()
        detail = server_call(
            self._next(), call_id=called.call_id, arguments=called.arguments, result=called.result
        )
        if self._kept:
            self._details.append(detail)
        return [server_call_chunk(self._head, detail)]

    async def end(self, ended: Ended) -> list[Chunk]:
        """The calls that the client executes, the finish reason, the figures."""
        self._ended = ended
        chunks: list[Chunk] = []
        if ended.waiting:
            chunks.append(calls_chunk(self._head, ended.waiting))
        chunks.append(
            finish_chunk(self._head, ended.finish, lines=ended.lines or None, incomplete=ended.incomplete)
        )
        if self._tells_usage:
            chunks.append(usage_chunk(self._head, ended.usage, dialect=self._dialect))
        return chunks

    def break_off(self, lines: Sequence[Mapping[str, Any]]) -> list[Chunk]:
        """What became of the pictures."""
        return [progress_chunk(self._head, lines)]

    def broken(self, refusal: Refusal) -> tuple[bytes, ...]:
        """One chunk or event that is the error."""
        return self._error(refusal)

    def whole(self) -> Chunk:
        """The sum of the chunks."""
        assert self._ended is not None, "an answer is whole when it has ended"
        ended = self._ended
        return whole(
            self._head,
            "".join(self._content),
            images=self._images,
            details=self._details,
            calls=ended.waiting,
            finish=ended.finish,
            usage=ended.usage,
            lines=ended.lines or None,
            incomplete=ended.incomplete,
        )

    def frame(self, piece: Chunk) -> bytes:
        """An event without a name."""
        return frame(piece)

    def _next(self) -> int:
        self._entries += 1
        return self._entries - 1

    def heavy(self, piece: Chunk) -> bool:
        """Whether a picture is in it by value."""
        choices = piece["choices"]
        delta: Mapping[str, Any] = choices[0]["delta"] if choices else {}
        urls = [each["image_url"]["url"] for each in delta.get("images", ())]
        texts = (*urls, delta.get("content") or "")
        return any(len(text) > _LARGE_CHUNK for text in texts) or _has_partial(piece)


def chat_voice(asked: Asked, name: str, clock: Clock, *, offline: bool = False) -> ChatVoice:
    """What tells the answer to `asked`, whose id ends with `name`; `offline`: a part of it is made up here."""
    head = Head(
        id=f"chatcmpl-{name}",
        created=int(clock.now()),
        model=asked.ask.model,
        provider=asked.upstream.provider,
        offline=offline or asked.upstream.offline,
    )
    return ChatVoice(asked.inbound, head, stream=asked.ask.stream, include_usage=asked.ask.include_usage)


def _has_partial(piece: Chunk) -> bool:
    lines = piece.get("limner", {}).get("images", ())
    return any("partial_image_b64" in line for line in lines)
