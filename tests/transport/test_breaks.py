"""Connections that break, and what had come over them before."""

from __future__ import annotations

import socket
import threading
from contextlib import AsyncExitStack

import anyio
import anyio.lowlevel
import anyio.to_thread
import pytest

from limner.transport.bodies import Deadlines
from limner.transport.client import ProviderClient
from limner.transport.faults import TransportFault

pytestmark = pytest.mark.anyio


async def test_what_came_before_a_connection_broke_is_read_however_late() -> None:
    """Images sheet, 2.4: a picture that was paid for may be in it, and be the last that its maker sent."""
    with socket.create_server(("127.0.0.1", 0)) as server:

        def serve() -> None:
            connection, _ = server.accept()
            with connection:
                connection.recv(1 << 16)
                connection.sendall(b"HTTP/1.1 200 OK\r\ncontent-length: 99\r\n\r\npaid for")

        async with AsyncExitStack() as opened:
            serving = threading.Thread(target=serve)
            serving.start()
            client = ProviderClient(base_url=f"http://127.0.0.1:{server.getsockname()[1]}/v1", api_key="")
            opened.push_async_callback(client.aclose)
            answer = await client.post("/chat/completions", {}, Deadlines(20.0, 20.0))
            opened.push_async_callback(answer.aclose)
            await anyio.to_thread.run_sync(serving.join)
            # The event loop hears of the end before anybody asks for the beginning.
            for _ in range(20):
                await anyio.lowlevel.checkpoint()
            assert await answer.read() == b"paid for"
            with pytest.raises(TransportFault, match="reset"):
                await answer.read()
