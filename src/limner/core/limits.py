"""How much one turn may take before the model is asked to finish, and how much money all of them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from limner.errors import CallerError

__all__ = ["Limits"]


@dataclass(frozen=True, slots=True)
class Limits:
    """The limits of one turn, and of a conversation's money.

    The end is graceful: the model is asked once more, with its tools off.
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
    """US dollars for the pictures of one turn; None is no limit."""
    repairs: int = 2
    """Rounds in which the model may get a call wrong and try again, >= 0."""
    closing_s: float = 30.0
    """Beyond `seconds`, for the model's last words, > 0."""
    conversation_usd: float | None = None
    """US dollars for the pictures of the whole conversation; None is no limit."""
    unknown_prices: Literal["refuse", "allow"] = "refuse"
    """What becomes of a picture whose price nobody knows where money is limited, here or by a `Budget`."""

    def __post_init__(self) -> None:
        """Raises: CallerError (`limits_invalid`)."""
        counts = {name: getattr(self, name) for name in ("rounds", "calls", "images", "repairs")}
        spans = {"seconds": self.seconds, "closing_s": self.closing_s}
        # Not `value < 0`: nothing is less or more than NaN, and a limit that holds nothing is none.
        wrong = [name for name, value in counts.items() if not value >= 0]
        wrong += [name for name, value in spans.items() if not value > 0]
        money = {"usd": self.usd, "conversation_usd": self.conversation_usd}
        wrong += [name for name, value in money.items() if value is not None and not value >= 0]
        if wrong:
            value = getattr(self, wrong[0])
            raise CallerError(
                f"the limit {wrong[0]!r} cannot be {value!r}; give a number", code="limits_invalid"
            )
        if self.unknown_prices not in ("refuse", "allow"):
            raise CallerError(
                f"'unknown_prices' cannot be {self.unknown_prices!r}; give 'refuse' or 'allow'",
                code="limits_invalid",
            )
