"""What a request carries: JSON, or a form with files; and how it leaves, piece by piece."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Self

from limner.wire.text import clean

__all__ = ["File", "Form", "Json", "Parcel", "Pieces", "is_large", "json_parcel"]

LARGE_BYTES = 256 * 1024
"""From here on a body leaves piece by piece."""
_PIECE_BYTES = 64 * 1024
_LIGHT_CHARACTERS = 64 * 1024
"""JSON that is written on the event loop: it takes less time than to ask a thread."""


@dataclass(frozen=True, slots=True)
class Json:
    """JSON, written already."""

    data: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class File:
    """A file in a form; its names are ours, in ASCII and without quotes."""

    name: str
    """Of the form's field."""
    filename: str
    content_type: str
    data: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class Form:
    """Fields and files, sent as `multipart/form-data`. Every field becomes text, a nested one `o[k]`."""

    fields: Mapping[str, Any] = field(repr=False)
    files: tuple[File, ...]


Parcel = Json | Form


class Pieces:
    """The bytes of one body; `async for` gives those of a large one in slices, once."""

    def __init__(self, parts: Sequence[bytes]) -> None:
        self._parts = parts
        self._slices = _slices(parts)
        self.size_bytes = sum(map(len, parts))

    @property
    def joined(self) -> bytes | None:
        """All of it, if that is little; a copy of what is large would be one too many."""
        if self.size_bytes > LARGE_BYTES:
            return None
        return self._parts[0] if len(self._parts) == 1 else b"".join(self._parts)

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> bytes:
        for piece in self._slices:
            return piece
        raise StopAsyncIteration


def _slices(parts: Sequence[bytes]) -> Iterator[bytes]:
    for part in parts:
        for start in range(0, len(part), _PIECE_BYTES):
            yield part[start : start + _PIECE_BYTES]


def json_parcel(body: Mapping[str, Any]) -> Json:
    """`body` as JSON. Raises: TypeError or ValueError where it is none."""
    return Json(clean(json.dumps(body, ensure_ascii=False, allow_nan=False)).encode())


def is_large(value: object) -> bool:
    """Whether `value` takes so long to write that others should not wait for it; looks no further than needed."""
    left = _LIGHT_CHARACTERS
    waiting = [value]
    while waiting:
        each = waiting.pop()
        left -= 8 + (len(each) if isinstance(each, str | Sequence | Mapping) else 0)
        if left < 0:
            return True
        if isinstance(each, Mapping):
            waiting += each.values()
        elif isinstance(each, list | tuple):
            waiting += each
    return False
