"""One connection: uvicorn's protocol with what it lacks, deadlines and limits for all that a client sends."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any, Literal

import httptools
from uvicorn import Config
from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol
from uvicorn.server import ServerState

from limner.gateway.front.envelope import dialect_of, whole_of
from limner.gateway.refusal import Refusal

from .closing import PoliteTransport
from .limits import ServerLimits

__all__ = ["GuardedProtocol", "Refused"]

Refused = Callable[[Refusal], str]
"""Told of what was refused before it was a request; gives its id."""

_SOON_S = 2


class _Unacceptable(Exception):
    """Raised in the parser's callbacks, which end the parsing by it."""


class GuardedProtocol(HttpToolsProtocol):
    """Refuses, and closes, what takes too long or is too large; what is framed in two ways is refused anyway."""

    transport: PoliteTransport

    def __init__(
        self,
        config: Config,
        state: ServerState,
        limits: ServerLimits,
        refused: Refused,
        loop: asyncio.AbstractEventLoop,
    ) -> None:
        super().__init__(config, state, {}, loop)
        self.access_log = False
        self._limits = limits
        self._refused = refused
        self._part: Literal["idle", "head", "body"] = "idle"
        self._head_bytes = 0
        self._head_timer: asyncio.TimerHandle | None = None
        self._fault = ""
        self._body_after_upgrade = False
        self._priming = False

    # For the application.

    @property
    def body_pending(self) -> bool:
        """Whether the body of the request that is being answered has not arrived to its end."""
        return self._part == "body" and not self.pipeline

    def hold_head(self) -> None:
        """Send the head that is written next together with what follows it."""
        self.transport.hold_next()

    def abort(self) -> None:
        """Close at once, whatever was not sent yet."""
        self.transport.abort()

    # From the loop.

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as uvicorn
        """A client has come."""
        limits = self._limits
        polite = PoliteTransport(
            transport,
            self.loop,
            unread=lambda: self._part != "idle",
            linger_s=limits.linger_s,
            flush_s=limits.flush_s,
        )
        polite.set_write_buffer_limits(limits.buffer_bytes)
        super().connection_made(polite)
        if len(self.connections) > limits.connections:
            self._refuse(Refusal("overloaded", retry_after_s=_SOON_S))
            return
        self._await_head()

    def connection_lost(self, exc: Exception | None) -> None:
        """The client has gone, or was sent away."""
        self._head_is_here()
        self.transport.lost()
        super().connection_lost(exc)
        self._unset_keepalive_if_required()
        if not self._is_answering():
            # Each of them leads back here: together they would wait for the collector.
            self.cycle = self.scope = None  # type: ignore[assignment]  # as uvicorn begins

    def data_received(self, data: bytes) -> None:
        """Parse on."""
        if self.transport.is_closing():
            return  # Dropped, so that the client reads its answer before the end.
        self._unset_keepalive_if_required()
        if self._part != "body":
            self._head_bytes += len(data)
            self._await_head()
        try:
            self._feed(data)
        except httptools.HttpParserError:
            self._refuse(Refusal(self._fault or "http_invalid"))
            return
        if self._part == "head" and self._head_bytes > self._limits.header_bytes:
            self._refuse(Refusal("headers_too_large"))

    def _feed(self, data: bytes) -> None:
        try:
            self.parser.feed_data(data)
        except httptools.HttpParserUpgrade as upgrade:
            # Some clients offer HTTP/2 with every request. The offer is not taken, and what they ask stands.
            if self._body_after_upgrade:
                self._body_after_upgrade = False
                self._prime()
                self._feed(data[upgrade.args[0] :])

    def _prime(self) -> None:
        """A new parser in the middle of this request: the old one stops where an upgrade is offered."""
        framing = next(
            name + b": " + value
            for name, value in self.headers
            if name in (b"content-length", b"transfer-encoding")
        )
        self.parser = httptools.HttpRequestParser(self)
        self._priming = True
        self.parser.feed_data(b"POST / HTTP/1.1\r\n" + framing + b"\r\n\r\n")
        self._priming = False

    # From the parser.

    def on_message_begin(self) -> None:
        """A head begins."""
        if not self._priming:
            self._part = "head"
            super().on_message_begin()

    def on_url(self, url: bytes) -> None:
        """A part of the URL."""
        if self._priming:
            return
        super().on_url(url)
        if len(self.url) > self._limits.url_bytes:
            self._give_up("url_too_long")

    def on_header(self, name: bytes, value: bytes) -> None:
        """A header, or a trailer, which nobody reads: what was decided by the head stays decided."""
        if self._priming or self._part != "head":
            return
        super().on_header(name, value)
        if len(self.headers) > self._limits.headers:
            self._give_up("headers_too_large")
        if name.lower() == b"transfer-encoding" and value.strip().lower() != b"chunked":
            self._give_up("http_invalid")

    def on_headers_complete(self) -> None:
        """The head is there: the request begins."""
        if self._priming:
            return
        size = len(self.url) + sum(len(name) + len(value) + 4 for name, value in self.headers)
        if size > self._limits.header_bytes:
            self._give_up("headers_too_large")
        self._part, self._head_bytes = "body", 0
        self._head_is_here()
        extensions: dict[str, Any] = {"limner": self}
        self.scope["extensions"] = extensions
        super().on_headers_complete()

    def on_message_complete(self) -> None:
        """The body is there."""
        if self.parser.should_upgrade() and self._has_body():
            self._body_after_upgrade = True
            return
        self._part = "idle"
        super().on_message_complete()

    def _has_body(self) -> bool:
        return any(
            name == b"transfer-encoding" or (name == b"content-length" and value.strip(b"0 "))
            for name, value in self.headers
        )

    def _give_up(self, code: str) -> None:
        self._fault = code
        raise _Unacceptable(code)

    # From the answer.

    def on_response_complete(self) -> None:
        """It was answered; what has not been read by now is not going to be."""
        self.transport.release()
        super().on_response_complete()
        if self._part == "body" and not self.pipeline:
            self.transport.close()

    # Deadlines.

    def _await_head(self) -> None:
        if self._head_timer is None:
            self._head_timer = self.loop.call_later(self._limits.header_s, self._head_is_late)

    def _head_is_here(self) -> None:
        if self._head_timer is not None:
            self._head_timer.cancel()
            self._head_timer = None

    def _head_is_late(self) -> None:
        self._head_timer = None
        if self._is_answering():
            self._await_head()
        elif self._head_bytes:
            self._refuse(Refusal("head_timeout"))
        else:
            self.transport.close()

    def _is_answering(self) -> bool:
        return self.cycle is not None and not self.cycle.response_complete

    # What never becomes a request.

    def send_400_response(self, msg: str) -> None:  # noqa: ARG002 - said in our own words
        """Called by uvicorn for what it cannot read."""
        self._refuse(Refusal("http_invalid"))

    def _refuse(self, refusal: Refusal) -> None:
        answering = self._is_answering()
        # Between an answer's own bytes there is no place for another one.
        if not (answering and (self.cycle.response_started or self.pipeline)):
            self._write(refusal)
        self._part = "body"
        self.transport.close()
        if answering:
            self.cycle.disconnected = True
            self.cycle.message_event.set()

    def _write(self, refusal: Refusal) -> None:
        path = bytes(getattr(self, "url", b"")).decode("latin-1")
        request_id = self._refused(refusal)
        answer = whole_of(refusal, dialect_of(path), request_id)
        headers = {
            "content-type": answer.content_type,
            "content-length": str(len(answer.body)),
            "connection": "close",
            "x-request-id": request_id,
            **answer.headers,
        }
        lines = [STATUS_LINE[answer.status]]
        lines += [b"%s: %s\r\n" % pair for pair in self.server_state.default_headers]
        lines += [f"{name}: {value}\r\n".encode("latin-1") for name, value in headers.items()]
        self.transport.write(b"".join([*lines, b"\r\n", answer.body]))
