"""Nothing but the guarded download opens a link, read from the library's source.

Providers that the operator configured are spoken to in `transport`, and stores of objects through
their own client; a link that came from outside goes to neither.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping

import pytest

from imports import modules, tree

NOBODY: tuple[str, ...] = ()

REACHING: Mapping[str, tuple[str, ...]] = {
    # A library that can open a connection, and who may name it.
    "httpx2": (
        "transport.client",
        "transport.identity",
        "transport.overhttpx2",
        "transport.surroundings",
        "images.download.exchange",
    ),
    # Asked for headers, on a transport that sends nothing.
    "openai": ("transport.identity",),
    "h11": ("images.download.exchange", "images.download.guarded"),
    # A pair of sockets leads to a worker; the service listens, and `limner serve --check` looks whether it could.
    "socket": (
        "images.download.resolver",
        "images.workers.channel",
        "gateway.server.running",
        "gateway.server.serving",
        "cli.outlook",
    ),
    # The command line only asks whether it is installed.
    "obstore": ("storage.bucket", "storage.objects", "cli.serve"),
    "aiobotocore": NOBODY,
    # To the configured endpoints, with their keys.
    "aiohttp": ("transport.client", "transport.overaiohttp", "transport.relay"),
    "boto3": NOBODY,
    "botocore": NOBODY,
    "fsspec": NOBODY,
    "ftplib": NOBODY,
    # A jar that takes no cookies.
    "http": ("transport.overhttpx2",),
    "httpcore": NOBODY,
    "httpcore2": NOBODY,
    "httpx": NOBODY,
    "imaplib": NOBODY,
    "poplib": NOBODY,
    "pycurl": NOBODY,
    "requests": NOBODY,
    "smtplib": NOBODY,
    # Proxies of the environment, which are read and not asked.
    "urllib.request": ("transport.surroundings",),
    "urllib.robotparser": NOBODY,
    "urllib3": NOBODY,
    "webbrowser": NOBODY,
    "websockets": NOBODY,
    "xmlrpc": NOBODY,
}

CALLS: Mapping[str, tuple[str, ...]] = {
    # What opens a connection or asks for an address, of whatever object.
    "connect_tcp": ("images.download.exchange",),
    "getaddrinfo": ("images.download.resolver", "gateway.server.serving", "cli.outlook"),
    # What the two below send over.
    "AiohttpCarrier": ("transport.client", "transport.relay"),
    "Httpx2Carrier": ("transport.client",),
    # Goes to the configured chat endpoint with its key, and follows nothing.
    "Relay": ("gateway.naming.offered", "gateway.passing.passthrough", "gateway.naming.upstreams"),
    # Goes to the configured provider with its key, and refuses every other origin.
    "ProviderClient": ("images.ordering", "images.provider", "images.relative", "models.http"),
    "connect_udp": NOBODY,
    "connect_unix": NOBODY,
    "create_connection": NOBODY,
    "create_connected_udp_socket": NOBODY,
    "create_datagram_endpoint": NOBODY,
    "create_unix_connection": NOBODY,
    "gethostbyname": NOBODY,
    "open_connection": NOBODY,
    "open_ssl_over_tcp_stream": NOBODY,
    "open_tcp_stream": NOBODY,
    "open_unix_connection": NOBODY,
    "open_unix_socket": NOBODY,
    "sock_connect": NOBODY,
    "UpdatePrices": NOBODY,
    "urlopen": NOBODY,
    "urlretrieve": NOBODY,
}
"""UpdatePrices is of genai-prices, which would fetch newer prices."""


_IMPORTERS = frozenset({"import_module", "__import__", "find_spec"})


def reaching(module: str, source: ast.Module) -> Iterator[str]:
    """What in `source` could reach the world and is not allowed to `module`."""
    for node in ast.walk(source):
        for name in _named(node):
            for library, allowed in REACHING.items():
                if f"{name}.".startswith(f"{library}.") and module not in allowed:
                    yield f"{module}:{getattr(node, 'lineno', 0)} names {library}"
        for name in _used(node):
            if module not in CALLS.get(name, (module,)):
                yield f"{module}:{getattr(node, 'lineno', 0)} uses {name}"


def _named(node: ast.AST) -> Iterator[str]:
    """The modules that a node imports, also by a function that takes their names."""
    if isinstance(node, ast.Import):
        yield from (alias.name for alias in node.names)
    elif isinstance(node, ast.ImportFrom) and not node.level:
        yield from (f"{node.module}.{alias.name}" for alias in node.names)
    elif isinstance(node, ast.Call):
        given = [*node.args, *(keyword.value for keyword in node.keywords)]
        if _IMPORTERS & {name for part in (node.func, *given) for name in _used(part)}:
            yield from (str(each.value) for each in given if isinstance(each, ast.Constant))


def _used(node: ast.AST) -> Iterator[str]:
    """The names that a node takes from elsewhere."""
    if isinstance(node, ast.Attribute):
        yield node.attr
    elif isinstance(node, ast.Name):
        yield node.id
    elif isinstance(node, ast.ImportFrom):
        yield from (alias.name for alias in node.names)


def test_no_other_code_opens_a_link() -> None:
    """Bytes: one guarded download, and a test that proves it; DESIGN decision 10."""
    assert [found for module in modules() if module for found in reaching(module, tree(module))] == []


def test_every_exception_is_needed() -> None:
    """The table itself: nobody keeps a right that is not used any more."""
    named: dict[str, set[str]] = {module: set() for module in modules()}
    for module in modules():
        for node in ast.walk(tree(module)):
            whole = {*_named(node)}
            named[module] |= {name.split(".")[0] for name in whole} | {*_used(node)}
            named[module] |= {name.rpartition(".")[0] for name in whole}
    for name, allowed in (*REACHING.items(), *CALLS.items()):
        for module in allowed:
            assert module not in named or name in named[module], f"{module} does not use {name}"


@pytest.mark.parametrize(
    "source",
    [
        "import httpx2",
        "import httpx2 as polite",
        "def f():\n    from httpx2 import AsyncClient",
        "import urllib.request",
        "from urllib import request",
        "from urllib.request import urlopen as look",
        "import http.client",
        "from http import client",
        "import socket",
        "import aiohttp, json",
        "from openai import AsyncOpenAI",
        "import obstore.store",
        "import importlib\nimportlib.import_module('requests')",
        "importlib.import_module(name='aiohttp.client')",
        "to_thread.run_sync(importlib.import_module, 'httpx2')",
        "__import__('socket')",
        "await asyncio.open_connection(host, 80)",
        "from asyncio import open_connection",
        "import asyncio\nopening = asyncio.open_connection",
        "await anyio.connect_tcp(host, 80)",
        "from anyio import connect_tcp as c",
        "loop.create_connection(factory, host, 80)",
        "trio.open_tcp_stream(host, 80)",
        "anyio.getaddrinfo(host, 80)",
        "from genai_prices import UpdatePrices",
        "from limner.transport.client import ProviderClient",
        "client.ProviderClient(base_url=link)",
    ],
)
def test_another_way_out_would_be_seen(source: str) -> None:
    """The finder itself: each of these opens a link, or could."""
    assert [*reaching("engine.newcomer", ast.parse(source))] != []


@pytest.mark.parametrize(
    "source",
    [
        "from urllib.parse import urlsplit",
        "import httpx2x",
        "from .requests import Request",
        "names = {'aiohttp', 'socket'}",
        "'''Uses httpx2.'''",
        "from html import escape",
    ],
)
def test_what_only_looks_like_a_way_out_is_none(source: str) -> None:
    """The finder itself: names in data and in words open nothing."""
    assert [*reaching("engine.newcomer", ast.parse(source))] == []
