"""One function decides what a model takes; what it does not take is named before anything is sent."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest

from limner.errors import CallerError, ParameterError
from limner.images.catalogue import ImageModel, load_catalogue, resolve, shape_of
from limner.images.catalogue.shapes import Size
from limner.images.protocol import ImageRequest

CATALOGUE = load_catalogue()


def model(model_id: str) -> ImageModel:
    found = CATALOGUE.find(model_id)
    assert found is not None
    return found


def test_the_documents_own_sample_resolves_unchanged_and_costs_what_they_say() -> None:
    """ARouter, image generation: dall-e-3, hd, vivid, 1792x1024 is $0.120."""
    at_arouter = CATALOGUE.find("openai/dall-e-3", base_url="https://api.arouter.ai/v1")
    request = ImageRequest(
        "A futuristic city skyline at sunset, photorealistic",
        quality="hd",
        style="vivid",
        size="1792x1024",
        response_format="url",
    )
    resolved = resolve(at_arouter, request)
    assert resolved.request == request
    assert resolved.price_usd == 0.12


@pytest.mark.parametrize(
    ("quality", "size", "usd"),
    [
        ("standard", "1024x1024", 0.04),
        ("standard", "1024x1792", 0.08),
        ("standard", "1792x1024", 0.08),
        ("hd", "1024x1024", 0.08),
        ("hd", "1024x1792", 0.12),
    ],
)
def test_the_documents_table_of_prices_is_the_catalogues(quality: str, size: str, usd: float) -> None:
    """ARouter, image generation: the table of costs, and $0.020 for dall-e-2."""
    at_arouter = CATALOGUE.find("openai/dall-e-3", provider="arouter")
    assert resolve(at_arouter, ImageRequest("a fox", quality=quality, size=size)).price_usd == usd
    small = CATALOGUE.find("openai/dall-e-2", provider="arouter")
    assert resolve(small, ImageRequest("a fox", size="1024x1024")).price_usd == 0.02


@pytest.mark.parametrize(
    ("model_id", "said", "param", "allowed"),
    [
        # What ARouter's page rules out, and what OpenAI's newer models do.
        ("openai/dall-e-3", {"n": 2}, "n", "1, and order each picture by itself"),
        ("openai/dall-e-3", {"prompt": "x" * 4001}, "prompt", "at most 4,000"),
        ("openai/dall-e-3", {"size": "640x480"}, "size", "1024x1024, 1792x1024 or 1024x1792"),
        ("gpt-image-1", {"style": "vivid"}, "style", ""),
        # The rest of both documents.
        ("openai/dall-e-2", {"prompt": "x" * 1001}, "prompt", "at most 1,000"),
        ("openai/dall-e-2", {"quality": "hd"}, "quality", "standard"),
        ("openai/dall-e-2", {"n": 11}, "n", "1 to 10"),
        ("openai/dall-e-3", {"size": "512x512"}, "size", "1024x1024, 1792x1024 or 1024x1792"),
        ("openai/dall-e-3", {"size": "1K"}, "size", "1024x1024, 1792x1024 or 1024x1792"),
        ("openai/dall-e-3", {"quality": "high"}, "quality", "standard or hd"),
        ("openai/dall-e-3", {"style": "gothic"}, "style", "vivid or natural"),
        ("openai/dall-e-3", {"background": "transparent"}, "background", ""),
        ("openai/dall-e-3", {"output_format": "webp"}, "output_format", ""),
        ("openai/dall-e-3", {"output_compression": 50}, "output_compression", ""),
        ("openai/dall-e-3", {"moderation": "low"}, "moderation", ""),
        ("openai/dall-e-3", {"response_format": "file"}, "response_format", "url or b64_json"),
        ("openai/dall-e-3", {"references": (b"1",)}, "references", ""),
        ("openai/gpt-image-1", {"size": "512x512"}, "size", "1024x1024, 1536x1024, 1024x1536 or auto"),
        ("openai/gpt-image-1", {"size": "1792x1024"}, "size", "1024x1024, 1536x1024, 1024x1536 or auto"),
        ("openai/gpt-image-1", {"quality": "hd"}, "quality", "auto, low, medium or high"),
        ("openai/gpt-image-1", {"moderation": "none"}, "moderation", "auto or low"),
        ("openai/gpt-image-1", {"output_format": "gif"}, "output_format", "png, jpeg or webp"),
        # Facts, images, sections 0 and 1a.
        ("gpt-image-2", {"response_format": "b64_json"}, "response_format", ""),
        ("gpt-image-2", {"style": "natural"}, "style", ""),
        ("gpt-image-2", {"quality": "xhigh"}, "quality", "auto, low, medium or high"),
        ("gpt-image-2", {"prompt": "x" * 32_001}, "prompt", "at most 32,000"),
        ("gpt-image-2", {"n": 0}, "n", "1 to 10"),
        ("gpt-image-2", {"references": (b"1",) * 17}, "references", "at most 16"),
        (
            "gpt-image-2",
            {"output_compression": 101, "output_format": "webp"},
            "output_compression",
            "0 to 100",
        ),
        (
            "gpt-image-2",
            {"output_compression": -1, "output_format": "jpeg"},
            "output_compression",
            "0 to 100",
        ),
        (
            "gpt-image-2",
            {"output_compression": 50, "output_format": "png"},
            "output_compression",
            "output_format jpeg or webp beside it",
        ),
        (
            "gpt-image-2",
            {"output_compression": 50},
            "output_compression",
            "output_format jpeg or webp beside it",
        ),
        (
            "gpt-image-2",
            {"background": "transparent", "output_format": "jpeg"},
            "background",
            "auto, opaque or output_format png or webp beside it",
        ),
        ("grok-imagine-image", {"size": "1024x1024"}, "size", None),
        ("gemini-3-pro-image", {"size": "512"}, "size", None),
        ("flux-2-pro", {"size": "4096x4096"}, "size", None),
        ("recraftv4", {"prompt": "x" * 10_001}, "prompt", "at most 10,000"),
        ("sd3.5-large", {"n": 2}, "n", "1, and order each picture by itself"),
        ("sd3.5-large", {"size": "1024x1024"}, "size", None),
        # Neither a ratio nor a size.
        ("gpt-image-2", {"aspect_ratio": "wide"}, "aspect_ratio", 'a ratio like "16:9"'),
        ("gpt-image-2", {"aspect_ratio": "16:0"}, "aspect_ratio", 'a ratio like "16:9"'),
        ("gpt-image-2", {"aspect_ratio": "-1:1"}, "aspect_ratio", 'a ratio like "16:9"'),
        ("gpt-image-2", {"size": "1024"}, "size", None),
        ("gpt-image-2", {"size": "1024X1024"}, "size", None),
        ("gpt-image-2", {"size": "01024x1024"}, "size", None),
        ("gpt-image-2", {"size": ""}, "size", None),
        ("gpt-image-2", {"prompt": " \n"}, "prompt", "a description of the picture"),
    ],
)
def test_what_a_model_does_not_take_is_refused_by_name(
    model_id: str, said: dict[str, Any], param: str, allowed: str | None
) -> None:
    """An error names the parameter, what was given and what is allowed."""
    with pytest.raises(ParameterError) as caught:
        resolve(model(model_id), ImageRequest(**{"prompt": "a fox", **said}))
    error = caught.value
    assert isinstance(error, CallerError)
    assert (error.code, error.param) == ("parameter_refused", param)
    assert param in str(error)
    assert model_id in str(error)
    if allowed is not None:
        assert error.allowed == allowed
    else:
        assert error.allowed


def test_a_prompt_that_is_too_long_is_not_shown() -> None:
    """Errors reach logs and terminals: they say how long a prompt is, and none of it."""
    with pytest.raises(ParameterError) as caught:
        resolve(model("openai/dall-e-3"), ImageRequest("SECRET" * 1000))
    assert "SECRET" not in str(caught.value)
    assert caught.value.given == "6,000 characters"


@pytest.mark.parametrize(
    "size",
    [
        "1024x640",  # 655,360 pixels: the fewest
        "3840x2160",  # 8,294,400: the most, and the longest side
        "1536x512",  # three to one
        "2880x2880",
    ],
)
def test_sizes_at_the_bounds_of_a_rule_are_drawn(size: str) -> None:
    """Facts, images, section 1a: gpt-image-2 takes multiples of 16 within bounds."""
    assert resolve(model("gpt-image-2"), ImageRequest("a fox", size=size)).request.size == size


@pytest.mark.parametrize(
    "size",
    [
        "1024x624",  # too few pixels
        "2896x2880",  # too many
        "3856x2160",  # too long
        "1552x512",  # too wide
        "1032x1024",  # in no step of 16
        "1024x1032",
    ],
)
def test_sizes_beyond_the_bounds_of_a_rule_are_refused(size: str) -> None:
    """Facts, images, section 1a; the sentence tells the whole rule."""
    with pytest.raises(ParameterError) as caught:
        resolve(model("gpt-image-2"), ImageRequest("a fox", size=size))
    assert caught.value.allowed == (
        "WIDTHxHEIGHT (both sides multiples of 16, 655,360 to 8,294,400 pixels, no side above 3840, "
        "no side more than 3 times the other) or auto"
    )


@pytest.mark.parametrize(
    ("model_id", "ratio", "size"),
    [
        # By the name that the documents have for it, whatever the pixels are.
        ("openai/dall-e-3", "16:9", "1792x1024"),
        ("openai/dall-e-3", "9:16", "1024x1792"),
        ("gemini-3-pro-image", "16:9", "1376x768"),
        ("gemini-2.5-flash-image", "21:9", "1536x672"),
        ("gemini-3.1-flash-image", "1:8", "384x3072"),
        ("gpt-image-2", "16:9", "1536x864"),
        ("gpt-image-2", "3:2", "1536x1024"),
        ("recraftv3", "16:9", "1820x1024"),
        # The same ratio in other numbers.
        ("gpt-image-1", "6:4", "1536x1024"),
        ("gpt-image-1", "1.5:1", "1536x1024"),
        ("gemini-3-pro-image", "32:18", "1376x768"),
        # Computed.
        ("gpt-image-2", "4:3", "1024x768"),
        ("gpt-image-2", "7:5", "1120x800"),
        ("flux-2-pro", "3:2", "1104x736"),
        ("stability/stable-diffusion-3-large", "16:9", "1024x576"),
    ],
)
def test_a_ratio_that_is_drawn_exactly_needs_no_word(model_id: str, ratio: str, size: str) -> None:
    """Exact match first."""
    resolved = resolve(model(model_id), ImageRequest("a fox", aspect_ratio=ratio))
    assert (resolved.request.size, resolved.request.aspect_ratio) == (size, None)
    assert not [note for note in resolved.notes if "nearest" in note]


@pytest.mark.parametrize(
    ("model_id", "ratio", "size"),
    [
        # ln(4/3) is 0.288: 0.272 from 7:4, and 0.288 from 1:1. By difference it would be a square.
        ("openai/dall-e-3", "4:3", "1792x1024"),
        ("openai/dall-e-3", "5:4", "1024x1024"),
        ("openai/dall-e-3", "1:4", "1024x1792"),
        ("openai/dall-e-2", "16:9", "1024x1024"),
        ("gpt-image-1", "16:9", "1536x1024"),
        ("gpt-image-1", "5:4", "1536x1024"),
        ("gpt-image-1", "6:5", "1024x1024"),
        ("gpt-image-2", "5:1", "1536x512"),
        ("gemini-3-pro-image", "2:1", "1376x768"),
        ("gemini-3-pro-image", "1:3", "768x1376"),
    ],
)
def test_a_ratio_that_is_not_drawn_becomes_the_nearest_by_logarithm(
    model_id: str, ratio: str, size: str
) -> None:
    """Then the nearest ratio by logarithm, and a note says so."""
    resolved = resolve(model(model_id), ImageRequest("a fox", aspect_ratio=ratio))
    assert (resolved.request.size, resolved.request.aspect_ratio) == (size, None)
    [note] = [note for note in resolved.notes if "nearest" in note]
    assert ratio in note
    assert size in note


def test_a_shape_that_costs_more_is_announced_with_both_prices() -> None:
    """Nothing that multiplies the price is ever chosen silently."""
    wide = resolve(model("openai/dall-e-3"), ImageRequest("a fox", aspect_ratio="16:9", quality="standard"))
    assert wide.price_usd == 0.08
    assert any("$0.080" in note and "1024x1024 costs up to $0.040" in note for note in wide.notes)
    square = resolve(model("openai/dall-e-3"), ImageRequest("a fox", aspect_ratio="1:1", quality="standard"))
    assert not any("$" in note for note in square.notes)


def test_a_size_wins_over_a_ratio_and_says_so() -> None:
    """An explicit size wins over aspect_ratio with a note. OpenRouter's own sample has both."""
    request = ImageRequest("a fox", size="1024x1024", aspect_ratio="16:9", quality="high")
    resolved = resolve(model("openai/gpt-image-1"), request)
    assert (resolved.request.size, resolved.request.aspect_ratio) == ("1024x1024", None)
    assert any("size 1024x1024 wins over aspect_ratio 16:9" in note for note in resolved.notes)


