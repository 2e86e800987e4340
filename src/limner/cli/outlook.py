"""What a service would do with its configuration: told before it does it."""

from __future__ import annotations

import os
import socket
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from urllib.parse import urlsplit

from limner.clock import SystemClock
from limner.config.endpoint import origin
from limner.config.settings import (
    Config,
    GatewayConfig,
    KeyConfig,
    StorageConfig,
    UpstreamConfig,
    is_loopback,
)
from limner.engine.defaults import default_image_tool
from limner.errors import ConfigError, ParameterError
from limner.images.protocol import Resolved
from limner.storage.links import LinkSigner

from .advice import refused
from .summary import dollars

__all__ = ["Outlook", "foresee"]

_DAY_S = 24 * 3600.0
"""How long links hold where nobody says."""
_MANY = 20
"""More keys than this are counted, not listed."""


@dataclass(frozen=True, slots=True)
class Outlook:
    """What would happen; nothing in it is secret."""

    lines: tuple[tuple[str, str], ...]
    """Label → words; a label that is empty goes on with the one above."""
    warnings: tuple[str, ...]
    """What is allowed, and seldom meant."""
    notes: tuple[str, ...]
    """What was decided because nobody said it."""


async def foresee(config: Config, *, offline: bool, file: Path | None) -> Outlook:
    """Look at everything that can be looked at without sending or writing anything.

    Raises: LimnerError, for what the service could not be started with.
    """
    usual = await _usual(config)
    _check_state(config)
    _check_links(config.storage)
    lines = (
        *_place(config.gateway, file),
        *_words(config, offline=offline),
        *_pictures(config, usual, offline=offline),
        *_people(config.gateway),
        *_bounds(config),
        *_kept(config),
    )
    return Outlook(lines, tuple(_warnings(config, usual)), (*config.notes, *usual.notes))


async def _usual(config: Config) -> Resolved:
    """What becomes of a picture for which nothing but a prompt is said. Raises: LimnerError."""
    tool = default_image_tool(config, SystemClock())
    try:
        # Partial pictures are ordered for clients that ask for them, whatever [image] says.
        return tool.backend.resolve(replace(tool.request({"prompt": "a picture"}), partial_images=0))
    except ParameterError as error:
        raise refused(error, {}) from error
    finally:
        await tool.backend.aclose()


def _check_state(config: Config) -> None:
    """Raises: ConfigError, where nothing can be kept."""
    for folder, name in (
        (config.gateway.state, "`state` in [gateway]"),
        (config.storage.path, "`path` in [storage]"),
    ):
        if folder is None:
            continue
        there = next(each for each in (folder, *folder.parents) if each.exists())
        if not there.is_dir() or not os.access(there, os.W_OK | os.X_OK):
            raise ConfigError(
                f"nothing can be kept in {str(folder)!r}: {str(there)!r} cannot be written; "
                f"let this user write there, or set another {name}",
                code="store_unavailable",
            )


def _check_links(storage: StorageConfig) -> None:
    """Raises: ConfigError, where links cannot be signed as configured."""
    if storage.link_base_url is not None:
        LinkSigner(storage.link_base_url, storage.link_keys, ttl_s=storage.link_ttl_s or _DAY_S)


def _place(gateway: GatewayConfig, file: Path | None) -> Iterator[tuple[str, str]]:
    base = gateway.public_url or gateway.address
    if file is not None:
        yield "file", str(file)
    yield "listens on", gateway.address if gateway.port else f"a free port of {gateway.host}"
    yield "clients use", f"{base}/v1 (OpenAI) or {base}/api/v1 (OpenRouter)"


