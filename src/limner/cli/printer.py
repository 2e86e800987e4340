"""The reply as Markdown on standard output, true at every moment.

A picture's file is written before its link is. A picture that was promised holds back what stands
after it until it is there, or until it is known that it never will be.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from pathlib import Path

from limner.core.pictures import Picture
from limner.engine.progress import ImageFailed, ImageFinished, ImagePlaced, StreamEvent, TextDelta
from limner.reply.markdown import image_markdown
from limner.reply.parts import ImagePart
from limner.reply.reply import Reply

from .album import Album
from .output import picture_notice

__all__ = ["Printer"]


@dataclass(slots=True)
class Printer:
    """Told the events of a reply, in their order."""

    write: Callable[[str], Awaitable[None]]
    album: Album
    read: Callable[[str], Awaitable[bytes]]
    """Reads a picture by its store id."""
    printed: bool = False
    """Whether a reader has anything to read."""
    _held: deque[str | ImagePlaced] = field(default_factory=deque)
    _outcomes: dict[int, Picture | str] = field(default_factory=dict)
    """Number → the picture, or the sentence that takes its place."""
    _placed: list[ImagePart] = field(default_factory=list)

    async def hear(self, event: StreamEvent) -> None:
        """Write what `event` lets be written.

        Raises: OSError, where standard output cannot be written.
        """
        if isinstance(event, TextDelta):
            self._held.append(event.text)
        elif isinstance(event, ImagePlaced):
            self._held.append(event)
            if event.picture is not None:
                self._outcomes[event.number] = event.picture
        elif isinstance(event, ImageFinished) and event.number is not None:
            self._outcomes[event.number] = event.picture
        elif isinstance(event, ImageFailed) and event.number is not None:
            self._outcomes[event.number] = event.notice
        else:
            return
        await self._flush()

    async def give_up(self, reply: Reply, notice: Callable[[int], str]) -> None:
        """Write what is held back, by what is known in the end; `notice` for pictures that never came."""
        for part in reply.images:
            self._outcomes.setdefault(part.number, part.picture)
        for piece in self._held:
            if isinstance(piece, ImagePlaced) and piece.number not in self._outcomes:
                self._outcomes[piece.number] = notice(piece.number)
        await self._flush()

    async def _flush(self) -> None:
        text = ""
        while self._held:
            piece = self._held[0]
            if isinstance(piece, ImagePlaced):
                if piece.number not in self._outcomes:
                    break
                text += await self._picture(piece, self._outcomes[piece.number])
            else:
                text += piece
            self._held.popleft()
        self.printed = self.printed or bool(text.strip())
        await self.write(text)

    async def _picture(self, placed: ImagePlaced, outcome: Picture | str) -> str:
        if isinstance(outcome, str):
            return outcome
        part = ImagePart(placed.number, placed.alt, outcome, "")
        self._placed.append(part)
        # All that are placed so far, because a file is named by its place among them.
        await self.album.save(Reply(tuple(self._placed), read=self.read))
        link = self.album.link(part, Path())
        return picture_notice(part) if link is None else image_markdown(part.alt, link)
