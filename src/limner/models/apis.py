"""The APIs that a chat model can be asked through, by their names in the configuration."""

from __future__ import annotations

from typing import Literal

from .http import HTTPModel
from .openai import OpenAIModel
from .responses import ResponsesModel

__all__ = ["asked_through"]


def asked_through(api: Literal["chat", "responses"]) -> type[HTTPModel]:
    """The class of models that are asked so."""
    return ResponsesModel if api == "responses" else OpenAIModel