def test_a_tier_and_a_ratio_go_together() -> None:
    """Facts, images, section 3: a tier says how much, a ratio which shape; neither wins."""
    request = ImageRequest("a fox", size="2K", aspect_ratio="16:9")
    gemini = resolve(model("gemini-3-pro-image"), request)
    assert (gemini.request.size, gemini.request.aspect_ratio) == ("2752x1536", None)
    grok = resolve(model("grok-imagine-image"), ImageRequest("a fox", size="2k", aspect_ratio="16:9"))
    assert (grok.request.size, grok.request.aspect_ratio) == ("2k", "16:9")


def test_a_ratio_alone_stays_in_the_tier_that_is_usual() -> None:
    """Nothing dearer is chosen silently; LiteLLM's ways from qualities to tiers are not ours."""
    for quality in (None, "auto"):
        request = ImageRequest("a fox", aspect_ratio="1:1", quality=quality)
        resolved = resolve(model("gemini-3.1-flash-image"), request)
        assert resolved.request.size == "1024x1024"
        assert resolved.request.quality is None


@pytest.mark.parametrize(
    ("model_id", "ratio", "expected"),
    [
        ("grok-imagine-image", "19.5:9", "19.5:9"),
        ("grok-imagine-image", "auto", "auto"),
        ("flux-pro-1.1-ultra", "7:3", "21:9"),
        ("sd3.5-large", "4:3", "5:4"),
        ("imagen-4.0-generate-001", "2:1", "16:9"),
    ],
)
def test_a_model_of_ratios_alone_is_given_a_ratio(model_id: str, ratio: str, expected: str) -> None:
    """Where pixels are refused, the resolved request carries the ratio in the model's own words."""
    resolved = resolve(model(model_id), ImageRequest("a fox", aspect_ratio=ratio))
    assert (resolved.request.size, resolved.request.aspect_ratio) == (None, expected)


