"""Every error of Limner, and every code that a failed call can carry.

    LimnerError
    ├── CallerError              the caller asked for something that cannot be (400)
    │   ├── ConfigError          an argument, a variable or a file says something unusable (400)
    │   └── ParameterError       an image model does not take a parameter's value; `param` names it (400)
    ├── ModelError               the chat model could not answer (502)
    │   ├── ModelOverloaded      it said 429 or 529; `retry_after_s` is its own figure or None (429)
    │   └── ModelTimeout         it did not say its first or its next word in time (504)
    ├── PictureError             one picture could not be drawn; never leaves the engine (502)
    ├── StoreError               pictures cannot be kept or read (503)
    └── JournalError             facts cannot be recorded, or another process owns the run (503)

Each error has a `code` (stable, for programs) and an `http_status` (what a gateway answers).
The sentence is for people and ends with what to do.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, Literal

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = [
    "CALL_CODES",
    "CallCode",
    "CallerError",
    "ConfigError",
    "JournalError",
    "LimnerError",
    "ModelError",
    "ModelOverloaded",
    "ModelTimeout",
    "ParameterError",
    "PictureError",
    "StoreError",
]


_LONGEST_SHOWN = 80


class LimnerError(Exception):
    """The root: catch this to catch everything that Limner raises by itself."""

    http_status: ClassVar[int] = 500
    code: str

    def __init__(self, sentence: str, *, code: str) -> None:
        super().__init__(sentence)
        self.code = code


class CallerError(LimnerError):
    """The caller asked for something that cannot be; nothing was sent."""

    http_status = 400


class ConfigError(CallerError):
    """An argument, an environment variable or the file says something unusable."""


class ParameterError(CallerError):
    """An image model does not take this value of a parameter; nothing was sent."""

    def __init__(self, param: str, given: object, allowed: str, *, model: str) -> None:
        """`allowed` says in words what to give instead, "1024x1024, 1792x1024 or 1024x1792"; empty: nothing."""
        shown = repr(given) if len(repr(given)) <= _LONGEST_SHOWN else f"{repr(given)[:_LONGEST_SHOWN]}…"
        advice = f"give {allowed}" if allowed else "leave it out"
        super().__init__(f"{model} does not take {param} {shown}; {advice}", code="parameter_refused")
        self.param = param
        self.given = given
        self.allowed = allowed


class ModelError(LimnerError):
    """The chat model could not answer.

    `reply` is what exists all the same (text so far, pictures that were drawn), when the
    error comes from a conversation; `retryable` says whether the same request may work later.
    """

    http_status = 502
    reply: object | None = None

    def __init__(self, sentence: str, *, code: str, retryable: bool = False) -> None:
        super().__init__(sentence, code=code)
        self.retryable = retryable


class ModelOverloaded(ModelError):
    """The provider said 429 or 529; `retry_after_s` is its own figure or None."""

    http_status = 429

    def __init__(self, sentence: str, *, code: str, retry_after_s: float | None = None) -> None:
        super().__init__(sentence, code=code, retryable=True)
        self.retry_after_s = retry_after_s


class ModelTimeout(ModelError):
    """The provider did not say its first or its next word in time; the request may have been billed."""

    http_status = 504


class StoreError(LimnerError):
    """Pictures cannot be kept or read."""

    http_status = 503


class JournalError(LimnerError):
    """Facts cannot be recorded, or another process owns the run."""

    http_status = 503


@dataclass(frozen=True, slots=True)
class CallCode:
    """One way in which a call can fail."""

    sentence: str
    """What the model reads; never a provider's own words."""
    retryable: bool
    """Whether the same call may succeed later."""


CALL_CODES: Mapping[str, CallCode] = {
    # What the model asked for cannot be run.
    "unknown_tool": CallCode("There is no tool of that name.", False),
    "arguments_invalid_json": CallCode("The arguments are not valid JSON.", False),
    "arguments_not_object": CallCode("The arguments are not a JSON object.", False),
    "arguments_schema": CallCode("The arguments do not fit the tool's schema.", False),
    "arguments_truncated": CallCode("The arguments were cut off before their end.", False),
    "repeated_call": CallCode("The same call was already made twice in this turn.", False),
    # A limit of the application was reached.
    "too_many_calls": CallCode("The limit of calls for this turn is reached.", False),
    "too_many_images": CallCode("The limit of pictures for this turn is reached.", False),
    "budget_exceeded": CallCode("The picture does not fit into the budget.", False),
    "price_unknown": CallCode("The price of this picture is unknown and the budget is limited.", False),
    "turn_deadline": CallCode("The time for this turn is over.", False),
    "cancelled": CallCode("The call was cancelled before it started.", True),
    # A tool of the application.
    "tool_failed": CallCode("The tool failed.", True),
    "tool_timeout": CallCode("The tool did not answer in time.", True),
    # The picture's provider.
    "image_policy": CallCode("The picture was refused by the provider's content policy.", False),
    "image_rate_limited": CallCode("The picture provider is overloaded.", True),
    "image_quota": CallCode("The picture provider's quota is spent.", False),
    "image_auth": CallCode("The picture provider refused the application's key.", False),
    "image_bad_request": CallCode("The picture provider refused the request.", False),
    "image_unreachable": CallCode("The picture provider cannot be reached.", True),
    "image_provider_error": CallCode("The picture provider failed.", True),
    "image_timeout": CallCode("The picture was not drawn in time.", True),
    "outcome_unknown": CallCode(
        "The picture was ordered, but nobody saw whether it was drawn; it is not ordered again.", False
    ),
    # The picture's bytes.
    "image_bad_payload": CallCode("The provider's answer held no picture.", True),
    "image_type_not_allowed": CallCode(
        "The provider's answer is not a picture of an accepted format.", False
    ),
    "image_truncated": CallCode("The picture arrived incomplete.", True),
    "image_too_large": CallCode("The picture has too many bytes.", False),
    "image_too_many_pixels": CallCode("The picture has too many pixels.", False),
    "image_decode_failed": CallCode("The picture cannot be decoded.", True),
    "image_url_expired": CallCode("The picture's link had expired.", True),
    "image_fetch_blocked": CallCode("The picture's link points to a forbidden address.", False),
    "image_download_timeout": CallCode("The picture's download took too long.", True),
    "image_store_full": CallCode("The picture was drawn, but there is no room to keep it.", True),
    "internal": CallCode("Something went wrong inside the application.", True),
}
"""The closed list of codes of failed calls. Source: scorecard sections 3.1 and 3.2."""


class PictureError(LimnerError):
    """One picture could not be drawn.

    Picture makers raise it; the engine turns it into the call's result, so it never leaves
    the engine. `billed` says what is known about money: "no" only where the provider is
    known not to charge for that answer, and `cost_usd` is its own figure, where it gives one for
    what failed. `detail` is for the restricted debug log alone: it may hold the provider's words.
    """

    http_status = 502

    def __init__(
        self,
        code: str,
        *,
        billed: Literal["no", "yes", "unknown"] = "unknown",
        detail: str = "",
        retry_after_s: float | None = None,
        cost_usd: float | None = None,
    ) -> None:
        super().__init__(CALL_CODES[code].sentence, code=code)
        self.billed = billed
        self.cost_usd = cost_usd
        self.detail = detail
        self.retry_after_s = retry_after_s
        self.retryable = CALL_CODES[code].retryable
