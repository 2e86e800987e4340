"""For any request and any model: legal, nearest, no dearer than nothing said, and stable."""

from __future__ import annotations

import bisect
import math
from collections.abc import Sequence
from dataclasses import fields, replace
from functools import cache
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from limner.errors import ParameterError
from limner.images.catalogue import (
    ImageModel,
    cost_from_usage,
    load_catalogue,
    price_at_most_usd,
    resolve,
    shape_of,
)
from limner.images.catalogue.model import PerImage, PerMegapixel, PerToken
from limner.images.catalogue.prices import output_tokens
from limner.images.catalogue.shapes import (
    AUTO,
    ListedSizes,
    RatiosOnly,
    Shape,
    SizeRule,
    SteppedSizes,
    TieredSizes,
    parse_ratio,
)
from limner.images.protocol import ImageRequest, ImageUsage, Resolved

MODELS = load_catalogue().models
PARAMS = {field.name for field in fields(ImageRequest)}

sides = st.integers(1, 99).map(str) | st.integers(1, 999).map(lambda tenths: f"{tenths / 10:.1f}")
ratios = st.builds("{}:{}".format, sides, sides) | st.sampled_from(
    ["1:1", "16:9", "9:16", "3:2", "4:3", "21:9", "1:8", "8:1", "99999:1", "1:99999"]
)
models = st.sampled_from(MODELS)


def words(rule_words: Sequence[str]) -> st.SearchStrategy[str | None]:
    return st.none() | st.sampled_from(
        [*rule_words, AUTO, "high", "hd", "transparent", "png", "jpeg", "nonsense"]
    )


@st.composite
def requests(draw: st.DrawFn, model: ImageModel) -> ImageRequest:
    rule = model.sizes
    shapes = [*rule.by_itself(), *rule.examples()] if rule else []
    sizes = [str(shape.size) if shape.size else shape.tier for shape in shapes]
    return ImageRequest(
        prompt=draw(st.text(max_size=40)),
        aspect_ratio=draw(st.none() | ratios | st.just(AUTO)),
        size=draw(st.none() | st.sampled_from([*sizes, AUTO, "640x480", "2K", "1k", "17x3"])),
        quality=draw(words(model.qualities)),
        style=draw(words(model.styles)),
        background=draw(words(model.backgrounds)),
        output_format=draw(words(model.output_formats)),
        output_compression=draw(st.none() | st.integers(-5, 105)),
        moderation=draw(words(model.moderations)),
        response_format=draw(st.sampled_from([None, "url", "b64_json"])),
        n=draw(st.integers(0, 12)),
        references=tuple(draw(st.lists(st.binary(max_size=3), max_size=4))),
    )


@cache
def every_logarithm(rule: SizeRule | None) -> list[float]:
    """Of the ratios of all that an aspect ratio may become, found by looking at every one of them."""
    match rule:
        case ListedSizes():
            drawn = [shape.size for shape in rule.sizes if shape.size and str(shape.size) in rule.usual]
        case TieredSizes():
            drawn = [shape.size for shape in rule.table if shape.size]
        case RatiosOnly():
            named = [parse_ratio(ratio) for ratio in rule.ratios]
            return sorted(math.log(ratio) for ratio in named if ratio)
        case SteppedSizes():
            return sorted({math.log(width / height) for width, height in every_size(rule)})
        case None:
            return []
    return sorted(math.log(size.ratio) for size in drawn)


