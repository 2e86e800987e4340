"""The service as an ASGI application: who is let in, to which endpoint, and what becomes of errors.

Deny by default: every path needs a key, also one that does not exist, except those in `OPEN`. All is decided
on the raw path, as it came.
"""

from __future__ import annotations

import itertools
import re
import secrets
from collections.abc import Awaitable, Callable, Iterable, MutableMapping
from contextlib import ExitStack
from dataclasses import dataclass, field
from typing import Any

from limner.clock import Clock, SystemClock
from limner.logs import log
from limner.spending.budget import Budget
from limner.wire.frames import DONE

from ..exchange import Dialect, Endpoint, Inbound, Streamed, Whole
from ..faults import refusal_of
from ..refusal import Refusal
from ..tenant import Tenant
from ..watching.ended import Ended, Observer
from .admission import Admission
from .doors import Doors
from .envelope import dialect_of, frames_of, whole_of
from .pump import Connection, Interrupted, Pace, Pump, Receive, Send
from .purses import Purses
from .reading import BodyLimits, check_head, read_body

__all__ = ["OPEN", "PREFIXES", "UNLIMITED", "App", "Route"]

PREFIXES = ("/v1", "/api/v1")
"""Where the interfaces are, in OpenAI's and in OpenRouter's words."""

OPEN = frozenset({"/healthz", "/readyz", "/images/{id}"})
"""All that needs no key: states without details, and pictures, whose links are signed."""

UNLIMITED = frozenset({"/healthz", "/readyz", "/metrics"})
"""What has to answer also when there is too much to do."""

_CLIENT_LEFT = 499
_NOBODY = Tenant("", Budget(0.0))
"""Who asks where no key is needed; buys nothing."""
_REST = "(?s:.*)"


@dataclass(frozen=True, slots=True)
class Route:
    """One endpoint at one place."""

    method: str
    """"GET" answers HEAD as well."""
    path: str
    """Without a prefix; "{id}" at its end is all that follows, whatever it is: the endpoint judges it."""
    endpoint: Endpoint
    at_root: bool = False
    """Whether it stands at the root, rather than under each of `PREFIXES`."""
    forms: bool = False
    """Whether it reads bodies that are forms, beside JSON."""

    @property
    def patterns(self) -> tuple[str, ...]:
        """The whole paths."""
        return (self.path,) if self.at_root else tuple(prefix + self.path for prefix in PREFIXES)


@dataclass(frozen=True, slots=True)
class _Place:
    """What stands at a path, by method."""

    pattern: str
    routes: dict[str, Route] = field(default_factory=dict)


@dataclass(slots=True, eq=False)
class _Exchange:
    """One request under way, and what is known of it so far."""

    id: str
    dialect: Dialect
    method: str
    path: str
    pump: Pump
    connection: Connection | None
    place: _Place | None = None
    tenant: str | None = None
    streamed: Streamed | None = None
    code: str | None = None
    record: dict[str, Any] = field(default_factory=dict)


