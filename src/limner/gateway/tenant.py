"""Whose request it is."""

from __future__ import annotations

from dataclasses import dataclass

from limner.spending.budget import Budget

__all__ = ["LOCAL", "Tenant"]

LOCAL = "local"
"""Who asks where no keys are configured."""


@dataclass(frozen=True, slots=True)
class Tenant:
    """Who pays: the owner of pictures, turns and idempotency records."""

    name: str
    budget: Budget
    """The money for its pictures in the current period."""
