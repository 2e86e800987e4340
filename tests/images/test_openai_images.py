"""Orders of the Images API: what is sent, when it is sent again, and what comes of several pictures."""

from __future__ import annotations

import json
import logging
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import anyio
import pytest

from clocks import OwnClock
from limner.errors import ConfigError, ParameterError
from limner.images.catalogue import load_catalogue
from limner.images.openai import OpenAIImages
from limner.images.protocol import Drawing, ImageRequest, ImageUsage
from makers import B64, BOAT, BOAT_B64, FOX, b64, connected, drawings, drawn, failed
from providers import CUT, STALL, Answer, Gate, Provider, status, wait_for, whole

pytestmark = pytest.mark.anyio


@pytest.fixture
def provider() -> Iterator[Provider]:
    with Provider() as running:
        yield running


async def test_a_picture_arrives_as_base64(provider: Provider) -> None:
    """Images sheet, 2.3: the usual answer, with what it tells about itself."""
    entry = {"b64_json": B64, "revised_prompt": "a red fox \ud800"}
    usage = {"cost": 0.04, "input_tokens": 5, "output_tokens": 9}
    provider.images(whole({"data": [entry], "usage": usage, "model": "pictor-1.1"}))
    async with connected(provider, price_usd=0.1) as maker:
        drawing = await drawn(maker)
    assert drawing == Drawing(FOX, "pictor-1.1", "a red fox \ufffd", 0.04, ImageUsage(text_in=5, image_out=9))


async def test_an_order_says_only_what_was_asked_for(provider: Provider) -> None:
    """Quirk 40: what is not asked for is not sent, response_format least of all."""
    provider.images(b64())
    async with connected(provider) as maker:
        drawing = await drawn(maker)
    (order,) = provider.posts("/images/generations")
    assert order.json == {"model": "pictor-1", "prompt": "a fox"}
    assert order.headers["authorization"] == "Bearer sk-canary"
    assert "idempotency-key" not in order.headers
    assert drawing.cost_usd is None


@pytest.mark.parametrize(
    ("options", "request_", "sent"),
    [
        pytest.param({}, {"aspect_ratio": "16:9"}, {"size": "1536x1024"}, id="wide"),
        pytest.param({}, {"aspect_ratio": "9:16"}, {"size": "1024x1536"}, id="tall"),
        pytest.param({}, {"aspect_ratio": "1:1"}, {"size": "1024x1024"}, id="square"),
        pytest.param({}, {"aspect_ratio": "6:5"}, {"size": "1024x1024"}, id="nearer to the square"),
        pytest.param({}, {"aspect_ratio": "round"}, {}, id="no ratio"),
        pytest.param({"size": "512x512"}, {"aspect_ratio": "16:9"}, {"size": "512x512"}, id="size fixed"),
        pytest.param({"size": "512x512"}, {"size": "256x256"}, {"size": "256x256"}, id="size asked for"),
        pytest.param(
            {"quality": "low", "output_format": "webp", "response_format": "b64_json", "style": "vivid"},
            {"quality": "high", "n": 2},
            {
                "quality": "high",
                "output_format": "webp",
                "response_format": "b64_json",
                "style": "vivid",
                "n": 2,
            },
            id="what the maker says and the request leaves open",
        ),
        pytest.param(
            {},
            {"background": "transparent", "output_compression": 70, "moderation": "low"},
            {"background": "transparent", "output_compression": 70, "moderation": "low"},
            id="everything else",
        ),
        pytest.param({"extra_body": {"seed": 7, "prompt": None}}, {}, {"seed": 7}, id="extra"),
    ],
)
async def test_an_unknown_model_is_asked_for_everything(
    provider: Provider, options: dict[str, Any], request_: dict[str, Any], sent: dict[str, Any]
) -> None:
    """Catalogue: an unknown model passes everything through; a ratio becomes the nearest size."""
    provider.images(b64())
    async with connected(provider, **options) as maker:
        await drawn(maker, **request_)
    order = provider.requests[0].json
    assert {key: value for key, value in order.items() if key not in ("model", "prompt")} == sent


