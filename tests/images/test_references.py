"""Pictures to resemble, as each kind of server wants to be shown them."""

from __future__ import annotations

import base64
from collections.abc import Iterator
from typing import Any

import pytest

import pictures
from limner.errors import ParameterError
from limner.images.protocol import ImageRequest
from makers import (
    BOAT,
    BOAT_B64,
    FOX,
    FOX_URL,
    Part,
    b64,
    chatting,
    connected,
    drawn,
    failed,
    parts_of,
    shown,
)
from providers import Provider, status

pytestmark = pytest.mark.anyio

BOAT_URL = f"data:image/jpeg;base64,{BOAT_B64}"
OWL = pictures.webp()


@pytest.fixture
def provider() -> Iterator[Provider]:
    with Provider() as running:
        running.answers("/v1/images/edits", b64())
        running.answers("/v1/images", b64())
        running.images(b64())
        running.chat(shown({"content": None, "images": [{"image_url": {"url": FOX_URL}}]}))
        yield running


async def test_they_are_files_of_a_form_to_the_edits(provider: Provider) -> None:
    """Images sheet, 2.2: repeated `image[]` with real names and types; every field is text."""
    async with connected(provider, model="gpt-image-2", extra_body={"input_fidelity": "high"}) as maker:
        drawing = await drawn(
            maker,
            references=(FOX, BOAT, OWL),
            quality="low",
            n=2,
            background="opaque",
            output_compression=None,
        )
    assert drawing.data == FOX
    (order,) = provider.requests
    assert order.path == "/v1/images/edits"
    assert order.headers["authorization"] == "Bearer sk-canary"
    parts = parts_of(order)
    assert {part.name: part.data.decode() for part in parts if part.filename is None} == {
        "model": "gpt-image-2",
        "prompt": "a fox",
        "n": "2",
        "quality": "low",
        "background": "opaque",
        "input_fidelity": "high",
    }
    assert [part for part in parts if part.filename is not None] == [
        Part("image[]", "image-1.png", "image/png", FOX),
        Part("image[]", "image-2.jpg", "image/jpeg", BOAT),
        Part("image[]", "image-3.webp", "image/webp", OWL),
    ]


async def test_without_any_no_edit_is_asked_for(provider: Provider) -> None:
    """Images sheet, 2.2: an edit is an order with pictures to resemble."""
    async with connected(provider, model="gpt-image-2") as maker:
        await drawn(maker)
    assert [order.path for order in provider.requests] == ["/v1/images/generations"]


async def test_openrouter_takes_them_in_the_order_itself(provider: Provider) -> None:
    """Wire sheet, 5.1: `input_references`, for there are no edits (quirk 42)."""
    async with connected(provider, model="openai/gpt-image-2", server="openrouter") as maker:
        await drawn(maker, references=(FOX, BOAT), aspect_ratio="16:9")
    (order,) = provider.requests
    assert order.path == "/v1/images"
    assert order.json == {
        "model": "openai/gpt-image-2",
        "prompt": "a fox",
        "size": "1536x864",
        "input_references": [
            {"type": "image_url", "image_url": {"url": FOX_URL}},
            {"type": "image_url", "image_url": {"url": BOAT_URL}},
        ],
    }


async def test_byteplus_takes_them_as_pictures_of_the_order(provider: Provider) -> None:
    """BytePlus ModelArk, Seedream: `image` is a list of data URLs."""
    async with connected(provider, model="seedream-4.5", server="byteplus") as maker:
        await drawn(maker, references=(FOX,))
    (order,) = provider.requests
    assert (order.path, order.json["image"]) == ("/v1/images/generations", [FOX_URL])


async def test_a_chat_is_shown_them_beside_the_words(provider: Provider) -> None:
    """Wire sheet, 5.2: parts of the message."""
    async with chatting(provider, model="google/gemini-2.5-flash-image", server="openrouter") as maker:
        assert maker.max_references == 3
        drawing = await drawn(maker, references=(FOX, BOAT))
    assert drawing.data == FOX
    (order,) = provider.requests
    assert order.json["messages"] == [
        {
            "role": "user",
            "content": [
                {"type": "text", "text": "a fox"},
                {"type": "image_url", "image_url": {"url": FOX_URL}},
                {"type": "image_url", "image_url": {"url": BOAT_URL}},
            ],
        }
    ]


@pytest.mark.parametrize(
    ("options", "most"),
    [
        pytest.param({"model": "gpt-image-2"}, 16, id="known"),
        pytest.param({"model": "dall-e-3"}, 0, id="takes none"),
        pytest.param({"model": "pictor-1"}, 0, id="unknown"),
        pytest.param({"model": "pictor-1", "max_references": 2}, 2, id="told"),
        pytest.param({"model": "gpt-image-2", "max_references": 1}, 1, id="told fewer"),
        pytest.param(
            {"model": "openai/gpt-image-2", "server": "xai"}, 0, id="nobody knows how that server takes them"
        ),
    ],
)
async def test_how_many_it_takes_is_what_was_told_else_what_the_catalogue_knows(
    provider: Provider, options: dict[str, Any], most: int
) -> None:
    """Protocol, max_references: beyond it an order is refused before anything is sent."""
    async with connected(provider, **options) as maker:
        assert maker.max_references == most
        if most:
            await drawn(maker, references=(FOX,) * most)
        with pytest.raises(ParameterError) as caught:
            maker.resolve(ImageRequest("a fox", references=(FOX,) * (most + 1)))
    assert caught.value.param == "references"
    assert len(provider.requests) == (1 if most else 0)


async def test_an_order_with_pictures_is_sent_again_as_it_was(provider: Provider) -> None:
    """I03: 429 waits and retries, whatever was sent."""
    provider.answers("/v1/images/edits", status(429), b64())
    async with connected(provider, model="gpt-image-2", timeout_s=60) as maker:
        await drawn(maker, references=(FOX,))
    first, second = (parts_of(order) for order in provider.requests)
    assert first == second


async def test_pictures_that_go_in_are_not_counted_as_words(provider: Provider) -> None:
    """Quirk 43: without details nobody knows the kinds; the dearer one is never too little."""
    usage = {"input_tokens": 300, "output_tokens": 272}
    provider.answers("/v1/images/edits", b64(usage=usage))
    async with connected(provider, model="gpt-image-2") as maker:
        drawing = await drawn(maker, references=(FOX,))
    assert drawing.usage is not None
    assert (drawing.usage.text_in, drawing.usage.image_in) == (0, 300)


async def test_no_reference_stands_in_an_error_or_a_log(
    provider: Provider, caplog: pytest.LogCaptureFixture
) -> None:
    """Scorecard S05: bytes and prompts stay out, whichever way they are sent."""
    caplog.set_level("DEBUG")
    provider.answers("/v1/images/edits", status(500))
    provider.answers("/v1/images", status(500))
    async with connected(provider, model="gpt-image-2") as maker:
        await failed(maker, references=(FOX,))
    async with connected(provider, model="openai/gpt-image-2", server="openrouter") as maker:
        await failed(maker, references=(FOX,))
    told = "".join(str(vars(record)) for record in caplog.records)
    assert base64.b64encode(FOX).decode()[:40] not in told
    assert "a fox" not in told
