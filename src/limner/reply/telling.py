"""A turn told in reading order: several rounds of text, one run of pieces.

Whole and streamed replies are told by the same object, fed at once or in fragments.
"""

from __future__ import annotations

from collections.abc import Callable, Container, Iterable, Mapping

from .pieces import Note, Piece, Place, Text
from .placement import Placement

__all__ = ["Telling"]


class Telling:
    """Feeds the text of one turn's rounds to placement."""

    def __init__(self) -> None:
        self._placement = Placement()
        self._alts: dict[int, str] = {}
        self._placed: set[int] = set()
        self._round = 0
        self._notes: list[Note] = []
        self._told = False

    def know(self, number: int, alt: str, *, own: bool = True) -> None:
        """A picture that may be placed from here on; `own`: of this turn."""
        self._alts[number] = alt
        self._placement.know(number, alt, own=own)

    def know_earlier(self, earlier: Callable[[], Mapping[int, str]]) -> None:
        """The pictures that turns before this one gave out, by number: their alt texts, asked for when needed."""
        self._placement.know_earlier(earlier)

    def say(self, round: int, text: str) -> tuple[Piece, ...]:
        """A fragment of the text of one round."""
        if not text:
            return ()
        before: tuple[Piece, ...] = ()
        if round != self._round:
            before = self._next_round()
            self._round = round
        return (*before, *self._heard(self._placement.feed(text)))

    def end(self) -> tuple[Piece, ...]:
        """What was held back."""
        return self._heard(self._placement.finish())

    def _next_round(self) -> tuple[Piece, ...]:
        """The rest of the round before, and what sets the next one apart: also from a fence left open."""
        rest = self.end()
        gap = self._placement.apart
        self._notes.extend(self._placement.notes)
        self._placement = Placement(self._placement)
        return (*rest, Text(gap)) if gap else rest

    def afterwards(self, drawn: Container[int], notices: Iterable[str]) -> tuple[Piece, ...]:
        """What the model left out, each set apart: its own pictures that were drawn, then `notices`."""
        pieces: list[Piece] = []
        left: list[Piece] = [Place(each, self._alts[each]) for each in self.unplaced if each in drawn]
        # The first gap also ends a fence that the model left open.
        gap = self._placement.apart
        for piece in [*left, *(Text(notice) for notice in notices)]:
            if gap:
                pieces.append(Text(gap))
            pieces.append(piece)
            gap = "\n\n"
        return tuple(pieces)

    @property
    def apart(self) -> str:
        """What sets apart whatever follows the words so far; of what was handed out, so ask after `end`."""
        return self._placement.apart

    @property
    def placed(self) -> frozenset[int]:
        """The pictures that stand somewhere in the text."""
        return frozenset(self._placed)

    @property
    def unplaced(self) -> tuple[int, ...]:
        """The turn's own pictures that stand nowhere yet."""
        return self._placement.unplaced

    @property
    def told(self) -> bool:
        """Whether a reader has anything to read."""
        return self._told

    @property
    def notes(self) -> tuple[Note, ...]:
        """What was changed in the model's text, and why."""
        return (*self._notes, *self._placement.notes)

    def _heard(self, pieces: tuple[Piece, ...]) -> tuple[Piece, ...]:
        for piece in pieces:
            if isinstance(piece, Place):
                self._placed.add(piece.number)
            self._told = self._told or isinstance(piece, Place) or bool(piece.text.strip())
        return pieces