@pytest.mark.parametrize(
    ("model", "request_", "sent"),
    [
        pytest.param("gpt-image-2", {"aspect_ratio": "16:9"}, {"size": "1536x864"}, id="in steps"),
        pytest.param("gpt-image-1", {"aspect_ratio": "16:9"}, {"size": "1536x1024"}, id="a list"),
        pytest.param("dall-e-3", {"aspect_ratio": "16:9"}, {"size": "1792x1024"}, id="another list"),
        pytest.param(
            "gpt-image-2", {"size": "auto", "quality": "auto"}, {"size": "auto", "quality": "auto"}, id="auto"
        ),
        pytest.param("grok-imagine-image", {"aspect_ratio": "20:9"}, {"aspect_ratio": "20:9"}, id="ratios"),
    ],
)
async def test_a_known_model_is_asked_for_what_it_takes(
    provider: Provider, model: str, request_: dict[str, Any], sent: dict[str, Any]
) -> None:
    """Catalogue: what a model accepts is data."""
    provider.images(b64())
    async with connected(provider, model=model) as maker:
        await drawn(maker, **request_)
    order = provider.requests[0].json
    assert {key: value for key, value in order.items() if key not in ("model", "prompt")} == sent


@pytest.mark.parametrize(
    ("model", "request_", "sent"),
    [
        pytest.param("openai/gpt-image-2", {"aspect_ratio": "16:9"}, {"size": "1536x864"}, id="pixels"),
        pytest.param(
            "google/gemini-3-pro-image",
            {"aspect_ratio": "16:9"},
            {"aspect_ratio": "16:9", "resolution": "1K"},
            id="a ratio",
        ),
        pytest.param(
            "google/gemini-3-pro-image",
            {"aspect_ratio": "16:9", "size": "2K"},
            {"aspect_ratio": "16:9", "resolution": "2K"},
            id="a ratio and a tier",
        ),
        pytest.param("openai/gpt-5-image", {"size": "auto"}, {}, id="left open"),
        pytest.param("pictor-1", {"aspect_ratio": "9:21"}, {"aspect_ratio": "9:21"}, id="unknown, a ratio"),
        pytest.param("pictor-1", {"size": "2K"}, {"size": "2K"}, id="unknown, a tier"),
        pytest.param("own", {"size": "2K"}, {"size": "2K"}, id="a row that says nothing of sizes"),
        pytest.param("own", {"aspect_ratio": "9:21"}, {"aspect_ratio": "9:21"}, id="nor of ratios"),
    ],
)
async def test_a_server_that_knows_ratios_is_asked_for_the_shapes_name(
    provider: Provider, tmp_path: Path, model: str, request_: dict[str, Any], sent: dict[str, Any]
) -> None:
    """Wire sheet, 5.1: `aspect_ratio` and `resolution`; pixels that contradict them answer 400."""
    own = tmp_path / "own.toml"
    own.write_text('[[models]]\nid = "own"\nsource = "test"\n')
    provider.answers("/v1/images", b64())
    async with connected(provider, model=model, server="openrouter", catalogue=load_catalogue(own)) as maker:
        await drawn(maker, **request_)
    (order,) = provider.posts("/v1/images")
    assert {key: value for key, value in order.json.items() if key not in ("model", "prompt")} == sent


