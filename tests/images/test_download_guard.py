"""Where a link may lead: canaries listen wherever it may not."""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import anyio
import anyio.to_thread
import pytest

import pictures
from downloads import Answering, Canary, fetched, neighbours, only, refused, serving, trusting
from limner.images.download.guarded import Network
from limner.images.download.resolver import system_resolver
from providers import Answer, Provider, raw, whole

pytestmark = pytest.mark.anyio

FOX = pictures.png(colour=(200, 90, 20))


@pytest.fixture
def provider() -> Iterator[Provider]:
    with Provider() as running:
        yield running


@pytest.fixture
def canary() -> Iterator[Canary]:
    with Canary() as listening:
        yield listening


@pytest.fixture
def abroad() -> Iterator[Provider]:
    """A server that the tests take for one of the open internet."""
    with Provider("127.0.0.2") as running:
        yield running


ABROAD = only("127.0.0.2")


def redirect(location: str, status: int = 302) -> Answer:
    return Answer((), status, {"location": location}, chunked=False)


def port_of(provider: Provider) -> int:
    return int(provider.origin.rpartition(":")[2])


def test_a_canary_sings() -> None:
    """The canary itself: a connection that nobody accepted is seen."""
    with Canary() as canary:
        assert not canary.touched()
        with socket.create_connection(("127.0.0.1", canary.port)):
            assert canary.touched()
        assert not canary.touched()


# --- addresses -------------------------------------------------------------------------------

INSIDE = [
    "127.0.0.1",
    "localhost",
    "0.0.0.0",
    "[::1]",
    "[::]",
    "[::ffff:127.0.0.1]",
    "[::ffff:7f00:1]",
    "[::127.0.0.1]",
    "[64:ff9b::7f00:1]",
    "[2002:7f00:1::1]",
    "169.254.169.254",
    "[::ffff:a9fe:a9fe]",
    "[64:ff9b::a9fe:a9fe]",
    "[2002:a9fe:a9fe::1]",
    "100.100.100.200",
    "[fd00:ec2::254]",
    "10.0.0.1",
    "192.168.0.1",
]


@pytest.mark.parametrize("host", INSIDE)
async def test_i15_no_link_leads_inside(host: str, canary: Canary, tmp_path: Path) -> None:
    """I15: directly, and from a resolver's answer."""
    error = await refused(f"http://{host}:{canary.port}/fox.png", None, tmp_path)
    assert error.code == "image_fetch_blocked"
    if host != "localhost":
        network = Network(Answering([host.strip("[]")]))
        error = await refused(f"http://cdn.example:{canary.port}/", None, tmp_path, network=network)
        assert error.code == "image_fetch_blocked"
    assert not canary.touched()


@pytest.mark.parametrize("host", INSIDE)
async def test_i15_no_redirect_leads_inside(
    host: str, canary: Canary, provider: Provider, tmp_path: Path
) -> None:
    """I15: not even from the trusted origin, whose neighbours are not trusted."""
    provider.pictures["/fox.png"] = redirect(f"http://{host}:{canary.port}/latest/meta-data")
    error = await refused("/fox.png", provider.base_url, tmp_path)
    assert error.code == "image_fetch_blocked"
    assert not canary.touched()
    assert len(provider.requests) == 1


async def test_i15_every_hop_is_checked(
    canary: Canary, provider: Provider, abroad: Provider, tmp_path: Path
) -> None:
    """I15: the third hop as well as the first."""
    provider.pictures["/1"] = redirect(f"{abroad.origin}/2", 301)
    abroad.pictures["/2"] = redirect("/3", 307)
    abroad.pictures["/3"] = redirect(f"http://127.0.0.1:{canary.port}/", 308)
    error = await refused("/1", provider.base_url, tmp_path, network=Network(is_public=ABROAD))
    assert error.code == "image_fetch_blocked"
    assert [request.path for request in abroad.requests] == ["/2", "/3"]
    assert not canary.touched()


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
async def test_i15_three_redirects_are_followed_and_no_fourth(
    provider: Provider, tmp_path: Path, status: int
) -> None:
    """I15: at most three hops."""
    for step in range(4):
        provider.pictures[f"/{step}"] = redirect(f"/{step + 1}", status)
    provider.pictures["/4"] = raw(FOX)
    assert await fetched("/1", provider.origin, tmp_path) == FOX
    error = await refused("/0", provider.origin, tmp_path)
    assert error.code == "image_fetch_blocked"
    assert [request.path for request in provider.requests[4:]] == ["/0", "/1", "/2", "/3"]


