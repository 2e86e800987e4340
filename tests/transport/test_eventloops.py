"""One client on several event loops: each has connections of its own, and none is kept for nothing."""

from __future__ import annotations

import asyncio
import gc
import socket
import weakref
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import anyio
import anyio.to_thread
import pytest
import trio

from limner.transport.bodies import Deadlines
from limner.transport.client import ProviderClient
from limner.transport.parcels import Json
from providers import Provider, raw

SOON = Deadlines(20.0, 20.0)


@pytest.fixture
def provider() -> Iterator[Provider]:
    with Provider() as running:
        running.chat(raw(b"x"))
        yield running


async def asked(client: ProviderClient) -> None:
    answer = await client.post("/chat/completions", {}, SOON)
    assert await answer.whole(10) == b"x"
    await answer.aclose()


@pytest.mark.parametrize("backend", ["asyncio", "trio"])
def test_two_event_loops_at_once_share_no_connection(provider: Provider, backend: str) -> None:
    """A connection that one loop waits at is of no use to another, and closing is each loop's own matter."""
    client = ProviderClient(base_url=provider.base_url, api_key="")

    async def ask_and_close() -> None:
        await asked(client)
        await client.aclose()

    async def ask_around_another() -> None:
        await asked(client)
        await anyio.to_thread.run_sync(lambda: anyio.run(ask_and_close, backend=backend))
        assert provider.connections == 2
        await ask_and_close()

    anyio.run(ask_around_another, backend=backend)
    assert (len(provider.requests), provider.connections) == (3, 2)


@pytest.mark.anyio
async def test_what_came_in_time_is_not_late_because_the_event_loop_was() -> None:
    """A program that holds its event loop up must not lose an answer that is paid for and there."""
    idle_s = 0.25
    with socket.create_server(("127.0.0.1", 0)) as server:
        client = ProviderClient(base_url=f"http://127.0.0.1:{server.getsockname()[1]}", api_key="")

        def answer_first() -> socket.socket:
            peer, _ = server.accept()
            peer.recv(1 << 16)
            peer.sendall(b"HTTP/1.1 200 OK\r\ncontent-length: 3\r\n\r\na")
            return peer

        with ThreadPoolExecutor(1) as maker:
            accepted = maker.submit(answer_first)
            answer = await client.post("/chat/completions", {}, Deadlines(20.0, idle_s))
            with accepted.result() as peer:
                assert await answer.read() == b"a"

                async def hold_up() -> None:
                    peer.sendall(b"b")
                    ends = anyio.current_time() + 1.2 * idle_s
                    while anyio.current_time() < ends:
                        pass

                async with anyio.create_task_group() as tasks:
                    tasks.start_soon(hold_up)
                    assert await answer.read() == b"b"
                peer.sendall(b"c")
                assert await answer.read() == b"c"
        await answer.aclose()
        await client.aclose()


@pytest.mark.parametrize("backend", ["asyncio", "trio"])
def test_a_client_lets_go_of_event_loops_that_are_over(provider: Provider, backend: str) -> None:
    """Fails if each `run` of a long process leaves its loop behind, with all that belongs to it."""
    client = ProviderClient(base_url=provider.base_url, api_key="", keep_connections=False)
    gone: list[int] = []

    async def ask(number: int) -> None:
        await asked(client)
        on_trio = backend == "trio"
        loop = trio.lowlevel.current_trio_token() if on_trio else asyncio.get_running_loop()
        weakref.finalize(loop, gone.append, number)
        if number == 2:
            gc.collect()
            assert gone == [0, 1]
            await client.aclose()

    for number in range(3):
        anyio.run(ask, number, backend=backend)


def test_an_answer_before_its_request_was_read_leaves_nothing_open() -> None:
    """A server may refuse a large body by its head, and never read the rest; on asyncio its answer is heard."""
    with socket.create_server(("127.0.0.1", 0)) as server, ThreadPoolExecutor(1) as maker:
        client = ProviderClient(base_url=f"http://127.0.0.1:{server.getsockname()[1]}", api_key="")

        def refuse() -> socket.socket:
            peer, _ = server.accept()
            peer.recv(100)
            peer.sendall(b"HTTP/1.1 413 Too Large\r\ncontent-length: 2\r\n\r\nno")
            return peer

        async def ask() -> None:
            answer = await client.post("/images/edits", Json(b" " * (16 << 20)), SOON)
            assert (answer.status, await answer.whole(10)) == (413, b"no")
            await answer.aclose()
            await client.aclose()

        refused = maker.submit(refuse)
        anyio.run(ask)
        # Whatever is still open complains when it is collected.
        gc.collect()
        refused.result().close()
