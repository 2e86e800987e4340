"""The raw relay against a real server on loopback: bytes out, bytes in, under deadlines and limits."""

from __future__ import annotations

import gzip
import socket
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager

import anyio
import pytest

from limner.transport.bodies import Deadlines
from limner.transport.faults import TransportFault
from limner.transport.relay import Relay, RelayAnswer
from providers import CUT, FIN, STALL, Answer, Gate, Provider, raw, sse, status, text, wait_for, whole

pytestmark = pytest.mark.anyio

SOON = Deadlines(20.0, 20.0)
BODY = b'{"say":"F\xc3\xbcchse"}'


@pytest.fixture
def anyio_backend() -> str:
    """The relay runs on asyncio alone."""
    return "asyncio"


@pytest.fixture
def provider() -> Iterator[Provider]:
    with Provider() as running:
        yield running


@asynccontextmanager
async def relaying(provider: Provider, key: str = "sk-canary") -> AsyncIterator[Relay]:
    relay = Relay(f"{provider.base_url}/chat/completions", api_key=key)
    try:
        yield relay
    finally:
        await relay.aclose()


async def pieces(answer: RelayAnswer) -> list[bytes]:
    try:
        return [data async for data in reads(answer)]
    finally:
        answer.close()


async def reads(answer: RelayAnswer) -> AsyncIterator[bytes]:
    while data := await answer.read():
        yield data


async def fault_of(relay: Relay, deadlines: Deadlines = SOON, limit: int = 1 << 20) -> tuple[str, bool]:
    """How a request fails: the kind, and whether it may have been sent."""

    async def asked() -> None:
        answer = await relay.post(BODY, deadlines)
        try:
            await answer.whole(limit)
        finally:
            answer.close()

    with pytest.raises(TransportFault) as caught:
        await asked()
    return caught.value.kind, caught.value.sent


async def test_a_request_goes_out_as_it_is_and_its_answer_comes_back_as_bytes(provider: Provider) -> None:
    """The relay adds a key and takes nothing away; compression is not asked for."""
    provider.chat(raw(b"\x00\xff", code=200))
    async with relaying(provider) as relay:
        answer = await relay.post(BODY, SOON)
        assert (answer.status, answer.headers["Content-TYPE"]) == (200, "application/octet-stream")
        assert await answer.whole(10) == b"\x00\xff"
        answer.close()
        answer.close()
    (sent,) = provider.requests
    assert sent.body == BODY
    assert sent.headers["authorization"] == "Bearer sk-canary"
    assert sent.headers["content-type"] == "application/json"
    assert sent.headers["accept-encoding"] == "identity"
    assert "cookie" not in sent.headers


async def test_a_request_of_megabytes_leaves_piece_by_piece(provider: Provider) -> None:
    """P13: whole, with its length and its type; and nothing warns that it holds others up."""
    provider.chat(raw(b"ok"))
    body = b'{"say":"%s"}' % (b"x" * 3_000_000)
    async with relaying(provider) as relay:
        answer = await relay.post(body, SOON)
        assert await answer.whole(10) == b"ok"
        answer.close()
    (asked,) = provider.posts("/chat/completions")
    assert asked.body == body
    assert asked.headers["content-type"] == "application/json"
    assert asked.headers["content-length"] == str(len(body))


async def test_without_a_key_none_is_sent(provider: Provider) -> None:
    """An empty key sends no credentials at all."""
    provider.chat(raw(b"x"))
    async with relaying(provider, key="") as relay:
        await pieces(await relay.post(BODY, SOON))
    assert "authorization" not in provider.requests[0].headers


async def test_a_piece_is_handed_on_before_the_next_one_comes(provider: Provider) -> None:
    """Streams are never collected."""
    gate = Gate()
    provider.chat(Answer((b"one", gate, b"two")))
    async with relaying(provider) as relay:
        answer = await relay.post(BODY, SOON)
        assert await answer.read() == b"one"
        gate.open()
        assert (await answer.read(), await answer.read(), await answer.read()) == (b"two", b"", b"")
        answer.close()