@pytest.mark.parametrize(
    ("model", "request_", "param"),
    [
        ("gpt-image-2", {"style": "vivid"}, "style"),
        ("gpt-image-2", {"response_format": "url"}, "response_format"),
        ("gpt-image-2", {"quality": "hd"}, "quality"),
        ("gpt-image-2", {"size": "100x100"}, "size"),
        ("gpt-image-2", {"n": 11}, "n"),
        ("gpt-image-2", {"references": (FOX,) * 17}, "references"),
        ("dall-e-3", {"n": 2}, "n"),
        ("dall-e-3", {"prompt": "x" * 4001}, "prompt"),
        ("pictor-1", {"references": (FOX,)}, "references"),
        ("pictor-1", {"n": 0}, "n"),
        ("pictor-1", {"prompt": " "}, "prompt"),
    ],
)
async def test_what_a_model_does_not_take_is_refused_before_anything_is_sent(
    provider: Provider, model: str, request_: dict[str, Any], param: str
) -> None:
    """Catalogue: an error that names the parameter, what was given and what is allowed."""
    provider.images(b64())
    async with connected(provider, model=model) as maker:
        with pytest.raises(ParameterError) as told:
            maker.resolve(ImageRequest(**({"prompt": "a fox"} | request_)))
        with pytest.raises(ParameterError) as caught:
            await drawings(maker, **request_)
    assert (told.value.param, caught.value.param) == (param, param)
    assert provider.requests == []


async def test_a_maker_says_what_the_engine_needs_to_know(provider: Provider) -> None:
    """Protocol: address and model, never a key."""
    url = provider.base_url.replace("http://", "http://user:sk-canary@")
    async with connected(provider, base_url=url, price_usd=0.02, concurrency=2) as maker:
        assert maker.name == f"{provider.origin.removeprefix('http://')}/v1 pictor-1"
        assert (maker.policy, maker.throttle.most, maker.timeout_s) == ("at_most_once", 2, 20)
        assert (maker.offline, maker.max_references) == (False, 0)
        assert "canary" not in f"{maker.name} {maker!r}"


async def test_each_order_goes_over_a_new_connection(provider: Provider) -> None:
    """DESIGN decision 4: in a kept connection that has died an order has an unknown outcome."""
    provider.images(b64())
    async with connected(provider) as maker:
        await drawn(maker)
        await drawn(maker)
    assert provider.connections == 2


# --- money -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("options", "request_", "price_usd"),
    [
        pytest.param({"model": "pictor-1"}, {}, None, id="unknown"),
        pytest.param({"model": "pictor-1", "price_usd": 0.02}, {"n": 3}, 0.06, id="an unknown one's, told"),
        pytest.param(
            {"model": "gpt-image-2", "price_usd": 0.02}, {"quality": "high"}, 0.02, id="a known one's, told"
        ),
        pytest.param({"model": "gpt-image-2"}, {}, None, id="of somebody who asks what they like"),
    ],
)
async def test_a_price_is_what_was_told_else_what_the_catalogue_knows(
    provider: Provider, options: dict[str, Any], request_: dict[str, Any], price_usd: float | None
) -> None:
    """A configured price wins over the catalogue, whose prices are those of the model's own provider."""
    async with connected(provider, **options) as maker:
        resolved = maker.resolve(ImageRequest("a fox", **request_))
    assert resolved.price_usd == pytest.approx(price_usd)
    told = " ".join(resolved.notes)
    assert ("unknown" in told) == (price_usd is None), told


async def test_the_packaged_catalogue_knows_what_openai_asks() -> None:
    """Nothing has to be configured for a known model at its own provider."""
    maker = OpenAIImages("gpt-image-1", api_key="k", clock=OwnClock())
    resolved = maker.resolve(ImageRequest("a fox", quality="low", size="1024x1024", n=2))
    assert resolved.price_usd is not None
    # 272 tokens at $40 a million are $0.01088, and the words come on top.
    assert 2 * 0.01088 < resolved.price_usd < 2 * 0.0118
    await maker.aclose()


