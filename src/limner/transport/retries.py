"""When a refused request is sent again, and after how long. Data, with one way to read it."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from email.utils import parsedate_to_datetime

__all__ = ["CHAT", "IDEMPOTENT_PICTURES", "PAID_PICTURES", "RetryPolicy", "retry_after_s"]

LONGEST_WAIT_S = 120.0


@dataclass(frozen=True, slots=True)
class RetryPolicy:
    """Which answers are worth another try."""

    statuses: frozenset[int]
    connections: bool = True
    """Whether a connection that never came to be is tried again."""
    most: int = 2
    """Retries after the first try."""
    shortest_s: float = 0.5
    longest_s: float = 8.0

    def wait_s(self, retry: int, jitter: float, asked_s: float | None = None) -> float | None:
        """Seconds before the `retry`-th retry (from 1), or None where there is none.

        `asked_s` is the provider's own figure; one that can't be believed (infinite) ends it,
        because a provider that is beside itself is not helped by more requests.
        """
        if retry > self.most:
            return None
        # Full jitter between the shortest and a longest that grows fourfold.
        longest = min(self.longest_s, self.shortest_s * 4.0**retry)
        drawn = self.shortest_s + jitter * (longest - self.shortest_s)
        if asked_s is None:
            return drawn
        # A little later than asked, and not all at the same moment.
        return asked_s + jitter * self.shortest_s if asked_s <= LONGEST_WAIT_S else None


CHAT = RetryPolicy(frozenset({429, 500, 502, 503, 529}))
"""Before the first word only. 408 and 504 are absent: the first try may be at work still."""
PAID_PICTURES = RetryPolicy(frozenset({429}))
"""What is known not to be billed, and nothing else."""
IDEMPOTENT_PICTURES = RetryPolicy(frozenset({429, 500, 502, 503, 529}))
"""Where the maker promises one picture per key."""


def retry_after_s(headers: Mapping[str, str], now: float) -> float | None:
    """The wait that a provider asks for: None where it asks for none, infinite where it is absurd.

    Source: RFC 9110, section 10.2.3; `retry-after-ms` as OpenAI sends it.
    """
    milliseconds = headers.get("retry-after-ms")
    if milliseconds is not None:
        return _sane(_number(milliseconds) / 1000)
    asked = headers.get("retry-after")
    if asked is None:
        return None
    seconds = _number(asked)
    if math.isfinite(seconds):
        return _sane(seconds)
    try:
        return _sane(parsedate_to_datetime(asked).timestamp() - now)
    except (ValueError, OverflowError):
        return math.inf


def _number(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        return math.inf


def _sane(seconds: float) -> float:
    return seconds if 0 <= seconds <= LONGEST_WAIT_S else math.inf
