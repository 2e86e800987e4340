"""What messages of every API are checked for: texts that must be there, and lists of a bearable length."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from .asking import AskError

__all__ = ["MOST_ENTRIES", "entries", "needed_text", "wrong"]

MOST_ENTRIES = 10_000
"""Of one list: messages or items of a request, parts and calls of a message."""


def needed_text(fields: Mapping[str, Any], name: str, at: str) -> str:
    """A text that is there and not empty; `at`: the path of `fields`.

    Raises: AskError.
    """
    value = fields.get(name)
    if value is None:
        raise AskError("missing_parameter", f"'{at}.{name}' is missing.", f"{at}.{name}")
    if not isinstance(value, str) or not value:
        raise wrong(f"{at}.{name}", "must be a string that is not empty")
    return value


def entries(value: object, at: str, what: str = "a list") -> list[Any]:
    """A list with at most `MOST_ENTRIES`; `what` it must be, in words.

    Raises: AskError.
    """
    if not isinstance(value, list):
        raise wrong(at, f"must be {what}")
    if len(value) > MOST_ENTRIES:
        raise wrong(at, f"has {len(value)} entries; at most {MOST_ENTRIES} are accepted")
    return value


def wrong(param: str, what: str) -> AskError:
    """The error that says that `param` is not as it must be."""
    return AskError("invalid_value", f"{param!r} {what}.", param)
