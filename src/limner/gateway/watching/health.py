"""Whether the service lives, and whether it should be sent more; without any details."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping

from limner.clock import Clock
from limner.logs import log

from ..exchange import Answer, Inbound, Whole
from ..front.admission import Admission

__all__ = ["Liveness", "Readiness"]

_CHECK_S = 2.0
_FRESH_S = 1.0
_NO_STORE = {"cache-control": "no-store"}


class Liveness:
    """`GET /healthz`: the process answers."""

    async def answer(self, _inbound: Inbound) -> Answer:
        """200, always."""
        return _said("ok", 200)


class Readiness:
    """`GET /readyz`: new requests are welcome, and what is drawn can be kept."""

    def __init__(
        self, admission: Admission, checks: Mapping[str, Callable[[], Awaitable[None]]], clock: Clock
    ) -> None:
        """Each of `checks` raises where something cannot be done; its name stands in the log only."""
        self._admission = admission
        self._checks = checks
        self._clock = clock
        self._checking = asyncio.Lock()
        self._checked_s = float("-inf")
        self._ready = False

    async def answer(self, _inbound: Inbound) -> Answer:
        """200 or 503."""
        if self._admission.draining:
            return _said("draining", 503)
        # Anybody may ask, as often as he likes; the disk is asked once a second.
        async with self._checking:
            if self._clock.monotonic() - self._checked_s >= _FRESH_S:
                self._ready = await self._all_well()
                self._checked_s = self._clock.monotonic()
        return _said("ok", 200) if self._ready else _said("unavailable", 503)

    async def _all_well(self) -> bool:
        for name, check in self._checks.items():
            try:
                async with asyncio.timeout(_CHECK_S):
                    await check()
            # Strategy: whatever a store raises, it cannot be used now.
            except Exception as error:
                log.warning("readiness.failed", check=name, error=type(error).__qualname__)
                return False
        return True


def _said(status: str, code: int) -> Whole:
    return Whole(b'{"status":"%s"}' % status.encode(), code, headers=_NO_STORE)
