"""What part of a picture a request asks for, and whether it has it already. Pure."""

from __future__ import annotations

import re

__all__ = ["Unsatisfiable", "asked_range", "matches", "still_the_same"]

_RANGE = re.compile(r"bytes=[ \t]*(?:([0-9]+)-([0-9]*)|-([0-9]+))[ \t]*", re.IGNORECASE)
_LONGEST_HEADER = 256
"""Characters of a `Range` that asks for one part; what is longer asks for many, or for nonsense."""
_DIGITS = 18
_TAG = re.compile(r'(?:W/)?("[^"]*")')


class Unsatisfiable(Exception):
    """A range that begins behind the last byte."""


def asked_range(header: str | None, size_bytes: int) -> range | None:
    """The one range that `header` asks for; None where the whole is to be sent.

    Several ranges, other units and nonsense are answered with the whole, which is always right and
    takes no time to find out, however long the header is (S20).

    Raises: Unsatisfiable.
    Source: RFC 9110, sections 14.1.2 and 14.2.
    """
    if header is None or len(header) > _LONGEST_HEADER:
        return None
    found = _RANGE.fullmatch(header)
    if found is None:
        return None
    first, last, suffix = found.groups()
    if suffix is not None:
        length = min(_number(suffix), size_bytes)
        if length == 0:
            raise Unsatisfiable
        return range(size_bytes - length, size_bytes)
    begin = _number(first)
    end = _number(last) if last else size_bytes - 1
    if last and end < begin:
        return None
    if begin >= size_bytes:
        raise Unsatisfiable
    return range(begin, min(end, size_bytes - 1) + 1)


def matches(header: str | None, etag: str) -> bool:
    """Whether an `If-None-Match` names `etag`. Source: RFC 9110, section 13.1.2."""
    if header is None:
        return False
    return header.strip() == "*" or etag in _TAG.findall(header)


def still_the_same(header: str | None, etag: str) -> bool:
    """Whether an `If-Range` allows to send a part: there is none, or it names exactly `etag`.

    A date never does: none is sent with a picture. Source: RFC 9110, section 13.1.5.
    """
    return header is None or header.strip() == etag


def _number(digits: str) -> int:
    """A number of any length, in time that does not grow with its square."""
    digits = digits.lstrip("0")
    return int(digits or "0") if len(digits) <= _DIGITS else 10**_DIGITS
