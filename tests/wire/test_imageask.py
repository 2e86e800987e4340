"""Requests for pictures without a chat, and their answers."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from openai.types import ImagesResponse

from limner.wire.asking import AskError
from limner.wire.frames import json_bytes
from limner.wire.images.ask import ImageAsk, read_generations_ask, read_images_ask
from limner.wire.images.said import DrawnImage, generations_answer, images_answer
from published import valid

Reader = Callable[[dict[str, Any]], ImageAsk]
READERS: list[Reader] = [read_generations_ask, read_images_ask]
LEAST = {"model": "m", "prompt": "a fox"}

anything = st.text(st.characters(exclude_categories=()))
values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | anything,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(anything, inner, max_size=3),
    max_leaves=5,
)
NAMES = [
    *("aspect_ratio", "background", "input_references", "model", "moderation", "n", "output_compression"),
    *("output_format", "partial_images", "prompt", "provider", "quality", "resolution", "response_format"),
    *("safety_identifier", "seed", "session_id", "size", "stream", "style", "trace", "user"),
]


def refused(read: Reader, **said: Any) -> AskError:
    with pytest.raises(AskError) as raised:
        read(LEAST | said)
    assert raised.value.sentence.endswith(".")
    return raised.value


@pytest.mark.parametrize("read", READERS)
def test_a_prompt_is_enough(read: Reader) -> None:
    """The documents' first samples."""
    ask = read(LEAST)
    assert (ask.prompt, ask.model, ask.n) == ("a fox", "m", 1)


def test_everything_of_openais_request_is_read() -> None:
    """OpenAI API reference, "Create image"; ARouter's "url" is the default."""
    asked = {
        "model": "openai/dall-e-3",
        "prompt": "a fox",
        "n": 2,
        "size": "1792x1024",
        "quality": "hd",
        "style": "vivid",
        "response_format": "b64_json",
        "background": "opaque",
        "moderation": "low",
        "output_format": "webp",
        "output_compression": 90,
        "partial_images": 0,
        "stream": False,
        "user": "u",
    }
    assert read_generations_ask(asked) == ImageAsk(
        prompt="a fox",
        model="openai/dall-e-3",
        n=2,
        size="1792x1024",
        quality="hd",
        style="vivid",
        background="opaque",
        output_format="webp",
        output_compression=90,
        moderation="low",
        response_format="b64_json",
    )
    assert read_generations_ask({"prompt": "a fox"}).response_format == "url"
    assert read_generations_ask({"prompt": "a fox"}).model is None


def test_everything_of_openrouters_request_is_read() -> None:
    """Wire sheet, 5.1: the answer always holds the pictures themselves."""
    asked = {
        "model": "m",
        "prompt": "a fox",
        "resolution": "2K",
        "aspect_ratio": "16:9",
        "seed": 7,
        "input_references": [
            {"type": "image_url", "image_url": {"url": "data:image/png;base64,AA=="}},
            {"type": "image_url", "image_url": {"url": "https://pictures.example/fox"}},
        ],
        "provider": {"only": ["openai"]},
        "session_id": "s",
        "trace": {},
    }
    assert read_images_ask(asked) == ImageAsk(
        prompt="a fox",
        model="m",
        size="2K",
        aspect_ratio="16:9",
        seed=7,
        references=("data:image/png;base64,AA==", "https://pictures.example/fox"),
        provider={"only": ["openai"]},
        response_format="b64_json",
    )


@pytest.mark.parametrize("read", READERS)
@pytest.mark.parametrize("name", ["size", "quality", "background", "moderation", "aspect_ratio", "style"])
def test_auto_and_null_are_left_to_the_model(read: Reader, name: str) -> None:
    """OpenAI API reference: "auto" is what happens without the parameter."""
    assert read(LEAST | {name: "auto"}) == read(LEAST | {name: None}) == read(LEAST)


@pytest.mark.parametrize("read", READERS)
@pytest.mark.parametrize(
    "name", ["api_base", "base_url", "extra_headers", "api_key", "mask", "messages", "x"]
)
def test_a_parameter_that_is_not_known_is_refused_by_name(read: Reader, name: str) -> None:
    """S30: nothing that is not on a list is passed over in silence."""
    error = refused(read, **{name: None})
    assert (error.code, error.param) == ("unsupported_parameter", name)


