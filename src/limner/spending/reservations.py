"""Money is set aside before a picture is ordered: the turn's, the conversation's and the process's."""

from __future__ import annotations

from limner.core.calls import Call
from limner.core.identity import changed
from limner.core.money import conversation_nanos, dollars, fits, nanos, price, taken, turn_nanos
from limner.core.state import State
from limner.core.tally import Tally

from .budget import Account, Budget, Name

__all__ = ["Reservations"]

_LITTLE_USD = 1e-6
"""What stands for an unknown price where it is allowed: it is not nothing, so no spent budget pays for it."""


class Reservations:
    """What one engine's conversations have set aside.

    The turn's and the conversation's money is counted in their states; that of the process follows them.
    """

    def __init__(self, budget: Budget) -> None:
        self._budget = budget
        self._account = Account(budget)
        self._taken: dict[str, Tally] = {}
        """Of the conversations that somebody goes on with."""

    @property
    def shared(self) -> bool:
        """Whether `order` and `cancel` have other processes to ask, and may take time."""
        return self._account.shared

    def reserve(self, run: str, state: State, call: Call, price_usd: float | None) -> str | None:
        """Set a picture's money aside; why it may not be ordered, as a code, or None where it may."""
        limits = state.settings.limits
        limited = self._budget.limited or limits.usd is not None or limits.conversation_usd is not None
        if price(price_usd) is None and limits.unknown_prices == "refuse" and limited:
            return "price_unknown"
        wanted_usd = _wanted_usd(price_usd)
        if wanted_usd and not self._within_limits(run, state, call.turn, nanos(wanted_usd)):
            return "budget_exceeded"
        return None if self._account.reserve(_name(run, call), wanted_usd) else "budget_exceeded"

    def renew(self, run: str, state: State, call: Call) -> str | None:
        """The last look before an order leaves: a code where others cost more than was set aside for them."""
        wanted_usd = _wanted_usd(call.reserved_usd)
        if wanted_usd and not self._within_limits(run, state, call.turn, 0):
            self._account.release(_name(run, call))
            return "budget_exceeded"
        return None if self._account.renew(_name(run, call), wanted_usd) else "budget_exceeded"

    async def order(self, run: str, call: Call) -> str | None:
        """Right before an order leaves, after `renew`: a code where other processes have spent the money.

        Raises: LimnerError, where nobody can know.
        """
        wanted_usd = _wanted_usd(call.reserved_usd)
        return None if await self._account.order(_name(run, call), wanted_usd) else "budget_exceeded"

    async def cancel(self, run: str, call: Call) -> None:
        """The order has not left after all. Raises: LimnerError."""
        await self._account.cancel(_name(run, call))

    def release(self, run: str, call: Call) -> None:
        """Take back what was set aside for a picture that will not be ordered now."""
        self._account.release(_name(run, call))

    def follow(self, run: str, before: State, after: State) -> None:
        """Take note of what a fact says of orders and their ends."""
        for at in changed(before.calls, after.calls):
            call = after.calls[at]
            if call.number is None:
                continue
            if call.outcome is not None:
                self._account.settle(_name(run, call), dollars(taken(call)))
            elif call.submitted_at_s is not None:
                self._account.ordered(_name(run, call))

    def take_up(self, run: str, state: State) -> None:
        """Somebody goes on with a conversation: what it has ordered before counts, whether it fits or not."""
        self._taken[run] = Tally(taken)
        for call in _under_way(state):
            if call.submitted_at_s is not None:
                self._account.hold(_name(run, call), dollars(taken(call)))

    def put_down(self, run: str, state: State) -> None:
        """Nobody goes on with a conversation for now: what it has not ordered is free for others."""
        self._taken.pop(run, None)
        for call in _under_way(state):
            self._account.release(_name(run, call))

    def leave(self) -> None:
        """The engine is left: only what was ordered stays set aside."""
        self._account.leave()

    def _within_limits(self, run: str, state: State, turn: int, more: int) -> bool:
        """Whether a turn and its conversation may take so many nanodollars more."""
        limits = state.settings.limits
        if limits.usd is not None and not fits(turn_nanos(state, turn) + more, limits.usd):
            return False
        if limits.conversation_usd is None:
            return True
        tally = self._taken.get(run)
        so_far = conversation_nanos(state) if tally is None else tally.of(state.calls) or 0
        return fits(so_far + more, limits.conversation_usd)


def _wanted_usd(price_usd: float | None) -> float:
    known = price(price_usd)
    return _LITTLE_USD if known is None else known


def _under_way(state: State) -> list[Call]:
    return [call for call in state.calls if call.outcome is None and call.number is not None]


def _name(run: str, call: Call) -> Name:
    return run, call.key
