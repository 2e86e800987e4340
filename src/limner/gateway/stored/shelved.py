"""A response in parts, as they are kept: its object, and each of its items on its own."""

from __future__ import annotations

import hashlib
import json
import zlib
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from limner.wire.frames import json_bytes
from limner.wire.text import clean

from .tables import HEAD, INPUT, OUTPUT

__all__ = ["Part", "Shelved", "opened", "packed", "shelved"]

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
_LONGEST_NAME = 1024
"""An index of megabytes is slow for everybody; whoever has a longer id sends the whole item."""
_ROW_BYTES = 100
"""About what a part takes beside its content, its id, and its id in the index."""
_LEVEL = 1
"""Most bytes are words, which any level makes small, or base64, which none does."""


@dataclass(frozen=True, slots=True)
class Part:
    """One piece of a response."""

    side: int
    """Of `tables`."""
    id: str | None
    """By which an item is found; None where nobody should find it."""
    data: bytes
    """As JSON; an item that was given its id here has none in it, so that it is the same each time it is sent."""
    digest: bytes
    """Of `data`."""


@dataclass(frozen=True, slots=True)
class Shelved:
    """A response, ready to be kept."""

    id: str
    previous: str | None
    parts: tuple[Part, ...]

    @property
    def items_bytes(self) -> int:
        """What its items take as JSON."""
        return sum(len(part.data) for part in self.parts if part.side != HEAD)

    @property
    def rows_bytes(self) -> int:
        """What its parts take where their contents stand there already."""
        return sum(_ROW_BYTES + 2 * len((part.id or "").encode()) for part in self.parts)

    @property
    def digests(self) -> tuple[bytes, ...]:
        """Of all its parts, once each."""
        return tuple(dict.fromkeys(part.digest for part in self.parts))

    def packed(self, known: Collection[bytes]) -> dict[bytes, bytes]:
        """What has to be written down, by digest; `known`: what stands there already."""
        return {part.digest: packed(part.data) for part in self.parts if part.digest not in known}


def shelved(response: Mapping[str, Any], items: Sequence[Mapping[str, Any]], previous: str | None) -> Shelved:
    """The parts of `response`, which was asked with `items`; items without an id are given one."""
    name = response["id"]
    parts = [_part(HEAD, None, {**response, "output": None})]
    parts += [_part(INPUT, found_by, item) for found_by, item in _with_ids(name, items)]
    parts += [_part(OUTPUT, _name(item), item) for item in response["output"]]
    return Shelved(name, previous, tuple(parts))


def packed(data: bytes) -> bytes:
    """JSON as it stands on the disk."""
    return zlib.compress(data, _LEVEL)


def opened(body: bytes, id: str | None) -> Mapping[str, Any]:
    """What stands there; with its id, where it was given one here. Raises: ValueError, where it was damaged."""
    try:
        value: Mapping[str, Any] = json.loads(zlib.decompress(body))
    except zlib.error as error:
        raise ValueError(str(error)) from error
    return value if id is None or "id" in value else {**value, "id": id}


def _part(side: int, id: str | None, value: Mapping[str, Any]) -> Part:
    data = json_bytes(value)
    return Part(side, id, data, hashlib.sha256(data).digest())


def _with_ids(
    response: str, items: Sequence[Mapping[str, Any]]
) -> Iterator[tuple[str | None, Mapping[str, Any]]]:
    """The items, each of a type, and by which ids they are found: the same whenever they are kept."""
    rest = response.rpartition("_")[2]
    for place, item in enumerate(items):
        kind = item.get("type") or ("message" if "role" in item else "item_reference")
        typed = {**item, "type": kind}
        if typed.get("id"):
            yield _name(typed), typed
        else:
            typed.pop("id", None)
            yield f"{_PREFIXES.get(kind, 'item')}_{rest}i{place}", typed


def _name(item: Mapping[str, Any]) -> str | None:
    """The id by which an item is found: not one that only points at another, nor one without end."""
    name = item.get("id")
    kind = item.get("type")
    points = kind == "item_reference" or (kind in _PICTURES and not any(item.get(each) for each in _SHOWN))
    return None if points or not isinstance(name, str) or len(name) > _LONGEST_NAME else clean(name)
