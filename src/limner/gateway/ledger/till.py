"""One tenant's money of one day, shared by all processes of a folder."""

from __future__ import annotations

from dataclasses import dataclass

from limner.spending.budget import Name

from .ledger import Ledger

__all__ = ["LedgerTill"]


@dataclass(frozen=True, slots=True)
class LedgerTill:
    """A `limner.spending.budget.Till`: what is ordered is in the ledger before it leaves."""

    ledger: Ledger
    tenant: str
    day: str
    most_usd: float

    async def order(self, name: Name, usd: float) -> bool:
        """Whether there is so much left of the day. Raises: JournalError."""
        run, key = name
        return await self.ledger.order(self.tenant, self.day, run, key, usd, most_usd=self.most_usd)

    async def cancel(self, name: Name) -> None:
        """The order has not left after all. Raises: JournalError."""
        await self.ledger.cancel(self.tenant, *name)
