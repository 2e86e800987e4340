"""What the configured chat endpoints say that they have: asked once a minute at most, and not believed blindly."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Iterator, Mapping
from typing import Any

from limner.clock import Clock
from limner.config.settings import Config, UpstreamConfig
from limner.logs import log
from limner.transport.bodies import Deadlines
from limner.transport.faults import TransportFault
from limner.transport.relay import Relay
from limner.wire.listings import ModelFacts
from limner.wire.parsing import finite, parsed
from limner.wire.text import clean

from .upstreams import chat_endpoints, key_of

__all__ = ["Offered"]

_FRESH_S = 60.0
_DEADLINES = Deadlines(5.0, 5.0, 10.0)
_MAX_BYTES = 8 << 20
_MOST_ROWS = 5_000
_LONGEST_NAME = 256
_LONGEST_SENTENCE = 2_000


class Offered:
    """The models of all endpoints under the names that clients give them."""

    def __init__(self, config: Config, clock: Clock) -> None:
        self._upstreams = chat_endpoints(config)
        self._clock = clock
        self._known: dict[str, tuple[ModelFacts, ...]] = {}
        """By the prefix of the endpoint; what cannot be asked keeps what it said last."""
        self._silent: set[str] = set()
        self._asked_s = -math.inf
        self._asking = asyncio.Lock()

    @property
    def complete(self) -> bool:
        """Whether every endpoint has said what it has, so that there is nothing else."""
        return bool(self._upstreams) and not self._silent and len(self._known) == len(self._upstreams)

    async def models(self) -> tuple[ModelFacts, ...]:
        """All that is known now. An endpoint that has no list, or does not answer, is no error."""
        async with self._asking:
            if self._clock.monotonic() - self._asked_s >= _FRESH_S:
                lists = await asyncio.gather(*(_list(row) for row in self._upstreams))
                self._asked_s = self._clock.monotonic()
                for row, found in zip(self._upstreams, lists, strict=True):
                    if found is None:
                        self._silent.add(row.prefix)
                    else:
                        self._silent.discard(row.prefix)
                        self._known[row.prefix] = found
        return tuple(
            each
            for row in self._upstreams
            for each in self._known.get(row.prefix, ())
            if self._leads_to(each.id) == row.prefix
        )

    def _leads_to(self, name: str) -> str:
        """The prefix of the endpoint that a request is sent to, whoever else lists the name."""
        return next(row.prefix for row in self._upstreams if name.startswith(row.prefix))


async def _list(upstream: UpstreamConfig) -> tuple[ModelFacts, ...] | None:
    """What one endpoint lists; None where it does not say."""
    relay = Relay(f"{upstream.base_url.rstrip('/')}/models", api_key=key_of(upstream))
    try:
        answer = await relay.get(_DEADLINES)
        try:
            status = answer.status
            body = await answer.whole(_MAX_BYTES) if status == 200 else b""
        finally:
            answer.close()
    except TransportFault as fault:
        log.info("models.unlisted", upstream=upstream.prefix, fault=fault.kind)
        return None
    finally:
        await relay.aclose()
    if status != 200:
        log.info("models.unlisted", upstream=upstream.prefix, status=status)
        return None
    prefix = upstream.prefix if upstream.strip_prefix else ""
    return await asyncio.to_thread(_read, body, prefix, upstream.prefix)


def _read(body: bytes, put_in_front: str, must_have: str) -> tuple[ModelFacts, ...] | None:
    """The rows that can be used; all others are left out."""
    try:
        answer = parsed(body)
    except (ValueError, RecursionError):
        return None
    data = answer.get("data") if isinstance(answer, dict) else answer
    if not isinstance(data, list):
        return None
    rows = _rows(data[:_MOST_ROWS], put_in_front)
    return tuple({row.id: row for row in rows if row.id.startswith(must_have)}.values())


def _rows(data: list[Any], put_in_front: str) -> Iterator[ModelFacts]:
    for row in data:
        name = row.get("id") if isinstance(row, Mapping) else None
        if not isinstance(name, str) or not 0 < len(name) <= _LONGEST_NAME or not name.isprintable():
            continue
        pricing = row.get("pricing")
        prices = pricing if isinstance(pricing, Mapping) else {}
        parameters = row.get("supported_parameters")
        yield ModelFacts(
            f"{put_in_front}{name}",
            created=_whole(row.get("created")) or 0,
            owned_by=_text(row.get("owned_by"), _LONGEST_NAME),
            name=_text(row.get("name"), _LONGEST_NAME),
            description=_text(row.get("description"), _LONGEST_SENTENCE),
            context_length=_whole(row.get("context_length") or row.get("max_model_len")),
            prompt_usd=_usd(prices.get("prompt")),
            completion_usd=_usd(prices.get("completion")),
            parameters=tuple(
                each
                for each in (parameters if isinstance(parameters, list) else ())
                if isinstance(each, str) and len(each) <= _LONGEST_NAME
            )[:64],
        )


def _text(value: object, most: int) -> str:
    return clean(value)[:most] if isinstance(value, str) else ""


def _whole(value: object) -> int | None:
    number = finite(value)
    return int(number) if number is not None and 0 <= number < 2**53 else None


def _usd(value: object) -> float | None:
    """A price, which OpenRouter writes as text; negative ones say that it depends."""
    if isinstance(value, str):
        try:
            value = float(value)
        except ValueError:
            return None
    number = finite(value)
    return number if number is not None and number >= 0 else None
