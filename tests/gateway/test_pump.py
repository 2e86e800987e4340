"""How answers are sent: at once, at the reader's pace, and only as long as somebody reads."""

from __future__ import annotations

import asyncio
import contextlib
import json
import resource
import socket
import threading
from collections.abc import AsyncIterator, Iterator, MutableMapping
from typing import Any

import httpx2
import pytest

from gateways import Gateway, serving
from limner.gateway.exchange import Answer, Inbound, Streamed, Whole
from limner.gateway.front.app import Route
from limner.gateway.front.pump import COMMENT, Interrupted, Pace, Pump
from limner.gateway.refusal import Refusal
from limner.gateway.server.limits import ServerLimits

PACE = Pace(head_s=0.1, keep_alive_s=0.1, write_s=0.4)
GENEROUS = Pace(head_s=30, keep_alive_s=30, write_s=30)


class Slow:
    """An endpoint that waits where the test says, and says where it was left."""

    def __init__(self, *, streams: bool, frames_first: int = 0) -> None:
        self.streams = streams
        self.frames_first = frames_first
        self.waiting = threading.Event()
        self.left = threading.Event()
        self.closed = threading.Event()
        self.error: Exception | None = None
        self._go_on: asyncio.Event | None = None
        self._loop: asyncio.AbstractEventLoop | None = None

    async def __call__(self, inbound: Inbound) -> Answer:
        if self.streams:
            return Streamed(self._frames())
        await self._wait()
        return Whole(b"{}")

    async def _frames(self) -> AsyncIterator[bytes]:
        try:
            for number in range(self.frames_first):
                yield b"data: %d\n\n" % number
            await self._wait()
            yield b"data: last\n\n"
        finally:
            self.closed.set()

    async def _wait(self) -> None:
        self._loop, self._go_on = asyncio.get_running_loop(), asyncio.Event()
        self.waiting.set()
        try:
            await self._go_on.wait()
        except asyncio.CancelledError:
            self.left.set()
            raise
        if self.error is not None:
            raise self.error

    def go_on(self, error: Exception | None = None) -> None:
        assert self._loop is not None
        assert self._go_on is not None
        self.error = error
        self._loop.call_soon_threadsafe(self._go_on.set)


@contextlib.contextmanager
def gateway_of(slow: Slow, pace: Pace = PACE) -> Iterator[Gateway]:
    with serving([Route("POST", "/slow", slow)], pace=pace) as gateway:
        yield gateway


def ask(gateway: Gateway) -> socket.socket:
    """A client that has asked, and has not read anything."""
    connection = socket.create_connection(("127.0.0.1", gateway.port), 5)
    connection.sendall(
        b"POST /v1/slow HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
        b"Content-Length: 2\r\n\r\n{}"
    )
    return connection


def read_until(connection: socket.socket, wanted: bytes) -> bytes:
    received = b""
    while wanted not in received:
        piece = connection.recv(65536)
        assert piece, received
        received += piece
    return received


def test_silence_is_filled_with_comments_that_clients_ignore() -> None:
    """U08: comment keep-alives, after the head has been sent with the first of them."""
    slow = Slow(streams=True)
    with gateway_of(slow) as gateway, ask(gateway) as connection:
        received = read_until(connection, b": keep-alive\n\n\r\n")
        assert received.startswith(b"HTTP/1.1 200 OK\r\n")
        read_until(connection, b": keep-alive\n\n\r\n")
        slow.go_on()
        rest = read_until(connection, b"0\r\n\r\n")
        assert b"data: last\n\n" in rest


def test_between_frames_there_are_comments_too_and_never_within_one() -> None:
    """U08: one frame per write, each of them whole."""
    slow = Slow(streams=True, frames_first=2)
    with gateway_of(slow) as gateway, ask(gateway) as connection:
        received = read_until(connection, b": keep-alive")
        body = received.split(b"\r\n\r\n", 1)[1]
        assert body.startswith(b"9\r\ndata: 0\n\n\r\n9\r\ndata: 1\n\n\r\ne\r\n: keep-alive")
        slow.go_on()
        read_until(connection, b"0\r\n\r\n")


def test_an_error_before_the_first_frame_is_plain_json_with_its_status() -> None:
    """Headers come with the first frame: earlier errors have their own status."""
    slow = Slow(streams=True)
    with gateway_of(slow, GENEROUS) as gateway, ask(gateway) as connection:
        assert slow.waiting.wait(5)
        slow.go_on(Refusal("upstream_5xx"))
        received = read_until(connection, b"}}")
        assert received.startswith(b"HTTP/1.1 502 ")
        assert json.loads(received.split(b"\r\n\r\n", 1)[1])["error"]["code"] == "upstream_5xx"


