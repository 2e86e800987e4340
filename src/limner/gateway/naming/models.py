"""`GET /models`, `GET /models/{id}` and `GET /images/models`: what clients may name."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any
from urllib.parse import unquote

import anyio

from limner.clock import Clock, SystemClock
from limner.config.settings import Config
from limner.images.catalogue import ANY, ImageModel, load_catalogue
from limner.images.catalogue.shapes import ListedSizes, RatiosOnly, SizeRule, SteppedSizes, TieredSizes
from limner.wire.frames import json_bytes
from limner.wire.images.lines import limner
from limner.wire.listings import ImageModelFacts, ModelFacts, image_model_row, image_models, model_row, models

from ..exchange import OFFLINE_HEADERS, Inbound, Whole
from ..refusal import Refusal
from .offered import Offered
from .patterns import fits, is_pattern, may_be_named
from .upstreams import ILLUSTRATED

__all__ = ["ModelsEndpoints"]

_CHAT_OFFLINE = ("openai/gpt-4o", "openai/gpt-5", "anthropic/claude-sonnet-5", "google/gemini-3-pro")
_IMAGES_OFFLINE = ("openai/gpt-image-1", "openai/dall-e-3", "openai/dall-e-2", "openai/gpt-5-image")
"""Names that clients and samples use; offline every other one is answered, too."""
_OFFLINE = "No model is connected: the answers under every name are made up offline."
_MOST_N = 10
"""Of one request, whatever the model draws at once: each picture is an order of its own."""
_PARAMETERS = (
    "max_tokens",
    "response_format",
    "seed",
    "stop",
    "temperature",
    "tool_choice",
    "tools",
    "top_p",
)
"""What nearly every chat endpoint takes; clients look here whether a model has tools."""


class ModelsEndpoints:
    """The lists, as their strict clients read them."""

    def __init__(self, config: Config, clock: Clock | None = None, *, offline: bool = False) -> None:
        """`offline`: every name is answered by the offline model and the offline painter."""
        self._config = config
        self._offline = offline
        self._offered = Offered(config, clock or SystemClock())
        self._image_rows: list[dict[str, Any]] | None = None

    async def models(self, inbound: Inbound) -> Whole:  # noqa: ARG002  the shape of an endpoint
        """`GET /models`: the chat models, each also with our tool on."""
        return await self._listed(models(model_row(each) for each in await self._chat()))

    async def model(self, inbound: Inbound) -> Whole:
        """`GET /models/{id}`; the id may have slashes in it, as they are or encoded.

        Raises: Refusal (`model_not_found`).
        """
        asked = unquote(inbound.path.partition("/models/")[2])
        rows = await self._chat()
        found = next((each for each in rows if each.id == asked), None)
        if found is None and self._may_be(asked):
            found = replace(self._facts(asked.removesuffix(ILLUSTRATED)), id=asked)
            found = replace(found, writes=("text", "image")) if asked.endswith(ILLUSTRATED) else found
        if found is None:
            raise Refusal("model_not_found", param="model")
        return await self._listed(model_row(found))

    async def images(self, inbound: Inbound) -> Whole:  # noqa: ARG002  the shape of an endpoint
        """`GET /images/models`: those that `POST /images` draws with, and what each takes."""
        if self._image_rows is None:
            # The catalogue is a file.
            self._image_rows = await anyio.to_thread.run_sync(self._drawn)
        return await self._listed(image_models(self._image_rows))

    async def _listed(self, answer: Mapping[str, Any]) -> Whole:
        told = {**answer, **({"limner": limner(offline=True)} if self._offline else {})}
        # Hundreds of rows are half a megabyte.
        body = await anyio.to_thread.run_sync(json_bytes, told)
        return Whole(body, headers=OFFLINE_HEADERS if self._offline else {})

    async def _chat(self) -> list[ModelFacts]:
        known = await self._offered.models() if not self._offline else ()
        names = {each.id: each for each in known if self._matches(each.id)}
        plain = [each for each in self._config.gateway.models if not is_pattern(each)]
        if self._offline and not plain:
            plain = [each for each in _CHAT_OFFLINE if self._matches(each)]
        own = self._config.chat.model
        if not self._offline and own is not None and self._matches(own):
            plain.append(own)
        facts = [*(names.get(each) or self._facts(each) for each in plain), *names.values()]
        return list(
            _illustrated({each.id: each for each in facts}.values(), self._config.gateway.illustrated)
        )

    def _may_be(self, model: str) -> bool:
        """Whether a model that is on no list is answered all the same."""
        name = model.removesuffix(ILLUSTRATED)
        return bool(name) and self._matches(name) and (self._offline or not self._offered.complete)

    def _matches(self, name: str) -> bool:
        return may_be_named(name, self._config.gateway.models)

    def _facts(self, name: str) -> ModelFacts:
        if self._offline:
            return ModelFacts(name, name=f"{name} (offline)", description=_OFFLINE, parameters=_PARAMETERS)
        return ModelFacts(name, parameters=_PARAMETERS)

    def _drawn(self) -> list[dict[str, Any]]:
        """The rows of image models; the one that draws where none is named comes first."""
        return [image_model_row(each) for each in self._image_facts()]

    def _image_facts(self) -> Iterator[ImageModelFacts]:
        image, patterns = self._config.image, self._config.gateway.image_models
        plain = [each for each in patterns if not is_pattern(each)]
        if self._offline:
            for name in plain or [each for each in _IMAGES_OFFLINE if may_be_named(each, patterns)]:
                yield ImageModelFacts(name, name=f"{name} (offline)", description=_OFFLINE, max_n=_MOST_N)
            return
        if image.model is None:
            return
        catalogue = load_catalogue(image.catalogue)
        seller = catalogue.provider_of(image.base_url or "")
        sold = [each.id for each in catalogue.models if seller is not None and each.provider == seller]
        for name in dict.fromkeys([image.model, *plain, *sold]):
            if name == image.model or may_be_named(name, patterns):
                row = catalogue.find(name, base_url=image.base_url)
                yield ImageModelFacts(name, max_n=_MOST_N) if row is None else _described(name, row)


def _illustrated(rows: Iterable[ModelFacts], always: Sequence[str]) -> Iterator[ModelFacts]:
    """Each model, and beside it the name under which our tool is on by itself."""
    for row in rows:
        drawing = replace(row, writes=("text", "image"))
        if fits(row.id, always):
            yield drawing
            continue
        yield row
        name = f"{row.name or row.id}, illustrated"
        yield replace(drawing, id=f"{row.id}{ILLUSTRATED}", name=name)


def _described(name: str, row: ImageModel) -> ImageModelFacts:
    sizes, tiers, ratios = _shapes(row.sizes)
    return ImageModelFacts(
        name,
        owned_by=row.provider.key,
        sizes=sizes,
        resolutions=tiers,
        aspect_ratios=ratios,
        qualities=_known(row.qualities),
        styles=_known(row.styles),
        backgrounds=_known(row.backgrounds),
        output_formats=_known(row.output_formats),
        moderations=_known(row.moderations),
        compresses=bool(row.compresses),
        max_n=_MOST_N,
        max_references=row.max_references,
    )


def _known(values: Sequence[str]) -> tuple[str, ...]:
    return () if ANY in values else tuple(values)


def _shapes(rule: SizeRule | None) -> tuple[tuple[str, ...], tuple[str, ...], tuple[str, ...]]:
    """Sizes in pixels, tiers, and ratios, as far as a list can say them."""
    match rule:
        case ListedSizes():
            ratios = dict.fromkeys(each.aspect_ratio for each in rule.sizes if each.aspect_ratio)
            return tuple(str(each.size) for each in rule.sizes if each.size), (), tuple(ratios)
        case SteppedSizes():
            return tuple(str(each.size) for each in rule.named if each.size), (), ()
        case TieredSizes():
            ratios = dict.fromkeys(each.aspect_ratio for each in rule.table if each.aspect_ratio)
            return (), tuple(name for name, _ in rule.tiers), tuple(ratios)
        case RatiosOnly():
            return (), (), rule.ratios
        case None:
            return (), (), ()
