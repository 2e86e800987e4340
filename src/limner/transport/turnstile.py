"""Work that comes all at once, spread over rounds of the event loop."""

from __future__ import annotations

import asyncio
from collections import deque

__all__ = ["Turnstile"]


class Turnstile:
    """Lets a few through in each round of the event loop.

    A thousand requests that come at the same moment would otherwise all leave in one round, and no
    stream that is under way would get a word through until it is over.
    """

    def __init__(self, each_round: int) -> None:
        self._each_round = each_round
        self._left = each_round
        self._waiting: deque[asyncio.Future[None]] = deque()

    async def enter(self) -> None:
        """Return in this round or in one that comes soon."""
        if self._left and not self._waiting:
            self._left -= 1
            if not self._left:
                # Before that there is nothing to count anew, and nothing to wake a quiet loop for.
                asyncio.get_running_loop().call_soon(self._turn)
            return
        turn = asyncio.get_running_loop().create_future()
        self._waiting.append(turn)
        await turn

    def _turn(self) -> None:
        self._left = self._each_round
        while self._waiting and self._left:
            turn = self._waiting.popleft()
            # Whoever has left meanwhile takes nobody's place.
            if not turn.done():
                turn.set_result(None)
                self._left -= 1
        if not self._left:
            asyncio.get_running_loop().call_soon(self._turn)
