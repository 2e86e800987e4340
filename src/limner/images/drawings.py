"""From what an order was answered with to drawings: links are fetched, tokens and money are shared out."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
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
    arrived = await _arrived(found, fetch)
    drawn = [
        (data, picture)
        for data, picture in zip(arrived, found, strict=True)
        if not isinstance(data, PictureError)
    ]
    if not drawn:
        error = next(error for error in arrived if isinstance(error, PictureError))
        error.cost_usd = cost_usd
        raise error
    # Shared among those that are there, so that their sum is what was paid.
    paid = min(asked, len(drawn))
    usages = _shares(delivery.tokens, paid) if delivery.tokens is not None else []
    return tuple(
        Drawing(
            data,
            delivery.model or model,
            picture.revised_prompt,
            cost_usd=None if cost_usd is None else cost_usd / paid if at < paid else 0.0,
            usage=usages[at] if at < len(usages) else None,
        )
        for at, (data, picture) in enumerate(drawn)
    )


def usage_of(tokens: Tokens) -> ImageUsage:
    """What was counted, as makers tell it."""
    return ImageUsage(tokens.text_in, tokens.image_in, tokens.text_out, tokens.image_out)


async def _arrived(
    found: Sequence[FoundPicture], fetch: Callable[[str], Awaitable[Content]]
) -> list[Content | PictureError]:
    """Of each picture its bytes, or why there are none."""
    arrived: list[Content | PictureError] = [
        PictureError("internal") if picture.data is None else picture.data for picture in found
    ]
    links = {at: picture.url or "" for at, picture in enumerate(found) if picture.data is None}
    if not links:
        return arrived
    places = anyio.CapacityLimiter(_AT_ONCE)

    async def arrive(at: int, url: str) -> None:
        async with places:
            try:
                arrived[at] = await fetch(url)
            except PictureError as error:
                log.info("picture.lost", code=error.code)
                arrived[at] = error

    try:
        async with anyio.create_task_group() as tasks:
            for at, url in links.items():
                tasks.start_soon(arrive, at, url)
    except BaseException:
        with anyio.CancelScope(shield=True):
            await anyio.to_thread.run_sync(_removed, arrived)
        raise
    return arrived


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