@pytest.mark.parametrize("read", READERS)
def test_partial_pictures_belong_to_a_stream(read: Reader) -> None:
    """OpenAI API reference, "Create image": `partial_images` is for streams, where it may also be 0."""
    error = refused(read, partial_images=1)
    assert (error.code, error.param) == ("invalid_value", "partial_images")
    for said, stream, partial_images in (
        ({}, False, 0),
        ({"partial_images": 0}, False, 0),
        ({"stream": True}, True, 0),
        ({"stream": True, "partial_images": 3}, True, 3),
    ):
        ask = read(LEAST | said)
        assert (ask.stream, ask.partial_images) == (stream, partial_images)


@pytest.mark.parametrize("read", READERS)
def test_a_probe_hears_what_is_missing(read: Reader) -> None:
    """Facts, clients: `POST {}` must answer 400."""
    with pytest.raises(AskError) as raised:
        read({})
    assert raised.value.code == "missing_parameter"
    assert raised.value.param in ("model", "prompt")


@pytest.mark.parametrize("read", READERS)
@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("prompt", ""),
        ("prompt", " \n"),
        ("prompt", ["a fox"]),
        ("prompt", "x" * 32_001),
        ("model", ""),
        ("model", 1),
        ("model", "m" * 257),
        ("n", 0),
        ("n", 11),
        ("n", 1.5),
        ("n", True),
        ("n", "2"),
        ("n", float("inf")),
        ("size", "big"),
        ("size", "0x0"),
        ("size", "1024x"),
        ("size", "١٠٢٤x١٠٢٤"),
        ("size", "1024x1024\n"),
        ("size", 1024),
        ("resolution", "8K"),
        ("aspect_ratio", "wide"),
        ("aspect_ratio", "0:1"),
        ("quality", "x" * 65),
        ("output_format", "svg"),
        ("output_compression", 101),
        ("output_compression", -1),
        ("seed", 2**64),
        ("stream", "yes"),
        ("partial_images", 4),
        ("response_format", "file"),
        ("provider", "openai"),
        ("input_references", "https://x"),
        ("input_references", [{}] * 17),
    ],
)
def test_a_value_that_cannot_be_is_refused_by_name(read: Reader, name: str, value: object) -> None:
    """Errors in our own wording, each with the parameter's name."""
    error = refused(read, **{name: value})
    assert (error.code, error.param) == ("invalid_value", name)


@pytest.mark.parametrize(
    "item",
    [
        "https://x",
        {},
        {"type": "image_url"},
        {"type": "image_url", "image_url": "https://x"},
        {"type": "image_url", "image_url": {"url": 1}},
        {"type": "image_url", "image_url": {"url": "file:///etc/passwd"}},
        {"type": "image_url", "image_url": {"url": "data:text/html,x"}},
        {"type": "text", "image_url": {"url": "https://x"}},
    ],
)
def test_a_reference_that_is_no_picture_is_refused_by_its_place(item: object) -> None:
    """I18: no other scheme, also where nothing is fetched yet."""
    good = {"type": "image_url", "image_url": {"url": "https://x"}}
    error = refused(read_images_ask, input_references=[good, item])
    assert (error.code, error.param) == ("invalid_value", "input_references[1]")


@pytest.mark.parametrize(
    ("said", "size", "ratio"),
    [
        ({"size": "2K"}, "2K", None),
        ({"size": "2K", "resolution": "2K"}, "2K", None),
        ({"resolution": "512"}, "512", None),
        ({"size": "2K", "aspect_ratio": "4:3"}, "2K", "4:3"),
        ({"size": "2048x2048", "resolution": "2K"}, "2048x2048", None),
        ({"size": "3840x2160", "resolution": "4K", "aspect_ratio": "16:9"}, "3840x2160", None),
        ({"size": "1792x1024", "aspect_ratio": "16:9"}, "1792x1024", None),
        ({"size": "1536x1024", "resolution": "1K"}, "1536x1024", None),
        ({"size": "auto", "resolution": "1K"}, "1K", None),
        ({"aspect_ratio": "9:19.5"}, None, "9:19.5"),
    ],
)
def test_what_says_the_shape_agrees(said: dict[str, str], size: str | None, ratio: str | None) -> None:
    """Wire sheet, 5.1: a tier is a resolution, and pixels are authoritative."""
    ask = read_images_ask(LEAST | said)
    assert (ask.size, ask.aspect_ratio) == (size, ratio)


