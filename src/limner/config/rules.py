"""Which tables and keys there are, and what each may say."""

from __future__ import annotations

import difflib
import os
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from limner.core.formats import FORMATS
from limner.errors import ConfigError

__all__ = ["RULES", "Rule", "Tables", "check", "check_value"]

Tables = dict[str, dict[str, Any]]
"""Table → key → value, checked; what is absent was not said."""

_MOST = 1e9


@dataclass(frozen=True, slots=True)
class Rule:
    """What one key may say."""

    expected: str
    """Completes "must be …"."""
    accept: Callable[[object], bool]


def _text(value: object) -> bool:
    return isinstance(value, str) and bool(value.strip()) and value.isprintable()


def _sentence(value: object) -> bool:
    return _text(value) and len(str(value)) <= 1000


def _path(value: object) -> bool:
    return isinstance(value, str | os.PathLike) and _text(os.fspath(value))


def _secret(value: object) -> bool:
    # A key travels in a header: a line feed in it would end the header.
    return _text(value) and str(value).isascii() and " " not in str(value).strip()


def _address(value: object) -> bool:
    if not _text(value):
        return False
    try:
        parts = urlsplit(str(value).strip())
        _ = parts.port  # raises where it is no number
    except ValueError:
        return False
    # Sentences and receipts show addresses, so nothing secret may hide in one.
    plain = not (parts.username or parts.password or parts.query or parts.fragment or "\\" in str(value))
    return parts.scheme in ("http", "https") and bool(parts.hostname) and plain


def _bucket(value: object) -> bool:
    scheme, found, rest = str(value).partition("://")
    # Sentences show addresses, so nothing secret may hide in one; what is behind is the store's to check.
    return _text(value) and bool(found and rest) and scheme.isalnum() and not set("@?#") & set(rest)


def _texts(value: object) -> bool:
    return isinstance(value, Mapping) and all(_text(key) and _text(each) for key, each in value.items())


def _some_texts(value: object) -> bool:
    return isinstance(value, list | tuple) and bool(value) and all(_text(each) for each in value)


def _like(pattern: str) -> Callable[[object], bool]:
    whole = re.compile(pattern)
    return lambda value: isinstance(value, str) and whole.fullmatch(value) is not None


def _whole(least: int, most: int) -> Callable[[object], bool]:
    # A truth value is an integer to Python, not to a reader.
    return lambda value: isinstance(value, int) and not isinstance(value, bool) and least <= value <= most


def _number(least: float, *, above: bool = False) -> Callable[[object], bool]:
    def accept(value: object) -> bool:
        if not isinstance(value, int | float) or isinstance(value, bool) or not value < _MOST:
            return False  # neither is what is no number at all
        return value > least if above else value >= least

    return accept


def _choice(*names: str) -> Rule:
    return Rule("one of " + ", ".join(f'"{name}"' for name in names), lambda value: value in names)


def _some(names: Sequence[str]) -> Callable[[object], bool]:
    return lambda value: (
        isinstance(value, list | tuple) and bool(value) and all(each in names for each in value)
    )


_TRUTH = Rule("true or false", lambda value: isinstance(value, bool))
_NAME = Rule("a text that is not empty", _text)
_URL = Rule('an address like "https://api.example.com/v1", without a password, "?" or "#" in it', _address)
_KEY = Rule("a key: one word of ASCII characters", _secret)
_SECONDS = Rule("a number of seconds above 0", _number(0, above=True))
_DOLLARS = Rule("a number of US dollars, 0 or more", _number(0))

