"""What a stream tells: the reply as it grows, and how its pictures come along."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from itertools import takewhile
from typing import Any, ClassVar

from limner.core.calls import Call
from limner.core.formats import FormatName
from limner.core.identity import changed
from limner.core.machine import waits_for_caller
from limner.core.messages import Delta
from limner.core.pictures import Picture
from limner.core.state import Phase, State
from limner.core.transcript import turn_texts
from limner.reply.assembly import asked_for, introduce, known_pictures, notice, what_is_missing
from limner.reply.pieces import Piece, Place
from limner.reply.reply import Reply
from limner.reply.telling import Telling

from .partials import PartialPicture
from .run import Fact

__all__ = [
    "ImageFailed",
    "ImageFinished",
    "ImagePartial",
    "ImagePlaced",
    "ImagePromised",
    "ImageQueued",
    "ImageStarted",
    "Narrator",
    "ReasoningDelta",
    "ReplyFinished",
    "RoundFinished",
    "StreamEvent",
    "TextDelta",
    "TextFinished",
]


@dataclass(frozen=True, slots=True)
class TextDelta:
    """More of the reply's Markdown; it fetches nothing, wherever the deltas are cut."""

    type: ClassVar[str] = "text-delta"
    text: str


@dataclass(frozen=True, slots=True)
class ReasoningDelta:
    """More of what the model thinks; no part of the reply, and recorded with it for the model alone."""

    type: ClassVar[str] = "reasoning-delta"
    details: tuple[Mapping[str, Any], ...] = field(hash=False)
    """Fragments as the provider tells them, in the shape of OpenRouter's `reasoning_details`: `text`, `summary` or
    encrypted `data`. Those of one round with the same `index` are written one after the other."""

    @property
    def text(self) -> str:
        """What of it people can read."""
        return "".join(str(each.get("text") or each.get("summary") or "") for each in self.details)


@dataclass(frozen=True, slots=True)
class ImagePlaced:
    """Here in the text stands this picture, finished or still promised.

    If `picture` is None, `ImageFinished` or `ImageFailed` for the same number follows; after a
    failure the place is taken by that event's `notice`.
    """

    type: ClassVar[str] = "image-placed"
    number: int
    alt: str
    picture: Picture | None
    link: str | None


@dataclass(frozen=True, slots=True)
class _ImageEvent:
    call_id: str
    position: int
    """Among the pictures asked for in the same turn, from 1."""
    number: int | None
    """The picture's reference; None for a call that was refused before it got one."""
    alt: str


@dataclass(frozen=True, slots=True)
class ImageQueued(_ImageEvent):
    """A picture was checked and its money set aside."""

    type: ClassVar[str] = "image-queued"


@dataclass(frozen=True, slots=True)
class ImageStarted(_ImageEvent):
    """A picture was ordered."""

    type: ClassVar[str] = "image-started"


@dataclass(frozen=True, slots=True)
class ImagePromised(_ImageEvent):
    """The model writes on without waiting for this picture."""

    type: ClassVar[str] = "image-promised"


@dataclass(frozen=True, slots=True)
class ImagePartial(_ImageEvent):
    """How far a picture is that was ordered; never the final one, and neither kept nor recorded.

    Some may be missing, and what has an index may come again. After `ImageFinished` or `ImageFailed` of
    the same picture there is none.
    """

    type: ClassVar[str] = "image-partial"
    index: int
    """Which of the partial pictures, from 0."""
    data: bytes = field(repr=False)
    """A stranger's bytes, of an accepted format and whole by their structure, but never decoded here."""
    format: FormatName


@dataclass(frozen=True, slots=True)
class ImageFinished(_ImageEvent):
    """A picture is in the store."""

    type: ClassVar[str] = "image-finished"
    picture: Picture
    link: str


@dataclass(frozen=True, slots=True)
class ImageFailed(_ImageEvent):
    """There is no such picture in this reply.

    With the code "turn_deadline" for a picture that was ordered, it may still arrive for a later turn.
    """

    type: ClassVar[str] = "image-failed"
    code: str
    notice: str
    """The honest sentence that takes the picture's place."""


@dataclass(frozen=True, slots=True)
class RoundFinished:
    """The model finished one of its replies."""

    type: ClassVar[str] = "round-finished"
    round: int


@dataclass(frozen=True, slots=True)
class TextFinished:
    """The model has said all it will say in this turn; promised pictures may be outstanding."""

    type: ClassVar[str] = "text-finished"


@dataclass(frozen=True, slots=True)
class ReplyFinished:
    """The whole reply; the last event."""

    type: ClassVar[str] = "reply-finished"
    reply: Reply


StreamEvent = (
    TextDelta
    | ReasoningDelta
    | ImagePlaced
    | ImageQueued
    | ImageStarted
    | ImagePromised
    | ImagePartial
    | ImageFinished
    | ImageFailed
    | RoundFinished
    | TextFinished
    | ReplyFinished
)


