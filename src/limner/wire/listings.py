"""Lists of models, in one shape that the strict clients of OpenAI and of OpenRouter both accept.

Sources: OpenAI API reference, "Models"; OpenRouter API reference, "Models" and "Images"; the package
@openrouter/sdk 1.3.19, which refuses a list for one missing field of one row (read 2026-11-21).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

__all__ = ["ImageModelFacts", "ModelFacts", "image_model_row", "image_models", "model_row", "models"]

_UNKNOWN_PRICE = "-1"
"""OpenRouter's own word for a price that nobody can say beforehand; "0" would mean free."""


@dataclass(frozen=True, slots=True)
class ModelFacts:
    """What is known of a chat model that is offered. What is not known is None or empty."""

    id: str
    created: int = 0
    """Unix seconds since when it is offered."""
    owned_by: str = ""
    """Empty: what stands before the "/" of the id."""
    name: str = ""
    description: str = ""
    context_length: int | None = None
    """In tokens."""
    max_completion_tokens: int | None = None
    reads: tuple[str, ...] = ("text",)
    """Of "text", "image", "file", "audio" and "video"."""
    writes: tuple[str, ...] = ("text",)
    """With "image" where its answers are illustrated."""
    prompt_usd: float | None = None
    """For one token."""
    completion_usd: float | None = None
    parameters: tuple[str, ...] = ()
    """Of requests: "temperature", "tools"…"""


@dataclass(frozen=True, slots=True)
class ImageModelFacts:
    """What is known of an image model. An empty list means that nothing is known, or there is no such parameter."""

    id: str
    created: int = 0
    owned_by: str = ""
    name: str = ""
    description: str = ""
    sizes: tuple[str, ...] = ()
    """Like "1024x1024"."""
    resolutions: tuple[str, ...] = ()
    """Like "2K"."""
    aspect_ratios: tuple[str, ...] = ()
    qualities: tuple[str, ...] = ()
    styles: tuple[str, ...] = ()
    backgrounds: tuple[str, ...] = ()
    output_formats: tuple[str, ...] = ()
    moderations: tuple[str, ...] = ()
    compresses: bool = False
    max_n: int | None = None
    max_references: int | None = None
    """0 or None: it resembles no picture."""


def model_row(model: ModelFacts) -> dict[str, Any]:
    """One row; by itself also what `GET /models/{id}` answers."""
    reads, writes = list(model.reads), list(model.writes)
    return {
        "id": model.id,
        "object": "model",
        "created": model.created,
        "owned_by": _owner(model.owned_by, model.id),
        "canonical_slug": model.id,
        "name": model.name or model.id,
        "description": model.description,
        "context_length": model.context_length,
        "architecture": {
            "modality": f"{'+'.join(reads)}->{'+'.join(writes)}",
            "input_modalities": reads,
            "output_modalities": writes,
            "tokenizer": "Other",
            "instruct_type": None,
        },
        "pricing": {"prompt": _price(model.prompt_usd), "completion": _price(model.completion_usd)},
        "top_provider": {
            "context_length": model.context_length,
            "max_completion_tokens": model.max_completion_tokens,
            "is_moderated": False,
        },
        "per_request_limits": None,
        "supported_parameters": list(model.parameters),
        "supported_voices": None,
        "default_parameters": None,
        "links": {"details": f"/api/v1/models/{_path(model.id)}"},
    }


def models(rows: Iterable[Mapping[str, Any]]) -> dict[str, Any]:
    """The list that `GET /models` answers, all of it on one page."""
    data = [dict(row) for row in rows]
    return {"object": "list", "data": data, "links": {"next": None}, "total_count": len(data)}


def image_model_row(model: ImageModelFacts) -> dict[str, Any]:
    """One row of the image models; `supported_parameters` says what each parameter takes."""
    lists: Mapping[str, Sequence[str]] = {
        "size": model.sizes,
        "resolution": model.resolutions,
        "aspect_ratio": model.aspect_ratios,
        "quality": model.qualities,
        "style": model.styles,
        "background": model.backgrounds,
        "output_format": model.output_formats,
        "moderation": model.moderations,
    }
    takes: dict[str, Any] = {
        name: {"type": "enum", "values": list(values)} for name, values in lists.items() if values
    }
    if model.compresses:
        takes["output_compression"] = {"type": "range", "min": 0, "max": 100}
    if model.max_n is not None and model.max_n > 1:
        takes["n"] = {"type": "range", "min": 1, "max": model.max_n}
    if model.max_references:
        takes["input_references"] = {"type": "range", "min": 0, "max": model.max_references}
    return {
        "id": model.id,
        "object": "model",
        "created": model.created,
        "owned_by": _owner(model.owned_by, model.id),
        "name": model.name or model.id,
        "description": model.description,
        "architecture": {
            "input_modalities": ["text", "image"] if model.max_references else ["text"],
            "output_modalities": ["image"],
        },
        "supported_parameters": takes,
        "supports_streaming": False,
        "endpoints": f"/api/v1/images/models/{_path(model.id)}/endpoints",
    }


def image_models(rows: Iterable[Mapping[str, Any]]) -> dict[str, Any]:
    """The list that `GET /images/models` answers, all of it on one page."""
    return models(rows)


def _owner(owner: str, model: str) -> str:
    before, slash, _ = model.partition("/")
    return owner or (before if slash else "limner")


def _path(model: str) -> str:
    return quote(model.encode("utf-8", "replace"), safe="/:")


def _price(usd: float | None) -> str:
    """Dollars as a decimal number in words, never "1e-07"."""
    if usd is None:
        return _UNKNOWN_PRICE
    return f"{usd:.12f}".rstrip("0").rstrip(".")