async def test_i15_a_circle_ends(provider: Provider, tmp_path: Path) -> None:
    """I15: a link that leads to itself."""
    provider.pictures["/fox.png"] = redirect("/fox.png")
    assert (await refused("/fox.png", provider.origin, tmp_path)).code == "image_fetch_blocked"
    assert len(provider.requests) == 4


@pytest.mark.parametrize(
    "answer",
    [
        Answer((), 302, chunked=False),
        redirect(""),
        redirect("http://a\\@127.0.0.1/"),
        redirect("\xff\xfe"),
        whole(b"", 302, location="/a\r\nLocation: /fox.png"),
    ],
    ids=["nowhere", "nothing", "a trick", "no text", "two places"],
)
async def test_i15_a_redirect_says_one_place(provider: Provider, tmp_path: Path, answer: Answer) -> None:
    """I15: what cannot be read in one way is not followed."""
    provider.pictures["/a"] = answer
    provider.pictures["/fox.png"] = raw(FOX)
    assert (await refused("/a", provider.origin, tmp_path)).code == "image_fetch_blocked"
    assert len(provider.requests) == 1


# --- the trusted origin ----------------------------------------------------------------------


async def test_i15_only_the_origin_as_configured_is_trusted(provider: Provider, tmp_path: Path) -> None:
    """Bytes: scheme, host and port, and nothing else, may be private."""
    provider.pictures["/fox.png"] = raw(FOX)
    port = port_of(provider)
    assert await fetched(f"HTTP://127.0.0.1:{port}/fox.png", provider.base_url, tmp_path) == FOX
    for trusted in (
        None,
        f"https://127.0.0.1:{port}/v1",
        f"http://127.0.0.1:{port + 1 if port < 65535 else port - 1}/v1",
        f"http://localhost:{port}/v1",
        f"http://127.0.0.2:{port}/v1",
        "http://127.0.0.1/v1",
    ):
        error = await refused(f"{provider.origin}/fox.png", trusted, tmp_path)
        assert error.code == "image_fetch_blocked"
    assert len(provider.requests) == 1


async def test_i15_nobody_else_sends_us_back_to_the_trusted_origin(
    provider: Provider, abroad: Provider, tmp_path: Path
) -> None:
    """I15: the operator's private server is open to its own links, not to those of the internet."""
    network = Network(is_public=ABROAD)
    abroad.pictures["/back"] = redirect(f"{provider.origin}/admin")
    provider.pictures["/admin"] = raw(FOX)
    provider.pictures["/out"] = redirect(f"{abroad.origin}/back")
    for link in (f"{abroad.origin}/back", "/out"):
        error = await refused(link, provider.base_url, tmp_path, network=network)
        assert error.code == "image_fetch_blocked"
    assert [request.path for request in provider.requests] == ["/out"]


async def test_i15_the_trusted_origin_may_redirect_within_itself(provider: Provider, tmp_path: Path) -> None:
    """Bytes: a private endpoint that moves its pictures."""
    provider.pictures["/old/fox.png"] = redirect("../new/fox.png")
    provider.pictures["/new/fox.png"] = redirect(f"{provider.origin}/files/fox.png")
    provider.pictures["/files/fox.png"] = raw(FOX)
    assert await fetched("/old/fox.png", provider.base_url, tmp_path) == FOX


async def test_s31_a_link_without_a_maker_trusts_nothing(provider: Provider, tmp_path: Path) -> None:
    """S31: a picture that a client points to goes through the same guard, with no origin exempt."""
    provider.pictures["/fox.png"] = raw(FOX)
    for link in (f"{provider.origin}/fox.png", "/fox.png", "//127.0.0.1/fox.png"):
        assert (await refused(link, None, tmp_path)).code == "image_fetch_blocked"
    assert provider.requests == []


