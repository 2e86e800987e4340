"""The pictures that a reply may show, and which of them a reference means."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Literal

from .references import meant, parse_reference

__all__ = ["Album", "Verdict"]


@dataclass(frozen=True, slots=True)
class Verdict:
    """What becomes of a reference that stands where a picture belongs."""

    act: Literal["place", "repair", "drop", "remove"]
    number: int | None
    """The picture that is meant; None where nobody knows."""


class Album:
    """Known pictures in the order in which they became known."""

    def __init__(self) -> None:
        self._alts: dict[int, str] = {}
        self._own: list[int] = []
        self._placed: set[int] = set()
        self._earlier: Callable[[], Mapping[int, str]] | None = None

    def before(self, earlier: Callable[[], Mapping[int, str]]) -> None:
        """Add the pictures of earlier turns, with their alt texts: asked for once the text may speak of one."""
        self._earlier = earlier

    def add(self, number: int, alt: str, *, own: bool) -> None:
        """Add a picture, or give a known one another alt text."""
        if number not in self._alts and own:
            self._own.append(number)
        self._alts[number] = alt

    def alt(self, number: int | None) -> str | None:
        """The known alt text; None for a picture that nobody knows."""
        return None if number is None or not self._knows(number) else self._alts[number]

    @property
    def unplaced(self) -> tuple[int, ...]:
        """The reply's own pictures that have no place yet, in the order known."""
        return tuple(number for number in self._own if number not in self._placed)

    def judge(self, destination: str) -> Verdict:
        """Which picture a destination that looks like a reference means; changes nothing."""
        exact = parse_reference(destination.strip())
        number = exact if exact is not None else meant(destination)
        if number is not None and self._knows(number):
            if number in self._placed:
                return Verdict("drop", number)
            return Verdict("place" if exact is not None else "repair", number)
        left = self.unplaced
        return Verdict("repair", left[0]) if len(left) == 1 else Verdict("remove", number)

    def place(self, number: int) -> None:
        """The picture has its place now."""
        self._placed.add(number)

    def _knows(self, number: int) -> bool:
        if number not in self._alts and self._earlier is not None:
            # Most replies show their own pictures alone, and a conversation may have thousands.
            earlier, self._earlier = self._earlier(), None
            self._alts = {**earlier, **self._alts}
        return number in self._alts
