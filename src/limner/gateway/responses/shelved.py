"""A response in parts, as they are kept: its object, and each of its items on its own."""

from __future__ import annotations

import json
import zlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from limner.wire.frames import json_bytes

from .tables import HEAD, INPUT, OUTPUT

__all__ = ["Part", "Shelved", "opened", "shelved"]

_PREFIXES: Mapping[str, str] = {
    "message": "msg",
    "function_call": "fc",
    "function_call_output": "fco",
    "reasoning": "rs",
    "image_generation_call": "ig",
}
"""What ids of items begin with; a client knows the kind by it."""
_PICTURES = ("image_generation_call", "openrouter:image_generation")
_SHOWN = ("result", "limner_url", "imageUrl", "imageB64", "error")
"""Of a picture's item: without any of these it is no more than an id."""
_LEVEL = 1
"""Most bytes are words, which any level makes small, or base64, which none does."""


@dataclass(frozen=True, slots=True)
class Part:
    """One piece of a response."""

    side: int
    """Of `tables`."""
    id: str | None
    """By which an item is found; None where nobody should find it."""
    size_bytes: int
    """As JSON."""
    body: bytes
    """Compressed."""


@dataclass(frozen=True, slots=True)
class Shelved:
    """A response, ready to be kept."""

    id: str
    parts: tuple[Part, ...]

    @property
    def items_bytes(self) -> int:
        """What its items take as JSON."""
        return sum(part.size_bytes for part in self.parts if part.side != HEAD)

    @property
    def size_bytes(self) -> int:
        """What it takes on the disk, but for some bytes of each row."""
        return sum(len(part.body) for part in self.parts)


def shelved(response: Mapping[str, Any], items: Sequence[Mapping[str, Any]]) -> Shelved:
    """The parts of `response`, which was asked with `items`; items without an id are given one."""
    name = response["id"]
    parts = [_part(HEAD, None, {**response, "output": None})]
    parts += [_part(INPUT, _name(item), item) for item in _with_ids(name, items)]
    parts += [_part(OUTPUT, _name(item), item) for item in response["output"]]
    return Shelved(name, tuple(parts))


def opened(part: Part) -> Mapping[str, Any]:
    """What a part holds. Raises: ValueError, where it was damaged."""
    try:
        value: Mapping[str, Any] = json.loads(zlib.decompress(part.body))
    except zlib.error as error:
        raise ValueError(str(error)) from error
    return value


def _part(side: int, id: str | None, value: Mapping[str, Any]) -> Part:
    data = json_bytes(value)
    return Part(side, id, len(data), zlib.compress(data, _LEVEL))


def _with_ids(response: str, items: Sequence[Mapping[str, Any]]) -> Iterator[Mapping[str, Any]]:
    """The items as they are listed: each of a type, and by an id that is the same whenever it is kept."""
    rest = response.rpartition("_")[2]
    for place, item in enumerate(items):
        kind = item.get("type") or ("message" if "role" in item else "item_reference")
        name = item.get("id") or f"{_PREFIXES.get(kind, 'item')}_{rest}i{place}"
        yield {**item, "type": kind, "id": name}


def _name(item: Mapping[str, Any]) -> str | None:
    """The id by which an item is found: not one that only points at another."""
    name = item.get("id")
    kind = item.get("type")
    points = kind == "item_reference" or (kind in _PICTURES and not any(item.get(each) for each in _SHOWN))
    return None if points or not isinstance(name, str) else name
