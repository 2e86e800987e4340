"""Raw requests to a real server on loopback: bytes out, bytes in, nothing followed, nothing kept open."""

from __future__ import annotations

import gc
import gzip
import socket
import zlib
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, suppress
from typing import Any

import anyio
import anyio.lowlevel
import pytest

from limner.errors import ConfigError
from limner.transport import bodies
from limner.transport.bodies import Deadlines
from limner.transport.client import ProviderClient
from limner.transport.compression import Unpacker
from limner.transport.faults import TransportFault, fault_of
from limner.transport.parcels import File, Form, Json
from providers import CUT, FIN, STALL, Answer, Gate, Provider, raw, sse, text, wait_for, whole
from waiting import until

pytestmark = pytest.mark.anyio

PATH = "/chat/completions"
SOON = Deadlines(20.0, 20.0)


@pytest.fixture
def provider() -> Iterator[Provider]:
    with Provider() as running:
        yield running


@asynccontextmanager
async def connected(provider: Provider, **options: Any) -> AsyncIterator[ProviderClient]:
    client = ProviderClient(**({"base_url": provider.base_url, "api_key": "sk-canary"} | options))
    try:
        yield client
    finally:
        await client.aclose()


async def posted(client: ProviderClient, deadlines: Deadlines = SOON, **options: Any) -> bodies.Answer:
    return await client.post(PATH, {"say": "Füchse 🦊"}, deadlines, **options)


async def kind_of(
    client: ProviderClient, deadlines: Deadlines = SOON, limit: int = 1 << 20
) -> tuple[str, bool]:
    """How a request fails: the kind, and whether it may have been sent."""

    async def read() -> None:
        answer = await posted(client, deadlines)
        try:
            await answer.whole(limit)
        finally:
            await answer.aclose()

    with pytest.raises(TransportFault) as caught:
        await read()
    return caught.value.kind, caught.value.sent


async def test_a_request_goes_out_and_its_answer_comes_back_as_bytes(provider: Provider) -> None:
    """DESIGN: bytes are read raw through the SDK; compression is not asked for."""
    provider.chat(raw(b"\x00\xff", code=200))
    async with connected(provider) as client:
        answer = await posted(client, headers={"Idempotency-Key": "k"})
        assert (answer.status, await answer.whole(10), await answer.read()) == (200, b"\x00\xff", b"")
        await answer.aclose()
        await answer.aclose()
    (sent,) = provider.requests
    assert sent.json == {"say": "Füchse 🦊"}
    assert sent.headers["authorization"] == "Bearer sk-canary"
    assert sent.headers["idempotency-key"] == "k"
    assert sent.headers["content-type"] == "application/json"
    assert sent.headers["accept-encoding"] == "identity"


async def test_each_network_read_is_handed_on_as_it_comes(provider: Provider) -> None:
    """DESIGN: one tuple of deltas per network read."""
    gate = Gate()
    provider.chat(Answer((b"one", gate, b"two")))
    async with connected(provider) as client:
        answer = await posted(client)
        assert await answer.read() == b"one"
        gate.open()
        assert await answer.read() == b"two"
        assert await answer.read() == b""


async def test_an_error_is_an_answer_whose_body_is_short(provider: Provider) -> None:
    """Scorecard U17: the SDK alone would read an endless error to its end."""
    provider.chat(Answer([b"x" * 50_000] * 100, 500, {"retry-after": "3"}))
    async with connected(provider) as client:
        answer = await posted(client)
        assert (answer.status, answer.headers["Retry-After"]) == (500, "3")
        assert await answer.whole(1 << 20) == b"x" * 65_536
    await wait_for(provider.requests[0].answered)


async def test_an_error_that_is_packed_is_unpacked(provider: Provider) -> None:
    """A bomb in an error is no bomb: 64 KiB of it are unpacked."""
    provider.chat(Answer((gzip.compress(b"x" * 50_000_000),), 400, {"content-encoding": "gzip"}))
    async with connected(provider) as client:
        answer = await posted(client)
        assert await answer.whole(1 << 20) == b"x" * 65_536


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
async def test_a_redirect_is_not_followed(provider: Provider, status: int) -> None:
    """DESIGN decision 10. Fails if follow_redirects is left at the SDK's default."""
    with Provider() as elsewhere:
        elsewhere.chat(raw(b"stolen"))
        elsewhere.pictures["/v1" + PATH] = raw(b"stolen")
        provider.chat(whole({}, status, location=elsewhere.base_url + PATH))
        async with connected(provider) as client:
            answer = await posted(client)
            assert answer.status == status
            await answer.aclose()
    assert elsewhere.requests == []


