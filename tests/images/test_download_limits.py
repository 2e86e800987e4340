"""What bounds a download: its bytes, its time, and what can be connected to."""

from __future__ import annotations

import contextlib
import gzip
import os
import socket
from collections.abc import Iterator
from pathlib import Path

import anyio
import pytest

import pictures
from downloads import Answering, fetched, refused
from limner.images.download import download
from limner.images.download.guarded import Limits, Network
from limner.images.inspection.limits import MAX_BYTES
from providers import STALL, Answer, Provider, raw, wait_for, whole

pytestmark = pytest.mark.anyio

FOX = pictures.png(colour=(200, 90, 20))


@pytest.fixture
def provider() -> Iterator[Provider]:
    with Provider() as running:
        yield running


# --- limits ----------------------------------------------------------------------------------


@pytest.mark.parametrize("chunked", [True, False])
async def test_i13_a_body_may_have_as_many_bytes_as_allowed_and_not_one_more(
    provider: Provider, tmp_path: Path, chunked: bool
) -> None:
    """I13: stopped at the limit and one byte, announced or not."""
    provider.pictures["/fits.png"] = Answer((b"x" * 500, b"x" * 500), chunked=chunked)
    provider.pictures["/large.png"] = Answer((b"x" * 500, b"x" * 501), chunked=chunked)
    limits = Limits(max_bytes=1000)
    assert len(await fetched("/fits.png", provider.origin, tmp_path, limits=limits)) == 1000
    assert (await refused("/large.png", provider.origin, tmp_path, limits=limits)).code == "image_too_large"


async def test_i13_a_body_without_end_is_not_waited_for(provider: Provider, tmp_path: Path) -> None:
    """I13: five gigabytes without a length; the connection is closed at 25 MiB, and the file is gone."""
    provider.pictures["/large.png"] = Answer([b"x" * (1 << 20)] * 5000)
    assert (await refused("/large.png", provider.origin, tmp_path)).code == "image_too_large"
    await wait_for(provider.requests[0].closed)
    assert MAX_BYTES == 25 << 20


async def test_i13_a_small_body_cannot_unpack_into_a_large_one(provider: Provider, tmp_path: Path) -> None:
    """I13: a hundred megabytes of zeros in a hundred kilobytes of gzip."""
    packed = gzip.compress(b"\0" * (100 << 20))
    provider.pictures["/bomb.png"] = Answer((packed,), headers={"content-encoding": "gzip"}, chunked=False)
    assert (await refused("/bomb.png", provider.origin, tmp_path)).code == "image_too_large"


SLOW: dict[str, tuple[Answer, Limits]] = {
    "never begins": (Answer(before=(STALL,)), Limits(idle_s=0.3)),
    "a head without end": (Answer(before=(b"HTTP/1.1 200 OK\r\nx: y", STALL)), Limits(idle_s=0.3)),
    "only says to wait": (
        Answer(before=[b"HTTP/1.1 102 Processing\r\n\r\n", 0.02] * 500),
        Limits(idle_s=0.3),
    ),
    "stalls": (Answer((FOX[:50], STALL)), Limits(idle_s=0.3)),
    "drips": (Answer([b"x", 0.02] * 500), Limits(total_s=0.4)),
}


@pytest.mark.parametrize(("answer", "limits"), SLOW.values(), ids=SLOW.keys())
async def test_i14_a_slow_body_ends_in_time(
    provider: Provider, tmp_path: Path, answer: Answer, limits: Limits
) -> None:
    """I14: ten bytes a second, or none; the file is gone and the connection closed."""
    provider.pictures["/fox.png"] = answer
    with anyio.fail_after(10):
        error = await refused("/fox.png", provider.origin, tmp_path, limits=limits)
        assert error.code == "image_download_timeout"
        await wait_for(provider.requests[0].closed)


async def test_i14_redirects_do_not_wind_the_clock_up(provider: Provider, tmp_path: Path) -> None:
    """I14: the total is for all hops together."""
    provider.pictures["/a"] = whole(b"", 302, location="/b", before=(0.3,))
    provider.pictures["/b"] = whole(b"", 302, location="/c", before=(0.3,))
    provider.pictures["/c"] = Answer((FOX,), before=(0.3,))
    limits = Limits(total_s=0.75)
    assert (await refused("/a", provider.origin, tmp_path, limits=limits)).code == "image_download_timeout"


async def test_what_is_no_http_is_no_picture(tmp_path: Path, provider: Provider) -> None:
    """RFC 9112: an answer that cannot be parsed is a broken one."""
    for head in (
        b"SSH-2.0-OpenSSH_9.2\r\n\r\n",
        b"HTTP/1.1 200 OK\r\n" + b"x: y\r\n" * 50_000,
        b"HTTP/1.1 200 OK\r\nContent-Length: " + b"9" * 5000 + b"\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + b"f" * 40 + b"\r\n",
        b"HTTP/1.1 101 Switching Protocols\r\n\r\n",
    ):
        provider.pictures["/fox.png"] = Answer(before=(head, STALL))
        assert (await refused("/fox.png", provider.origin, tmp_path)).code == "image_truncated"