def test_an_error_after_a_comment_is_an_event() -> None:
    """The head has been sent: the error follows as an event, and [DONE]."""
    slow = Slow(streams=True)
    with gateway_of(slow) as gateway, ask(gateway) as connection:
        read_until(connection, b": keep-alive")
        slow.go_on(Refusal("upstream_5xx"))
        rest = read_until(connection, b"0\r\n\r\n")
        assert b'"code":"upstream_5xx"' in rest
        assert rest.endswith(b"data: [DONE]\n\n\r\n0\r\n\r\n")


def test_who_is_told_of_the_end_while_a_comment_is_sent_is_told_all_of_it() -> None:
    """P07: a slow reader, a comment on its way and a service that stops: the error follows the comment."""
    sent: list[bytes] = []
    asyncio.run(asyncio.wait_for(_stopped_behind_a_comment(sent), 5))
    assert sent == [b"data: 0\n\n", COMMENT, b"data: stopped\n\n", b""]


async def _stopped_behind_a_comment(sent: list[bytes]) -> None:
    reads, commenting, framing = asyncio.Event(), asyncio.Event(), asyncio.Event()

    async def send(message: MutableMapping[str, Any]) -> None:
        if message["type"] == "http.response.body":
            sent.append(message["body"])
            if message["body"] == COMMENT:
                commenting.set()
                await reads.wait()

    async def frames() -> AsyncIterator[bytes]:
        yield b"data: 0\n\n"
        await commenting.wait()
        framing.set()
        yield b"data: 1\n\n"

    async def receive() -> MutableMapping[str, Any]:
        raise AssertionError("nobody leaves")

    pump = Pump(receive, send, PACE, {})

    async def stop() -> None:
        await framing.wait()
        pump.interrupt("stopping")
        reads.set()

    stopping = asyncio.create_task(stop())
    with pytest.raises(Interrupted):
        await pump.interruptible(pump.streamed(Streamed(frames())))
    await pump.interruptible(pump.end(b"data: stopped\n\n"))
    await pump.close()
    await stopping


@pytest.mark.parametrize(("streams", "frames"), [(False, 0), (True, 0), (True, 1)])
def test_who_leaves_takes_the_work_along(streams: bool, frames: int) -> None:
    """P09, P10: before the first token, in the middle of a stream, and while a whole answer is awaited."""
    slow = Slow(streams=streams, frames_first=frames)
    with gateway_of(slow, GENEROUS) as gateway:
        with ask(gateway):
            assert slow.waiting.wait(5)
        assert slow.left.wait(1)
        assert not streams or slow.closed.wait(1)
        (ended,) = gateway.wait_for_ended()
        assert (ended.status, ended.code) == (499, "client_left")
        assert gateway.app.under_way == gateway.app.admission.under_way == 0


def test_a_thousand_who_leave_leave_nothing_behind() -> None:
    """P09: no tasks, sockets or places are lost."""

    async def wait(inbound: Inbound) -> Answer:
        await asyncio.Event().wait()
        raise AssertionError

    with serving([Route("POST", "/slow", wait)], pace=GENEROUS) as gateway:
        for _ in range(4):
            connections = [ask(gateway) for _ in range(250)]
            for connection in connections:
                connection.close()
        gateway.wait_for_ended(1000)
        assert gateway.app.admission.under_way == 0
        assert {ended.status for ended in gateway.ended} == {499}


def test_who_reads_nothing_is_left() -> None:
    """P11: a write that stalls closes the connection, and the frames' maker with it."""
    closed = threading.Event()
    sent = [0]

    async def pour(inbound: Inbound) -> Answer:
        async def frames() -> AsyncIterator[bytes]:
            try:
                while True:
                    yield b"data: " + b"x" * 16000 + b"\n\n"
                    sent[0] += 16000
            finally:
                closed.set()

        return Streamed(frames())

    with serving([Route("POST", "/slow", pour)], pace=PACE) as gateway, ask(gateway) as connection:
        assert closed.wait(5)
        (ended,) = gateway.wait_for_ended()
        assert (ended.status, ended.code) == (499, "client_stalled")
        with contextlib.suppress(ConnectionResetError):
            while connection.recv(1 << 20):
                pass