FAULTS: dict[str, tuple[Answer, tuple[str, bool]]] = {
    "reset before the headers": (Answer(before=(CUT,)), ("reset", True)),
    "closed before the headers": (Answer(before=(FIN,)), ("reset", True)),
    "no HTTP": (Answer(before=(b"hello there\r\n\r\n", FIN)), ("reset", True)),
    "reset in the body": (Answer((b"x", 0.05, CUT)), ("reset", True)),
    "closed in the body": (Answer((b"x", FIN)), ("reset", True)),
    "silent before the headers": (Answer(before=(STALL,)), ("first_byte", True)),
    "silent after them": (Answer((STALL,)), ("first_byte", True)),
    "silent in the body": (Answer((b"x", STALL)), ("idle", True)),
    "too large": (Answer([b"x" * 100_000] * 20), ("too_large", True)),
    "packed with something else": (
        Answer((b"x",), headers={"content-encoding": "br"}),
        ("encoding", True),
    ),
    "packed badly": (Answer((b"xxxx",), headers={"content-encoding": "gzip"}), ("encoding", True)),
    "packed and cut": (
        Answer((gzip.compress(b"x" * 99)[:-9],), headers={"content-encoding": "gzip"}),
        ("reset", True),
    ),
}


@pytest.mark.parametrize(("answer", "fault"), FAULTS.values(), ids=FAULTS.keys())
async def test_every_fault_has_its_name_on_both_transports(
    provider: Provider, answer: Answer, fault: tuple[str, bool]
) -> None:
    """Scorecard U08 to U10, U17: what may have been sent is never called unsent."""
    provider.chat(answer)
    async with connected(provider) as client:
        short = Deadlines(0.3, 20.0) if fault[0] == "first_byte" else Deadlines(20.0, 0.3)
        deadlines = short if fault[0] in ("first_byte", "idle") else SOON
        assert await kind_of(client, deadlines) == fault


async def test_a_drip_ends_at_the_total(provider: Provider) -> None:
    """Scorecard I14: bytes that keep coming are not enough."""
    provider.chat(Answer([step for _ in range(100) for step in (b"x", 0.02)]))
    async with connected(provider) as client:
        assert await kind_of(client, Deadlines(20, 20, 0.2)) == ("total", True)


async def test_a_flood_ends_at_the_total(provider: Provider) -> None:
    """I14: what has come by then and was not read in time does not put the end off.

    Fails if the deadline is left to the wait for bytes alone: on asyncio there is none where bytes are there.
    """
    provider.chat(Answer([b"x" * (1 << 20)] * 8))
    async with connected(provider) as client:
        answer = await posted(client, Deadlines(20, 20, 1.0))
        ends = anyio.current_time() + 1.0
        assert await answer.read()
        with anyio.fail_after(10):
            await until(lambda: anyio.current_time() > ends)
        with pytest.raises(TransportFault) as caught:
            await answer.read()
        await answer.aclose()
    assert caught.value.kind == "total"


async def test_what_unpacks_to_much_lets_others_work_meanwhile(provider: Provider) -> None:
    """P13: a few thousand bytes are megabytes, one read after the other."""
    provider.chat(Answer([gzip.compress(bytes(8 << 20))], headers={"content-encoding": "gzip"}))
    turns = 0

    async def work() -> None:
        nonlocal turns
        while True:
            turns += 1
            await anyio.lowlevel.checkpoint()

    async with connected(provider) as client, anyio.create_task_group() as tasks:
        answer = await posted(client)
        assert await answer.read()
        tasks.start_soon(work)
        await anyio.lowlevel.checkpoint()
        before, reads = turns, 0
        while await answer.read():
            reads += 1
        await answer.aclose()
        tasks.cancel_scope.cancel()
    assert turns - before >= reads > 100


