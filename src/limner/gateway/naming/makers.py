"""Image models by the names that clients give them: each a maker at the configured address, kept for a while."""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass, replace

from limner.clock import Clock
from limner.config.settings import Config
from limner.engine.defaults import default_image_tool
from limner.logs import log
from limner.tools.image import ImageTool

from ..refusal import Refusal
from .patterns import may_be_named

__all__ = ["Makers"]

_KEPT = 32
_MOST = 512
"""Names that clients may have in use at once: each has its own connections and its own places."""
_IDLE_S = 900.0
"""Longer than any order is under way: what was not asked for since has nothing to lose."""


@dataclass(slots=True)
class _Maker:
    tool: ImageTool
    asked_s: float


class Makers:
    """The image tools of all models that may be named; close it when the engine has been left."""

    def __init__(self, config: Config, default: ImageTool, clock: Clock, *, offline: bool = False) -> None:
        """`default`: the configured one, which stays its owner's; `offline`: it answers to every name."""
        self._config = config
        self._default = default
        self._clock = clock
        self._offline = offline
        self._makers: OrderedDict[str, _Maker] = OrderedDict()

    def own(self, model: str | None) -> bool:
        """Whether that means the configured model."""
        return model is None or model == self._config.image.model

    def offered(self, model: str) -> bool:
        """Whether clients may name `model`."""
        return self.own(model) or may_be_named(model, self._config.gateway.image_models)

    async def find(self, model: str | None) -> ImageTool:
        """What draws with `model`, by default the configured one. Whether there is such a model, only its server knows.

        Raises: Refusal (`model_not_found`, `overloaded`); ConfigError.
        """
        if model is None or self.own(model):
            return self._default
        # Nothing is painted under the name of a model that is not connected, unless somebody has said so.
        if not self.offered(model) or (self._default.backend.offline and not self._offline):
            sentence = "There is no such image model here; see GET /v1/images/models, or leave 'model' out."
            raise Refusal("model_not_found", sentence, param="model")
        if self._offline:
            return self._default
        now_s = self._clock.monotonic()
        found = self._makers.get(model)
        if found is None:
            await self._make_room(now_s)
            # Made by another request meanwhile, perhaps.
            found = self._makers.get(model) or _Maker(self._tool(model), now_s)
            self._makers[model] = found
        found.asked_s = now_s
        self._makers.move_to_end(model)
        return found.tool

    async def aclose(self) -> None:
        """Give back all connections; idempotent."""
        while self._makers:
            await self._makers.popitem()[1].tool.backend.aclose()

    def _tool(self, model: str) -> ImageTool:
        image = self._config.image
        # What is said of the configured model alone: its price, and what others might not take.
        other = replace(
            image,
            model=model,
            fallback_model=None,
            price_usd=None,
            max_references=None,
            size=None,
            aspect_ratio=None,
            quality=None,
            style=None,
            background=None,
            output_format=None,
            output_compression=None,
            moderation=None,
        )
        return default_image_tool(replace(self._config, image=other), self._clock)

    async def _make_room(self, now_s: float) -> None:
        # Those that were asked for last stand last.
        for name, maker in tuple(self._makers.items()):
            if len(self._makers) < _KEPT or now_s - maker.asked_s < _IDLE_S:
                break
            if not maker.tool.backend.throttle.inside and self._makers.pop(name, None) is not None:
                await maker.tool.backend.aclose()
                log.info("maker.closed", makers=len(self._makers))
        if len(self._makers) >= _MOST:
            sentence = "Too many different image models are asked for at once; try again later."
            raise Refusal("overloaded", sentence, retry_after_s=60)
