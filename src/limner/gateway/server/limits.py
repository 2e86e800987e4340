"""What a connection may take."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["ServerLimits"]


@dataclass(frozen=True, slots=True)
class ServerLimits:
    """Source: scorecard S09, S10, P11 and P14."""

    header_s: float = 10.0
    """Seconds for the head of a request, from the connection or from its first byte."""
    header_bytes: int = 32 << 10
    """For the whole head."""
    headers: int = 100
    url_bytes: int = 16 << 10
    idle_s: float = 75.0
    """Seconds between two requests: longer than a proxy keeps its connections, so that the proxy closes them."""
    linger_s: float = 2.0
    """Seconds for which what a client still sends is taken and dropped, so that it can read its answer."""
    flush_s: float = 60.0
    """Seconds for the rest of an answer to leave, once its connection is to be closed."""
    buffer_bytes: int = 64 << 10
    """What may wait to be sent before writing waits."""
    connections: int = 10_000
    """Open at once; who comes on top is told to come later."""
