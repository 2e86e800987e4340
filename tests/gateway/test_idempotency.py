"""One execution per request: with a key, as the SDK's own retry, over processes and kills."""

from __future__ import annotations

import contextlib
import signal
import sqlite3
import subprocess
import sys
import tracemalloc
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path
from typing import Any, cast

import anyio
import anyio.lowlevel
import pytest
from anyio.abc import TaskGroup

from clocks import OwnClock
from limner.errors import JournalError
from limner.gateway.exchange import Answer, Endpoint, Inbound, Streamed, Whole
from limner.gateway.ledger import KEYED_S, UNKEYED_S, Ledger
from limner.gateway.refusal import Refusal
from limner.gateway.repeats.execution import BEHIND_BYTES
from limner.gateway.repeats.idempotency import Idempotency
from limner.wire.frames import DONE
from shops import FRAMES, WHOLE, HeldClock, Shop, heard, request
from waiting import until

pytestmark = pytest.mark.anyio

SAID = {False: WHOLE, True: b"".join(FRAMES)}
both = pytest.mark.parametrize("stream", [False, True], ids=["whole", "stream"])


class Service:
    """A shop behind one ledger, which can be left and entered again like a process."""

    def __init__(self, folder: Path, shop: Shop, clock: OwnClock | None = None) -> None:
        self.folder = folder
        self.shop = shop
        self.clock = clock or OwnClock()
        self.ledger = Ledger(folder, clock=self.clock)
        self.ask: Endpoint
        self._stack = contextlib.AsyncExitStack()

    async def __aenter__(self) -> Service:
        self.ledger = await self._stack.enter_async_context(Ledger(self.folder, clock=self.clock))
        idempotency = await self._stack.enter_async_context(Idempotency(self.ledger, self.clock))
        self.ask = idempotency.around(self.shop.answer)
        return self

    async def __aexit__(self, *exception: object) -> None:
        await self._stack.aclose()

    async def refused(self, inbound: Inbound) -> Refusal:
        """What the request is refused with."""
        with pytest.raises(Refusal) as caught:
            await heard(await self.ask(inbound))
        return caught.value


class Client:
    """Somebody who asks in a task of his own, and can leave."""

    def __init__(self, service: Service, inbound: Inbound, group: TaskGroup) -> None:
        self.said: list[bytes] = []
        self.answer: Answer | None = None
        self.ended = anyio.Event()
        self._scope = anyio.CancelScope()
        group.start_soon(self._ask, service, inbound)

    async def _ask(self, service: Service, inbound: Inbound) -> None:
        with self._scope:
            self.answer = await service.ask(inbound)
            if isinstance(self.answer, Whole):
                self.said.append(self.answer.body)
            else:
                frames = cast("Any", self.answer.frames)
                try:
                    async for frame in frames:
                        self.said.append(frame)
                finally:
                    await frames.aclose()
        self.ended.set()

    async def leave(self) -> None:
        self._scope.cancel()
        await self.ended.wait()


@pytest.fixture
def anyio_backend() -> str:
    """The service runs on asyncio."""
    return "asyncio"


@pytest.fixture(autouse=True)
async def bounded() -> AsyncIterator[None]:
    """Nothing here takes long."""
    with anyio.fail_after(20):
        yield


@both
async def test_an_answer_with_a_key_is_told_again_byte_by_byte(tmp_path: Path, stream: bool) -> None:
    """S27: replay, whole and as a full stream; also by the next process, for 24 hours."""
    shop = Shop(stream)
    shop.gate.set()
    service = Service(tmp_path, shop)
    async with service:
        first = await service.ask(request(key="k"))
        assert "idempotent-replayed" not in first.headers
        assert await heard(first) == SAID[stream]
        again = await service.ask(request(key="k"))
        assert await heard(again) == SAID[stream]
        assert again.headers == {"x-extra": "1", "idempotent-replayed": "true"}
    async with service:
        service.clock.at_s += KEYED_S - 10
        later = await service.ask(request(key="k"))
        assert type(later) is type(first)
        if isinstance(first, Whole):
            assert isinstance(later, Whole)
            assert (later.status, later.content_type) == (first.status, first.content_type)
        if isinstance(later, Streamed):
            assert [frame async for frame in later.frames] == list(FRAMES)
        assert shop.bought == ["run 1"]
        service.clock.at_s += 20
        await heard(await service.ask(request(key="k")))
    assert shop.bought == ["run 1", "run 2"]