# --- names -----------------------------------------------------------------------------------


async def test_i16_a_name_is_resolved_once_and_what_was_checked_is_connected_to(tmp_path: Path) -> None:
    """I16: public when it is checked, private when it would be asked again."""
    resolver = Answering(["127.0.0.2"], ["127.0.0.1"])
    network = Network(resolver, ABROAD)
    with neighbours() as (abroad, canary):
        port = port_of(abroad)
        abroad.pictures["/fox.png"] = raw(FOX)
        got = await fetched(f"http://rebinding.example:{port}/fox.png", None, tmp_path, network=network)
        assert got == FOX
        assert not canary.touched()
    assert resolver.asked == [("rebinding.example", port)]
    assert abroad.requests[0].headers["host"] == f"rebinding.example:{port}"


async def test_i16_each_hop_is_resolved_and_checked_anew(tmp_path: Path) -> None:
    """I16: the same name on the second hop, private by then."""
    resolver = Answering(["127.0.0.2"], ["127.0.0.1"])
    with neighbours() as (abroad, canary):
        port = port_of(abroad)
        abroad.pictures["/fox.png"] = redirect("/again.png")
        error = await refused(
            f"http://rebinding.example:{port}/fox.png", None, tmp_path, network=Network(resolver, ABROAD)
        )
        assert error.code == "image_fetch_blocked"
        assert not canary.touched()
    assert len(resolver.asked) == 2
    assert len(abroad.requests) == 1


@pytest.mark.parametrize("private", ["127.0.0.1", "::1", "169.254.169.254", "fe80::1%1", "::ffff:127.0.0.1"])
@pytest.mark.parametrize("first", [True, False])
async def test_i16_one_private_answer_among_public_ones_blocks_them_all(
    tmp_path: Path, private: str, first: bool
) -> None:
    """I16: mixed records, in either order."""
    answers = [private, "127.0.0.2"] if first else ["127.0.0.2", private]
    with neighbours() as (abroad, canary):
        error = await refused(
            f"http://mixed.example:{port_of(abroad)}/fox.png",
            None,
            tmp_path,
            network=Network(Answering(answers), ABROAD),
        )
        assert error.code == "image_fetch_blocked"
        assert not canary.touched()
        assert abroad.connections == 0


async def test_i16_the_trusted_name_is_pinned_too(provider: Provider, tmp_path: Path) -> None:
    """I16: exempt from the check, not from being resolved once."""
    provider.pictures["/fox.png"] = raw(FOX)
    port = port_of(provider)
    resolver = Answering(["127.0.0.1"], ["127.0.0.2"])
    got = await fetched("/fox.png", f"http://comfy_ui:{port}/v1", tmp_path, network=Network(resolver))
    assert got == FOX
    assert resolver.asked == [("comfy_ui", port)]
    assert provider.requests[0].headers["host"] == f"comfy_ui:{port}"


# --- spellings -------------------------------------------------------------------------------

