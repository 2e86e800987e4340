"""What the tests of the guarded download share: a resolver with its own mind, canaries, a certificate."""

from __future__ import annotations

import contextlib
import os
import socket
import ssl
from collections.abc import Callable, Iterator, Sequence
from ipaddress import ip_address
from pathlib import Path

import anyio.lowlevel
import pytest

from limner.errors import PictureError
from limner.images.download.addresses import Address
from limner.images.download.guarded import Limits, Network, guarded
from providers import Provider

__all__ = ["Answering", "Canary", "fetched", "neighbours", "only", "refused", "serving", "trusting"]

_CERTIFICATE = Path(__file__).parent / "images" / "pictures.example.pem"


class Answering:
    """A resolver that gives these answers, one after the other; the last one repeats."""

    def __init__(self, *answers: Sequence[str]) -> None:
        self._answers = [*answers]
        self.asked: list[tuple[str, int]] = []
        """Every question in its order."""

    async def __call__(self, host: str, port: int) -> Sequence[str]:
        self.asked.append((host, port))
        await anyio.lowlevel.checkpoint()
        return self._answers.pop(0) if len(self._answers) > 1 else self._answers[0]


class Canary:
    """A listener that nobody may connect to; the kernel holds for it whoever does."""

    def __init__(self, host: str = "127.0.0.1", port: int = 0) -> None:
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        self._listener = socket.create_server((host, port), family=family)
        self._listener.setblocking(False)
        self.port: int = self._listener.getsockname()[1]

    def touched(self) -> bool:
        """Whether anybody has connected since this was last asked."""
        try:
            self._listener.accept()[0].close()
        except BlockingIOError:
            return False
        return True

    def __enter__(self) -> Canary:
        return self

    def __exit__(self, *_: object) -> None:
        self._listener.close()


@contextlib.contextmanager
def neighbours() -> Iterator[tuple[Provider, Canary]]:
    """A provider at 127.0.0.2, and a canary on the same port of 127.0.0.1."""
    for _ in range(20):
        with Provider("127.0.0.2") as provider:
            try:
                canary = Canary("127.0.0.1", int(provider.origin.rpartition(":")[2]))
            except OSError:
                continue  # somebody's connection goes out from there
            with canary:
                yield provider, canary
            return
    raise AssertionError("no port is free on both addresses")


def only(*addresses: str) -> Callable[[Address], bool]:
    """Takes these loopback addresses for the open internet, and no other."""
    return {ip_address(address) for address in addresses}.__contains__


async def fetched(
    url: str,
    trusted: str | None,
    folder: Path,
    *,
    limits: Limits | None = None,
    network: Network | None = None,
) -> bytes:
    """What is behind `url`; nothing is left in `folder`."""
    path = await guarded(url, trusted, limits or Limits(), folder, network or Network())
    assert isinstance(path, Path)
    data = path.read_bytes()
    path.unlink()
    assert os.listdir(folder) == []
    return data


async def refused(
    url: str,
    trusted: str | None,
    folder: Path,
    *,
    limits: Limits | None = None,
    network: Network | None = None,
) -> PictureError:
    """How a download failed: paid for, and with nothing left in `folder`."""
    with pytest.raises(PictureError) as caught:
        await guarded(url, trusted, limits or Limits(), folder, network or Network())
    assert caught.value.billed == "yes"
    assert os.listdir(folder) == []
    return caught.value


def serving() -> ssl.SSLContext:
    """For a server that calls itself pictures.example and cdn.example."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(_CERTIFICATE)
    return context


def trusting() -> ssl.SSLContext:
    """For a client that trusts that server, as others are trusted."""
    return ssl.create_default_context(cafile=str(_CERTIFICATE))
