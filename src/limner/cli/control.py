"""Control characters, which drive a terminal, as characters that are seen."""

from __future__ import annotations

import re

__all__ = ["visible"]

# Lines and tabs are text. A carriage return is part of a line's end, or it hides what stands before it.
_CONTROL = re.compile("[\0-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f]|\r(?!\n)")


def visible(text: str) -> str:
    """`text` with nothing in it that a terminal obeys: neither C0 nor C1, except for line ends and tabs."""
    return _CONTROL.sub(_picture, text)


def _picture(found: re.Match[str]) -> str:
    code = ord(found[0])
    if code < 0x20:
        return chr(0x2400 + code)
    # C1 has no pictures of its own.
    return "\u2421" if code == 0x7F else "\ufffd"