@both
async def test_a_key_that_is_under_way_is_in_progress(tmp_path: Path, stream: bool) -> None:
    """S27: 409 with Retry-After, which the SDK repeats by itself."""
    shop = Shop(stream)
    async with Service(tmp_path, shop) as service, anyio.create_task_group() as group:
        first = Client(service, request(key="k"), group)
        await until(lambda: bool(shop.bought))
        refusal = await service.refused(request(key="k"))
        assert (refusal.code, refusal.kind.status, refusal.bought) == ("idempotency_in_progress", 409, False)
        assert refusal.retry_after_s is not None
        assert refusal.retry_after_s >= 1
        shop.gate.set()
        await first.ended.wait()
        assert await heard(await service.ask(request(key="k"))) == SAID[stream]
    assert shop.bought == ["run 1"]


@pytest.mark.parametrize("under_way", [True, False])
async def test_a_key_with_another_request_is_a_mismatch(tmp_path: Path, under_way: bool) -> None:
    """S27: 422, which the SDK does not repeat; the same words at another place are another request."""
    shop = Shop()
    async with Service(tmp_path, shop) as service, anyio.create_task_group() as group:
        first = Client(service, request(key="k"), group)
        await until(lambda: bool(shop.bought))
        if not under_way:
            shop.gate.set()
            await first.ended.wait()
        for other in (request(key="k", body=b"{}"), request(key="k", path="/api/v1/chat/completions")):
            refusal = await service.refused(other)
            assert (refusal.code, refusal.kind.status) == ("idempotency_mismatch", 422)
        shop.gate.set()
    assert shop.bought == ["run 1"]


async def test_keys_of_two_tenants_are_independent(tmp_path: Path) -> None:
    """S27: neither learns that the other has used the key, nor hears its answer."""
    shop = Shop()
    async with Service(tmp_path, shop) as service, anyio.create_task_group() as group:
        Client(service, request(key="k"), group)
        await until(lambda: bool(shop.bought))
        other = Client(service, request(key="k", tenant="you", body=b"{}"), group)
        await until(lambda: len(shop.bought) == 2)
        shop.gate.set()
        await other.ended.wait()
        assert await heard(await service.ask(request(key="k", tenant="you", body=b"{}"))) == WHOLE
        assert await heard(await service.ask(request(retry=1, tenant="third"))) == WHOLE
    assert len(shop.bought) == 3


@pytest.mark.parametrize("key", ["", "x" * 256, "two words", "ключ", "line\nend"])
async def test_a_key_of_another_shape_is_refused(tmp_path: Path, key: str) -> None:
    """What cannot be a key is said to be none, and nothing is bought."""
    shop = Shop()
    async with Service(tmp_path, shop) as service:
        refusal = await service.refused(request(key=key))
        assert (refusal.code, refusal.param) == ("invalid_value", "Idempotency-Key")
    assert shop.bought == []


async def test_requests_that_nobody_repeats_are_passed_on_as_they_are(tmp_path: Path) -> None:
    """Without a key and without the SDK's header each request is its own."""
    shop = Shop(stream=True)
    shop.gate.set()
    async with Service(tmp_path, shop) as service:
        for _ in range(2):
            answer = await service.ask(request())
            assert answer.headers == {"x-extra": "1"}
            assert await heard(answer) == SAID[True]
        for _ in range(2):
            # As many as are asked for: the SDK says of each that it is the first.
            await heard(await service.ask(request(retry=0)))
    assert len(shop.bought) == 4


@pytest.mark.parametrize("key", [None, "k"])
@both
async def test_a_retry_of_the_sdk_joins_what_is_under_way(
    tmp_path: Path, stream: bool, key: str | None
) -> None:
    """S28: one submission; who joins hears everything from the beginning."""
    shop = Shop(stream)
    async with Service(tmp_path, shop) as service, anyio.create_task_group() as group:
        first = Client(service, request(key=key, retry=0), group)
        await until(lambda: bool(shop.bought) and (not stream or bool(first.said)))
        inbound = request(key=key, retry=1)
        second = Client(service, inbound, group)
        await until(lambda: "replayed" in inbound.record and second.said == first.said)
        shop.gate.set()
        await first.ended.wait()
        await second.ended.wait()
        assert b"".join(second.said) == b"".join(first.said) == SAID[stream]
        assert second.answer is not None
        assert second.answer.headers == {"x-extra": "1", "idempotent-replayed": "true"}
        assert inbound.record == {"replayed": True, "turn": "run 1"}
    assert shop.bought == ["run 1"]