@pytest.mark.parametrize(
    ("said", "param"),
    [
        ({"size": "2K", "resolution": "4K"}, "resolution"),
        ({"size": "2048x2048", "resolution": "512"}, "resolution"),
        ({"size": "1024x1024", "aspect_ratio": "16:9"}, "aspect_ratio"),
        ({"aspect_ratio": "wide"}, "aspect_ratio"),
    ],
)
def test_shapes_that_contradict_each_other_are_refused(said: dict[str, str], param: str) -> None:
    """Wire sheet, 5.1: a mismatch is 400."""
    error = refused(read_images_ask, **said)
    assert (error.code, error.param) == ("invalid_value", param)


@given(st.sampled_from(READERS), st.dictionaries(st.sampled_from(NAMES) | anything, values))
def test_any_body_is_read_or_refused(read: Reader, body: dict[str, Any]) -> None:
    """A schema-driven fuzz finds no 5xx."""
    refusal: AskError | None = None
    try:
        ask = read(body)
    except AskError as error:
        refusal = error
    if refusal is None:
        assert ask.prompt.strip()
        assert 1 <= ask.n <= 10
        return
    assert refusal.code in ("missing_parameter", "invalid_value", "unsupported_parameter")
    assert refusal.param is not None
    assert len(refusal.sentence) < 300


pictures = st.builds(
    DrawnImage,
    media_type=anything,
    url=anything,
    b64_json=anything,
    revised_prompt=st.none() | anything,
)


@given(
    st.lists(pictures, max_size=3),
    st.integers(0, 10**6),
    st.integers(0, 10**6),
    st.integers(0, 10**6),
    st.none() | st.floats(0, 10),
)
def test_answers_fit_the_schemas(
    images: list[DrawnImage], text_in: int, image_in: int, tokens_out: int, cost_usd: float | None
) -> None:
    """Wire sheet, 5.1 and 5.3; every item of OpenRouter's needs `b64_json`."""
    lines = [{"index": 0, "status": "failed", "code": "image_policy"}]
    for write, schema in ((generations_answer, "openai/images"), (images_answer, "openrouter/images")):
        answer = write(
            1,
            images,
            text_in=text_in,
            image_in=image_in,
            tokens_out=tokens_out,
            cost_usd=cost_usd,
            lines=lines,
            offline=True,
        )
        sent = json.loads(json_bytes(answer).decode())
        valid(schema, sent)
        if schema == "openai/images":
            ImagesResponse.model_validate(sent)
        assert sent["limner"] == {"images": lines, "offline": True}
        if "usage" in sent:
            assert ("cost" in sent["usage"]) == (cost_usd is not None)


def test_arouters_answer_is_a_link_and_the_prompt_that_was_drawn() -> None:
    """ARouter, "Image generation"."""
    fox = DrawnImage("image/png", url="https://pictures.example/fox", revised_prompt="A red fox")
    assert generations_answer(1_234_567_890, [fox]) == {
        "created": 1_234_567_890,
        "data": [
            {"url": "https://pictures.example/fox", "media_type": "image/png", "revised_prompt": "A red fox"}
        ],
    }


def test_usage_is_written_in_each_services_words() -> None:
    """Wire sheet, 5.1 and 5.3."""
    counted: dict[str, Any] = {"text_in": 10, "image_in": 5, "tokens_out": 100, "cost_usd": 0.04}
    assert generations_answer(1, [], **counted)["usage"] == {
        "input_tokens": 15,
        "input_tokens_details": {"text_tokens": 10, "image_tokens": 5},
        "output_tokens": 100,
        "total_tokens": 115,
        "cost": 0.04,
    }
    assert images_answer(1, [], **counted)["usage"] == {
        "prompt_tokens": 15,
        "completion_tokens": 100,
        "total_tokens": 115,
        "is_byok": False,
        "cost": 0.04,
    }