def test_two_hundred_who_read_nothing_cost_a_bounded_buffer() -> None:
    """P11: at most 256 KiB of ours for each, whatever there is to send; the maker of the frames waits."""
    clients, made = 200, [0] * 200

    async def pour(inbound: Inbound) -> Answer:
        mine = int(inbound.body)

        async def frames() -> AsyncIterator[bytes]:
            frame = b"data: " + b"x" * 300_000 + b"\n\n"  # larger than the buffer: sent in pieces
            for _ in range(20):
                yield frame
                made[mine] += 1
            raise AssertionError("a reader of nothing was sent 6 MB")

        return Streamed(frames())

    def buffered() -> list[int]:
        connections = gateway.server_state.connections
        return [connection.transport.get_write_buffer_size() for connection in connections]

    with serving([Route("POST", "/slow", pour)], pace=GENEROUS) as gateway:
        waiting = []
        for number in range(clients):
            connection = socket.socket()
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            connection.connect(("127.0.0.1", gateway.port))
            body = b"%d" % number
            connection.sendall(
                b"POST /v1/slow HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
                b"Content-Length: %d\r\n\r\n%s" % (len(body), body)
            )
            waiting.append(connection)
        gateway.wait_until(lambda: len(buffered()) == clients and min(buffered()) > 0, 20)
        assert max(buffered()) <= 256 << 10
        # Others are served meanwhile.
        assert httpx2.get(f"{gateway.url}/nothing").status_code == 404
        for connection in waiting:
            connection.close()
        gateway.wait_for_ended(clients + 1)


def test_a_whole_answer_that_is_large_arrives_whole() -> None:
    """Sent in pieces, each when the one before has left."""
    picture = bytes(range(256)) * 40_000

    async def large(inbound: Inbound) -> Answer:
        return Whole(picture, content_type="image/png")

    with serving([Route("GET", "/large", large)]) as gateway:
        answer = httpx2.get(f"{gateway.url}/large")
        assert answer.content == picture
        assert int(answer.headers["content-length"]) == len(picture)


def test_frames_that_are_large_arrive_whole_and_in_order() -> None:
    """A picture as a data URL is one frame of megabytes."""
    sent = [b"data: " + bytes([97 + number]) * 500_000 + b"\n\n" for number in range(4)]

    async def large(inbound: Inbound) -> Answer:
        async def frames() -> AsyncIterator[bytes]:
            for frame in sent:
                yield frame

        return Streamed(frames())

    with serving([Route("GET", "/large", large)]) as gateway:
        assert httpx2.get(f"{gateway.url}/large").content == b"".join(sent)


def test_an_answer_without_a_body_has_none() -> None:
    """HTTP: 304 has neither a body nor a length."""

    async def unchanged(inbound: Inbound) -> Answer:
        return Whole(b"", 304, headers={"etag": '"a"'})

    with serving([Route("GET", "/same", unchanged)]) as gateway, httpx2.Client() as client:
        for _ in range(2):
            answer = client.get(f"{gateway.url}/same")
            assert (answer.status_code, answer.content, answer.headers["etag"]) == (304, b"", '"a"')
            assert "content-length" not in answer.headers


def test_a_stream_of_nothing_ends() -> None:
    """An endpoint may have nothing to say."""

    async def nothing(inbound: Inbound) -> Answer:
        async def frames() -> AsyncIterator[bytes]:
            frames_there_are: tuple[bytes, ...] = ()
            for frame in frames_there_are:
                yield frame

        return Streamed(frames())

    with serving([Route("GET", "/nothing", nothing)]) as gateway:
        answer = httpx2.get(f"{gateway.url}/nothing")
        assert (answer.status_code, answer.content) == (200, b"")


async def _streamed(gateway: Gateway, count: int) -> list[bytes]:
    async def one(client: httpx2.AsyncClient) -> bytes:
        return (await client.get(f"{gateway.url}/many")).content

    limits = httpx2.Limits(max_connections=count)
    async with httpx2.AsyncClient(limits=limits, timeout=30) as client:
        return list(await asyncio.gather(*(one(client) for _ in range(count))))


def test_many_streams_at_once_lose_nothing() -> None:
    """P15: live streams lose no frames."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    assert soft > 1000 or hard > 1000

    async def many(inbound: Inbound) -> Answer:
        async def frames() -> AsyncIterator[bytes]:
            for number in range(20):
                yield b"data: %d\n\n" % number
                await asyncio.sleep(0)

        return Streamed(frames())

    whole = b"".join(b"data: %d\n\n" % number for number in range(20))
    with serving([Route("GET", "/many", many)], limits=ServerLimits()) as gateway:
        assert asyncio.run(_streamed(gateway, 200)) == [whole] * 200
