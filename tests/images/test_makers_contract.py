"""What every maker promises, whoever draws: the protocol, held by all of them alike."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path
from typing import Any

import anyio
import pytest

from clocks import OwnClock
from limner.errors import ParameterError
from limner.images.chat import ChatImages
from limner.images.fallback import Fallback
from limner.images.inspection.checking import inspect
from limner.images.offline.painter import Painter
from limner.images.openai import OpenAIImages
from limner.images.protocol import ImageBackend, ImageRequest, Purchase
from limner.testing import PlainImages
from makers import B64, FOX, FOX_URL, b64, drawings, linked, shown
from providers import Provider, raw, sse, whole

pytestmark = pytest.mark.anyio

Made = Callable[[Provider], ImageBackend]


def at(provider: Provider, **options: Any) -> dict[str, Any]:
    return {"base_url": provider.base_url, "api_key": "sk-canary", "clock": OwnClock(), **options}


def base64_maker(provider: Provider) -> ImageBackend:
    provider.images(b64())
    provider.answers("/v1/images/edits", b64())
    return OpenAIImages("gpt-image-2", **at(provider))


def linking_maker(provider: Provider) -> ImageBackend:
    provider.images(linked(f"{provider.origin}/fox.png"))
    return OpenAIImages("pictor-1", **at(provider, price_usd=0.02))


def relative_maker(provider: Provider) -> ImageBackend:
    provider.images(linked("images/1/content"))
    return OpenAIImages("pictor-1", **at(provider, server="sglang"))


def streaming_maker(provider: Provider) -> ImageBackend:
    done = b'data: {"type": "image_generation.completed", "b64_json": "%s"}\n\n' % B64.encode()
    provider.images(sse(done))
    return OpenAIImages("pictor-1", **at(provider, stream=True, partial_images=1))


def openrouter_maker(provider: Provider) -> ImageBackend:
    provider.answers("/v1/images", b64(usage={"prompt_tokens": 0, "completion_tokens": 9, "cost": 0.04}))
    return OpenAIImages("openai/gpt-image-2", **at(provider, server="openrouter"))


def chatting_maker(provider: Provider) -> ImageBackend:
    provider.chat(shown({"content": None, "images": [{"image_url": {"url": FOX_URL}}]}))
    return ChatImages("google/gemini-2.5-flash-image", **at(provider, server="openrouter"))


def falling_maker(provider: Provider) -> ImageBackend:
    provider.images(whole({"error": "canary"}, 402))
    provider.answers("/v1/images/edits", whole({"error": "canary"}, 402))
    provider.answers("/v1/images", b64())
    return Fallback(
        OpenAIImages("gpt-image-2", **at(provider)),
        OpenAIImages("openai/gpt-image-2", **at(provider, server="openrouter")),
    )


MAKERS: dict[str, Made] = {
    "base64": base64_maker,
    "links": linking_maker,
    "relative links": relative_maker,
    "a stream": streaming_maker,
    "openrouter": openrouter_maker,
    "a chat": chatting_maker,
    "a fallback": falling_maker,
    "the painter": lambda _: Painter(),
    "plain": lambda _: PlainImages(),
}


@pytest.fixture
def provider() -> Iterator[Provider]:
    with Provider() as running:
        running.pictures["/fox.png"] = raw(FOX)
        running.pictures["/v1/images/1/content"] = raw(FOX)
        yield running


@pytest.fixture(params=[*MAKERS.values()], ids=[*MAKERS])
def opened(
    request: pytest.FixtureRequest, provider: Provider
) -> Callable[[], AbstractAsyncContextManager[ImageBackend]]:
    """Makes the maker inside the test's event loop, and closes it there."""

    @asynccontextmanager
    async def open_() -> AsyncIterator[ImageBackend]:
        maker: ImageBackend = request.param(provider)
        try:
            yield maker
        finally:
            await maker.aclose()

    return open_


Opened = Callable[[], AbstractAsyncContextManager[ImageBackend]]


