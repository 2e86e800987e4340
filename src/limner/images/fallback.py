"""Several makers as one: the next is asked where the one before could not, and surely has not billed."""

from __future__ import annotations

import hashlib
from dataclasses import replace

import anyio

from limner.errors import ConfigError, PictureError
from limner.logs import log

from .protocol import Drawing, ImageBackend, ImageRequest, Policy, Purchase, Resolved
from .throttle import Throttle

__all__ = ["Fallback"]

PATIENCE_S = 30.0
"""Seconds for which an order waits for a place at one of the makers before the next is asked."""
_ELSEWHERE = frozenset({"image_rate_limited", "image_quota", "image_unreachable", "image_provider_error"})
"""What another maker may not have. A refusal by policy is nobody's to go around."""


class Fallback:
    """Asks the first maker, and the next ones where it fails in a way that is known not to be billed."""

    def __init__(self, first: ImageBackend, *others: ImageBackend) -> None:
        """`others`: in the order in which they are asked, at least one. Raises: ConfigError."""
        if not others:
            raise ConfigError(
                "a fallback needs somebody to fall back on; name another maker", code="config_incomplete"
            )
        self._makers = (first, *others)
        self._throttle = Throttle(first.throttle.most)

    @property
    def name(self) -> str:
        """All their names, in the order in which they are asked."""
        return ", else ".join(maker.name for maker in self._makers)

    @property
    def offline(self) -> bool:
        """True where none of them is an image model."""
        return all(maker.offline for maker in self._makers)

    @property
    def policy(self) -> Policy:
        """At most once, whatever theirs are.

        After a crash nobody knows which of them was asked last: the first may be well again and draw
        what another has drawn and billed already.
        """
        return "at_most_once"

    @property
    def throttle(self) -> Throttle:
        """As many places as the first has at the best of times; each maker's own is kept to as well."""
        return self._throttle

    @property
    def max_references(self) -> int:
        """As many as each of them takes."""
        return min(maker.max_references for maker in self._makers)

    @property
    def timeout_s(self) -> float:
        """Seconds for all of them, one after the other."""
        return sum(maker.timeout_s + PATIENCE_S for maker in self._makers)

    def resolve(self, request: ImageRequest) -> Resolved:
        """What the first will be asked for, at the price of the dearest; nothing is sent.

        Raises: ParameterError where one of them does not take what was asked for, so that it is not
        found out only when it is needed.
        """
        all_resolved = [maker.resolve(request) for maker in self._makers]
        prices = [each.price_usd for each in all_resolved]
        known = [price for price in prices if price is not None]
        notes = [
            note if at == 0 else f"fallback {maker.name}: {note}"
            for at, (maker, each) in enumerate(zip(self._makers, all_resolved, strict=True))
            for note in each.notes
        ]
        # As asked and not as the first takes it: what one chooses another may refuse.
        return Resolved(request, max(known) if len(known) == len(prices) else None, tuple(notes))

    async def draw(self, request: ImageRequest, purchase: Purchase) -> tuple[Drawing, ...]:
        """The pictures of the first maker that can draw them; each drawing says who did.

        Raises: PictureError, the last one's; ParameterError, before anything is sent.
        Cancel: safe; what was submitted may be billed all the same.
        """
        for maker in self._makers:
            maker.resolve(request)
        *others, last = self._makers
        for at, maker in enumerate(others):
            try:
                return await _drawn(maker, request, _purchase(purchase, at))
            except PictureError as error:
                if error.billed != "no" or error.code not in _ELSEWHERE:
                    raise
                log.info("picture.fell_back", maker=maker.name, code=error.code)
        return await _drawn(last, request, _purchase(purchase, len(others)))

    async def aclose(self) -> None:
        """Give back what all of them hold; idempotent."""
        for maker in self._makers:
            await maker.aclose()


async def _drawn(maker: ImageBackend, request: ImageRequest, purchase: Purchase) -> tuple[Drawing, ...]:
    """The pictures of one maker, in a place of its throttle and within its own time.

    Raises: PictureError.
    """
    throttle, borrower, entered = maker.throttle, object(), False
    if throttle.shut_s < PATIENCE_S:
        with anyio.move_on_after(PATIENCE_S):
            await throttle.enter(borrower)
            entered = True
    if not entered:
        raise PictureError("image_rate_limited", billed="no", detail="no place")
    try:
        with anyio.fail_after(maker.timeout_s):
            return await maker.draw(request, purchase)
    except TimeoutError:
        raise PictureError("image_timeout", detail="total") from None
    finally:
        throttle.leave(borrower)


def _purchase(purchase: Purchase, at: int) -> Purchase:
    """The purchase at the maker of that place: another key, for it is another order."""
    if at == 0:
        return purchase
    key = hashlib.sha256(f"{purchase.key}\nfallback {at}".encode()).hexdigest()[:32]
    return replace(purchase, key=key, job_id=None)
