"""What is known of a request when it has ended: for the log and for the figures."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

__all__ = ["Ended", "Observer"]


@dataclass(frozen=True, slots=True)
class Ended:
    """One request, answered or not."""

    id: str
    tenant: str | None
    """None where nobody was let in, and on paths that need no key."""
    method: str
    route: str
    """The route's pattern, never what was asked for; "" where there is none."""
    status: int
    """As it was sent; 499 where the client left or read nothing."""
    code: str | None
    """Of the refusal, also of one that was told within a stream; None where all went well."""
    seconds: float
    record: Mapping[str, Any]
    """What the endpoint has added: `model`, `pictures`, `cost_usd`, `turn`, `failures`."""


Observer = Callable[[Ended], None]
"""Told of every request; must not wait."""