async def test_it_says_what_the_engine_needs_to_know_and_no_secret(opened: Opened) -> None:
    """Protocol: name, policy, time, places, references."""
    async with opened() as maker:
        assert maker.name
        assert "canary" not in f"{maker.name} {maker!r}"
        assert maker.policy in {"idempotent", "job", "at_most_once"}
        assert maker.timeout_s > 0
        assert 1 <= maker.throttle.places <= maker.throttle.most
        assert maker.max_references >= 0
        assert isinstance(maker.offline, bool)


async def test_what_it_will_order_is_known_before_and_settled(opened: Opened, provider: Provider) -> None:
    """Protocol, resolve: nothing is sent, and what was resolved stays what it is."""
    async with opened() as maker:
        first = maker.resolve(ImageRequest("a fox by the sea", aspect_ratio="16:9"))
        assert first == maker.resolve(ImageRequest("a fox by the sea", aspect_ratio="16:9"))
        assert maker.resolve(first.request).request == first.request
        assert first.price_usd is None or first.price_usd >= 0
        assert first.request.prompt == "a fox by the sea"
    assert provider.requests == []


@pytest.mark.parametrize("request_", [{"n": 0}, {"prompt": " "}], ids=["none", "nothing"])
async def test_what_no_maker_can_draw_is_refused_before_anything_is_sent(
    opened: Opened, provider: Provider, request_: dict[str, Any]
) -> None:
    """Protocol: ParameterError names the parameter."""
    async with opened() as maker:
        if isinstance(maker, PlainImages):
            return  # it paints whatever it is told, for the tests of others
        with pytest.raises(ParameterError) as caught:
            await drawings(maker, **request_)
    assert caught.value.param in request_
    assert provider.requests == []


async def test_it_draws_pictures_that_are_pictures(opened: Opened) -> None:
    """Protocol, draw: at least one, whole, with what is known of its cost."""
    async with opened() as maker:
        drawn = await drawings(maker, prompt="a fox by the sea")
    assert len(drawn) >= 1
    for drawing in drawn:
        assert isinstance(drawing.data, bytes)
        assert inspect(drawing.data).format in {"png", "jpeg", "webp"}
        assert drawing.model
        assert drawing.cost_usd is None or drawing.cost_usd >= 0


async def test_it_takes_as_many_pictures_to_resemble_as_it_says(opened: Opened) -> None:
    """Protocol, max_references: that many are drawn from, one more is refused."""
    async with opened() as maker:
        most = maker.max_references
        if most:
            assert await drawings(maker, references=(FOX,) * most)
        if not isinstance(maker, PlainImages):
            with pytest.raises(ParameterError) as caught:
                maker.resolve(ImageRequest("a fox", references=(FOX,) * (most + 1)))
            assert caught.value.param == "references"


async def test_several_orders_at_once_do_not_disturb_each_other(opened: Opened) -> None:
    """Protocol: any number of conversations share a maker."""
    found: list[int] = []

    async with opened() as maker:

        async def order(number: int) -> None:
            found.append(len(await drawings(maker, f"key-{number}", prompt=f"{number} foxes")))

        with anyio.fail_after(30):
            async with anyio.create_task_group() as tasks:
                for number in range(5):
                    tasks.start_soon(order, number)
    assert len(found) == 5
    assert all(found)


async def test_an_order_that_was_given_up_leaves_the_maker_whole(opened: Opened) -> None:
    """Protocol: safe to cancel."""
    async with opened() as maker:
        with anyio.move_on_after(0):
            await maker.draw(ImageRequest("a fox"), Purchase("given-up"))
        with anyio.fail_after(30):
            assert await drawings(maker, prompt="a fox by the sea")
        assert maker.throttle.inside == 0


async def test_it_may_be_closed_twice_and_before_it_was_used(opened: Opened) -> None:
    """Protocol, aclose: idempotent."""
    async with opened() as maker:
        await maker.aclose()
        await maker.aclose()


async def test_a_drawing_that_came_as_a_file_belongs_to_who_ordered_it(opened: Opened) -> None:
    """Protocol, Content: it is there, and nobody else removes it."""
    async with opened() as maker:
        drawn = await maker.draw(ImageRequest("a fox by the sea"), Purchase("k"))
    for drawing in drawn:
        if isinstance(drawing.data, Path):
            assert drawing.data.read_bytes() == FOX
            drawing.data.unlink()
