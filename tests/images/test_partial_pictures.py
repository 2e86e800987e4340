"""Partial pictures by request, masks and input fidelity: what is sent to whom, and what is refused."""

from __future__ import annotations

import base64
import io
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

import pictures
from limner.errors import ParameterError, PictureError
from limner.images.catalogue import Catalogue, load_catalogue, price_at_most_usd
from limner.images.fallback import Fallback
from limner.images.inspection.checking import inspect
from limner.images.offline.painter import Painter
from limner.images.openai import OpenAIImages
from limner.images.protocol import Drawing, ImageBackend, ImageRequest, Purchase
from limner.testing import PlainImages
from makers import B64, BOAT, FOX, b64, chatting, connected, drawn, failed, parts_of, refusal, shown
from providers import Answer, Provider, raw, sse, status, whole

pytestmark = pytest.mark.anyio

HALF = pictures.png(colour=(1, 2, 3))
MASK = pictures.png(colour=(0, 0, 0))
Heard = list[tuple[int, bytes]]


def told(kind: str, **event: Any) -> bytes:
    return f"data: {json.dumps({'type': kind, **event})}\n\n".encode()


def half(index: Any = 0, data: bytes = HALF, of: str = "image_generation") -> bytes:
    encoded = base64.b64encode(data).decode()
    return told(f"{of}.partial_image", b64_json=encoded, partial_image_index=index)


def done(of: str = "image_generation", **event: Any) -> bytes:
    return told(f"{of}.completed", b64_json=B64, **event)


def selling(folder: Path) -> Catalogue:
    """A catalogue in which the loopback provider sells OpenAI's model at OpenAI's price."""
    file = folder / "models.toml"
    file.write_text(
        '[providers.here]\nname = "Here"\nhosts = ["127.0.0.1"]\n'
        '[[models]]\nid = "gpt-image-2"\nprovider = "here"\nlike = "gpt-image-2"\n[[models.prices]]\nper = "token"\n'
        'text_in_usd = 5.0\nimage_in_usd = 8.0\nimage_out_usd = 30.0\noutput = "gpt-image-2"\n'
        "reference_tokens = 4096\npartial_tokens = 100\n"
    )
    return load_catalogue(file)


def listening() -> tuple[Heard, Purchase]:
    heard: Heard = []
    return heard, Purchase("key-1", on_partial=lambda index, data: heard.append((index, data)))


async def ordered(maker: ImageBackend, **request: Any) -> tuple[Drawing, Heard]:
    """The one picture, and the partial ones that were told."""
    heard, purchase = listening()
    (drawing,) = await maker.draw(ImageRequest("a fox", **request), purchase)
    return drawing, heard


@pytest.fixture
def provider() -> Iterator[Provider]:
    with Provider() as running:
        yield running


async def test_a_request_streams_its_own_order_and_no_other(provider: Provider) -> None:
    """OpenAI API reference, create image: `stream` and `partial_images`; the maker needs no option for it."""
    provider.images(sse(half(0), half(1), done(), done=False), b64())
    async with connected(provider, model="gpt-image-2") as maker:
        drawing, heard = await ordered(maker, partial_images=2)
        assert (drawing.data, heard) == (FOX, [(0, HALF), (1, HALF)])
        assert (await ordered(maker))[1] == []
    streamed, plain = (request.json for request in provider.requests)
    assert {"stream": True, "partial_images": 2}.items() <= streamed.items()
    assert not {"stream", "partial_images"} & plain.keys()


async def test_edits_are_streamed_as_well(provider: Provider) -> None:
    """Images sheet, 2.4: `image_edit.partial_image` and `image_edit.completed`."""
    provider.answers("/v1/images/edits", sse(half(of="image_edit"), done(of="image_edit"), done=False))
    async with connected(provider, model="gpt-image-2") as maker:
        drawing, heard = await ordered(maker, partial_images=1, references=(BOAT,))
    assert (drawing.data, heard) == (FOX, [(0, HALF)])
    fields = {part.name: part.data for part in parts_of(provider.requests[0])}
    assert (fields["stream"], fields["partial_images"]) == (b"true", b"1")