async def test_a_connection_serves_again_and_cookies_do_not_come_back(provider: Provider) -> None:
    """One session for all requests of a key, and nothing of one tenant's answer in another's request."""
    provider.chat(whole({}, set_cookie="tenant=one"))
    async with relaying(provider) as relay:
        for _ in range(3):
            await pieces(await relay.post(BODY, SOON))
    assert provider.connections == 1
    assert all("cookie" not in request.headers for request in provider.requests)


async def test_a_redirect_is_an_answer_like_any_other(provider: Provider) -> None:
    """DESIGN decision 10: an unguarded 307 sends the key's request elsewhere."""
    with Provider() as elsewhere:
        provider.chat(status(307, location=f"{elsewhere.base_url}/chat/completions"))
        async with relaying(provider) as relay:
            answer = await relay.post(BODY, SOON)
            assert answer.status == 307
            answer.close()
        assert elsewhere.requests == []


async def test_nobody_answers_at_the_address() -> None:
    """U07: nothing was sent, so the request may be sent again."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        relay = Relay(f"http://127.0.0.1:{taken.getsockname()[1]}/v1", api_key="")
        assert await fault_of(relay) == ("unreachable", False)
        await relay.aclose()


async def test_a_name_that_does_not_exist() -> None:
    """U07."""
    relay = Relay("http://no-such-host.invalid/v1", api_key="")
    assert await fault_of(relay) == ("unreachable", False)
    await relay.aclose()


async def test_a_server_without_a_certificate_of_trust_gets_nothing(provider: Provider) -> None:
    """U07: a failure of TLS has its own name, because it is not tried again."""
    relay = Relay(f"{provider.origin.replace('http:', 'https:')}/v1", api_key="sk-canary")
    kind, sent = await fault_of(relay)
    await relay.aclose()
    assert (kind, sent) == ("tls", False)
    assert provider.requests == []


async def test_no_first_byte_in_time(provider: Provider) -> None:
    """U08: neither headers nor, after them, a first byte of the body may take longer."""
    short = Deadlines(0.1, 20.0)
    for silent in (Answer(before=(STALL,)), Answer((STALL,))):
        provider.chat(silent)
        async with relaying(provider) as relay:
            assert await fault_of(relay, short) == ("first_byte", True)


async def test_silence_after_the_first_byte(provider: Provider) -> None:
    """U09: what came before is handed out; the wait has its own limit, also a shorter one for one read."""
    provider.chat(Answer((b"one", STALL)))
    async with relaying(provider) as relay:
        for deadlines, idle_s in ((Deadlines(20.0, 0.1), None), (SOON, 0.1)):
            answer = await relay.post(BODY, deadlines)
            assert await answer.read() == b"one"
            with pytest.raises(TransportFault, match="idle"):
                await answer.read(idle_s)
            answer.close()
            await wait_for(provider.requests[-1].closed)


async def test_bytes_that_never_end(provider: Provider) -> None:
    """U32: the whole has a limit too, however regularly bytes come."""
    provider.chat(Answer(tuple(step for _ in range(1000) for step in (b"x", 0.01))))
    async with relaying(provider) as relay:
        assert await fault_of(relay, Deadlines(20.0, 20.0, 0.2)) == ("total", True)


async def test_a_slow_answer_outlives_its_first_deadline_as_long_as_bytes_come(provider: Provider) -> None:
    """The deadline of the first byte says nothing of those that follow."""
    steps = tuple(step for _ in range(10) for step in (b"x", 0.05))
    provider.chat(Answer(steps))
    async with relaying(provider) as relay:
        answer = await relay.post(BODY, Deadlines(0.3, 0.3))
        assert await answer.whole(100) == b"x" * 10
        answer.close()


@pytest.mark.parametrize("end", [CUT, FIN])
async def test_a_connection_that_breaks(provider: Provider, end: object) -> None:
    """U10: reset, or closed inside of a chunked body."""
    gate = Gate()
    provider.chat(Answer((b"one", gate, end)))
    async with relaying(provider) as relay:
        answer = await relay.post(BODY, SOON)
        assert await answer.read() == b"one"
        gate.open()
        with pytest.raises(TransportFault, match="reset"):
            await answer.read()
        answer.close()


async def test_more_bytes_than_allowed(provider: Provider) -> None:
    """U17: a body is given up at its limit, whether it comes as it is or packed."""
    large = b"x" * 200_000
    packed = Answer((gzip.compress(large),), headers={"content-encoding": "gzip"})
    for answer in (raw(large), packed):
        provider.chat(answer)
        async with relaying(provider) as relay:
            assert await fault_of(relay, limit=100_000) == ("too_large", True)


async def test_what_was_packed_all_the_same_is_unpacked(provider: Provider) -> None:
    """Some servers pack although nobody asked for it; the end of a stream must be there."""
    data = gzip.compress(b"words" * 50_000)
    headers = {"content-encoding": "gzip"}
    provider.chat(Answer((data[:50], data[50:]), headers=headers), Answer((data[:-9],), headers=headers))
    async with relaying(provider) as relay:
        assert b"".join(await pieces(await relay.post(BODY, SOON))) == b"words" * 50_000
        assert await fault_of(relay) == ("reset", True)


async def test_an_unknown_compression_is_refused(provider: Provider) -> None:
    """What was never asked for cannot be read, and the connection is not kept."""
    provider.chat(Answer((b"?",), headers={"content-encoding": "br"}))
    async with relaying(provider) as relay:
        assert await fault_of(relay) == ("encoding", True)


async def test_whoever_leaves_closes_the_connection(provider: Provider) -> None:
    """A disconnect closes the provider's connection, before the first byte and after it."""
    provider.chat(Answer(before=(STALL,)), Answer((b"one", STALL)))
    async with relaying(provider) as relay:
        async with anyio.create_task_group() as group:
            group.start_soon(relay.post, BODY, SOON)
            with anyio.fail_after(5):
                while not provider.requests:  # noqa: ASYNC110  the server is a thread and has no event of ours
                    await anyio.sleep(0.001)
            group.cancel_scope.cancel()
        await wait_for(provider.requests[0].closed)
        answer = await relay.post(BODY, SOON)
        assert await answer.read() == b"one"
        answer.close()
        await wait_for(provider.requests[1].closed)


