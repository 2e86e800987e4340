"""What the structure of a picture says, read here and there, without decoding."""

from __future__ import annotations

import io
import re
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, BinaryIO, Self

from limner.errors import PictureError

if TYPE_CHECKING:  # a worker starts sooner without what the protocol needs
    from limner.images.protocol import Content

__all__ = ["Outline", "Source", "larger", "refused"]

_WINDOW_BYTES = 64 * 1024


@dataclass(frozen=True, slots=True)
class Outline:
    """What the structure says."""

    width: int
    height: int
    animated: bool
    end: int | None
    """Where the picture's own end marker stops; None where it is missing, or where nobody looked."""
    scans: int = 1
    """How often a decoder goes over all pixels."""
    exact: bool = True
    """Whether the decoder must find this very size; else it is the largest of the picture's parts."""


class Source:
    """Bytes in memory or in a file, of which a few are read at a time; blocks."""

    def __init__(self, content: Content) -> None:
        """Raises: OSError where a file cannot be read."""
        self._file: BinaryIO = content.open("rb") if isinstance(content, Path) else io.BytesIO(content)
        self.size = self._file.seek(0, io.SEEK_END)

    def read(self, at: int, length: int) -> bytes:
        """The bytes from `at` on; fewer at the end."""
        self._file.seek(at)
        return self._file.read(length)

    def window(self, at: int) -> bytes:
        """As many bytes as are worth reading at once."""
        return self.read(at, _WINDOW_BYTES)

    def search(self, two_bytes: re.Pattern[bytes], at: int) -> int | None:
        """Where a pattern of exactly two bytes is found first."""
        while True:
            window = self.window(at)
            found = two_bytes.search(window)
            if found is not None:
                return at + found.start()
            if len(window) < _WINDOW_BYTES:
                return None
            # The last byte may be the first of the two.
            at += _WINDOW_BYTES - 1

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._file.close()


def larger(one: tuple[int, int], other: tuple[int, int]) -> tuple[int, int]:
    """The size that takes more pixels: where a picture names two, a decoder may believe either."""
    return max(one, other, key=lambda size: size[0] * size[1])


def refused(code: str, error: Exception | None = None) -> PictureError:
    """An error about a picture's bytes: whatever they are, the provider has sent and counted them."""
    return PictureError(code, billed="yes", detail="" if error is None else repr(error))
