"""Where a model's name leads: which chat endpoint has it, and what it is called there."""

from __future__ import annotations

import fnmatch
import re
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from typing import Any

from limner.clock import Clock
from limner.config.settings import Config, UpstreamConfig
from limner.models.offline import OfflineModel
from limner.models.openai import OpenAIModel
from limner.models.protocol import Model
from limner.transport.bodies import Deadlines
from limner.transport.relay import Relay

from .refusal import Refusal

__all__ = ["ILLUSTRATED", "Upstream", "Upstreams"]

ILLUSTRATED = ":illustrated"
"""At the end of a model's name: the image tool is on, for clients that cannot declare it."""

_ANY = "any"
"""What the endpoint's own client is called, which is asked under no name but those made from it."""


@dataclass(frozen=True, slots=True)
class Upstream:
    """One model at its endpoint."""

    asked: str
    """Its name as the client wrote it."""
    name: str
    """Its name at the endpoint."""
    illustrated: bool
    """Whether the image tool is on by itself."""
    provider: str
    """What answers are said to come from: the configured prefix; never an address."""
    relay: Relay | None = None
    """Passes requests on; None offline."""
    api_key: str = field(default="", repr=False)
    """For taking it out of what the debug log is told; "" where there is none."""
    client: OpenAIModel | None = None

    @property
    def offline(self) -> bool:
        """Whether no language model is connected."""
        return self.relay is None

    def model(self, name: str, extra: Mapping[str, Any] | None = None) -> Model:
        """`name` (mostly `self.name`) for the engine; `extra` is merged into each of its requests.

        It shares the endpoint's connections, and closing it closes nothing.
        """
        return OfflineModel() if self.client is None else self.client.named(name, extra)


class Upstreams:
    """All chat endpoints of the configuration; close them when nothing is under way any more."""

    def __init__(
        self,
        config: Config,
        clock: Clock,
        *,
        offline: bool = False,
        first_byte_s: float = 60.0,
        idle_s: float = 60.0,
    ) -> None:
        """`offline`: every name leads to the offline model. The deadlines are those of turns of the engine.

        Raises: ConfigError, where an address or a key can't be used.
        """
        gateway = config.gateway
        rows = list(gateway.upstreams)
        if config.chat.base_url is not None and not any(row.prefix == "" for row in rows):
            rows.append(UpstreamConfig("", config.chat.base_url, config.chat.api_key))
        rows.sort(key=lambda row: len(row.prefix), reverse=True)
        self._offline = offline
        deadlines = Deadlines(first_byte_s, idle_s)
        self._endpoints = (
            [] if offline else [_Endpoint(row, config.chat.stream, deadlines, clock) for row in rows]
        )
        self._offered = _matcher(gateway.models) if gateway.models else None
        self._illustrated = _matcher(gateway.illustrated) if gateway.illustrated else None

    def find(self, model: str) -> Upstream:
        """Where `model` leads. Raises: Refusal, `model_not_found`."""
        plain = model.removesuffix(ILLUSTRATED)
        illustrated = plain != model or (self._illustrated is not None and bool(self._illustrated(plain)))
        if not plain or (self._offered is not None and not self._offered(plain)):
            raise Refusal("model_not_found", param="model")
        if self._offline:
            return Upstream(model, plain, illustrated, "offline")
        for endpoint in self._endpoints:
            name = endpoint.named(plain)
            if name:
                return Upstream(
                    model,
                    name,
                    illustrated,
                    endpoint.provider,
                    endpoint.relay,
                    endpoint.api_key,
                    endpoint.client,
                )
        raise Refusal("model_not_found", param="model")

    @property
    def nameless(self) -> Model:
        """What stands where no request has named a model: no provider has one of that name."""
        return self._endpoints[-1].client if self._endpoints else OfflineModel()

    async def aclose(self) -> None:
        """Give back all connections; idempotent."""
        for endpoint in self._endpoints:
            await endpoint.relay.aclose()
            await endpoint.client.aclose()


class _Endpoint:
    """One row of the configuration, and what speaks to it."""

    def __init__(self, row: UpstreamConfig, stream: bool, deadlines: Deadlines, clock: Clock) -> None:
        self._prefix = row.prefix
        self._strip = row.strip_prefix
        self.provider = row.prefix.rstrip("/:") or "upstream"
        # "none" is how a user says that a server needs no key.
        self.api_key = "" if row.api_key in (None, "none") else str(row.api_key)
        self.client = OpenAIModel(
            _ANY,
            base_url=row.base_url,
            api_key=self.api_key,
            stream=stream or bool(row.prefix),
            first_byte_s=deadlines.first_byte_s,
            idle_s=deadlines.idle_s,
            clock=clock,
        )
        self.relay = Relay(f"{row.base_url.rstrip('/')}/chat/completions", api_key=self.api_key)

    def named(self, model: str) -> str:
        """What the endpoint calls `model`; "" where it is not here."""
        if not model.startswith(self._prefix):
            return ""
        return model.removeprefix(self._prefix) if self._strip else model


def _matcher(patterns: Collection[str]) -> Callable[[str], object]:
    """Whether a name is one of `patterns`, or fits one; upper and lower case differ."""
    return re.compile("|".join(f"(?:{fnmatch.translate(pattern)})" for pattern in patterns)).match
