"""The catalogue for people: each row in words."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

from .model import ANY, ImageModel, PerMegapixel
from .prices import pictures_usd
from .resolve import retirement_notes
from .shapes import ListedSizes, RatiosOnly, SizeRule, SteppedSizes, TieredSizes

__all__ = ["Described", "describe"]


@dataclass(frozen=True, slots=True)
class Described:
    """A row in words, each ready for a cell of a table."""

    id: str
    provider: str
    sizes: str
    qualities: str
    price: str
    """Of one picture from the cheapest to the dearest, its prompt aside."""
    retirement: str
    """Empty where nobody retires it."""
    source: str
    as_of: str


def describe(model: ImageModel, today: date | None = None) -> Described:
    """What people ask of a model first: sizes, qualities, price, and whether it still is."""
    return Described(
        id=model.id,
        provider=model.provider.name,
        sizes=_sizes(model.sizes),
        qualities=_qualities(model),
        price=_price(model),
        retirement="; ".join(retirement_notes(model, today)),
        source=model.source,
        as_of=str(model.as_of) if model.as_of else "",
    )


def _sizes(rule: SizeRule | None) -> str:
    match rule:
        case None:
            return "unknown"
        case ListedSizes():
            return ", ".join([*(str(shape.size) for shape in rule.sizes), *rule.words])
        case SteppedSizes():
            step = f"multiples of {rule.step}" if rule.step > 1 else "any"
            edge = f"sides up to {rule.max_edge}" if rule.max_edge else ""
            return ", ".join(filter(None, [step, rule.pixels, edge, *rule.words]))
        case TieredSizes():
            return f"{', '.join(rule.words)} in {len(rule.table)} ratios"
        case RatiosOnly():
            return ", ".join([*rule.words, f"{len(rule.ratios)} ratios: {', '.join(rule.ratios)}"])


def _qualities(model: ImageModel) -> str:
    if ANY in model.qualities:
        return "unknown"
    return ", ".join(model.qualities) or "none"


def _price(model: ImageModel) -> str:
    line = model.prices[0] if model.prices else None
    if isinstance(line, PerMegapixel):
        return f"${line.first_usd:g} for a megapixel, ${line.further_usd:g} for each further one"
    pictures = pictures_usd(model)
    if pictures is None:
        return "unknown"
    least, most = (f"${usd:.3f}" for usd in pictures)
    return least if least == most else f"{least} to {most}"
