"""Placement: the model's text becomes text that fetches nothing, and places of pictures.

The text is read once, from left to right. Each decision is made from at most 1 KiB that is held
back, so that it is the same wherever the text is cut; what that cannot decide is neutralised.

- What every renderer takes for code (fences, closed code spans, indented code at the top level)
  passes as it is. Where renderers may differ, its hostile parts are broken by a space.
- An image whose destination is a reference, or what a model made of one, becomes a `Place` or is
  removed. Any other image becomes a link by a backslash before its `!`; inside a formula a space
  does the same (`$x![n]$`), because a backslash would make a command of it.
- A link to a reference keeps its words alone; so does one that would run code.
- What may begin HTML begins with `&lt;` from now on, which every renderer understands.
- What is taken away never joins its neighbours: the state follows what is written, not what was read.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from .album import Album
from .ink import merged
from .pieces import Note, Piece, Place, Text
from .scanner import Scanner

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

__all__ = ["Note", "Piece", "Place", "Placement", "Text", "place"]


class Placement:
    """One reply's text on its way to the reader, in as many feeds as it arrives in."""

    def __init__(self, before: Placement | None = None) -> None:
        """A new text; `before`: another one of the same reply, whose pictures are known and placed here too."""
        self._album: Album = Album() if before is None else before._album
        self._scanner = Scanner(self._album)

    def know(self, number: int, alt: str, own: bool = True) -> None:
        """A picture that the conversation gave out; also between feeds, when a later round draws more.

        One of an earlier turn (`own` is false) may be placed, but nothing is repaired to it and
        it is never missed.
        """
        self._album.add(number, alt, own=own)

    def know_earlier(self, earlier: Callable[[], Mapping[int, str]]) -> None:
        """The pictures that turns before this one gave out, by number: their alt texts, asked for when needed."""
        self._album.before(earlier)

    def feed(self, text: str) -> tuple[Piece, ...]:
        """What is decided after `text`; at most 1,024 characters stay behind."""
        return self._scanner.feed(text)

    def finish(self) -> tuple[Piece, ...]:
        """What was still held back: nothing is fed after this."""
        return self._scanner.finish()

    @property
    def held(self) -> int:
        """How many characters are held back now, at most 1,024."""
        return self._scanner.window.left

    @property
    def apart(self) -> str:
        """What to write between the text so far and a new block: it also ends a fence left open.

        Of the text that was handed out, so ask after `finish`; "" before the first word.
        """
        return self._scanner.apart

    @property
    def notes(self) -> tuple[Note, ...]:
        """What was changed so far, in reading order."""
        return tuple(self._scanner.notes)

    @property
    def unplaced(self) -> tuple[int, ...]:
        """The reply's own pictures that have no place yet, in the order known."""
        return self._album.unplaced


def place(text: str, pictures: Mapping[int, str]) -> tuple[Piece, ...]:
    """The pieces of a whole text; `pictures` maps the number of each picture to its alt text."""
    placement = Placement()
    for number, alt in pictures.items():
        placement.know(number, alt)
    return merged((*placement.feed(text), *placement.finish()))
