"""The two services whose clients are answered."""

from __future__ import annotations

from typing import Literal

__all__ = ["Dialect"]

Dialect = Literal["openai", "openrouter"]
"""Whose words errors, lists and figures are said in: OpenAI's under `/v1`, OpenRouter's under `/api/v1`."""