async def test_a_request_wins_over_the_maker_and_both_listeners_are_told(provider: Provider) -> None:
    """The maker's own options hold where a request asks for nothing; each listener is told all the same."""
    own: Heard = []
    provider.images(sse(half(), done(), done=False))
    async with connected(
        provider, stream=True, partial_images=1, on_partial=lambda _, index, data: own.append((index, data))
    ) as maker:
        _, by_request = await ordered(maker, partial_images=3)
        _, by_maker = await ordered(maker)
    assert [request.json["partial_images"] for request in provider.requests] == [3, 1]
    assert own == [*by_request, *by_maker] == [(0, HALF)] * 2


async def test_one_listener_that_fails_harms_neither_the_other_nor_the_picture(
    provider: Provider, caplog: pytest.LogCaptureFixture
) -> None:
    """What is being paid for must not be lost to who looks on."""

    def breaks(*_: object) -> None:
        raise RuntimeError("canary")

    provider.images(sse(half(), done(), done=False))
    async with connected(provider, stream=True, partial_images=1, on_partial=breaks) as maker:
        drawing, heard = await ordered(maker)
    assert (drawing.data, heard) == (FOX, [(0, HALF)])
    assert "picture.listener_failed" in caplog.text


INSTEAD: dict[str, Answer] = {
    "JSON": b64(),
    "the picture itself": raw(FOX, "image/png"),
    "a stream without partial pictures": sse(done()),
}


@pytest.mark.parametrize("answer", INSTEAD.values(), ids=INSTEAD.keys())
async def test_a_server_that_does_not_stream_is_read_as_ever(provider: Provider, answer: Answer) -> None:
    """Images sheet, 3: non-streaming providers ignore `stream` and answer in one piece."""
    provider.images(answer)
    async with connected(provider, model="gpt-image-2") as maker:
        assert await ordered(maker, partial_images=2) == (await drawn(maker), [])


REFUSED: dict[str, Answer] = {
    "OpenAI, by the parameter's name": status(
        400, refusal("unknown_parameter", "Unknown parameter: 'partial_images'.")
    ),
    "in words": status(400, {"error": {"message": "Streaming is not supported for this model"}}),
    "a string": status(422, {"error": "stream is not supported"}),
    "FastAPI": status(
        422,
        {"detail": [{"loc": ["body", "stream"], "msg": "Extra inputs are not permitted", "type": "extra"}]},
    ),
}


@pytest.mark.parametrize("answer", REFUSED.values(), ids=REFUSED.keys())
async def test_a_server_that_refuses_to_stream_is_asked_once_more_in_one_piece(
    provider: Provider, answer: Answer, tmp_path: Path
) -> None:
    """A refused parameter costs nothing, so the picture is ordered without it; from then on at once."""
    provider.images(answer, b64())
    async with connected(provider, model="gpt-image-2", catalogue=selling(tmp_path)) as maker:
        dear = maker.resolve(ImageRequest("a fox", partial_images=2)).price_usd
        assert (await ordered(maker, partial_images=2))[0].data == FOX
        assert (await ordered(maker, partial_images=2))[0].data == FOX
        cheap = maker.resolve(ImageRequest("a fox", partial_images=2))
    sent = [request.json.get("partial_images") for request in provider.requests]
    assert sent == [2, None, None]
    assert "stream" not in provider.requests[1].json
    assert any("refused" in note for note in cheap.notes)
    assert dear is not None
    assert cheap.price_usd == pytest.approx(dear - 200 * 30 / 1e6)


async def test_a_maker_that_always_streams_is_mended_too(provider: Provider) -> None:
    """Also where it was the application that said that the server streams."""
    provider.images(status(400, refusal(None, "Unknown parameter: 'stream'.")), b64())
    async with connected(provider, stream=True, partial_images=1) as maker:
        assert (await drawn(maker)).data == FOX
        assert (await drawn(maker)).data == FOX
    assert ["stream" in request.json for request in provider.requests] == [True, False, False]


NOT_MENDED: dict[str, Answer] = {
    "a policy": status(400, refusal("moderation_blocked", "a stream of blood")),
    "another parameter": status(400, refusal("unknown_parameter", "Unknown parameter: 'quality'.")),
    "a word that only holds it": status(400, {"error": {"message": "the upstream refused this"}}),
    "an error that may have been billed": status(500, {"error": {"message": "the stream broke"}}),
}