def every_size(rule: SteppedSizes) -> list[tuple[int, int]]:
    step, (fewest, most) = rule.usual_step, rule.usual_pixels
    least, longest = rule.min_edge or 1, rule.max_edge or most
    found = []
    for width in range(step, min(longest, most // step) + 1, step):
        for height in range(step, min(longest, most // width) + 1, step):
            steep = max(width, height) > (rule.max_ratio or most) * min(width, height)
            if fewest <= width * height and min(width, height) >= least and not steep:
                found.append((width, height))
    return found


def test_the_sizes_that_are_looked_at_are_legal() -> None:
    """The test's own idea of a class agrees with the rule that refuses sizes."""
    for model in MODELS:
        if isinstance(model.sizes, SteppedSizes):
            for width, height in every_size(model.sizes)[::97]:
                assert model.sizes.shape(f"{width}x{height}")


@settings(deadline=None)
@given(models, ratios)
def test_no_legal_size_of_the_class_is_nearer(model: ImageModel, ratio: str) -> None:
    """Exact match first, then the nearest ratio by logarithm."""
    resolved = resolve(model, ImageRequest("a fox", aspect_ratio=ratio)).request
    shape = shape_of(model, resolved)
    asked, named = parse_ratio(ratio), parse_ratio(shape.aspect_ratio or "")
    assert asked is not None
    if named == asked:
        return  # by the name that the model's documents have for it
    drawn = shape.size.ratio if shape.size else named
    assert drawn is not None
    wanted, everything = math.log(asked), every_logarithm(model.sizes)
    at = bisect.bisect(everything, wanted)
    nearest = min(abs(each - wanted) for each in everything[max(0, at - 1) : at + 1])
    assert abs(math.log(drawn) - wanted) <= nearest + 1e-9


@settings(deadline=None)
@given(models, ratios)
def test_a_ratio_never_costs_more_than_nothing_said(model: ImageModel, ratio: str) -> None:
    """Nothing that multiplies the price is ever chosen silently."""
    shaped = resolve(model, ImageRequest("a fox", aspect_ratio=ratio)).price_usd
    bare = resolve(model, ImageRequest("a fox")).price_usd
    assert (shaped is None) == (bare is None)
    if shaped is not None and bare is not None:
        assert shaped <= bare + 1e-9


def refused(model: ImageModel, request: ImageRequest) -> Resolved | ParameterError:
    try:
        return resolve(model, request)
    except ParameterError as error:
        return error


@settings(deadline=None)
@given(models.flatmap(lambda model: st.tuples(st.just(model), requests(model))))
def test_a_request_is_refused_by_name_or_taken_for_good(case: tuple[ImageModel, ImageRequest]) -> None:
    """Whatever is asked: an error names a parameter, or the result is legal, keeps the words, and is stable."""
    model, request = case
    resolved = refused(model, request)
    if isinstance(resolved, ParameterError):
        assert resolved.param in PARAMS
        given = getattr(request, resolved.param)
        assert resolved.given == given or resolved.param in {"prompt", "references"}
        return
    again = resolve(model, resolved.request)
    assert (again.request, again.price_usd) == (resolved.request, resolved.price_usd)
    said: dict[str, Any] = {name: getattr(request, name) for name in ("prompt", "n", "references", "style")}
    assert replace(resolved.request, **said) == resolved.request
    assert request.quality in {resolved.request.quality, AUTO}
    if resolved.request.size not in {None, AUTO}:
        assert model.sizes is not None
        assert model.sizes.shape(str(resolved.request.size))
        assert resolved.request.aspect_ratio is None or isinstance(model.sizes, RatiosOnly)
    if request.size and request.size != AUTO and parse_ratio(request.size.replace("x", ":")):
        assert resolved.request.size == request.size


@settings(deadline=None)
@given(models, ratios | st.none(), st.integers(0, 3), st.data())
def test_no_picture_costs_more_than_was_set_aside(
    model: ImageModel, ratio: str | None, references: int, data: st.DataObject
) -> None:
    """Scorecard S26: what is reserved bounds what any choice of the provider can cost."""
    request = ImageRequest(
        "a fox", aspect_ratio=ratio, references=(b"1",) * min(references, model.max_references or 0)
    )
    resolved = resolve(model, request).request
    at_most = price_at_most_usd(model, resolved)
    if at_most is None or model.sizes is None:
        return
    shape = shape_of(model, resolved)
    if shape.size is None:
        usual = model.sizes.by_itself() if not isinstance(model.sizes, SteppedSizes) else model.sizes.named
        shape = data.draw(st.sampled_from(usual or (shape,)))
    quality = data.draw(st.sampled_from([each for each in model.qualities if each != AUTO] or [""]))
    assert _cost(model, quality, shape, request, data) <= at_most + 1e-9


def _cost(model: ImageModel, quality: str, shape: Shape, request: ImageRequest, data: st.DataObject) -> float:
    """What the provider may bill for one picture, from the rows alone."""
    for line in model.prices:
        if isinstance(line, PerToken):
            assert line.output is not None
            tokens = output_tokens(line.output, quality, shape)
            if tokens is None:
                return 0.0
            usage = ImageUsage(
                text_in=data.draw(st.integers(0, len(request.prompt.encode()) + 6)),
                image_in=len(request.references) * data.draw(st.integers(0, line.reference_tokens or 0)),
                text_out=data.draw(st.integers(0, line.text_out_tokens)),
                image_out=tokens,
            )
            return cost_from_usage(model, usage) or 0.0
        if isinstance(line, PerMegapixel):
            assert shape.size is not None or not model.sizes
            pixels = shape.size.pixels if shape.size else 0
            further = max(0, math.ceil(pixels / line.megapixel) - 1)
            return line.first_usd + further * line.further_usd + len(request.references) * line.reference_usd
        fits = isinstance(line, PerImage) and (not line.qualities or quality in line.qualities)
        if fits and (not line.sizes or {str(shape.size), shape.tier} & {*line.sizes}):
            return line.usd
    raise AssertionError(f"{model.id} has no price for {quality} {shape}")
