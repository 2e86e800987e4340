"""Errors as clients of OpenAI and of OpenRouter read them.

OpenAI's clients read `message`, `type`, `param` and a `code` in words; OpenRouter's a `code` that is the HTTP
status, and what else there is under `metadata`. Only `code` cannot be both, so OpenRouter's envelope
has OpenAI's other fields too, and the code in words under `metadata`.
Sources: OpenAI API reference, "Error codes"; OpenRouter API reference, "Errors" (read 2026-11-21).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from .chat.said import Head
from .dialects import Dialect
from .frames import frame

__all__ = ["Dialect", "ErrorWords", "error_body", "error_frame"]


@dataclass(frozen=True, slots=True)
class ErrorWords:
    """What every interface says of an error, each in its own shape."""

    status: int
    code: str
    type: str
    """OpenAI's word for the kind."""
    error_type: str
    """OpenRouter's."""
    sentence: str
    param: str | None = None
    request_id: str | None = None
    """None where answers must not differ in a single byte."""
    partial: str | None = None
    """The turn in which what was said before the error is kept."""


def error_body(dialect: Dialect, words: ErrorWords) -> dict[str, Any]:
    """The body of an answer that is an error."""
    error: dict[str, Any] = {
        "message": words.sentence,
        "type": words.type,
        "param": words.param,
        "code": words.code,
    }
    kept = {} if words.partial is None else {"partial": words.partial}
    if dialect == "openai":
        return {"error": error | kept}
    named = {} if words.request_id is None else {"request_id": words.request_id}
    metadata = {"error_type": words.error_type, "code": words.code, **named, **kept}
    return {"error": error | {"code": words.status, "metadata": metadata}}


def error_frame(dialect: Dialect, head: Head | None, words: ErrorWords) -> bytes:
    """An error in the middle of a stream, as one frame; `DONE` follows it and nothing else.

    OpenAI's stands alone: a client that takes a chunk or an error takes one that is both for a chunk.
    OpenRouter's stands in a chunk, or its client refuses it. `head`: of the answer that broke, if it had begun.
    """
    body = error_body(dialect, words)
    if dialect == "openai":
        return frame(body)
    told = head or Head(id=words.request_id or "", created=0, model="", provider="limner")
    return frame(
        {
            "id": told.id,
            "object": "chat.completion.chunk",
            "created": told.created,
            "model": told.model,
            "provider": told.provider,
            **body,
            "choices": [{"index": 0, "delta": {"content": ""}, "finish_reason": "error"}],
        }
    )