@pytest.mark.parametrize("answer", NOT_MENDED.values(), ids=NOT_MENDED.keys())
async def test_what_is_refused_for_another_reason_is_not_ordered_again(
    provider: Provider, answer: Answer
) -> None:
    """DESIGN decision 4: a refusal of the picture itself, and what may have been billed, are not sent again."""
    provider.images(answer, b64())
    async with connected(provider, model="gpt-image-2") as maker:
        await failed(maker, partial_images=2)
    assert len(provider.requests) == 1


async def test_a_stream_that_ends_after_partial_pictures_is_no_picture(provider: Provider) -> None:
    """Quirk 47: a partial picture is never taken for the finished one."""
    provider.images(sse(half(0), half(1), half(2), done=False))
    heard, purchase = listening()
    async with connected(provider, model="gpt-image-2") as maker:
        with pytest.raises(PictureError) as caught:
            await maker.draw(ImageRequest("a fox", partial_images=3), purchase)
    assert (caught.value.code, caught.value.billed) == ("outcome_unknown", "unknown")
    assert len(heard) == 3
    assert len(provider.requests) == 1


@pytest.mark.parametrize("index", [-1, 1e300, "x", None, 10**9], ids=str)
async def test_a_number_that_is_none_becomes_the_first(provider: Provider, index: Any) -> None:
    """What a server says is not trusted: an index is a small whole number."""
    provider.images(sse(half(index), done(), done=False))
    async with connected(provider, model="gpt-image-2") as maker:
        assert (await ordered(maker, partial_images=1))[1] == [(0, HALF)]


@pytest.mark.parametrize(
    ("model", "server"),
    [("pictor-1", None), ("dall-e-3", None), ("gpt-image-2", "localai"), ("gpt-image-2", "sd.cpp")],
)
async def test_where_none_are_known_to_come_the_order_goes_without_and_a_note_says_so(
    provider: Provider, model: str, server: str | None
) -> None:
    """Never a failure: the picture matters, the way to it does not."""
    provider.images(b64())
    async with connected(provider, model=model, server=server) as maker:
        resolved = maker.resolve(ImageRequest("a fox", partial_images=2))
        assert (await drawn(maker, partial_images=2)).data == FOX
    assert resolved.request.partial_images == 0
    assert [note for note in resolved.notes if "partial pictures" in note]
    assert not {"stream", "partial_images"} & provider.requests[0].json.keys()


async def test_openrouter_is_asked_for_a_stream_and_nothing_that_it_does_not_know(provider: Provider) -> None:
    """OpenRouter API reference, images: `stream`, and no `partial_images`."""
    provider.answers("/v1/images", sse(half(), done()))
    async with connected(provider, model="openai/gpt-image-2", server="openrouter") as maker:
        drawing, heard = await ordered(maker, partial_images=2)
    assert (drawing.data, heard) == (FOX, [(0, HALF)])
    assert provider.requests[0].json["stream"] is True
    assert "partial_images" not in provider.requests[0].json


async def test_a_chat_sends_none_and_says_so(provider: Provider) -> None:
    """A chat has its own chunks, and pictures in them are finished ones."""
    provider.chat(
        shown({"content": None, "images": [{"image_url": {"url": f"data:image/png;base64,{B64}"}}]})
    )
    async with chatting(provider) as maker:
        resolved = maker.resolve(ImageRequest("a fox", partial_images=2))
        assert (await drawn(maker, partial_images=2)).data == FOX
    assert resolved.request.partial_images == 0
    assert "a chat sends none" in " ".join(resolved.notes)


async def test_a_row_of_ones_own_says_how_many_a_model_sends(provider: Provider, tmp_path: Any) -> None:
    """Models as data: a server that nobody knows becomes one that streams."""
    file = tmp_path / "models.toml"
    file.write_text(
        '[[models]]\nid = "pictor-1"\nprovider = "openai"\npartial_images = 1\n'
        'prices = [{ per = "image", usd = 0.02 }]\n'
    )
    provider.images(sse(half(), done()))
    async with connected(provider, catalogue=load_catalogue(file)) as maker:
        resolved = maker.resolve(ImageRequest("a fox", partial_images=3))
        _, heard = await ordered(maker, partial_images=3)
    assert resolved.request.partial_images == 1
    assert "sends no more" in " ".join(resolved.notes)
    assert heard == [(0, HALF)]


