"""`GET /models`, `GET /models/{id}`, `GET /images/models`: what clients may name."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest

from clocks import OwnClock
from limner.config.settings import ChatConfig, Config, GatewayConfig, ImageConfig, UpstreamConfig
from limner.gateway.naming.models import ModelsEndpoints
from limner.gateway.refusal import Refusal
from picture_services import inbound
from providers import CUT, Answer, Provider, raw, status, whole
from published import valid

pytestmark = pytest.mark.anyio


@pytest.fixture
def anyio_backend() -> str:
    """Endpoints are asked for their lists by the relay, which runs on asyncio alone."""
    return "asyncio"


@pytest.fixture
def provider() -> Iterator[Provider]:
    with Provider() as running:
        yield running


def listed(*names: str, **more: Any) -> Answer:
    """A list of models as most servers write it."""
    return whole({"object": "list", "data": [{"id": name, "object": "model", **more} for name in names]})


def configured(*upstreams: UpstreamConfig, image: ImageConfig | None = None, **gateway: Any) -> Config:
    return Config(image=image or ImageConfig(), gateway=GatewayConfig(upstreams=upstreams, **gateway))


async def models(endpoints: ModelsEndpoints, path: str = "/v1/models") -> dict[str, Any]:
    told: dict[str, Any] = json.loads((await endpoints.models(inbound("GET", path))).body)
    return told


async def names(endpoints: ModelsEndpoints) -> list[str]:
    return [each["id"] for each in (await models(endpoints))["data"]]


async def test_what_an_endpoint_has_is_listed_also_with_our_tool_on(provider: Provider) -> None:
    """Models: the upstream's own list, each name also as an alias that turns the tool on."""
    provider.pictures["/v1/models"] = listed("fox-1", "fox-2", context_length=8192, owned_by="forest")
    endpoints = ModelsEndpoints(configured(UpstreamConfig("", provider.base_url, "sk-canary")))
    told = await models(endpoints)
    assert await names(endpoints) == ["fox-1", "fox-1:illustrated", "fox-2", "fox-2:illustrated"]
    first, drawing = told["data"][:2]
    assert (first["context_length"], first["owned_by"]) == (8192, "forest")
    assert first["architecture"]["output_modalities"] == ["text"]
    assert drawing["architecture"]["output_modalities"] == ["text", "image"]
    assert provider.requests[0].headers["authorization"] == "Bearer sk-canary"
    valid("openai/models", told)
    valid("openrouter/models", told)


async def test_prefixes_stand_before_the_names_of_their_endpoints(provider: Provider) -> None:
    """Upstreams by model prefix: listed as a client must name them, and where a request would go."""
    provider.pictures["/a/models"] = listed("one")
    provider.pictures["/b/models"] = listed("b/two", "other")
    provider.pictures["/c/models"] = listed("three", "a/four", "b/five")
    endpoints = ModelsEndpoints(
        configured(
            UpstreamConfig("a/", f"{provider.origin}/a", None),
            UpstreamConfig("b/", f"{provider.origin}/b", None, strip_prefix=False),
            UpstreamConfig("", f"{provider.origin}/c", "none"),
        )
    )
    assert [each for each in await names(endpoints) if ":" not in each] == ["a/one", "b/two", "three"]
    assert all("authorization" not in each.headers for each in provider.requests)


async def test_only_what_is_offered_is_listed(provider: Provider) -> None:
    """`models`: patterns and plain names; those for which the tool is on by itself have one name."""
    provider.pictures["/v1/models"] = listed("fox-1", "owl-1", "owl-2")
    config = configured(
        UpstreamConfig("", provider.base_url, None), models=("boat-1", "owl-*"), illustrated=("owl-1",)
    )
    endpoints = ModelsEndpoints(config)
    assert await names(endpoints) == ["boat-1", "boat-1:illustrated", "owl-1", "owl-2", "owl-2:illustrated"]
    rows = {each["id"]: each for each in (await models(endpoints))["data"]}
    assert rows["owl-1"]["architecture"]["output_modalities"] == ["text", "image"]


