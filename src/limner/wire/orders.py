"""Orders for pictures, as the interfaces that draw them want them written.

Sources: OpenAI API reference, "Create image", "Create image edit" and "Create chat completion";
OpenRouter API reference, "Images" and "Image generation" (read 2026-11-21).
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

from .encodings import data_url

__all__ = ["chat_order", "image_order", "input_references", "nearest_size"]

SIZES = ("1024x1024", "1536x1024", "1024x1536")
"""What every endpoint of the Images API can draw."""


def image_order(
    model: str, prompt: str, parameters: Mapping[str, Any], extra: Mapping[str, Any] | None = None
) -> dict[str, Any]:
    """An order of the Images API; what is None is not sent.

    `extra` wins over what stands here, and its None removes a key.
    """
    body = {"model": model, "prompt": prompt, **parameters, **(extra or {})}
    return {key: value for key, value in body.items() if value is not None}


def input_references(references: Sequence[bytes]) -> list[dict[str, Any]]:
    """Pictures to resemble, as they stand in an order in JSON."""
    return [{"type": "image_url", "image_url": {"url": data_url(data)}} for data in references]


def chat_order(
    model: str,
    prompt: str,
    *,
    modalities: Sequence[str],
    image_config: Mapping[str, Any],
    references: Sequence[bytes] = (),
    extra: Mapping[str, Any] | None = None,
) -> dict[str, Any]:
    """An order as a chat request; `extra` wins over what stands here, and its None removes a key."""
    content: str | list[dict[str, Any]] = prompt
    if references:
        content = [{"type": "text", "text": prompt}, *input_references(references)]
    config = {key: value for key, value in image_config.items() if value is not None}
    body: dict[str, Any] = {
        "model": model,
        "messages": [{"role": "user", "content": content}],
        "modalities": [*modalities],
        "image_config": config or None,
        **(extra or {}),
    }
    return {key: value for key, value in body.items() if value is not None}


def nearest_size(aspect_ratio: str | None) -> str | None:
    """Of `SIZES` the one whose shape is nearest to "16:9" and the like; None where that is no ratio."""
    width, _, height = (aspect_ratio or "").partition(":")
    try:
        wanted = math.log(float(width) / float(height))
    except (ValueError, ZeroDivisionError, OverflowError):
        return None
    if not math.isfinite(wanted):
        return None
    # The logarithm, because 1:2 is as far from a square as 2:1.
    return min(SIZES, key=lambda size: abs(_log_ratio(size) - wanted))


def _log_ratio(size: str) -> float:
    width, _, height = size.partition("x")
    return math.log(int(width) / int(height))
