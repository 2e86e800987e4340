"""`limner models --images`: the catalogue, without a key and without a network."""

from __future__ import annotations

import datetime
import os
import sys
import textwrap
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import typer

from limner.config.load import load_config
from limner.config.settings import Config
from limner.errors import CallerError, ConfigError
from limner.images.catalogue import Catalogue, ImageModel, describe, load_catalogue
from limner.images.catalogue.model import ANY
from limner.images.catalogue.prices import pictures_usd
from limner.images.offline.sizes import PAINTER

from .codes import ExitCode
from .console import Console
from .control import visible
from .output import json_text

__all__ = ["ModelsOptions", "models"]

_SPOKEN = ("openai", "openrouter", "offline")
"""Families of interfaces that a maker of ours speaks."""
_PRICES = (
    "prices are US dollars of one picture, from the cheapest to the dearest; they age, so each has its date"
)
_LEAST_COLUMNS = 24
_LABEL = 12


@dataclass(frozen=True, slots=True)
class ModelsOptions:
    """What was said on the command line."""

    images: bool
    filter: str | None = None
    json: bool = False
    quiet: bool = False
    config: Path | None = None


@dataclass(frozen=True, slots=True)
class _Row:
    model: ImageModel
    own: bool
    """Whether it is the user's."""
    configured: bool


def models(options: ModelsOptions) -> ExitCode:
    """Print what is known of image models. Raises: LimnerError."""
    if not options.images:
        raise CallerError(
            "limner models lists image models: say limner models --images; "
            "which chat models there are, your provider knows",
            code="models_unnamed",
        )
    console = Console(quiet=options.quiet)
    config, complete = _config(options.config, console)
    packaged = load_catalogue()
    path = config.image.catalogue
    catalogue = packaged if path is None else load_catalogue(path)
    configured = _configured(config, catalogue, console) if complete else None
    rows = [
        _Row(model, model not in packaged.models, (model.id, model.provider.key) == configured)
        for model in catalogue.models
    ]
    rows.append(_Row(PAINTER, False, (PAINTER.id, PAINTER.provider.key) == configured))
    rows = [row for row in rows if _fits(row.model, options.filter)]
    if not rows:
        raise CallerError(
            f"no image model of the catalogue has {options.filter!r} in its name; limner models --images shows all",
            code="model_unknown",
        )
    today = datetime.datetime.now(datetime.UTC).date()
    if options.json:
        text = json_text([_data(row) for row in rows])
    else:
        console.note(f"note: {_PRICES}")
        lines = _listed(rows, _columns(), today, whole=options.filter is not None)
        text = "".join(f"{line}\n" for line in lines)
    typer.echo(visible(text) if console.out_is_terminal else text, nl=False)
    return ExitCode.DONE


def _config(path: Path | None, console: Console) -> tuple[Config, bool]:
    """The configuration, and whether it says which model is meant: a list is read before a key is bought."""
    try:
        return load_config(path), True
    except ConfigError as error:
        if error.code != "config_incomplete":
            raise
        console.note(f"note: {error}")
    return load_config(path, overrides={"chat": {"model": "offline"}, "image": {"model": "offline"}}), False


def _configured(config: Config, catalogue: Catalogue, console: Console) -> tuple[str, str] | None:
    """The id and the provider of the configured model's row; None where it has none."""
    image = config.image
    if image.model is None:
        return PAINTER.id, PAINTER.provider.key
    found = catalogue.find(image.model, base_url=image.base_url)
    if found is None:
        console.note(
            f"note: the configured model {image.model!r} is not in the catalogue: whatever is asked of it is "
            "passed on, and its price is unknown; a row of your own would change that (`catalogue` in [image])"
        )
        return None
    if found.seller is not None:
        console.note(
            f"note: what {found.id} costs at {found.seller} is unknown: "
            f"the price in its row is {found.provider.name}'s (`price_usd` in [image] says yours)"
        )
    return found.id, found.provider.key


def _fits(model: ImageModel, words: str | None) -> bool:
    names = (*model.names, model.provider.key, model.provider.name)
    return words is None or any(words.lower() in name.lower() for name in names)


def _columns() -> int | None:
    """Of the terminal; None where lines may be as long as they like."""
    try:
        # A serial line does not know its size.
        return max(os.get_terminal_size(sys.stdout.fileno()).columns or 80, _LEAST_COLUMNS)
    except (AttributeError, OSError, ValueError):
        return None


