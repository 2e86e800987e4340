"""What the configuration says, as the parts that an engine is made of."""

from __future__ import annotations

from typing import TYPE_CHECKING

from limner.clock import Clock
from limner.core.limits import Limits
from limner.images.protocol import ImageBackend
from limner.models.protocol import Model
from limner.spending.budget import Budget
from limner.storage.protocol import Storage
from limner.tools.image import ImageTool

from .recorder import MemoryRecorder, Recorder

if TYPE_CHECKING:
    from limner.config.settings import Config
    from limner.images.catalogue import Catalogue
    from limner.images.inspector import Inspector
    from limner.storage.links import LinkSigner

__all__ = [
    "default_budget",
    "default_image_tool",
    "default_inspector",
    "default_limits",
    "default_model",
    "default_storage",
]

_DAY_S = 24 * 3600.0


def default_model(config: Config, clock: Clock) -> Model:
    """The configured chat model, else the offline one."""
    if config.chat.model is None:
        from limner.models.offline import OfflineModel

        return OfflineModel()
    from limner.models.apis import asked_through

    return asked_through(config.chat.api)(
        config.chat.model,
        base_url=config.chat.base_url,
        api_key=_key(config.chat.api_key),
        stream=config.chat.stream,
        clock=clock,
    )


def default_image_tool(config: Config, clock: Clock) -> ImageTool:
    """The configured picture maker as a tool, else the offline painter."""
    image = config.image
    return ImageTool(
        _backend(config, clock),
        aspect_ratio=image.aspect_ratio,
        size=image.size,
        quality=image.quality,
        style=image.style,
        background=image.background,
        output_format=image.output_format,
        output_compression=image.output_compression,
        moderation=image.moderation,
        style_sentence=image.style_sentence,
        partial_images=image.partial_images,
    )


def _backend(config: Config, clock: Clock) -> ImageBackend:
    image = config.image
    if image.model is None:
        return _painter()
    from limner.config.load import OFFLINE
    from limner.images.catalogue import load_catalogue

    catalogue = load_catalogue(image.catalogue)
    first = _maker(image.model, config, catalogue, clock)
    if image.fallback_model is None:
        return first
    from limner.images.fallback import Fallback

    other = image.fallback_model
    return Fallback(first, _painter() if other == OFFLINE else _maker(other, config, catalogue, clock))


def _painter() -> ImageBackend:
    from limner.images.offline.painter import Painter

    return Painter()


def _maker(model: str, config: Config, catalogue: Catalogue, clock: Clock) -> ImageBackend:
    from limner.images.chat import ChatImages
    from limner.images.openai import OpenAIImages

    image = config.image
    maker = ChatImages if image.api == "chat" else OpenAIImages
    return maker(
        model,
        base_url=image.base_url,
        api_key=_key(image.api_key),
        policy=image.policy,
        concurrency=image.concurrency,
        timeout_s=image.timeout_s,
        price_usd=image.price_usd,
        max_references=image.max_references,
        server=image.server,
        catalogue=catalogue,
        clock=clock,
    )


def default_inspector(config: Config) -> Inspector:
    """What asks whether bytes are a picture of a kind that is accepted."""
    from limner.images.inspector import Inspector

    return Inspector(config.image.accept, strip_metadata=config.image.strip_metadata)


def default_storage(config: Config, recorder: Recorder, clock: Clock) -> Storage:
    """The configured bucket or folder, else a folder beside the journal, else memory.

    Where facts outlive the process, the pictures that they speak of must do so too.
    """
    storage, links = config.storage, _links(config, clock)
    if storage.url is not None:
        from limner.storage.objects import ObjectStorage

        expires_s = storage.link_ttl_s or _DAY_S
        return ObjectStorage(storage.url, options=storage.options, links=links, expires_s=expires_s)
    from limner.storage.memory import MemoryStorage

    if storage.path is None and isinstance(recorder, MemoryRecorder):
        return MemoryStorage(links=links)
    from limner.storage.folder import FolderStorage

    from .sqlite import SQLiteRecorder

    if storage.path is not None:
        return FolderStorage(storage.path, links=links)
    if isinstance(recorder, SQLiteRecorder):
        return FolderStorage(recorder.path.with_name(f"{recorder.path.name}.pictures"), links=links)
    return MemoryStorage(links=links)


def _links(config: Config, clock: Clock) -> LinkSigner | None:
    storage = config.storage
    if storage.link_base_url is None:
        return None
    from limner.storage.links import LinkSigner

    return LinkSigner(
        storage.link_base_url, storage.link_keys, ttl_s=storage.link_ttl_s or _DAY_S, clock=clock
    )


def default_limits(config: Config) -> Limits:
    """The configured limits."""
    limits = config.limits
    return Limits(
        rounds=limits.rounds,
        calls=limits.calls,
        images=limits.images,
        seconds=limits.seconds,
        usd=limits.usd,
        conversation_usd=limits.conversation_usd,
        unknown_prices=limits.unknown_prices,
    )


def default_budget(config: Config) -> Budget:
    """The configured money of the process, else one without a limit."""
    return Budget(config.limits.process_usd)


def _key(key: str | None) -> str:
    """An empty key sends no credentials at all; "none" is how a user says so."""
    return "" if key is None or key == "none" else key
