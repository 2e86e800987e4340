"""Which tables and keys there are, and what each may say."""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from typing import Any

from limner.core.formats import FORMATS
from limner.errors import ConfigError

from .rule import (
    BASE_URL,
    DOLLARS,
    KEY,
    NAME,
    SECONDS,
    TRUTH,
    URL,
    Rule,
    check_value,
    choice,
    is_bucket,
    is_host,
    is_list_of,
    is_path,
    is_public_address,
    is_sentence,
    is_some_texts,
    is_texts,
    like,
    number,
    some,
    whole,
)

__all__ = ["ROWS", "RULES", "Tables", "check"]

Tables = dict[str, dict[str, Any]]
"""Table → key → value, checked; what is absent was not said."""

_PATTERNS = Rule('a list of names or patterns like "openai/*"', is_list_of(r"[^\s?#]{1,200}"))

_CHAT_API = choice("chat", "responses")


def _is_rows(value: object) -> bool:
    return isinstance(value, list | tuple) and all(isinstance(row, Mapping) for row in value)


RULES: Mapping[str, Mapping[str, Rule]] = {
    "chat": {
        "model": NAME,
        "base_url": BASE_URL,
        "api_key": KEY,
        "stream": TRUTH,
        "api": _CHAT_API,
    },
    "image": {
        "model": NAME,
        "base_url": BASE_URL,
        "api_key": KEY,
        "size": Rule(
            'a size like "1024x768", or a model\'s own word for one like "2K"',
            like(r"[1-9]\d{1,4}x[1-9]\d{1,4}|auto|[1-9]\d\d|\d{1,2}(\.\d)?[Kk]"),
        ),
        "aspect_ratio": Rule('a ratio like "16:9"', like(r"[1-9]\d?(\.\d)?:[1-9]\d?(\.\d)?|auto")),
        "quality": NAME,
        "style": NAME,
        "style_sentence": Rule("a sentence of 1 to 1000 characters", is_sentence),
        "background": NAME,
        "output_format": choice(*FORMATS),
        "output_compression": Rule("a whole number from 0 to 100", whole(0, 100)),
        "moderation": NAME,
        "partial_images": Rule("a whole number from 0 to 3", whole(0, 3)),
        "timeout_s": SECONDS,
        "concurrency": Rule("a whole number from 1 to 1000", whole(1, 1000)),
        "price_usd": DOLLARS,
        "policy": choice("idempotent", "at_most_once"),
        "server": NAME,
        "api": choice("images", "chat"),
        "fallback_model": NAME,
        "max_references": Rule("a whole number from 0 to 16", whole(0, 16)),
        "catalogue": Rule("the path of a TOML file", is_path),
        "accept": Rule(
            "a list of some of " + ", ".join(f'"{name}"' for name in FORMATS), some(tuple(FORMATS))
        ),
        "strip_metadata": TRUTH,
    },
    "limits": {
        "rounds": Rule("a whole number from 0 to 1000", whole(0, 1000)),
        "calls": Rule("a whole number from 0 to 10000", whole(0, 10_000)),
        "images": Rule("a whole number from 0 to 10000", whole(0, 10_000)),
        "seconds": SECONDS,
        "usd": DOLLARS,
        "conversation_usd": DOLLARS,
        "process_usd": DOLLARS,
        "unknown_prices": choice("refuse", "allow"),
    },
    "storage": {
        "path": Rule("the path of a folder", is_path),
        "url": Rule('the address of a bucket like "s3://bucket/prefix"', is_bucket),
        "options": Rule("a table of names and texts, below [storage.options]", is_texts),
        "link_base_url": URL,
        "link_keys": Rule("a list of texts, the newest first", is_some_texts),
        "link_key_file": Rule("the path of a file with a key on each line", is_path),
        "link_ttl_s": SECONDS,
    },
    "gateway": {
        "host": Rule(
            'an address of this machine like "127.0.0.1" or "::1", or a name like "localhost"', is_host
        ),
        "port": Rule("a whole number from 0 to 65535", whole(0, 65_535)),
        "public_url": Rule(
            'an address like "https://pictures.example.com", without "/v1", a password, "?" or "#" in it',
            is_public_address,
        ),
        "state": Rule("the path of a folder", is_path),
        "keys": Rule("written as [[gateway.keys]], one such table for each key", _is_rows),
        "upstreams": Rule("written as [[gateway.upstreams]], one such table for each", _is_rows),
        "models": _PATTERNS,
        "illustrated": _PATTERNS,
        "image_models": _PATTERNS,
        "show": choice("markdown", "images", "both"),
        "urls": choice("links", "data"),
        "promise_after_s": Rule("a number of seconds, 0 or more", number(0)),
        "forward": Rule("a list of names of parameters", is_list_of(r"[A-Za-z][A-Za-z0-9_]{0,63}")),
        "metrics": TRUTH,
        "concurrency": Rule("a whole number from 1 to 100000", whole(1, 100_000)),
        "body_bytes": Rule("a whole number of bytes from 1024 to 1073741824", whole(1 << 10, 1 << 30)),
        "header_s": SECONDS,
        "body_s": SECONDS,
        "write_s": SECONDS,
        "drain_s": Rule("a number of seconds, 0 or more", number(0)),
        "keep_alive_s": SECONDS,
        "keep_days": Rule("a number of days above 0", number(0, above=True)),
        "store_days": Rule("a number of days, 0 or more", number(0)),
    },
}

ROWS: Mapping[tuple[str, str], Mapping[str, Rule]] = {
    ("gateway", "keys"): {
        "name": Rule(
            'a name like "alice": letters, digits, ".", "_" and "-", 64 at most',
            like(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}"),
        ),
        "sha256": Rule(
            "the SHA-256 of the key, 64 hexadecimal digits; `limner serve --new-key NAME` makes a key and prints it",
            like("[0-9a-fA-F]{64}"),
        ),
        "usd": DOLLARS,
        "requests_per_minute": Rule("a whole number from 1 to 1000000", whole(1, 1_000_000)),
        "concurrency": Rule("a whole number from 1 to 100000", whole(1, 100_000)),
    },
    ("gateway", "upstreams"): {
        "prefix": Rule(
            'what the names of its models begin with, like "local/"',
            like(r"[A-Za-z0-9][A-Za-z0-9._/:@-]{0,99}"),
        ),
        "base_url": BASE_URL,
        "api_key": KEY,
        "api_key_env": Rule("the name of a variable", like("[A-Za-z_][A-Za-z0-9_]*")),
        "api_key_file": Rule("the path of a file with the key in it", is_path),
        "strip_prefix": TRUTH,
        "api": _CHAT_API,
    },
}
"""What one of several tables below a key may say."""


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
            checked = check_value(value, RULES[table][key], subject)
            if (table, key) in ROWS:
                checked = tuple(_row((table, key), row, where) for row in checked)
            tables.setdefault(table, {})[key] = checked
    return tables


def _row(place: tuple[str, str], row: Mapping[str, object], where: str) -> dict[str, Any]:
    rules, name = ROWS[place], ".".join(place)
    for key in row:
        if key not in rules:
            raise ConfigError(
                f"{where}: there is no key {key!r} in [[{name}]]; "
                f"its keys are {', '.join(rules)}{_advice(key, rules)}",
                code="config_unknown_key",
            )
    return {
        key: check_value(value, rules[key], f"{where}: {key!r} in [[{name}]]") for key, value in row.items()
    }


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