async def test_a_closed_port_was_never_reached() -> None:
    """DESIGN decision 4: refused connections are known not to be billed."""
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        client = ProviderClient(base_url=f"http://127.0.0.1:{closed.getsockname()[1]}", api_key="")
        assert await kind_of(client) == ("unreachable", False)
        await client.aclose()


async def test_a_machine_without_its_certificates_reaches_nobody(
    provider: Provider, monkeypatch: pytest.MonkeyPatch
) -> None:
    """P14: a file that cannot be opened, be it for want of descriptors, is no unknown outcome."""
    monkeypatch.setenv("SSL_CERT_FILE", "/nowhere/certificates.pem")
    async with connected(provider, base_url=provider.base_url.replace("http:", "https:")) as client:
        assert await kind_of(client) == ("unreachable", False)
    assert provider.requests == []


async def test_a_server_without_tls_was_never_reached(provider: Provider) -> None:
    """Scorecard U07."""
    async with connected(provider, base_url=provider.base_url.replace("http:", "https:")) as client:
        assert await kind_of(client) == ("tls", False)


async def test_silence_that_outlasts_the_total_is_called_so(provider: Provider) -> None:
    """The shorter of two limits gives its name."""
    provider.chat(Answer(before=(STALL,)))
    async with connected(provider) as client:
        assert await kind_of(client, Deadlines(20, 20, 0.2)) == ("total", True)


@pytest.mark.parametrize("encoding", ["gzip", "x-gzip", "deflate", "GZIP", "identity"])
async def test_what_was_packed_all_the_same_is_unpacked(provider: Provider, encoding: str) -> None:
    """Some servers pack although they were asked not to."""
    body = b"fox " * 100_000
    packed = {"deflate": zlib.compress(body), "identity": body}.get(encoding, gzip.compress(body))
    provider.chat(Answer((packed[:50], 0.01, packed[50:]), headers={"content-encoding": encoding}))
    async with connected(provider) as client:
        answer = await posted(client)
        assert await answer.whole(1 << 20) == body


def test_a_bomb_is_unpacked_in_small_pieces() -> None:
    """Scorecard U17: no piece exceeds 64 KiB, however small its source."""
    bomb = zlib.compress(b"\0" * 10_000_000)
    sizes = [len(piece) for piece in Unpacker("deflate").pieces(bomb)]
    assert (sum(sizes), max(sizes)) == (10_000_000, 65_536)


@pytest.mark.parametrize("reads", [0, 1])
async def test_closing_early_closes_the_connection_and_leaves_no_generator(
    provider: Provider, reads: int
) -> None:
    """Fails (as a warning, on trio) if the client's suspended generators are left to the collector."""
    provider.chat(sse(text("a"), text("b"), text("c"), STALL))
    async with connected(provider) as client:
        answer = await posted(client)
        for _ in range(reads):
            await answer.read()
        await answer.aclose()
        del answer
        gc.collect()
        await wait_for(provider.requests[0].closed)


async def test_draining_lets_the_connection_serve_again(provider: Provider) -> None:
    """A handshake costs more than the rest of a stream."""
    provider.chat(sse(text("a"), text("b")))
    async with connected(provider) as client:
        for _ in range(3):
            answer = await posted(client)
            await answer.read()
            await answer.drain(1.0)
            await answer.aclose()
    assert provider.connections == 1


async def test_without_kept_connections_each_request_has_its_own(provider: Provider) -> None:
    """A kept connection that has died makes the outcome of a paid request unknown."""
    provider.chat(raw(b"x"))
    async with connected(provider, keep_connections=False) as client:
        for _ in range(2):
            answer = await posted(client)
            await answer.whole(10)
    assert provider.connections == 2
    assert provider.requests[0].headers["connection"] == "close"


async def test_a_closed_client_opens_again(provider: Provider) -> None:
    """`aclose` is idempotent, and what closes it need not be the last that uses it."""
    provider.chat(raw(b"x"))
    async with connected(provider) as client:
        for _ in range(2):
            answer = await posted(client)
            assert await answer.whole(10) == b"x"
            await client.aclose()
            await client.aclose()


