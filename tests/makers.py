"""Picture makers at the loopback provider, and what tests ask of them."""

from __future__ import annotations

import base64
import email.policy
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from email import message_from_bytes
from email.message import EmailMessage
from pathlib import Path
from typing import Any

import pytest

import pictures
from clocks import OwnClock
from limner.errors import PictureError
from limner.images.chat import ChatImages
from limner.images.openai import OpenAIImages
from limner.images.protocol import Drawing, ImageBackend, ImageRequest, Purchase
from providers import Answer, Provider, Recorded, whole

__all__ = [
    "B64",
    "BOAT",
    "BOAT_B64",
    "FOX",
    "FOX_URL",
    "Part",
    "b64",
    "chatting",
    "connected",
    "drawings",
    "drawn",
    "failed",
    "linked",
    "parts_of",
    "refusal",
    "shown",
]

FOX = pictures.png(colour=(200, 90, 20))
B64 = base64.b64encode(FOX).decode()
FOX_URL = f"data:image/png;base64,{B64}"
BOAT = pictures.jpeg(colour=(20, 90, 200))
BOAT_B64 = base64.b64encode(BOAT).decode()


def _settled(provider: Provider, options: dict[str, Any]) -> dict[str, Any]:
    """Short deadlines, and a key that must not be seen anywhere."""
    settled: dict[str, Any] = {
        "base_url": provider.base_url,
        "api_key": "sk-canary",
        "clock": OwnClock(),
        "timeout_s": 20.0,
    }
    return settled | options


@asynccontextmanager
async def connected(
    provider: Provider, *, model: str = "pictor-1", **options: Any
) -> AsyncIterator[OpenAIImages]:
    """A maker of the Images API at `provider`."""
    maker = OpenAIImages(model, **_settled(provider, options))
    try:
        yield maker
    finally:
        await maker.aclose()


@asynccontextmanager
async def chatting(
    provider: Provider, *, model: str = "pictor-1", **options: Any
) -> AsyncIterator[ChatImages]:
    """A maker that chats at `provider`."""
    maker = ChatImages(model, **_settled(provider, options))
    try:
        yield maker
    finally:
        await maker.aclose()


async def drawings(maker: ImageBackend, key: str = "key-1", **request: Any) -> tuple[Drawing, ...]:
    """What the maker draws, with the bytes of files that they came in."""
    drawn = await maker.draw(ImageRequest(request.pop("prompt", "a fox"), **request), Purchase(key))
    return tuple(_read(each) for each in drawn)


async def drawn(maker: ImageBackend, **request: Any) -> Drawing:
    """The one drawing."""
    (drawing,) = await drawings(maker, **request)
    return drawing


async def failed(maker: ImageBackend, **request: Any) -> PictureError:
    """How drawing fails."""
    with pytest.raises(PictureError) as caught:
        await drawings(maker, **request)
    return caught.value


def _read(drawing: Drawing) -> Drawing:
    if isinstance(drawing.data, Path):
        data = drawing.data.read_bytes()
        drawing.data.unlink()
        return replace(drawing, data=data)
    return drawing


def b64(text: str = B64, **top: Any) -> Answer:
    """The usual answer with one picture."""
    return whole({"created": 1, "data": [{"b64_json": text}], **top})


def linked(*urls: str) -> Answer:
    """The usual answer with links."""
    return whole({"created": 1, "data": [{"url": url} for url in urls]})


def shown(message: Any, **top: Any) -> Answer:
    """A chat answer with one message."""
    choice = {"index": 0, "message": {"role": "assistant", **message}, "finish_reason": "stop"}
    return whole({"id": "c1", "object": "chat.completion", "choices": [choice], **top})


def refusal(code: str | None, message: str = "canary-words", **more: Any) -> dict[str, Any]:
    """An error in OpenAI's envelope."""
    return {
        "error": {"message": message, "type": "invalid_request_error", "param": None, "code": code, **more}
    }


@dataclass(frozen=True)
class Part:
    """One part of a form."""

    name: str
    filename: str | None
    content_type: str
    data: bytes


def parts_of(request: Recorded) -> list[Part]:
    """The parts of a form, as the standard library reads them."""
    head = f"Content-Type: {request.headers['content-type']}\r\n\r\n".encode()
    message = message_from_bytes(head + request.body, policy=email.policy.HTTP)
    assert isinstance(message, EmailMessage)
    found = []
    for part in message.iter_parts():
        data = part.get_payload(decode=True)
        assert isinstance(data, bytes)
        name = str(part.get_param("name", header="content-disposition"))
        found.append(Part(name, part.get_filename(), part.get_content_type(), data))
    return found
