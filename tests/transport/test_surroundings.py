"""Proxies and certificates of the environment, on both ways to send."""

from __future__ import annotations

from collections.abc import Iterator

import anyio
import pytest

from limner.transport.bodies import Deadlines
from limner.transport.client import ProviderClient
from limner.transport.faults import TransportFault
from limner.transport.relay import Relay
from limner.transport.surroundings import proxy_for, surroundings_of
from providers import Provider, raw, whole

SOON = Deadlines(20.0, 20.0)


@pytest.fixture
def provider() -> Iterator[Provider]:
    with Provider() as running:
        yield running


@pytest.mark.parametrize(
    ("excepted", "url", "direct"),
    [
        ("example.com", "http://example.com/v1", True),
        ("example.com", "http://api.example.com/v1", True),
        ("example.com", "http://API.Example.COM/v1", True),
        ("example.com", "http://notexample.com/v1", False),
        (".example.com", "http://api.example.com/v1", True),
        (".example.com", "http://example.com/v1", False),
        ("*.example.com", "http://api.example.com/v1", True),
        ("*.example.com", "http://example.com/v1", False),
        ("example.com:81", "http://example.com:81/v1", True),
        ("example.com:81", "http://example.com/v1", False),
        ("http://example.com", "http://example.com/v1", True),
        ("https://example.com", "http://example.com/v1", False),
        ("localhost", "http://localhost:8080/v1", True),
        ("localhost", "http://my.localhost/v1", False),
        ("10.1.2.3", "http://10.1.2.3/v1", True),
        ("10.0.0.0/8", "http://10.1.2.3/v1", True),
        ("10.0.0.0/8", "http://11.1.2.3/v1", False),
        ("10.0.0.0/8", "http://example.com/v1", False),
        ("::1", "http://[::1]:8080/v1", True),
        ("a, ,b.c ,example.com", "http://example.com/v1", True),
        ("*", "http://example.com/v1", True),
        ("", "http://example.com/v1", False),
        ("http://[", "http://example.com/v1", False),
    ],
)
def test_no_proxy_means_what_it_means_to_others(
    monkeypatch: pytest.MonkeyPatch, excepted: str, url: str, direct: bool
) -> None:
    """curl's rules, as far as HTTP clients of Python share them."""
    monkeypatch.setenv("http_proxy", "http://proxy:3128")
    monkeypatch.setenv("no_proxy", excepted)
    assert proxy_for(url) == (None if direct else "http://proxy:3128")


def test_a_proxy_is_named_for_a_scheme_or_for_all(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is named for the scheme wins; a name alone is an HTTP proxy."""
    monkeypatch.setenv("all_proxy", "proxy:1")
    assert proxy_for("http://example.com") == "http://proxy:1"
    monkeypatch.setenv("http_proxy", "http://proxy:2")
    assert proxy_for("http://example.com") == "http://proxy:2"
    assert proxy_for("https://example.com") == "http://proxy:1"


def test_certificates_are_read_where_something_is_encrypted(monkeypatch: pytest.MonkeyPatch) -> None:
    """They take longer to read than a request takes."""
    assert surroundings_of("http://example.com/v1").tls is None
    assert surroundings_of("https://example.com/v1").tls is not None
    monkeypatch.setenv("http_proxy", "https://proxy:3128")
    assert surroundings_of("http://example.com/v1").tls is not None


@pytest.mark.anyio
@pytest.mark.parametrize("scheme", ["http", "https"])
async def test_a_proxy_that_refuses_has_sent_nothing_on(
    provider: Provider, monkeypatch: pytest.MonkeyPatch, scheme: str
) -> None:
    """DESIGN decision 4: an order that no tunnel was opened for is not billed; and no key is told to a tunnel."""
    monkeypatch.setenv(f"{scheme}_proxy", provider.origin)
    client = ProviderClient(base_url=f"{scheme}://api.example/v1", api_key="sk-canary")
    try:
        if scheme == "http":
            answer = await client.post("/chat/completions", {}, SOON)
            assert answer.status == 404
            await answer.aclose()
        else:
            with pytest.raises(TransportFault) as caught:
                await client.post("/chat/completions", {}, SOON)
            assert (caught.value.kind, caught.value.sent) == ("unreachable", False)
    finally:
        await client.aclose()
    (asked,) = provider.requests
    assert asked.method == ("POST" if scheme == "http" else "CONNECT")
    assert ("sk-canary" in str(asked.headers)) == (scheme == "http")
    assert "proxy-authorization" not in asked.headers


def test_a_relay_tells_its_key_to_no_proxy(provider: Provider, monkeypatch: pytest.MonkeyPatch) -> None:
    """As above. Fails if the key is among the headers of aiohttp's session, which proxies get too."""
    monkeypatch.setenv("https_proxy", provider.origin)
    monkeypatch.setenv("http_proxy", provider.origin)
    provider.answers("http://api.example/v1", raw(b"x"))

    async def ask(url: str) -> str:
        relay = Relay(url, api_key="sk-canary")
        try:
            answer = await relay.post(b"{}", SOON)
            answer.close()
        except TransportFault as fault:
            return fault.kind
        finally:
            await relay.aclose()
        return "answered"

    assert anyio.run(ask, "https://api.example/v1") == "unreachable"
    assert anyio.run(ask, "http://api.example/v1") == "answered"
    tunnel, plain = provider.requests
    assert "sk-canary" not in str(tunnel.headers)
    assert "proxy-authorization" not in plain.headers


@pytest.mark.anyio
async def test_a_proxy_of_another_kind_is_named_as_such(
    provider: Provider, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nothing is sent, neither around it nor in a language that it does not speak."""
    provider.chat(whole({}))
    for proxy in ("socks5://127.0.0.1:1080", "ftp://127.0.0.1:21", "http://127.0.0.1:99999999"):
        monkeypatch.setenv("http_proxy", proxy)
        client = ProviderClient(base_url=provider.base_url, api_key="")
        with pytest.raises(TransportFault) as caught:
            await client.post("/chat/completions", {}, SOON)
        assert (caught.value.kind, caught.value.sent) == ("not_http", False)
    assert provider.requests == []
