"""A picture's bytes read in slices, so that one in a file never stands in memory as a whole.

Everything here blocks: call it from a thread.
"""

from __future__ import annotations

import contextlib
import hashlib
import hmac
import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from io import FileIO
from pathlib import Path

from limner.core.formats import HEAD_BYTES, media_type_of, suffix_of
from limner.errors import StoreError
from limner.images.protocol import Content

from .ids import encoded

__all__ = [
    "Facts",
    "agree",
    "facts_of",
    "promised_bytes",
    "same",
    "slices",
    "slices_of",
    "unchanged",
    "whole",
]

_SLICE_BYTES = 1 << 20


@dataclass(frozen=True, slots=True)
class Facts:
    """What is known of a picture before it is kept."""

    id: str
    sha256: str
    size_bytes: int
    extension: str
    media_type: str

    @property
    def receipt(self) -> bytes:
        """What stands beside the picture: one line of JSON."""
        return _receipt(self.sha256, self.size_bytes)


def facts_of(key: bytes, content: Content) -> Facts:
    """Read `content` once: its id under its owner's `key`, its SHA-256, its size, and its kind.

    Raises: StoreError where a file cannot be read.
    """
    digest, keyed = hashlib.sha256(), hmac.new(key, digestmod=hashlib.sha256)
    size_bytes, head = 0, b""
    for part in slices(content):
        digest.update(part)
        keyed.update(part)
        size_bytes += len(part)
        head = head or bytes(part[:HEAD_BYTES])
    return Facts(
        encoded(keyed.digest()), digest.hexdigest(), size_bytes, suffix_of(head), media_type_of(head)
    )


def same(facts: Facts, parts: Iterable[memoryview]) -> bool:
    """Whether `parts` together are the bytes that `facts` are about."""
    digest, size_bytes = hashlib.sha256(), 0
    for part in parts:
        digest.update(part)
        size_bytes += len(part)
        if size_bytes > facts.size_bytes:
            return False
    return size_bytes == facts.size_bytes and digest.hexdigest() == facts.sha256


def agree(receipt: bytes, data: bytes) -> bool:
    """Whether a stored receipt is about `data`.

    Compared byte for byte, because a receipt has one spelling: a flipped bit in it counts as well.
    """
    return receipt == _receipt(hashlib.sha256(data).hexdigest(), len(data))


def whole(content: Content) -> bytes:
    """All of `content` at once.

    Raises: StoreError where a file cannot be read.
    """
    if not isinstance(content, Path):
        return content
    with _reading(content):
        return content.read_bytes()


def promised_bytes(receipt: bytes) -> int:
    """How many bytes a stored receipt speaks of; 0 where it is no receipt."""
    try:
        size_bytes = json.loads(receipt)["size_bytes"]
    except (ValueError, TypeError, KeyError, RecursionError):
        return 0
    return size_bytes if isinstance(size_bytes, int) else 0


def slices(content: Content) -> Iterator[memoryview]:
    """The bytes of `content`, at most a MiB at a time; each is only good until the next is asked for.

    Raises: StoreError where a file cannot be read.
    """
    if isinstance(content, Path):
        yield from _read(content)
        return
    view = memoryview(content)
    for start in range(0, len(view), _SLICE_BYTES):
        yield view[start : start + _SLICE_BYTES]


def slices_of(file: FileIO) -> Iterator[memoryview]:
    """What `file` holds from here on. Raises: OSError."""
    space = memoryview(bytearray(_SLICE_BYTES))
    while count := file.readinto(space):
        yield space[:count]


def unchanged(facts: Facts, content: Content) -> Iterator[memoryview]:
    """The slices of `content` once more, for who writes them under the id that `facts` tell.

    Raises: StoreError after the last of them where they are others than before.
    """
    if not isinstance(content, Path):
        yield from slices(content)
        return
    digest, size_bytes = hashlib.sha256(), 0
    for part in slices(content):
        digest.update(part)
        size_bytes += len(part)
        yield part
    if (digest.hexdigest(), size_bytes) != (facts.sha256, facts.size_bytes):
        raise StoreError(
            f"the picture's own file {str(content)!r} changed while it was being kept; "
            "keep it again once nobody writes to it any more",
            code="store_unavailable",
        )


def _read(path: Path) -> Iterator[memoryview]:
    with _reading(path):
        file = path.open("rb", buffering=0)
    with file:
        parts = slices_of(file)
        while True:
            with _reading(path):
                part = next(parts, None)
            if part is None:
                return
            # Outside of _reading: what fails in the hands of the caller is no failure of this file.
            yield part


@contextlib.contextmanager
def _reading(path: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        reason = error.strerror or type(error).__name__
        raise StoreError(
            f"the picture's own file {str(path)!r} cannot be read ({reason}); "
            "leave it where it is until the picture is kept",
            code="store_unavailable",
        ) from error


def _receipt(sha256: str, size_bytes: int) -> bytes:
    return json.dumps({"sha256": sha256, "size_bytes": size_bytes}).encode("ascii") + b"\n"
