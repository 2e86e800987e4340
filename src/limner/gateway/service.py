"""The service, put together from the configuration: what it owns, who answers what, and how it ends."""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import anyio
from anyio import to_thread

from limner.clock import Clock, SystemClock
from limner.config.settings import Config
from limner.engine.defaults import (
    default_budget,
    default_image_tool,
    default_inspector,
    default_limits,
    default_storage,
)
from limner.engine.engine import Engine
from limner.logs import log
from limner.storage.links import LinkSigner
from limner.storage.protocol import Storage

from .books.bookkeeping import Bookkeeping
from .books.journals import Journals
from .chat.endpoint import ChatEndpoint
from .drawing.endpoint import DrawingEndpoints
from .front.admission import Admission
from .front.app import App, Route
from .front.doors import Doors
from .front.pump import Pace
from .front.purses import Purses
from .front.reading import BodyLimits
from .given.references import References
from .ledger import Ledger, LedgerTill
from .naming.makers import Makers
from .naming.models import ModelsEndpoints
from .naming.upstreams import Upstreams
from .passing.passthrough import PassThrough
from .passing.spoken import SpokenAnswers
from .pictures import PictureEndpoint, Promises, Settling
from .pictures.linkkeys import link_keys
from .repeats.idempotency import Idempotency
from .responses.endpoint import ResponsesEndpoint
from .server.limits import ServerLimits
from .server.running import run
from .server.serving import listen
from .stored.restoring import Restoring
from .stored.retrieving import StoredEndpoints
from .stored.shelf import Shelf
from .turns.answering import Answering
from .turns.turns import Turns
from .watching.accesslog import AccessLog, JsonHandler, LogLines
from .watching.ended import Observer
from .watching.health import Liveness, Readiness
from .watching.metrics import Metrics

__all__ = ["opened", "serve"]

_DAY_S = 86_400.0
_TEND_S = 60.0
"""Between two looks for what other processes have left, and for what is too old to be kept."""


@dataclass(frozen=True, slots=True)
class _Parts:
    """What the endpoints are made of; all of it open."""

    config: Config
    offline: bool
    clock: Clock
    engine: Engine
    storage: Storage
    links: LinkSigner
    ledger: Ledger
    journals: Journals
    upstreams: Upstreams
    makers: Makers
    promises: Promises
    books: Bookkeeping
    shelf: Shelf | None
    """None where responses are not stored."""


def serve(config: Config, *, offline: bool, ready: Callable[[str], None] = lambda _: None) -> int:
    """Serve until the process is told to end; the exit code. `ready` is told the address.

    Raises: LimnerError, where the service cannot begin.
    """
    gateway = config.gateway
    listener = listen(gateway.host, gateway.port)
    # A port that was left to the system is known only now, and links have to lead to it.
    gateway = replace(gateway, port=listener.getsockname()[1])
    config = replace(config, gateway=gateway)
    lines = LogLines()
    clock = SystemClock()
    handler = JsonHandler(lines.write)
    # Of all loggers: what a library has to say must be a line of the same kind, without its words.
    logging.getLogger().addHandler(handler)
    logging.captureWarnings(True)
    logger = logging.getLogger("limner")
    logger.setLevel(min(logger.level or logging.INFO, logging.INFO))
    limits = ServerLimits(header_s=gateway.header_s, flush_s=gateway.write_s)
    try:
        run(
            lambda: opened(
                config, offline=offline, clock=clock, observers=(AccessLog(lines.write, clock.now),)
            ),
            listener,
            limits,
            drain_s=gateway.drain_s,
            ready=lambda: ready(gateway.address),
        )
    finally:
        listener.close()
        logging.captureWarnings(False)
        logging.getLogger().removeHandler(handler)
        lines.close()
    return 0


