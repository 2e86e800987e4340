"""Hostile clients on raw sockets: heads that are late, large or framed in two ways; many connections."""

from __future__ import annotations

import asyncio
import contextlib
import json
import socket
from collections.abc import Iterator
from dataclasses import replace

import httpx2
import pytest

from gateways import Gateway, serving
from limner.gateway.exchange import Answer, Inbound, Whole
from limner.gateway.front.app import Route
from limner.gateway.server.limits import ServerLimits

HOST = b"Host: localhost\r\n"
JSON = b"Content-Type: application/json\r\n"
POST = b"POST /v1/echo HTTP/1.1\r\n" + HOST + JSON
TIGHT = ServerLimits(header_s=0.3, idle_s=0.3, linger_s=0.3, flush_s=0.3)


async def echo(inbound: Inbound) -> Answer:
    return Whole(inbound.body + inbound.path.encode() + inbound.headers.get("x-trailer", "").encode())


ROUTES = [
    Route("POST", "/echo", echo),
    Route("GET", "/echo", echo),
    Route("GET", "/healthz", echo, at_root=True),
]


@pytest.fixture(scope="module")
def gateway() -> Iterator[Gateway]:
    with serving(ROUTES) as running:
        yield running


def _refused(received: bytes, status: int, code: str) -> None:
    head, body = received.split(b"\r\n\r\n", 1)
    assert head.startswith(b"HTTP/1.1 %d " % status), received
    assert b"\r\nconnection: close" in head
    assert b"\r\nx-request-id: req_" in head
    assert json.loads(body)["error"]["code"] == code


@pytest.mark.parametrize(
    "sent",
    [
        POST + b"Transfer-Encoding: chunked\r\nContent-Length: 4\r\n\r\n0\r\n\r\n",
        POST + b"Content-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        POST + b"Content-Length: 4\r\nContent-Length: 4\r\n\r\nabcd",
        POST + b"Content-Length: 4\r\nContent-Length: 5\r\n\r\nabcde",
        POST + b"Content-Length: 4, 4\r\n\r\nabcd",
        POST + b"Content-Length: +4\r\n\r\nabcd",
        POST + b"Content-Length: -1\r\n\r\n",
        POST + b"Content-Length: 0x4\r\n\r\nabcd",
        POST + b"Content-Length: 99999999999999999999999\r\n\r\n",
        POST + b"Transfer-Encoding: gzip\r\n\r\n0\r\n\r\n",
        POST + b"Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n",
        POST + b"Transfer-Encoding: chunked, identity\r\n\r\n0\r\n\r\n",
        POST + b"Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        POST + b"Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n",
        POST + b"Transfer-Encoding : chunked\r\n\r\n0\r\n\r\n",
        POST + b"Transfer-Encoding: chunked\r\n\r\n1\na\n0\n\n",
        POST + b"Transfer-Encoding: chunked\r\n\r\nzz\r\n",
        POST + b"Transfer-Encoding: chunked\r\n\r\n1;a=\nb\r\na\r\n0\r\n\r\n",
        b"GET /v1/echo HTTP/1.1\nHost: localhost\n\n",
        b"GET /v1/echo HTTP/1.1\r\nHost: localhost\nA: b\r\n\r\n",
        b"GET /v1/echo HTTP/1.1\r\nHost: localhost\r\n\n",
        b"GET /v1/echo HTTP/1.1\r\nA: b\r\n c\r\n" + HOST + b"\r\n",
        b"GET /v1/echo HTTP/1.1\r\nA: b\r\n\tc\r\n" + HOST + b"\r\n",
        b"GET /v1/echo HTTP/1.1\r\nA: b\0c\r\n" + HOST + b"\r\n",
        b"GET /v1/echo HTTP/1.1\r\nA: b\rc\r\n" + HOST + b"\r\n",
        b"GET /v1/echo HTTP/1.1\r\nA: \x1b[31m\r\n" + HOST + b"\r\n",
        b"GET /v1/\x1b[31m HTTP/1.1\r\n" + HOST + b"\r\n",
        b"GET /v1/\0 HTTP/1.1\r\n" + HOST + b"\r\n",
        "GET /v1/é HTTP/1.1\r\n".encode() + HOST + b"\r\n",
        b"GET http://localhost HTTP/1.1\r\n" + HOST + b"\r\n",
        b"CONNECT localhost:443 HTTP/1.1\r\n" + HOST + b"\r\n",
        b"GET /v1/echo HTTP/9.9\r\n" + HOST + b"\r\n",
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + b"\0" * 100,
        b"hello\r\n\r\n",
    ],
)
def test_what_could_be_read_in_two_ways_is_refused_and_the_connection_closed(
    gateway: Gateway, sent: bytes
) -> None:
    """S11, S12: framing twice, bare line ends, folded lines, control characters; and what is no HTTP/1.1."""
    _refused(gateway.talk(sent), 400, "http_invalid")