RULES: Mapping[str, Mapping[str, Rule]] = {
    "chat": {
        "model": _NAME,
        "base_url": _URL,
        "api_key": _KEY,
        "stream": _TRUTH,
    },
    "image": {
        "model": _NAME,
        "base_url": _URL,
        "api_key": _KEY,
        "size": Rule(
            'a size like "1024x768", or a model\'s own word for one like "2K"',
            _like(r"[1-9]\d{1,4}x[1-9]\d{1,4}|auto|[1-9]\d\d|\d{1,2}(\.\d)?[Kk]"),
        ),
        "aspect_ratio": Rule('a ratio like "16:9"', _like(r"[1-9]\d?(\.\d)?:[1-9]\d?(\.\d)?|auto")),
        "quality": _NAME,
        "style": _NAME,
        "style_sentence": Rule("a sentence of 1 to 1000 characters", _sentence),
        "background": _NAME,
        "output_format": _choice(*FORMATS),
        "output_compression": Rule("a whole number from 0 to 100", _whole(0, 100)),
        "moderation": _NAME,
        "timeout_s": _SECONDS,
        "concurrency": Rule("a whole number from 1 to 1000", _whole(1, 1000)),
        "price_usd": _DOLLARS,
        "policy": _choice("idempotent", "at_most_once"),
        "server": _NAME,
        "api": _choice("images", "chat"),
        "fallback_model": _NAME,
        "max_references": Rule("a whole number from 0 to 16", _whole(0, 16)),
        "catalogue": Rule("the path of a TOML file", _path),
        "accept": Rule(
            "a list of some of " + ", ".join(f'"{name}"' for name in FORMATS), _some(tuple(FORMATS))
        ),
        "strip_metadata": _TRUTH,
    },
    "limits": {
        "rounds": Rule("a whole number from 0 to 1000", _whole(0, 1000)),
        "calls": Rule("a whole number from 0 to 10000", _whole(0, 10_000)),
        "images": Rule("a whole number from 0 to 10000", _whole(0, 10_000)),
        "seconds": _SECONDS,
        "usd": _DOLLARS,
        "conversation_usd": _DOLLARS,
        "process_usd": _DOLLARS,
        "unknown_prices": _choice("refuse", "allow"),
    },
    "storage": {
        "path": Rule("the path of a folder", _path),
        "url": Rule('the address of a bucket like "s3://bucket/prefix"', _bucket),
        "options": Rule("a table of names and texts, below [storage.options]", _texts),
        "link_base_url": _URL,
        "link_keys": Rule("a list of texts, the newest first", _some_texts),
        "link_key_file": Rule("the path of a file with a key on each line", _path),
        "link_ttl_s": _SECONDS,
    },
}


def check(said: Mapping[str, object], where: str) -> Tables:
    """What `said` says, once it is known to be sayable.

    `where` names the source at the head of the sentence ("the file '/home/ann/limner.toml'").
    Raises: ConfigError (`config_unknown_key`, `config_invalid_value`), which never shows a value:
    it could be a key in the wrong place.
    """
    tables: Tables = {}
    for table, keys in said.items():
        if table not in RULES:
            raise _unknown_table(table, where)
        if not isinstance(keys, Mapping):
            raise ConfigError(
                f"{where}: [{table}] must be a table; write [{table}] on a line of its own and its keys below",
                code="config_invalid_value",
            )
        for key, value in keys.items():
            if key not in RULES[table]:
                raise _unknown_key(table, key, where)
            subject = f"{where}: {key!r} in [{table}]"
            tables.setdefault(table, {})[key] = check_value(value, RULES[table][key], subject)
    return tables


def check_value(value: object, rule: Rule, subject: str) -> Any:
    """`value`, without space around it.

    Raises: ConfigError (`config_invalid_value`), which never shows it.
    """
    if not rule.accept(value):
        raise ConfigError(f"{subject} must be {rule.expected}", code="config_invalid_value")
    return value.strip() if isinstance(value, str) else value


def _unknown_table(table: str, where: str) -> ConfigError:
    homes = [name for name, keys in RULES.items() if table in keys]
    advice = f"; {table!r} belongs below [{homes[0]}]" if homes else _advice(table, RULES)
    allowed = ", ".join(f"[{name}]" for name in RULES)
    return ConfigError(
        f"{where}: there is no table [{table}]; the tables are {allowed}{advice}", code="config_unknown_key"
    )


def _unknown_key(table: str, key: str, where: str) -> ConfigError:
    return ConfigError(
        f"{where}: there is no key {key!r} in [{table}]; "
        f"its keys are {', '.join(RULES[table])}{_advice(key, RULES[table])}",
        code="config_unknown_key",
    )


def _advice(word: str, known: Mapping[str, object]) -> str:
    near = difflib.get_close_matches(word.lower().replace("-", "_"), known, n=1)
    return f"; did you mean {near[0]!r}?" if near else ""
