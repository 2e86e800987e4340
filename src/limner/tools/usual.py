"""A quick yes: whether arguments surely fit a schema of the usual kind.

A validator walks the schema for each call, and takes a hundred times as long to find nothing wrong.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

__all__ = ["Fits", "surely_fits"]

Fits = Callable[[Any], bool]
"""True: the value fits. False: whoever knows all of JSON Schema has to look."""

_NOTES = frozenset({"type", "title", "description", "default"})
"""Keywords that nothing is held against, and the one that is looked at first."""


def surely_fits(schema: object) -> Fits | None:
    """What says yes to values of `schema`; None where the schema says anything unusual, or wrong.

    Source: JSON Schema Validation 2020-12, sections 6.1 to 6.5, where all drafts since 4 agree.
    """
    if not isinstance(schema, Mapping) or not isinstance(kind := schema.get("type"), str):
        return None
    make = _KINDS.get(kind)
    told = all(isinstance(schema.get(name, ""), str) for name in ("title", "description"))
    return make(schema) if make is not None and told else None


def _text(schema: Mapping[str, Any]) -> Fits | None:
    bounds = _bounds(schema, "minLength", "maxLength")
    allowed = schema.get("enum", [""])
    if bounds is None or not _says_only(schema, "minLength", "maxLength", "enum") or not _names(allowed):
        return None
    least, most = bounds
    if "enum" not in schema:
        return lambda value: type(value) is str and least <= len(value) <= most
    known = frozenset(allowed)
    return lambda value: type(value) is str and least <= len(value) <= most and value in known


def _truth(schema: Mapping[str, Any]) -> Fits | None:
    return (lambda value: type(value) is bool) if _says_only(schema) else None


def _whole(schema: Mapping[str, Any]) -> Fits | None:
    least, most = schema.get("minimum", -_ENDLESS), schema.get("maximum", _ENDLESS)
    if not (_says_only(schema, "minimum", "maximum") and _is_end(least) and _is_end(most)):
        return None
    return lambda value: type(value) is int and least <= value <= most


def _list(schema: Mapping[str, Any]) -> Fits | None:
    bounds = _bounds(schema, "minItems", "maxItems")
    fits = surely_fits(schema.get("items"))
    if bounds is None or fits is None or not _says_only(schema, "minItems", "maxItems", "items"):
        return None
    least, most = bounds
    return lambda value: type(value) is list and least <= len(value) <= most and all(map(fits, value))


def _object(schema: Mapping[str, Any]) -> Fits | None:
    properties, required = schema.get("properties", {}), schema.get("required", [])
    if (
        not _says_only(schema, "properties", "required", "additionalProperties")
        or not isinstance(schema.get("additionalProperties", True), bool)
        or not isinstance(properties, Mapping)
        or not (required == [] or _names(required))
    ):
        return None
    known: dict[str, Fits] = {}
    for name, each in properties.items():
        fits = surely_fits(each)
        if fits is None:
            return None
        known[name] = fits
    wanted = tuple(required)

    def fits_all(value: Any) -> bool:
        if type(value) is not dict:
            return False
        # What is not declared is for whoever knows what else may be said of it.
        for name, each in value.items():
            fits = known.get(name)
            if fits is None or not fits(each):
                return False
        return all(name in value for name in wanted)

    return fits_all


_KINDS: Mapping[str, Callable[[Mapping[str, Any]], Fits | None]] = {
    "string": _text,
    "boolean": _truth,
    "integer": _whole,
    "array": _list,
    "object": _object,
}


_ENDLESS = float("inf")


def _says_only(schema: Mapping[str, Any], *keywords: str) -> bool:
    return all(key in _NOTES or key in keywords for key in schema)


def _bounds(schema: Mapping[str, Any], least: str, most: str) -> tuple[float, float] | None:
    """Both ends of a length; None where one is no length."""
    ends = schema.get(least, 0), schema.get(most, _ENDLESS)
    return ends if all(_is_end(end) and end >= 0 for end in ends) else None


def _is_end(value: object) -> bool:
    return type(value) is int or value in (_ENDLESS, -_ENDLESS)


def _names(value: object) -> bool:
    """Whether it is a list of different words."""
    return (
        isinstance(value, list)
        and bool(value)
        and all(isinstance(each, str) for each in value)
        and len(set(value)) == len(value)
    )
