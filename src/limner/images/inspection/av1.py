"""The size in the sequence header of AV1: what a decoder decodes, whatever the boxes around it say.

Source: AV1 Bitstream & Decoding Process Specification, sections 5.3 to 5.5.
"""

from __future__ import annotations

__all__ = ["coded_size"]

_SEQUENCE_HEADER = 1


def coded_size(start: bytes) -> tuple[int, int]:
    """The largest size that a frame may have, by the first bytes of an item; (0, 0) where they do not say."""
    at = 0
    while at < len(start):
        kind, extended, sized = start[at] >> 3 & 15, start[at] >> 2 & 1, start[at] >> 1 & 1
        at += 1 + extended
        length, at = _leb128(start, at) if sized else (len(start) - at, at)
        if kind == _SEQUENCE_HEADER:
            try:
                return _sequence_size(_Bits(start[at : at + length]))
            except IndexError:
                return 0, 0
        at += length
    return 0, 0


def _leb128(data: bytes, at: int) -> tuple[int, int]:
    """A number of seven bits a byte, and where it ends."""
    value = 0
    for place, byte in enumerate(data[at : at + 8]):
        value |= (byte & 0x7F) << (7 * place)
        at += 1
        if byte < 0x80:
            break
    return value, at


class _Bits:
    """Bits, the highest of each byte first. Raises: IndexError behind the last."""

    def __init__(self, data: bytes) -> None:
        self._data = data
        self._at = 0

    def read(self, count: int) -> int:
        value = 0
        for _ in range(count):
            value = value << 1 | self._data[self._at >> 3] >> (7 - self._at % 8) & 1
            self._at += 1
        return value

    def skip_uvlc(self) -> None:
        zeros = 0
        while not self.read(1):
            zeros += 1
        if zeros < 32:
            self.read(zeros)


def _sequence_size(bits: _Bits) -> tuple[int, int]:
    bits.read(3 + 1)  # profile, still picture
    if bits.read(1):  # a reduced header
        bits.read(5)
    else:
        _skip_operating_points(bits)
    width_bits, height_bits = bits.read(4) + 1, bits.read(4) + 1
    return bits.read(width_bits) + 1, bits.read(height_bits) + 1


def _skip_operating_points(bits: _Bits) -> None:
    delay_bits = 0
    if bits.read(1):  # timing
        bits.read(32 + 32)
        if bits.read(1):
            bits.skip_uvlc()
        if bits.read(1):  # a decoder model
            delay_bits = bits.read(5) + 1
            bits.read(32 + 5 + 5)
    delays_shown = bits.read(1)
    for _ in range(bits.read(5) + 1):
        bits.read(12)
        if bits.read(5) > 7:
            bits.read(1)
        if delay_bits and bits.read(1):
            bits.read(2 * delay_bits + 1)
        if delays_shown and bits.read(1):
            bits.read(4)