TRICKS = [
    "http://a\\@127.0.0.1:{port}/",
    "http://cdn.example\\@127.0.0.1:{port}/",
    "http://127.0.0.1\t:{port}/",
    "http://127.0.0.1:{port}\n/",
    "\thttp://127.0.0.1:{port}/",
    "http://127.0.0.1%2e:{port}/",
    "http://127%2e0%2e0%2e1:{port}/",
    "http://2130706433:{port}/",
    "http://017700000001:{port}/",
    "http://0x7f000001:{port}/",
    "http://0x7f.0.0.1:{port}/",
    "http://0177.0.0.1:{port}/",
    "http://127.1:{port}/",
    "http://127.0.1:{port}/",
    "http://0:{port}/",
    "http://127.0.0.1.:{port}/",
    "http://１２７.0.0.1:{port}/",
    "http://127。0。0。1:{port}/",
    "http://①②⑦.0.0.1:{port}/",
    "http://user@127.0.0.1:{port}/",
    "http://user:secret@127.0.0.1:{port}/",
    "http://cdn.example@127.0.0.1:{port}/",
    "http://cdn.example:80@127.0.0.1:{port}/",
    "http://127.0.0.1:{port}@cdn.example/",
    "http://127.0.0.1:0{port}/",
    "http://127.0.0.1:{port}:80/",
    "http://[::ffff:127.0.0.1%25lo]:{port}/",
    "http://[::1%lo]:{port}/",
    "http:/127.0.0.1:{port}/",
    "http:127.0.0.1:{port}/",
    "http:///127.0.0.1:{port}/",
    "http:\\\\127.0.0.1:{port}/",
    "//127.0.0.1:{port}/",
    "HTTP://LOCALHOST:{port}/",
    "http://127.0.0.1:{port}#@cdn.example/",
    "http://127.0.0.1:{port}?@cdn.example/",
    # I18
    "file:///etc/passwd",
    "file://127.0.0.1:{port}/etc/passwd",
    "ftp://127.0.0.1:{port}/fox.png",
    "gopher://127.0.0.1:{port}/_GET",
    "dict://127.0.0.1:{port}/",
    "ws://127.0.0.1:{port}/",
    "unix://127.0.0.1:{port}/",
    "jar:http://127.0.0.1:{port}/!/",
    "javascript:fetch('http://127.0.0.1:{port}')",
    "127.0.0.1:{port}/fox.png",
]


@pytest.mark.parametrize("trick", TRICKS)
async def test_i17_no_spelling_leads_inside(
    trick: str, canary: Canary, provider: Provider, tmp_path: Path
) -> None:
    """I17, I18: as the link itself and as a redirect, with a resolver that says 127.0.0.1 to everything."""
    link = trick.format(port=canary.port)
    network = Network(Answering(["127.0.0.1"]))
    for trusted in (None, "https://images.example/v1"):
        error = await refused(link, trusted, tmp_path, network=network)
        assert error.code == "image_fetch_blocked"
    if link.isprintable():  # a head cannot hold the others
        provider.pictures["/fox.png"] = redirect(link.encode().decode("latin-1"))
        assert (await refused("/fox.png", provider.origin, tmp_path)).code == "image_fetch_blocked"
        assert len(provider.requests) == 1
    assert not canary.touched()


@pytest.mark.parametrize("port", [0, 1, 22, 25, 6000, 6667, 65536, 99999])
async def test_i17_odd_ports_are_not_knocked_at(port: int, tmp_path: Path) -> None:
    """I17: a public host, a port of another protocol; not even its name is resolved."""
    resolver = Answering(["127.0.0.2"])
    network = Network(resolver, ABROAD)
    error = await refused(f"http://cdn.example:{port}/fox.png", None, tmp_path, network=network)
    assert error.code == "image_fetch_blocked"
    assert resolver.asked == []


@pytest.mark.parametrize("link", ["data:image/png;base64,Zm94", "file:///etc/passwd", "ftp://cdn.example/"])
async def test_i18_no_redirect_leaves_http(provider: Provider, tmp_path: Path, link: str) -> None:
    """I18: in a redirect a data URL is no answer of the maker any more."""
    provider.pictures["/fox.png"] = redirect(link)
    assert (await refused("/fox.png", provider.origin, tmp_path)).code == "image_fetch_blocked"


# --- TLS -------------------------------------------------------------------------------------


async def test_i16_a_certificate_has_to_name_the_host_and_not_its_address(tmp_path: Path) -> None:
    """I16: SNI, Host and certificate are the name's, wherever it leads."""
    told: list[str | None] = []
    context = serving()
    context.sni_callback = lambda _socket, name, _context: told.append(name)
    with Provider(tls=context) as provider:
        provider.pictures["/fox.png"] = raw(FOX)
        port = port_of(provider)
        network = Network(Answering(["127.0.0.1"]), tls=trusting)
        name = f"https://pictures.example:{port}"
        assert await fetched("/fox.png", f"{name}/v1", tmp_path, network=network) == FOX
        other = f"https://other.example:{port}"
        assert (await refused("/fox.png", other, tmp_path, network=network)).code == "image_unreachable"
        address = f"https://127.0.0.1:{port}"
        assert (await refused("/fox.png", address, tmp_path, network=network)).code == "image_unreachable"
        # Without the tests' certificate among those that are trusted: as it is outside of tests.
        strange = Network(Answering(["127.0.0.1"]))
        assert (await refused("/fox.png", name, tmp_path, network=strange)).code == "image_unreachable"
        assert told[:2] == ["pictures.example", "other.example"]
        assert [request.headers["host"] for request in provider.requests] == [f"pictures.example:{port}"]


