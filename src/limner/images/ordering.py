"""How an order reaches a provider: again only where that cannot be billed twice."""

from __future__ import annotations

import math
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, replace
from typing import Literal, TypeVar

import anyio
import anyio.to_thread

from limner.clock import Clock
from limner.errors import PictureError
from limner.transport.bodies import Answer, Deadlines
from limner.transport.client import ProviderClient
from limner.transport.debug import note_words
from limner.transport.faults import FaultKind, TransportFault
from limner.transport.parcels import Parcel
from limner.transport.retries import IDEMPOTENT_PICTURES, LONGEST_WAIT_S, PAID_PICTURES, retry_after_s
from limner.wire.errors import Fault, picture_code, read_fault

from .protocol import Purchase
from .throttle import Throttle

__all__ = ["Order", "Ordering", "Refusal", "broken"]

_MAX_REFUSAL_BYTES = 1 << 17
_LEAST_S = 1.0
"""Seconds that have to be left for another try, or it would only be cut off."""
_MAY_PASS = frozenset({"image_rate_limited", "image_provider_error", "image_unreachable"})
"""Refusals that may be gone a moment later; a spent quota is a 429 too and is none of them."""
_OVERLOADED = frozenset({429, 503, 529})
_BROKEN: Mapping[FaultKind, tuple[str, Literal["no", "yes", "unknown"]]] = {
    "unreachable": ("image_unreachable", "no"),
    "tls": ("image_unreachable", "no"),
    "not_http": ("image_unreachable", "no"),
    "first_byte": ("image_timeout", "unknown"),
    "idle": ("image_timeout", "unknown"),
    "total": ("image_timeout", "unknown"),
    "reset": ("outcome_unknown", "unknown"),
    "too_large": ("image_too_large", "yes"),
    "encoding": ("image_bad_payload", "unknown"),
}
"""What a broken order means, and what is known of its bill. Source: scorecard I02, I03."""

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Order:
    """One order, as it is sent."""

    path: str
    parcel: Parcel
    purchase: Purchase
    ends_s: float
    """When its time is over, by the monotonic clock."""


class Refusal(Exception):
    """An order that was refused or broke; `again` says whether it may be sent once more."""

    def __init__(
        self,
        error: PictureError,
        *,
        again: bool,
        asked_s: float | None = None,
        fault: Fault | None = None,
    ) -> None:
        super().__init__(error.code)
        self.error = error
        self.again = again
        self.fault = fault
        """The provider's own error, where it sent one."""
        self.asked_s = asked_s
        """The provider's own figure; infinite where it cannot be believed."""


class Ordering:
    """Sends the orders of one maker."""

    def __init__(
        self,
        client: ProviderClient,
        *,
        api_key: str,
        idempotent: bool,
        unbilled: frozenset[int],
        throttle: Callable[[], Throttle],
        clock: Clock,
    ) -> None:
        """`unbilled`: statuses after which this provider bills nothing, beside those that say so everywhere."""
        self._client = client
        self._api_key = api_key
        self._idempotent = idempotent
        self._unbilled = unbilled
        self._throttle = throttle
        self._clock = clock
        self._retries = IDEMPOTENT_PICTURES if idempotent else PAID_PICTURES

    async def place(
        self,
        order: Order,
        read: Callable[[Answer], Awaitable[T]],
        mend: Callable[[Fault], Parcel | None],
    ) -> T:
        """Send `order` until it is answered 2xx, and `read` that answer.

        `read` raises `Refusal` (of `refused`) where the answer turns out to be an error. `mend` says
        what to send instead after an error that costs nothing, where it knows.
        Raises: PictureError.
        Cancel: safe; what was submitted may be billed all the same.
        """
        retry, doubt = 0, False
        while True:
            retry += 1
            try:
                return await self._submitted(order, read)
            except Refusal as refusal:
                doubt = doubt or refusal.error.billed == "unknown"
                mended = None
                if refusal.fault is not None and refusal.error.billed == "no":
                    mended = await anyio.to_thread.run_sync(mend, refusal.fault)
                if mended is not None and mended != order.parcel:
                    order = replace(order, parcel=mended)
                elif not await self._waited(refusal, retry, order.ends_s):
                    if doubt and refusal.error.billed == "no":
                        # That this try cost nothing says nothing of those before it.
                        refusal.error.billed = "unknown"
                    raise refusal.error from refusal.__cause__

    def refused(self, fault: Fault, headers: Mapping[str, str]) -> Refusal:
        """What a provider's error means; its words go into the debug log and nowhere else."""
        code, billed = picture_code(fault)
        if fault.status in self._unbilled:
            billed = "no"
        self.note(code, fault.status, fault.message)
        asked_s = retry_after_s(headers, self._clock.now())
        if asked_s is None and code == "image_rate_limited" and fault.told_s is not None:
            asked_s = fault.told_s if fault.told_s <= LONGEST_WAIT_S else math.inf
        error = PictureError(
            code,
            billed=billed,
            detail=f"status {fault.status}",
            retry_after_s=asked_s if asked_s is not None and math.isfinite(asked_s) else None,
        )
        if code == "image_rate_limited" or (fault.status in _OVERLOADED and code in _MAY_PASS):
            self._throttle().overloaded(error.retry_after_s)
        safe = billed == "no" or (self._idempotent and fault.status in self._retries.statuses)
        return Refusal(error, again=safe and code in _MAY_PASS, asked_s=asked_s, fault=fault)

    def note(self, code: str, status: int, words: str) -> None:
        """Put what a provider said into the debug log, which is the only place for it."""
        note_words(code, status, words, self._api_key)

    async def _submitted(self, order: Order, read: Callable[[Answer], Awaitable[T]]) -> T:
        """One submission. Raises: Refusal, PictureError."""
        left_s = max(0.001, order.ends_s - self._clock.monotonic())
        headers = {"Idempotency-Key": order.purchase.key} if self._idempotent else {}
        # A maker is silent while it draws: only the whole matters.
        deadlines = Deadlines(left_s, left_s, left_s)
        try:
            answer = await self._client.post(order.path, order.parcel, deadlines, headers)
            try:
                if 200 <= answer.status < 300:
                    received = await read(answer)
                    self._throttle().succeeded()
                    return received
                words = await answer.whole(_MAX_REFUSAL_BYTES)
            finally:
                await answer.aclose()
        except TransportFault as fault:
            again = fault.kind == "unreachable" or (fault.kind == "reset" and self._idempotent)
            raise Refusal(broken(fault), again=again) from fault
        raise self.refused(read_fault(answer.status, words), answer.headers)

    async def _waited(self, refusal: Refusal, retry: int, ends_s: float) -> bool:
        """Wait until the order may be sent again; False where it may not."""
        if not refusal.again:
            return False
        wait_s = self._retries.wait_s(retry, self._clock.jitter(), refusal.asked_s)
        throttle = self._throttle()
        left_s = ends_s - self._clock.monotonic() - _LEAST_S
        if wait_s is None or max(wait_s, throttle.shut_s) >= left_s:
            return False
        with anyio.move_on_after(left_s):
            await throttle.give_way(wait_s)
            return ends_s - self._clock.monotonic() >= _LEAST_S
        return False


def broken(fault: TransportFault) -> PictureError:
    """What a connection that broke means for the order that it carried."""
    code, billed = _BROKEN[fault.kind]
    error = PictureError(code, billed=billed, detail=fault.kind)
    error.__cause__ = fault
    return error
