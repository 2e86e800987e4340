"""Answers with pictures of a request that is no chat, as JSON: OpenAI's and OpenRouter's.

Sources: OpenAI API reference, "Create image"; OpenRouter API reference, "Images" (read 2026-11-21).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from .lines import limner

__all__ = ["DrawnImage", "generations_answer", "images_answer"]


@dataclass(frozen=True, slots=True)
class DrawnImage:
    """One picture of an answer: a link or its bytes."""

    media_type: str
    url: str | None = None
    b64_json: str | None = field(default=None, repr=False)
    revised_prompt: str | None = None


def generations_answer(
    created: int,
    images: Iterable[DrawnImage],
    *,
    text_in: int = 0,
    image_in: int = 0,
    tokens_out: int = 0,
    cost_usd: float | None = None,
    lines: Sequence[Mapping[str, Any]] | None = None,
    offline: bool = False,
) -> dict[str, Any]:
    """What `POST /images/generations` answers; `lines`: `limner.images[]`, also of those that failed.

    Where nobody counted tokens, none are told: zeros would be read as a price. `created`: Unix seconds.
    """
    tokens_in = text_in + image_in
    usage: dict[str, Any] = {}
    if tokens_in or tokens_out:
        usage = {
            "input_tokens": tokens_in,
            "input_tokens_details": {"text_tokens": text_in, "image_tokens": image_in},
            "output_tokens": tokens_out,
            "total_tokens": tokens_in + tokens_out,
        } | _cost(cost_usd)
    return _answer(created, images, usage, lines, offline)


def images_answer(
    created: int,
    images: Iterable[DrawnImage],
    *,
    text_in: int = 0,
    image_in: int = 0,
    tokens_out: int = 0,
    cost_usd: float | None = None,
    lines: Sequence[Mapping[str, Any]] | None = None,
    offline: bool = False,
) -> dict[str, Any]:
    """What `POST /images` answers, as `generations_answer`; all `images` hold their bytes."""
    tokens_in = text_in + image_in
    usage = {
        "prompt_tokens": tokens_in,
        "completion_tokens": tokens_out,
        "total_tokens": tokens_in + tokens_out,
        "is_byok": False,
    } | _cost(cost_usd)
    return _answer(created, images, usage, lines, offline)


def _answer(
    created: int,
    images: Iterable[DrawnImage],
    usage: Mapping[str, Any],
    lines: Sequence[Mapping[str, Any]] | None,
    offline: bool,
) -> dict[str, Any]:
    answer: dict[str, Any] = {"created": created, "data": [_item(image) for image in images]}
    if usage:
        answer["usage"] = dict(usage)
    if extension := limner(lines, offline=offline):
        answer["limner"] = extension
    return answer


def _item(image: DrawnImage) -> dict[str, Any]:
    item = {
        "url": image.url,
        "b64_json": image.b64_json,
        "media_type": image.media_type,
        "revised_prompt": image.revised_prompt,
    }
    return {key: value for key, value in item.items() if value is not None}


def _cost(cost_usd: float | None) -> dict[str, Any]:
    return {} if cost_usd is None else {"cost": max(0.0, cost_usd)}
