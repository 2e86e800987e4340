"""ARouter's own sample, through our maker: an hour-long link, downloaded at once.

Source: ARouter documentation, "圖像生成" (read 2026-11-21).
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from limner import Engine, MemoryStorage
from limner.errors import ParameterError
from limner.images.openai import OpenAIImages
from limner.images.protocol import ImageRequest
from limner.testing import Say, ScriptedModel
from makers import FOX, connected, drawings, drawn
from providers import Provider, raw, whole

pytestmark = pytest.mark.anyio

MODEL = "openai/dall-e-3"
PROMPT = "A futuristic city skyline at sunset, photorealistic"
SAMPLE = {"model": MODEL, "prompt": PROMPT, "n": 1, "size": "1024x1024", "quality": "hd"}
"""What the sample's `client.images.generate` is called with."""
REVISED = "A photorealistic futuristic city skyline at sunset..."


@pytest.fixture
def provider() -> Iterator[Provider]:
    with Provider() as running:
        entry = {"url": f"{running.origin}/files/1.png?expires=3600", "revised_prompt": REVISED}
        running.images(whole({"created": 1234567890, "data": [entry]}))
        running.pictures["/files/1.png"] = raw(FOX, "image/png")
        yield running


def asked(**more: Any) -> dict[str, Any]:
    """The sample as a request; `more` changes it."""
    return {key: value for key, value in (SAMPLE | more).items() if key != "model"}


async def test_the_sample_draws_and_its_picture_is_here_before_the_link_dies(provider: Provider) -> None:
    """ARouter: the answer is a link that lives an hour, and a prompt that was revised."""
    async with connected(provider, model=MODEL) as maker:
        drawing = await drawn(maker, **asked())
    assert (drawing.data, drawing.revised_prompt, drawing.model) == (FOX, REVISED, MODEL)
    order, fetched = provider.requests
    assert order.path == "/v1/images/generations"
    # One picture is what every service draws where nothing is said.
    assert order.json | {"n": 1} == SAMPLE
    assert (order.headers["content-type"], order.headers["authorization"]) == (
        "application/json",
        "Bearer sk-canary",
    )
    assert "authorization" not in fetched.headers


@pytest.mark.parametrize(
    "more",
    [
        {"size": "1792x1024", "quality": "hd", "style": "vivid"},
        {"size": "1024x1792", "quality": "standard", "style": "natural"},
        {"response_format": "url"},
        {"response_format": "b64_json"},
        {"prompt": "x" * 4000},
    ],
    ids=["wide", "tall", "url", "b64_json", "the longest prompt"],
)
async def test_every_parameter_of_its_page_reaches_it_unchanged(
    provider: Provider, more: dict[str, Any]
) -> None:
    """ARouter, "請求參數"."""
    async with connected(provider, model=MODEL) as maker:
        assert (await drawn(maker, **asked(**more))).data == FOX
    assert provider.requests[0].json | {"n": 1} == SAMPLE | more


@pytest.mark.parametrize(
    ("model", "more", "param", "named"),
    [
        (MODEL, {"n": 2}, "n", "2"),
        (MODEL, {"prompt": "x" * 4001}, "prompt", "4,001"),
        (MODEL, {"size": "640x480"}, "size", "640x480"),
        (MODEL, {"quality": "high"}, "quality", "high"),
        (MODEL, {"style": "noir"}, "style", "noir"),
        ("openai/dall-e-2", {"quality": None, "prompt": "x" * 1001}, "prompt", "1,001"),
        ("openai/dall-e-2", {"quality": None, "size": "1792x1024"}, "size", "1792x1024"),
        ("gpt-image-2", {"quality": None, "style": "vivid"}, "style", "vivid"),
        ("openai/gpt-image-1", {"quality": None, "style": "vivid"}, "style", "vivid"),
    ],
)
async def test_what_its_page_forbids_is_refused_before_anything_is_sent(
    provider: Provider, model: str, more: dict[str, Any], param: str, named: str
) -> None:
    """ARouter: DALL·E 3 draws one picture, of 4,000 characters, in three sizes; GPT models have no style."""
    async with connected(provider, model=model) as maker:
        with pytest.raises(ParameterError, match=named) as caught:
            await drawings(maker, **asked(**more))
    assert caught.value.param == param
    assert caught.value.allowed or param == "style"
    assert provider.requests == []


@pytest.mark.parametrize(
    ("more", "price_usd"),
    [
        ({"quality": "standard"}, 0.040),
        ({"quality": "standard", "size": "1792x1024"}, 0.080),
        ({"quality": "hd"}, 0.080),
        ({"quality": "hd", "size": "1024x1792"}, 0.120),
    ],
)
async def test_its_price_is_the_one_on_its_page(more: dict[str, Any], price_usd: float) -> None:
    """ARouter, "費用"."""
    maker = OpenAIImages(MODEL, base_url="https://api.arouter.ai/v1", api_key="lr_live_xxxx")
    resolved = maker.resolve(ImageRequest(**asked(**more)))
    await maker.aclose()
    assert resolved.price_usd == pytest.approx(price_usd)


async def test_a_reply_keeps_the_picture_and_never_shows_the_link(provider: Provider) -> None:
    """DESIGN decision 6: bytes are kept on arrival, because provider links die."""
    calls = [("generate_image", {"prompt": PROMPT, "alt": "A city"})]
    model = ScriptedModel([Say(calls=calls), Say("![A city](image://1)")])
    options = {"model": MODEL, "size": "1792x1024", "quality": "hd", "style": "vivid"}
    storage = MemoryStorage()
    async with connected(provider, **options) as maker, Engine(model, maker, storage=storage) as engine:
        reply = await engine.conversation().ask("Draw a city")
        (image,) = reply.images
        assert await storage.open(image.picture.id) == FOX
    assert "files/1.png" not in f"{reply.markdown()} {reply.to_dict()}"
