"""When a refused request is sent again, and after how long. Data, with one way to read it."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass

__all__ = [
    "CHAT",
    "IDEMPOTENT_PICTURES",
    "LONGEST_WAIT_S",
    "PAID_PICTURES",
    "RetryPolicy",
    "retry_after_s",
]

LONGEST_WAIT_S = 120.0
"""Who asks for more than this is not asked again."""


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

    Where no wait is asked for, the allowance that is spent says when it comes back.
    Source: RFC 9110, section 10.2.3; `retry-after-ms` and `x-ratelimit-*` as OpenAI sends them.
    """
    milliseconds = headers.get("retry-after-ms")
    if milliseconds is not None:
        return _sane(_number(milliseconds) / 1000)
    asked = headers.get("retry-after")
    if asked is None:
        return _reset_s(headers, now)
    seconds = _number(asked)
    if math.isfinite(seconds):
        return _sane(seconds)
    from email.utils import parsedate_to_datetime  # start-up time

    try:
        return _sane(parsedate_to_datetime(asked).timestamp() - now)
    except (ValueError, OverflowError):
        return math.inf


_RESET, _REMAINING = "x-ratelimit-reset", "x-ratelimit-remaining"
_SPELT = re.compile(r"(?:([0-9]{1,6})h)?(?:([0-9]{1,6})m(?!s))?(?:([0-9]{1,9}(?:\.[0-9]{1,9})?)(ms|s))?")
_FIRST_MOMENT_S = 10.0**9
_FIRST_MOMENT_MS = 10.0**12
"""Figures from here on are no waits but moments, since 1970."""


def _reset_s(headers: Mapping[str, str], now: float) -> float | None:
    """Until the last of the allowances that are spent comes back; None where none is known to be.

    They are kept for requests, tokens, pictures and more, each under its own name.
    """
    waits: list[float] = []
    for name, text in headers.items():
        kind = name.lower().partition(_RESET)[2] if name.lower().startswith(_RESET) else None
        if kind is not None and headers.get(f"{_REMAINING}{kind}", "").strip() == "0":
            wait_s = _spelt_s(text.strip(), now)
            waits += [] if wait_s is None else [wait_s]
    return _sane(max(waits)) if waits else None


def _spelt_s(text: str, now: float) -> float | None:
    """A wait like "6m0s", "20ms" or "1.5", or a moment since 1970 in seconds or milliseconds."""
    number = _number(text)
    if math.isfinite(number):
        if number < 0:
            return None
        if number >= _FIRST_MOMENT_MS:
            number /= 1000
        return max(0.0, number - now) if number >= _FIRST_MOMENT_S else number
    found = _SPELT.fullmatch(text)
    if not found or not text:
        return None
    hours, minutes, rest, unit = found.groups()
    seconds = float(rest or 0) / (1000 if unit == "ms" else 1)
    return int(hours or 0) * 3600 + int(minutes or 0) * 60 + seconds


def _number(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        return math.inf


def _sane(seconds: float) -> float:
    return seconds if 0 <= seconds <= LONGEST_WAIT_S else math.inf