@both
async def test_a_retry_joins_also_while_the_run_is_being_written_down(tmp_path: Path, stream: bool) -> None:
    """S28: what stands in the ledger, and is not yet known to do so, is no run that was cut off."""
    shop = Shop(stream)
    inbound = request(retry=1)
    async with Service(tmp_path, shop) as service, anyio.create_task_group() as group:
        retries: list[Client] = []

        def come_again() -> None:
            # Before the run is written down; the retry is heard while it is.
            if not retries:
                retries.append(Client(service, inbound, group))

        shop.before = come_again
        first = Client(service, request(retry=0), group)
        await until(lambda: bool(retries) and ("replayed" in inbound.record or bool(shop.resumed)))
        shop.gate.set()
        await first.ended.wait()
        await retries[0].ended.wait()
        assert b"".join(retries[0].said) == SAID[stream]
    assert (shop.bought, shop.resumed) == (["run 1"], [])


@pytest.mark.parametrize("with_run", [True, False], ids=["turn", "words"])
@both
async def test_a_retry_of_the_sdk_hears_what_was_told_before(
    tmp_path: Path, stream: bool, with_run: bool
) -> None:
    """S28: the answer got lost on its way; for 10 minutes it is told again."""
    shop = Shop(stream, with_run)
    shop.gate.set()
    service = Service(tmp_path, shop)
    async with service:
        await heard(await service.ask(request(retry=0)))
        assert await heard(await service.ask(request(retry=1))) == SAID[stream]
        again = await service.ask(request(retry=2))
        assert again.headers["idempotent-replayed"] == "true"
        assert await heard(again) == SAID[stream]
        assert len(shop.bought) == 1
        await heard(await service.ask(request(retry=1, tenant="you")))
        await heard(await service.ask(request(retry=1, body=b"{}")))
        assert len(shop.bought) == 3
        service.clock.at_s += UNKEYED_S + 1
        await heard(await service.ask(request(retry=1)))
    assert len(shop.bought) == 4


@pytest.mark.parametrize("key", [None, "k"])
@both
async def test_a_retry_goes_on_when_the_first_client_has_left(
    tmp_path: Path, stream: bool, key: str | None
) -> None:
    """S28: the execution belongs to the service, not to the connection that broke."""
    shop, clock = Shop(stream), HeldClock()
    async with Service(tmp_path, shop, clock) as service, anyio.create_task_group() as group:
        first = Client(service, request(key=key, retry=0), group)
        await until(lambda: bool(shop.bought))
        await first.leave()
        await until(lambda: bool(clock.slept))
        assert max(clock.slept) < 1
        inbound = request(key=key, retry=1)
        second = Client(service, inbound, group)
        await until(lambda: bool(inbound.record))
        # The time of who left is over, and somebody listens.
        clock.wake.set()
        await anyio.wait_all_tasks_blocked()
        assert shop.closed == 0
        shop.gate.set()
        await second.ended.wait()
        assert b"".join(second.said) == SAID[stream]
    assert (shop.bought, shop.resumed) == (["run 1"], [])


@pytest.mark.parametrize(("key", "retry"), [(None, 1), ("k", None), ("k", 1)])
@both
async def test_what_nobody_listens_to_is_stopped_and_gone_on_with_later(
    tmp_path: Path, stream: bool, key: str | None, retry: int | None
) -> None:
    """P09 and P10: cancelled within a second; the retry is given the run instead of buying it again."""
    shop = Shop(stream)
    async with Service(tmp_path, shop) as service, anyio.create_task_group() as group:
        first = Client(service, request(key=key, retry=0), group)
        await until(lambda: bool(shop.bought))
        await first.leave()
        await until(lambda: shop.closed == 1)
        assert all(seconds < 1 for seconds in service.clock.slept)
        shop.gate.set()
        assert await heard(await service.ask(request(key=key, retry=retry))) == SAID[stream]
        assert await heard(await service.ask(request(key=key, retry=retry))) == SAID[stream]
    assert (shop.bought, shop.resumed) == (["run 1"], ["run 1"])