async def test_partial_pictures_are_in_the_price_at_most_and_usage_counts_what_came(
    provider: Provider, tmp_path: Path
) -> None:
    """Images sheet, 1a: 100 tokens each; the provider's own count is what a picture has cost."""
    usage = {
        "input_tokens": 5,
        "output_tokens": 196 + 200,
        "input_tokens_details": {"text_tokens": 5, "image_tokens": 0},
        "output_tokens_details": {"image_tokens": 196 + 200, "text_tokens": 0},
    }
    provider.images(sse(half(0), half(1), done(usage=usage), done=False))
    asked: dict[str, Any] = {"size": "1024x1024", "quality": "low"}
    async with connected(provider, model="gpt-image-2", catalogue=selling(tmp_path)) as maker:
        bare = maker.resolve(ImageRequest("a fox", **asked)).price_usd
        dear = maker.resolve(ImageRequest("a fox", **asked, partial_images=2)).price_usd
        drawing, _ = await ordered(maker, **asked, partial_images=2)
    assert bare is not None
    assert dear == pytest.approx(bare + 200 * 30 / 1e6)
    assert drawing.cost_usd == pytest.approx((5 * 5 + 396 * 30) / 1e6)
    assert dear is not None
    assert drawing.cost_usd is not None
    assert drawing.cost_usd < dear


@pytest.mark.parametrize("count", [-1, 4])
async def test_more_than_three_are_refused_everywhere(provider: Provider, count: int) -> None:
    """OpenAI API reference, create image: `partial_images` is 0 to 3."""
    makers: list[ImageBackend] = [Painter()]
    async with connected(provider) as unknown, connected(provider, model="gpt-image-2") as known:
        for maker in (*makers, unknown, known, Fallback(known, unknown)):
            with pytest.raises(ParameterError) as caught:
                maker.resolve(ImageRequest("a fox", partial_images=count))
            assert caught.value.param == "partial_images"


async def test_a_mask_and_the_fidelity_go_with_the_pictures(provider: Provider) -> None:
    """Images sheet, 2.2: `mask` is a file beside `image[]`, `input_fidelity` a field."""
    provider.answers("/v1/images/edits", b64())
    async with connected(provider, model="gpt-image-1.5") as maker:
        await drawn(maker, references=(FOX, BOAT), mask=MASK, input_fidelity="high")
    parts = {part.name: part for part in parts_of(provider.requests[0])}
    assert (parts["mask"].data, parts["mask"].content_type) == (MASK, "image/png")
    assert parts["mask"].filename == "mask.png"
    assert parts["input_fidelity"].data == b"high"


REFUSALS: dict[str, tuple[dict[str, Any], dict[str, Any], str]] = {
    "a mask of nothing": ({"model": "gpt-image-2"}, {"mask": MASK}, "mask"),
    "a mask of nothing, unknown model": ({}, {"mask": MASK}, "mask"),
    "a mask that is no PNG": (
        {"model": "gpt-image-2"},
        {"mask": pictures.jpeg(), "references": (FOX,)},
        "mask",
    ),
    "no mask at OpenRouter": (
        {"model": "openai/gpt-image-2", "server": "openrouter"},
        {"mask": MASK, "references": (FOX,)},
        "mask",
    ),
    "no mask in `image`": (
        {"server": "byteplus", "max_references": 4},
        {"mask": MASK, "references": (FOX,)},
        "mask",
    ),
    "gpt-image-2 follows as it does": (
        {"model": "gpt-image-2"},
        {"input_fidelity": "high", "references": (FOX,)},
        "input_fidelity",
    ),
    "the small one knows low alone": (
        {"model": "gpt-image-1-mini"},
        {"input_fidelity": "high", "references": (FOX,)},
        "input_fidelity",
    ),
    "a word that is none": (
        {"model": "gpt-image-1"},
        {"input_fidelity": "utmost", "references": (FOX,)},
        "input_fidelity",
    ),
}


@pytest.mark.parametrize(("options", "request_", "param"), REFUSALS.values(), ids=REFUSALS.keys())
async def test_what_a_maker_cannot_do_with_pictures_is_refused_by_name(
    provider: Provider, options: dict[str, Any], request_: dict[str, Any], param: str
) -> None:
    """Images sheet, 1a and 2.2; nothing is sent, and no bytes stand in the sentence."""
    async with connected(provider, **options) as maker:
        with pytest.raises(ParameterError) as caught:
            maker.resolve(ImageRequest("a fox", **request_))
    assert caught.value.param == param
    assert "\\x" not in str(caught.value)
    assert provider.requests == []


