"""Which keys a catalogue's file may have, and what each may say."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from limner.errors import ConfigError

from .shapes import AUTO, parse_ratio, parse_size

__all__ = [
    "ALL",
    "GRID",
    "LISTED",
    "MODEL",
    "PER_IMAGE",
    "PER_MEGAPIXEL",
    "PER_TOKEN",
    "PROVIDER",
    "RATIOS_ONLY",
    "RETIREMENT",
    "STEPPED",
    "TIERED",
    "Field",
    "check",
    "invalid",
]

_MOST = 1_000_000_000


@dataclass(frozen=True, slots=True)
class Field:
    """What one key may say."""

    expected: str
    """Completes "must be …"."""
    accept: Callable[[object], bool]
    required: bool = False


def _text(value: object) -> bool:
    return isinstance(value, str) and bool(value.strip()) and value.isprintable()


def _texts(value: object) -> bool:
    return isinstance(value, list) and all(_text(each) for each in value)


def _sizes(value: object) -> bool:
    return isinstance(value, list) and bool(value) and all(_size(each) for each in value)


def _size(value: object) -> bool:
    return isinstance(value, str) and parse_size(value) is not None


def _ratios(value: object) -> bool:
    return isinstance(value, list) and bool(value) and all(each == AUTO or _ratio(each) for each in value)


def _ratio(value: object) -> bool:
    return isinstance(value, str) and parse_ratio(value) is not None


def _number(value: object) -> bool:
    # A truth value is an integer to Python, not to a reader.
    return isinstance(value, int | float) and not isinstance(value, bool) and 0 <= value < _MOST


def _positive(value: object) -> bool:
    return _number(value) and value != 0


def _whole(least: int) -> Callable[[object], bool]:
    return lambda value: isinstance(value, int) and not isinstance(value, bool) and least <= value < _MOST


def _pair(value: object) -> bool:
    whole = _whole(1)
    return isinstance(value, list) and len(value) == 2 and all(map(whole, value)) and value[0] <= value[1]


def _all_values(accept: Callable[[object], bool]) -> Callable[[object], bool]:
    """Tables whose values are all accepted."""
    return lambda value: isinstance(value, Mapping) and bool(value) and all(map(accept, value.values()))


def _ratios_to_sizes(value: object) -> bool:
    return _all_values(_size)(value) and isinstance(value, Mapping) and all(map(_ratio, value))


def _previews(value: object) -> bool:
    known = ("quality", "style", "background", "output_format", "moderation")
    return isinstance(value, Mapping) and all(
        param in known and _texts(values) for param, values in value.items()
    )


def _tables(value: object) -> bool:
    return isinstance(value, list) and all(isinstance(each, Mapping) for each in value)


def _day(value: object) -> bool:
    return isinstance(value, date) and not isinstance(value, datetime)


_TEXT = Field("a text that is not empty", _text)
_NEEDED = Field("a text that is not empty", _text, required=True)
_TEXTS = Field("a list of texts", _texts)
_TABLE = Field("a table", lambda value: isinstance(value, Mapping))
_TABLES = Field("a list of tables", _tables)
_DAY = Field("a date like 2026-11-21, without quotes", _day)
_COUNT = Field("a whole number, 1 or more", _whole(1))
_TRUTH = Field("true or false", lambda value: isinstance(value, bool))
_USD = Field("a number of US dollars, 0 or more", _number)
_TOKENS = Field("a whole number of tokens, 0 or more", _whole(0))
_SIZES = Field('a list of sizes like "1024x768"', _sizes)
_RATIO_SIZES = Field('a table of ratios and sizes like "4:3" = "1024x768"', _ratios_to_sizes)

ALL: Mapping[str, Field] = {
    "providers": Field("a table of tables", _all_values(lambda value: isinstance(value, Mapping))),
    "ratios": Field("a table of tables", _all_values(_ratios_to_sizes)),
    "tokens": Field("a table of tables", _all_values(lambda value: isinstance(value, Mapping))),
    "models": Field("written as [[models]]", _tables),
}
PROVIDER: Mapping[str, Field] = {
    "name": _NEEDED,
    "hosts": _TEXTS,
    "family": _TEXT,
}
MODEL: Mapping[str, Field] = {
    "id": _NEEDED,
    "provider": _TEXT,
    "like": _TEXT,
    "aliases": _TEXTS,
    "sizes": _TABLE,
    "qualities": _TEXTS,
    "styles": _TEXTS,
    "backgrounds": _TEXTS,
    "output_formats": _TEXTS,
    "moderations": _TEXTS,
    "response_formats": _TEXTS,
    "compresses": _TRUTH,
    "answers": Field('"b64_json", "url" or "bytes"', lambda value: value in ("b64_json", "url", "bytes")),
    "link_lifetime_s": Field("a whole number of seconds, 1 or more", _whole(1)),
    "max_n": _COUNT,
    "max_prompt_chars": _COUNT,
    "max_references": Field("a whole number, 0 or more", _whole(0)),
    "masks": _TRUTH,
    "input_fidelities": _TEXTS,
    "partial_images": Field("a whole number, 0 or more", _whole(0)),
    "prices": _TABLES,
    "retired": _TABLES,
    "previews": Field("a table of parameters and lists of texts", _previews),
    "preview_pixels": _COUNT,
    "source": _TEXT,
    "as_of": _DAY,
}
LISTED: Mapping[str, Field] = {
    "list": _SIZES,
    "ratios": _RATIO_SIZES,
    "usual": _SIZES,
    "words": _TEXTS,
}
STEPPED: Mapping[str, Field] = {
    "multiple_of": _COUNT,
    "usual_pixels": Field("two whole numbers: the fewest pixels and the most", _pair, required=True),
    "usual_multiple_of": _COUNT,
    "min_pixels": _COUNT,
    "max_pixels": _COUNT,
    "min_edge": _COUNT,
    "max_edge": _COUNT,
    "max_ratio": Field("a number, 1 or more", lambda value: _number(value) and value >= 1),  # type: ignore[operator]  # a number, by the first half
    "ratios": _RATIO_SIZES,
    "words": _TEXTS,
}
TIERED: Mapping[str, Field] = {
    "table": _TEXT,
    "tiers": Field('a table of names and factors like "2K" = 2', _all_values(_positive), required=True),
    "usual": _NEEDED,
}
RATIOS_ONLY: Mapping[str, Field] = {
    "aspect_ratios": Field('a list of ratios like "16:9"', _ratios),
    "words": _TEXTS,
    "usual": _TEXT,
}
RETIREMENT: Mapping[str, Field] = {
    "by": _NEEDED,
    "on": Field(_DAY.expected, _day, required=True),
    "source": _TEXT,
    "instead": _TEXT,
}
_UNIT = Field('"image", "megapixel" or "token"', lambda value: value in ("image", "megapixel", "token"), True)
PER_IMAGE: Mapping[str, Field] = {
    "per": _UNIT,
    "usd": Field(_USD.expected, _number, required=True),
    "qualities": _TEXTS,
    "sizes": _TEXTS,
}
PER_MEGAPIXEL: Mapping[str, Field] = {
    "per": _UNIT,
    "first_usd": Field(_USD.expected, _number, required=True),
    "further_usd": Field(_USD.expected, _number, required=True),
    "megapixel": _COUNT,
    "reference_usd": _USD,
}
PER_TOKEN: Mapping[str, Field] = {
    "per": _UNIT,
    "text_in_usd": _USD,
    "image_in_usd": _USD,
    "text_out_usd": _USD,
    "image_out_usd": _USD,
    "output": _TEXT,
    "reference_tokens": _TOKENS,
    "text_out_tokens": _TOKENS,
    "partial_tokens": _TOKENS,
}
GRID: Mapping[str, Field] = {
    "grid": Field("a table of qualities and whole numbers", _all_values(_whole(1))),
    "offset": Field(_COUNT.expected, _whole(1), required=True),
    "divisor": Field(_COUNT.expected, _whole(1), required=True),
}


def check(table: Mapping[str, Any], fields: Mapping[str, Field], where: str) -> None:
    """Hold every key of `table` against its field.

    Raises: ConfigError (`config_unknown_key`, `config_invalid_value`) that begins with `where`.
    """
    for key, value in table.items():
        if key not in fields:
            near = difflib.get_close_matches(key.lower().replace("-", "_"), fields, n=1)
            advice = f"; did you mean {near[0]!r}?" if near else ""
            raise ConfigError(
                f"{where}: there is no key {key!r}; the keys are {', '.join(fields)}{advice}",
                code="config_unknown_key",
            )
        if not fields[key].accept(value):
            raise invalid(where, key, fields[key].expected)
    for key, wanted in fields.items():
        if wanted.required and key not in table:
            raise ConfigError(f"{where}: {key!r} is missing; add it", code="config_invalid_value")


def invalid(where: str, key: str, expected: str) -> ConfigError:
    """A value that cannot be; the sentence says what can."""
    return ConfigError(f"{where}: {key!r} must be {expected}", code="config_invalid_value")