class Narrator:
    """Turns what the loop tells into what a reader is told."""

    def __init__(self, state: State, link: Callable[[str], str]) -> None:
        self._state = state
        self._link = link
        self._telling = Telling()
        introduce(self._telling, state)

    def so_far(self) -> Iterator[StreamEvent]:
        """What a resumed turn had told already; empty for a new one."""
        texts = dict(turn_texts(self._state))
        for number in range(1, self._state.round + 1):
            yield from self._events(self._telling.say(number, texts.get(number, "")))
            introduce(self._telling, self._state, round=number)

    def hear(
        self, batch: tuple[Delta, ...] | tuple[Fact, ...] | tuple[PartialPicture, ...]
    ) -> tuple[StreamEvent, ...]:
        """The events of one batch."""
        events: list[StreamEvent] = []
        for each in batch:
            if isinstance(each, Delta):
                if each.reasoning:
                    events.append(ReasoningDelta(each.reasoning))
                events.extend(self._events(self._telling.say(self._state.round + 1, each.text)))
            elif isinstance(each, PartialPicture):
                events.extend(self._partial(each))
            else:
                events.extend(self._fact(each))
        return tuple(events)

    def end(self, state: State) -> tuple[StreamEvent, ...]:
        """What follows when the turn is at rest as `state`: held-back text, pictures without a place, notices.

        Where it waits for its caller, the model may still give them a place.
        """
        late = [*self._image_events(self._state, state)]
        self._state = state
        pieces = [*self._telling.end()]
        if waits_for_caller(state):
            return (*late, *self._events(pieces))
        missing = what_is_missing(self._state, self._telling)
        pieces.extend(self._telling.afterwards(known_pictures(self._state), missing))
        return (*late, *self._events(pieces), *self._given_up())

    def _given_up(self) -> Iterator[StreamEvent]:
        """Pictures that have a place and did not come in time."""
        for at, call in enumerate(self._state.calls):
            if call.outcome is None and call.number in self._telling.placed:
                position = _position(self._state, at)
                sentence = notice(self._state, call)
                yield ImageFailed(call.id, position, call.number, call.alt, "turn_deadline", sentence)

    def _fact(self, fact: Fact) -> Iterator[StreamEvent]:
        before, after = fact.before, fact.after
        self._state = after
        if after.turn == before.turn and after.round > before.round:
            yield RoundFinished(after.round)
        yield from self._image_events(before, after)
        if before.phase is Phase.AWAITING_MODEL and after.phase in (Phase.SETTLING, Phase.DONE, Phase.FAILED):
            yield TextFinished()

    def _partial(self, partial: PartialPicture) -> Iterator[StreamEvent]:
        for at, call in enumerate(self._state.calls):
            if call.key == partial.key and self._tells(call, self._state):
                about = (call.id, _position(self._state, at), call.number, call.alt)
                yield ImagePartial(*about, partial.index, partial.data, partial.format)

    def _tells(self, call: Call, state: State) -> bool:
        """Whether a call is of this turn, or has a place in its text."""
        return call.turn == state.turn or call.number in self._telling.placed

    def _image_events(self, before: State, after: State) -> Iterator[StreamEvent]:
        for at in changed(before.calls, after.calls):
            call = after.calls[at]
            if not self._tells(call, after):
                continue
            was = before.calls[at] if at < len(before.calls) else None
            if call.kind == "image":
                yield from self._changes(was, call, _position(after, at))
            self._introduce(was, call)

    def _changes(self, was: Call | None, call: Call, position: int) -> Iterator[StreamEvent]:
        about = (call.id, position, call.number, call.alt)
        if call.number is not None and (was is None or was.number is None):
            yield ImageQueued(*about)
        if call.submitted_at_s is not None and (was is None or was.submitted_at_s is None):
            yield ImageStarted(*about)
        if call.promised and (was is None or not was.promised):
            yield ImagePromised(*about)
        if call.outcome is None or (was is not None and was.outcome is not None):
            return
        if call.outcome.code is not None:
            yield ImageFailed(*about, call.outcome.code, notice(self._state, call))
        else:
            picture = call.outcome.pictures[0].picture
            yield ImageFinished(*about, picture, self._link(picture.id))

    def _introduce(self, was: Call | None, call: Call) -> None:
        """Let placement know what this change gave out."""
        if call.number is not None and (was is None or was.number is None):
            self._telling.know(call.number, call.alt, own=call.redraws is None)
        if call.kind != "image" and call.outcome is not None and (was is None or was.outcome is None):
            for each in call.outcome.pictures:
                self._telling.know(each.number, each.picture.alt)

    def _events(self, pieces: Iterable[Piece]) -> Iterator[StreamEvent]:
        for piece in pieces:
            if isinstance(piece, Place):
                yield self._placed(piece)
            else:
                yield TextDelta(piece.text)

    def _placed(self, piece: Place) -> StreamEvent:
        picture = known_pictures(self._state).get(piece.number)
        if picture is not None:
            return ImagePlaced(piece.number, piece.alt or picture.alt, picture, self._link(picture.id))
        call = asked_for(self._state, piece.number)
        if call.outcome is not None:
            return TextDelta(notice(self._state, call))
        return ImagePlaced(piece.number, piece.alt or call.alt, None, None)


def _position(state: State, at: int) -> int:
    """How many pictures the turn of the call at that place had asked for by then."""
    upto = state.calls[at::-1]
    return sum(call.kind == "image" for call in takewhile(lambda each: each.turn == upto[0].turn, upto))
