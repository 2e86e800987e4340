"""Text that is always valid UTF-8."""

from __future__ import annotations

__all__ = ["clean"]


def clean(text: str) -> str:
    r"""`text` with U+FFFD in place of each lone surrogate; JSON can smuggle them in as `\ud800`."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")
    return text