@pytest.mark.parametrize("param", ["size", "aspect_ratio", "quality", "background", "moderation"])
def test_auto_is_left_out_where_the_model_has_no_such_word(param: str) -> None:
    """ "auto" means: as you like; leaving it out says the same to a model that does not know the word."""
    asked: dict[str, Any] = {param: "auto"}
    resolved = resolve(model("openai/dall-e-3"), ImageRequest("a fox", **asked))
    assert resolved.request == ImageRequest("a fox")
    assert any(param in note and "left out" in note for note in resolved.notes)


def test_auto_stays_where_the_model_knows_it() -> None:
    """Facts, images, section 1a: size, quality, background and moderation may be auto."""
    request = ImageRequest("a fox", size="auto", quality="auto", background="auto", moderation="auto")
    assert resolve(model("gpt-image-2"), request).request == request


def test_a_ratio_fills_what_an_automatic_size_leaves_open() -> None:
    """ "auto" is no explicit size, so it does not win."""
    resolved = resolve(model("gpt-image-2"), ImageRequest("a fox", size="auto", aspect_ratio="16:9"))
    assert (resolved.request.size, resolved.request.aspect_ratio) == ("1536x864", None)


def test_what_is_open_stays_open() -> None:
    """No quality, size or format is chosen for somebody who did not ask for one."""
    request = ImageRequest("a fox")
    for each in CATALOGUE.models:
        assert resolve(each, request).request == request


