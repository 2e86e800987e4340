"""The published schemas of other services' answers, and where ours differ on purpose."""

from __future__ import annotations

import json
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

from jsonschema import Draft202012Validator
from jsonschema.protocols import Validator

__all__ = ["DEVIATIONS", "errors", "valid"]

_FOLDER = Path(__file__).parent / "schemas"

DEVIATIONS: Mapping[str, Mapping[str, str]] = {
    "openai/chat": {
        "$.system_fingerprint": "null, where OpenAI's has a string or none: OpenRouter's client refuses an "
        "answer without it, and OpenAI's own package reads null",
    },
    "openai/response": {
        "$.usage: None": "null while the answer is written, as Open Responses wants it and OpenAI's service does it",
    },
    "openai/response_event": {
        "$.response.usage: None": "as above",
    },
    "openresponses/response_event": {
        "$.type: 'response.reasoning_text.": "OpenAI's name of what Open Responses calls `response.reasoning.…`: "
        "OpenAI's, OpenRouter's and Pydantic AI's packages know only the former",
    },
}
"""Schema → JSON path, or path and beginning of what is wrong → why what stands there does not fit."""


def errors(name: str, instance: Any) -> list[str]:
    """All that `instance` has against the schema ("openai/chat"), each as its path and what is wrong."""
    return [f"{error.json_path}: {error.message}" for error in _validator(name).iter_errors(instance)]


def valid(name: str, instance: Any) -> None:
    """Assert that `instance` fits the schema, the known deviations aside."""
    known = DEVIATIONS.get(name, {})
    beginnings = tuple(said if ": " in said else f"{said}: " for said in known)
    unknown = [error for error in errors(name, instance) if not error.startswith(beginnings)]
    assert not unknown, f"{name}: {unknown}"


@cache
def _validator(name: str) -> Validator:
    schema = _schemas(name.partition("/")[0])[name.partition("/")[2]]
    Draft202012Validator.check_schema(schema)
    return Draft202012Validator(schema)


@cache
def _schemas(publisher: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((_FOLDER / f"{publisher}.json").read_text())
    return found
