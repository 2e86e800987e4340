"""From what an order was answered with to drawings: links are fetched, tokens and money are shared out."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import replace
from pathlib import Path

import anyio
import anyio.to_thread

from limner.errors import PictureError
from limner.logs import log
from limner.wire.figures import Tokens
from limner.wire.images import Delivery, FoundPicture

from .protocol import Content, Drawing, ImageUsage

__all__ = ["drawings", "usage_of"]


async def drawings(
    delivery: Delivery,
    fetch: Callable[[str], Awaitable[Content]],
    *,
    model: str,
    cost_usd: float | None,
) -> tuple[Drawing, ...]:
    """The pictures of `delivery`, those behind links fetched at the same time.

    `model` drew them where the answer does not say what did; `cost_usd` is what all of them cost
    together. One that cannot be fetched does not take the others with it.
    Raises: PictureError, the first one's, where none arrives.
    Cancel: safe; files that arrived are removed.
    """
    arrived: list[Content | PictureError] = [PictureError("internal")] * len(delivery.pictures)
    try:
        async with anyio.create_task_group() as tasks:
            for at, picture in enumerate(delivery.pictures):
                tasks.start_soon(_arrive, at, picture, fetch, arrived)
    except BaseException:
        with anyio.CancelScope(shield=True):
            await anyio.to_thread.run_sync(_removed, arrived)
        raise
    drawn = [
        Drawing(data, delivery.model or model, picture.revised_prompt)
        for data, picture in zip(arrived, delivery.pictures, strict=True)
        if not isinstance(data, PictureError)
    ]
    if not drawn:
        raise next(error for error in arrived if isinstance(error, PictureError))
    # Shared among those that are there, so that their sum is what was paid.
    share_usd = None if cost_usd is None else cost_usd / len(drawn)
    usages = _shares(delivery.tokens, len(drawn))
    return tuple(
        replace(drawing, cost_usd=share_usd, usage=usage)
        for drawing, usage in zip(drawn, usages, strict=True)
    )


def usage_of(tokens: Tokens) -> ImageUsage:
    """What was counted, as makers tell it."""
    return ImageUsage(tokens.text_in, tokens.image_in, tokens.text_out, tokens.image_out)


async def _arrive(
    at: int,
    picture: FoundPicture,
    fetch: Callable[[str], Awaitable[Content]],
    arrived: list[Content | PictureError],
) -> None:
    try:
        arrived[at] = picture.data if picture.data is not None else await fetch(picture.url or "")
    except PictureError as error:
        log.info("picture.lost", code=error.code)
        arrived[at] = error


def _removed(arrived: list[Content | PictureError]) -> None:
    for data in arrived:
        if isinstance(data, Path):
            data.unlink(missing_ok=True)


def _shares(tokens: Tokens | None, pictures: int) -> list[ImageUsage | None]:
    """`tokens` in whole numbers whose sum is right."""
    if tokens is None:
        return [None] * pictures
    counts = (tokens.text_in, tokens.image_in, tokens.text_out, tokens.image_out)
    return [
        ImageUsage(*(count // pictures + (at < count % pictures) for count in counts))
        for at in range(pictures)
    ]
