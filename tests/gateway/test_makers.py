"""Image models by the names that clients give them."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from clocks import OwnClock
from limner.config.settings import Config, GatewayConfig, ImageConfig
from limner.engine.defaults import default_image_tool
from limner.gateway.naming.makers import Makers
from limner.gateway.refusal import Refusal

pytestmark = pytest.mark.anyio

KEPT = 32


def config(*patterns: str) -> Config:
    image = ImageConfig(
        model="pictor-1",
        base_url="http://127.0.0.1:1/v1",
        api_key="none",
        quality="high",
        price_usd=0.04,
        style_sentence="watercolour",
        policy="idempotent",
    )
    return Config(image=image, gateway=GatewayConfig(image_models=patterns))


@pytest.fixture
def clock() -> OwnClock:
    return OwnClock()


@pytest.fixture
async def makers(clock: OwnClock) -> AsyncIterator[Makers]:
    tool = default_image_tool(config(), clock)
    found = Makers(config(), tool, clock)
    yield found
    await found.aclose()
    await tool.backend.aclose()


async def test_the_configured_model_is_the_default_under_its_name(makers: Makers) -> None:
    """Makers: the one that draws where none is named is the one of that name."""
    own = await makers.find(None)
    assert own.backend.name.endswith(" pictor-1")
    assert await makers.find("pictor-1") is own


async def test_another_model_has_what_is_said_of_the_server_and_not_of_the_model(makers: Makers) -> None:
    """Makers: address, key, policy and the visual voice hold for all; price and quality are of one model."""
    tool = await makers.find("pictor-2")
    assert tool.backend.name == "127.0.0.1:1/v1 pictor-2"
    assert (tool.backend.policy, tool.style_sentence, tool.quality) == ("idempotent", "watercolour", None)
    assert tool.backend.resolve(tool.request({"prompt": "a fox"})).price_usd is None
    assert await makers.find("pictor-2") is tool


async def test_only_what_was_not_asked_for_in_a_while_gives_way(makers: Makers, clock: OwnClock) -> None:
    """Makers: bounded; none is closed while somebody may draw with it."""
    tools = [await makers.find(f"model-{number}") for number in range(KEPT + 8)]
    assert await makers.find("model-1") is tools[1]
    await tools[0].backend.throttle.enter("somebody")
    clock.at_s += 1000
    await makers.find("another")
    assert await makers.find("model-0") is tools[0]
    assert await makers.find("model-2") is not tools[2]
    assert await makers.find("model-1") is tools[1]


async def test_too_many_names_at_once_are_refused(makers: Makers) -> None:
    """Makers: whoever invents names gets no more connections for them."""

    async def invent() -> None:
        for number in range(1000):
            await makers.find(f"model-{number}")

    with pytest.raises(Refusal) as caught:
        await invent()
    assert caught.value.code == "overloaded"
    assert caught.value.retry_after_s


async def test_names_are_offered_by_patterns(clock: OwnClock) -> None:
    """`image_models`: names and patterns; upper and lower case differ."""
    tool = default_image_tool(config(), clock)
    makers = Makers(config("studio/*", "easel-1"), tool, clock)
    offered = [name for name in ("studio/a", "easel-1", "pictor-1") if makers.offered(name)]
    assert offered == ["studio/a", "easel-1", "pictor-1"]
    for name in ("Studio/a", "easel-10", "other"):
        with pytest.raises(Refusal) as caught:
            await makers.find(name)
        assert (caught.value.code, caught.value.param) == ("model_not_found", "model")
    await makers.aclose()
    await tool.backend.aclose()
