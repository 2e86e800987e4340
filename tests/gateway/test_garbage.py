"""A request leaves nothing behind that only the garbage collector could free: its pauses hold up everybody."""

from __future__ import annotations

import gc
from collections import Counter
from collections.abc import AsyncIterator, Iterator

import pytest

from gateways import Gateway, Talk, serving
from limner.gateway.exchange import Answer, Inbound, Streamed, Whole
from limner.gateway.front.app import Route
from limner.gateway.front.pump import Pump
from limner.gateway.refusal import Refusal
from limner.gateway.server.closing import PoliteTransport
from limner.gateway.server.protocol import GuardedProtocol

REQUESTS = 20


async def quick(inbound: Inbound) -> Answer:
    return Whole(b"{}")


async def streamed(inbound: Inbound) -> Answer:
    async def frames() -> AsyncIterator[bytes]:
        yield b"data: [DONE]\n\n"

    return Streamed(frames())


async def refused(inbound: Inbound) -> Answer:
    raise Refusal("overloaded", retry_after_s=1)


async def failed(inbound: Inbound) -> Answer:
    raise LookupError


@pytest.fixture
def gateway() -> Iterator[Gateway]:
    endpoints = {"/quick": quick, "/streamed": streamed, "/refused": refused, "/failed": failed}
    with serving([Route("POST", path, endpoint) for path, endpoint in endpoints.items()]) as running:
        yield running


@pytest.fixture
def collector() -> Iterator[None]:
    gc.collect()
    gc.disable()
    yield
    gc.set_debug(0)
    gc.garbage.clear()
    gc.enable()


@pytest.mark.parametrize("path", ["quick", "streamed", "refused", "failed", "nowhere"])
def test_an_answered_request_is_freed_without_the_collector(
    gateway: Gateway, collector: None, path: str
) -> None:
    """P15: what waited for the collector under load held refusals up for more than 50 ms."""
    with Talk(gateway.port) as talk:
        for _ in range(REQUESTS):
            talk.ask("POST", f"/v1/{path}", b"{}")
            talk.until(b"0\r\n\r\n") if path == "streamed" else talk.answer()
    assert len(gateway.wait_for_ended(REQUESTS)) == REQUESTS
    assert not found()


def test_a_connection_is_freed_without_the_collector(gateway: Gateway, collector: None) -> None:
    """P15: also where each request comes over one of its own."""
    for _ in range(REQUESTS):
        with Talk(gateway.port) as talk:
            talk.ask("POST", "/v1/refused", b"{}", "Connection: close").rest()
    assert len(gateway.wait_for_ended(REQUESTS)) == REQUESTS
    gateway.wait_until(lambda: not gateway.server_state.connections)
    assert not found()


def found() -> Counter[str]:
    """What of a request or a connection the collector would have freed."""
    gc.set_debug(gc.DEBUG_SAVEALL)
    gc.collect()
    kinds = Pump | GuardedProtocol | PoliteTransport | BaseException
    return Counter(type(each).__name__ for each in gc.garbage if isinstance(each, kinds))
