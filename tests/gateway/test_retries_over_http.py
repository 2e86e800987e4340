"""What the official SDK sends again by itself reaches a real gateway, and nothing is bought twice."""

from __future__ import annotations

import contextlib
import json
import socket
import threading
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import openai
import pytest
from anyio import to_thread

from droppers import PATIENCE_S, Dropper
from gateways import Gateway, key, secret, serving
from limner.gateway.exchange import Answer, Inbound, Streamed, Whole
from limner.gateway.front.app import Route
from limner.gateway.ledger import Ledger
from limner.gateway.repeats.idempotency import Idempotency
from limner.wire.frames import DONE, frame

WORDS = ("A ", "fox ", "🦊.")


def _chunk(delta: dict[str, str], finish: str | None = None) -> dict[str, object]:
    choice = {"index": 0, "delta": delta, "finish_reason": finish}
    return {"id": "c1", "object": "chat.completion.chunk", "created": 1, "model": "m", "choices": [choice]}


_MESSAGE = {"role": "assistant", "content": "".join(WORDS)}
_CHOICE = {"index": 0, "message": _MESSAGE, "finish_reason": "stop"}
WHOLE = json.dumps(
    {"id": "c1", "object": "chat.completion", "created": 1, "model": "m", "choices": [_CHOICE]}
).encode()


@dataclass
class Shop:
    """Buys for a request, then answers when it may; another thread asks what it has done."""

    may_answer: threading.Event = field(default_factory=threading.Event)
    has_bought: threading.Event = field(default_factory=threading.Event)
    has_stopped: threading.Event = field(default_factory=threading.Event)
    bought: int = 0
    resumed: int = 0
    counts: list[str] = field(default_factory=list)
    """What each execution was told of earlier sendings."""

    async def answer(self, inbound: Inbound) -> Answer:
        self.counts.append(inbound.headers.get("x-stainless-retry-count", ""))
        if inbound.resume_run is None:
            await inbound.begun("run")
            self.bought += 1
        else:
            self.resumed += 1
        self.has_bought.set()
        if json.loads(inbound.body).get("stream"):
            return Streamed(self._frames())
        try:
            await self._waited()
        finally:
            self.has_stopped.set()
        return Whole(WHOLE)

    async def _frames(self) -> AsyncIterator[bytes]:
        try:
            yield frame(_chunk({"role": "assistant", "content": ""}))
            await self._waited()
            for word in WORDS:
                yield frame(_chunk({"content": word}))
            yield frame(_chunk({}, "stop"))
            yield DONE
        finally:
            self.has_stopped.set()

    async def _waited(self) -> None:
        await to_thread.run_sync(self.may_answer.wait, PATIENCE_S, abandon_on_cancel=True)


@pytest.fixture
def shop() -> Iterator[Shop]:
    opened = Shop()
    yield opened
    opened.may_answer.set()


@pytest.fixture
def gateway(shop: Shop, tmp_path: Path) -> Iterator[Gateway]:
    @contextlib.asynccontextmanager
    async def routes() -> AsyncIterator[list[Route]]:
        async with Ledger(tmp_path) as ledger, Idempotency(ledger) as idempotency:
            yield [Route("POST", "/chat/completions", idempotency.around(shop.answer))]

    with serving(open_routes=routes, keys=[key("alice"), key("bob")]) as running:
        yield running


def _ask(port: int, *, stream: bool, idempotency_key: str | None = None) -> str:
    headers = {"Idempotency-Key": idempotency_key} if idempotency_key else {}
    with openai.OpenAI(
        base_url=f"http://127.0.0.1:{port}/v1", api_key=secret("alice"), timeout=PATIENCE_S
    ) as client:
        if not stream:
            answer = client.chat.completions.create(
                model="m", messages=[{"role": "user", "content": "a fox"}], extra_headers=headers
            )
            return answer.choices[0].message.content or ""
        chunks = client.chat.completions.create(
            model="m", messages=[{"role": "user", "content": "a fox"}], extra_headers=headers, stream=True
        )
        return "".join(chunk.choices[0].delta.content or "" for chunk in chunks)


