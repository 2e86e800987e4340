"""Who is above a limit is told so at once, and when to come again."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator

import httpx2
import pytest

from clocks import OwnClock
from gateways import key, serving
from limner.gateway.exchange import Answer, Inbound, Streamed, Whole
from limner.gateway.front.admission import Admission
from limner.gateway.front.app import Route
from limner.gateway.refusal import Refusal


async def quick(inbound: Inbound) -> Answer:
    return Whole(b"{}")


def test_a_rate_is_a_bucket_that_fills_again() -> None:
    """Sixty a minute: sixty at once, then one a second; the answer says when."""
    clock = OwnClock()
    admission = Admission([key("alice", requests_per_minute=60)], concurrency=100, clock=clock)
    for _ in range(60):
        with admission.enter("alice"):
            pass
    with pytest.raises(Refusal) as refused, admission.enter("alice"):
        pass
    assert (refused.value.code, refused.value.retry_after_s) == ("rate_limited", 1)
    clock.at_s += 1
    with admission.enter("alice"):
        pass
    clock.at_s += 3600
    for _ in range(60):
        with admission.enter("alice"):
            pass
    with pytest.raises(Refusal), admission.enter("alice"):
        pass


def test_a_slow_rate_says_a_long_wait_within_bounds() -> None:
    """P15: whole seconds, 1 to 120."""
    admission = Admission([key("alice", requests_per_minute=1)], concurrency=9, clock=OwnClock())
    with admission.enter("alice"):
        pass
    with pytest.raises(Refusal) as refused, admission.enter("alice"):
        pass
    assert refused.value.retry_after_s == 60


def test_one_key_s_limits_are_not_another_s() -> None:
    """Who asks too often does not spoil it for others."""
    admission = Admission([key("alice", concurrency=1), key("bob")], concurrency=9, clock=OwnClock())
    with admission.enter("alice"), admission.enter("bob"), admission.enter("bob"):
        with pytest.raises(Refusal) as refused, admission.enter("alice"):
            pass
        assert refused.value.code == "too_many_requests"
    with admission.enter("alice"):
        pass
    assert admission.under_way == 0


def test_all_keys_together_have_a_limit_and_open_paths_have_their_own() -> None:
    """Pictures that are waited for take no place of those who ask for some."""
    admission = Admission([], concurrency=1, clock=OwnClock(), open_concurrency=1)
    with admission.enter("local"):
        with admission.enter(None):
            for tenant in ("local", None):
                with pytest.raises(Refusal) as refused, admission.enter(tenant):
                    pass
                assert refused.value.code == "overloaded"
                assert 1 <= (refused.value.retry_after_s or 0) <= 3
        with admission.enter(None):
            pass


def test_nothing_new_is_begun_while_draining() -> None:
    """P07: who comes now is told to come again."""
    admission = Admission([], concurrency=1, clock=OwnClock())
    admission.draining = True
    for tenant in ("local", None):
        with pytest.raises(Refusal) as refused, admission.enter(tenant):
            pass
        assert refused.value.code == "server_draining"


def test_what_is_too_much_is_refused_before_its_body_and_places_come_back() -> None:
    """P15: an answer at once, with Retry-After in whole seconds; no body is read for it."""
    full, go_on = threading.Barrier(3), threading.Event()

    async def wait(inbound: Inbound) -> Answer:
        async def frames() -> AsyncIterator[bytes]:
            yield b": here\n\n"
            await asyncio.to_thread(full.wait, 5)
            await asyncio.to_thread(go_on.wait, 5)

        return Streamed(frames())

    routes = [Route("POST", "/wait", wait), Route("POST", "/quick", quick)]
    with serving(routes, concurrency=2) as gateway:
        answers: list[int] = []

        def ask() -> None:
            answers.append(httpx2.post(f"{gateway.url}/wait", json={}).status_code)

        threads = [threading.Thread(target=ask) for _ in range(2)]
        for thread in threads:
            thread.start()
        full.wait(5)
        received = gateway.talk(
            b"POST /v1/quick HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
            b"Content-Length: 100\r\n\r\n"
        )
        head = received.split(b"\r\n\r\n")[0].lower()
        assert head.startswith(b"http/1.1 503 ")
        retry_after = next(line for line in head.split(b"\r\n") if line.startswith(b"retry-after: "))
        assert 1 <= int(retry_after.split()[1]) <= 3
        go_on.set()
        for thread in threads:
            thread.join()
        assert answers == [200, 200]
        assert httpx2.post(f"{gateway.url}/quick", json={}).status_code == 200
        assert gateway.app.admission.under_way == 0


def test_a_rate_counts_also_what_is_refused_later() -> None:
    """Guessing paths is asking, too."""
    with serving([Route("POST", "/quick", quick)], keys=[key("alice", requests_per_minute=2)]) as gateway:
        got = [httpx2.get(f"{gateway.url}/x", headers=gateway.auth("alice")) for _ in range(3)]
        assert [answer.status_code for answer in got] == [404, 404, 429]
        assert int(got[2].headers["retry-after"]) in range(1, 121)