def test_a_request_behind_a_refused_one_is_not_answered(gateway: Gateway) -> None:
    """S11: nothing may be smuggled in behind."""
    smuggled = POST + b"Content-Length: 4\r\nContent-Length: 0\r\n\r\n" + b"GET /healthz HTTP/1.1\r\n" + HOST
    assert gateway.talk(smuggled + b"\r\n").count(b"x-request-id: ") == 1


@pytest.mark.parametrize(
    ("sent", "status", "code"),
    [
        (
            b"GET /v1/echo HTTP/1.1\r\nA: " + b"x" * (1 << 20) + b"\r\n" + HOST + b"\r\n",
            431,
            "headers_too_large",
        ),
        (b"GET /v1/echo HTTP/1.1\r\nA: " + b"x" * (1 << 20), 431, "headers_too_large"),
        (b"GET /v1/echo HTTP/1.1\r\n" + HOST + b"A: b\r\n" * 499 + b"\r\n", 431, "headers_too_large"),
        (
            b"GET /v1/echo HTTP/1.1\r\n"
            + HOST
            + (b"A" * 300 + b": b\r\n") * 99
            + b"B: "
            + b"b" * 4000
            + b"\r\n\r\n",
            431,
            "headers_too_large",
        ),
        (b"GET /v1/" + b"x" * 1_000_000 + b" HTTP/1.1\r\n" + HOST + b"\r\n", 414, "url_too_long"),
        (b"GET /v1/?" + b"x" * 17_000 + b" HTTP/1.1\r\n" + HOST + b"\r\n", 414, "url_too_long"),
        (b"GET /v1/" + b"x" * 1_000_000, 414, "url_too_long"),
    ],
)
def test_a_head_that_is_too_large_is_refused(gateway: Gateway, sent: bytes, status: int, code: str) -> None:
    """S09: 32 KiB, 100 headers and 8 KiB of URL; also while they are still being sent."""
    _refused(gateway.talk(sent), status, code)


def test_a_head_within_the_limits_is_answered(gateway: Gateway) -> None:
    """S09: up to the limits."""
    many = HOST + b"Connection: close\r\n" + (b"A" * 100 + b": " + b"b" * 190 + b"\r\n") * 98
    received = gateway.talk(b"GET /v1/echo?" + b"x" * 2000 + b" HTTP/1.1\r\n" + many + b"\r\n")
    assert received.startswith(b"HTTP/1.1 200 ")


def test_trailers_change_nothing(gateway: Gateway) -> None:
    """S11: what comes after the body is not a header: it was not there when it was decided who asks."""
    sent = (
        POST
        + b"Connection: close\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\nX-Trailer: late\r\n\r\n"
    )
    assert gateway.talk(sent).endswith(b"\r\n\r\n{}/v1/echo")


def test_who_connects_and_says_nothing_is_sent_away() -> None:
    """S10: a connection without a request."""
    with serving(ROUTES, limits=TIGHT) as gateway:
        assert gateway.talk(b"") == b""


@pytest.mark.parametrize(
    "sent", [b"G", b"\r\n", b"GET /v1/echo HTTP/1.1\r\n", b"GET /v1/echo HTTP/1.1\r\nHost: loc"]
)
def test_a_head_that_does_not_end_is_not_waited_for(sent: bytes) -> None:
    """S10: half a head; 408, since something was said."""
    with serving(ROUTES, limits=TIGHT) as gateway:
        _refused(gateway.talk(sent), 408, "head_timeout")


def test_a_head_that_drips_is_not_waited_for() -> None:
    """S10: the deadline is for the whole head, whatever still comes."""
    with (
        serving(ROUTES, limits=TIGHT) as gateway,
        socket.create_connection(("127.0.0.1", gateway.port), 5) as connection,
    ):
        connection.settimeout(0.02)
        received = b""
        connection.sendall(b"GET /v1/echo HTTP/1.1\r\n")
        for _ in range(500):
            with contextlib.suppress(TimeoutError):
                received += connection.recv(4096)
            if received:
                break
            connection.sendall(b"A: b\r\n")
        assert received.startswith(b"HTTP/1.1 408 ")


def test_a_connection_that_rests_is_closed() -> None:
    """S10: after an answer, so long and no longer; also if only line ends come."""
    with serving(ROUTES, limits=replace(TIGHT, header_s=1.5)) as gateway:
        asked = b"GET /v1/echo HTTP/1.1\r\n" + HOST + b"\r\n"
        assert gateway.talk(asked).count(b"HTTP/1.1 200 ") == 1
        received = gateway.talk(asked + b"\r\n")
        assert received.startswith(b"HTTP/1.1 200 ")


def test_a_late_head_behind_an_answer_does_not_cut_the_answer() -> None:
    """S10: the deadline waits for the answer that is being sent."""
    go_on: list[asyncio.Event] = []

    async def wait(inbound: Inbound) -> Answer:
        go_on.append(asyncio.Event())
        asyncio.get_running_loop().call_later(2.0, go_on[0].set)
        await go_on[0].wait()
        return Whole(b"waited for")

    with serving([Route("GET", "/echo", wait)], limits=replace(TIGHT, header_s=1.5)) as gateway:
        received = gateway.talk(b"GET /v1/echo HTTP/1.1\r\n" + HOST + b"\r\nGET /v1/ec")
        assert b"\r\n\r\nwaited for" in received


