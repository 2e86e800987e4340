"""The money of each key: a new budget with each UTC day, which begins with what was spent of it before."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable
from datetime import UTC, datetime

from limner.clock import Clock
from limner.config.settings import KeyConfig
from limner.spending.budget import Budget, SharedBudget, Till

from ..tenant import Tenant

__all__ = ["Purses", "Spent", "Tills"]

Spent = Callable[[str, str], Awaitable[float]]
"""US dollars that a tenant spent on a day ("2026-11-21"), as far as it is known."""

Tills = Callable[[str, str, float], Till]
"""Where a tenant's money of a day, so much at most, is shared with other processes."""


class Purses:
    """Gives every tenant its budget of today."""

    def __init__(
        self,
        keys: Iterable[KeyConfig],
        spent: Spent,
        clock: Clock,
        *,
        within: Budget | None = None,
        tills: Tills | None = None,
    ) -> None:
        """`within`: the budget of the process, of which all others are parts. `tills`: where there are others."""
        self._usd = {key.name: key.usd for key in keys}
        self._spent = spent
        self._clock = clock
        self._within = within
        self._tills = tills
        self._today: dict[str, tuple[str, Tenant]] = {}
        self._opening = asyncio.Lock()

    async def tenant(self, name: str) -> Tenant:
        """The tenant with its money. Raises: StoreError, when it cannot be found out what was spent."""
        day = datetime.fromtimestamp(self._clock.now(), UTC).date().isoformat()
        known = self._today.get(name)
        if known is not None and known[0] == day:
            return known[1]
        # Two requests must not begin a day twice: each would have the whole money.
        async with self._opening:
            known = self._today.get(name)
            if known is None or known[0] != day:
                spent_usd = await self._spent(name, day)
                known = self._today[name] = (day, Tenant(name, self._budget(name, day, spent_usd)))
            return known[1]

    def _budget(self, name: str, day: str, spent_usd: float) -> Budget:
        usd = self._usd.get(name)
        if usd is None or self._tills is None:
            return Budget(usd, within=self._within, spent_usd=spent_usd)
        return SharedBudget(usd, self._tills(name, day, usd), within=self._within, spent_usd=spent_usd)
