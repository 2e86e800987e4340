"""From tables of TOML to rows of the catalogue."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

from limner.errors import ConfigError

from .fields import (
    GRID,
    LISTED,
    MODEL,
    PER_IMAGE,
    PER_MEGAPIXEL,
    PER_TOKEN,
    PROVIDER,
    RATIOS_ONLY,
    RETIREMENT,
    STEPPED,
    TIERED,
    check,
    invalid,
)
from .model import (
    ANY,
    ImageModel,
    OutputTokens,
    PerImage,
    PerMegapixel,
    PerToken,
    PriceLine,
    Provider,
    Retirement,
    TokenGrid,
    TokenTable,
)
from .shapes import ListedSizes, RatiosOnly, Shape, SizeRule, SteppedSizes, TieredSizes, parse_size

__all__ = ["Tables", "read_model", "read_provider", "read_tokens"]

_OPEN = (ANY,)
_MEGAPIXEL = 1024 * 1024
_MOST_COLUMNS = 1 << 15
"""Widths that are looked at for a ratio: a hundredth of a second's worth."""


@dataclass(frozen=True, slots=True)
class Tables:
    """The named tables that rows refer to."""

    providers: Mapping[str, Provider]
    ratios: Mapping[str, Mapping[str, str]]
    tokens: Mapping[str, OutputTokens]


def read_provider(key: str, table: Mapping[str, Any], where: str) -> Provider:
    """One table of [providers]."""
    check(table, PROVIDER, f"{where}: provider {key!r}")
    hosts = tuple(host.lower() for host in table.get("hosts", ()))
    return Provider(key, table["name"], hosts, table.get("family", "openai"))


def read_tokens(key: str, table: Mapping[str, Any], where: str) -> OutputTokens:
    """One table of [tokens]: a law, or quality → size → tokens."""
    place = f"{where}: tokens {key!r}"
    if "grid" in table:
        check(table, GRID, place)
        return TokenGrid(dict(table["grid"]), table["offset"], table["divisor"])
    tokens: dict[tuple[str, str], int] = {}
    for quality, sizes in table.items():
        if not isinstance(sizes, Mapping):
            raise invalid(place, quality, "a table of sizes and whole numbers of tokens")
        for size, count in sizes.items():
            if not isinstance(count, int) or isinstance(count, bool) or count < 1:
                raise invalid(place, f"{quality}.{size}", "a whole number, 1 or more")
            tokens[quality, size] = count
    return TokenTable(tokens)


def read_model(row: Mapping[str, Any], tables: Tables, where: str) -> ImageModel:
    """One table of [[models]], with everything it is like already in it."""
    place = f"{where}: row {row.get('id')!r}"
    check(row, MODEL, place)
    provider = tables.providers.get(row["provider"])
    if provider is None:
        raise invalid(place, "provider", f"one of [providers]: {', '.join(tables.providers)}")
    # A row that is like one with links may have none itself.
    links = "url" in {row.get("answers", "url"), *row.get("response_formats", ())}
    return ImageModel(
        id=row["id"],
        provider=provider,
        sizes=_sizes(row["sizes"], tables, f"{place}: sizes") if "sizes" in row else None,
        source=row.get("source", where),
        as_of=row.get("as_of"),
        aliases=tuple(row.get("aliases", ())),
        qualities=tuple(row.get("qualities", _OPEN)),
        styles=tuple(row.get("styles", _OPEN)),
        backgrounds=tuple(row.get("backgrounds", _OPEN)),
        output_formats=tuple(row.get("output_formats", _OPEN)),
        moderations=tuple(row.get("moderations", _OPEN)),
        response_formats=tuple(row.get("response_formats", _OPEN)),
        compresses=row.get("compresses"),
        answers=row.get("answers"),
        link_lifetime_s=row.get("link_lifetime_s") if links else None,
        max_n=row.get("max_n"),
        max_prompt_chars=row.get("max_prompt_chars"),
        max_references=row.get("max_references"),
        masks=row.get("masks"),
        input_fidelities=tuple(row.get("input_fidelities", _OPEN)),
        partial_images=row.get("partial_images"),
        prices=tuple(
            _price(price, tables, f"{place}: price {number}")
            for number, price in enumerate(row.get("prices", ()), 1)
        ),
        retired=tuple(
            _retirement(each, f"{place}: retirement {number}", row.get("source", where))
            for number, each in enumerate(row.get("retired", ()), 1)
        ),
        previews={param: tuple(values) for param, values in row.get("previews", {}).items()},
        preview_pixels=row.get("preview_pixels"),
    )


