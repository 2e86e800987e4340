"""How much one turn may take before the model is asked to finish."""

from __future__ import annotations

from dataclasses import dataclass

from limner.errors import CallerError

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
    """Until the model is asked to finish, > 0; the time that a turn waits for its caller, or for a
    process to resume it, does not count."""
    usd: float | None = None
    """Money for pictures; None is no limit. With a limit, a picture of unknown price is refused."""
    repairs: int = 2
    """Rounds in which the model may get a call wrong and try again, >= 0."""
    closing_s: float = 30.0
    """Beyond `seconds`, for the model's last words, > 0."""

    def __post_init__(self) -> None:
        """Raises: CallerError (`limits_invalid`)."""
        counts = {name: getattr(self, name) for name in ("rounds", "calls", "images", "repairs")}
        spans = {"seconds": self.seconds, "closing_s": self.closing_s}
        wrong = [name for name, value in counts.items() if value < 0]
        # Not `value <= 0`: nothing is less or more than NaN, and a limit that holds nothing is none.
        wrong += [name for name, value in spans.items() if not value > 0]
        if self.usd is not None and not self.usd >= 0:
            wrong.append("usd")
        if wrong:
            value = getattr(self, wrong[0])
            raise CallerError(
                f"the limit {wrong[0]!r} cannot be {value!r}; give a number", code="limits_invalid"
            )