async def test_tokens_become_money_at_the_catalogues_price(provider: Provider, tmp_path: Path) -> None:
    """The receipt holds what was counted, where the provider names no sum."""
    rates = "text_in_usd = 5.0, image_in_usd = 10.0, image_out_usd = 40.0"
    own = tmp_path / "own.toml"
    own.write_text(f'[[models]]\nid = "own"\nsource = "test"\nprices = [{{ per = "token", {rates} }}]\n')
    usage = {"input_tokens": 50, "output_tokens": 272, "input_tokens_details": {"text_tokens": 50}}
    provider.images(b64(usage=usage))
    async with connected(provider, model="own", catalogue=load_catalogue(own)) as maker:
        drawing = await drawn(maker)
    assert drawing.usage == ImageUsage(text_in=50, image_out=272)
    assert drawing.cost_usd == pytest.approx((50 * 5 + 272 * 40) / 1e6)


# --- several pictures ------------------------------------------------------------------------


async def test_i20_several_pictures_are_one_order_and_all_of_them_count(provider: Provider) -> None:
    """I20: they share what they cost."""
    entries = [{"b64_json": B64, "revised_prompt": "one"}, {"b64_json": BOAT_B64}]
    usage = {"cost": 0.06, "input_tokens": 5, "output_tokens": 9}
    provider.images(whole({"data": entries, "usage": usage}))
    async with connected(provider) as maker:
        drawn = await drawings(maker, n=2)
    assert drawn == (
        Drawing(FOX, "pictor-1", "one", 0.03, ImageUsage(text_in=3, image_out=5)),
        Drawing(BOAT, "pictor-1", None, 0.03, ImageUsage(text_in=2, image_out=4)),
    )
    assert [order.json["n"] for order in provider.requests] == [2]


@pytest.mark.parametrize(
    ("entries", "count"),
    [
        pytest.param([{"b64_json": B64}], 1, id="fewer than n"),
        pytest.param([{"b64_json": B64}] * 3, 3, id="more than n"),
        pytest.param([{"b64_json": B64}, {"b64_json": "%"}, {"b64_json": B64}, None], 2, id="two of four"),
        pytest.param([{"b64_json": B64}, {"url": "file:///etc/passwd"}], 1, id="a link to nowhere"),
    ],
)
async def test_i20_what_came_is_kept_whatever_did_not(
    provider: Provider, entries: list[Any], count: int
) -> None:
    """I20: images sheet, 4: fewer than n is a success, and no picture is thrown away."""
    provider.images(whole({"data": entries, "usage": {"cost": 0.06}}))
    async with connected(provider) as maker:
        drawn = await drawings(maker, n=2)
    assert [drawing.data for drawing in drawn] == [FOX] * count
    # Who keeps only what was asked for has its whole price all the same.
    assert sum(drawing.cost_usd or 0 for drawing in drawn[:2]) == pytest.approx(0.06)
    assert sum(drawing.cost_usd or 0 for drawing in drawn) == pytest.approx(0.06)


# --- again, or not ---------------------------------------------------------------------------


async def test_i03_an_idempotent_order_is_sent_again_with_the_same_key(provider: Provider) -> None:
    """DESIGN: `idempotent` sends the same key again."""
    provider.images(status(500), Answer(before=(CUT,)), b64())
    async with connected(provider, policy="idempotent", timeout_s=60) as maker:
        assert (await drawn(maker)).data == FOX
    assert [order.headers["idempotency-key"] for order in provider.requests] == ["key-1"] * 3


@pytest.mark.parametrize(("policy", "connections"), [("idempotent", 1), ("at_most_once", 2)])
async def test_a_connection_serves_the_next_order_where_that_can_be_sent_again(
    provider: Provider, policy: str, connections: int
) -> None:
    """DESIGN decision 4: a kept connection may be dead, and what was sent into it has an unknown outcome."""
    provider.images(b64())
    async with connected(provider, policy=policy) as maker:
        for _ in range(2):
            assert (await drawn(maker)).data == FOX
    assert provider.connections == connections


