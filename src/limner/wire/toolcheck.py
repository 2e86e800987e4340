"""Schemas of the client's tools: how large they may be, and where their references may lead.

Nothing is evaluated here, and nothing fetched: the client runs its tools and checks their arguments
itself, so a `pattern` goes to the model as it is (scorecard S15). What is looked at is bounded
before it is looked at, so that the whole costs some ten milliseconds at most (S14).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any
from urllib.parse import unquote

from .asking import AskError

__all__ = [
    "MOST_CHARACTERS",
    "MOST_DEPTH",
    "MOST_TOOLS",
    "MOST_VALUES",
    "MOST_VALUES_IN_ALL",
    "check_schemas",
]

MOST_TOOLS = 128
MOST_CHARACTERS = 64 * 1024
"""Of one schema, counted roughly as JSON."""
MOST_DEPTH = 40
MOST_VALUES = 5_000
"""Of one schema: objects, lists, texts, numbers."""
MOST_VALUES_IN_ALL = 30_000
"""Of all the schemas of a request."""

_REFERENCES = ("$ref", "$dynamicRef", "$recursiveRef")


def check_schemas(schemas: Iterable[tuple[str, Mapping[str, Any]]]) -> None:
    """`schemas`: each with its path, like "tools[0].function.parameters".

    A local reference may lead in a circle: who follows it does so with an argument in hand, which ends.

    Raises: AskError (`schema_too_complex`, `schema_remote_ref`, `schema_invalid`).
    """
    left = MOST_VALUES_IN_ALL
    for param, schema in schemas:
        left -= _measured(param, schema, min(left, MOST_VALUES))


def _measured(param: str, schema: Mapping[str, Any], most_values: int) -> int:
    """How many values the schema has."""
    values = characters = 0
    references: list[str] = []
    level: list[Any] = [schema]
    for _ in range(MOST_DEPTH):
        below: list[Any] = []
        for node in level:
            values += len(node)
            if values > most_values:
                raise _too_complex(param, "has too many values")
            fields = isinstance(node, dict)
            if fields:
                characters += sum(map(len, node))
                references.extend(target for name in _REFERENCES if isinstance(target := node.get(name), str))
            for value in node.values() if fields else node:
                if isinstance(value, str):
                    characters += len(value)
                elif isinstance(value, (dict, list)):
                    below.append(value)
        # Quotes, commas and figures count as four characters a value.
        if characters + 4 * values > MOST_CHARACTERS:
            raise _too_complex(param, f"is longer than {MOST_CHARACTERS // 1024} KiB")
        if not below:
            break
        level = below
    else:
        raise _too_complex(param, "is nested too deeply")
    for target in references:
        _check_reference(param, schema, target)
    return values


def _check_reference(param: str, schema: Mapping[str, Any], target: str) -> None:
    if not target.startswith("#"):
        raise AskError(
            "schema_remote_ref",
            f"{param!r} refers to a schema elsewhere, which is never fetched; put it into '$defs'.",
            param,
        )
    if target.startswith("#/") and not _found(schema, target):
        raise AskError(
            "schema_invalid",
            f"{param!r} refers to a place that is not in it; add it or correct '$ref'.",
            param,
        )


def _found(schema: Any, pointer: str) -> bool:
    node = schema
    for part in pointer[2:].split("/"):
        name = unquote(part).replace("~1", "/").replace("~0", "~")
        if isinstance(node, Mapping) and name in node:
            node = node[name]
        elif isinstance(node, list) and name.isdecimal() and len(name) < 6 and int(name) < len(node):
            node = node[int(name)]
        else:
            return False
    return True


def _too_complex(param: str, what: str) -> AskError:
    return AskError("schema_too_complex", f"{param!r} {what}; simplify it.", param)