@pytest.mark.parametrize("request_", [{"mask": MASK}, {"input_fidelity": "low"}], ids=["mask", "fidelity"])
async def test_a_chat_takes_neither_a_mask_nor_a_fidelity(
    provider: Provider, request_: dict[str, Any]
) -> None:
    """A chat has no word for them."""
    async with chatting(provider, max_references=4) as maker:
        with pytest.raises(ParameterError) as caught:
            maker.resolve(ImageRequest("a fox", references=(FOX,), **request_))
    assert caught.value.param in request_


async def test_a_fidelity_without_a_picture_is_left_out_with_a_note(provider: Provider) -> None:
    """It says nothing, so it is no mistake; but OpenAI would refuse it."""
    provider.images(b64())
    async with connected(provider, model="gpt-image-1") as maker:
        resolved = maker.resolve(ImageRequest("a fox", input_fidelity="high"))
        await drawn(maker, input_fidelity="high")
    assert "input_fidelity is left out" in " ".join(resolved.notes)
    assert "input_fidelity" not in provider.requests[0].json


async def test_a_mask_is_paid_for_as_one_more_picture() -> None:
    """Nobody says that it is free."""
    row = load_catalogue().find("gpt-image-2", base_url="https://api.openai.com/v1")
    assert row is not None
    one = price_at_most_usd(row, ImageRequest("a fox", references=(FOX,), mask=MASK))
    assert one == price_at_most_usd(row, ImageRequest("a fox", references=(FOX, FOX)))


async def test_the_painter_shows_the_scene_smaller_first() -> None:
    """Everything can be tried offline: partial pictures are pictures, the same each time, and no final one."""
    maker = Painter()
    try:
        drawing, heard = await ordered(maker, partial_images=3, size="512x256")
        again = await ordered(maker, partial_images=3, size="512x256")
        plain, none = await ordered(maker, size="512x256")
        (unheard,) = await maker.draw(ImageRequest("a fox", partial_images=3, size="512x256"), Purchase("k"))
        webp, shown_ = await ordered(maker, partial_images=1, size="512x256", output_format="webp")
    finally:
        await maker.aclose()
    assert again == (drawing, heard)
    assert (drawing.data, none) == (plain.data, [])
    assert unheard.data == plain.data
    assert [index for index, _ in heard] == [0, 1, 2]
    sizes = [Image.open(io.BytesIO(data)).size for _, data in heard]
    assert sizes == [(32, 16), (64, 32), (128, 64)]
    assert all(inspect(data).format == "png" for _, data in heard)
    assert all(b"limner:scene" not in data for _, data in heard)
    assert inspect(shown_[0][1]).format == "webp"
    assert webp.data != drawing.data


async def test_the_painter_takes_a_mask_of_something_and_refuses_one_of_nothing() -> None:
    """It stands in for any model, but not for a mistake."""
    maker = Painter()
    resolved = maker.resolve(ImageRequest("a fox", references=(FOX,), mask=MASK, input_fidelity="high"))
    assert "input_fidelity, mask" in " ".join(resolved.notes)
    with pytest.raises(ParameterError):
        maker.resolve(ImageRequest("a fox", mask=MASK))
    await maker.aclose()


async def test_plain_pictures_have_partial_ones_too() -> None:
    """For the tests of programs that embed Limner."""
    drawing, heard = await ordered(PlainImages(), partial_images=2)
    assert [index for index, _ in heard] == [0, 1]
    assert drawing.data not in [data for _, data in heard]


async def test_a_fallback_tells_the_partial_pictures_of_whoever_draws(provider: Provider) -> None:
    """The next maker is another order; who listens hears of it."""
    provider.images(whole({"error": "canary"}, 402), sse(half(), done()))
    async with connected(provider, model="gpt-image-2") as first:
        second = OpenAIImages("gpt-image-1.5", base_url=provider.base_url, api_key="sk-canary")
        drawing, heard = await ordered(Fallback(first, second), partial_images=1)
        await second.aclose()
    assert (drawing.data, heard) == (FOX, [(0, HALF)])
