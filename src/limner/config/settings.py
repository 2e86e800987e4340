"""The finished configuration: frozen, complete, checked."""

from __future__ import annotations

import ipaddress
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from limner.core.formats import FormatName

__all__ = [
    "ChatApi",
    "ChatConfig",
    "Config",
    "GatewayConfig",
    "ImageConfig",
    "KeyConfig",
    "LimitsConfig",
    "StorageConfig",
    "UpstreamConfig",
    "is_loopback",
]


ChatApi = Literal["chat", "responses"]
"""What a chat model's server is spoken to in."""


@dataclass(frozen=True, slots=True)
class ChatConfig:
    """The chat model: where it is and what it is called."""

    model: str | None = None
    """None: the offline default."""
    base_url: str | None = None
    """Up to and without `/chat/completions` or `/responses`; None with `model`, unless that was not asked for."""
    api_key: str | None = field(default=None, repr=False)
    """The key that belongs to `base_url`; "none" for a server that needs none; None with `model`."""
    stream: bool = True
    """Whether the answer is asked for as a stream."""
    api: ChatApi = "chat"
    """Whether the model is asked through Chat Completions, or through the Responses API."""


@dataclass(frozen=True, slots=True)
class ImageConfig:
    """The picture maker: where it is, and what every picture has in common."""

    model: str | None = None
    """None: the offline painter."""
    base_url: str | None = None
    """Up to and without the path of the endpoint; None with `model`."""
    api_key: str | None = field(default=None, repr=False)
    """The key that belongs to `base_url`; "none" for a server that needs none; None with `model`."""
    size: str | None = None
    """Like "1024x768"; wins over `aspect_ratio`."""
    aspect_ratio: str | None = None
    """Like "16:9"."""
    quality: str | None = None
    """As the model spells it."""
    style: str | None = None
    """The model's own parameter, like "vivid"."""
    style_sentence: str = ""
    """What every prompt carries: "watercolour, soft light"."""
    background: str | None = None
    """As the model spells it: "transparent"."""
    output_format: FormatName | None = None
    """One of `accept`."""
    output_compression: int | None = None
    """0 to 100, of formats that lose something."""
    moderation: str | None = None
    """As the model spells it."""
    partial_images: int = 0
    """How many pictures a stream tells on the way to each, 0 to 3; they cost extra."""
    timeout_s: float = 120.0
    """Seconds for one picture from submission to its last byte, > 0. Source: scorecard section 3."""
    concurrency: int = 8
    """Pictures under way at once, > 0. Source: scorecard section 3."""
    price_usd: float | None = None
    """What one picture costs at most, >= 0; None where unknown."""
    policy: Literal["idempotent", "at_most_once"] = "at_most_once"
    """How the maker may be asked again after a crash."""
    server: str | None = None
    """What answers at `base_url`, by the name that `limner.images.quirks` has for it: "localai"."""
    api: Literal["images", "chat"] = "images"
    """Whether pictures are ordered from an Images endpoint, or in a chat."""
    fallback_model: str | None = None
    """Asked at the same server where `model` could not draw and surely has not billed."""
    max_references: int | None = None
    """How many pictures a new one may be told to resemble; None: as the catalogue says."""
    catalogue: Path | None = None
    """A file with rows of image models beside the packaged ones, absolute."""
    accept: tuple[FormatName, ...] = ("png", "jpeg", "webp")
    """What a provider may send."""
    strip_metadata: bool = False
    """Whether text, EXIF and provenance are cut out of pictures before they are kept."""


@dataclass(frozen=True, slots=True)
class LimitsConfig:
    """How much one turn may take before the model is asked to finish, and how much money all of them."""

    rounds: int = 8
    calls: int = 32
    images: int = 16
    seconds: float = 300.0
    usd: float | None = None
    """Money for the pictures of a turn; None is no limit."""
    conversation_usd: float | None = None
    """Of a whole conversation."""
    process_usd: float | None = None
    """Of all conversations of an engine together."""
    unknown_prices: Literal["refuse", "allow"] = "refuse"
    """What becomes of a picture of unknown price where money is limited."""


@dataclass(frozen=True, slots=True)
class StorageConfig:
    """Where pictures are kept."""

    path: Path | None = None
    """A folder, absolute; with `url` one of both at most, without either in memory."""
    url: str | None = None
    """A bucket, like "s3://bucket/prefix"."""
    options: Mapping[str, str] = field(default_factory=dict, repr=False)
    """Of `url`, as obstore names them; what is missing comes from the environment."""
    link_base_url: str | None = None
    """Where a gateway serves pictures; links below it are signed."""
    link_keys: tuple[str, ...] = field(default=(), repr=False)
    """What signs links, the newest first; also those of `link_key_file`."""
    link_key_file: Path | None = None
    """A file with a key on each line, absolute."""
    link_ttl_s: float | None = None
    """Seconds for which a link holds, > 0; None: a day."""


