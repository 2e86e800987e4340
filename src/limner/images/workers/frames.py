"""What a pool and its workers say to each other: one frame each way per job.

A frame is the length of its head and of its body, four bytes each with the highest first,
then the head as JSON, then the body as it is.
"""

from __future__ import annotations

import json
from typing import Any

__all__ = ["LENGTHS", "MAX_BODY", "MAX_HEAD", "head_of", "lengths", "pack"]

LENGTHS = 8
"""Bytes before the head."""
MAX_HEAD = 4_000_000
MAX_BODY = 64_000_000
"""More than any picture of the largest size needs."""


def head_of(head: dict[str, Any], body_bytes: int) -> bytes:
    """A frame up to its body, which follows in as many slices as its sender likes."""
    # ASCII JSON carries every string, even one that is no valid UTF-8.
    text = json.dumps(head).encode("ascii")
    return len(text).to_bytes(4, "big") + body_bytes.to_bytes(4, "big") + text


def pack(head: dict[str, Any], body: bytes = b"") -> bytes:
    """One whole frame."""
    return head_of(head, len(body)) + body


def lengths(start: bytes) -> tuple[int, int]:
    """Of head and body, from the first eight bytes.

    Raises: ValueError where these are no frame of ours.
    """
    head, body = int.from_bytes(start[:4], "big"), int.from_bytes(start[4:8], "big")
    if len(start) != LENGTHS or head > MAX_HEAD or body > MAX_BODY:
        raise ValueError("not a frame")
    return head, body