async def test_an_endpoint_is_asked_once_a_minute(provider: Provider) -> None:
    """Models: cached a minute; what it said last holds while it says nothing."""
    clock = OwnClock()
    provider.pictures["/v1/models"] = [listed("fox-1"), status(500), listed("fox-2")]
    endpoints = ModelsEndpoints(configured(UpstreamConfig("", provider.base_url, None)), clock)
    for _ in range(3):
        assert (await names(endpoints))[0] == "fox-1"
    assert len(provider.requests) == 1
    clock.at_s += 61
    assert (await names(endpoints))[0] == "fox-1"
    assert len(provider.requests) == 2
    clock.at_s += 61
    assert (await names(endpoints))[0] == "fox-2"


ODD: dict[str, Answer] = {
    "an error": status(500),
    "nothing there": status(404),
    "no JSON": raw(b"<html>"),
    "no list": whole({"data": "fox"}),
    "too deep": raw(b'{"data":' + b"[" * 100_000),
    "too large": raw(b" " * (9 << 20)),
    "cut off": Answer(steps=(b'{"data"', CUT)),
    "elsewhere": status(302, location="http://127.0.0.1:1/"),
    "odd rows": whole({"data": [None, 1, {}, {"id": 7}, {"id": ""}, {"id": "x" * 300}, {"id": "a\nb"}]}),
}


@pytest.mark.parametrize("case", ODD)
async def test_an_endpoint_that_lists_nothing_is_no_error(provider: Provider, case: str) -> None:
    """Models: guarded and bounded; the configured names are there all the same."""
    provider.pictures["/v1/models"] = ODD[case]
    config = configured(UpstreamConfig("", provider.base_url, "sk-canary"), models=("fox-1", "*"))
    assert await names(ModelsEndpoints(config)) == ["fox-1", "fox-1:illustrated"]


async def test_odd_figures_are_left_out(provider: Provider) -> None:
    """Models: whatever a server writes, the list is one that strict clients read."""
    odd: Any = {
        "context_length": "many",
        "pricing": {"prompt": "free", "completion": "0.000002"},
        "created": -1,
        "supported_parameters": [1, "tools"],
        "description": 7,
    }
    provider.pictures["/v1/models"] = listed("fox-1", **odd)
    told = await models(ModelsEndpoints(configured(UpstreamConfig("", provider.base_url, None))))
    row = told["data"][0]
    assert row["pricing"] == {"prompt": "-1", "completion": "0.000002"}
    assert (row["context_length"], row["created"], row["supported_parameters"]) == (None, 0, ["tools"])
    valid("openrouter/models", told)


async def test_one_model_is_found_by_its_name(provider: Provider) -> None:
    """`GET /models/{id}`: with slashes as they are or encoded, and with the alias; an unknown one is 404."""
    provider.pictures["/v1/models"] = listed("forest/fox-1")
    endpoints = ModelsEndpoints(configured(UpstreamConfig("", provider.base_url, None)))
    for path, name in (
        ("/v1/models/forest/fox-1", "forest/fox-1"),
        ("/v1/models/forest%2Ffox-1", "forest/fox-1"),
        ("/api/v1/models/forest/fox-1:illustrated", "forest/fox-1:illustrated"),
    ):
        row = json.loads((await endpoints.model(inbound("GET", path))).body)
        assert (row["id"], row["object"]) == (name, "model")
    with pytest.raises(Refusal) as caught:
        await endpoints.model(inbound("GET", "/v1/models/forest/owl"))
    assert (caught.value.code, caught.value.kind.status) == ("model_not_found", 404)