def test_requests_in_a_row_are_answered_in_their_order(gateway: Gateway) -> None:
    """HTTP/1.1 pipelining."""
    one = b"POST /v1/echo HTTP/1.1\r\n" + HOST + JSON + b"Content-Length: 3\r\n\r\n"
    last = one.replace(b"Host", b"Connection: close\r\nHost")
    received = gateway.talk(one + b'"1"' + one + b'"2"' + last + b'"3"')
    assert [piece[:3] for piece in received.split(b"\r\n\r\n")[1:]] == [b'"1"', b'"2"', b'"3"']


@pytest.mark.parametrize(
    "framing", [b"Content-Length: 4\r\n\r\n", b"Transfer-Encoding: chunked\r\n\r\n4\r\n"]
)
@pytest.mark.parametrize("pieces", [1, 2])
def test_an_offer_to_upgrade_is_not_taken_and_the_request_stands(
    gateway: Gateway, framing: bytes, pieces: int
) -> None:
    """Java's client offers HTTP/2 with every request: its body must not be lost."""
    offer = b"Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABkAAQ\r\n"
    end = b"\r\n0\r\n\r\n" if b"chunked" in framing else b""
    head, body = POST + offer + framing, b'"me"' + end
    closing = b"GET /v1/echo HTTP/1.1\r\nConnection: close\r\n" + HOST + b"\r\n"
    with socket.create_connection(("127.0.0.1", gateway.port), 5) as connection:
        if pieces == 2:
            connection.sendall(head)
            gateway.wait_until(lambda: gateway.app.under_way == 1)
            connection.sendall(body)
        else:
            connection.sendall(head + body)
        received = connection.recv(65536)
        assert received.startswith(b"HTTP/1.1 200 ")
        assert received.endswith(b'\r\n\r\n"me"/v1/echo')
        connection.sendall(closing)
        assert connection.recv(65536).startswith(b"HTTP/1.1 200 ")


def test_an_offer_without_a_body_is_answered(gateway: Gateway) -> None:
    """As curl --http2 asks; and no websocket is opened."""
    for offered in (b"h2c", b"websocket"):
        offer = b"Connection: Upgrade\r\nUpgrade: " + offered + b"\r\nSec-WebSocket-Version: 13\r\n"
        with socket.create_connection(("127.0.0.1", gateway.port), 5) as connection:
            connection.sendall(b"GET /v1/echo HTTP/1.1\r\n" + HOST + offer + b"\r\n")
            assert connection.recv(65536).startswith(b"HTTP/1.1 200 ")


def test_who_comes_on_top_of_all_connections_is_told_to_come_later() -> None:
    """P14: more is not let in; those who are here are served on."""
    with serving(ROUTES, limits=ServerLimits(connections=3)) as gateway, contextlib.ExitStack() as stack:
        inside = [
            stack.enter_context(socket.create_connection(("127.0.0.1", gateway.port), 5)) for _ in range(3)
        ]
        gateway.wait_until(lambda: len(gateway.server_state.connections) == 3)
        received = gateway.talk(b"")
        _refused(received, 503, "overloaded")
        assert b"\r\nretry-after: " in received
        for connection in inside:
            connection.sendall(b"GET /v1/echo HTTP/1.1\r\nConnection: close\r\n" + HOST + b"\r\n")
            assert connection.recv(4096).startswith(b"HTTP/1.1 200 ")
        gateway.wait_until(lambda: not gateway.server_state.connections)
        assert httpx2.get(f"{gateway.url}/echo").status_code == 200


def test_what_never_became_a_request_is_told_too() -> None:
    """S12: lines are as many as records, also of what nobody could read."""
    with serving(ROUTES) as gateway:
        received = gateway.talk(b"hello\r\n\r\n")
        (ended,) = gateway.wait_for_ended()
        assert (ended.status, ended.code, ended.route) == (400, "http_invalid", "")
        assert f"x-request-id: {ended.id}".encode() in received


def test_an_answer_that_nobody_reads_does_not_keep_its_connection() -> None:
    """P11: also the last bytes, which wait in the buffer when all has been said."""

    async def large(inbound: Inbound) -> Answer:
        # More than the system holds, and no more than it and our buffer hold together.
        return Whole(b"x" * 220_000)

    with (
        serving([Route("GET", "/large", large)], limits=TIGHT) as gateway,
        socket.socket() as connection,
    ):
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        connection.connect(("127.0.0.1", gateway.port))
        connection.sendall(b"GET /v1/large HTTP/1.1\r\nConnection: close\r\n" + HOST + b"\r\n")
        (ended,) = gateway.wait_for_ended()
        assert ended.status == 200
        gateway.wait_until(lambda: not gateway.server_state.connections)
