"""A connection's transport that closes politely, and never waits for ever to do so."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

__all__ = ["PoliteTransport"]


class PoliteTransport(asyncio.Transport):
    """Wraps the loop's own.

    Closing a socket on which something was not read resets it, and the client loses the answer that it
    has not read yet. So what still comes is dropped for a while, after the last byte of ours.
    """

    def __init__(
        self,
        inner: asyncio.Transport,
        loop: asyncio.AbstractEventLoop,
        *,
        unread: Callable[[], bool],
        linger_s: float,
        flush_s: float,
    ) -> None:
        """`unread`: whether the client is still sending."""
        super().__init__()
        self._inner = inner
        self._loop = loop
        self._unread = unread
        self._linger_s = linger_s
        self._flush_s = flush_s
        self._closing = False
        self._timer: asyncio.TimerHandle | None = None
        self._holding = False
        self._held: bytes | bytearray | memoryview = b""

    def close(self) -> None:
        """Send what waits, then close; both only for a while."""
        if self._closing:
            return
        self.release()
        self._closing = True
        if self._unread() and not self._inner.is_closing():
            self._inner.write_eof()
            self._inner.resume_reading()
            self._timer = self._loop.call_later(self._linger_s, self._inner.abort)
            return
        waiting = self._inner.get_write_buffer_size()
        self._inner.close()
        if waiting:
            self._timer = self._loop.call_later(self._flush_s, self._inner.abort)

    def abort(self) -> None:
        """Close at once."""
        self._closing = True
        self._inner.abort()

    def lost(self) -> None:
        """It is closed: nothing more is to be done."""
        self._closing = True
        # It holds the protocol, which holds this: together they would wait for the collector.
        self._unread = _never
        if self._timer is not None:
            self._timer.cancel()

    def is_closing(self) -> bool:
        """Whether nothing is to be sent or read any more."""
        return self._closing or self._inner.is_closing()

    def write(self, data: bytes | bytearray | memoryview) -> None:
        """Send, or let it wait to be sent."""
        if self.is_closing():
            return
        if self._holding:
            self._holding, self._held = False, data
        elif self._held:
            held, self._held = self._held, b""
            self._inner.write(b"".join((held, data)))
        else:
            self._inner.write(data)

    def hold_next(self) -> None:
        """Hold what is written next back, until something follows: one packet instead of two."""
        self._holding = True

    def release(self) -> None:
        """Nothing follows: send what was held back."""
        self._holding = False
        if self._held:
            self.write(b"")

    def pause_reading(self) -> None:
        """Let the client wait."""
        if not self._closing:
            self._inner.pause_reading()

    def resume_reading(self) -> None:
        """Read on."""
        if not self._closing:
            self._inner.resume_reading()

    def get_extra_info(self, name: str, default: Any = None) -> Any:
        """What the loop knows of the socket."""
        return self._inner.get_extra_info(name, default)

    def get_write_buffer_size(self) -> int:
        """Bytes that wait to be sent."""
        return self._inner.get_write_buffer_size()

    def set_write_buffer_limits(self, high: int | None = None, low: int | None = None) -> None:
        """When writing waits."""
        self._inner.set_write_buffer_limits(high, low)


def _never() -> bool:
    return False
