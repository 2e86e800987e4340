"""Numbers that look thrown and are not: the same words always give the same ones."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import TypeVar

__all__ = ["Dice"]

_T = TypeVar("_T")


class Dice:
    """A stream of numbers that is a pure function of its words, on every machine and version."""

    def __init__(self, *words: str) -> None:
        # Lone surrogates are no UTF-8, and a prompt may hold them.
        self._seed = hashlib.sha256("\x00".join(words).encode("utf-8", "surrogatepass")).digest()
        self._page = 0
        self._numbers: list[int] = []

    def unit(self) -> float:
        """The next number, 0 <= n < 1."""
        if not self._numbers:
            block = hashlib.sha256(self._page.to_bytes(8, "big") + self._seed).digest()
            self._page += 1
            self._numbers = [int.from_bytes(block[at : at + 4], "big") for at in range(0, 32, 4)]
        return self._numbers.pop() / 2**32

    def between(self, low: float, high: float) -> float:
        """A number from `low` up to `high`."""
        return low + (high - low) * self.unit()

    def whole(self, low: int, high: int) -> int:
        """A whole number, both ends included."""
        return low + int(self.unit() * (high - low + 1))

    def chance(self, share: float) -> bool:
        """True in that share of the throws."""
        return self.unit() < share

    def pick(self, choices: Sequence[_T]) -> _T:
        """One of them."""
        return choices[int(self.unit() * len(choices))]

    def shuffled(self, choices: Sequence[_T]) -> list[_T]:
        """All of them in another order."""
        deck = list(choices)
        for last in range(len(deck) - 1, 0, -1):
            other = self.whole(0, last)
            deck[last], deck[other] = deck[other], deck[last]
        return deck
