"""Sums over the calls of a conversation that goes on for long."""

from __future__ import annotations

from collections.abc import Callable

from .calls import Call
from .identity import changed

__all__ = ["Tally"]


class Tally:
    """One sum over a conversation's calls, of which only those that have changed are counted anew."""

    def __init__(self, worth: Callable[[Call], int | None]) -> None:
        """`worth`: what a call adds; None where nobody knows."""
        self._worth = worth
        self._calls: tuple[Call, ...] = ()
        self._sum = 0
        self._unknown = 0

    def of(self, calls: tuple[Call, ...]) -> int | None:
        """The sum over `calls`; None where that of one of them is unknown."""
        before = self._calls
        if len(calls) < len(before):
            before, self._sum, self._unknown = (), 0, 0
        for at in changed(before, calls):
            if at < len(before):
                self._count(before[at], -1)
            self._count(calls[at], 1)
        self._calls = calls
        return None if self._unknown else self._sum

    def _count(self, call: Call, times: int) -> None:
        worth = self._worth(call)
        if worth is None:
            self._unknown += times
        else:
            self._sum += times * worth
