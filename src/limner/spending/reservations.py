"""Money is set aside before a picture is ordered."""

from __future__ import annotations

from limner.core.machine import committed_usd
from limner.core.state import State

__all__ = ["refusal"]


def refusal(state: State, price_usd: float | None) -> str | None:
    """Why a picture of this price may not be ordered now, as a code; None where it may."""
    budget = state.settings.limits.usd
    if budget is None:
        return None
    if price_usd is None:
        return "price_unknown"
    # A thousandth of a cent: sums of floats must not refuse the last affordable picture.
    return "budget_exceeded" if committed_usd(state) + price_usd > budget + 1e-5 else None
