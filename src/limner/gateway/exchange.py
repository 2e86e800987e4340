"""What an endpoint is given, and what it gives back. Who answers HTTP stands outside, in `app`."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from limner.wire.dialects import Dialect

from .refusal import Refusal
from .tenant import Tenant

__all__ = ["OFFLINE_HEADERS", "Answer", "Dialect", "Endpoint", "Inbound", "Streamed", "Whole"]

OFFLINE_HEADERS: Mapping[str, str] = {"x-limner-offline": "true"}
"""What an answer has whose words or pictures are made up here."""


async def _nobody_asks(run: str) -> None:
    """What is done with a run where the request cannot be repeated."""


@dataclass(frozen=True, slots=True)
class Inbound:
    """One request, let in: the key was checked, and the body read to its end within its limits."""

    id: str
    """Ours, in every answer and every line of the log: "req_…"."""
    dialect: Dialect
    tenant: Tenant
    method: str
    path: str
    """The raw path, as it came."""
    query: str
    """The raw query, without the "?"."""
    headers: Mapping[str, str]
    """Names in lower case; of a repeated one the first."""
    body: bytes = b""
    record: dict[str, Any] = field(default_factory=dict)
    """What the endpoint adds to this request's line in the log: `model`, `pictures`, `cost_usd`, `turn`.
    Never content, keys or links."""
    resume_run: str | None = None
    """The run of an earlier execution of this very request, which was cut off: go on with it, so that nothing
    is bought twice, or tell it again if it has ended; begin a new one only if it is not known any more."""
    begun: Callable[[str], Awaitable[None]] = _nobody_asks
    """Await it with the run's id before the run buys anything: whoever repeats the request is then given it as
    `resume_run`. Raises: JournalError; then nothing may be bought."""


@dataclass(frozen=True, slots=True)
class Whole:
    """An answer in one piece."""

    body: bytes
    status: int = 200
    content_type: str = "application/json"
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Streamed:
    r"""An answer as server-sent events.

    Each item of `frames` is a frame ("data: …\n\n"), or several that came together, and is written with
    one write. The head is sent with the first, or after 15 s; a `Refusal` raised before that is a plain JSON
    answer with its status. One raised later becomes an error event and `[DONE]`. Silence is filled with
    comments by who writes.
    Who stops listening closes `frames` (`aclose`), at the latest within a second of the client's leaving.
    """

    frames: AsyncIterator[bytes]
    headers: Mapping[str, str] = field(default_factory=dict)
    broken: Callable[[Refusal], tuple[bytes, ...]] | None = None
    """The frames of the error that may end it, without the mark of the end; None: an event that says it alone."""


Answer = Whole | Streamed

Endpoint = Callable[[Inbound], Awaitable[Answer]]
"""Raises: Refusal, LimnerError (which `refusal_of` translates). Cancel: the client has left; nothing more
is started, and what was ordered is received by the engine."""