def _words(config: Config, *, offline: bool) -> Iterator[tuple[str, str]]:
    gateway = config.gateway
    offered = ", ".join(gateway.models) or "any name"
    if offline:
        yield "chat models", f"{offered}: all answered by the offline model, and each answer says so"
    else:
        yield "chat models", offered
        for upstream in gateway.upstreams:
            yield "", _upstream(upstream, alone=len(gateway.upstreams) == 1)
    on = ["declared in the request", "asked for by a model's name, …:illustrated"]
    on += [f"on by itself for {', '.join(gateway.illustrated)}"] if gateway.illustrated else []
    yield "image tool", "; ".join(on)


def _upstream(upstream: UpstreamConfig, *, alone: bool) -> str:
    which = f"{upstream.prefix}…" if upstream.prefix else "all" if alone else "all others"
    cut = " (asked for without the prefix)" if upstream.prefix and upstream.strip_prefix else ""
    key = "with a key" if upstream.api_key else "without a key"
    api = ", by the Responses API" if upstream.api == "responses" else ""
    return f"{which} at {origin(upstream.base_url)}, {key}{api}{cut}"


def _pictures(config: Config, usual: Resolved, *, offline: bool) -> Iterator[tuple[str, str]]:
    image, gateway = config.image, config.gateway
    if image.model is None:
        why = "each answer says so" if offline else 'model = "offline" in [image]'
        yield "image model", f"the offline painter, for nothing ({why})"
    else:
        where = origin(image.base_url or "")
        price = (
            "of unknown price" if usual.price_usd is None else f"at most {dollars(usual.price_usd)} a picture"
        )
        yield "image model", f"{image.model} at {where}, {price}"
    yield "", f"clients may name {', '.join(gateway.image_models) or 'any other'}"
    places = {"markdown": "in the text", "images": "in images[]", "both": "in the text and in images[]"}
    yield "in answers", f"{places[gateway.show]}, as {'links' if gateway.urls == 'links' else 'data URLs'}"
    promise_s = gateway.promise_after_s
    yield "words first", "off" if promise_s is None else f"after {promise_s:g} s (promise_after_s)"


def _people(gateway: GatewayConfig) -> Iterator[tuple[str, str]]:
    if not gateway.keys:
        yield "keys", f"none: every program that reaches {gateway.host} may use the service"
    elif len(gateway.keys) > _MANY:
        yield "keys", f"{len(gateway.keys)}"
    else:
        for place, key in enumerate(gateway.keys):
            yield "" if place else "keys", _key(key)


def _key(key: KeyConfig) -> str:
    limits = [
        "no limit of money" if key.usd is None else f"{dollars(key.usd)} for pictures a day",
        "" if key.requests_per_minute is None else f"{key.requests_per_minute} requests a minute",
        "" if key.concurrency is None else f"{key.concurrency} at once",
    ]
    return f"{key.name}: {', '.join(filter(None, limits))}"


def _bounds(config: Config) -> Iterator[tuple[str, str]]:
    gateway, limits = config.gateway, config.limits
    yield (
        "requests",
        f"{gateway.concurrency} at once, {gateway.body_bytes:,} bytes each; {gateway.header_s:g} s for the head, "
        f"{gateway.body_s:g} s for the body; {gateway.drain_s:g} s to end in",
    )
    usd = [
        f"{dollars(amount)} {what}"
        for amount, what in (
            (limits.usd, "a turn"),
            (limits.conversation_usd, "a conversation"),
            (limits.process_usd, "in all"),
        )
        if amount is not None
    ]
    yield (
        "a turn",
        f"{limits.rounds} rounds, {limits.calls} calls, {limits.images} pictures, {limits.seconds:g} s; "
        f"money for pictures: {', '.join(usd) or 'no limit'}",
    )
    if gateway.forward:
        yield "passed on", ", ".join(gateway.forward)
    yield "metrics", "at /metrics" if gateway.metrics else "off"


