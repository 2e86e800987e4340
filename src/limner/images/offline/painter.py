"""The image backend that needs no key: it draws what the prompt's words name."""

from __future__ import annotations

import os
from dataclasses import replace
from importlib.util import find_spec
from typing import Any

from limner.errors import ConfigError, PictureError
from limner.images.catalogue.resolve import resolve
from limner.images.inspection.limits import MAX_BYTES
from limner.images.partials import listeners, tell
from limner.images.protocol import Drawing, ImageRequest, Policy, Purchase, Resolved
from limner.images.throttle import Throttle
from limner.images.workers.pool import WorkerFailed, Workers

from .inscription import inscription
from .sizes import MAX_REFERENCES, NAME, PAINTER, size_of

__all__ = ["Painter"]

_MODULE = "limner.images.offline.worker"
_HEAD_CHARS, _TAIL_CHARS = 16_000, 4_000
"""Of a prompt that is longer: what it is about stands at its beginning, remarks and style at its end."""
_IGNORED = (
    "quality",
    "style",
    "background",
    "output_compression",
    "moderation",
    "response_format",
    "input_fidelity",
)
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
        """The first lends its subject and its colours, the others their subjects."""
        return MAX_REFERENCES

    @property
    def pids(self) -> tuple[int, ...]:
        """Of the worker processes that run now."""
        return self._workers.pids

    def resolve(self, request: ImageRequest) -> Resolved:
        """With the size that will be drawn, for nothing.

        Raises: ParameterError, for a size or format that is not drawn, or a mask of nothing.
        """
        ignored = [name for name in _IGNORED if getattr(request, name) is not None]
        nothing: dict[str, Any] = dict.fromkeys(ignored)
        order = resolve(PAINTER, replace(request, **nothing))
        ignored += ["mask"] if request.mask is not None else []
        if not ignored:
            return order
        note = f"the offline painter makes no difference for {', '.join(ignored)}"
        return replace(order, notes=(*order.notes, note))

    async def draw(self, request: ImageRequest, purchase: Purchase) -> tuple[Drawing, ...]:
        """Draw the prompt's scene; of several pictures each in another way.

        A partial picture is the whole scene, smaller: a side is half as long as in the next one.

        Raises: ParameterError, as `resolve`; PictureError "image_bad_request" where a reference is no
        picture, "internal" where the worker broke.
        Cancel: safe; the worker is killed and replaced.
        """
        drawn = self.resolve(request).request
        width, height = size_of(drawn.size)
        said = [inscription(picture) for picture in drawn.references]
        job = {
            "prompt": _shortened(drawn.prompt),
            "width": width,
            "height": height,
            "format": drawn.output_format or "png",
            "inscriptions": [text for text in said if text is not None],
            # Of a picture that is not the painter's own the colours are kept; those of the first are enough.
            "stranger": bool(said) and said[0] is None,
        }
        body = drawn.references[0] if job["stranger"] else b""
        if len(body) > MAX_BYTES:
            raise _refused("image_too_large")
        # One after the other: others wait for the workers as well.
        pictures: list[bytes] = []
        for at in range(drawn.n):
            each = {**job, "variation": drawn.variation + at}
            await self._sketched(each, body, drawn.partial_images, purchase)
            pictures.append(await self._drawn(each, body))
        return tuple(Drawing(data=data, model=NAME, cost_usd=0.0) for data in pictures)

    async def _sketched(self, job: dict[str, Any], body: bytes, count: int, purchase: Purchase) -> None:
        """Tell of `count` partial pictures, if anybody listens."""
        told = listeners(purchase)
        for index in range(count if told else 0):
            tell(told, purchase, index, await self._drawn({**job, "shrunk": 2 ** (count + 1 - index)}, body))

    async def _drawn(self, job: dict[str, Any], body: bytes) -> bytes:
        try:
            head, data = await self._workers.ask(job, body)
        except WorkerFailed as failure:
            raise PictureError("internal", billed="no", detail=failure.detail) from failure
        if "refused" in head:
            raise _refused(head["refused"])
        return data

    async def aclose(self) -> None:
        """End the worker processes."""
        await self._workers.aclose()


def _shortened(prompt: str) -> str:
    if len(prompt) <= _HEAD_CHARS + _TAIL_CHARS:
        return prompt
    return f"{prompt[:_HEAD_CHARS]}\n{prompt[-_TAIL_CHARS:]}"


def _refused(code: str) -> PictureError:
    detail = f"the first picture to resemble cannot be used: {code}"
    return PictureError("image_bad_request", billed="no", detail=detail)
