"""Pictures on the way to the final one: told to whoever listens, who may fail without any harm."""

from __future__ import annotations

from collections.abc import Callable

from limner.logs import log

from .protocol import Purchase

__all__ = ["Listener", "listeners", "tell"]

Listener = Callable[[Purchase, int, bytes], None]
"""Is told the purchase, which of its partial pictures it is, from 0, and its bytes."""


def listeners(purchase: Purchase, own: Listener | None = None) -> tuple[Listener, ...]:
    """All who listen: the maker's `own` listener, and the purchase's."""
    told = purchase.on_partial
    if told is None:
        return () if own is None else (own,)

    def buyer(_: Purchase, index: int, data: bytes) -> None:
        told(index, data)

    return (buyer,) if own is None else (own, buyer)


def tell(all_listeners: tuple[Listener, ...], purchase: Purchase, index: int, data: bytes) -> None:
    """Tell each of them of a partial picture; on the event loop."""
    for listener in all_listeners:
        try:
            listener(purchase, index, data)
        except Exception as error:
            # Strategy: who listens may fail in any way; the picture that is being paid for may not.
            log.exception("picture.listener_failed", error=type(error).__name__)
