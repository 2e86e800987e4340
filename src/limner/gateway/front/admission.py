"""How much at once: rates and concurrency of each key, of all, and the end of admission when stopping."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from limner.clock import Clock
from limner.config.settings import KeyConfig

from ..faults import whole_seconds
from ..refusal import Refusal

__all__ = ["Admission"]

_SOON_S = 3


@dataclass(slots=True)
class _Share:
    """One tenant's part."""

    per_second: float | None
    burst: float
    concurrency: int | None
    tokens: float
    filled_at_s: float
    under_way: int = 0


class Admission:
    """Who is above a limit is told so at once: nobody waits in a queue that never ends (scorecard P15)."""

    def __init__(
        self, keys: Iterable[KeyConfig], *, concurrency: int, clock: Clock, open_concurrency: int = 4096
    ) -> None:
        """`concurrency`: of all keys together. `open_concurrency`: on paths that need no key."""
        self.draining = False
        """Set when the service is being stopped: nothing new is begun."""
        self._clock = clock
        self._concurrency = concurrency
        self._open_concurrency = open_concurrency
        self._under_way = 0
        self._open_under_way = 0
        self._shares = {key.name: self._share(key) for key in keys}

    @property
    def under_way(self) -> int:
        """Requests of all keys that are being answered."""
        return self._under_way

    @contextmanager
    def enter(self, tenant: str | None) -> Iterator[None]:
        """Be let in until the end of the context; None is somebody on a path that needs no key.

        Raises: Refusal (`server_draining`, `overloaded`, `too_many_requests`, `rate_limited`).
        """
        if self.draining:
            raise Refusal("server_draining", retry_after_s=self._soon())
        if tenant is None:
            if self._open_under_way >= self._open_concurrency:
                raise Refusal("overloaded", retry_after_s=self._soon())
            self._open_under_way += 1
            try:
                yield
            finally:
                self._open_under_way -= 1
            return
        share = self._shares.get(tenant)
        self._check(share)
        self._under_way += 1
        if share is not None:
            share.under_way += 1
        try:
            yield
        finally:
            self._under_way -= 1
            if share is not None:
                share.under_way -= 1

    def _check(self, share: _Share | None) -> None:
        if self._under_way >= self._concurrency:
            raise Refusal("overloaded", retry_after_s=self._soon())
        if share is None:
            return
        if share.concurrency is not None and share.under_way >= share.concurrency:
            raise Refusal("too_many_requests", retry_after_s=self._soon())
        if share.per_second is None:
            return
        now_s = self._clock.monotonic()
        share.tokens = min(share.burst, share.tokens + (now_s - share.filled_at_s) * share.per_second)
        share.filled_at_s = now_s
        if share.tokens < 1:
            raise Refusal("rate_limited", retry_after_s=whole_seconds((1 - share.tokens) / share.per_second))
        share.tokens -= 1

    def _soon(self) -> int:
        # Those who are refused at the same moment should not all come back at the same moment.
        return 1 + int(self._clock.jitter() * _SOON_S)

    def _share(self, key: KeyConfig) -> _Share:
        a_minute = key.requests_per_minute
        return _Share(
            per_second=None if a_minute is None else a_minute / 60,
            burst=float(a_minute or 0),
            concurrency=key.concurrency,
            tokens=float(a_minute or 0),
            filled_at_s=self._clock.monotonic(),
        )
