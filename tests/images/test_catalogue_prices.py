"""What pictures cost: never less beforehand than they can cost, and afterwards what was counted."""

from __future__ import annotations

import pytest

from limner.images.catalogue import ImageModel, cost_from_usage, load_catalogue, price_at_most_usd
from limner.images.protocol import ImageRequest, ImageUsage

CATALOGUE = load_catalogue()
PROMPT = ImageRequest("a fox")


def model(model_id: str) -> ImageModel:
    found = CATALOGUE.find(model_id)
    assert found is not None
    return found


def test_what_is_open_counts_as_the_dearest() -> None:
    """Money is set aside for the dearest quality and the dearest size that the model may choose."""
    dall_e = model("openai/dall-e-3")
    assert price_at_most_usd(dall_e, PROMPT) == 0.12
    assert price_at_most_usd(dall_e, ImageRequest("a fox", quality="standard")) == 0.08
    assert price_at_most_usd(dall_e, ImageRequest("a fox", size="1024x1024")) == 0.08
    low = price_at_most_usd(model("gpt-image-2"), ImageRequest("a fox", quality="low"))
    automatic = price_at_most_usd(model("gpt-image-2"), ImageRequest("a fox", quality="auto", size="auto"))
    assert low is not None
    assert automatic is not None
    assert automatic == price_at_most_usd(model("gpt-image-2"), PROMPT)
    assert automatic > 20 * low


def test_every_picture_of_an_order_costs() -> None:
    """n pictures are n times as dear, with what goes in as well. Source: OpenAI Developer Community, 2026-06-12."""
    for model_id in ("gpt-image-2", "openai/dall-e-2", "grok-imagine-image"):
        one = price_at_most_usd(model(model_id), PROMPT)
        three = price_at_most_usd(model(model_id), ImageRequest("a fox", n=3))
        assert one is not None
        assert three == pytest.approx(3 * one)


def test_a_prompt_has_at_most_as_many_tokens_as_bytes() -> None:
    """A Chinese character can be three tokens; three bytes are counted for it."""
    chinese = price_at_most_usd(model("gpt-image-2"), ImageRequest("狐狸" * 1000, quality="low"))
    english = price_at_most_usd(model("gpt-image-2"), ImageRequest("ab" * 1000, quality="low"))
    assert chinese is not None
    assert english is not None
    assert chinese - english == pytest.approx(4000 * 5 / 1e6)
    broken = price_at_most_usd(model("gpt-image-2"), ImageRequest("\ud800", quality="low"))
    assert broken is not None


def test_reference_pictures_are_paid_for() -> None:
    """Pictures in cost as well, up to the bound that the row states for each."""
    for model_id, each in (("gpt-image-2", 4096 * 8 / 1e6), ("flux-2-pro", 0.06)):
        bare = price_at_most_usd(model(model_id), PROMPT)
        two = price_at_most_usd(model(model_id), ImageRequest("a fox", references=(b"1", b"2")))
        assert bare is not None
        assert two == pytest.approx(bare + 2 * each)


def test_partial_pictures_are_paid_for() -> None:
    """Facts, images, section 1a: each partial picture of a stream costs 100 tokens more."""
    bare = price_at_most_usd(model("gpt-image-2"), PROMPT)
    streamed = price_at_most_usd(model("gpt-image-2"), ImageRequest("a fox", partial_images=3))
    assert bare is not None
    assert streamed == pytest.approx(bare + 300 * 30 / 1e6)
    assert price_at_most_usd(model("gemini-3-pro-image"), ImageRequest("a fox", partial_images=1)) is None


@pytest.mark.parametrize(
    ("size", "usd"),
    [
        ("1024x1024", 0.03),
        ("1040x1024", 0.045),  # a second megapixel is begun
        ("2048x1024", 0.045),
        ("2048x2048", 0.075),
        ("64x64", 0.03),
    ],
)
def test_megapixels_that_were_begun_are_paid_for(size: str, usd: float) -> None:
    """Black Forest Labs, pricing: flux-2-pro, $0.03 for the first and $0.015 for each further one."""
    assert price_at_most_usd(model("flux-2-pro"), ImageRequest("a fox", size=size)) == pytest.approx(usd)


@pytest.mark.parametrize(
    ("model_id", "request_"),
    [
        ("gpt-image-2.6-flare", PROMPT),  # nobody says how many tokens a quality has
        ("gemini-nano-banana-2.1", ImageRequest("a fox", size="4K")),  # one tier has a price
        ("openai/dall-e-2", ImageRequest("a fox", size="256x256")),  # so has one size at ARouter
        ("gpt-image-2", ImageRequest("a fox", quality="max")),  # a quality of another model
        ("gpt-image-2", ImageRequest("a fox", size="17x3")),
        ("recraftv4", PROMPT),
    ],
)
def test_an_unknown_price_is_none_and_not_a_guess(model_id: str, request_: ImageRequest) -> None:
    """Unknown prices are said to be unknown."""
    assert price_at_most_usd(model(model_id), request_) is None


def test_what_was_counted_is_what_it_cost() -> None:
    """The sample of the Images API, by gpt-image-2's rates; text $5, image in $8, image out $30."""
    usage = ImageUsage(text_in=10, image_in=40, image_out=50)
    assert cost_from_usage(model("gpt-image-2"), usage) == pytest.approx((50 + 320 + 1500) / 1e6)
    written = ImageUsage(text_in=10, text_out=100, image_out=4160)
    assert cost_from_usage(model("gpt-image-1.5"), written) == pytest.approx((50 + 1000 + 133_120) / 1e6)


def test_a_count_makes_a_cost_where_no_price_was_known_before() -> None:
    """Facts, images, section 1a: gpt-image-2.6 has prices for tokens, and no table of them."""
    usage = ImageUsage(text_in=10, image_out=1000)
    assert cost_from_usage(model("gpt-image-2.6-flare"), usage) == pytest.approx(0.03005)


@pytest.mark.parametrize(
    ("model_id", "usage"),
    [
        ("gpt-image-2", ImageUsage()),  # LocalAI counts zeros
        ("gpt-image-2", ImageUsage(text_in=-5, image_out=1000)),
        ("gpt-image-2", ImageUsage(image_out=10**18)),
        ("gpt-image-2", ImageUsage(text_out=5, image_out=1000)),  # it sells no words
        ("openai/dall-e-3", ImageUsage(image_out=1000)),  # it sells no tokens
        ("gemini-nano-banana-2.1", ImageUsage(image_out=1120)),
    ],
)
def test_a_count_that_makes_no_sense_makes_no_cost(model_id: str, usage: ImageUsage) -> None:
    """Scorecard U31, for pictures: nonsense in a count never becomes money; the reservation stands."""
    assert cost_from_usage(model(model_id), usage) is None


def test_a_relays_count_has_no_price() -> None:
    """Another provider's rates say nothing about what a relay asks."""
    relayed = CATALOGUE.find("gpt-image-2", base_url="https://relay.example/v1")
    assert relayed is not None
    assert cost_from_usage(relayed, ImageUsage(image_out=1000)) is None