async def test_requests_that_come_first_at_the_same_time_share_one_client(provider: Provider) -> None:
    """The client is made beside the event loop, once, however many wait for it."""
    provider.chat(raw(b"x"))
    async with connected(provider) as client:

        async def ask() -> None:
            assert await (await posted(client)).whole(10) == b"x"

        async with anyio.create_task_group() as tasks:
            for _ in range(5):
                tasks.start_soon(ask)
    assert len(provider.requests) == 5


@pytest.mark.parametrize("large", ["json", "form", "mapping"])
async def test_what_is_large_leaves_whole_and_says_how_long_it_is(provider: Provider, large: str) -> None:
    """P13: piece by piece, so that others get their turn, and without a copy of all of it."""
    provider.chat(raw(b"x"))
    data = bytes(range(256)) * 5000
    parcel: Any = {
        "json": Json(b'"%s"' % (b"x" * 1_000_000)),
        "form": Form({"prompt": "a fox"}, (File("image[]", "1.png", "image/png", data),)),
        "mapping": {"say": "x" * 1_000_000},
    }[large]
    async with connected(provider) as client:
        answer = await client.post(PATH, parcel, SOON)
        assert await answer.whole(10) == b"x"
        await answer.aclose()
    (sent,) = provider.requests
    assert sent.headers["content-length"] == str(len(sent.body))
    assert "transfer-encoding" not in sent.headers
    assert (data in sent.body) if large == "form" else (len(sent.json) in (1, 1_000_000))


async def test_an_error_that_nobody_can_unpack_still_has_its_status(provider: Provider) -> None:
    """U17: the status of an error is worth more than its prose."""
    provider.chat(Answer((b"?",), 429, {"content-encoding": "br", "retry-after": "3"}))
    async with connected(provider) as client:
        answer = await posted(client)
        assert (answer.status, answer.headers["retry-after"], await answer.whole(100)) == (429, "3", b"")


async def test_an_error_that_breaks_off_still_has_its_beginning(provider: Provider) -> None:
    """As above: whatever happens to the rest."""
    provider.chat(Answer((b"why", 0.05, CUT), 500))
    async with connected(provider) as client:
        answer = await posted(client)
        assert (answer.status, await answer.whole(100)) == (500, b"why")


def test_a_client_outlives_the_event_loop_that_it_was_used_on(provider: Provider) -> None:
    """Connections belong to one event loop; whoever configures a client need not know how many there will be."""
    provider.chat(raw(b"x"))
    client = ProviderClient(base_url=provider.base_url, api_key="")

    async def ask() -> None:
        answer = await posted(client)
        assert await answer.whole(10) == b"x"
        await answer.aclose()

    async def ask_and_close() -> None:
        await ask()
        await client.aclose()

    for backend, use in (("asyncio", ask_and_close), ("asyncio", ask_and_close), ("trio", ask_and_close)):
        anyio.run(use, backend=backend)
    assert (len(provider.requests), provider.connections) == (3, 3)