@pytest.mark.parametrize("idempotency_key", [None, "k"])
@pytest.mark.parametrize("stream", [False, True], ids=["whole", "stream"])
@pytest.mark.parametrize("answered", [False, True], ids=["under-way", "answered"])
def test_a_lost_connection_buys_nothing_twice(
    gateway: Gateway, shop: Shop, answered: bool, stream: bool, idempotency_key: str | None
) -> None:
    """S28: the SDK sends again without a key of its own; submissions == 1, and the answer is whole."""
    if answered:
        shop.may_answer.set()
    happened = shop.has_stopped if answered else shop.has_bought
    with Dropper(gateway.port, when=lambda: happened.wait(PATIENCE_S), then=shop.may_answer.set) as dropper:
        assert _ask(dropper.port, stream=stream, idempotency_key=idempotency_key) == "".join(WORDS)
    assert dropper.connections == 2
    assert shop.bought == 1


def test_the_same_key_at_once_is_executed_once(gateway: Gateway, shop: Shop) -> None:
    """S27: the SDK repeats after 409 by itself, and then hears the same answer."""
    said: list[str] = []

    def ask() -> None:
        said.append(_ask(gateway.port, stream=False, idempotency_key="k"))

    threads = [threading.Thread(target=ask) for _ in range(2)]
    for thread in threads:
        thread.start()
    # One of them is refused while the other waits for its answer.
    refused = gateway.wait_for_ended(1, PATIENCE_S)[0]
    assert (refused.status, refused.code) == (409, "idempotency_in_progress")
    shop.may_answer.set()
    for thread in threads:
        thread.join(PATIENCE_S)
    assert said == ["".join(WORDS)] * 2
    assert (shop.bought, shop.resumed) == (1, 0)


@pytest.mark.parametrize("stream", [False, True], ids=["whole", "stream"])
def test_who_hangs_up_for_good_stops_the_work_and_keeps_the_turn(
    gateway: Gateway, shop: Shop, stream: bool
) -> None:
    """P09 and P10: stopped by itself; the same key goes on with what was bought."""
    body = json.dumps(
        {
            "messages": [{"role": "user", "content": "a fox"}],
            "model": "m",
            **({"stream": True} if stream else {}),
        }
    ).encode()
    head = (
        f"POST /v1/chat/completions HTTP/1.1\r\nHost: 127.0.0.1:{gateway.port}\r\n"
        f"Authorization: Bearer {secret('alice')}\r\nContent-Type: application/json\r\n"
        f"Content-Length: {len(body)}\r\nIdempotency-Key: k\r\n\r\n"
    )
    with socket.create_connection(("127.0.0.1", gateway.port)) as connection:
        connection.sendall(head.encode() + body)
        assert shop.has_bought.wait(PATIENCE_S)
        if stream:
            assert connection.recv(65536).startswith(b"HTTP/1.1 200")
    assert gateway.wait_for_ended(1, PATIENCE_S)[0].status == 499
    assert shop.has_stopped.wait(PATIENCE_S)
    shop.may_answer.set()
    answer = _again(gateway, head.encode() + body)
    assert answer.startswith(b"HTTP/1.1 200")
    assert b"idempotent-replayed" not in answer.lower()
    replayed = _again(gateway, head.encode() + body)
    assert b"idempotent-replayed: true" in replayed.lower()
    assert replayed.partition(b"\r\n\r\n")[2] == answer.partition(b"\r\n\r\n")[2]
    assert (shop.bought, shop.resumed) == (1, 1)


def _again(gateway: Gateway, sent: bytes) -> bytes:
    return gateway.talk(sent.replace(b"\r\n\r\n", b"\r\nConnection: close\r\n\r\n", 1), PATIENCE_S)


def test_another_tenant_neither_joins_nor_hears(gateway: Gateway, shop: Shop) -> None:
    """S27, S28 and S17: the same key and the same words of another tenant are another request."""
    shop.may_answer.set()
    assert _ask(gateway.port, stream=False, idempotency_key="k") == "".join(WORDS)
    with openai.OpenAI(base_url=gateway.url, api_key=secret("bob"), timeout=PATIENCE_S) as client:
        for headers in ({"Idempotency-Key": "k"}, {"x-stainless-retry-count": "1"}):
            answer = client.chat.completions.with_raw_response.create(
                model="m", messages=[{"role": "user", "content": "a fox"}], extra_headers=headers
            )
            assert "idempotent-replayed" not in answer.headers
    assert shop.bought == 3
