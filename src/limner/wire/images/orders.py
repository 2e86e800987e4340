"""Orders for pictures, as the interfaces that draw them want them written.

Sources: OpenAI API reference, "Create image", "Create image edit" and "Create chat completion";
OpenRouter API reference, "Images" and "Image generation" (read 2026-11-21).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from ..encodings import data_url

__all__ = ["chat_order", "image_order", "input_references"]


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