def _sizes(table: Mapping[str, Any], tables: Tables, place: str) -> SizeRule:
    words = tuple(table.get("words", ()))
    if "list" in table:
        check(table, LISTED, place)
        return _listed(table, words, place)
    if "multiple_of" in table:
        check(table, STEPPED, place)
        return _stepped(table, words, place)
    if "table" in table:
        check(table, TIERED, place)
        if table["table"] not in tables.ratios:
            raise invalid(place, "table", f"one of [ratios]: {', '.join(tables.ratios)}")
        if table["usual"] not in table["tiers"]:
            raise invalid(place, "usual", "one of its tiers")
        shapes = _shapes(tables.ratios[table["table"]])
        tiers = tuple((name, Fraction(str(factor))) for name, factor in table["tiers"].items())
        least = min(min(shape.size.width, shape.size.height) for shape in shapes if shape.size)
        if least * min(factor for _, factor in tiers) < 1:
            raise invalid(place, "tiers", "factors that leave every size a pixel")
        return TieredSizes(shapes, tiers, table["usual"])
    if "aspect_ratios" in table:
        check(table, RATIOS_ONLY, place)
        if "usual" in table and table["usual"] not in words:
            raise invalid(place, "usual", "one of its words")
        return RatiosOnly(tuple(table["aspect_ratios"]), words, table.get("usual"))
    raise ConfigError(
        f"{place} say nothing; give list, multiple_of, table or aspect_ratios", code="config_invalid_value"
    )


def _listed(table: Mapping[str, Any], words: tuple[str, ...], place: str) -> ListedSizes:
    names = {size: ratio for ratio, size in table.get("ratios", {}).items()}
    usual = tuple(table.get("usual", table["list"]))
    for key, said in (("ratios", names), ("usual", usual)):
        if not set(said) <= set(table["list"]):
            raise invalid(place, key, "of sizes that are in its list")
    shapes = (_shape(size, names.get(size)) for size in table["list"])
    return ListedSizes(tuple(shapes), usual, words)


def _stepped(table: Mapping[str, Any], words: tuple[str, ...], place: str) -> SteppedSizes:
    step = table["multiple_of"]
    usual_step = table.get("usual_multiple_of", max(step, 8))
    if usual_step % step:
        raise invalid(place, "usual_multiple_of", "a multiple of multiple_of")
    ratio = table.get("max_ratio")
    rule = SteppedSizes(
        step=step,
        usual_pixels=(table["usual_pixels"][0], table["usual_pixels"][1]),
        usual_step=usual_step,
        min_pixels=table.get("min_pixels"),
        max_pixels=table.get("max_pixels"),
        min_edge=table.get("min_edge"),
        max_edge=table.get("max_edge"),
        max_ratio=Fraction(str(ratio)) if ratio is not None else None,
        named=_shapes(table.get("ratios", {})),
        words=words,
    )
    fewest, most = rule.usual_pixels
    if most > _MOST_COLUMNS * usual_step**2:
        raise invalid(place, "usual_multiple_of", "coarser: a ratio would have too many sizes to choose from")
    within = (rule.min_pixels or 0) <= fewest and most <= (rule.max_pixels or most)
    if not within or rule.empty:
        raise invalid(place, "usual_pixels", "two numbers of pixels that its own bounds allow")
    if not all(rule.shape(str(shape.size)) for shape in rule.named):
        raise invalid(place, "ratios", "of sizes that its own bounds allow")
    return rule


def _shapes(ratios: Mapping[str, str]) -> tuple[Shape, ...]:
    return tuple(_shape(size, ratio) for ratio, size in ratios.items())


def _shape(size: str, ratio: str | None) -> Shape:
    drawn = parse_size(size)
    assert drawn is not None, "its field was checked"
    return Shape(drawn, ratio or f"{drawn.ratio.numerator}:{drawn.ratio.denominator}")


def _price(table: Mapping[str, Any], tables: Tables, place: str) -> PriceLine:
    fields = {"image": PER_IMAGE, "megapixel": PER_MEGAPIXEL, "token": PER_TOKEN}
    check(table, fields.get(str(table.get("per")), PER_IMAGE), place)
    match table["per"]:
        case "image":
            return PerImage(table["usd"], tuple(table.get("qualities", ())), tuple(table.get("sizes", ())))
        case "megapixel":
            return PerMegapixel(
                table["first_usd"],
                table["further_usd"],
                table.get("megapixel", _MEGAPIXEL),
                table.get("reference_usd", 0.0),
            )
    output = table.get("output")
    if output is not None and output not in tables.tokens:
        raise invalid(place, "output", f"one of [tokens]: {', '.join(tables.tokens)}")
    return PerToken(
        text_in_usd=table.get("text_in_usd"),
        image_in_usd=table.get("image_in_usd"),
        text_out_usd=table.get("text_out_usd"),
        image_out_usd=table.get("image_out_usd"),
        output=tables.tokens[output] if output is not None else None,
        reference_tokens=table.get("reference_tokens"),
        text_out_tokens=table.get("text_out_tokens", 0),
        partial_tokens=table.get("partial_tokens"),
    )


def _retirement(table: Mapping[str, Any], place: str, source: str) -> Retirement:
    check(table, RETIREMENT, place)
    return Retirement(table["by"], table["on"], table.get("source", source), table.get("instead"))