# --- connections -----------------------------------------------------------------------------


async def test_a_host_that_nobody_serves_is_unreachable(tmp_path: Path) -> None:
    """A refused connection, a name without addresses, and a resolver that fails or is silent."""
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        origin = f"http://127.0.0.1:{closed.getsockname()[1]}"
        assert (await refused("/fox.png", origin, tmp_path)).code == "image_unreachable"

    async def failing(host: str, port: int) -> list[str]:
        raise socket.gaierror(socket.EAI_NONAME, "no such name")

    async def silent(host: str, port: int) -> list[str]:
        await anyio.sleep_forever()
        return []

    for resolve in (Answering([]), Answering(["not an address", "127.0.0.1"]), failing, silent):
        error = await refused(
            "http://cdn.example/fox.png",
            None,
            tmp_path,
            limits=Limits(connect_s=0.2),
            network=Network(resolve),
        )
        assert error.code == "image_unreachable"


async def test_the_next_address_is_tried_where_one_refuses(tmp_path: Path) -> None:
    """Names have several addresses, and the first may be of a network that is down."""
    with Provider("127.0.0.2") as provider:
        provider.pictures["/fox.png"] = raw(FOX)
        name = f"http://pictures.example:{provider.origin.rpartition(':')[2]}"
        network = Network(Answering(["127.0.0.3", "127.0.0.2"]))
        assert await fetched("/fox.png", name, tmp_path, network=network) == FOX


async def test_no_more_than_four_addresses_are_tried(tmp_path: Path) -> None:
    """A name may have thousands: each that refuses costs a packet, and each that is silent its share of the time."""
    with Provider("127.0.0.2") as provider:
        provider.pictures["/fox.png"] = raw(FOX)
        name = f"http://pictures.example:{provider.origin.rpartition(':')[2]}"
        refusing = [f"127.0.0.{number}" for number in range(3, 7)]
        network = Network(Answering([*refusing[:3], "127.0.0.2"]))
        assert await fetched("/fox.png", name, tmp_path, network=network) == FOX
        network = Network(Answering([*refusing, "127.0.0.2"]))
        assert (await refused("/fox.png", name, tmp_path, network=network)).code == "image_unreachable"


@contextlib.contextmanager
def silence(host: str, port: int) -> Iterator[None]:
    """A listener whose queue is full, so that the kernel answers nobody who knocks."""
    with contextlib.ExitStack() as stack:
        listener = stack.enter_context(socket.socket())
        listener.bind((host, port))
        listener.listen(0)
        for _ in range(3):
            caller = stack.enter_context(socket.socket())
            caller.setblocking(False)
            caller.connect_ex((host, port))
        yield


async def test_the_next_address_is_tried_where_one_is_silent(tmp_path: Path) -> None:
    """A share of the time each: the last address is tried however silent the first ones are."""
    with Provider("127.0.0.2") as provider:
        provider.pictures["/fox.png"] = raw(FOX)
        port = int(provider.origin.rpartition(":")[2])
        network = Network(Answering(["127.0.0.3", "127.0.0.2"]))
        with silence("127.0.0.3", port), anyio.fail_after(10):
            name = f"http://pictures.example:{port}"
            limits = Limits(connect_s=0.6)
            assert await fetched("/fox.png", name, tmp_path, limits=limits, network=network) == FOX
            alone = Network(Answering(["127.0.0.3"]))
            error = await refused("/fox.png", name, tmp_path, limits=limits, network=alone)
            assert error.code == "image_unreachable"


async def test_the_machines_own_resolver_is_asked(provider: Provider, tmp_path: Path) -> None:
    """The one question that no test can answer for it: localhost."""
    provider.pictures["/fox.png"] = raw(FOX)
    port = provider.origin.rpartition(":")[2]
    assert await fetched("/fox.png", f"http://localhost:{port}/v1", tmp_path) == FOX
    error = await refused(f"http://localhost:{port}/fox.png", None, tmp_path)
    assert error.code == "image_fetch_blocked"
    assert len(provider.requests) == 1


async def test_fifty_downloads_at_once_keep_apart(provider: Provider, tmp_path: Path) -> None:
    """Each file holds what its own link led to."""
    bodies = {f"/{number}": os.urandom(200_000) for number in range(50)}
    provider.pictures |= {path: raw(body) for path, body in bodies.items()}
    found: dict[str, bytes] = {}

    async def one(path: str) -> None:
        content = await download(path, trusted=provider.origin, folder=tmp_path)
        assert isinstance(content, Path)
        found[path] = content.read_bytes()

    async with anyio.create_task_group() as tasks:
        for path in bodies:
            tasks.start_soon(one, path)
    assert found == bodies
