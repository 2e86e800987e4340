"""Errors as clients of OpenAI and of OpenRouter read them.

OpenAI's clients read `message`, `type`, `param` and a `code` in words; OpenRouter's a `code` that is the HTTP
status, and what else there is under `metadata`. Only `code` cannot be both, so OpenRouter's envelope
has OpenAI's other fields too, and the code in words under `metadata`.
Sources: OpenAI API reference, "Error codes"; OpenRouter API reference, "Errors" (read 2026-11-21).
"""

from __future__ import annotations

from typing import Any

from .chatsaid import Head
from .dialects import Dialect
from .frames import frame

__all__ = ["Dialect", "error_body", "error_frame"]


def error_body(
    dialect: Dialect,
    *,
    status: int,
    code: str,
    type: str,
    error_type: str,
    sentence: str,
    param: str | None = None,
    request_id: str | None = None,
    partial: str | None = None,
) -> dict[str, Any]:
    """The body of an answer that is an error.

    `type` is OpenAI's word for the kind, `error_type` OpenRouter's. `request_id`: None where answers must not
    differ in a single byte. `partial`: the turn in which what was said before the error is kept.
    """
    error: dict[str, Any] = {"message": sentence, "type": type, "param": param, "code": code}
    kept = {} if partial is None else {"partial": partial}
    if dialect == "openai":
        return {"error": error | kept}
    named = {} if request_id is None else {"request_id": request_id}
    metadata = {"error_type": error_type, "code": code, **named, **kept}
    return {"error": error | {"code": status, "metadata": metadata}}


def error_frame(
    dialect: Dialect,
    head: Head | None,
    *,
    status: int,
    code: str,
    type: str,
    error_type: str,
    sentence: str,
    param: str | None = None,
    request_id: str | None = None,
    partial: str | None = None,
) -> bytes:
    """An error in the middle of a stream, as one frame; `DONE` follows it and nothing else.

    OpenAI's stands alone: a client that takes a chunk or an error takes one that is both for a chunk.
    OpenRouter's stands in a chunk, or its client refuses it. `head`: of the answer that broke, if it had begun.
    """
    body = error_body(
        dialect,
        status=status,
        code=code,
        type=type,
        error_type=error_type,
        sentence=sentence,
        param=param,
        request_id=request_id,
        partial=partial,
    )
    if dialect == "openai":
        return frame(body)
    told = head or Head(id=request_id or "", created=0, model="", provider="limner")
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
