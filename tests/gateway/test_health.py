"""Whether the service lives and may be asked, and its figures."""

from __future__ import annotations

import contextlib
import re
from collections.abc import AsyncIterator, Iterable

import anyio
import httpx2

from clocks import OwnClock
from gateways import Gateway, key, serving
from limner.gateway.exchange import Answer, Inbound, Whole
from limner.gateway.front.admission import Admission
from limner.gateway.front.app import Route
from limner.gateway.refusal import Refusal
from limner.gateway.watching.health import Liveness, Readiness
from limner.gateway.watching.metrics import Metrics


class Disk:
    """A store that can be broken."""

    def __init__(self) -> None:
        self.broken = False
        self.looked = 0

    async def check(self) -> None:
        self.looked += 1
        if self.broken:
            raise OSError("read-only file system: /var/lib/limner")


def _ask(gateway: Gateway, path: str) -> tuple[int, str]:
    answer = httpx2.get(gateway.origin + path)
    assert answer.headers["cache-control"] == "no-store"
    return answer.status_code, answer.text


def test_health_says_a_status_and_nothing_else_to_anybody() -> None:
    """S34: without a key, without any detail, and also when there is too much to do."""
    disk, clock = Disk(), OwnClock()
    admission = Admission([], concurrency=1, clock=clock)

    @contextlib.asynccontextmanager
    async def routes() -> AsyncIterator[Iterable[Route]]:
        yield [
            Route("GET", "/healthz", Liveness().answer, at_root=True),
            Route(
                "GET", "/readyz", Readiness(admission, {"storage": disk.check}, clock).answer, at_root=True
            ),
        ]

    with serving(open_routes=routes, keys=[key("alice")], concurrency=0) as gateway:
        assert _ask(gateway, "/healthz") == (200, '{"status":"ok"}')
        assert _ask(gateway, "/readyz") == (200, '{"status":"ok"}')
        disk.broken = True
        assert _ask(gateway, "/readyz")[0] == 200
        assert disk.looked == 1, "asked once a second"
        clock.at_s += 2
        assert _ask(gateway, "/readyz") == (503, '{"status":"unavailable"}')
        assert _ask(gateway, "/healthz")[0] == 200
        disk.broken = False
        clock.at_s += 2
        assert _ask(gateway, "/readyz")[0] == 200
        admission.draining = True
        assert _ask(gateway, "/readyz") == (503, '{"status":"draining"}')
        gateway.app.admission.draining = True
        assert _ask(gateway, "/healthz")[0] == 200


def test_a_store_that_does_not_answer_is_not_ready() -> None:
    """A disk that hangs is as good as none."""

    async def main() -> None:
        async def hang() -> None:
            raise TimeoutError

        readiness = Readiness(Admission([], concurrency=1, clock=OwnClock()), {"disk": hang}, OwnClock())
        answer = await readiness.answer(None)  # type: ignore[arg-type]  # it looks at nothing of it
        assert isinstance(answer, Whole)
        assert answer.status == 503

    anyio.run(main)


async def turn(inbound: Inbound) -> Answer:
    inbound.record.update(
        model="any\nmodel", turn="r1", pictures=2, cost_usd=0.25, failures={"image_policy": 1}
    )
    if b"no" in inbound.body:
        raise Refusal("upstream_5xx")
    return Whole(b"{}")


def _figures(text: str) -> dict[str, float]:
    lines = [line for line in text.splitlines() if not line.startswith("#")]
    for line in lines:
        assert re.fullmatch(r'[a-z_]+(\{[a-z]+="[^"]*"(,[a-z]+="[^"]*")*\})? [0-9.]+', line), line
    return {line.rpartition(" ")[0]: float(line.rpartition(" ")[2]) for line in lines}


def test_figures_are_told_to_who_has_a_key() -> None:
    """S34: turns, pictures, seconds, money and failures by code, in Prometheus' text format."""
    metrics = Metrics(lambda: 3)
    routes = [Route("POST", "/turn", turn), Route("GET", "/metrics", metrics.answer, at_root=True)]
    with serving(routes, keys=[key("alice")]) as gateway:
        gateway.app.observers = (*gateway.app.observers, metrics)
        for body in ("yes", "yes", "no"):
            httpx2.post(f"{gateway.url}/turn", json={"a": body}, headers=gateway.auth("alice"))
        gateway.wait_for_ended(3)
        assert httpx2.get(f"{gateway.origin}/metrics").status_code == 401
        gateway.wait_for_ended(4)
        answer = httpx2.get(f"{gateway.origin}/metrics", headers=gateway.auth("alice"))
    assert answer.headers["content-type"].startswith("text/plain; version=0.0.4")
    assert len(re.findall("^# TYPE ", answer.text, re.MULTILINE)) == 8
    figures = _figures(answer.text)
    assert figures['limner_requests_total{route="/v1/turn",status="200"}'] == 2
    assert figures['limner_requests_total{route="/v1/turn",status="502"}'] == 1
    assert figures["limner_turns_total"] == 3
    assert figures['limner_pictures_total{tenant="alice"}'] == 6
    assert figures['limner_cost_usd_total{tenant="alice"}'] == 0.75
    assert figures['limner_failures_total{code="upstream_5xx"}'] == 1
    assert figures['limner_failures_total{code="invalid_api_key"}'] == 1
    assert figures['limner_picture_failures_total{code="image_policy"}'] == 3
    assert figures['limner_request_seconds_bucket{le="+Inf"}'] == figures["limner_request_seconds_count"] == 4
    assert figures["limner_requests_under_way"] == 3


def test_no_client_can_make_figures_many() -> None:
    """Labels are from lists of ours: paths and models that anybody thinks of are not among them."""
    metrics = Metrics(lambda: 0)
    with serving([Route("POST", "/turn", turn)], keys=[key("alice")]) as gateway:
        gateway.app.observers = (*gateway.app.observers, metrics)
        with httpx2.Client(headers=gateway.auth("alice")) as client:
            for number in range(50):
                client.get(f"{gateway.url}/{number}")
        gateway.wait_for_ended(50)
    assert _figures(metrics.text())['limner_requests_total{route="",status="404"}'] == 50