@asynccontextmanager
async def opened(
    config: Config,
    *,
    offline: bool = False,
    clock: Clock | None = None,
    observers: tuple[Observer, ...] = (),
) -> AsyncIterator[App]:
    """The application with all that it stands on, until the context is left; on asyncio.

    `config` is complete, as from `load_gateway_config`.
    Raises: LimnerError, for a folder that cannot be used, or that a newer Limner has written.
    """
    clock = clock or SystemClock()
    gateway = config.gateway
    admission = Admission(gateway.keys, concurrency=gateway.concurrency, clock=clock)
    async with AsyncExitStack() as stack:
        parts = await _parts(stack, config, offline=offline, clock=clock)
        tasks = await stack.enter_async_context(anyio.create_task_group())
        stack.callback(tasks.cancel_scope.cancel)
        metrics = Metrics(lambda: admission.under_way)
        turns = await stack.enter_async_context(
            Turns(parts.books, parts.ledger, drain_s=gateway.drain_s, late=metrics.late)
        )
        # Ends before what its executions hand on to.
        idempotency = await stack.enter_async_context(Idempotency(parts.ledger, clock))
        app = App(
            [
                *_chat_routes(parts, idempotency, turns),
                *_stored_routes(parts),
                *_picture_routes(parts, idempotency),
                *_state_routes(parts, admission, metrics),
            ],
            doors=Doors(gateway.keys, public_url=gateway.public_url),
            purses=Purses(
                gateway.keys,
                parts.ledger.spent_usd,
                clock,
                within=parts.engine.budget,
                tills=partial(LedgerTill, parts.ledger),
            ),
            admission=admission,
            pace=Pace(keep_alive_s=gateway.keep_alive_s, write_s=gateway.write_s),
            body=BodyLimits(size_bytes=gateway.body_bytes, total_s=gateway.body_s),
            observers=(*observers, metrics),
            clock=clock,
        )
        tasks.start_soon(_tend, parts)
        yield app


async def _parts(stack: AsyncExitStack, config: Config, *, offline: bool, clock: Clock) -> _Parts:
    gateway = config.gateway
    assert gateway.state is not None, "a configuration for serving is complete"
    ledger = await stack.enter_async_context(Ledger(gateway.state, clock=clock))
    journals = Journals(gateway.state, ledger.number)
    stack.push_async_callback(journals.aclose)
    await journals.open()
    storage_config = config.storage
    if storage_config.link_base_url is None:
        keys = await to_thread.run_sync(link_keys, gateway.state)
        storage_config = replace(
            storage_config, link_base_url=gateway.public_url or gateway.address, link_keys=keys
        )
    if storage_config.url is None and storage_config.path is None:
        storage_config = replace(storage_config, path=gateway.state / "pictures")
    config = replace(config, storage=storage_config)
    assert storage_config.link_base_url is not None
    links = LinkSigner(
        storage_config.link_base_url,
        storage_config.link_keys,
        ttl_s=storage_config.link_ttl_s or _DAY_S,
        clock=clock,
    )
    upstreams = Upstreams(config, clock, offline=offline)
    stack.push_async_callback(upstreams.aclose)
    tool = default_image_tool(config, clock)
    makers = Makers(config, tool, clock, offline=offline)
    stack.push_async_callback(makers.aclose)
    storage = default_storage(config, journals, clock)
    promises = Promises(ledger, links, clock=clock)
    books = Bookkeeping(journals, ledger, promises, links)
    engine = Engine(
        # Conversations bring their own; one that brings none must not be answered offline by mistake.
        upstreams.nameless,
        tool,
        storage=storage,
        inspector=default_inspector(config),
        recorder=books,
        limits=default_limits(config),
        budget=default_budget(config),
        promise_after_s=gateway.promise_after_s,
        drain_s=gateway.drain_s,
        clock=clock,
        config=config,
    )
    await stack.enter_async_context(engine)
    shelf = None
    if gateway.store_days:
        # What was asked in one request can always be gone on with.
        shelf = await stack.enter_async_context(
            Shelf(gateway.state, clock=clock, chain_bytes=2 * gateway.body_bytes)
        )
    return _Parts(
        config=config,
        offline=offline,
        clock=clock,
        engine=engine,
        storage=storage,
        links=links,
        ledger=ledger,
        journals=journals,
        upstreams=upstreams,
        makers=makers,
        promises=promises,
        books=books,
        shelf=shelf,
    )


