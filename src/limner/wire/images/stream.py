"""The events of a streamed order: pictures as they take shape, and those that are finished.

Sources: OpenAI API reference, "Image streaming"; OpenRouter API reference, "Images" (read 2026-11-21).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from limner.errors import PictureError

from ..encodings import decoded
from ..figures import Tokens, cost_usd, tokens
from ..parsing import finite
from .deliveries import Delivery, FoundPicture, pictures_in

__all__ = ["Partial", "finished", "is_finished", "is_partial", "partial_of", "speaks_of_finished"]

_FINISHED = ("image_generation.completed", "image_edit.completed")
_PARTIAL = ("image_generation.partial_image", "image_edit.partial_image")
_MOST_INDEX = 255
"""What is numbered higher was not asked for by anybody."""


@dataclass(frozen=True, slots=True)
class Partial:
    """A picture that is not finished; never to be taken for one that is."""

    index: int
    """Which of the partial pictures, from 0."""
    data: bytes = field(repr=False)


def is_finished(event: object) -> bool:
    """Whether `event` holds finished pictures.

    By its type alone, for a partial picture looks like a finished one in every other way. An event
    without a type is a whole answer that was sent as a stream of one.
    """
    if not isinstance(event, dict):
        return False
    kind = event.get("type")
    return kind in _FINISHED if kind is not None else isinstance(event.get("data"), list)


def speaks_of_finished(cut: str) -> bool:
    """Whether the beginning of an event that was cut off says that a picture was finished."""
    return any(kind in cut for kind in _FINISHED)


def is_partial(event: object) -> bool:
    """Whether `event` tells how far a picture is."""
    return isinstance(event, dict) and event.get("type") in _PARTIAL


def partial_of(event: object, max_bytes: int) -> Partial | None:
    """The unfinished picture of an event; None where it holds none that can be read."""
    if not isinstance(event, dict) or event.get("type") not in _PARTIAL:
        return None
    encoded = event.get("b64_json")
    if not isinstance(encoded, str):
        return None
    try:
        data = decoded(encoded, max_bytes)
    except PictureError:
        return None
    index = int(finite(event.get("partial_image_index")) or 0)
    return Partial(index if 0 <= index <= _MOST_INDEX else 0, data)


def finished(events: Iterable[object], max_bytes: int, *, with_references: bool = False) -> Delivery:
    """All pictures of the finished ones among `events`.

    Raises: PictureError where there is none.
    """
    pictures: list[FoundPicture] = []
    costs: list[float] = []
    counted: list[Tokens] = []
    model: str | None = None
    error = PictureError("image_bad_payload")
    for event in events:
        answer: Mapping[str, Any] = event if isinstance(event, dict) else {}
        body = answer if isinstance(answer.get("data"), list) else {**answer, "data": [answer]}
        usage = answer.get("usage")
        cost, count = cost_usd(usage), tokens(usage, with_references=with_references)
        costs += [] if cost is None else [cost]
        counted += [] if count is None else [count]
        try:
            delivery = pictures_in(body, max_bytes)
        except PictureError as broken:
            error = broken
            continue
        pictures.extend(delivery.pictures)
        model = model or delivery.model
    if not pictures:
        raise error
    return Delivery(tuple(pictures), model, sum(costs) if costs else None, _sum(counted))


def _sum(counted: list[Tokens]) -> Tokens | None:
    if not counted:
        return None
    return Tokens(
        sum(each.text_in for each in counted),
        sum(each.image_in for each in counted),
        sum(each.text_out for each in counted),
        sum(each.image_out for each in counted),
    )