async def test_a_connection_that_has_died_unnoticed_loses_no_idempotent_order(provider: Provider) -> None:
    """The order that was sent into it goes out again, under its key."""
    provider.images(b64(), Answer(before=(CUT,)), b64())
    async with connected(provider, policy="idempotent", timeout_s=60) as maker:
        for _ in range(2):
            assert (await drawn(maker)).data == FOX
    assert (len(provider.requests), provider.connections) == (3, 2)


async def test_a_refused_connection_is_tried_three_times_and_costs_nothing() -> None:
    """DESIGN decision 4: a refused connection is known not to be billed."""
    clock = OwnClock()
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{closed.getsockname()[1]}/v1"
        maker = OpenAIImages("m", base_url=url, api_key="k", clock=clock)
        error = await failed(maker)
        await maker.aclose()
    assert (error.code, error.billed) == ("image_unreachable", "no")
    assert len(clock.slept) == 2


@pytest.mark.parametrize(
    "answer",
    [Answer(before=(STALL,)), Answer((b'{"data"', STALL))],
    ids=["before the headers", "in the answer"],
)
async def test_i02_silence_ends_in_time_and_is_not_ordered_again(provider: Provider, answer: Answer) -> None:
    """I02: submissions == 1, the bill is unknown."""
    provider.images(answer)
    async with connected(provider, timeout_s=0.3) as maker:
        error = await failed(maker)
    assert (error.code, error.billed) == ("image_timeout", "unknown")
    assert len(provider.requests) == 1


async def test_cancelling_closes_the_connection(provider: Provider) -> None:
    """Protocol: safe to cancel."""
    gate = Gate()
    provider.images(Answer(before=(gate, STALL)))
    async with connected(provider) as maker:
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(drawn, maker)
            await gate.wait_until_reached()
            tasks.cancel_scope.cancel()
        await wait_for(provider.requests[0].closed)


# --- servers of one's own --------------------------------------------------------------------


@pytest.mark.parametrize(
    ("server", "prompt", "sent"),
    [
        pytest.param(
            None,
            'a fox <sd_cpp_extra_args>{"steps": 9999}</sd_cpp_extra_args>',
            'a fox  {"steps": 9999} ',
            id="anything",
        ),
        pytest.param(
            "sd.cpp",
            "a <sd_cpp_<sd_cpp_extra_args>extra_args> fox",
            "a <sd_cpp_ extra_args> fox",
            id="put together",
        ),
        pytest.param("localai", "a fox | a boat", "a fox   a boat", id="LocalAI"),
        pytest.param("sglang", "a fox | a boat", "a fox | a boat", id="no need"),
    ],
)
async def test_a_prompt_commands_no_server(
    provider: Provider, server: str | None, prompt: str, sent: str
) -> None:
    """Images sheet, 4: what a model writes must not set the parameters of an engine."""
    provider.images(b64())
    async with connected(provider, server=server) as maker:
        notes = maker.resolve(ImageRequest(prompt)).notes
        await drawn(maker, prompt=prompt)
    assert provider.requests[0].json["prompt"] == sent
    assert any("taken out" in note for note in notes) == (prompt != sent)


@pytest.mark.parametrize(
    ("options", "wanted"),
    [
        ({"server": "localai"}, "b64_json"),
        ({"server": "xinference"}, "b64_json"),
        ({"server": "xinference", "response_format": "url"}, "url"),
        ({"server": "sd.cpp"}, None),
        ({"server": "localai", "model": "gpt-image-2"}, None),
        ({"server": "localai", "model": "own"}, "b64_json"),
    ],
)
async def test_a_server_is_asked_for_base64_where_its_links_lead_nowhere(
    provider: Provider, tmp_path: Path, options: dict[str, Any], wanted: str | None
) -> None:
    """Images sheet, 4: paths on the server's disk instead of links; some models refuse to be told."""
    own = tmp_path / "own.toml"
    own.write_text('[[models]]\nid = "own"\nsource = "test"\n')
    provider.images(b64())
    async with connected(provider, catalogue=load_catalogue(own), **options) as maker:
        await drawn(maker)
    assert provider.requests[0].json.get("response_format") == wanted


