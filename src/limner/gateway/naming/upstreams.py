"""Where a model's name leads: which chat endpoint has it, and what it is called there."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

from limner.clock import Clock
from limner.config.settings import Config, UpstreamConfig
from limner.models.apis import asked_through
from limner.models.http import HTTPModel
from limner.models.offline import OfflineModel
from limner.models.protocol import Model
from limner.transport.bodies import Deadlines
from limner.transport.relay import Relay

from ..refusal import Refusal
from .patterns import fits, may_be_named

__all__ = ["ILLUSTRATED", "Upstream", "Upstreams", "chat_endpoints", "key_of"]

ILLUSTRATED = ":illustrated"
"""At the end of a model's name: the image tool is on, for clients that cannot declare it."""

_OPENAI = (".openai.com", ".openai.azure.com")
_OPENROUTER = "openrouter.ai"
_ANY = "any"
"""What the endpoint's own client is called, which is asked under no name but those made from it."""


def chat_endpoints(config: Config) -> tuple[UpstreamConfig, ...]:
    """All that are configured, `[chat]` among them: a name leads to the first whose prefix it has."""
    rows = list(config.gateway.upstreams)
    if config.chat.base_url is not None and not any(row.prefix == "" for row in rows):
        rows.append(UpstreamConfig("", config.chat.base_url, config.chat.api_key, api=config.chat.api))
    return tuple(sorted(rows, key=lambda row: len(row.prefix), reverse=True))


def key_of(row: UpstreamConfig) -> str:
    """The key that an endpoint is sent; "" where it needs none, which a user may say as "none"."""
    return "" if row.api_key in (None, "none") else str(row.api_key)


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
    """Passes requests on; None where they can't go on as they are: offline, and where another API is spoken."""
    api_key: str = field(default="", repr=False)
    """For taking it out of what the debug log is told; "" where there is none."""
    client: HTTPModel | None = None
    """None offline."""
    offline: bool = False
    """Whether no language model is connected."""

    def worded(self, options: Mapping[str, Any]) -> dict[str, Any]:
        """`options` of a request to another API, by the names that the server here knows."""
        said = dict(options)
        if self.relay is None or self.client is None:
            return said
        host = urlsplit(self.client.base_url).hostname or ""
        if host.endswith(_OPENROUTER):
            return said
        effort = said.pop("reasoning", {}).get("effort")
        if effort is not None:
            said.setdefault("reasoning_effort", effort)
        if not host.endswith(_OPENAI) and "max_completion_tokens" in said:
            # Most servers know the older name alone, and pass over the other.
            said["max_tokens"] = said.pop("max_completion_tokens")
        return said

    def model(self, name: str, options: Mapping[str, Any] | None = None) -> Model:
        """`name` (mostly `self.name`) for the engine; `options` go along with each of its requests.

        They are called as in Chat Completions, whichever API the endpoint speaks. It shares the endpoint's
        connections, and closing it closes nothing.
        """
        return OfflineModel() if self.client is None else self.client.named(name, options)


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
        self._offline = offline
        self._offered, self._illustrated = config.gateway.models, config.gateway.illustrated
        deadlines = Deadlines(first_byte_s, idle_s)
        rows = () if offline else chat_endpoints(config)
        self._endpoints = [_Endpoint(row, config.chat.stream, deadlines, clock) for row in rows]

    def find(self, model: str) -> Upstream:
        """Where `model` leads. Raises: Refusal, `model_not_found`."""
        plain = model.removesuffix(ILLUSTRATED)
        illustrated = plain != model or fits(plain, self._illustrated)
        if not plain or not may_be_named(plain, self._offered):
            raise Refusal("model_not_found", param="model")
        if self._offline:
            return Upstream(model, plain, illustrated, "offline", offline=True)
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
            if endpoint.relay is not None:
                await endpoint.relay.aclose()
            await endpoint.client.aclose()


class _Endpoint:
    """One row of the configuration, and what speaks to it."""

    def __init__(self, row: UpstreamConfig, stream: bool, deadlines: Deadlines, clock: Clock) -> None:
        self._prefix = row.prefix
        self._strip = row.strip_prefix
        self.provider = row.prefix.rstrip("/:") or "upstream"
        self.api_key = key_of(row)
        self.client = asked_through(row.api)(
            _ANY,
            base_url=row.base_url,
            api_key=self.api_key,
            stream=stream or bool(row.prefix),
            first_byte_s=deadlines.first_byte_s,
            idle_s=deadlines.idle_s,
            clock=clock,
        )
        self.relay = (
            Relay(f"{row.base_url.rstrip('/')}/chat/completions", api_key=self.api_key)
            if row.api == "chat"
            else None
        )

    def named(self, model: str) -> str:
        """What the endpoint calls `model`; "" where it is not here."""
        if not model.startswith(self._prefix):
            return ""
        return model.removeprefix(self._prefix) if self._strip else model
