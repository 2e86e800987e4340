"""The catalogue's rows: complete, dated, at one with themselves and with the documents they come from."""

from __future__ import annotations

import math
from datetime import date
from fractions import Fraction

import pytest

from limner.images.catalogue import ImageModel, describe, load_catalogue, resolve
from limner.images.catalogue.model import ANY, PerImage, PerToken, TokenGrid
from limner.images.catalogue.prices import output_tokens
from limner.images.catalogue.shapes import (
    AUTO,
    ListedSizes,
    RatiosOnly,
    Shape,
    SteppedSizes,
    TieredSizes,
    parse_ratio,
    parse_size,
)
from limner.images.protocol import ImageRequest

CATALOGUE = load_catalogue()
TODAY = date(2026, 11, 21)
PRICE_UNKNOWN = {
    # The documents name no price, or none of what is drawn where nothing is said.
    "gpt-image-2.6-sunburst",
    "gpt-image-2.6-flare",
    "stability/stable-diffusion-3-large",
    "black-forest-labs/flux-1-pro",
    "openai/gpt-5-image-mini",
    "openai/gpt-5.4-image-2",
    "MAI-Image-2.6",
    "grok-imagine-image-quality",
    "grok-imagine-image-pro",
    "seedream-5.5",
    "recraftv4",
    "recraftv4_1",
    "recraftv4_pro",
    "imagen-4.0-generate-001",
}


def named(model: ImageModel) -> str:
    return f"{model.provider.key}-{model.id}"


every_row = pytest.mark.parametrize("model", CATALOGUE.models, ids=named)


def drawn(model: ImageModel) -> list[ImageRequest]:
    """A request for every size that a row names."""
    rule = model.sizes
    assert rule is not None
    requests = [ImageRequest("a fox", size=word) for word in rule.words]
    match rule:
        case ListedSizes():
            requests += [ImageRequest("a fox", size=str(shape.size)) for shape in rule.sizes]
        case SteppedSizes():
            shapes = [*rule.named, *(rule.pick(Fraction(ratio), None) for ratio in ("1/1", "7/5", "4/9"))]
            requests += [ImageRequest("a fox", size=size) for size in {str(shape.size) for shape in shapes}]
        case TieredSizes():
            for _, factor in rule.tiers:
                for shape in rule.table:
                    assert shape.size is not None
                    width, height = shape.size.width * factor, shape.size.height * factor
                    assert width.denominator == height.denominator == 1
                    requests.append(ImageRequest("a fox", size=f"{width}x{height}"))
        case RatiosOnly():
            requests += [ImageRequest("a fox", aspect_ratio=ratio) for ratio in rule.ratios]
    return requests


@every_row
def test_a_row_says_where_it_is_from_and_of_which_day(model: ImageModel) -> None:
    """DESIGN decision 8: provider differences are data, each with its source and date."""
    assert model.source.strip()
    assert model.as_of is not None
    assert date(2026, 1, 1) <= model.as_of <= TODAY
    assert model.provider.hosts
    assert all(retirement.by and retirement.source for retirement in model.retired)


@every_row
def test_a_row_says_what_every_parameter_takes(model: ImageModel) -> None:
    """Of packaged rows nothing is left to guess that decides about refusals or about money."""
    assert model.sizes is not None
    for allowed in (model.qualities, model.backgrounds, model.moderations, model.response_formats):
        assert ANY not in allowed
    assert model.answers in {"url", "b64_json", "bytes"}
    assert (model.answers == "url") >= (model.link_lifetime_s is not None)
    assert model.answers in {*model.response_formats, "bytes"} or not model.response_formats


@every_row
def test_every_size_of_a_row_resolves_to_itself(model: ImageModel) -> None:
    """The catalogue never refuses what it says, and never changes what fits."""
    requests = drawn(model)
    assert requests
    for request in requests:
        assert resolve(model, request).request == request


@every_row
def test_ratios_are_called_by_what_they_are(model: ImageModel) -> None:
    """A table with a slip in it would draw landscapes as portraits: names are within 4 % of the pixels."""
    rule = model.sizes
    shapes: tuple[Shape, ...] = ()
    if isinstance(rule, ListedSizes):
        shapes = rule.sizes
    elif isinstance(rule, SteppedSizes):
        shapes = rule.named
    elif isinstance(rule, TieredSizes):
        shapes = rule.table
    for shape in shapes:
        assert shape.size is not None
        ratio = parse_ratio(shape.aspect_ratio or "")
        assert ratio is not None
        assert abs(math.log(shape.size.ratio / ratio)) < 0.04, shape


@every_row
def test_tiers_share_no_pixels(model: ImageModel) -> None:
    """Pixels say which tier they are, so that an interface of ratios and tiers can be asked for them."""
    sizes = [request.size for request in drawn(model) if request.size]
    assert len(sizes) == len(set(sizes))


