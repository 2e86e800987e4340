"""An answer as events, as clients of the Responses API read it."""

from __future__ import annotations

import base64
import copy
from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from typing import Any

from anyio import to_thread

from limner.clock import Clock
from limner.core.repair import ArgumentsError, parse_arguments
from limner.wire.frames import event_frame
from limner.wire.responses.said import ResponseBuilder, responses_usage

from ..exchange import Inbound
from ..front.envelope import said
from ..refusal import Refusal
from ..turns.addresses import Addresses
from ..turns.voice import Called, Chunk, Ended

__all__ = ["Keep", "ResponsesVoice"]

Keep = Callable[[Mapping[str, Any], Mapping[str, str]], Awaitable[bool]]
"""Keeps the finished Response, with the links of its pictures by the ids of their items; whether it did."""

_LARGE_TEXT = 128 << 10
_SPENT = ("limit", "max_tool_rounds")
"""Why a model was not let do more, and said its last words."""


class ResponsesVoice:
    """Events, and the object that the last of them holds."""

    waits = True

    def __init__(
        self,
        inbound: Inbound,
        builder: ResponseBuilder,
        clock: Clock,
        *,
        native: bool,
        shows_calls: bool = True,
        withheld: Collection[str] = (),
        addresses: Addresses | None = None,
        ordered: Mapping[str, Any] | None = None,
        keep: Keep | None = None,
    ) -> None:
        """`native`: as OpenAI's own tool tells its pictures, in the items themselves.

        `shows_calls`: whether there are items of pictures at all; who did not declare the tool may not know them.
        `withheld`: functions whose calls are not handed to the client, which executes whatever it is handed.
        `addresses`: None where nothing is drawn. `ordered`: what pictures are ordered with. `keep`: None where
        the answer is not to be stored.
        """
        self._inbound = inbound
        self._builder = builder
        self._clock = clock
        self._native = native
        self._shows_calls = shows_calls
        self._withheld = withheld
        self._addresses = addresses
        self._ordered = ordered or {}
        self._keep = keep
        self._links: dict[str, str] = {}
        self._lines: Sequence[Mapping[str, Any]] | None = None

    def begin(self) -> list[Chunk]:
        """`response.created`, `response.in_progress`."""
        return self._builder.begin()

    def words(self, text: str) -> list[Chunk]:
        """All words of an answer are one message."""
        return self._builder.text(text)

    def thought(self, details: Sequence[Mapping[str, Any]]) -> list[Chunk]:
        """Reasoning items."""
        return self._builder.reasoning(details)

    def picture(self, number: int, url: str) -> list[Chunk]:  # noqa: ARG002  its item says it
        """Nothing: the picture's item says it."""
        return []

    def progress(self, line: Mapping[str, Any], prompt: str) -> list[Chunk]:
        """The item of a picture that is being drawn; what came of it is told with its call."""
        if not self._shows_calls:
            return []
        if line["status"] == "in_progress":
            return self._builder.image_queued(line["call_id"], prompt)
        if line["status"] == "generating" and not line.get("promised"):
            return self._builder.image_generating(line["call_id"])
        return []

    def partial(self, line: Mapping[str, Any], index: int, data: bytes, format: str) -> list[Chunk]:
        """`response.image_generation_call.partial_image`, which OpenRouter's clients know as well."""
        if not self._shows_calls:
            return []
        b64 = base64.b64encode(data).decode("ascii")
        return self._builder.image_partial(line["call_id"], index, b64, format=format, **self._looks())

    async def called(self, called: Called) -> list[Chunk]:
        """The finished item, of OpenAI's own tool with the picture itself."""
        if not self._shows_calls:
            return []
        if called.picture is None or called.number is None or self._addresses is None:
            code, sentence = called.result.get("code", "internal"), called.result.get("error")
            return self._builder.image_failed(called.call_id, code, sentence, prompt=called.prompt or None)
        url = self._addresses.known(called.number)
        b64 = None
        if self._native:
            data = await self._addresses.data(called.number)
            if data is None:
                sentence = "The picture was drawn and kept, but cannot be read now."
                return self._builder.image_failed(called.call_id, "image_store_full", sentence)
            b64 = (await to_thread.run_sync(base64.b64encode, data)).decode("ascii")
        chunks = self._builder.image_finished(
            called.call_id,
            url=url,
            b64=b64,
            picture=called.picture,
            prompt=called.prompt or _prompt_in(called.arguments),
            revised_prompt=called.picture.revised_prompt,
            **self._looks(),
        )
        if url is not None:
            done = (chunk["item"]["id"] for chunk in chunks if chunk["type"] == "response.output_item.done")
            self._links.update((item_id, url) for item_id in done)
        return chunks

    async def end(self, ended: Ended) -> list[Chunk]:
        """Everything is closed; what is to be stored is stored before its client knows that it has ended."""
        chunks = self._builder.calls(call for call in ended.waiting if call.name not in self._withheld)
        chunks += self._builder.end(
            usage=responses_usage(ended.usage),
            completed_at=int(self._clock.now()),
            # Clients throw away an answer that is incomplete, and this one has all that was allowed.
            finish="stop" if ended.incomplete in _SPENT else ended.finish,
            incomplete=ended.incomplete,
            lines=ended.lines or None,
        )
        if self._keep is not None:
            response = self._builder.response()
            # An answer that was paid for is told all the same, and says that nobody can go on with it.
            response["store"] = await self._keep(response, self._links)
        return chunks

    def break_off(self, lines: Sequence[Mapping[str, Any]]) -> list[Chunk]:
        """Nothing: the failed response says it."""
        self._lines = lines
        return []

    def broken(self, refusal: Refusal) -> tuple[bytes, ...]:
        """`error`, then `response.failed`."""
        inbound = self._inbound
        words = said(refusal, inbound.id, inbound.record.get("turn"))
        # Of a copy: who stops listening hears its end, and the answer goes on for who asks again.
        events = copy.copy(self._builder).fail(words, lines=self._lines)
        return tuple(map(event_frame, events))

    def whole(self) -> Chunk:
        """The Response."""
        return self._builder.response()

    def frame(self, piece: Chunk) -> bytes:
        """An event whose name is its type."""
        return event_frame(piece)

    def heavy(self, piece: Chunk) -> bool:
        """Whether a picture is in it by value, or the words of a whole answer."""
        item = piece.get("item") or {}
        told = (piece, piece.get("part") or {}, item, *item.get("content", ()))
        return "response" in piece or any(
            len(value) > _LARGE_TEXT for part in told for value in part.values() if isinstance(value, str)
        )

    def _looks(self) -> dict[str, Any]:
        return {name: self._ordered.get(name) for name in ("quality", "background")}


def _prompt_in(arguments: str) -> str | None:
    """Of a call that is told again from another answer's journal."""
    try:
        prompt = parse_arguments(arguments).get("prompt")
    except ArgumentsError:
        return None
    return prompt if isinstance(prompt, str) else None
