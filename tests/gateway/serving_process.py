"""A gateway as a process of its own, for the tests that end it: `python serving_process.py DRAIN_S [FILES]`.

Says its port on the standard output once it listens, and its log on the standard error output.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import resource
import sys
from collections.abc import AsyncIterator

from limner.clock import SystemClock
from limner.gateway.exchange import Answer, Inbound, Streamed, Whole
from limner.gateway.front.admission import Admission
from limner.gateway.front.app import App, Route
from limner.gateway.front.doors import Doors
from limner.gateway.front.purses import Purses
from limner.gateway.server.limits import ServerLimits
from limner.gateway.server.running import run
from limner.gateway.server.serving import listen
from limner.gateway.watching.accesslog import AccessLog, JsonHandler, LogLines
from limner.gateway.watching.health import Liveness, Readiness
from limner.gateway.watching.metrics import Metrics

CLOCK = SystemClock()


async def for_ever(inbound: Inbound) -> Answer:
    """A stream that ends when the service does."""

    async def frames() -> AsyncIterator[bytes]:
        yield b"data: begun\n\n"
        await asyncio.Event().wait()

    return Streamed(frames())


async def silent(inbound: Inbound) -> Answer:
    """An answer that never comes."""
    await asyncio.Event().wait()
    raise AssertionError


async def a_while(inbound: Inbound) -> Answer:
    """A stream that ends by itself, a moment after the service was told to."""

    async def frames() -> AsyncIterator[bytes]:
        yield b"data: begun\n\n"
        while not ADMISSION.draining:  # noqa: ASYNC110 - as an endpoint would not, which knows nothing of it
            await asyncio.sleep(0.01)
        yield b"data: ended\n\n"

    return Streamed(frames())


async def whole(inbound: Inbound) -> Answer:
    """Answers at once."""
    return Whole(b"{}")


async def spent(tenant: str, day: str) -> float:
    """Nothing."""
    return 0.0


ADMISSION = Admission((), concurrency=1000, clock=CLOCK)


def main() -> None:
    drain_s = float(sys.argv[1])
    if len(sys.argv) > 2:
        resource.setrlimit(resource.RLIMIT_NOFILE, (int(sys.argv[2]), int(sys.argv[2])))
    lines = LogLines()
    logging.getLogger().addHandler(JsonHandler(lines.write))
    listener = listen("127.0.0.1", 0)

    @contextlib.asynccontextmanager
    async def opened() -> AsyncIterator[App]:
        metrics = Metrics(lambda: app.under_way)
        routes = [
            Route("POST", "/for-ever", for_ever),
            Route("POST", "/silent", silent),
            Route("POST", "/a-while", a_while),
            Route("POST", "/whole", whole),
            Route("GET", "/healthz", Liveness().answer, at_root=True),
            Route("GET", "/readyz", Readiness(ADMISSION, {}, CLOCK).answer, at_root=True),
            Route("GET", "/metrics", metrics.answer, at_root=True),
        ]
        app = App(
            routes,
            doors=Doors(()),
            purses=Purses((), spent, CLOCK),
            admission=ADMISSION,
            observers=[AccessLog(lines.write, CLOCK.now), metrics],
        )
        yield app
        lines.close()

    run(
        opened,
        listener,
        ServerLimits(),
        drain_s=drain_s,
        ready=lambda: print(listener.getsockname()[1], flush=True),
    )


if __name__ == "__main__":
    main()
