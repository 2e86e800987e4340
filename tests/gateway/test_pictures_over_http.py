"""Pictures over real HTTP: odd paths on the wire, heads, parts, and a thousand who wait."""

from __future__ import annotations

import asyncio
import contextlib
import json
import socket
from collections.abc import AsyncIterator, Coroutine, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import urlsplit

import pytest

from gateways import Gateway, key, serving
from limner.gateway.front.app import Route
from limner.gateway.server.serving import listen
from picture_services import FOX, PictureService, picture_service

T = TypeVar("T")

WAITING = 1000


@dataclass
class Served:
    gateway: Gateway
    service: PictureService

    def on_loop(self, work: Coroutine[Any, Any, T]) -> T:
        """`work`, done where the gateway lives."""
        return asyncio.run_coroutine_threadsafe(work, self.gateway._loop).result(20)

    def get(self, target: str, *more: str, method: str = "GET") -> tuple[int, dict[str, str], bytes]:
        """Status, headers and body of one request; `target` goes out as it is."""
        lines = [f"{method} {target} HTTP/1.1", f"host: 127.0.0.1:{self.gateway.port}", "connection: close"]
        received = self.gateway.talk("\r\n".join([*lines, *more, "", ""]).encode("latin-1"))
        head, _, body = received.partition(b"\r\n\r\n")
        first, *named = head.decode("latin-1").split("\r\n")
        headers = {name.lower(): value.strip() for name, _, value in (each.partition(":") for each in named)}
        return int(first.split()[1]), headers, body

    def target(self, link: str) -> str:
        parts = urlsplit(link)
        return f"{parts.path}?{parts.query}"


@contextlib.contextmanager
def served(folder: Path, *, wait_s: float = 20.0) -> Iterator[Served]:
    listener = listen("127.0.0.1", 0)
    services: list[PictureService] = []

    @contextlib.asynccontextmanager
    async def routes() -> AsyncIterator[list[Route]]:
        base_url = f"http://127.0.0.1:{listener.getsockname()[1]}"
        async with picture_service(folder, base_url=base_url, wait_s=wait_s) as service:
            services.append(service)
            yield [Route("GET", "/images/{id}", service.endpoint.answer, at_root=True)]

    with serving(open_routes=routes, listener=listener, keys=[key("ada")]) as gateway:
        yield Served(gateway, services[0])


@pytest.fixture
def here(tmp_path: Path) -> Iterator[Served]:
    with served(tmp_path) as running:
        yield running


def test_a_picture_needs_no_key_but_its_link(here: Served) -> None:
    """Endpoints: the signed link is the credential; HEAD has GET's head and no body."""
    picture = here.on_loop(here.service.keep(FOX))
    target = here.target(here.service.links.link(picture.id))
    status, headers, body = here.get(target)
    assert (status, body, headers["content-type"]) == (200, FOX, "image/png")
    status, head, body = here.get(target, method="HEAD")
    assert (status, body, head["content-length"]) == (200, b"", str(len(FOX)))
    assert head["etag"] == headers["etag"]
    status, part, body = here.get(target, "range: bytes=1-3")
    assert (status, body, part["content-range"]) == (206, FOX[1:4], f"bytes 1-3/{len(FOX)}")
    status, known, body = here.get(target, f"if-none-match: {headers['etag']}")
    assert (status, body) == (304, b"")
    assert "content-length" not in known or known["content-length"] == "0"
    status, wrong, body = here.get(target, f"range: bytes={len(FOX)}-")
    assert (status, wrong["content-range"]) == (416, f"bytes */{len(FOX)}")
    assert json.loads(body)["error"]["code"] == "range_invalid"
    assert here.get(target, method="POST")[0] == 405


ODD = [
    "/images/",
    "/images/..%2fkey",
    "/images/%2e%2e/key",
    "/images/../key",
    "/images/..\\key",
    f"/images/{'a' * 42}%00",
    f"/images//{'a' * 43}",
    f"/images/{'a' * 43}/x",
    f"/images/{'a' * 42}%E2%80%A4",
    f"/images/{'a' * 10_240}",
    "/images/x?expires=1&key=AAAAAAAA&signature=x",
]


def test_s16_odd_paths_on_the_wire_have_one_answer(here: Served) -> None:
    """S16: 404 with one body; S18: a wrong link 403 with one body, whether its picture is there or not."""
    picture = here.on_loop(here.service.keep(FOX))
    answers = {here.get(path)[::2] for path in ODD}
    assert len(answers) == 1
    ((status, body),) = answers
    assert (status, json.loads(body)["error"]["code"]) == (404, "image_not_found")
    wrong = {here.get(f"/images/{each}?expires=1&key=x")[::2] for each in (picture.id, "a" * 43)}
    ((status, body),) = wrong
    assert (status, json.loads(body)["error"]["code"]) == (403, "link_invalid")
    for path in (*ODD, f"/images/{picture.id}"):
        headers = here.get(path)[1]
        assert (headers["cache-control"], headers["x-content-type-options"]) == ("no-store", "nosniff")


def test_a_thousand_wait_at_once_and_all_get_the_picture(here: Served) -> None:
    """Words first: 1,000 waiting at once; none lost, and the event loop still answers others."""
    link = here.on_loop(here.service.promises.make("ada", "run-1", 1, "a fox"))
    other = here.on_loop(here.service.keep(FOX))
    request = f"GET {here.target(link)} HTTP/1.1\r\nhost: 127.0.0.1\r\nconnection: close\r\n\r\n".encode()
    with contextlib.ExitStack() as stack:
        waiting = [
            stack.enter_context(socket.create_connection(("127.0.0.1", here.gateway.port), 20))
            for _ in range(WAITING)
        ]
        for each in waiting:
            each.sendall(request)
        here.gateway.wait_until(lambda: here.gateway.app.under_way == WAITING, timeout_s=20)
        assert here.get(here.target(here.service.links.link(other.id)))[2] == FOX
        promised = here.service.links.id_of(link) or ""
        here.on_loop(here.service.promises.kept(promised, other))
        answers = [_read(each) for each in waiting]
    assert {each.partition(b"\r\n\r\n")[2] for each in answers} == {FOX}


def test_a_client_that_stops_waiting_is_let_go(here: Served) -> None:
    """Behaviour: a disconnect ends the waiting, and nothing else."""
    link = here.on_loop(here.service.promises.make("ada", "run-1", 1, "a fox"))
    with socket.create_connection(("127.0.0.1", here.gateway.port), 5) as connection:
        connection.sendall(f"GET {here.target(link)} HTTP/1.1\r\nhost: 127.0.0.1\r\n\r\n".encode())
        here.gateway.wait_until(lambda: here.gateway.app.under_way == 1)
    (ended,) = here.gateway.wait_for_ended()
    assert (ended.status, ended.code) == (499, "client_left")
    here.on_loop(
        here.service.promises.kept(here.service.links.id_of(link) or "", here.on_loop(here.service.keep(FOX)))
    )
    assert here.get(here.target(link))[2] == FOX


def _read(connection: socket.socket) -> bytes:
    received = b""
    while piece := connection.recv(65536):
        received += piece
    return received