def _listed(rows: Sequence[_Row], columns: int | None, today: datetime.date, *, whole: bool) -> Iterator[str]:
    """The rows as lines, below the names of their providers."""
    provider = None
    for row in rows:
        if row.model.provider.key != provider:
            if provider is not None:
                yield ""
            provider = row.model.provider.key
            spoken = row.model.provider.family in _SPOKEN
            heading = row.model.provider.name + (
                "" if spoken else ": for comparison, Limner does not speak to it"
            )
            yield from _wrapped(heading, columns, "", "")
        yield from _wrapped(_name(row, today), columns, "  ", "    ")
        for label, words in _facts(row.model, today, whole=whole):
            yield from _wrapped(words, columns, f"    {label:<{_LABEL}}", " " * (_LABEL + 4))


def _wrapped(words: str, columns: int | None, first: str, then: str) -> list[str]:
    if columns is None:
        return [first + words]
    # Where nothing would fit beside the labels, the text stands below them.
    indent = then if columns >= 3 * len(then) else "      "
    lines = textwrap.wrap(
        words, columns - 1, initial_indent=first, subsequent_indent=indent, break_on_hyphens=False
    )
    return lines or [first.rstrip()]


def _name(row: _Row, today: datetime.date) -> str:
    marks = ["configured"] if row.configured else []
    marks += ["your row"] if row.own else []
    ended = [each for each in row.model.retired if each.on <= today]
    marks += ["retired"] if ended else [f"until {each.on}" for each in row.model.retired[:1]]
    return f"{row.model.id} ({', '.join(marks)})" if marks else row.model.id


def _facts(model: ImageModel, today: datetime.date, *, whole: bool) -> Iterator[tuple[str, str]]:
    told = describe(model, today)
    yield "sizes", told.sizes
    if told.qualities != "none":
        yield "qualities", told.qualities
    dated = told.as_of and told.price != "unknown"
    yield "price", f"{told.price} ({told.as_of})" if dated else told.price
    if told.retirement:
        yield "retirement", told.retirement
    if whole:
        yield from _rest(model)


def _rest(model: ImageModel) -> Iterator[tuple[str, str]]:
    """What is worth a line once somebody asks for few models."""
    for label, values in (
        ("also", model.aliases),
        ("styles", model.styles),
        ("backgrounds", model.backgrounds),
        ("formats", model.output_formats),
        ("moderation", model.moderations),
        ("fidelity", model.input_fidelities),
    ):
        if values and ANY not in values:
            yield label, ", ".join(values)
    counts = [
        f"{model.max_n} picture{'s' if model.max_n > 1 else ''} in an order" if model.max_n else "",
        f"{model.max_prompt_chars:,} characters of prompt" if model.max_prompt_chars else "",
        f"{model.max_references} pictures to resemble" if model.max_references else "",
        f"{model.partial_images} partial pictures" if model.partial_images else "",
    ]
    if any(counts):
        yield "at most", ", ".join(filter(None, counts))
    yield "source", model.source


def _data(row: _Row) -> dict[str, Any]:
    """A row for programs; null is unknown, an empty list means that there is no such parameter."""
    model = row.model
    told = describe(model)
    usd = pictures_usd(model)
    return {
        "id": model.id,
        "provider": model.provider.key,
        "aliases": list(model.aliases),
        "sizes": told.sizes,
        **{
            key: None if ANY in values else list(values)
            for key, values in (
                ("qualities", model.qualities),
                ("styles", model.styles),
                ("backgrounds", model.backgrounds),
                ("output_formats", model.output_formats),
                ("moderations", model.moderations),
                ("input_fidelities", model.input_fidelities),
            )
        },
        "max_n": model.max_n,
        "max_prompt_chars": model.max_prompt_chars,
        "max_references": model.max_references,
        "masks": model.masks,
        "partial_images": model.partial_images,
        "price": told.price,
        "price_usd": None if usd is None else [round(each, 6) for each in usd],
        "retired": [
            {"by": each.by, "on": each.on.isoformat(), "instead": each.instead} for each in model.retired
        ],
        "source": model.source,
        "as_of": model.as_of.isoformat() if model.as_of else None,
        "configured": row.configured,
        "own": row.own,
    }