def test_a_format_is_chosen_where_transparency_needs_one() -> None:
    """It costs nothing, and without it a jpeg would be opaque; a note says so."""
    resolved = resolve(model("seedream-5.5"), ImageRequest("a fox", background="transparent"))
    assert resolved.request.output_format == "png"
    assert any("output_format png is chosen" in note for note in resolved.notes)


def test_a_preview_is_allowed_and_announced() -> None:
    """Facts, images, section 1a: transparent with gpt-image-2 is a preview, large sizes are experimental."""
    preview = resolve(model("gpt-image-2"), ImageRequest("a fox", background="transparent"))
    assert any("preview" in note for note in preview.notes)
    living = resolve(model("gpt-image-2.5-flare"), ImageRequest("a fox", background="transparent"))
    assert living.notes == ()
    large = resolve(model("gpt-image-2"), ImageRequest("a fox", size="3840x2160"))
    assert any("experimental" in note for note in large.notes)
    assert resolve(model("gpt-image-2"), ImageRequest("a fox", size="2560x1440")).notes == ()


@pytest.mark.parametrize(
    ("today", "words"),
    [
        (date(2026, 11, 21), "will be retired by OpenAI on 2026-12-01"),
        (date(2026, 12, 1), "was retired by OpenAI on 2026-12-01; OpenAI may refuse it"),
        (None, "is retired by OpenAI on 2026-12-01"),
    ],
)
def test_retirement_is_a_warning_in_the_right_tense(today: date | None, words: str) -> None:
    """Of that model at that provider; a warning, never a refusal. No clock is read here."""
    resolved = resolve(model("gpt-image-1.5"), ImageRequest("a fox"), today=today)
    assert resolved.request == ImageRequest("a fox")
    [note] = resolved.notes
    assert words in note
    assert "gpt-image-2.5-sunburst takes its place" in note