async def test_a_relays_header_tells_the_cost(provider: Provider) -> None:
    """Images sheet, 4: LiteLLM; the answer's own figure would win."""
    provider.images(
        whole({"data": [{"b64_json": B64}] * 2}, x_litellm_response_cost="0.04"),
        whole({"data": [{"b64_json": B64}], "usage": {"cost": 0.01}}, x_litellm_response_cost="0.04"),
    )
    async with connected(provider) as maker:
        assert [each.cost_usd for each in await drawings(maker, n=2)] == [0.02, 0.02]
        assert (await drawn(maker)).cost_usd == 0.01


# --- secrets and mistakes --------------------------------------------------------------------


async def test_a_redirect_never_takes_an_order_or_the_key_elsewhere(provider: Provider) -> None:
    """DESIGN decision 10: an unguarded 307 re-sends a paid POST with its key to another host."""
    with Provider() as elsewhere:
        elsewhere.images(b64())
        provider.images(whole({}, 307, location=f"{elsewhere.base_url}/images/generations"))
        async with connected(provider) as maker:
            error = await failed(maker)
    assert error.code == "image_bad_request"
    assert elsewhere.requests == []


@pytest.mark.parametrize(
    ("options", "code"),
    [
        ({"model": ""}, "model_missing"),
        ({"base_url": "ftp://example.org"}, "base_url_invalid"),
        ({"base_url": "http://[::1"}, "base_url_invalid"),
        ({"server": "comfy"}, "config_invalid_value"),
        ({"concurrency": 0}, "config_invalid_value"),
        ({"partial_images": 4, "stream": True}, "config_invalid_value"),
        ({"partial_images": 1}, "config_invalid_value"),
    ],
)
async def test_a_maker_that_cannot_work_is_refused(options: dict[str, Any], code: str) -> None:
    """CONVENTIONS, errors."""
    with pytest.raises(ConfigError) as caught:
        OpenAIImages(**({"model": "m", "api_key": "k"} | options))
    assert caught.value.code == code


@pytest.mark.parametrize("digits", [401, 5000])
async def test_an_absurd_price_does_not_cost_the_picture(provider: Provider, digits: int) -> None:
    """A figure of hundreds of digits beside a picture that is paid for."""
    answer = json.dumps({"data": [{"b64_json": B64}], "usage": {"cost": 1}})
    provider.images(whole(answer.replace('"cost": 1', f'"cost": {"1" * digits}').encode()))
    async with connected(provider, price_usd=0.1) as maker:
        assert (await drawn(maker)).data == FOX


async def test_no_log_holds_the_prompt_or_the_key(
    provider: Provider, caplog: pytest.LogCaptureFixture
) -> None:
    """Scorecard S05; libraries log too."""
    caplog.set_level(logging.DEBUG)
    provider.images(b64())
    async with connected(provider) as maker:
        await drawn(maker)
    told = "".join(str(vars(record)) for record in caplog.records)
    assert "canary" not in told
    assert "a fox" not in told


def test_without_an_address_a_maker_is_that_of_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """Orders go where OPENAI_BASE_URL says; what is known of OpenAI's own server does not hold there."""
    monkeypatch.setenv("OPENAI_BASE_URL", "https://pictures.example/v1")
    maker = OpenAIImages("gpt-image-1", api_key="k")
    assert maker.name == "pictures.example/v1 gpt-image-1"


def test_an_address_of_the_environment_that_is_none_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """CONVENTIONS, errors: before anything is sent, and the sentence ends with what to do."""
    monkeypatch.setenv("OPENAI_BASE_URL", "http://[")
    with pytest.raises(ConfigError, match="write it like") as caught:
        OpenAIImages("gpt-image-1", api_key="k")
    assert caught.value.code == "base_url_invalid"
