"""How much one turn may take before the model is asked to finish."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["Limits"]


@dataclass(frozen=True, slots=True)
class Limits:
    """The limits of one turn; the end is graceful: the model is asked once more, with its tools off.

    Source of the defaults: scorecard section 3.
    """

    rounds: int = 8
    """Requests to the model in which it may still call tools, >= 0."""
    calls: int = 32
    """Calls of any tool, >= 0."""
    images: int = 16
    """Pictures that may be asked for, >= 0."""
    seconds: float = 300.0
    """From the user's message until the model is asked to finish, > 0."""
    usd: float | None = None
    """Money for pictures; None is no limit. With a limit, a picture of unknown price is refused."""
    repairs: int = 2
    """Rounds in which the model may get a call wrong and try again, >= 0."""
    closing_s: float = 30.0
    """Beyond `seconds`, for the model's last words, > 0."""