@every_row
def test_prices_speak_of_what_the_model_takes(model: ImageModel) -> None:
    """A price for a quality or a size that does not exist would leave another one without a price."""
    assert model.sizes is not None
    for line in model.prices:
        if isinstance(line, PerImage):
            assert set(line.qualities) <= set(model.qualities)
            assert all(model.sizes.shape(size) for size in line.sizes)
        elif isinstance(line, PerToken) and line.output is not None:
            for quality in set(model.qualities) - {AUTO} or {""}:
                for shape in model.sizes.examples():
                    assert output_tokens(line.output, quality, shape), (quality, shape)


@every_row
def test_what_a_bare_request_costs_is_known_or_is_known_to_be_unknown(model: ImageModel) -> None:
    """Unknown prices are said to be unknown; none is lost by a slip."""
    resolved = resolve(model, ImageRequest("a fox"))
    assert (resolved.price_usd is None) == (model.id in PRICE_UNKNOWN)
    assert any("unknown" in note for note in resolved.notes) == (resolved.price_usd is None)
    if resolved.price_usd is not None:
        assert 0.001 < resolved.price_usd < 1


@every_row
def test_a_row_can_be_told_to_people(model: ImageModel) -> None:
    """What people ask of a model first: sizes, qualities, price, retirement."""
    told = describe(model, TODAY)
    assert told.id == model.id
    assert all((told.provider, told.sizes, told.qualities, told.price, told.source, told.as_of))
    assert bool(told.retirement) == bool(model.retired)


def test_a_name_means_one_row_of_a_provider() -> None:
    """Two rows of one name at one provider would be a matter of luck."""
    seen = [(model.provider.key, name) for model in CATALOGUE.models for name in model.names]
    assert len(seen) == len(set(seen))


@pytest.mark.parametrize(
    ("model_id", "provider"),
    [
        ("openai/dall-e-3", "arouter"),
        ("openai/dall-e-2", "arouter"),
        ("stability/stable-diffusion-3-large", "arouter"),
        ("black-forest-labs/flux-1-pro", "arouter"),
        ("openai/gpt-image-1", "openrouter"),
    ],
)
def test_the_models_of_both_documents_keep_their_rows(model_id: str, provider: str) -> None:
    """Every model of the two source documents keeps its row, retired or not."""
    model = CATALOGUE.find(model_id, provider=provider)
    assert model is not None
    assert (model.id, model.provider.key) == (model_id, provider)


@pytest.mark.parametrize(
    ("model_id", "expected"),
    [
        ("dall-e-3", "dall-e-3"),
        ("openai/dall-e-3", "dall-e-3"),
        ("gpt-image-2-2026-04-21", "gpt-image-2"),
        ("gpt-image-2.5-sunburst-2026-09-08", "gpt-image-2.5-sunburst"),
        ("chatgpt-image-latest", "gpt-image-1.5"),
        ("GPT-Image-2", "gpt-image-2"),
    ],
)
def test_a_model_is_found_by_its_aliases(model_id: str, expected: str) -> None:
    """With and without the vendor, by dated snapshots, in capitals."""
    model = CATALOGUE.find(model_id, base_url="https://api.openai.com/v1")
    assert model is not None
    assert (model.id, model.provider.key, model.seller) == (expected, "openai", None)


def test_a_model_has_a_row_at_each_provider() -> None:
    """The same name is another row elsewhere: what OpenAI retired may still be sold by others."""
    at_openai = CATALOGUE.find("openai/dall-e-3", base_url="https://api.openai.com/v1")
    at_arouter = CATALOGUE.find("openai/dall-e-3", base_url="https://api.arouter.ai/v1")
    assert at_openai is not None
    assert at_arouter is not None
    assert at_openai.provider.name == "OpenAI"
    assert at_arouter.provider.name == "ARouter"
    [note] = resolve(at_arouter, ImageRequest("a fox"), today=TODAY).notes
    assert "was retired by OpenAI on 2026-05-12; ARouter may refuse it" in note


def test_a_relay_keeps_the_limits_and_loses_the_price() -> None:
    """Whoever relays a model asks what they like: another provider's price would be an invention."""
    model = CATALOGUE.find("dall-e-3", base_url="http://127.0.0.1:4000/v1")
    assert model is not None
    assert model.seller == "127.0.0.1"
    assert model.max_n == 1
    resolved = resolve(model, ImageRequest("a fox"))
    assert resolved.price_usd is None
    assert any("127.0.0.1 is unknown" in note for note in resolved.notes)


def test_a_relay_that_bills_like_a_provider_can_be_said_to_be_it() -> None:
    """A proxy with one's own key behind it: the address is the proxy's, the bill is the provider's."""
    model = CATALOGUE.find("dall-e-3", base_url="http://127.0.0.1:4000/v1", provider="openai")
    assert model is not None
    assert model.seller is None
    assert resolve(model, ImageRequest("a fox")).price_usd == 0.12