async def test_what_has_bought_nothing_is_begun_anew_after_its_client_left(tmp_path: Path) -> None:
    """Only what may have bought something is kept."""
    shop = Shop(with_run=False)
    async with Service(tmp_path, shop) as service, anyio.create_task_group() as group:
        for key, retry in (("k", None), (None, 1)):
            shop.bought.clear()
            first = Client(service, request(key=key, retry=0), group)
            await until(lambda: len(shop.bought) == 1)
            await first.leave()
            again = Client(service, request(key=key, retry=retry), group)
            await until(lambda: len(shop.bought) == 2)
            shop.gate.set()
            await again.ended.wait()
            shop.gate = anyio.Event()
    assert (shop.runs, shop.resumed) == (4, [])


@pytest.mark.parametrize("key", [None, "k"])
async def test_a_refusal_before_anything_was_sent_leaves_nothing(tmp_path: Path, key: str | None) -> None:
    """S27: a request that was put right, or came too early, may use its key again."""
    shop = Shop()
    shop.gate.set()

    def refuse() -> None:
        raise Refusal("rate_limited", retry_after_s=1)

    async with Service(tmp_path, shop) as service:
        shop.before = refuse
        for _ in range(2):
            refusal = await service.refused(request(key=key, retry=0))
            assert (refusal.code, dict(refusal.headers)) == ("rate_limited", {})
        shop.before = lambda: None
        assert await heard(await service.ask(request(key=key, retry=1))) == WHOLE
    assert (shop.bought, shop.resumed) == (["run 1"], [])


@pytest.mark.parametrize("key", [None, "k"])
@both
async def test_a_failure_after_something_was_bought_is_told_again(
    tmp_path: Path, stream: bool, key: str | None
) -> None:
    """S29: what may have been billed is not sent again; who asks again hears the same."""
    shop = Shop(stream, with_run=False)
    shop.gate.set()

    def fail() -> None:
        raise Refusal("upstream_idle_timeout", "It stopped.", param="model", bought=True)

    shop.after = fail
    async with Service(tmp_path, shop) as service:
        for retry in (0, 1, 2):
            said: list[bytes] = []
            with pytest.raises(Refusal) as caught:
                await _collect(service, request(key=key, retry=retry), said)
            refusal = caught.value
            assert (refusal.code, str(refusal), refusal.param, refusal.bought) == (
                "upstream_idle_timeout",
                "It stopped.",
                "model",
                True,
            )
            assert said == (list(FRAMES[:3]) if stream else [])
    assert len(shop.bought) == 1


async def _collect(service: Service, inbound: Inbound, said: list[bytes]) -> None:
    answer = await service.ask(inbound)
    assert isinstance(answer, Streamed)
    async for frame in answer.frames:
        said += [frame]


@pytest.mark.parametrize("error", [Refusal("image_failed", bought=True), ValueError("a bug")])
@both
async def test_a_turn_that_failed_is_gone_on_with(tmp_path: Path, stream: bool, error: Exception) -> None:
    """P10: what it bought is kept by its run, and who asks again is given that."""
    shop = Shop(stream)
    shop.gate.set()

    def fail() -> None:
        raise error

    async with Service(tmp_path, shop) as service:
        shop.after = fail
        for _ in range(2):
            with pytest.raises(type(error)):
                await heard(await service.ask(request(key="k")))
        # Going on with it is refused as well: the run is known all the same.
        shop.before = lambda: _raise(Refusal("turn_busy"))
        await service.refused(request(key="k"))
        shop.before = shop.after = lambda: None
        assert await heard(await service.ask(request(key="k"))) == SAID[stream]
    assert (shop.bought, shop.resumed) == (["run 1"], ["run 1", "run 1"])


async def test_a_turn_that_was_refused_for_what_stands_in_it_leaves_nothing(tmp_path: Path) -> None:
    """S27: put right, the request may use its key again, though its turn had begun."""
    shop = Shop()
    shop.gate.set()
    async with Service(tmp_path, shop) as service:
        shop.after = lambda: _raise(Refusal("context_length_exceeded"))
        assert (await service.refused(request(key="k"))).code == "context_length_exceeded"
        shop.after = lambda: None
        assert await heard(await service.ask(request(key="k", body=b'{"shorter": 1}'))) == WHOLE
    assert (shop.runs, shop.resumed) == (2, [])


