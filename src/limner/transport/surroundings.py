"""What the environment says about the way to an address: whom to trust, and through which proxy to go."""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

if TYPE_CHECKING:
    import ssl

__all__ = ["Surroundings", "proxy_for", "surroundings_of"]


@dataclass(frozen=True, slots=True)
class Surroundings:
    """The way to one address."""

    tls: ssl.SSLContext | None
    """None where nothing is encrypted on it."""
    proxy: str | None


def surroundings_of(url: str) -> Surroundings:
    """The way to `url`, by the variables of the environment; reads certificates, which takes a while.

    Raises: OSError, where certificates can't be read; ValueError, where the proxy speaks no HTTP.
    """
    proxy = proxy_for(url)
    schemes = {urlsplit(url).scheme}
    if proxy is not None:
        parts = urlsplit(proxy)
        if parts.scheme not in ("http", "https") or not parts.hostname or parts.port == 0:
            raise ValueError("no http or https proxy")
        schemes.add(parts.scheme)
    if "https" not in schemes:
        return Surroundings(None, proxy)
    import httpx2

    return Surroundings(httpx2.create_ssl_context(), proxy)


def proxy_for(url: str) -> str | None:
    """The proxy that the environment names for `url`; None where it is reached directly."""
    from urllib.request import getproxies

    proxies = getproxies()
    parts = urlsplit(url)
    proxy = proxies.get(parts.scheme) or proxies.get("all")
    if not proxy:
        return None
    host = (parts.hostname or "").lower()
    for entry in proxies.get("no", "").lower().split(","):
        if _excepts(entry.strip(), parts.scheme, host, parts.port):
            return None
    return proxy if "://" in proxy else f"http://{proxy}"


def _excepts(entry: str, scheme: str, host: str, port: int | None) -> bool:
    """Whether an entry of NO_PROXY means this address.

    A name means itself and what is below it, ".name" and "*.name" only what is below; an address
    and "localhost" mean themselves; "10.0.0.0/8" is a network; "*" means all.
    Source: curl, "CURLOPT_NOPROXY", and what httpx2 2.16 makes of it (read 2026-11-21).
    """
    wanted, separator, rest = entry.partition("://")
    if separator and wanted not in ("all", scheme):
        return False
    network = _network(entry)
    if entry in ("", "*") or network is not None:
        return entry == "*" or (network is not None and _lies_in(host, network))
    try:
        found = urlsplit(f"//{rest if separator else entry}")
        name, its_port = found.hostname or "", found.port
    except ValueError:
        return False
    if its_port not in (None, port):
        return False
    if name.startswith((".", "*.")):
        return host.endswith(name.removeprefix("*"))
    below = not separator and name != "localhost" and host.endswith(f".{name}")
    return host == name or below


def _lies_in(host: str, network: ipaddress.IPv4Network | ipaddress.IPv6Network) -> bool:
    try:
        return ipaddress.ip_address(host) in network
    except ValueError:
        return False


def _network(entry: str) -> ipaddress.IPv4Network | ipaddress.IPv6Network | None:
    try:
        return ipaddress.ip_network(entry.replace("[", "").replace("]", ""), strict=False)
    except ValueError:
        return None