async def test_who_waits_for_a_client_that_cannot_be_made_hears_why(
    provider: Provider, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Fails if those who come at the same time wait for one that has failed, or been given up, for ever."""
    monkeypatch.setenv("SSL_CERT_FILE", "/nowhere/certificates.pem")
    async with connected(provider, base_url=provider.base_url.replace("http:", "https:")) as client:
        found: list[tuple[str, bool]] = []

        async def ask() -> None:
            found.append(await kind_of(client))

        with anyio.fail_after(20):
            async with anyio.create_task_group() as tasks:
                scope = anyio.CancelScope()

                async def give_up() -> None:
                    # The thread that has begun fails first, or who waits for it is cancelled first.
                    with scope, suppress(TransportFault):
                        await posted(client)

                tasks.start_soon(give_up)
                await anyio.lowlevel.checkpoint()
                for _ in range(3):
                    tasks.start_soon(ask)
                scope.cancel()
    assert found == [("unreachable", False)] * 3


async def test_what_is_no_json_is_the_callers_mistake(provider: Provider) -> None:
    """A mistake of ours must not look like a broken connection."""
    async with connected(provider) as client:
        with pytest.raises(ValueError, match="JSON"):
            await client.post(PATH, {"n": float("nan")}, SOON)
        with pytest.raises(TypeError):
            await client.post(PATH, {"n": object()}, SOON)
    assert provider.requests == []


async def test_a_lone_surrogate_goes_out_as_u_fffd(provider: Provider) -> None:
    """Scorecard U15: output is always valid UTF-8."""
    provider.chat(raw(b"x"))
    async with connected(provider) as client:
        await (await client.post(PATH, {"n": "\ud800"}, SOON)).aclose()
    assert provider.requests[0].json == {"n": "\ufffd"}


def test_an_error_of_our_own_is_no_fault_of_the_network() -> None:
    """Only errors of the HTTP libraries and of the system are renamed."""
    with pytest.raises(ZeroDivisionError):
        fault_of(ZeroDivisionError())
    assert fault_of(ConnectionResetError()).kind == "reset"


@pytest.mark.parametrize(
    ("options", "code"),
    [
        ({"base_url": "host:80"}, "base_url_invalid"),
        ({"base_url": "http://"}, "base_url_invalid"),
        ({"base_url": "ftp://me:ключ@host?key=ключ"}, "base_url_invalid"),
        ({"base_url": "http://host:99999"}, "base_url_invalid"),
        ({"api_key": "a\nb"}, "api_key_invalid"),
        ({"api_key": "ключ"}, "api_key_invalid"),
    ],
    ids=str,
)
def test_what_no_request_can_carry_is_refused_at_once(options: dict[str, str], code: str) -> None:
    """CONVENTIONS, errors; the key is not repeated."""
    with pytest.raises(ConfigError) as caught:
        ProviderClient(base_url=options.get("base_url", "http://host"), api_key=options.get("api_key", "k"))
    assert caught.value.code == code
    assert "ключ" not in str(caught.value)


AMBIENT = {
    "OPENAI_ORG_ID": "canary-org",
    "OPENAI_PROJECT_ID": "canary-project",
    "OPENAI_ADMIN_KEY": "sk-canary-admin",
    "OPENAI_CUSTOM_HEADERS": "Authorization: Bearer sk-other\nx-canary: 1\nUser-Agent: canary-agent",
}


@pytest.mark.parametrize("key", ["sk-mine", ""])
async def test_what_is_meant_for_openai_goes_to_nobody_else(
    provider: Provider, monkeypatch: pytest.MonkeyPatch, key: str
) -> None:
    """Scorecard, keys: the SDK sends its variables to whatever server it is pointed at."""
    for name, value in AMBIENT.items():
        monkeypatch.setenv(name, value)
    provider.chat(whole({}))
    async with connected(provider, api_key=key) as client:
        await (await posted(client)).aclose()
    (sent,) = provider.requests
    assert sent.headers.get("authorization") == (f"Bearer {key}" if key else None)
    assert not [name for name in sent.headers if name.startswith(("openai-", "x-canary"))]
    assert "canary" not in str(sent.headers)
    assert "sk-other" not in str(sent.headers)


@pytest.mark.parametrize("host", ["api.openai.com", "eu.api.openai.com", "api.openai.com.example"])
async def test_openai_itself_hears_what_is_meant_for_it(
    provider: Provider, monkeypatch: pytest.MonkeyPatch, host: str
) -> None:
    """OpenAI API reference, "Authentication": organisation and project; our key stays our key."""
    for name, value in AMBIENT.items():
        monkeypatch.setenv(name, value)
    # The loopback server stands in as a proxy: what it is asked is what OpenAI would be.
    for name in ("HTTP_PROXY", "http_proxy"):
        monkeypatch.setenv(name, provider.origin)
    async with connected(provider, base_url=f"http://{host}/v1", api_key="sk-mine") as client:
        await (await posted(client)).aclose()
    (sent,) = provider.requests
    named = ("canary-org", "canary-project", "1") if not host.endswith("example") else (None,) * 3
    told = tuple(sent.headers.get(name) for name in ("openai-organization", "openai-project", "x-canary"))
    assert (sent.headers["authorization"], *told) == ("Bearer sk-mine", *named)