async def test_a_turn_whose_provider_was_busy_is_gone_on_with(tmp_path: Path) -> None:
    """S28: the SDK repeats after 429 and 5xx, which may come when a picture was ordered already."""
    shop = Shop()
    shop.gate.set()
    async with Service(tmp_path, shop) as service:
        for retry, code in enumerate(["upstream_rate_limited", "upstream_5xx"]):
            shop.after = lambda code=code: _raise(Refusal(code))  # type: ignore[misc]  # bound at once
            assert (await service.refused(request(retry=retry))).code == code
        shop.after = lambda: None
        assert await heard(await service.ask(request(retry=2))) == WHOLE
    assert (shop.runs, shop.resumed) == (1, ["run 1", "run 1"])


def _raise(error: Exception) -> None:
    raise error


async def test_a_long_answer_without_a_key_is_not_told_again_but_its_run_is(tmp_path: Path) -> None:
    """S28: 1 MiB is kept; who joins after that waits, and is then told the run."""
    shop = Shop(stream=True, frames=(b"data: 1\n\n", *[b"data: " + b"x" * 300_000 + b"\n\n"] * 4, DONE))
    async with Service(tmp_path, shop) as service, anyio.create_task_group() as group:
        first = Client(service, request(retry=0), group)
        await until(lambda: bool(first.said))
        shop.gate.set()
        await first.ended.wait()
        assert b"".join(first.said) == b"".join(shop.frames)
        await heard(await service.ask(request(retry=1)))
    assert (shop.bought, shop.resumed) == (["run 1"], ["run 1"])


async def test_a_joiner_that_comes_too_late_is_told_to_wait(tmp_path: Path) -> None:
    """S28: where the beginning is not known any more, nobody is told half an answer."""
    large = b"data: " + b"x" * 2**20 + b"\n\n"
    shop = Shop(stream=True, frames=(large, b"data: 2\n\n", DONE))
    async with Service(tmp_path, shop) as service, anyio.create_task_group() as group:
        first = Client(service, request(retry=0), group)
        await until(lambda: bool(first.said))
        assert (await service.refused(request(retry=1))).code == "idempotency_in_progress"
        shop.gate.set()
        await first.ended.wait()
        assert b"".join(first.said) == b"".join(shop.frames)
    assert shop.bought == ["run 1"]


async def test_an_answer_with_a_key_that_is_too_large_is_said_to_be_lost(tmp_path: Path) -> None:
    """S27: what was sent is not sent again, also where it could not be kept."""
    shop = Shop(with_run=False, whole=b"x" * (32 * 2**20 + 1))
    shop.gate.set()
    async with Service(tmp_path, shop) as service:
        assert len(await heard(await service.ask(request(key="k")))) == len(shop.whole)
        refusal = await service.refused(request(key="k"))
        assert (refusal.code, refusal.kind.status, refusal.bought) == ("idempotency_not_kept", 409, True)
    assert len(shop.bought) == 1


async def test_who_reads_slowly_makes_the_answer_wait(tmp_path: Path) -> None:
    """A slow reader costs a bounded buffer, though all of it is kept for others."""
    frames = tuple(b"data: " + bytes([48 + at % 10]) * 2**16 + b"\n\n" for at in range(100))
    shop = Shop(stream=True, frames=(*frames, DONE))
    shop.gate.set()
    ahead = BEHIND_BYTES // 2**16 + 2
    for key in ("kept", None):
        shop.told = 0
        async with Service(tmp_path, shop) as service:
            answer = await service.ask(request(key=key, retry=0))
            assert isinstance(answer, Streamed)
            await anyio.wait_all_tasks_blocked()
            assert shop.told <= ahead
            said = []
            async for frame in answer.frames:
                said.append(frame)
                if len(said) % 40 == 0:
                    await anyio.wait_all_tasks_blocked()
                assert shop.told <= len(said) + ahead
            assert said == [*frames, DONE]


async def test_a_slow_reader_does_not_hold_up_a_fast_one(tmp_path: Path) -> None:
    """What is kept anyway can be read at two paces."""
    frames = tuple(b"data: " + bytes([48 + at % 10]) * 2**16 + b"\n\n" for at in range(50))
    shop = Shop(stream=True, frames=(*frames, DONE))
    shop.gate.set()
    async with Service(tmp_path, shop) as service:
        slow = await service.ask(request(key="k", retry=0))
        fast = await service.ask(request(key="k", retry=1))
        assert await heard(fast) == b"".join(shop.frames)
        assert await heard(slow) == b"".join(shop.frames)
    assert len(shop.bought) == 1


