"""Which endpoint a model's name leads to, and the models that the engine is given."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from typing import Any

import pytest

from clocks import OwnClock
from limner.config.settings import ChatConfig, Config, GatewayConfig, UpstreamConfig
from limner.core.messages import ChatRequest, Message
from limner.errors import ConfigError
from limner.gateway.naming.upstreams import Upstreams
from limner.gateway.refusal import Refusal
from limner.models.protocol import Model
from providers import Provider, finish, sse, status, text
from responders import message, streamed

pytestmark = pytest.mark.anyio

DEFAULT = UpstreamConfig("", "http://127.0.0.1:9/default", "k-default")
OPENAI = UpstreamConfig("openai/", "http://127.0.0.1:9/openai", "k-openai")
WHOLE_NAME = UpstreamConfig("openai/gpt-5", "http://127.0.0.1:9/five", "none", strip_prefix=False)


@pytest.fixture
def anyio_backend() -> str:
    """The gateway runs on asyncio alone."""
    return "asyncio"


@pytest.fixture
def provider() -> Iterator[Provider]:
    with Provider() as running:
        yield running


@asynccontextmanager
async def opened(*rows: UpstreamConfig, offline: bool = False, **gateway: Any) -> AsyncIterator[Upstreams]:
    config = Config(gateway=GatewayConfig(upstreams=rows, **gateway))
    upstreams = Upstreams(config, OwnClock(), offline=offline)
    try:
        yield upstreams
    finally:
        await upstreams.aclose()


async def said(model: Model) -> str:
    request = ChatRequest((Message("user", "A word, please"),))
    return "".join([delta.text async for deltas in model.stream(request) for delta in deltas])


async def test_a_name_leads_to_the_endpoint_with_the_longest_prefix_that_fits() -> None:
    """The plan of the gateway: one or several endpoints, by prefix; a prefix is stripped unless it is kept."""
    async with opened(DEFAULT, OPENAI, WHOLE_NAME) as upstreams:
        found = {name: upstreams.find(name) for name in ("llama", "openai/o9", "openai/gpt-5-mini")}
    assert [(each.name, each.provider, each.api_key) for each in found.values()] == [
        ("llama", "upstream", "k-default"),
        ("o9", "openai", "k-openai"),
        ("openai/gpt-5-mini", "openai/gpt-5", ""),
    ]
    assert [each.asked for each in found.values()] == list(found)
    assert not any(each.offline or each.illustrated for each in found.values())
    assert "k-" not in repr(found)


async def test_the_chat_endpoint_has_all_other_models() -> None:
    """The plan of the gateway: [chat] is the default endpoint, as for `limner ask`."""
    chat = ChatConfig(base_url="http://127.0.0.1:9/chat", api_key="k-chat")
    upstreams = Upstreams(Config(chat, gateway=GatewayConfig(upstreams=(OPENAI,))), OwnClock())
    assert upstreams.find("anything").api_key == "k-chat"
    assert upstreams.find("openai/o9").api_key == "k-openai"
    await upstreams.aclose()


@pytest.mark.parametrize("name", ["mistral", "openai/", "", ":illustrated", "openai/:illustrated"])
async def test_a_name_that_leads_nowhere_is_not_found(name: str) -> None:
    """An unknown model is 404."""
    async with opened(OPENAI) as upstreams:
        with pytest.raises(Refusal) as caught:
            upstreams.find(name)
    assert (caught.value.code, caught.value.kind.status, caught.value.param) == (
        "model_not_found",
        404,
        "model",
    )


async def test_what_is_not_offered_is_not_found_although_an_endpoint_has_it() -> None:
    """`gateway.models`: only what fits a pattern is offered, offline too."""
    for offline in (False, True):
        async with opened(DEFAULT, models=("openai/*", "llama"), offline=offline) as upstreams:
            for name in ("openai/gpt-5", "llama", "llama:illustrated"):
                assert upstreams.find(name).asked == name
            for name in ("llama2", "OpenAI/gpt-5", "a/openai/x"):
                with pytest.raises(Refusal, match="no such model"):
                    upstreams.find(name)


async def test_an_ending_or_a_pattern_turns_the_tool_on() -> None:
    """`…:illustrated`, and a default per model in the configuration."""
    async with opened(DEFAULT, OPENAI, illustrated=("openai/gpt-*",)) as upstreams:
        found = [
            upstreams.find(name) for name in ("m:illustrated", "m", "openai/gpt-5", "openai/o9:illustrated")
        ]
    assert [(each.name, each.illustrated) for each in found] == [
        ("m", True),
        ("m", False),
        ("gpt-5", True),
        ("o9", True),
    ]


async def test_the_engine_asks_the_same_endpoint_under_its_own_parameters(provider: Provider) -> None:
    """A model made from an endpoint shares its connections; closing it leaves them to the others."""
    provider.chat(sse(text("Hello"), finish()))
    async with opened(UpstreamConfig("p/", provider.base_url, "sk-canary")) as upstreams:
        for temperature in (0.1, 0.2):
            upstream = upstreams.find("p/small")
            model = upstream.model(upstream.name, {"temperature": temperature})
            assert (model.name, model.offline, await said(model)) == ("small", False, "Hello")
            await model.aclose()
    assert [(each.json["model"], each.json["temperature"]) for each in provider.requests] == [
        ("small", 0.1),
        ("small", 0.2),
    ]
    assert provider.requests[0].headers["authorization"] == "Bearer sk-canary"
    assert provider.connections == 1


async def test_what_one_turn_learned_of_a_model_the_next_one_knows(provider: Provider) -> None:
    """Quirk 36: a server that refuses `stream_options` is asked without, and not twice in each turn."""
    refused = status(400, {"error": {"message": "Unknown parameter: stream_options"}})
    provider.chat(refused, sse(text("Hello"), finish()))
    async with opened(UpstreamConfig("", provider.base_url)) as upstreams:
        for _ in range(2):
            assert await said(upstreams.find("m").model("m")) == "Hello"
    assert ["stream_options" in each.json for each in provider.requests] == [True, False, False]


async def test_offline_every_name_leads_to_the_offline_model() -> None:
    """`limner serve --offline` answers every chat model's name."""
    async with opened(OPENAI, offline=True) as upstreams:
        upstream = upstreams.find("anything/at:all")
        model = upstream.model(upstream.name, {"temperature": 1})
        assert (upstream.offline, upstream.relay, model.offline) == (True, None, True)
        assert await said(model)


