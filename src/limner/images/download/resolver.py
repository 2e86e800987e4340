"""From a host's name to its addresses, asked once per hop."""

from __future__ import annotations

import socket
from collections.abc import Awaitable, Callable, Sequence
from functools import partial

from anyio import CapacityLimiter, to_thread
from anyio.lowlevel import RunVar

from .addresses import Address, read_address
from .links import Link

__all__ = ["Resolver", "addresses_of", "system_resolver"]

Resolver = Callable[[str, int], Awaitable[Sequence[str]]]
"""Takes a name in ASCII and a port; returns addresses as text. Raises: OSError where there are none."""


_AT_ONCE = 16
_places: RunVar[CapacityLimiter] = RunVar("limner_resolver")


async def system_resolver(host: str, port: int) -> Sequence[str]:
    """What this machine says.

    In threads of its own: a name may be one whose servers never answer, and the threads of the event
    loop are what everything else in the process resolves its names with.
    """
    ask = partial(socket.getaddrinfo, host, port, type=socket.SOCK_STREAM)
    found = await to_thread.run_sync(ask, abandon_on_cancel=True, limiter=_limiter())
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


def _limiter() -> CapacityLimiter:
    limiter = _places.get(None)
    if limiter is None:
        limiter = CapacityLimiter(_AT_ONCE)
        _places.set(limiter)
    return limiter
