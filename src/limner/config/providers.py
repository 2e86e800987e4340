"""Providers that an environment variable can name: data with its source and date."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["FIRST", "PROVIDERS", "Provider"]


@dataclass(frozen=True, slots=True)
class Provider:
    """One provider, and what is taken where a key is given without a model."""

    base_url: str
    key_variable: str
    url_variable: str | None
    """The variable that names another address for the same key."""
    chat_model: str
    image_model: str
    as_of: str
    source: str


PROVIDERS: tuple[Provider, ...] = (
    Provider(
        base_url="https://api.openai.com/v1",
        key_variable="OPENAI_API_KEY",
        url_variable="OPENAI_BASE_URL",
        chat_model="gpt-5.4-mini",
        image_model="gpt-image-2",
        as_of="2026-11-21",
        source="openai-python 3.52.0, ChatModel and ImageModel; gpt-image-1 and 1.5 are shut down by 2026-12-01",
    ),
    Provider(
        base_url="https://openrouter.ai/api/v1",
        key_variable="OPENROUTER_API_KEY",
        url_variable=None,
        chat_model="openai/gpt-5-mini",
        image_model="openai/gpt-5-image",
        as_of="2026-11-21",
        source="the image server tool's documented default (2026-08-22); the chat model is the same maker's small one",
    ),
)
"""In the order in which their variables win."""

FIRST = PROVIDERS[0]
"""Whose address and model names are meant where none is given: the field's common ones."""
