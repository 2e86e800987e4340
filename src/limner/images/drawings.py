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
from limner.wire.images.deliveries import Delivery, FoundPicture

from .protocol import Content, Drawing, ImageUsage

__all__ = ["drawings", "usage_of"]

_AT_ONCE = 8
"""Links of one order that are fetched at the same time."""
_MOST_BESIDE = 4
"""Pictures that are received beside those ordered: an order for one must not fill a disk with thousands."""


async def drawings(
    delivery: Delivery,
    fetch: Callable[[str], Awaitable[Content]],
    *,
    asked: int,
    model: str,
    cost_usd: float | None,
) -> tuple[Drawing, ...]:
    """The pictures of `delivery`, those behind links fetched at the same time.

    `asked` is how many were ordered, and `cost_usd` what all of them cost together: they share it,
    and what came beside them cost nothing more. `model` drew them where the answer does not say what
    did. One that cannot be fetched does not take the others with it.
    Raises: PictureError, the first one's, where none arrives; it says what the order cost.
    Cancel: safe; files that arrived are removed.
    """
    found = delivery.pictures[: asked + _MOST_BESIDE]
    arrived: list[Content | PictureError] = [PictureError("internal")] * len(found)
    places = anyio.CapacityLimiter(_AT_ONCE)

    async def arrive(at: int, picture: FoundPicture) -> None:
        async with places:
            arrived[at] = await _arrived(picture, fetch)

    try:
        async with anyio.create_task_group() as tasks:
            for at, picture in enumerate(found):
                tasks.start_soon(arrive, at, picture)
    except BaseException:
        with anyio.CancelScope(shield=True):
            await anyio.to_thread.run_sync(_removed, arrived)
        raise
    drawn = [
        Drawing(data, delivery.model or model, picture.revised_prompt)
        for data, picture in zip(arrived, found, strict=True)
        if not isinstance(data, PictureError)
    ]
    if not drawn:
        error = next(error for error in arrived if isinstance(error, PictureError))
        error.cost_usd = cost_usd
        raise error
    # Shared among those that are there, so that their sum is what was paid.
    paid = min(asked, len(drawn))
    costs = (
        [0.0 if at >= paid else cost_usd / paid for at in range(len(drawn))] if cost_usd is not None else []
    )
    usages = _shares(delivery.tokens, paid) if delivery.tokens is not None else []
    return tuple(
        replace(
            drawing,
            cost_usd=costs[at] if costs else None,
            usage=usages[at] if at < len(usages) else None,
        )
        for at, drawing in enumerate(drawn)
    )


def usage_of(tokens: Tokens) -> ImageUsage:
    """What was counted, as makers tell it."""
    return ImageUsage(tokens.text_in, tokens.image_in, tokens.text_out, tokens.image_out)


async def _arrived(
    picture: FoundPicture, fetch: Callable[[str], Awaitable[Content]]
) -> Content | PictureError:
    if picture.data is not None:
        return picture.data
    try:
        return await fetch(picture.url or "")
    except PictureError as error:
        log.info("picture.lost", code=error.code)
        return error


def _removed(arrived: list[Content | PictureError]) -> None:
    for data in arrived:
        if isinstance(data, Path):
            data.unlink(missing_ok=True)


def _shares(tokens: Tokens, pictures: int) -> list[ImageUsage]:
    """`tokens` in whole numbers whose sum is right."""
    counts = (tokens.text_in, tokens.image_in, tokens.text_out, tokens.image_out)
    return [
        ImageUsage(*(count // pictures + (at < count % pictures) for count in counts))
        for at in range(pictures)
    ]