def _kept(config: Config) -> Iterator[tuple[str, str]]:
    storage, gateway = config.storage, config.gateway
    stored = (
        f"stored responses for {gateway.store_days:g} days" if gateway.store_days else "no stored responses"
    )
    yield "state", f"{gateway.state}: turns for {gateway.keep_days:g} days, {stored}"
    yield "pictures", str(storage.url or storage.path or "in the same folder")
    hours = (storage.link_ttl_s or _DAY_S) / 3600
    signed = storage.link_base_url or (
        f"{gateway.public_url or gateway.address}, with a key that is kept in the state folder"
    )
    yield "links", f"for {hours:g} h, below {signed}"


def _warnings(config: Config, usual: Resolved) -> Iterator[str]:
    yield from _warnings_of_reach(config.gateway)
    yield from _warnings_of_money(config, usual)
    gateway = config.gateway
    if gateway.promise_after_s is not None and gateway.urls == "data":
        yield 'a picture that is a data URL cannot be promised: `promise_after_s` needs `urls = "links"`'
    if config.image.partial_images:
        yield (
            "`partial_images` in [image] is for programs: a service orders partial pictures for the clients "
            "that ask for them in their requests, and for no others"
        )
    links, base = config.storage.link_base_url, gateway.public_url or gateway.address
    if links is not None and links.rstrip("/") != base:
        yield (
            f"links begin with {links}, and this service is at {base}: something must serve pictures there; "
            "else take `link_base_url` out of [storage], and the service signs its own"
        )
    if gateway.port and _taken(gateway):
        yield f"something listens on {gateway.address} already; stop it, or set another `port`"


def _warnings_of_reach(gateway: GatewayConfig) -> Iterator[str]:
    base = urlsplit(gateway.public_url or gateway.address)
    far = not is_loopback(base.hostname or "")
    if far and base.scheme == "http":
        yield (
            f"{base.geturl()} is not encrypted: keys and links can be read on the way; "
            "put a proxy with TLS in front, and say its https address in `public_url`"
        )
    if far and not gateway.keys:
        yield (
            f"no keys are configured, and clients reach the service at {base.geturl()}: "
            "whoever does so spends your money; add [[gateway.keys]]"
        )
    for upstream in gateway.upstreams:
        where = urlsplit(upstream.base_url)
        if upstream.api_key and where.scheme == "http" and not is_loopback(where.hostname or ""):
            yield f"the key for {origin(upstream.base_url)} is sent there without encryption; use https"


def _warnings_of_money(config: Config, usual: Resolved) -> Iterator[str]:
    limits, keys = config.limits, config.gateway.keys
    if usual.price_usd == 0:
        return
    free = [key.name for key in keys if key.usd is None]
    if limits.process_usd is None and (free or not keys):
        whose = f"of {', '.join(free[:_MANY])} " if free else ""
        yield (
            f"nothing limits the money for pictures {whose}over a day; "
            + (
                "set `usd` in [[gateway.keys]], or `process_usd` in [limits]"
                if free
                else "set `process_usd` in [limits]"
            )
        )
    said = [each for each in (limits.usd, limits.conversation_usd, limits.process_usd) if each is not None]
    said += [key.usd for key in keys if key.usd is not None]
    if not said:
        return
    if usual.price_usd is None and limits.unknown_prices == "refuse":
        yield (
            "no picture is bought where money is limited, for its price is unknown; set `price_usd` in [image], "
            'or `unknown_prices = "allow"` in [limits]'
        )
    elif usual.price_usd is not None and usual.price_usd > min(said):
        yield (
            f"a picture costs up to {dollars(usual.price_usd)}, which is more than the least of the budgets, "
            f"{dollars(min(said))}"
        )


def _taken(gateway: GatewayConfig) -> bool:
    """Whether somebody listens there; nothing is sent, and nobody is let in meanwhile."""
    try:
        found = socket.getaddrinfo(gateway.host, gateway.port, type=socket.SOCK_STREAM)
        for family, kind, protocol, _, address in found[:1]:
            with socket.socket(family, kind, protocol) as trial:
                if os.name == "posix":
                    trial.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                trial.bind(address)
    except OSError:
        return True
    return False
