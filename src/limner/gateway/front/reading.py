"""Bodies of requests: as much as is allowed, in the time that is allowed."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass

from ..refusal import Refusal
from .multipart import is_form
from .pump import Interrupted, Receive

__all__ = ["BodyLimits", "check_head", "read_body"]

_OR_FORM = (
    "Send a form, with Content-Type: multipart/form-data, or JSON, with Content-Type: application/json."
)


@dataclass(frozen=True, slots=True)
class BodyLimits:
    """What a body may take. Source: scorecard S06 and S10."""

    size_bytes: int = 20 << 20
    total_s: float = 30.0
    bytes_per_s: int = 1024
    """Less is too slow, once `grace_s` is over."""
    grace_s: float = 5.0


def check_head(headers: Mapping[str, str], limits: BodyLimits, *, forms: bool = False) -> None:
    """Refuse by the head what need not be read; `forms`: whether what is sent may be one.

    Raises: Refusal (`unsupported_media_type`, `body_too_large`).
    """
    content_type = headers.get("content-type", "")
    kind, _, parameters = content_type.partition(";")
    charset = parameters.replace(" ", "").replace('"', "").lower()
    json = kind.strip().lower() == "application/json" and charset in ("", "charset=utf-8")
    if not json and not (forms and is_form(content_type)):
        raise Refusal("unsupported_media_type", _OR_FORM if forms else "")
    if headers.get("content-encoding", "identity").strip().lower() != "identity":
        raise Refusal("unsupported_media_type", "Send the body uncompressed, without Content-Encoding.")
    length = headers.get("content-length", "")
    if length.isdecimal() and int(length[:20]) > limits.size_bytes:
        raise _too_large(limits)


async def read_body(receive: Receive, limits: BodyLimits) -> bytes:
    """The body to its end.

    Raises: Refusal (`body_too_large`, `request_timeout`), Interrupted.
    """
    loop = asyncio.get_running_loop()
    began_s = loop.time()
    pieces: list[bytes] = []
    size = 0
    try:
        async with asyncio.timeout_at(began_s + min(limits.total_s, limits.grace_s)) as deadline:
            while True:
                message = await receive()
                if message["type"] == "http.disconnect":
                    raise Interrupted("left")
                piece = message.get("body", b"")
                size += len(piece)
                if size > limits.size_bytes:
                    raise _too_large(limits)
                if piece:
                    pieces.append(piece)
                if not message.get("more_body", False):
                    return b"".join(pieces)
                earned_s = max(limits.grace_s, size / limits.bytes_per_s)
                deadline.reschedule(began_s + min(limits.total_s, earned_s))
    except TimeoutError:
        raise Refusal("request_timeout", headers={"connection": "close"}) from None


def _too_large(limits: BodyLimits) -> Refusal:
    sentence = f"The body is larger than the {limits.size_bytes} bytes that are accepted here; send less."
    return Refusal("body_too_large", sentence, headers={"connection": "close"})