@pytest.mark.parametrize(
    ("base_url", "expected"),
    [
        ("https://api.openai.com/v1", "openai"),
        ("https://API.OpenAI.com:443/v1", "openai"),
        ("https://eu.api.openai.com./v1", "openai"),
        ("https://me.openai.azure.com/openai", "azure"),
        ("https://openrouter.ai/api/v1", "openrouter"),
        ("https://api.openai.com.example.com/v1", None),
        ("https://notopenrouter.ai/v1", None),
        ("http://[::1", None),
        ("", None),
    ],
)
def test_a_provider_is_known_by_its_host(base_url: str, expected: str | None) -> None:
    """A whole host or a domain above it, never a part of a name."""
    found = CATALOGUE.provider_of(base_url)
    assert (found.key if found else None) == expected


def test_a_name_that_nobody_has_is_not_found() -> None:
    """An unknown model is None, not a guess at one that sounds like it."""
    assert CATALOGUE.find("gpt-image-9", base_url="https://api.openai.com/v1") is None
    assert CATALOGUE.find("") is None


@pytest.mark.parametrize(
    ("size", "low", "medium", "high", "xhigh", "most"),
    [
        ("1024x768", 134, 301, 1204, 2140, 4815),
        ("1024x1024", 196, 439, 1756, 3122, 7024),
        ("1024x1536", 158, 343, 1372, 2459, 5488),
        ("1920x1080", 147, 343, 1320, 2347, 5280),
        ("2560x1440", 205, 478, 1843, 3276, 7370),
        ("3840x2160", 371, 865, 3336, 5930, 13342),
    ],
)
def test_the_law_of_tokens_yields_every_count_that_was_published(
    size: str, low: int, medium: int, high: int, xhigh: int, most: int
) -> None:
    """Facts, images, section 1a: gpt-image-2.5, derived there from published prices."""
    model = CATALOGUE.find("gpt-image-2.5-flare", provider="openai")
    assert model is not None
    line = model.prices[0]
    assert isinstance(line, PerToken)
    assert isinstance(line.output, TokenGrid)
    shape = Shape(parse_size(size))
    counted = [output_tokens(line.output, quality, shape) for quality in line.output.sides]
    assert counted == [low, medium, high, xhigh, most]


def test_the_same_quality_is_another_one_in_another_model() -> None:
    """Facts, images, section 1a: "high" costs four times less with 2.5 than with 2; no price is carried over."""
    request = ImageRequest("a fox", size="1024x1024", quality="high")
    older, newer = (
        resolve(CATALOGUE.find(model_id, provider="openai"), request).price_usd
        for model_id in ("gpt-image-2", "gpt-image-2.5-flare")
    )
    assert older is not None
    assert newer is not None
    assert 3.9 < older / newer < 4.1


@pytest.mark.parametrize(
    ("model_id", "quality", "size", "listed_usd"),
    [
        # What providers list for a picture, to the tenth of a cent; facts, images, sections 1a and 1b.
        ("gpt-image-1", "low", "1024x1024", 0.011),
        ("gpt-image-1", "medium", "1024x1024", 0.042),
        ("gpt-image-1", "high", "1024x1024", 0.167),
        ("gpt-image-1", "medium", "1536x1024", 0.063),
        ("gpt-image-1", "high", "1024x1536", 0.25),
        ("gpt-image-1.5", "medium", "1024x1024", 0.034),
        ("gpt-image-2", "low", "1024x1024", 0.006),
        ("gpt-image-2", "medium", "1024x1024", 0.053),
        ("gpt-image-2", "high", "1024x1024", 0.211),
        ("gpt-image-2", "low", "1024x1536", 0.005),
        ("gpt-image-2", "medium", "1024x1536", 0.041),
        ("gpt-image-2", "high", "1024x1536", 0.165),
        ("gemini-2.5-flash-image", None, "1024x1024", 0.039),
        ("gemini-3-pro-image", None, "2048x2048", 0.134),
        ("gemini-3-pro-image", None, "4096x4096", 0.24),
        ("gemini-3.1-flash-image", None, "512x512", 0.045),
        ("gemini-3.1-flash-image", None, "1K", 0.067),
        ("gemini-3.1-flash-image", None, "2K", 0.101),
        ("gemini-3.1-flash-image", None, "4K", 0.151),
    ],
)
def test_tokens_make_the_price_that_is_listed(
    model_id: str, quality: str | None, size: str, listed_usd: float
) -> None:
    """The tokens of a picture times their price is what its provider lists for it."""
    model = CATALOGUE.find(model_id)
    assert model is not None
    assert model.sizes is not None
    line, shape = model.prices[0], model.sizes.shape(size)
    assert isinstance(line, PerToken)
    assert line.output is not None
    assert line.image_out_usd is not None
    assert shape is not None
    tokens = output_tokens(line.output, quality or "", shape)
    assert tokens is not None
    assert tokens * line.image_out_usd / 1e6 == pytest.approx(listed_usd, abs=0.0011)