async def test_answers_in_memory_make_room_for_new_ones(tmp_path: Path) -> None:
    """All answers without a key take a bounded memory; the oldest are forgotten first."""
    shop = Shop(with_run=False, whole=b"x" * (2**20 - 5000))
    shop.gate.set()
    async with Service(tmp_path, shop) as service:
        for at in range(34):
            await heard(await service.ask(request(retry=0, body=b"%d" % at)))
        assert len(shop.bought) == 34
        await heard(await service.ask(request(retry=1, body=b"33")))
        await heard(await service.ask(request(retry=1, body=b"2")))
        assert len(shop.bought) == 34
        await heard(await service.ask(request(retry=1, body=b"0")))
        assert len(shop.bought) == 35


async def test_short_answers_in_memory_make_room_for_new_ones_too(tmp_path: Path) -> None:
    """What an answer takes beside its own bytes counts: the official client's every request is one."""
    shop = Shop(with_run=False, whole=b"{}")
    shop.gate.set()
    async with Service(tmp_path, shop) as service:
        for at in range(8200):
            await heard(await service.ask(request(retry=0, body=b"%d" % at)))
        await heard(await service.ask(request(retry=1, body=b"8199")))
        assert len(shop.bought) == 8200
        await heard(await service.ask(request(retry=1, body=b"0")))
        assert len(shop.bought) == 8201


async def test_a_large_request_is_one_request_too(tmp_path: Path) -> None:
    """P13: it is hashed beside the event loop, and its last byte counts."""
    shop = Shop()
    shop.gate.set()
    body = b"x" * 2**20
    async with Service(tmp_path, shop) as service:
        await heard(await service.ask(request(key="k", body=body)))
        assert (await service.ask(request(key="k", body=body))).headers["idempotent-replayed"] == "true"
        assert (await service.refused(request(key="k", body=body + b"x"))).code == "idempotency_mismatch"


@both
async def test_an_answer_is_remembered_before_its_end_is_told(tmp_path: Path, stream: bool) -> None:
    """What is recorded first is shown second: who has heard the end finds the answer, whatever is killed then."""
    shop = Shop(stream)
    shop.gate.set()
    async with Service(tmp_path, shop) as service:
        answer = await service.ask(request(key="k"))
        if isinstance(answer, Streamed):
            async for frame in answer.frames:
                if frame == DONE:
                    break
        connection = sqlite3.connect(tmp_path / "ledger.db")
        assert connection.execute("SELECT state, body FROM claims JOIN answers ON claim = id").fetchall() == [
            ("finished", SAID[stream])
        ]
        connection.close()


async def test_an_answer_that_cannot_be_kept_is_told_all_the_same(tmp_path: Path) -> None:
    """P04: a running answer finishes; the ledger is closed under it in place of a full disk."""
    shop = Shop()
    async with Service(tmp_path, shop) as service, anyio.create_task_group() as group:
        first = Client(service, request(key="k"), group)
        await until(lambda: bool(shop.bought))
        await service.ledger.aclose()
        shop.gate.set()
        await first.ended.wait()
        assert first.said == [WHOLE]
        with pytest.raises(JournalError) as caught:
            await service.ask(request(key="other"))
        assert caught.value.code == "journal_unavailable"
    assert shop.bought == ["run 1"]


@both
async def test_a_service_that_stops_keeps_what_was_begun(tmp_path: Path, stream: bool) -> None:
    """SIGTERM: executions are cancelled, and the next process goes on with them."""
    shop = Shop(stream)
    service = Service(tmp_path, shop)
    async with anyio.create_task_group() as group:
        async with service:
            first = Client(service, request(key="k"), group)
            await until(lambda: bool(shop.bought))
            await first.leave()
        assert shop.closed == 1
        shop.gate.set()
        async with service:
            assert await heard(await service.ask(request(key="k"))) == SAID[stream]
    assert (shop.bought, shop.resumed) == (["run 1"], ["run 1"])


