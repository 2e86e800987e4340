"""The image backend that needs no key: it draws what the prompt's words name."""

from __future__ import annotations

import os
from dataclasses import replace
from importlib.util import find_spec
from typing import Any

from limner.errors import ConfigError, PictureError
from limner.images.catalogue.resolve import resolve
from limner.images.protocol import Drawing, ImageRequest, Policy, Purchase, Resolved
from limner.images.throttle import Throttle
from limner.images.workers.pool import WorkerFailed, Workers

from .sizes import NAME, PAINTER, size_of

__all__ = ["Painter"]

_MODULE = "limner.images.offline.worker"
MAX_PROMPT = 20_000
"""Characters that the worker gets; what a picture is about stands long before that."""
_IGNORED = ("quality", "style", "background", "output_compression", "moderation", "response_format")
"""What it has no use for, and does not refuse either: it stands in for any model."""


class Painter:
    """Draws scenes from keywords, in processes of its own; the same request gives the same picture."""

    def __init__(self, *, workers: int | None = None) -> None:
        if workers is not None and workers < 1:
            raise ConfigError(f"workers is {workers}; give 1 or more", code="workers_invalid")
        if find_spec("resvg_py") is None:
            raise ConfigError(
                "the offline painter needs an extra; install it with: pip install 'limner[offline]'",
                code="extra_missing",
            )
        most = workers or min(2, os.cpu_count() or 1)
        self.throttle = Throttle(most)
        self._workers = Workers(_MODULE, most)

    @property
    def name(self) -> str:
        """Which backend this is."""
        return NAME

    @property
    def offline(self) -> bool:
        """Always: no image model has seen the prompt."""
        return True

    @property
    def policy(self) -> Policy:
        """Drawing again gives the same picture and costs nothing."""
        return "idempotent"

    @property
    def timeout_s(self) -> float:
        """Far more than a picture needs, even on a busy machine."""
        return 60.0

    @property
    def max_references(self) -> int:
        """None yet."""
        return 0

    @property
    def pids(self) -> tuple[int, ...]:
        """Of the worker processes that run now."""
        return self._workers.pids

    def resolve(self, request: ImageRequest) -> Resolved:
        """With the size that will be drawn, for nothing.

        Raises: ParameterError, for a size or format that is not drawn.
        """
        ignored = [name for name in _IGNORED if getattr(request, name) is not None]
        nothing: dict[str, Any] = dict.fromkeys(ignored)
        order = resolve(PAINTER, replace(request, **nothing))
        if not ignored:
            return order
        note = f"the offline painter makes no difference for {', '.join(ignored)}"
        return replace(order, notes=(*order.notes, note))

    async def draw(self, request: ImageRequest, purchase: Purchase) -> tuple[Drawing, ...]:  # noqa: ARG002 - the protocol's
        """Draw the prompt's scene.

        Raises: ParameterError, as `resolve`; PictureError "internal" where the worker broke.
        Cancel: safe; the worker is killed and replaced.
        """
        drawn = self.resolve(request).request
        width, height = size_of(drawn.size)
        job = {
            "prompt": drawn.prompt[:MAX_PROMPT],
            "width": width,
            "height": height,
            "format": drawn.output_format or "png",
        }
        try:
            _, data = await self._workers.ask(job)
        except WorkerFailed as failure:
            raise PictureError("internal", billed="no", detail=failure.detail) from failure
        return (Drawing(data=data, model=NAME, cost_usd=0.0),)

    async def aclose(self) -> None:
        """End the worker processes."""
        await self._workers.aclose()
