"""What one key may say: the kinds of values there are, each with the words that complete "must be …"."""

from __future__ import annotations

import ipaddress
import os
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from limner.errors import ConfigError

__all__ = [
    "BASE_URL",
    "DOLLARS",
    "KEY",
    "NAME",
    "SECONDS",
    "TRUTH",
    "URL",
    "Rule",
    "check_value",
    "choice",
    "is_address",
    "is_bucket",
    "is_endpoint",
    "is_host",
    "is_list_of",
    "is_path",
    "is_public_address",
    "is_sentence",
    "is_some_texts",
    "is_texts",
    "like",
    "number",
    "some",
    "whole",
]

_MOST = 1e9


@dataclass(frozen=True, slots=True)
class Rule:
    """What one key may say."""

    expected: str
    """Completes "must be …"."""
    accept: Callable[[object], bool]


def is_text(value: object) -> bool:
    """A text that says something, without control characters."""
    return isinstance(value, str) and bool(value.strip()) and value.isprintable()


def is_sentence(value: object) -> bool:
    """A text of 1,000 characters at most."""
    return is_text(value) and len(str(value)) <= 1000


def is_path(value: object) -> bool:
    """A path; whether there is anything is not asked."""
    return isinstance(value, str | os.PathLike) and is_text(os.fspath(value))


def is_secret(value: object) -> bool:
    # A key travels in a header: a line feed in it would end the header.
    return is_text(value) and str(value).isascii() and " " not in str(value).strip()


def is_address(value: object) -> bool:
    """An http address with nothing secret in it."""
    if not is_text(value):
        return False
    try:
        parts = urlsplit(str(value).strip())
        _ = parts.port  # raises where it is no number
    except ValueError:
        return False
    # Sentences and receipts show addresses, so nothing secret may hide in one.
    plain = not (parts.username or parts.password or parts.query or parts.fragment or "\\" in str(value))
    return parts.scheme in ("http", "https") and bool(parts.hostname) and plain


def is_endpoint(value: object) -> bool:
    """An address below which an API is found, and not one of its paths: those we add."""
    return is_address(value) and not re.search(
        r"/(chat/completions|images/generations|responses)/*$", str(value).strip()
    )


def is_public_address(value: object) -> bool:
    """An address below which a service of ours is found: what a link can begin with."""
    if not is_address(value):
        return False
    written = str(value).strip()
    # Clients are told of /v1 and links begin above it.
    above = not re.search(r"/v1/*$", written)
    return above and re.fullmatch(r"[!-~]+", written) is not None and urlsplit(written).port != 0


def is_bucket(value: object) -> bool:
    """The address of a bucket, with nothing secret in it."""
    scheme, found, rest = str(value).partition("://")
    # Sentences show addresses, so nothing secret may hide in one; what is behind is the store's to check.
    return is_text(value) and bool(found and rest) and scheme.isalnum() and not set("@?#") & set(rest)


def is_texts(value: object) -> bool:
    """Names and texts."""
    return isinstance(value, Mapping) and all(is_text(key) and is_text(each) for key, each in value.items())


def is_some_texts(value: object) -> bool:
    """One text or several."""
    return isinstance(value, list | tuple) and bool(value) and all(is_text(each) for each in value)


def is_list_of(pattern: str) -> Callable[[object], bool]:
    """A list, also an empty one, of texts that are `pattern` from end to end."""
    accept = like(pattern)
    return lambda value: isinstance(value, list | tuple) and all(accept(each) for each in value)


def is_host(value: object) -> bool:
    """An IP address without brackets, or a name."""
    if not isinstance(value, str) or not value.isascii():
        return False
    try:
        ipaddress.ip_address(value)
    except ValueError:
        return re.fullmatch(r"[A-Za-z0-9]([A-Za-z0-9.-]{0,251}[A-Za-z0-9])?", value) is not None
    return True


def like(pattern: str) -> Callable[[object], bool]:
    """A text that is `pattern` from end to end."""
    found = re.compile(pattern)
    return lambda value: isinstance(value, str) and found.fullmatch(value) is not None


def whole(least: int, most: int) -> Callable[[object], bool]:
    """A whole number from `least` to `most`."""
    # A truth value is an integer to Python, not to a reader.
    return lambda value: isinstance(value, int) and not isinstance(value, bool) and least <= value <= most


def number(least: float, *, above: bool = False) -> Callable[[object], bool]:
    """A number from `least`, or above it; neither infinite nor none at all."""

    def accept(value: object) -> bool:
        if not isinstance(value, int | float) or isinstance(value, bool) or not value < _MOST:
            return False  # neither is what is no number at all
        return value > least if above else value >= least

    return accept


def choice(*names: str) -> Rule:
    """One of `names`."""
    return Rule("one of " + ", ".join(f'"{name}"' for name in names), lambda value: value in names)


def some(names: Sequence[str]) -> Callable[[object], bool]:
    """A list of some of `names`."""
    return lambda value: (
        isinstance(value, list | tuple) and bool(value) and all(each in names for each in value)
    )


TRUTH = Rule("true or false", lambda value: isinstance(value, bool))
NAME = Rule("a text that is not empty", is_text)
BASE_URL = Rule(
    'an address like "https://api.example.com/v1", without "/chat/completions", "/responses", '
    '"/images/generations", a password, "?" or "#" in it',
    is_endpoint,
)
URL = Rule('an address like "https://api.example.com/v1", without a password, "?" or "#" in it', is_address)
KEY = Rule("a key: one word of ASCII characters", is_secret)
SECONDS = Rule("a number of seconds above 0", number(0, above=True))
DOLLARS = Rule("a number of US dollars, 0 or more", number(0))


def check_value(value: object, rule: Rule, subject: str) -> Any:
    """`value`, without space around it.

    Raises: ConfigError (`config_invalid_value`), which never shows it.
    """
    if not rule.accept(value):
        raise ConfigError(f"{subject} must be {rule.expected}", code="config_invalid_value")
    return value.strip() if isinstance(value, str) else value
