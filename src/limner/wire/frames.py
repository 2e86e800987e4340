r"""JSON as it leaves us, whole and as server-sent events.

Always valid UTF-8, one line, `\n` alone. No `id:`: after one, an SDK turns a comment into an empty event. And no
`event:` in a chat, where an SDK turns an event of its own type into a chunk without choices; the Responses
API has it in every frame.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from .text import clean

__all__ = ["DONE", "comment", "event_frame", "frame", "json_bytes"]

DONE = b"data: [DONE]\n\n"
"""The last frame of every stream, also after an error."""

_LINE_ENDS = {0x85: "\\u0085", 0x2028: "\\u2028", 0x2029: "\\u2029"}
"""Ends of lines for Python's `splitlines`, by which several clients cut a stream; JSON leaves them as they are."""


def json_bytes(value: object) -> bytes:
    """`value` as JSON in one line; lone surrogates become U+FFFD."""
    text = json.dumps(value, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
    # Nearly every text is ASCII, and most are not: neither is looked through more than once.
    return text.encode() if text.isascii() else clean(text).translate(_LINE_ENDS).encode()


def frame(value: object) -> bytes:
    """One frame, to be written with one write."""
    return b"data: " + json_bytes(value) + b"\n\n"


def event_frame(event: Mapping[str, Any]) -> bytes:
    """One frame of the Responses API, to be written with one write: its readers forget what one read cut off.

    Source: Open Responses, "Streaming": `event` is the event's `type`.
    """
    name: str = event["type"]
    return b"event: " + name.encode() + b"\ndata: " + json_bytes(event) + b"\n\n"


def comment(text: str = "keep-alive") -> bytes:
    """A frame that says nothing and keeps a connection open; `text` is one line."""
    return f": {' '.join(clean(text).split())}\n\n".encode()
