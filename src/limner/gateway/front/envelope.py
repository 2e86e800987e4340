"""A refusal as an answer: with its status, in the words of the client's dialect, with the request's id."""

from __future__ import annotations

from collections.abc import Callable

from limner.wire.chat.said import Head
from limner.wire.envelopes import ErrorWords, error_body, error_frame
from limner.wire.frames import json_bytes

from ..exchange import Dialect, Inbound, Streamed, Whole
from ..refusal import Refusal

__all__ = ["broken_chat", "dialect_of", "frames_of", "said", "whole_of"]

_BROKEN_OFF = ("upstream_error", "upstream_timeout")
_IN_VAIN = ("budget_exceeded", "upstream_quota")
"""429s that a little waiting does not end."""


def dialect_of(path: str) -> Dialect:
    """By the prefix of the raw path."""
    return "openrouter" if path.startswith("/api/") else "openai"


def whole_of(refusal: Refusal, dialect: Dialect, request_id: str, turn: str | None = None) -> Whole:
    """The refusal as a plain answer; `turn` is where what there is of an answer that broke off is kept."""
    headers = dict(refusal.headers)
    if refusal.retry_after_s is not None:
        headers["retry-after"] = str(refusal.retry_after_s)
    if refusal.bought or refusal.code in _IN_VAIN:
        # Official clients send again by themselves what failed, unless this is said.
        headers["x-should-retry"] = "false"
    if refusal.kind.status == 401:
        headers["www-authenticate"] = "Bearer"
        # Whatever was wrong with a key, the answer is the same to the byte (scorecard S01).
        request_id = ""
    body = error_body(dialect, said(refusal, request_id, turn))
    return Whole(json_bytes(body), refusal.kind.status, headers=headers)


def frames_of(
    refusal: Refusal, dialect: Dialect, request_id: str, streamed: Streamed, turn: str | None = None
) -> tuple[bytes, ...]:
    """The refusal as the last frames of a stream that has begun."""
    if streamed.broken is not None:
        return streamed.broken(refusal)
    return (error_frame(dialect, None, said(refusal, request_id, turn)),)


def broken_chat(inbound: Inbound, head: Head) -> Callable[[Refusal], tuple[bytes, ...]]:
    """What the error is that may end an answer in chunks which begin with `head`."""

    def frames(refusal: Refusal) -> tuple[bytes, ...]:
        return (error_frame(inbound.dialect, head, said(refusal, inbound.id, inbound.record.get("turn"))),)

    return frames


def said(refusal: Refusal, request_id: str, turn: str | None) -> ErrorWords:
    """What envelopes say of it; `turn` is where what there is of an answer that broke off is kept."""
    kind = refusal.kind
    return ErrorWords(
        status=kind.status,
        code=refusal.code,
        type=kind.type,
        error_type=kind.error_type,
        sentence=str(refusal) or kind.sentence or "The request cannot be answered.",
        param=refusal.param,
        request_id=request_id or None,
        partial=turn if kind.type in _BROKEN_OFF else None,
    )
