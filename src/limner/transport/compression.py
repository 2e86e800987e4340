"""Compressed bodies, unpacked piece by piece, so that a small one cannot become a large one at once."""

from __future__ import annotations

import zlib
from collections.abc import Iterator

from .faults import TransportFault

__all__ = ["Unpacker"]

_PIECE_BYTES = 64 * 1024


class Unpacker:
    """Undoes one Content-Encoding; nothing but `identity` was asked for, yet some servers pack all the same."""

    def __init__(self, encoding: str) -> None:
        encoding = encoding.strip().lower()
        if encoding in ("", "identity"):
            self._zlib = None
        elif encoding in ("gzip", "x-gzip", "deflate"):
            # 32: zlib finds out by itself which of the two headers stands there.
            self._zlib = zlib.decompressobj(zlib.MAX_WBITS | 32)
        else:
            raise TransportFault("encoding")

    def pieces(self, data: bytes) -> Iterator[bytes]:
        """What `data` unpacks to, at most 64 KiB at a time. Raises: TransportFault."""
        if self._zlib is None:
            yield data
            return
        while data:
            try:
                piece = self._zlib.decompress(data, _PIECE_BYTES)
            except zlib.error:
                raise TransportFault("encoding") from None
            data = self._zlib.unconsumed_tail
            if piece:
                yield piece

    def finish(self) -> None:
        """Check at the end of the body that nothing is missing. Raises: TransportFault."""
        if self._zlib is not None and not self._zlib.eof:
            raise TransportFault("reset")