OTHER = """
import sys, anyio
sys.path.insert(0, sys.argv[3])
from limner.gateway.repeats.idempotency import Idempotency
from limner.gateway.ledger import Ledger
from shops import Shop, heard, request

async def main():
    shop = Shop(sys.argv[2] == "stream")
    async with Ledger(sys.argv[1]) as ledger, Idempotency(ledger) as idempotency:
        ask = idempotency.around(shop.answer)
        async def serve(inbound):
            await heard(await ask(inbound))
            print("told", flush=True)
        async with anyio.create_task_group() as group:
            group.start_soon(serve, request(key="k"))
            group.start_soon(serve, request(retry=0))
            while len(shop.bought) < 2:
                await anyio.sleep(0.001)
            print("bought", flush=True)
            await anyio.to_thread.run_sync(sys.stdin.readline)
            shop.gate.set()

anyio.run(main)
"""


@contextlib.contextmanager
def other_process(folder: Path, stream: bool) -> Any:
    """A process that has the same requests under way; it goes on when it is told to."""
    tests = str(Path(__file__).parents[1])
    command = [sys.executable, "-c", OTHER, str(folder), "stream" if stream else "whole", tests]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"bought\n"
        try:
            yield process
        finally:
            process.kill()


@both
async def test_two_processes_execute_a_key_once(tmp_path: Path, stream: bool) -> None:
    """P16: the other says 409 and later tells the same again."""
    shop = Shop(stream)
    async with Service(tmp_path, shop, OwnClock(now=_now())) as service:
        with other_process(tmp_path, stream) as other:
            for inbound in (request(key="k"), request(key="k", retry=1), request(retry=1)):
                refusal = await service.refused(inbound)
                assert refusal.code == "idempotency_in_progress"
                assert refusal.retry_after_s is not None
            out, _ = other.communicate(b"go on\n")
            assert out == b"told\ntold\n"
        for inbound in (request(key="k"), request(retry=1)):
            answer = await service.ask(inbound)
            assert answer.headers["idempotent-replayed"] == "true"
            assert await heard(answer) == SAID[stream]
    assert shop.bought == []


@both
async def test_a_killed_process_leaves_its_run_to_the_next(tmp_path: Path, stream: bool) -> None:
    """S27: survives kill -9; the turn is gone on with instead of being bought again."""
    shop = Shop(stream)
    shop.gate.set()
    async with Service(tmp_path, shop, OwnClock(now=_now())) as service:
        with other_process(tmp_path, stream) as other:
            other.send_signal(signal.SIGKILL)
            other.wait()
        for inbound in (request(key="k"), request(retry=1)):
            assert await heard(await service.ask(inbound)) == SAID[stream]
    assert shop.bought == []
    assert sorted(shop.resumed) == ["run 1", "run 2"]


def _now() -> float:
    import time

    return time.time()


@pytest.mark.parametrize(
    "headers", [{"x-stainless-retry-count": "0"}, {"user-agent": "speakeasy-sdk/typescript 1.3"}]
)
@both
async def test_who_asks_again_after_a_failure_goes_on_with_its_run(
    tmp_path: Path, stream: bool, headers: dict[str, str]
) -> None:
    """S29: some clients send again by themselves and do not say so; what was bought is not bought again."""
    shop = Shop(stream)
    shop.gate.set()
    again = replace(request(), headers=headers)
    async with Service(tmp_path, shop) as service:
        shop.after = lambda: _raise(Refusal("upstream_5xx", bought=True))
        for _ in range(3):
            with pytest.raises(Refusal):
                await heard(await service.ask(again))
        shop.after = lambda: None
        assert await heard(await service.ask(again)) == SAID[stream]
        assert (shop.bought, shop.resumed) == (["run 1"], ["run 1"] * 3)
        # It has its answer: whoever asks the same once more wants another one.
        assert await heard(await service.ask(again)) == SAID[stream]
    assert shop.bought == ["run 1", "run 2"]


async def test_to_know_a_form_again_takes_no_more_memory_than_the_form(tmp_path: Path) -> None:
    """S06: a form of boundaries alone is as many pieces as it likes, and is refused only later."""
    shop = Shop()
    shop.gate.set()
    form = replace(
        request(key="k", body=b"--a\r\n" * 400_000),
        headers={"idempotency-key": "k", "content-type": "multipart/form-data; boundary=a"},
    )
    async with Service(tmp_path, shop) as service:
        tracemalloc.start()
        try:
            assert await heard(await service.ask(form)) == WHOLE
            assert tracemalloc.get_traced_memory()[1] < 2 * len(form.body)
        finally:
            tracemalloc.stop()
