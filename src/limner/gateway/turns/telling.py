"""From what a turn tells to what its client reads.

One fold, in whatever voice: its pieces are a stream, and their sum is an answer in one piece.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, Literal

from limner.core.calls import Call, NumberedPicture, Outcome
from limner.core.machine import waits_for_caller
from limner.core.messages import ToolCall
from limner.core.pictures import Picture
from limner.core.state import State
from limner.engine.conversation import Conversation
from limner.engine.progress import (
    ImageFailed,
    ImageFinished,
    ImagePartial,
    ImagePlaced,
    ImagePromised,
    ImageQueued,
    ImageStarted,
    ReasoningDelta,
    StreamEvent,
    TextDelta,
    TextFinished,
)
from limner.errors import CALL_CODES
from limner.reply.assembly import call_lines, known_pictures, notice, tell_turn
from limner.reply.markdown import image_markdown
from limner.reply.pieces import Piece, Place, Text
from limner.wire.images.lines import image_line, image_lines

from .addresses import Addresses
from .callids import public_id
from .voice import Called, Chunk, Ended, Voice

__all__ = ["Teller", "finish_of"]


class Teller:
    """Tells one answer; give it every event in its order, then `end` it."""

    def __init__(
        self,
        voice: Voice,
        conversation: Conversation,
        addresses: Addresses,
        *,
        show: Literal["markdown", "images", "both"],
        rounds_before: int = 0,
        told_before: int = 0,
    ) -> None:
        """`rounds_before`: of the same turn, told in other answers, `told_before` (of `mixed`) long."""
        self.voice = voice
        self.words_over = False
        """All has been said, and pictures that were promised are still being drawn."""
        self.begun = False
        self.rounds_before = rounds_before
        """Of the same turn, told in other answers."""
        self._conversation = conversation
        self._addresses = addresses
        self._show = show
        self._skip = told_before
        self._heard = 0
        self._pictured: set[int] = set()
        self._placed: set[int] = set()
        self._called: set[str] = set()

    @property
    def _state(self) -> State:
        return self._conversation.state

    async def hear(self, event: StreamEvent) -> list[Chunk]:
        """The chunks that one event gives. Raises: LimnerError, where a promise cannot be recorded."""
        if isinstance(event, TextDelta):
            return self._opened(self._text(event.text))
        if isinstance(event, ImagePlaced):
            return self._opened(await self._place(event.number, event.alt))
        if isinstance(event, ImageQueued | ImageStarted | ImagePromised | ImageFinished | ImageFailed):
            return self._opened(await self._progress(event))
        if isinstance(event, ReasoningDelta):
            return self._opened(self.voice.thought(event.details))
        if isinstance(event, ImagePartial):
            return self._opened(self._partial(event))
        if isinstance(event, TextFinished) and not self.voice.waits and self._awaited():
            self.words_over = True
        return []

    async def rest(self, pieces: Sequence[Piece]) -> list[Chunk]:
        """What of `pieces` (the whole turn's, as `as_promised` has it) was not told yet."""
        chunks: list[Chunk] = []
        at = 0
        for piece in pieces:
            size = 1 if isinstance(piece, Place) else len(piece.text)
            start, at = at, at + size
            if at <= self._heard:
                continue
            if isinstance(piece, Place):
                chunks += await self._place(piece.number, piece.alt)
            else:
                chunks += self._text(piece.text[max(0, self._heard - start) :])
        return self._opened(chunks)

    def as_promised(self) -> tuple[Piece, ...]:
        """The turn as it reads when every promise is kept; may be called beside the event loop."""
        state = self._state
        calls = tuple(
            _as_drawn(call)
            if call.number in self._placed or (call.outcome is None and not call.detached)
            else call
            for call in state.calls
        )
        kept = replace(state, calls=calls)
        return tuple(_resolved(piece, kept) for piece in tell_turn(kept))

    async def end(
        self,
        receipt: Mapping[str, Any],
        waiting: Sequence[ToolCall],
        reason: str | None,
        usage: Mapping[str, Any],
    ) -> list[Chunk]:
        """The last chunks; `reason`: why the turn ended early. Raises: LimnerError."""
        finish, incomplete = finish_of(reason, waiting)
        lines = self.lines(receipt)
        chunks = await self._left_calls()
        chunks += await self.voice.end(Ended(finish, incomplete, waiting, lines, usage))
        return self._opened(chunks)

    async def break_off(self, receipt: Mapping[str, Any]) -> list[Chunk]:
        """The last chunks of an answer that ends with an error: what became of its pictures."""
        lines = self.lines(receipt)
        if not self.begun or not lines:
            return []
        return [*await self._left_calls(), *self.voice.break_off(lines)]

    def lines(self, receipt: Mapping[str, Any]) -> list[dict[str, Any]]:
        """`limner.images[]`: every picture of the turn, and what became of it."""
        pictures = known_pictures(self._state)
        lines = image_lines(
            call_lines(self._state), pictures=pictures, urls=self._addresses.all(pictures), receipt=receipt
        )
        return [{**line, "call_id": public_id(self._conversation.id, line["call_id"])} for line in lines]

    def _awaited(self) -> bool:
        """Whether something that was promised is still being drawn."""
        calls = self._state.turn_calls
        return not waits_for_caller(self._state) and any(
            call.promised and call.outcome is None and not call.detached for call in calls
        )

    def _opened(self, chunks: list[Chunk]) -> list[Chunk]:
        if not chunks or self.begun:
            return chunks
        self.begun = True
        return [*self.voice.begin(), *chunks]

    def _text(self, text: str) -> list[Chunk]:
        self._heard += len(text)
        skipped = min(self._skip, len(text))
        self._skip -= skipped
        text = text[skipped:]
        return self.voice.words(text) if text else []

    async def _place(self, number: int, alt: str) -> list[Chunk]:
        self._heard += 1
        self._placed.add(number)
        if self._skip:
            self._skip -= 1
            return []
        chunks: list[Chunk] = []
        url = await self._addresses.shown(number)
        if self._show != "images":
            # One delta: pages show broken text where a picture's Markdown is split.
            chunks += self.voice.words(image_markdown(alt, url))
        if number in known_pictures(self._state) or self._show == "images":
            chunks += self._image(number, url)
        return chunks

    def _image(self, number: int, url: str) -> list[Chunk]:
        if self._show == "markdown" or number in self._pictured:
            return []
        self._pictured.add(number)
        return self.voice.picture(number, url)

    async def _progress(
        self, event: ImageQueued | ImageStarted | ImagePromised | ImageFinished | ImageFailed
    ) -> list[Chunk]:
        call = next((each for each in self._state.turn_calls if each.id == event.call_id), None)
        if call is None or (isinstance(event, ImageFailed) and call.outcome is None):
            # Of an earlier turn; or given up by this one and still being drawn, so its promise stands.
            return []
        promised = isinstance(event, ImagePromised)
        url = await self._addresses.link(call.number) if promised and call.number is not None else None
        finished = isinstance(event, ImageFinished)
        line = image_line(
            event.position - 1,
            public_id(self._conversation.id, event.call_id),
            event.number,
            event.alt,
            "in_progress"
            if isinstance(event, ImageQueued)
            else "completed"
            if finished
            else "failed"
            if isinstance(event, ImageFailed)
            else "generating",
            code=event.code if isinstance(event, ImageFailed) else None,
            picture=event.picture if isinstance(event, ImageFinished) else None,
            url=self._addresses.known(event.number) if finished else url,
            promised=promised,
        )
        chunks = [*self.voice.progress(line, call.prompt), *await self._told_call(call)]
        if finished and event.number in self._placed and not self._skip and event.number is not None:
            chunks += self._image(event.number, await self._addresses.link(event.number))
        return chunks

    def _partial(self, event: ImagePartial) -> list[Chunk]:
        call_id = public_id(self._conversation.id, event.call_id)
        line = image_line(event.position - 1, call_id, event.number, event.alt, "generating")
        return self.voice.partial(line, event.index, event.data, event.format)

    async def _told_call(self, call: Call) -> list[Chunk]:
        """A finished call, once."""
        outcome = call.outcome
        if outcome is None or call.key in self._called:
            return []
        self._called.add(call.key)
        if outcome.code is None:
            result = {"status": "ok", "imageUrl": self._addresses.known(call.number)}
        else:
            sentence = outcome.error or CALL_CODES[outcome.code].sentence
            result = {"status": "error", "error": sentence, "code": outcome.code}
        return await self.voice.called(
            Called(
                call_id=public_id(self._conversation.id, call.id),
                arguments=call.arguments,
                prompt=call.prompt,
                result=result,
                number=call.number,
                picture=outcome.pictures[0].picture if outcome.pictures else None,
            )
        )

    async def _left_calls(self) -> list[Chunk]:
        """Of an answer that is told again from the journal, which has no events of its own."""
        calls = self._state.turn_calls
        asked = [call for call in calls if call.kind == "image" and call.round > self.rounds_before]
        return [chunk for call in asked for chunk in await self._told_call(call)]


def finish_of(reason: str | None, waiting: Sequence[ToolCall]) -> tuple[str, str | None]:
    """The finish reason, and why the turn ended early where that word does not say it."""
    if waiting:
        return "tool_calls", None
    if reason is None:
        return "stop", None
    if reason in ("length", "content_filter"):
        return reason, None
    # Clients know no other word for an answer that ends before its end.
    return "length", reason


def _resolved(piece: Piece, state: State) -> Piece:
    """What stands where a picture would that was not drawn."""
    if not isinstance(piece, Place) or piece.number in known_pictures(state):
        return piece
    (call,) = (each for each in state.calls if each.number == piece.number and each.redraws is None)
    return Text(notice(state, call))


def _as_drawn(call: Call) -> Call:
    if call.kind != "image" or call.number is None:
        return call
    picture = Picture(id="", sha256="", format="png", width=1, height=1, size_bytes=0, alt=call.alt)
    return replace(call, outcome=Outcome(pictures=(NumberedPicture(call.number, picture),)))