def _chat_routes(parts: _Parts, idempotency: Idempotency, turns: Turns) -> list[Route]:
    answering = Answering(
        parts.engine,
        parts.config,
        makers=parts.makers,
        ledger=parts.ledger,
        books=parts.books,
        turns=turns,
        references=_references(parts),
    )
    turn_s = parts.config.limits.seconds
    spoken = SpokenAnswers(parts.clock, turn_s=turn_s)
    chat = ChatEndpoint(
        answering,
        parts.config,
        upstreams=parts.upstreams,
        passthrough=PassThrough(parts.clock, turn_s=turn_s),
        spoken=spoken,
        clock=parts.clock,
    )
    responses = ResponsesEndpoint(
        answering,
        parts.config,
        upstreams=parts.upstreams,
        spoken=spoken,
        shelf=parts.shelf,
        clock=parts.clock,
    )
    models = ModelsEndpoints(parts.config, parts.clock, offline=parts.offline)
    return [
        Route("POST", "/chat/completions", idempotency.around(chat.answer)),
        Route("POST", "/responses", idempotency.around(responses.answer)),
        Route("GET", "/models", models.models),
        Route("GET", "/models/{id}", models.model),
        Route("GET", "/images/models", models.images),
    ]


def _stored_routes(parts: _Parts) -> list[Route]:
    restoring = Restoring(parts.ledger, parts.storage, parts.links)
    return StoredEndpoints(parts.shelf, restoring, offline=parts.offline).routes()


def _references(parts: _Parts) -> References:
    return References(parts.ledger, parts.storage, parts.engine.inspector)


def _picture_routes(parts: _Parts, idempotency: Idempotency) -> list[Route]:
    drawing = DrawingEndpoints(
        parts.engine,
        parts.makers,
        _references(parts),
        limits=default_limits(parts.config),
        clock=parts.clock,
    )
    pictures = PictureEndpoint(parts.storage, parts.links, parts.promises, clock=parts.clock)
    return [
        Route("POST", "/images/generations", idempotency.around(drawing.generations)),
        Route("POST", "/images", idempotency.around(drawing.images)),
        Route("POST", "/images/edits", idempotency.around(drawing.edits), forms=True),
        Route("GET", "/images/{id}", pictures.answer, at_root=True),
    ]


def _state_routes(parts: _Parts, admission: Admission, metrics: Metrics) -> list[Route]:
    readiness = Readiness(admission, _checks(parts), parts.clock)
    routes = [
        Route("GET", "/healthz", Liveness().answer, at_root=True),
        Route("GET", "/readyz", readiness.answer, at_root=True),
    ]
    if parts.config.gateway.metrics:
        routes.append(Route("GET", "/metrics", metrics.answer, at_root=True))
    return routes


def _checks(parts: _Parts) -> dict[str, Callable[[], Awaitable[None]]]:
    """What must work for pictures to be bought."""
    name = f".ready-{parts.ledger.number}"
    folders = {"state": parts.config.gateway.state, "pictures": parts.config.storage.path}
    return {
        what: partial(to_thread.run_sync, _write_something, folder, name)
        for what, folder in folders.items()
        if folder is not None
    }


def _write_something(folder: Path, name: str) -> None:
    """Raises: OSError."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / name
    path.write_bytes(b"ready" * 1024)
    path.unlink()


async def _tend(parts: _Parts) -> None:
    """What has to be done from time to time, for as long as the service runs."""
    settling = Settling(parts.ledger, parts.journals)
    while True:
        try:
            await settling.settle()
            keep_days = parts.config.gateway.keep_days
            await parts.ledger.prune(keep_days)
            await parts.journals.forget(parts.clock.now() - keep_days * _DAY_S)
            if parts.shelf is not None:
                await parts.shelf.prune(parts.clock.now() - parts.config.gateway.store_days * _DAY_S)
        except Exception as error:
            # Strategy: a full disk must not end the service; the next round may find it emptier.
            log.error("service.untended", error=type(error).__name__)
        await parts.clock.sleep(_TEND_S)