async def test_a_stream_that_is_drained_leaves_its_connection_for_the_next(provider: Provider) -> None:
    """What follows the last event is a few bytes; without them each stream would cost a handshake."""
    provider.chat(sse(text("a")))
    async with relaying(provider) as relay:
        for _ in range(2):
            answer = await relay.post(BODY, SOON)
            await answer.read()
            await answer.drain(5)
            answer.close()
    assert provider.connections == 1


async def test_the_beginning_of_an_answer_is_had_however_it_goes_on(provider: Provider) -> None:
    """An error's status is worth more than its prose."""
    provider.chat(Answer((b"one", STALL), 500), Answer((b"one", CUT), 500), raw(b"x" * 100, code=500))
    async with relaying(provider) as relay:
        said = []
        for _ in range(3):
            answer = await relay.post(BODY, SOON)
            said.append(await answer.beginning(50, 0.3))
            answer.close()
    assert said[0] == b"one"
    assert said[1] in (b"", b"one")
    assert said[2] == b"x" * 50


async def test_the_environment_names_the_proxy(provider: Provider, monkeypatch: pytest.MonkeyPatch) -> None:
    """As every other client of the machine; an address that is excepted is asked directly."""
    provider.answers("http://chat.example/v1", raw(b"proxied"))
    provider.chat(raw(b"direct"))
    monkeypatch.setenv("http_proxy", provider.origin)
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    relay = Relay("http://chat.example/v1", api_key="")
    assert await pieces(await relay.post(BODY, SOON)) == [b"proxied"]
    await relay.aclose()
    async with relaying(provider) as direct:
        assert await pieces(await direct.post(BODY, SOON)) == [b"direct"]
