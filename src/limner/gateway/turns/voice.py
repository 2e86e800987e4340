"""What an answer is told in: one interface's words for what a turn tells."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from limner.core.messages import ToolCall
from limner.core.pictures import Picture

from ..refusal import Refusal

__all__ = ["Called", "Chunk", "Ended", "Voice"]

Chunk = dict[str, Any]
"""One chunk or event; written as one frame."""


@dataclass(frozen=True, slots=True)
class Called:
    """A call of the image tool that has its outcome."""

    call_id: str
    """As clients know it."""
    arguments: str
    """As the model wrote them."""
    prompt: str
    """What was drawn, or would have been; "" where the call was refused before it was read."""
    result: Mapping[str, Any]
    """What the model was told, with the link that a reader has in place of the reference."""
    number: int | None
    picture: Picture | None
    """None of a failure."""


@dataclass(frozen=True, slots=True)
class Ended:
    """How an answer ends."""

    finish: str
    """ "stop", "tool_calls", "length" or "content_filter"."""
    incomplete: str | None
    """Why it ends early where `finish` does not say it."""
    waiting: Sequence[ToolCall]
    """The calls that the client executes, under the ids that it knows."""
    lines: Sequence[Mapping[str, Any]]
    """`limner.images[]`: every picture of the turn, and what became of it."""
    usage: Mapping[str, Any]
    """As `wire.chat.said.usage` gives it."""


class Voice(Protocol):
    """Tells one answer: every method gives the pieces that the client reads, and their sum is the whole answer."""

    @property
    def waits(self) -> bool:
        """Whether an answer ends only when all its pictures have come to something."""
        ...

    def begin(self) -> list[Chunk]:
        """What comes before everything else; once."""
        ...

    def words(self, text: str) -> list[Chunk]:
        """More of the text; a picture's Markdown comes in one."""
        ...

    def thought(self, details: Sequence[Mapping[str, Any]]) -> list[Chunk]:
        """Fragments of what the model thinks, as `core.messages.Delta.reasoning` has them."""
        ...

    def picture(self, number: int, url: str) -> list[Chunk]:
        """A finished picture that has its place in the words; once for each."""
        ...

    def progress(self, line: Mapping[str, Any], prompt: str) -> list[Chunk]:
        """News of a picture, as `wire.images.lines.image_line` gives it."""
        ...

    def partial(self, line: Mapping[str, Any], index: int, data: bytes, format: str) -> list[Chunk]:
        """What a picture looks like while it is being drawn; never the picture itself."""
        ...

    async def called(self, called: Called) -> list[Chunk]:
        """A finished call; once for each, after its progress."""
        ...

    async def end(self, ended: Ended) -> list[Chunk]:
        """All that comes after the words. Raises: LimnerError, where something could not be kept."""
        ...

    def break_off(self, lines: Sequence[Mapping[str, Any]]) -> list[Chunk]:
        """The last pieces of an answer that ends with an error: what became of its pictures."""
        ...

    def broken(self, refusal: Refusal) -> tuple[bytes, ...]:
        """The error that ends the answer, as frames; the same frames however often."""
        ...

    def whole(self) -> Chunk:
        """The answer in one piece; after `end`."""
        ...

    def frame(self, piece: Chunk) -> bytes:
        """One piece as it is written."""
        ...

    def heavy(self, piece: Chunk) -> bool:
        """Whether writing it takes so long that it belongs beside the event loop."""
        ...
