"""What is known of one image model at one provider."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date

from .shapes import SizeRule

__all__ = [
    "ANY",
    "ImageModel",
    "OutputTokens",
    "PerImage",
    "PerMegapixel",
    "PerToken",
    "PriceLine",
    "Provider",
    "Retirement",
    "TokenGrid",
    "TokenTable",
]

ANY = "*"
"""In a list of what a parameter takes: anything, the catalogue knows no end of it."""


@dataclass(frozen=True, slots=True)
class Provider:
    """Who sells pictures, and where."""

    key: str
    """Its name in the data: "openai"."""
    name: str
    """Its name for people: "OpenAI"."""
    hosts: tuple[str, ...]
    """Of its base URLs, with a port where that matters; subdomains count."""
    family: str
    """Which interface it speaks: "openai", "openrouter", or its own."""


@dataclass(frozen=True, slots=True)
class Retirement:
    """When somebody stops offering a model: a warning, never a refusal, for others may still sell it."""

    by: str
    """Who retires it, for people: "OpenAI", "Google AI Studio"."""
    on: date
    source: str
    instead: str | None = None


@dataclass(frozen=True, slots=True)
class TokenTable:
    """Image tokens of one picture, as listed. What is not listed is unknown."""

    tokens: Mapping[tuple[str, str], int]
    """By quality and by size or tier; `ANY` in the place of either."""


@dataclass(frozen=True, slots=True)
class TokenGrid:
    """Image tokens of one picture, by a law.

    With q for the quality, s for the short side and l for the long one, in pixels:
    q x round(q x s / l) x (offset + s x l) / divisor, rounded up.
    """

    sides: Mapping[str, int]
    """q, by quality."""
    offset: int
    divisor: int


OutputTokens = TokenTable | TokenGrid


@dataclass(frozen=True, slots=True)
class PerImage:
    """So much for a picture."""

    usd: float
    qualities: tuple[str, ...] = ()
    """For these alone; empty: for all."""
    sizes: tuple[str, ...] = ()
    """For these sizes or tiers alone; empty: for all."""


@dataclass(frozen=True, slots=True)
class PerMegapixel:
    """So much for the first megapixel, and for each further one that was begun."""

    first_usd: float
    further_usd: float
    megapixel: int
    """How many pixels the provider calls one."""
    reference_usd: float = 0.0
    """At most, for each reference picture."""


@dataclass(frozen=True, slots=True)
class PerToken:
    """So much for a million tokens of each kind; None where a kind is not sold, or its price is unknown."""

    text_in_usd: float | None
    image_in_usd: float | None
    text_out_usd: float | None
    image_out_usd: float | None
    output: OutputTokens | None
    """How many image tokens a picture has; None where unknown."""
    reference_tokens: int | None
    """At most, for each reference picture; None where unknown."""
    text_out_tokens: int = 0
    """At most, for thoughts and words beside a picture."""
    partial_tokens: int | None = None
    """For each partial picture of a stream; None where unknown."""


PriceLine = PerImage | PerMegapixel | PerToken


@dataclass(frozen=True, slots=True)
class ImageModel:
    """One row of the catalogue.

    Of the lists that say what a parameter takes, an empty one means that the model has no such
    parameter, and one that holds `ANY` that everything passes. None means unknown, and passes too.
    """

    id: str
    """As this provider calls it."""
    provider: Provider
    sizes: SizeRule | None
    """What is drawn; None where that is unknown."""
    source: str
    as_of: date | None
    """The day on which the source said so; None in a user's own row that does not say."""
    aliases: tuple[str, ...] = ()
    """Other names of the same: with or without the vendor, dated snapshots."""
    qualities: tuple[str, ...] = (ANY,)
    styles: tuple[str, ...] = (ANY,)
    backgrounds: tuple[str, ...] = (ANY,)
    output_formats: tuple[str, ...] = (ANY,)
    """What `output_format` takes; the first is what is drawn where nothing is said."""
    moderations: tuple[str, ...] = (ANY,)
    response_formats: tuple[str, ...] = (ANY,)
    """What `response_format` takes."""
    compresses: bool | None = None
    """Whether it takes `output_compression`."""
    answers: str | None = None
    """How a picture comes where nothing is said: "b64_json", "url" or "bytes"."""
    link_lifetime_s: int | None = None
    """Seconds after which a link of its answer dies; None where there is none, or it is unknown."""
    max_n: int | None = None
    max_prompt_chars: int | None = None
    max_references: int | None = None
    """Reference pictures that it takes in one order; 0: none."""
    masks: bool | None = None
    """Whether it takes a `mask` beside them."""
    input_fidelities: tuple[str, ...] = (ANY,)
    """What `input_fidelity` takes."""
    partial_images: int | None = None
    """How many pictures it sends at most on the way to the final one; 0: none."""
    prices: tuple[PriceLine, ...] = ()
    """The first that fits counts; empty: unknown."""
    retired: tuple[Retirement, ...] = ()
    previews: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """Parameter → values that the provider calls a preview, and may refuse."""
    preview_pixels: int | None = None
    """Sizes with more pixels are a preview."""
    seller: str | None = None
    """Who is asked, where that is not the row's own provider; its prices are unknown then."""

    @property
    def names(self) -> tuple[str, ...]:
        """The id and all aliases."""
        return (self.id, *self.aliases)
