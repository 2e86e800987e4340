"""From what was asked to what a model takes: the one function that decides. Pure."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from typing import Any

from limner.core.formats import HEAD_BYTES, format_of
from limner.errors import ParameterError
from limner.images.protocol import MOST_PARTIAL, ImageRequest, Resolved

from .model import ANY, ImageModel, Retirement
from .prices import price_at_most_usd
from .shapes import (
    AUTO,
    ListedSizes,
    RatiosOnly,
    Shape,
    SizeRule,
    SteppedSizes,
    parse_ratio,
    parse_size,
    spoken,
)

__all__ = ["check_always", "resolve", "retirement_notes", "shape_of"]

_UNKNOWN = (
    "the catalogue does not know this image model: everything is passed on as asked, and its price is unknown; "
    "a row of your own would change that"
)
_TRANSPARENT = ("png", "webp")
"""Formats that can be transparent."""
_LOSSY = ("jpeg", "webp")
"""Formats that can be compressed more or less."""


def resolve(model: ImageModel | None, request: ImageRequest, *, today: date | None = None) -> Resolved:
    """`request` as `model` takes it, at what price, and what was decided on the way.

    What it leaves open stays open, and nothing dearer than that is chosen for it. A model that is
    None is one that the catalogue does not know: everything passes. `today` only chooses the words
    for a retirement.
    Raises: ParameterError for the first parameter that the model does not take.
    """
    if model is None:
        return Resolved(request, None, (_UNKNOWN,))
    notes = [*retirement_notes(model, today)]
    _check_amounts(model, request)
    said = _open_what_is_auto(model, request, notes)
    _check_choices(model, said)
    said = _shaped(model, said, notes)
    said = _formatted(model, said, notes)
    _note_previews(model, said, notes)
    price_usd = price_at_most_usd(model, said)
    if price_usd is None:
        notes.append(_price_unknown(model))
    return Resolved(said, price_usd, tuple(notes))


def retirement_notes(model: ImageModel, today: date | None) -> tuple[str, ...]:
    """A sentence for each retirement of a model; without a `today` it fits both sides of the day."""
    return tuple(_retirement(model, each, today) for each in model.retired)


def shape_of(model: ImageModel, request: ImageRequest) -> Shape:
    """What a resolved request draws, in every way of saying it: pixels, ratio, tier; what is open is None.

    For makers whose interface wants a ratio and a tier where the request has pixels.
    """
    said = "" if request.size in {None, AUTO} else str(request.size)
    size = model.sizes.shape(said) if model.sizes else Shape(parse_size(said))
    if size is None:
        return Shape(aspect_ratio=request.aspect_ratio)
    return size if size.aspect_ratio else replace(size, aspect_ratio=request.aspect_ratio)


def _retirement(model: ImageModel, retirement: Retirement, today: date | None) -> str:
    seller = model.seller or model.provider.name
    if today is None:
        when = f"is retired by {retirement.by} on {retirement.on}"
    elif retirement.on <= today:
        when = f"was retired by {retirement.by} on {retirement.on}"
    else:
        when = f"will be retired by {retirement.by} on {retirement.on}"
    there = f"; {seller} may refuse it" if today is None or retirement.on <= today else ""
    instead = f"; {retirement.instead} takes its place" if retirement.instead else ""
    return f"{model.id} {when}{there}{instead}"


def _price_unknown(model: ImageModel) -> str:
    if model.seller:
        return f"what {model.id} costs at {model.seller} is unknown: the catalogue's price is {model.provider.name}'s"
    return f"what {model.id} costs at {model.provider.name} is unknown"


def check_always(model: str, request: ImageRequest) -> None:
    """What no model takes, whatever is known of it; their number aside. Raises: ParameterError."""
    if not request.prompt.strip():
        raise ParameterError("prompt", request.prompt, "a description of the picture", model=model)
    if not 0 <= request.partial_images <= MOST_PARTIAL:
        raise ParameterError("partial_images", request.partial_images, f"0 to {MOST_PARTIAL}", model=model)
    if request.mask is None:
        return
    # Of pictures the size is told: the bytes are nobody's to show.
    shown = f"of {len(request.mask):,} bytes"
    if not request.references:
        raise ParameterError("mask", shown, "a picture to edit beside it", model=model)
    if format_of(request.mask[:HEAD_BYTES]) != "png":
        raise ParameterError("mask", shown, "a PNG, transparent where the picture may change", model=model)


def _check_amounts(model: ImageModel, request: ImageRequest) -> None:
    most_n = model.max_n
    if request.n < 1 or (most_n is not None and request.n > most_n):
        few = "1 or more" if most_n is None else f"1 to {most_n}"
        allowed = "1, and order each picture by itself" if most_n == 1 else few
        raise ParameterError("n", request.n, allowed, model=model.id)
    check_always(model.id, request)
    length, most = len(request.prompt), model.max_prompt_chars
    if most is not None and length > most:
        # The prompt itself is nobody's to show.
        raise ParameterError("prompt", f"{length:,} characters", f"at most {most:,}", model=model.id)
    given, taken = len(request.references), model.max_references
    if taken is not None and given > taken:
        raise ParameterError("references", given, f"at most {taken}" if taken else "", model=model.id)
    if request.mask is not None and model.masks is False:
        raise ParameterError("mask", f"of {len(request.mask):,} bytes", "", model=model.id)


def _check_choices(model: ImageModel, request: ImageRequest) -> None:
    for param, given, allowed in (
        ("quality", request.quality, model.qualities),
        ("style", request.style, model.styles),
        ("background", request.background, model.backgrounds),
        ("output_format", request.output_format, model.output_formats),
        ("moderation", request.moderation, model.moderations),
        ("response_format", request.response_format, model.response_formats),
        ("input_fidelity", request.input_fidelity, model.input_fidelities),
    ):
        if given is not None and given not in allowed and ANY not in allowed:
            raise ParameterError(param, given, spoken(allowed) if allowed else "", model=model.id)


def _open_what_is_auto(model: ImageModel, request: ImageRequest, notes: list[str]) -> ImageRequest:
    """Without each "auto" of which the model does not know that it means: as you like."""
    known = {
        "size": model.sizes.words if model.sizes else (ANY,),
        "aspect_ratio": () if model.sizes else (ANY,),
        "quality": model.qualities,
        "background": model.backgrounds,
        "moderation": model.moderations,
    }
    if isinstance(model.sizes, RatiosOnly):
        known["aspect_ratio"] = model.sizes.ratios
    for param, taken in known.items():
        if getattr(request, param) == AUTO and not {AUTO, ANY} & set(taken):
            notes.append(f"{param} {AUTO!r} is left out: {model.id} has no such word for leaving it open")
            nothing: Any = None
            request = replace(request, **{param: nothing})
    if request.size == AUTO and request.aspect_ratio is not None:
        return replace(request, size=None)  # the ratio says what the size leaves open
    return request


def _shaped(model: ImageModel, request: ImageRequest, notes: list[str]) -> ImageRequest:
    """With a size, or a ratio where the model takes that alone."""
    rule, tier = model.sizes, None
    if rule is None:
        return request
    if request.size not in {None, AUTO}:
        drawn = rule.shape(str(request.size))
        if drawn is None:
            raise ParameterError("size", request.size, str(rule), model=model.id)
        if request.aspect_ratio is None:
            return request
        if drawn.size is not None or isinstance(rule, ListedSizes | SteppedSizes):
            notes.append(f"size {request.size} wins over aspect_ratio {request.aspect_ratio}")
            return replace(request, aspect_ratio=None)
        tier = drawn.tier
    if request.aspect_ratio is None:
        return request
    if isinstance(rule, RatiosOnly) and request.aspect_ratio in rule.ratios:
        return request
    return _drawn(model, rule, request, tier, notes)


def _drawn(
    model: ImageModel, rule: SizeRule, request: ImageRequest, tier: str | None, notes: list[str]
) -> ImageRequest:
    """With what its aspect ratio becomes."""
    asked = str(request.aspect_ratio)
    ratio = parse_ratio(asked)
    if ratio is None:
        raise ParameterError("aspect_ratio", asked, 'a ratio like "16:9"', model=model.id)
    drawn = rule.pick(ratio, tier)
    exact = drawn.aspect_ratio is not None and parse_ratio(drawn.aspect_ratio) == ratio
    shown = str(drawn.size or drawn.aspect_ratio)
    if not exact:
        notes.append(f"aspect_ratio {asked} is drawn as {shown}, the nearest that {model.id} has")
    if drawn.size is None:
        return replace(request, aspect_ratio=drawn.aspect_ratio)
    said = replace(request, size=str(drawn.size), aspect_ratio=None)
    if isinstance(rule, ListedSizes):  # its shapes are few, and their prices can be far apart
        _note_dearer(model, rule, said, asked, notes)
    return said


def _note_dearer(
    model: ImageModel, rule: ListedSizes, said: ImageRequest, asked: str, notes: list[str]
) -> None:
    price_usd = price_at_most_usd(model, said)
    others = {
        str(shape.size): price_at_most_usd(model, replace(said, size=str(shape.size)))
        for shape in rule.by_itself()
    }
    known = {size: price for size, price in others.items() if price is not None}
    if price_usd is None or not known:
        return
    size, least_usd = min(known.items(), key=lambda item: item[1])
    if price_usd > least_usd * 1.001:
        notes.append(
            f"aspect_ratio {asked} is drawn as {said.size}, which costs up to ${price_usd:.3f}; "
            f"{size} costs up to ${least_usd:.3f}"
        )


def _formatted(model: ImageModel, request: ImageRequest, notes: list[str]) -> ImageRequest:
    """With a format that its background and its compression can have."""
    default = next((name for name in model.output_formats if name != ANY), None)
    drawn = request.output_format or default
    if request.background == "transparent" and drawn is not None and drawn not in _TRANSPARENT:
        able = [name for name in _TRANSPARENT if {name, ANY} & set(model.output_formats)]
        if request.output_format is not None or not able:
            others = [name for name in model.backgrounds if name not in {"transparent", ANY}]
            advice = [*others, *([f"output_format {spoken(able)} beside it"] if able else [])]
            raise ParameterError(
                "background", "transparent", spoken(advice) if advice else "", model=model.id
            )
        notes.append(f"output_format {able[0]} is chosen: {drawn} cannot be transparent")
        drawn = able[0]
        request = replace(request, output_format=drawn)
    if request.output_compression is not None:
        _check_compression(model, request.output_compression, drawn)
    return request


def _check_compression(model: ImageModel, given: int, drawn: str | None) -> None:
    able = [name for name in _LOSSY if {name, ANY} & set(model.output_formats)]
    if model.compresses is False or not able:
        raise ParameterError("output_compression", given, "", model=model.id)
    if not 0 <= given <= 100:
        raise ParameterError("output_compression", given, "0 to 100", model=model.id)
    if drawn is not None and drawn not in able:
        advice = f"output_format {spoken(able)} beside it"
        raise ParameterError("output_compression", given, advice, model=model.id)


def _note_previews(model: ImageModel, request: ImageRequest, notes: list[str]) -> None:
    for param, values in model.previews.items():
        if getattr(request, param) in values:
            value = getattr(request, param)
            notes.append(f"{param} {value} is a preview at {model.provider.name}, which may refuse it")
    if model.preview_pixels is None:
        return
    drawn = shape_of(model, request).size
    if drawn is not None and drawn.pixels > model.preview_pixels:
        notes.append(f"sizes above {model.preview_pixels:,} pixels, like {drawn}, are experimental")