class App:
    """The application; a server calls it once for each request."""

    def __init__(
        self,
        routes: Iterable[Route],
        *,
        doors: Doors,
        purses: Purses,
        admission: Admission,
        pace: Pace = Pace(),  # noqa: B008 - frozen
        body: BodyLimits = BodyLimits(),  # noqa: B008 - frozen
        observers: Iterable[Observer] = (),
        clock: Clock | None = None,
    ) -> None:
        """Each observer is told of every request."""
        self.admission = admission
        self._doors = doors
        self._purses = purses
        self._pace = pace
        self._body = body
        self.observers = tuple(observers)
        self._clock = clock or SystemClock()
        self._ids, self._count = secrets.token_hex(8), itertools.count()
        self._under_way: set[_Exchange] = set()
        self._exact: dict[str, _Place] = {}
        self._patterns: list[tuple[re.Pattern[str], _Place]] = []
        for route in routes:
            for pattern in route.patterns:
                self._place(pattern).routes[route.method] = route

    def new_id(self) -> str:
        """An id of a request that nobody had before; never a client's own."""
        return f"req_{self._ids}{next(self._count):08x}"

    @property
    def places(self) -> tuple[tuple[str, str], ...]:
        """Every method and pattern that is answered."""
        places = [*self._exact.values(), *(place for _, place in self._patterns)]
        return tuple((method, place.pattern) for place in places for method in place.routes)

    @property
    def under_way(self) -> int:
        """Requests that are being answered, of whatever kind."""
        return len(self._under_way)

    def stop(self) -> None:
        """Whoever is still being answered is told that the service is stopping."""
        for exchange in tuple(self._under_way):
            exchange.pump.interrupt("stopping")

    async def __call__(self, scope: MutableMapping[str, Any], receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] != "http":
            raise RuntimeError("only HTTP is served here; turn lifespan and websockets off")
        began_s = self._clock.monotonic()
        path = bytes(scope.get("raw_path") or b"").decode("latin-1")
        request_id = self.new_id()
        connection = (scope.get("extensions") or {}).get("limner")
        pump = Pump(receive, send, self._pace, {"x-request-id": request_id}, connection)
        exchange = _Exchange(request_id, dialect_of(path), scope["method"], path, pump, connection)
        self._under_way.add(exchange)
        try:
            with ExitStack() as held:
                await self._exchange(exchange, scope, receive, held)
        finally:
            self._under_way.discard(exchange)
            await pump.close()
            self._end(exchange, self._clock.monotonic() - began_s)

    async def _exchange(
        self, exchange: _Exchange, scope: MutableMapping[str, Any], receive: Receive, held: ExitStack
    ) -> None:
        """Answer, and if that fails, say so; if that cannot be either, cut the connection."""
        try:
            refusal = await self._until_refused(exchange, lambda: self._work(exchange, scope, receive, held))
            if refusal is not None:
                exchange.code = refusal.code
                again = await self._until_refused(exchange, lambda: self._refuse(exchange, refusal))
                if again is not None:
                    self._cut(exchange)
        except Interrupted as interrupted:
            exchange.code = "client_left" if interrupted.reason == "left" else "client_stalled"
            self._cut(exchange)

    async def _until_refused(
        self, exchange: _Exchange, work: Callable[[], Awaitable[None]]
    ) -> Refusal | None:
        """Raises: Interrupted, where nobody reads an answer any more."""
        try:
            await exchange.pump.interruptible(work())
        except Interrupted as interrupted:
            if interrupted.reason != "stopping":
                raise
            return Refusal("server_draining", retry_after_s=1)
        # Strategy: endpoints raise anything; here it becomes one refusal of the list, and its words go nowhere.
        except Exception as error:
            refusal = refusal_of(error)
            if refusal.code == "internal":
                log.error("request.failed", request_id=exchange.id, **_where(error))
            # Its traceback holds this frame, which holds it: only the collector could free what was refused,
            # and under load that is what holds everybody up.
            return refusal.with_traceback(None)
        return None

    async def _work(
        self, exchange: _Exchange, scope: MutableMapping[str, Any], receive: Receive, held: ExitStack
    ) -> None:
        route = self._let_in(exchange, scope, held)
        headers: dict[str, str] = {}
        for name, value in scope["headers"]:
            headers.setdefault(name.decode("latin-1"), value.decode("latin-1"))
        body = b""
        if exchange.method == "POST":
            check_head(headers, self._body, forms=route.forms)
            body = await read_body(receive, self._body)
        exchange.pump.watch()
        inbound = Inbound(
            id=exchange.id,
            dialect=exchange.dialect,
            tenant=_NOBODY if exchange.tenant is None else await self._purses.tenant(exchange.tenant),
            method=exchange.method,
            path=exchange.path,
            query=bytes(scope.get("query_string") or b"").decode("latin-1"),
            headers=headers,
            body=body,
            record=exchange.record,
        )
        answer = await route.endpoint(inbound)
        if isinstance(answer, Whole):
            await exchange.pump.whole(answer)
        else:
            exchange.streamed = answer
            await exchange.pump.streamed(answer)
            await exchange.pump.end()

    def _let_in(self, exchange: _Exchange, scope: MutableMapping[str, Any], held: ExitStack) -> Route:
        """Everything that is decided by the head alone, in this order: host, key, load, path, method."""
        headers = scope["headers"]
        self._doors.check_host(headers, scope.get("http_version", "1.1"))
        exchange.place = place = self._find(exchange.path)
        pattern = place.pattern if place is not None else ""
        if pattern not in OPEN:
            exchange.tenant = self._doors.tenant(headers)
        if pattern not in UNLIMITED:
            held.enter_context(self.admission.enter(exchange.tenant))
        if place is None:
            raise Refusal("not_found")
        method = "GET" if exchange.method == "HEAD" else exchange.method
        route = place.routes.get(method)
        if route is None:
            allowed = {*place.routes, *(["HEAD"] if "GET" in place.routes else [])}
            names = ", ".join(sorted(allowed))
            sentence = f"The path is right, the method is not; use {names}."
            raise Refusal("method_not_allowed", sentence, headers={"allow": names})
        return route

    async def _refuse(self, exchange: _Exchange, refusal: Refusal) -> None:
        pump, turn = exchange.pump, exchange.record.get("turn")
        if not pump.status:
            answer = whole_of(refusal, exchange.dialect, exchange.id, turn)
            if exchange.connection is not None and exchange.connection.body_pending:
                # What was not read must not be taken for the next request.
                answer = Whole(answer.body, answer.status, headers={**answer.headers, "connection": "close"})
            await pump.whole(answer)
        elif exchange.streamed is not None and not pump.torn:
            frames = frames_of(refusal, exchange.dialect, exchange.id, exchange.streamed, turn)
            await pump.end(*frames, DONE)
        else:
            self._cut(exchange)

    def _cut(self, exchange: _Exchange) -> None:
        if exchange.connection is not None:
            exchange.connection.abort()

    def _end(self, exchange: _Exchange, seconds: float) -> None:
        gone = exchange.code in ("client_left", "client_stalled")
        ended = Ended(
            id=exchange.id,
            tenant=exchange.tenant,
            method=exchange.method,
            route=exchange.place.pattern if exchange.place is not None else "",
            status=_CLIENT_LEFT if gone else exchange.pump.status,
            code=exchange.code,
            seconds=seconds,
            record=exchange.record,
        )
        for observer in self.observers:
            observer(ended)

    def _place(self, pattern: str) -> _Place:
        if "{" not in pattern:
            return self._exact.setdefault(pattern, _Place(pattern))
        for _, place in self._patterns:
            if place.pattern == pattern:
                return place
        place = _Place(pattern)
        # Odd ids are for the endpoint, too: all are answered alike, and names of models have slashes in them.
        parts = re.split(r"\{[a-z]+\}", pattern)
        self._patterns.append((re.compile(_REST.join(map(re.escape, parts))), place))
        return place

    def _find(self, path: str) -> _Place | None:
        place = self._exact.get(path)
        if place is not None:
            return place
        return next((place for pattern, place in self._patterns if pattern.fullmatch(path)), None)


def _where(error: BaseException) -> dict[str, Any]:
    """What happened and where, without the error's own words: they may be anybody's."""
    places = []
    frame = error.__traceback__
    while frame is not None:
        code = frame.tb_frame.f_code
        places.append(f"{frame.tb_frame.f_globals.get('__name__', '?')}.{code.co_qualname}:{frame.tb_lineno}")
        frame = frame.tb_next
    return {"error": type(error).__qualname__, "where": places[-8:]}
