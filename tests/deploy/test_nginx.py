"""deploy/nginx.conf: a real nginx between a client and a server, with nothing changed but ports and certificate."""

from __future__ import annotations

import hashlib
import http.client
import json
import os
import re
import shutil
import socket
import ssl
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from answers import CUT, STALL, Gate, finish, sse, status, text, whole
from commands import Shell, bare_environment
from limner.config.settings import GatewayConfig, ImageConfig, LimitsConfig
from providers import Provider

ROOT = Path(__file__).parents[2]
CONFIG = (ROOT / "deploy" / "nginx.conf").read_text(encoding="utf-8")
CERTIFICATE = ROOT / "tests" / "images" / "pictures.example.pem"
SHA = hashlib.sha256(b"lim_alice").hexdigest()
CHAT = "/v1/chat/completions"
# A user's path seldom has the folder of such programs.
NGINX = shutil.which("nginx", path=f"{os.environ.get('PATH', os.defpath)}:/usr/sbin:/usr/local/sbin")

needs_nginx = pytest.mark.skipif(NGINX is None, reason="nginx is not installed; apt-get install nginx-light")


@dataclass
class Proxy:
    """The proxy, as a client sees it, and what it logs."""

    folder: Path
    plain: int
    secure: int

    def ask(
        self, method: str, path: str, body: bytes | None = None, **headers: str
    ) -> tuple[http.client.HTTPSConnection, http.client.HTTPResponse]:
        context = ssl.create_default_context(cafile=str(CERTIFICATE))
        context.check_hostname = False  # the certificate is another host's
        connection = http.client.HTTPSConnection("127.0.0.1", self.secure, context=context, timeout=10)
        connection.request(method, path, body, {"Host": "limner.example.com"} | headers)
        return connection, connection.getresponse()

    def answer(self, method: str, path: str, body: bytes | None = None, **headers: str) -> tuple[int, bytes]:
        connection, response = self.ask(method, path, body, **headers)
        found = response.status, response.read()
        connection.close()
        return found


@pytest.fixture
def provider() -> Iterator[Provider]:
    """What stands behind the proxy."""
    with Provider() as provider:
        yield provider


@pytest.fixture
def proxy(tmp_path: Path, provider: Provider) -> Iterator[Proxy]:
    """The proxy before it."""
    with proxied(tmp_path, provider.origin, _free_ports()) as proxy:
        yield proxy


@contextmanager
def proxied(folder: Path, origin: str, ports: tuple[int, int]) -> Iterator[Proxy]:
    """A proxy before `origin`, once it listens."""
    config = folder / "nginx.conf"
    config.write_text(_whole_file(folder, origin, *ports), encoding="utf-8")
    assert NGINX is not None
    process = subprocess.Popen(
        [NGINX, "-p", str(folder), "-c", str(config), "-e", "stderr"],
        stderr=subprocess.PIPE,
        text=True,
        encoding="utf-8",
    )
    listening = threading.Event()
    said: list[str] = []
    assert process.stderr is not None
    reader = threading.Thread(target=_listen, args=(process.stderr, said, listening), daemon=True)
    reader.start()
    try:
        assert listening.wait(10), said
        yield Proxy(folder, *ports)
    finally:
        process.terminate()
        process.wait(10)
        reader.join(5)
        process.stderr.close()
    assert not [line for line in said if "[emerg]" in line or "[alert]" in line]


def _listen(lines: Iterator[str], said: list[str], listening: threading.Event) -> None:
    for line in lines:
        said.append(line)
        if "start worker process" in line:
            listening.set()


def _free_ports() -> tuple[int, int]:
    first, second = (socket.create_server(("127.0.0.1", 0)) for _ in range(2))
    with first, second:
        return first.getsockname()[1], second.getsockname()[1]


def _whole_file(folder: Path, origin: str, port: int, tls_port: int) -> str:
    """The file of the repository inside the least of a main file, on ports and with a certificate of here."""
    site = CONFIG
    for old, new in (
        ("server 127.0.0.1:8000;", f"server {origin.removeprefix('http://')};"),
        ("listen 80;", f"listen 127.0.0.1:{port};"),
        ("    listen [::]:80;\n", ""),
        ("listen 443 ssl;", f"listen 127.0.0.1:{tls_port} ssl;"),
        ("    listen [::]:443 ssl;\n", ""),
        ("/etc/letsencrypt/live/limner.example.com/fullchain.pem", str(CERTIFICATE)),
        ("/etc/letsencrypt/live/limner.example.com/privkey.pem", str(CERTIFICATE)),
        ("/var/log/nginx/limner.log", str(folder / "limner.log")),
    ):
        assert site.count(old) == 1, old
        site = site.replace(old, new)
    # The workers of root's nginx are somebody else, who cannot write into the folder of the test.
    user = "user root;" if hasattr(os, "geteuid") and os.geteuid() == 0 else ""
    paths = "".join(
        f"{kind}_temp_path {folder}/{kind};" for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    )
    return (
        f"{user} daemon off; worker_processes 1; pid {folder}/nginx.pid; error_log stderr notice;\n"
        f"events {{ }}\nhttp {{ {paths}\n{site}\n}}\n"
    )