async def test_an_address_that_cannot_be_used_is_said_at_the_start() -> None:
    """Errors are said before anybody asks."""
    with pytest.raises(ConfigError):
        async with opened(UpstreamConfig("", "not an address")):
            pass


async def test_an_endpoint_of_responses_is_asked_through_them_and_passes_nothing_on(
    provider: Provider,
) -> None:
    """`api = "responses"`: options come in the words of chats, and no chat can be passed on as it is."""
    provider.answers("/v1/responses", streamed(message("Hello")))
    async with opened(UpstreamConfig("r/", provider.base_url, "sk-canary", api="responses")) as upstreams:
        upstream = upstreams.find("r/thinker")
        assert (upstream.relay, upstream.offline) == (None, False)
        assert await said(upstream.model(upstream.name, {"max_tokens": 9})) == "Hello"
    (sent,) = provider.requests
    assert (sent.json["model"], sent.json["max_output_tokens"]) == ("thinker", 9)
    assert sent.headers["authorization"] == "Bearer sk-canary"


async def test_the_chat_table_says_the_api_of_the_default_endpoint(provider: Provider) -> None:
    """[chat] is the default endpoint, as for `limner ask`."""
    provider.answers("/v1/responses", streamed(message("Hello")))
    chat = ChatConfig(base_url=provider.base_url, api="responses")
    upstreams = Upstreams(Config(chat), OwnClock())
    assert await said(upstreams.find("m").model("m")) == "Hello"
    await upstreams.aclose()


async def test_offline_is_said_and_not_guessed() -> None:
    """Clients are told where no language model is connected, and only there."""
    async with opened(DEFAULT, offline=True) as upstreams:
        assert (upstreams.find("m").offline, upstreams.find("m").relay) == (True, None)


@pytest.mark.parametrize(
    ("base_url", "expected"),
    [
        ("https://api.openai.com/v1", {"max_completion_tokens": 9, "reasoning_effort": "low"}),
        ("https://openrouter.ai/api/v1", {"max_completion_tokens": 9, "reasoning": {"effort": "low"}}),
        ("http://localhost:11434/v1", {"max_tokens": 9, "reasoning_effort": "low"}),
    ],
)
async def test_options_are_called_as_their_server_calls_them(
    base_url: str, expected: dict[str, object]
) -> None:
    """What a server does not know it passes over, and a limit that is passed over costs money."""
    rows = (UpstreamConfig("", base_url, "k-1"),)
    upstreams = Upstreams(Config(gateway=GatewayConfig(upstreams=rows)), OwnClock())
    try:
        options = {"max_completion_tokens": 9, "reasoning": {"effort": "low"}, "temperature": 1}
        assert upstreams.find("m").worded(options) == expected | {"temperature": 1}
    finally:
        await upstreams.aclose()
