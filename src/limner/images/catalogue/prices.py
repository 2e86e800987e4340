"""What pictures cost: at most beforehand, and in truth by the provider's own count."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from limner.images.protocol import ImageRequest, ImageUsage

from .model import ANY, ImageModel, OutputTokens, PerImage, PerMegapixel, PerToken, PriceLine, TokenGrid
from .shapes import AUTO, Shape, parse_size

__all__ = ["cost_from_usage", "output_tokens", "pictures_usd", "price_at_most_usd"]

_MILLION = 1_000_000
_ADDED_TOKENS = 64
"""What a provider may add around a prompt. Source: six were seen at gpt-image-2, OpenAI Developer Community, 2026."""
_MOST_TOKENS = 1_000_000_000
"""A count beyond this is no count."""


def price_at_most_usd(model: ImageModel, request: ImageRequest) -> float | None:
    """What all `n` pictures of a resolved request cost at most; None where unknown.

    What the request leaves open counts as the dearest that the model may choose: of its qualities
    all, of its sizes those that it draws by itself. The prompt has at most as many tokens as bytes.
    """
    shapes = _shapes(model, request)
    prices = [
        _one_usd(model, request, quality, shape) for quality in _qualities(model, request) for shape in shapes
    ]
    known = [price for price in prices if price is not None]
    if not known or len(known) < len(prices):
        return None
    return max(known) * max(1, request.n)


def cost_from_usage(model: ImageModel, usage: ImageUsage) -> float | None:
    """What an order cost by the tokens that its provider counted; None where a price is unknown.

    None also where nothing was counted, for some servers always answer zero.
    """
    line = next((line for line in model.prices if isinstance(line, PerToken)), None)
    counts = (usage.text_in, usage.image_in, usage.text_out, usage.image_out)
    if line is None or not any(counts) or min(counts) < 0 or max(counts) > _MOST_TOKENS:
        return None
    rates = (line.text_in_usd, line.image_in_usd, line.text_out_usd, line.image_out_usd)
    cost_usd = 0.0
    for count, rate in zip(counts, rates, strict=True):
        if count and rate is None:
            return None
        cost_usd += count * (rate or 0.0) / _MILLION
    return cost_usd


def pictures_usd(model: ImageModel) -> tuple[float, float] | None:
    """What the cheapest and the dearest picture cost, its prompt aside; None where unknown."""
    shapes = model.sizes.examples() if model.sizes else (Shape(),)
    prices = [
        _one_usd(_pictures_alone(model), ImageRequest(""), quality, shape)
        for quality in _qualities(model, ImageRequest(""))
        for shape in shapes
    ]
    known = [price for price in prices if price is not None]
    return (min(known), max(known)) if known else None


def output_tokens(output: OutputTokens, quality: str, shape: Shape) -> int | None:
    """How many image tokens one picture has; None where unknown."""
    if isinstance(output, TokenGrid):
        side = output.sides.get(quality)
        if side is None or shape.size is None:
            return None
        short, long = sorted((shape.size.width, shape.size.height))
        other = (2 * side * short + long) // (2 * long)
        return -(-side * other * (output.offset + shape.size.pixels) // output.divisor)
    places = [str(shape.size), shape.tier or "", ANY]
    keys = ((named, place) for named in (quality, ANY) for place in places)
    return next((output.tokens[key] for key in keys if key in output.tokens), None)


def _pictures_alone(model: ImageModel) -> ImageModel:
    lines = (
        replace(line, text_in_usd=0.0, text_out_tokens=0) if isinstance(line, PerToken) else line
        for line in model.prices
    )
    return replace(model, prices=tuple(lines))


def _qualities(model: ImageModel, request: ImageRequest) -> tuple[str, ...]:
    if request.quality not in {None, AUTO}:
        return (str(request.quality),)
    return tuple(quality for quality in model.qualities if quality not in {AUTO, ANY}) or ("",)


def _shapes(model: ImageModel, request: ImageRequest) -> tuple[Shape, ...]:
    if model.sizes is None:
        return (Shape(parse_size(request.size or "")),)
    if request.size in {None, AUTO}:
        return model.sizes.by_itself()
    shape = model.sizes.shape(str(request.size))
    return (shape,) if shape else ()


def _one_usd(model: ImageModel, request: ImageRequest, quality: str, shape: Shape) -> float | None:
    line = next(_fitting(model.prices, quality, shape), None)
    match line:
        case PerImage():
            return line.usd
        case PerMegapixel():
            return _by_megapixel_usd(line, request, shape)
        case PerToken():
            return _by_token_usd(line, request, quality, shape)
        case None:
            return None


def _fitting(prices: tuple[PriceLine, ...], quality: str, shape: Shape) -> Iterator[PriceLine]:
    for line in prices:
        if isinstance(line, PerImage):
            if line.qualities and quality not in line.qualities:
                continue
            if line.sizes and not {str(shape.size), shape.tier} & set(line.sizes):
                continue
        yield line


def _by_megapixel_usd(line: PerMegapixel, request: ImageRequest, shape: Shape) -> float | None:
    if shape.size is None:
        return None
    begun = -(-shape.size.pixels // line.megapixel)
    pictures_in = len(request.references) * line.reference_usd
    return line.first_usd + (begun - 1) * line.further_usd + pictures_in


def _by_token_usd(line: PerToken, request: ImageRequest, quality: str, shape: Shape) -> float | None:
    drawn = output_tokens(line.output, quality, shape) if line.output else None
    if drawn is None:
        return None
    # A token stands for one byte or more, in every vocabulary that falls back to bytes.
    text_in = len(request.prompt.encode("utf-8", "surrogatepass")) + _ADDED_TOKENS
    counted = (
        (text_in, 1, line.text_in_usd),
        # Nobody says that a mask is free: it counts as one more.
        (len(request.references) + (request.mask is not None), line.reference_tokens, line.image_in_usd),
        (line.text_out_tokens, 1, line.text_out_usd),
        (drawn, 1, line.image_out_usd),
        (request.partial_images, line.partial_tokens, line.image_out_usd),
    )
    price_usd = 0.0
    for count, tokens, rate in counted:
        if not count:
            continue
        if tokens is None or rate is None:
            return None
        price_usd += count * tokens * rate / _MILLION
    return price_usd
