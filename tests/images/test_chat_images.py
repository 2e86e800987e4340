"""Orders in a chat: what is sent, and the pictures of every message."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import anyio
import pytest

from limner.errors import ParameterError
from limner.images.catalogue import load_catalogue
from limner.images.chat import ChatImages
from limner.images.protocol import Drawing, ImageRequest, ImageUsage
from makers import (
    B64,
    BOAT,
    BOAT_B64,
    FOX,
    FOX_URL,
    chatting,
    drawings,
    drawn,
    failed,
    refusal,
    shown,
)
from providers import CUT, STALL, Answer, Provider, chunk, event, raw, sse, status, whole

pytestmark = pytest.mark.anyio

GEMINI = "google/gemini-2.5-flash-image"
IMAGES = [{"type": "image_url", "image_url": {"url": FOX_URL}, "index": 0}]
NO_WORDS = "No endpoints found that support the requested output modalities: image, text"


@pytest.fixture
def provider() -> Iterator[Provider]:
    with Provider() as running:
        yield running


async def test_a_picture_arrives_beside_the_words(provider: Provider) -> None:
    """Wire sheet, 5.2: `message.images[]`, and what it cost."""
    usage = {
        "prompt_tokens": 5,
        "completion_tokens": 1300,
        "completion_tokens_details": {"image_tokens": 1290},
        "cost": 0.039,
    }
    provider.chat(shown({"content": "Here is your fox.", "images": IMAGES}, usage=usage, model="pictor-1.1"))
    async with chatting(provider) as maker:
        drawing = await drawn(maker)
    assert drawing == Drawing(
        FOX, "pictor-1.1", None, 0.039, ImageUsage(text_in=5, text_out=10, image_out=1290)
    )
    (order,) = provider.requests
    assert order.path == "/v1/chat/completions"
    assert order.headers["authorization"] == "Bearer sk-canary"
    assert order.json == {
        "model": "pictor-1",
        "messages": [{"role": "user", "content": "a fox"}],
        "modalities": ["image", "text"],
    }


@pytest.mark.parametrize(
    ("options", "request_", "config"),
    [
        pytest.param({}, {"aspect_ratio": "16:9"}, {"aspect_ratio": "16:9"}, id="a ratio"),
        pytest.param({}, {"size": "2K"}, {"image_size": "2K"}, id="a tier"),
        pytest.param(
            {},
            {"size": "2K", "aspect_ratio": "1:4"},
            {"image_size": "2K", "aspect_ratio": "1:4"},
            id="a tier and any ratio",
        ),
        pytest.param({}, {"size": "1024x1536"}, {"aspect_ratio": "2:3"}, id="pixels"),
        pytest.param({}, {"size": "1792x1024"}, {"aspect_ratio": "16:9"}, id="pixels of no ratio"),
        pytest.param(
            {}, {"size": "1024x1024", "aspect_ratio": "16:9"}, {"aspect_ratio": "1:1"}, id="a size wins"
        ),
        pytest.param(
            {"model": GEMINI},
            {"aspect_ratio": "16:9"},
            {"aspect_ratio": "16:9", "image_size": "1K"},
            id="known",
        ),
        pytest.param(
            {"model": GEMINI},
            {"aspect_ratio": "2:1"},
            {"aspect_ratio": "16:9", "image_size": "1K"},
            id="known, nearest",
        ),
        pytest.param(
            {"model": "google/gemini-3-pro-image"},
            {"aspect_ratio": "21:9", "size": "2K"},
            {"aspect_ratio": "21:9", "image_size": "2K"},
            id="known, in a tier",
        ),
        pytest.param(
            {"model": "openai/gpt-5-image"},
            {"aspect_ratio": "16:9", "quality": "low"},
            {"aspect_ratio": "3:2", "quality": "low"},
            id="known, a list",
        ),
        pytest.param(
            {"model": "openai/gpt-5-image", "background": "transparent"},
            {"size": "auto"},
            {"background": "transparent"},
            id="known, left open",
        ),
        pytest.param(
            {"quality": "low", "style": "vivid", "extra_body": {"seed": 1}},
            {"quality": "high", "response_format": "url"},
            {"quality": "high", "style": "vivid"},
            id="what the maker says",
        ),
    ],
)
async def test_a_shape_is_asked_for_as_a_ratio_and_a_tier(
    provider: Provider, options: dict[str, Any], request_: dict[str, Any], config: dict[str, str]
) -> None:
    """Wire sheet, 5.2: `image_config`; a chat has no pixels."""
    provider.chat(shown({"images": IMAGES}))
    async with chatting(provider, server="openrouter", **options) as maker:
        await drawn(maker, **request_)
    assert provider.requests[0].json["image_config"] == config
    assert "response_format" not in provider.requests[0].json


@pytest.mark.parametrize(
    ("request_", "config"),
    [({"size": "2K"}, {"image_size": "2K"}), ({"size": "1024x1536"}, {"aspect_ratio": "2:3"})],
)
async def test_a_row_that_says_nothing_of_shapes_passes_them_on(
    provider: Provider, tmp_path: Path, request_: dict[str, Any], config: dict[str, str]
) -> None:
    """Catalogue: what a row does not say is unknown, and whatever is asked for passes."""
    own = tmp_path / "own.toml"
    own.write_text('[[models]]\nid = "own"\nsource = "test"\n')
    provider.chat(shown({"images": IMAGES}))
    async with chatting(provider, model="own", catalogue=load_catalogue(own)) as maker:
        await drawn(maker, **request_)
    assert provider.requests[0].json["image_config"] == config


@pytest.mark.parametrize(
    ("request_", "param"),
    [({"n": 2}, "n"), ({"references": (FOX,)}, "references"), ({"prompt": ""}, "prompt")],
)
async def test_what_a_chat_cannot_be_asked_is_refused_before_anything_is_sent(
    provider: Provider, request_: dict[str, Any], param: str
) -> None:
    """Protocol, resolve: ParameterError; one order draws one picture."""
    async with chatting(provider) as maker:
        with pytest.raises(ParameterError) as caught:
            await drawings(maker, **request_)
    assert caught.value.param == param
    assert provider.requests == []


async def test_it_says_what_pixels_have_become(provider: Provider) -> None:
    """Catalogue: what was decided on the way is told, as sentences for people."""
    async with chatting(provider) as maker:
        (*_, note) = maker.resolve(ImageRequest("a fox", size="1792x1024")).notes
        exact = maker.resolve(ImageRequest("a fox", size="1024x1024")).notes
    assert "1792x1024" in note
    assert "16:9" in note
    assert not any("1024x1024" in each for each in exact)


async def test_a_known_models_price_is_the_catalogues() -> None:
    """Nothing has to be configured for a known model at its own provider."""
    maker = ChatImages(GEMINI, base_url="https://openrouter.ai/api/v1", api_key="k")
    resolved = maker.resolve(ImageRequest("a fox"))
    await maker.aclose()
    # 1,290 tokens at $30 a million are $0.0387; words and thoughts come on top.
    assert resolved.price_usd is not None
    assert 0.0387 < resolved.price_usd < 0.06


# --- modalities --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("options", "asked"),
    [
        ({}, ["image", "text"]),
        ({"model": "black-forest-labs/flux.2-pro"}, ["image"]),
        ({"model": "Sourceful/riverflow-v2-fast"}, ["image"]),
        ({"modalities": ["image"]}, ["image"]),
        ({"model": "black-forest-labs/flux.2-pro", "modalities": ("text", "image")}, ["text", "image"]),
    ],
)
async def test_a_model_without_words_is_not_asked_for_any(
    provider: Provider, options: dict[str, Any], asked: list[str]
) -> None:
    """Quirk 41: image-only models refuse to be asked for both."""
    provider.chat(shown({"images": IMAGES}))
    async with chatting(provider, **options) as maker:
        await drawn(maker)
    assert provider.requests[0].json["modalities"] == asked


async def test_a_model_that_says_it_has_no_words_is_asked_again_without(provider: Provider) -> None:
    """Quirk 41: nothing was drawn and nothing billed, and the next order knows it."""
    refused = status(404, {"error": {"code": 404, "message": NO_WORDS}})
    provider.chat(refused, shown({"images": IMAGES}))
    async with chatting(provider) as maker:
        assert (await drawn(maker)).data == FOX
        assert (await drawn(maker)).data == FOX
    assert [order.json["modalities"] for order in provider.requests] == [
        ["image", "text"],
        ["image"],
        ["image"],
    ]


async def test_two_orders_that_are_refused_at_once_are_both_asked_again(provider: Provider) -> None:
    """Quirk 41: what one has learned must not cost the other its second try."""

    def answer(order: Any) -> Answer:
        refused = status(404, {"error": {"code": 404, "message": NO_WORDS}})
        return refused if "text" in order["modalities"] else shown({"images": IMAGES})

    provider.chat_script(answer)
    async with chatting(provider) as maker, anyio.create_task_group() as tasks:
        for _ in range(3):
            tasks.start_soon(drawn, maker)
    assert len(provider.requests) <= 6


async def test_a_model_that_always_refuses_is_asked_twice_at_most(provider: Provider) -> None:
    """A server that says the same whatever it is asked."""
    provider.chat(status(404, {"error": {"code": 404, "message": NO_WORDS}}))
    async with chatting(provider) as maker:
        error = await failed(maker)
    assert (error.code, error.billed, len(provider.requests)) == ("image_bad_request", "no", 2)


# --- answers -----------------------------------------------------------------------------------

DRAWN: dict[str, Answer] = {
    "OpenRouter": shown({"content": None, "images": IMAGES}),
    "empty words": shown({"content": "", "images": IMAGES}),
    "39 a flat link": shown({"images": [{"type": "image_url", "image_url": FOX_URL}]}),
    "39 a text": shown({"images": [FOX_URL]}),
    "39 one": shown({"image": {"url": FOX_URL}}),
    "39 parts": shown({"content": [{"type": "image_url", "image_url": {"url": FOX_URL}}]}),
    "a part with its data": shown({"content": [{"type": "image", "source": {"data": B64}}]}),
    "Markdown": shown({"content": f"Here:\n\n![a fox]({FOX_URL})"}),
    "Markdown with a link": shown({"content": "![a fox]({origin}/fox.png)"}),
    "a link": shown({"images": [{"image_url": {"url": "{origin}/fox.png"}}]}),
    "a stream that nobody asked for": sse(chunk({"images": IMAGES}), chunk({}, "stop")),
    "the picture itself": raw(FOX, "image/png"),
    "an error that struck afterwards": whole(
        {"choices": [{"message": {"images": IMAGES}, "error": {"code": 429, "message": "canary-words"}}]}
    ),
}


@pytest.mark.parametrize("answer", DRAWN.values(), ids=DRAWN.keys())
async def test_every_shape_of_an_answer_gives_the_picture(provider: Provider, answer: Answer) -> None:
    """Images sheet, 5; quirk 39."""
    origin = provider.origin.encode()
    steps = [step.replace(b"{origin}", origin) for step in answer.steps if isinstance(step, bytes)]
    provider.chat(Answer(steps, answer.status, answer.headers, chunked=answer.chunked))
    provider.pictures["/fox.png"] = raw(FOX)
    async with chatting(provider) as maker:
        assert (await drawn(maker)).data == FOX


async def test_all_pictures_of_an_answer_are_kept(provider: Provider) -> None:
    """I20: more than was ordered is not thrown away."""
    provider.chat(shown({"images": [FOX_URL, f"data:image/jpeg;base64,{BOAT_B64}", "data:broken"]}))
    async with chatting(provider) as maker:
        assert [each.data for each in await drawings(maker)] == [FOX, BOAT]


FAILED: dict[str, tuple[Answer, str, str, int]] = {
    "46 a refusal in words": (shown({"content": "I can't create canary."}), "image_policy", "unknown", 1),
    "a refusal": (shown({"content": None, "refusal": "canary"}), "image_policy", "unknown", 1),
    "a filter": (
        whole({"choices": [{"message": {"content": ""}, "finish_reason": "content_filter"}]}),
        "image_policy",
        "unknown",
        1,
    ),
    "a filter below": (
        whole({"choices": [{"message": {"content": ""}, "native_finish_reason": "IMAGE_SAFETY"}]}),
        "image_policy",
        "unknown",
        1,
    ),
    "words alone": (shown({"content": "Here is your canary."}), "image_bad_payload", "unknown", 1),
    "no choice": (whole({"choices": []}), "image_bad_payload", "unknown", 1),
    "HTML": (raw(b"<html>canary"), "image_bad_payload", "unknown", 1),
    "an error in a 200": (
        whole({"error": {"code": 502, "message": "canary"}}),
        "image_provider_error",
        "no",
        3,
    ),
    "an error in a choice": (
        whole(
            {
                "choices": [
                    {
                        "message": {"content": "par"},
                        "finish_reason": "error",
                        "error": {"code": 500, "message": "canary"},
                    }
                ]
            }
        ),
        "image_provider_error",
        "unknown",
        1,
    ),
    "moderation": (status(403, refusal(None, "flagged")), "image_policy", "no", 1),
    "no credit": (status(402), "image_quota", "no", 1),
    "no such model": (status(400, refusal(None, "x is not a valid model ID")), "image_bad_request", "no", 1),
    "I03 429": (status(429), "image_rate_limited", "no", 3),
    "I03 502, which is not billed": (status(502), "image_provider_error", "no", 3),
    "I02 reset": (Answer(before=(CUT,)), "outcome_unknown", "unknown", 1),
}


@pytest.mark.parametrize(("answer", "code", "billed", "tries"), FAILED.values(), ids=FAILED.keys())
async def test_an_answer_without_a_picture_has_its_code_and_its_bill(
    provider: Provider,
    answer: Answer,
    code: str,
    billed: str,
    tries: int,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """I01, I02, I03, I04, I24: quirk 46; wire sheet, 6.3."""
    caplog.set_level("DEBUG")
    provider.chat(answer)
    async with chatting(provider, server="openrouter", timeout_s=60) as maker:
        error = await failed(maker)
    assert (error.code, error.billed, len(provider.requests)) == (code, billed, tries)
    assert "canary" not in f"{error} {error.detail} {caplog.text}"


# --- streams -----------------------------------------------------------------------------------


async def test_a_streamed_answer_gives_the_picture_and_what_it_cost(provider: Provider) -> None:
    """Images sheet, 5: `choices[].delta.images[]`; usage in a chunk of its own."""
    provider.chat(
        sse(
            b": OPENROUTER PROCESSING\n\n",
            chunk({"role": "assistant", "content": "Here"}),
            chunk({"content": None, "images": IMAGES}),
            chunk({}, "stop"),
            event({"choices": [], "usage": {"cost": 0.04}, "model": "pictor-1.1"}),
        )
    )
    async with chatting(provider, stream=True) as maker:
        assert await drawn(maker) == Drawing(FOX, "pictor-1.1", None, 0.04)
    assert provider.requests[0].json["stream"] is True


STREAMS: dict[str, tuple[Answer, str | None]] = {
    "no end": (sse(chunk({"images": IMAGES}), chunk({}, "stop"), done=False), None),
    "broken off after the picture": (sse(chunk({"images": IMAGES}), 0.05, CUT, done=False), None),
    "silence after the end": (sse(chunk({"images": IMAGES}), chunk({}, "stop"), STALL, done=False), None),
    "a picture in streamed text": (
        sse(*(chunk({"content": FOX_URL[at : at + 50]}) for at in range(0, len(FOX_URL), 50))),
        None,
    ),
    "ended early": (sse(chunk({"content": "Her"}), done=False), "outcome_unknown"),
    "broken off": (sse(chunk({"content": "Her"}), 0.05, CUT, done=False), "outcome_unknown"),
    "words alone": (sse(chunk({"content": "Here"}), chunk({}, "stop")), "image_bad_payload"),
    "a refusal": (sse(chunk({"refusal": "no"}), chunk({}, "stop")), "image_policy"),
    "a filter": (sse(chunk({}, "content_filter"), done=False), "image_policy"),
    "an error": (
        sse(event({"error": {"code": 403, "message": "flagged"}, "choices": []})),
        "image_policy",
    ),
}


@pytest.mark.parametrize(("answer", "code"), STREAMS.values(), ids=STREAMS.keys())
async def test_a_stream_is_read_however_it_ends(provider: Provider, answer: Answer, code: str | None) -> None:
    """I02, I03, I04: wire sheet, 6.3: what was drawn is never lost, what was not is never guessed."""
    provider.chat(answer)
    async with chatting(provider, stream=True) as maker:
        if code is None:
            assert (await drawn(maker)).data == FOX
        else:
            assert (await failed(maker)).code == code
    assert len(provider.requests) == 1


async def test_no_order_says_more_than_it_should(provider: Provider) -> None:
    """Quirk 36: providers refuse what they do not know."""
    provider.chat(shown({"images": IMAGES}))
    async with chatting(provider) as maker:
        await drawn(maker, aspect_ratio="1:1")
    assert set(provider.requests[0].json) == {"model", "messages", "modalities", "image_config"}
    assert "canary" not in json.dumps(provider.requests[0].json)
