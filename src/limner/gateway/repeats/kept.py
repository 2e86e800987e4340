"""Answers as they are written down, and told again byte by byte."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Mapping
from typing import Any

from ..exchange import Answer, Streamed, Whole
from ..refusal import Refusal

__all__ = ["REPLAYED", "head_of", "replay"]

REPLAYED: Mapping[str, str] = {"idempotent-replayed": "true"}
"""What an answer has that was given before."""
_END = b"\n\n"


def head_of(answer: Answer | None, error: Refusal | None) -> str:
    """All of an answer but its body; of a refusal where there is none, or where it ended with one."""
    head: dict[str, Any] = {"kind": "refusal"}
    if isinstance(answer, Whole):
        head = {
            "kind": "whole",
            "status": answer.status,
            "content_type": answer.content_type,
            "headers": dict(answer.headers),
        }
    elif isinstance(answer, Streamed):
        head = {"kind": "stream", "headers": dict(answer.headers)}
        if answer.broken is not None and error is not None:
            head["broken"] = [frame.decode() for frame in answer.broken(error)]
    if error is not None:
        head["refusal"] = {
            "code": error.code,
            "sentence": str(error),
            "param": error.param,
            "retry_after_s": error.retry_after_s,
            "bought": error.bought,
            "headers": dict(error.headers),
        }
    return json.dumps(head)


def replay(head: str, body: bytes) -> Answer:
    """The answer again. Raises: Refusal, where that was the answer."""
    said = json.loads(head)
    refusal = _refusal(said["refusal"]) if "refusal" in said else None
    if said["kind"] == "whole":
        return Whole(body, said["status"], said["content_type"], {**said["headers"], **REPLAYED})
    if said["kind"] == "stream":
        broken = tuple(frame.encode() for frame in said["broken"]) if "broken" in said else None
        return Streamed(
            _frames(body, refusal),
            {**said["headers"], **REPLAYED},
            # With the mark of what was asked first: it is the same answer, to the byte.
            None if broken is None else lambda _: broken,
        )
    assert refusal is not None
    raise refusal


def _refusal(said: Mapping[str, Any]) -> Refusal:
    return Refusal(
        said["code"],
        said["sentence"],
        param=said["param"],
        retry_after_s=said["retry_after_s"],
        bought=said["bought"],
        headers={**said["headers"], **REPLAYED},
    )


async def _frames(body: bytes, refusal: Refusal | None) -> AsyncIterator[bytes]:
    at = 0
    while at < len(body):
        end = body.find(_END, at)
        end = len(body) if end < 0 else end + len(_END)
        yield body[at:end]
        at = end
    if refusal is not None:
        raise refusal
