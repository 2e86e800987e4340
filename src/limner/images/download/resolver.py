"""From a host's name to its addresses, asked once per hop."""

from __future__ import annotations

import socket
from collections.abc import Awaitable, Callable, Sequence

import anyio

from .addresses import Address, read_address
from .links import Link

__all__ = ["Resolver", "addresses_of", "system_resolver"]

Resolver = Callable[[str, int], Awaitable[Sequence[str]]]
"""Takes a name in ASCII and a port; returns addresses as text. Raises: OSError where there are none."""


async def system_resolver(host: str, port: int) -> Sequence[str]:
    """What this machine says."""
    found = await anyio.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return [str(sockaddr[0]) for *_, sockaddr in found]


async def addresses_of(link: Link, resolve: Resolver) -> tuple[Address, ...]:
    """All addresses of the link's host, each once, in the order told.

    Raises: OSError where there are none.
    """
    if link.address is not None:
        return (link.address,)
    told = dict.fromkeys(await resolve(link.host, link.port))
    addresses = [read_address(text) for text in told]
    if not addresses or None in addresses:
        raise OSError("the resolver told no addresses")
    return tuple(address for address in addresses if address is not None)