async def test_where_an_endpoint_has_no_list_any_offered_name_may_be_one(provider: Provider) -> None:
    """`GET /models/{id}`: as chats do, which find out by asking."""
    config = configured(UpstreamConfig("", provider.base_url, None), models=("fox-*",))
    endpoints = ModelsEndpoints(config)
    row = json.loads((await endpoints.model(inbound("GET", "/v1/models/fox-9:illustrated"))).body)
    assert row["architecture"]["output_modalities"] == ["text", "image"]
    with pytest.raises(Refusal):
        await endpoints.model(inbound("GET", "/v1/models/owl-9"))
    with pytest.raises(Refusal):
        await endpoints.model(inbound("GET", "/v1/models/:illustrated"))


async def test_the_configured_chat_model_is_listed(provider: Provider) -> None:
    """Configuration as for `ask`: `[chat]` is the default endpoint."""
    chat = ChatConfig(model="fox-1", base_url=provider.base_url, api_key="none")
    assert await names(ModelsEndpoints(Config(chat=chat))) == ["fox-1", "fox-1:illustrated"]


async def test_offline_every_list_says_so() -> None:
    """`limner serve --offline`: a few well-known names, and that no model is connected."""
    endpoints = ModelsEndpoints(Config(), offline=True)
    answer = await endpoints.models(inbound("GET", "/v1/models"))
    told = json.loads(answer.body)
    assert answer.headers["x-limner-offline"] == "true"
    assert told["limner"] == {"offline": True}
    assert "openai/gpt-4o" in [each["id"] for each in told["data"]]
    assert all("offline" in each["name"] for each in told["data"])
    valid("openai/models", told)
    valid("openrouter/models", told)
    one = json.loads((await endpoints.model(inbound("GET", "/v1/models/whatever/there-is"))).body)
    assert "offline" in one["name"]
    drawn = json.loads((await endpoints.images(inbound("GET", "/v1/images/models"))).body)
    assert "openai/dall-e-3" in [each["id"] for each in drawn["data"]]
    assert drawn["limner"] == {"offline": True}


async def test_image_models_are_those_of_the_configured_server() -> None:
    """`GET /images/models`: the catalogue of who is asked, the one that draws by itself first."""
    image = ImageConfig(model="gpt-image-1", base_url="https://api.openai.com/v1", api_key="sk-canary")
    endpoints = ModelsEndpoints(configured(image=image))
    told = json.loads((await endpoints.images(inbound("GET", "/api/v1/images/models"))).body)
    rows = {each["id"]: each for each in told["data"]}
    assert next(iter(rows)) == "gpt-image-1"
    assert {each["owned_by"] for each in rows.values()} == {"openai"}
    valid("openrouter/image_models", told)
    takes = rows["gpt-image-1"]["supported_parameters"]
    assert "1024x1024" in takes["size"]["values"]
    assert takes["n"] == {"type": "range", "min": 1, "max": 10}
    assert takes["input_references"]["max"] > 0
    # And again, without reading the catalogue.
    assert json.loads((await endpoints.images(inbound("GET", "/v1/images/models"))).body) == told


async def test_only_image_models_that_may_be_named_are_listed() -> None:
    """`image_models`: patterns and plain names, also of a server that no catalogue knows."""
    openai = ImageConfig(model="gpt-image-1", base_url="https://api.openai.com/v1", api_key="sk-canary")
    own = ImageConfig(model="pictor-1", base_url="http://127.0.0.1:1/v1", api_key="none")
    for image, patterns, expected in (
        (openai, ("dall-e-*",), {"gpt-image-1", "dall-e-2", "dall-e-3"}),
        (own, ("pictor-*", "easel-1"), {"pictor-1", "easel-1"}),
        (own, (), {"pictor-1"}),
        (ImageConfig(), (), set[str]()),
    ):
        endpoints = ModelsEndpoints(configured(image=image, image_models=patterns))
        told = json.loads((await endpoints.images(inbound("GET", "/v1/images/models"))).body)
        assert {each["id"] for each in told["data"]} == expected
