"""What a caller is told who uses an engine that is not open."""

from __future__ import annotations

from limner.errors import CallerError

__all__ = ["closed"]


def closed() -> CallerError:
    """An engine that is not open yet, or not any more."""
    return CallerError("the engine is not open; use `async with Engine() as engine`", code="engine_closed")