@needs_nginx
def test_each_frame_passes_at_once(proxy: Proxy, provider: Provider) -> None:
    """The server writes on only when the client has read what it wrote: a buffer would stop both for ever."""
    gates = [Gate() for _ in range(3)]
    provider.chat(sse(text("one"), gates[0], b": keep-alive\n\n", gates[1], text("two"), gates[2], finish()))
    connection, response = proxy.ask("POST", CHAT, b"{}")
    assert response.getheader("content-type", "").startswith("text/event-stream")
    for gate, words in zip(gates, (b"one", b"keep-alive", b"two"), strict=True):
        seen = b""
        while words not in seen:
            seen += response.readline()
        gate.open()
    assert response.read().endswith(b"data: [DONE]\n\n")
    connection.close()


@needs_nginx
def test_the_service_sees_the_public_name_and_a_large_body(proxy: Proxy, provider: Provider) -> None:
    """What `body_bytes` allows is let through, and what it refuses is the service's to say."""
    provider.chat(whole({"fine": True}))
    body = b"x" * (GatewayConfig().body_bytes + 1)
    assert proxy.answer("POST", CHAT, body) == (200, b'{"fine": true}')
    (request,) = provider.requests
    assert request.headers["host"] == "limner.example.com"
    assert request.body == body


@needs_nginx
def test_a_client_that_leaves_is_seen_behind_the_proxy(proxy: Proxy, provider: Provider) -> None:
    """P09: a disconnect closes the upstream call, also through a proxy."""
    provider.chat(sse(text("one"), STALL))
    connection, response = proxy.ask("POST", CHAT, b"{}")
    assert b"one" in response.readline()
    response.close()
    connection.close()
    assert provider.requests[0].closed.wait(10)


@needs_nginx
def test_an_order_is_never_sent_twice(proxy: Proxy, provider: Provider) -> None:
    """A connection that breaks may have bought something: nginx would ask again by itself."""
    provider.chat(whole({"fine": True}), whole({}, before=[CUT]), whole({"again": True}))
    # The second request goes over the connection that the first has left open.
    assert proxy.answer("POST", CHAT, b"{}")[0] == 200
    assert proxy.answer("POST", CHAT, b"{}")[0] == 502
    assert len(provider.requests) == 2


@needs_nginx
def test_links_are_not_logged(proxy: Proxy, provider: Provider) -> None:
    """A link is a credential: whoever reads a log must not see the pictures."""
    provider.pictures["/images/abc"] = status(200)
    assert proxy.answer("GET", "/images/abc?expires=1&signature=secret-7")[0] == 200
    assert "signature=secret-7" in provider.requests[0].path
    log = (proxy.folder / "limner.log").read_text(encoding="utf-8")
    assert "GET /images/abc 200" in log
    assert "secret-7" not in log


@needs_nginx
def test_figures_stay_inside_and_everything_is_encrypted(proxy: Proxy, provider: Provider) -> None:
    """S34: metrics are for the operator; a key never travels in the clear."""
    assert proxy.answer("GET", "/metrics")[0] == 404
    plain = http.client.HTTPConnection("127.0.0.1", proxy.plain, timeout=10)
    plain.request("POST", f"{CHAT}?a=b", b"{}", {"Host": "limner.example.com"})
    response = plain.getresponse()
    assert (response.status, response.getheader("location")) == (308, f"https://limner.example.com{CHAT}?a=b")
    plain.close()
    assert provider.requests == []


@needs_nginx
def test_the_service_itself_works_behind_it(tmp_path: Path) -> None:
    """The page's promise: a streamed answer, and its pictures by links that begin with `public_url`."""
    home = tmp_path / "home"
    home.mkdir()
    ports = _free_ports()
    public_url = f"https://127.0.0.1:{ports[1]}"
    environment = bare_environment(home) | {"LIMNER_GATEWAY_PUBLIC_URL": public_url}
    (home / "limner.toml").write_text(
        f'[[gateway.keys]]\nname = "alice"\nsha256 = "{SHA}"\n', encoding="utf-8"
    )
    arguments = ["serve", "--offline", "--port", "0", "--config", "limner.toml"]
    with Shell(home, environment).start(*arguments) as running:
        listens = re.match(r"Limner listens on (\S+)\. ", running.out.readline().decode("utf-8"))
        assert listens, running.err
        with proxied(tmp_path, listens[1], ports) as proxy:
            body = {
                "model": "any:illustrated",
                "stream": True,
                "messages": [{"role": "user", "content": "How do I brew tea? Two illustrated steps"}],
            }
            code, answer = proxy.answer(
                "POST",
                CHAT,
                json.dumps(body).encode(),
                **{"authorization": "Bearer lim_alice", "content-type": "application/json"},
            )
            assert code == 200, answer
            assert answer.endswith(b"data: [DONE]\n\n")
            links = set(re.findall(re.escape(public_url) + r"(/images/[^)\s\"\\]+)", answer.decode("utf-8")))
            assert len(links) == 2
            for link in links:
                found, picture = proxy.answer("GET", link)
                assert (found, picture[:8]) == (200, b"\x89PNG\r\n\x1a\n")
            assert proxy.answer("GET", f"{min(links)}x")[0] == 403
            assert proxy.answer("POST", CHAT, b"{}")[0] == 401


def test_its_patience_is_longer_than_a_turn() -> None:
    """An answer in one piece is silent until its last picture is there; bodies are as large as configured."""
    seconds = {name: int(found) for name, found in re.findall(r"(proxy_\w+_timeout) (\d+)s;", CONFIG)}
    assert seconds["proxy_read_timeout"] >= LimitsConfig().seconds + ImageConfig().timeout_s
    (size,) = re.findall(r"client_max_body_size (\d+)m;", CONFIG)
    assert int(size) << 20 > GatewayConfig().body_bytes