def test_an_unknown_model_passes_everything_through_and_says_so() -> None:
    """An unknown model passes everything through and says so."""
    request = ImageRequest(
        "",
        size="17x3",
        aspect_ratio="wide",
        quality="best",
        style="gothic",
        background="plaid",
        output_format="tiff",
        output_compression=900,
        moderation="none",
        response_format="url",
        n=99,
        references=(b"1",) * 99,
    )
    resolved = resolve(None, request)
    assert resolved.request == request
    assert resolved.price_usd is None
    [note] = resolved.notes
    assert "does not know this image model" in note
    assert "price is unknown" in note


def test_a_resolved_request_can_be_said_as_ratio_and_tier() -> None:
    """Interfaces that want aspect_ratio and image_size get them from the pixels that were chosen."""
    gemini = model("gemini-3-pro-image")
    resolved = resolve(gemini, ImageRequest("a fox", aspect_ratio="16:9", size="4K"))
    shape = shape_of(gemini, resolved.request)
    assert (shape.size, shape.aspect_ratio, shape.tier) == (Size(5504, 3072), "16:9", "4K")
    grok = model("grok-imagine-image")
    shape = shape_of(grok, ImageRequest("a fox", aspect_ratio="16:9", size="2k"))
    assert (shape.size, shape.aspect_ratio, shape.tier) == (None, "16:9", "2k")
    shape = shape_of(model("gpt-image-1"), ImageRequest("a fox", size="1536x1024"))
    assert (shape.size, shape.aspect_ratio, shape.tier) == (Size(1536, 1024), "3:2", None)
    shape = shape_of(model("gpt-image-1"), ImageRequest("a fox", size="auto"))
    assert (shape.size, shape.aspect_ratio, shape.tier) == (None, None, None)
