"""The money of a process: set aside before it is spent, by all engines that share it."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Protocol

from limner.core.money import dollars, fits, nanos
from limner.errors import CallerError

__all__ = ["Account", "Budget", "Name", "SharedBudget", "Till"]

Name = tuple[str, str]
"""What a reservation is for: run and call."""


class Budget:
    """Money for pictures that any number of engines share, also in other threads.

    Two turns can't both have its last dollar: whoever comes second is refused, and nothing is bought.
    """

    def __init__(
        self, usd: float | None = None, *, within: Budget | None = None, spent_usd: float = 0.0
    ) -> None:
        """`usd`: at most so much; None counts without a limit.

        `within`: a larger budget that this one is a part of: what is spent here is spent there, too,
        and has to fit into both. `spent_usd`: what was spent of this one before.

        Raises: CallerError (`limits_invalid`).
        """
        for given in (usd, spent_usd):
            if given is not None and not given >= 0:
                raise CallerError(
                    f"a budget cannot be {given!r}; give US dollars, 0 or more, or None for no limit",
                    code="limits_invalid",
                )
        self._usd = usd
        self._within = within
        # One lock for all that belongs together: what fits is looked at and taken in one step.
        self._lock: threading.Lock = threading.Lock() if within is None else within._lock
        self._spent = nanos(spent_usd)
        self._reserved = 0
        self._left_behind: dict[Name, int] = {}
        """Ordered by engines that were left before they saw what became of it; still reserved."""

    @property
    def usd(self) -> float | None:
        """The limit; None where there is none."""
        return self._usd

    @property
    def limited(self) -> bool:
        """Whether there is a limit, here or in what it is a part of."""
        return self._usd is not None or (self._within is not None and self._within.limited)

    @property
    def spent_usd(self) -> float:
        """What was bought, and what may have been."""
        return dollars(self._spent)

    @property
    def reserved_usd(self) -> float:
        """What is set aside for pictures that are under way or wait for their turn."""
        return dollars(self._reserved)

    @property
    def left_usd(self) -> float | None:
        """What may still be set aside, never less than nothing; None where there is no limit."""
        with self._lock:
            left = [
                max(0, nanos(each._usd) - each._spent - each._reserved)
                for each in self._all()
                if each._usd is not None
            ]
        return dollars(min(left)) if left else None

    def _all(self) -> Iterator[Budget]:
        """Itself, and those that it is a part of."""
        budget: Budget | None = self
        while budget is not None:
            yield budget
            budget = budget._within

    def _fits(self, more: int) -> bool:
        return all(
            each._usd is None or fits(each._spent + each._reserved + more, each._usd) for each in self._all()
        )

    def _reserve(self, amount: int) -> None:
        for each in self._all():
            each._reserved += amount

    def _spend(self, amount: int) -> None:
        for each in self._all():
            each._spent += amount


class Till(Protocol):
    """Money that several processes spend, written down where all of them look before an order leaves."""

    async def order(self, name: Name, usd: float) -> bool:
        """Write down that so much is spent; False, and nothing is, where there is not enough.

        Raises: LimnerError, where it cannot be written down; then nothing may be ordered.
        """
        ...

    async def cancel(self, name: Name) -> None:
        """The order has not left after all. Raises: LimnerError."""
        ...


class SharedBudget(Budget):
    """Money that other processes spend, too: what fits here has to fit into the till as well."""

    def __init__(
        self, usd: float, till: Till, *, within: Budget | None = None, spent_usd: float = 0.0
    ) -> None:
        """Otherwise as `Budget`."""
        super().__init__(usd, within=within, spent_usd=spent_usd)
        self.till = till


@dataclass(slots=True)
class _Reservation:
    nanos: int
    ordered: bool = False


class Account:
    """One engine's reservations in a budget. Nothing here waits, and everything may be said twice.

    A reservation ends as what its picture cost. Until its order has left it can be taken back.
    """

    def __init__(self, budget: Budget) -> None:
        self._budget = budget
        self._lock = budget._lock
        self._open: dict[Name, _Reservation] = {}

    @property
    def shared(self) -> bool:
        """Whether other processes spend the same money."""
        return isinstance(self._budget, SharedBudget)

    def reserve(self, name: Name, usd: float) -> bool:
        """Set money aside; False where there is not enough."""
        with self._lock:
            return name in self._open or self._reserve(name, nanos(usd))

    def renew(self, name: Name, usd: float) -> bool:
        """The last look before an order leaves: set aside again what was taken back meanwhile.

        False, and nothing is set aside any more, where other pictures cost more than was thought.
        """
        with self._lock:
            held = self._open.get(name)
            if held is None:
                return self._reserve(name, nanos(usd))
            if held.nanos and not held.ordered and not self._budget._fits(0):
                self._close(name, 0)
                return False
            return True

    async def order(self, name: Name, usd: float) -> bool:
        """Right before an order leaves: whether the money is also there that other processes share.

        Raises: LimnerError, where nobody can know.
        """
        till = self._budget.till if isinstance(self._budget, SharedBudget) else None
        if till is None or not usd or await till.order(name, usd):
            return True
        self.release(name)
        return False

    async def cancel(self, name: Name) -> None:
        """The order has not left after all. Raises: LimnerError."""
        if isinstance(self._budget, SharedBudget):
            await self._budget.till.cancel(name)

    def ordered(self, name: Name) -> None:
        """The order has left: the money may be spent, whoever goes."""
        with self._lock:
            if name in self._open:
                self._open[name].ordered = True

    def hold(self, name: Name, usd: float) -> None:
        """Set money aside for what was ordered before, whether it fits or not."""
        with self._lock:
            if name in self._open:
                return
            left = self._budget._left_behind.pop(name, None)
            self._open[name] = _Reservation(nanos(usd) if left is None else left, ordered=True)
            if left is None:
                self._budget._reserve(self._open[name].nanos)

    def settle(self, name: Name, usd: float) -> None:
        """The end of a reservation: what was really spent, be it less, nothing or more."""
        with self._lock:
            self._close(name, nanos(usd))

    def release(self, name: Name) -> None:
        """Take back what was set aside, unless its order has left."""
        with self._lock:
            if name in self._open and not self._open[name].ordered:
                self._close(name, 0)

    def leave(self) -> None:
        """Take back all that was not ordered; the rest stays set aside until somebody goes on with it."""
        with self._lock:
            for name, held in tuple(self._open.items()):
                if held.ordered:
                    self._budget._left_behind[name] = self._open.pop(name).nanos
                else:
                    self._close(name, 0)

    def _reserve(self, name: Name, wanted: int) -> bool:
        if wanted and not self._budget._fits(wanted):
            return False
        self._open[name] = _Reservation(wanted)
        self._budget._reserve(wanted)
        return True

    def _close(self, name: Name, spent: int) -> None:
        held = self._open.pop(name, None)
        if held is not None:
            self._budget._reserve(-held.nanos)
            self._budget._spend(spent)