@dataclass(frozen=True, slots=True)
class KeyConfig:
    """Who may use the service, and how much of it."""

    name: str
    """The tenant: the owner of pictures, turns and idempotency records."""
    sha256: str = field(repr=False)
    """Of the key; hexadecimal, in small letters."""
    usd: float | None = None
    """US dollars for pictures in a day (UTC); None is no limit."""
    requests_per_minute: int | None = None
    concurrency: int | None = None
    """Requests under way at once."""


@dataclass(frozen=True, slots=True)
class UpstreamConfig:
    """A chat endpoint, and which models are there."""

    prefix: str
    """What the names of its models begin with; "" is the default one, which has all others."""
    base_url: str
    """Up to and without `/chat/completions` or `/responses`."""
    api_key: str | None = field(default=None, repr=False)
    """None: it is asked without a key."""
    strip_prefix: bool = True
    """Whether the upstream knows its models without `prefix`."""
    api: ChatApi = "chat"
    """Whether it is asked through Chat Completions, or through the Responses API."""


@dataclass(frozen=True, slots=True)
class GatewayConfig:
    """The service: where it listens, for whom, and what it passes on to whom."""

    host: str = "127.0.0.1"
    port: int = 8000
    """0: one that is free."""
    public_url: str | None = None
    """Where clients reach it, without a slash at its end; links begin with it. None: `address`."""
    state: Path | None = None
    """A folder, absolute: journal, ledger, link key, and pictures unless [storage] says otherwise.
    None only where nobody serves."""
    keys: tuple[KeyConfig, ...] = ()
    """None at all: whoever reaches a loopback address may use the service."""
    upstreams: tuple[UpstreamConfig, ...] = ()
    """Also the default one, once the configuration is one for serving."""
    models: tuple[str, ...] = ()
    """Chat models that are offered, or patterns like "openai/*"; () is any."""
    illustrated: tuple[str, ...] = ()
    """Models or patterns for which the image tool is on by itself."""
    image_models: tuple[str, ...] = ()
    """Image models that a client may name, or patterns; () is any."""
    show: Literal["markdown", "images", "both"] = "both"
    """Where pictures stand in the answer of a chat."""
    urls: Literal["links", "data"] = "links"
    promise_after_s: float | None = None
    """Seconds after which the words go on without a picture, >= 0; None: they wait."""
    forward: tuple[str, ...] = ()
    """Parameters of requests that are passed on beside those that always are."""
    metrics: bool = False
    """Whether `/metrics` is there."""
    concurrency: int = 1000
    """Requests under way at once, of all keys."""
    body_bytes: int = 20 << 20
    """How large the body of a request may be."""
    header_s: float = 10.0
    """Seconds for the head of a request to arrive."""
    body_s: float = 30.0
    """Seconds for its body to arrive."""
    write_s: float = 60.0
    """Seconds for which a client may read nothing of an answer."""
    drain_s: float = 30.0
    """Seconds that requests under way have to end in when the service is stopped, >= 0."""
    keep_alive_s: float = 15.0
    """Seconds of silence in a stream before a comment is sent. Source: scorecard section 3.1."""
    keep_days: float = 7.0
    """Days for which turns stay in the journal."""
    store_days: float = 7.0
    """Days for which stored responses can be gone on with, since that was last done, >= 0; 0: none are stored."""

    @property
    def address(self) -> str:
        """Where it listens, as an address; with port 0 not yet a true one."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"http://{host}:{self.port}"

    @property
    def loopback(self) -> bool:
        """Whether only programs of this machine can reach it."""
        return is_loopback(self.host)


@dataclass(frozen=True, slots=True)
class Config:
    """All that the user has said, and what was taken where nothing was said."""

    chat: ChatConfig = field(default_factory=ChatConfig)
    image: ImageConfig = field(default_factory=ImageConfig)
    limits: LimitsConfig = field(default_factory=LimitsConfig)
    storage: StorageConfig = field(default_factory=StorageConfig)
    gateway: GatewayConfig = field(default_factory=GatewayConfig)
    notes: tuple[str, ...] = ()
    """What the user should hear: defaults that were taken, keys that were not used. Never a key."""

    @property
    def offline(self) -> bool:
        """Whether no language model is connected."""
        return self.chat.model is None


def is_loopback(host: str) -> bool:
    """Whether a host without brackets is this machine, and nobody else can reach it there."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host.lower().rstrip(".") == "localhost"
