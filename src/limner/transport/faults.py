"""What can go wrong between us and a provider."""

from __future__ import annotations

from typing import Literal

__all__ = ["FaultKind", "TransportFault", "fault_of"]

FaultKind = Literal[
    "unreachable", "tls", "first_byte", "idle", "total", "reset", "too_large", "encoding", "not_http"
]
"""unreachable, tls: no connection · first_byte, idle, total: a deadline passed · reset: the
connection broke · too_large: more bytes than allowed · encoding: a compression that was never
asked for · not_http: the address, or that of its proxy, is no http or https URL."""


class TransportFault(Exception):
    """A request that did not come to a whole answer.

    `sent` is False only where the request is known not to have reached the provider.
    """

    def __init__(self, kind: FaultKind, *, sent: bool = True) -> None:
        super().__init__(kind)
        self.kind: FaultKind = kind
        self.sent = sent


_LIBRARIES = frozenset({"aiohttp", "anyio", "h11", "httpcore2", "httpx2", "openai", "trio"})
_NEVER_SENT = frozenset(
    {
        "ClientConnectorError",
        "ClientConnectorDNSError",
        "ClientHttpProxyError",
        "ClientProxyConnectionError",
        "ConnectionTimeoutError",
        "ConnectError",
        "PoolTimeout",
        "ProxyError",
    }
)
"""Names and not classes: the two ways come from different libraries, and importing both is not free."""
_BROKEN = frozenset(
    {
        "ClientConnectionError",
        "ClientConnectionResetError",
        "ClientOSError",
        "ServerConnectionError",
        "ServerDisconnectedError",
    }
)
"""What one transport's adapter calls a `ConnectTimeout`, although the request had been sent."""
_TLS = frozenset({"ClientConnectorSSLError", "ClientConnectorCertificateError", "SSLCertVerificationError"})
_NO_URL = frozenset({"UnsupportedProtocol", "InvalidURL", "InvalidUrlClientError", "NonHttpUrlClientError"})


def fault_of(error: BaseException) -> TransportFault:
    """Name what an HTTP client raised, from it and its causes; an error of our own is raised again."""
    chain: list[BaseException] = []
    link: BaseException | None = error
    while link is not None and link not in chain:
        chain.append(link)
        link = link.__cause__ or link.__context__
    if not any(isinstance(link, OSError) or _library(link) in _LIBRARIES for link in chain):
        raise error
    names = {type(link).__name__ for link in chain}
    if names & _NO_URL:
        return TransportFault("not_http", sent=False)
    if names & _TLS:
        return TransportFault("tls", sent=False)
    if names & _NEVER_SENT or ("ConnectTimeout" in names and not names & _BROKEN):
        import ssl

        tls = any(isinstance(link, ssl.SSLError) for link in chain)
        return TransportFault("tls" if tls else "unreachable", sent=False)
    return TransportFault("reset")


def _library(error: BaseException) -> str:
    return type(error).__module__.partition(".")[0]
