"""A whole answer, of which pictures are decoded while they come: none of them ever stands in memory as text.

As JSON a picture would be there three times, as it came, as text, and decoded. Instead its base64 is cut out of
the JSON, and `NaN` takes its place; whoever reads the answer finds bytes where there was a string. Whatever is
written in another way than usual stays JSON, and is read as such.
"""

from __future__ import annotations

import binascii
import re
from collections.abc import Iterator
from io import BytesIO

from .parsing import parsed

__all__ = ["Unpacking"]

_LEAST_BYTES = 64 * 1024
_GAP = rb"[ \t\r\n]{0,8}"
_PREFIX = rb"data:[a-z0-9/+.-]{1,60};base64,"
_PICTURE = re.compile(
    rb'(?P<key>"b64_json"%b:%b|(?P<url>"url"%b:%b))(?P<lead>"(?(url)%b|(?:%b)?))(?=[A-Za-z0-9+/]{64})'
    % (_GAP, _GAP, _GAP, _GAP, _PREFIX, _PREFIX)
)
"""A key, and how its value begins. No quote of the key is escaped, so that the key is no part of a string."""
_LONGEST = 256
"""Bytes; the pattern takes fewer."""
_PLACE = b"NaN"
_MOST = 256
"""Pictures; nobody sends more, and each of a flood of little ones takes a thousand times its bytes."""


class Unpacking:
    """Feed it each network read of an answer that is no stream."""

    def __init__(self, least_bytes: int = _LEAST_BYTES) -> None:
        """`least_bytes`: of an answer that is worth it; what is smaller is read all at once."""
        self._least_bytes = least_bytes
        self._parts: list[bytes] = []
        """The JSON so far, with `_PLACE` for each of the pictures."""
        self._waiting: list[bytes] = []
        """What has come and was not gone through."""
        self._pictures: list[_Base64] = []
        self._coming: _Base64 | None = None
        self._usual = True
        self._size_bytes = 0

    def add(self, data: bytes) -> None:
        """Take one read."""
        self._size_bytes += len(data)
        if self._coming is None:
            self._waiting.append(data)
            if self._size_bytes <= self._least_bytes or not self._usual:
                return
            data, self._waiting = b"".join(self._waiting), []
        while data:
            data = self._sought(data) if self._coming is None else self._unpacked(self._coming, data)

    @property
    def text_bytes(self) -> int:
        """How much there is to be read, beside the pictures that are unpacked."""
        return sum(map(len, self._parts)) + sum(map(len, self._waiting))

    def beginning(self, most_bytes: int) -> bytes:
        """Of the answer, without its pictures."""
        return b"".join((*self._parts, *self._waiting))[:most_bytes]

    def whole(self) -> bytes:
        """The answer as it came."""
        return b"".join(self._written())

    def value(self) -> object:
        """What the answer holds as JSON. Raises: ValueError, as `parsed`."""
        text = b"".join((*self._parts, *self._waiting))
        if self._coming is not None or text.count(_PLACE) != len(self._pictures):
            return parsed(self.whole())
        if not self._pictures:
            return parsed(text)
        pictures = (picture.data for picture in self._pictures)
        return parsed(text, lambda name: next(pictures) if name == "NaN" else float(name))

    def _sought(self, data: bytes) -> bytes:
        """Go on to where the next picture begins; what is left of `data`."""
        if len(self._pictures) == _MOST:
            self._usual, self._waiting = False, [data]
            return b""
        found = _PICTURE.search(data)
        if found is None:
            # It may begin here.
            self._parts.append(data[:-_LONGEST])
            self._waiting = [data[-_LONGEST:]]
            return b""
        self._parts.append(data[: found.end("key")])
        self._coming = _Base64(found["lead"])
        return data[found.end() :]

    def _unpacked(self, picture: _Base64, data: bytes) -> bytes:
        """Take more of a picture, up to its end; what is left of `data`."""
        end = data.find(b'"')
        try:
            picture.add(data if end < 0 else data[:end], last=end >= 0)
        except ValueError:
            # There are other alphabets, line feeds, escaped signs: who reads JSON knows them.
            self._usual, self._coming = False, None
            self._parts += picture.written()
            self._waiting = [data]
            return b""
        if end < 0:
            return b""
        self._parts.append(_PLACE)
        self._pictures.append(picture)
        self._coming = None
        return data[end + 1 :]

    def _written(self) -> Iterator[bytes]:
        pictures = iter(self._pictures)
        for part in self._parts:
            if part is _PLACE:
                yield from next(pictures).written()
                yield b'"'
            else:
                yield part
        if self._coming is not None:
            yield from self._coming.written()
        yield from self._waiting


class _Base64:
    """A picture as one string of base64, with padding and in the alphabet that is usual."""

    def __init__(self, lead: bytes) -> None:
        """`lead`: what stood before it, its quote included."""
        self._lead = lead
        # It grows in place, and hands over what it holds without a copy.
        self._decoded = BytesIO()
        self._rest = b""
        """Of four characters, those that have come."""
        self._padded = False

    def add(self, text: bytes, *, last: bool) -> None:
        """Raises: ValueError; then nothing of `text` was taken."""
        whole = self._rest + text if self._rest else text
        even = len(whole) & -4
        if (self._padded and text) or (last and even < len(whole)):
            raise ValueError("padding elsewhere than at the end")
        data = binascii.a2b_base64(memoryview(whole)[:even], strict_mode=True)
        ends = whole[max(0, even - 4) : even]
        if ends.endswith(b"="):
            self._padded = True
            if binascii.b2a_base64(binascii.a2b_base64(ends), newline=False) != ends:
                raise ValueError("bits that say nothing could not be written again")
        self._decoded.write(data)
        self._rest = whole[even:]

    @property
    def data(self) -> bytes:
        """What it says, as far as it has come."""
        return self._decoded.getvalue()

    def written(self) -> tuple[bytes, bytes, bytes]:
        """What was taken, as it came."""
        return self._lead, binascii.b2a_base64(self.data, newline=False), self._rest