async def test_i15_a_secure_link_does_not_become_an_open_one(tmp_path: Path) -> None:
    """I15: no https to http, not even within a host; the other way is fine."""
    with Provider(tls=serving()) as secure, Provider("127.0.0.2") as plain:
        port, plain_port = port_of(secure), port_of(plain)
        answers = Answering(["127.0.0.2"], ["127.0.0.1"])
        secure.pictures["/down"] = redirect(f"http://pictures.example:{plain_port}/fox.png")
        secure.pictures["/across"] = redirect(f"https://cdn.example:{port}/fox.png")
        secure.pictures["/fox.png"] = raw(FOX)
        plain.pictures["/up"] = redirect(f"https://pictures.example:{port}/across")
        network = Network(answers, only("127.0.0.1", "127.0.0.2"), trusting)
        up = f"http://pictures.example:{plain_port}/up"
        assert await fetched(up, None, tmp_path, network=network) == FOX
        down = f"https://pictures.example:{port}/down"
        assert (await refused(down, None, tmp_path, network=network)).code == "image_fetch_blocked"
        assert [request.path for request in plain.requests] == ["/up"]


async def test_i14_a_host_that_does_not_greet_is_unreachable(provider: Provider, tmp_path: Path) -> None:
    """A TLS handshake has its time as well, and an answer in the clear is none."""
    origin = provider.origin.replace("http://", "https://")
    assert (await refused("/fox.png", origin, tmp_path)).code == "image_unreachable"


# --- a machine that has all these addresses --------------------------------------------------

_PROGRAM = Path(__file__).parent / "download_inside.py"


def test_i15_nobody_is_called_on_a_machine_that_has_all_these_addresses() -> None:
    """I15: real listeners on metadata, CGNAT, mapped, NAT64 and 6to4 addresses see no connection."""
    unshare, ip = shutil.which("unshare"), shutil.which("ip")
    if not sys.platform.startswith("linux") or unshare is None or ip is None:
        pytest.skip("a network of its own needs Linux with unshare and ip")
    if subprocess.run([unshare, "-rn", "true"], check=False, capture_output=True).returncode:
        pytest.skip("a network of its own needs the right to make one")
    done = subprocess.run(
        [unshare, "-rn", sys.executable, str(_PROGRAM)],
        check=False,
        capture_output=True,
        env={**os.environ, "PYTHONPATH": str(_PROGRAM.parents[1])},
        text=True,
        timeout=60,
    )
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout)
    # The canaries hear what comes: each was called once by its own address, and by nothing else.
    assert told["called"] == told["addresses"]
    assert told["addresses"] >= 14
    assert told["codes"] == ["image_fetch_blocked"]
    assert told["downloads"] == 6 * told["addresses"]
    assert told["touched"] == []


@pytest.mark.parametrize("anyio_backend", ["asyncio"])
async def test_a_name_is_not_resolved_by_the_threads_that_others_need() -> None:
    """I14: names whose servers never answer must not keep a provider's own from being resolved.

    Fails if the event loop's own threads are asked: they are all taken here.
    """
    gate, threads = threading.Event(), ThreadPoolExecutor(1)
    asyncio.get_running_loop().set_default_executor(threads)
    busy = threads.submit(gate.wait, 30)
    try:
        with anyio.fail_after(10):
            assert "127.0.0.1" in await system_resolver("localhost", 80)
    finally:
        gate.set()
        await anyio.to_thread.run_sync(busy.result)
