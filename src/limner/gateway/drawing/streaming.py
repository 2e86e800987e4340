"""Pictures without a chat, told as they come."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable
from typing import Any

from limner.beside import beside
from limner.clock import Clock
from limner.core.pictures import Picture
from limner.engine.conversation import Conversation
from limner.engine.progress import ImageFinished, ImagePartial
from limner.errors import StoreError
from limner.storage.protocol import Storage
from limner.wire.images.events import ImageEvents
from limner.wire.images.lines import image_line, image_lines

from ..exchange import Inbound
from ..front.envelope import said
from ..refusal import Refusal

__all__ = ["UNREADABLE", "Telling", "broken"]

UNREADABLE = "The pictures were drawn and kept, but cannot be read now; send the request again with its Idempotency-Key."


class Telling:
    """Tells one run, each picture once: also those that were there before, of a run that is gone on with."""

    def __init__(
        self, conversation: Conversation, events: ImageEvents, storage: Storage, clock: Clock
    ) -> None:
        self._conversation = conversation
        self._events = events
        self._storage = storage
        self._clock = clock
        self._told: set[str] = set()
        """Calls of which it was told what became of them."""

    async def frames(self, prompt: str) -> AsyncGenerator[bytes, None]:
        """A frame for each picture, the partial ones between, as the run comes to its end.

        Raises: LimnerError; Refusal (`store_unavailable`).
        """
        conversation = self._conversation
        if not conversation.state.turn or not conversation.state.at_rest:
            async with conversation.stream(None if conversation.state.turn else prompt) as stream:
                async for event in stream:
                    if isinstance(event, ImagePartial):
                        frame = await self._partial(event)
                    elif isinstance(event, ImageFinished):
                        frame = await self._completed(event.call_id, event.picture)
                    else:
                        continue
                    try:
                        yield frame
                    except GeneratorExit:
                        # Left as itself: the block would wrap it in a group.
                        return
        for call in conversation.state.calls:
            if call.drawn and call.outcome is not None and call.id not in self._told:
                yield await self._completed(call.id, call.outcome.pictures[0].picture)

    async def _partial(self, event: ImagePartial) -> bytes:
        line = image_line(event.position - 1, event.call_id, event.number, event.alt, "generating")
        created = int(self._clock.now())
        return await beside(
            len(event.data),
            lambda: self._events.partial(
                event.index, event.data, created=created, format=event.format, line=line
            ),
        )

    async def _completed(self, call_id: str, picture: Picture) -> bytes:
        try:
            data = await self._storage.open(picture.id)
        except StoreError as error:
            raise Refusal("store_unavailable", UNREADABLE, retry_after_s=5, bought=True) from error
        lines = self._lines(call_id, picture)
        self._told.update(line["call_id"] for line in lines)
        created = int(self._clock.now())
        # Pictures as text are megabytes.
        return await beside(
            len(data),
            lambda: self._events.completed(
                data,
                created=created,
                format=picture.format,
                width=picture.width,
                height=picture.height,
                cost_usd=next(line for line in lines if line["call_id"] == call_id).get("cost_usd"),
                lines=lines,
            ),
        )

    def _lines(self, call_id: str, picture: Picture) -> list[dict[str, Any]]:
        """The picture's, and those of what has failed and was not told yet."""
        reply = self._conversation.reply
        numbers = [call["number"] for call in reply.calls if call.get("call_id") == call_id]
        lines = image_lines(
            reply.calls,
            pictures=dict.fromkeys(numbers, picture),
            urls=dict.fromkeys(numbers, self._storage.link(picture.id)),
            receipt=reply.receipt,
        )
        return [
            line
            for line in lines
            if line["call_id"] == call_id
            or (line["status"] == "failed" and line["call_id"] not in self._told)
        ]


def broken(inbound: Inbound, events: ImageEvents) -> Callable[[Refusal], tuple[bytes, ...]]:
    """What the error is that may end such a stream."""

    def frames(refusal: Refusal) -> tuple[bytes, ...]:
        return (events.failed(inbound.dialect, said(refusal, inbound.id, inbound.record.get("turn"))),)

    return frames
