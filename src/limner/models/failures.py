"""How a chat provider can fail us: one row per code, with what to do about it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from limner.errors import ModelError, ModelOverloaded, ModelTimeout
from limner.transport.faults import FaultKind

__all__ = ["FAULT_CODES", "MODEL_FAILURES", "model_error"]


@dataclass(frozen=True, slots=True)
class _Failure:
    sentence: str
    retryable: bool


MODEL_FAILURES: Mapping[str, _Failure] = {
    "upstream_rate_limited": _Failure("the chat provider takes no more requests now; try again later", True),
    "upstream_quota": _Failure(
        "the chat provider's quota or credit is spent; top up the account or use another key", False
    ),
    "upstream_5xx": _Failure("the chat provider failed; try again later", True),
    "upstream_auth": _Failure(
        "the chat provider refused the key; check the API key and what it may use", False
    ),
    "upstream_unreachable": _Failure(
        "the chat provider cannot be reached; check the base URL and the network", True
    ),
    "upstream_ttfb_timeout": _Failure(
        "the chat provider sent nothing in time; try again or raise first_byte_s", False
    ),
    "upstream_idle_timeout": _Failure(
        "the chat provider stopped in the middle of its answer; try again or raise idle_s", False
    ),
    "upstream_reset": _Failure(
        "the connection to the chat provider broke before its answer ended; try again", True
    ),
    "upstream_truncated": _Failure("the chat provider's answer ended without its end; try again", True),
    "upstream_stream_error": _Failure(
        "the chat provider reported an error in the middle of its answer; try again", True
    ),
    "upstream_protocol": _Failure(
        "the chat provider's answer is none of the API that it was asked through; check the base URL, and `api` in [chat]",
        False,
    ),
    "upstream_too_large": _Failure(
        "the chat provider's answer is larger than allowed; ask for less or use another model", False
    ),
    "upstream_empty": _Failure(
        "the chat provider's answer holds no message; check the base URL and the model, and `api` in [chat]",
        False,
    ),
    "context_length_exceeded": _Failure(
        "the conversation is longer than the chat model can read; shorten it or use another model", False
    ),
    "upstream_bad_request": _Failure(
        "the chat provider refused the request; check that the model supports tools and all options", False
    ),
    "upstream_model_not_found": _Failure(
        "the chat provider has no such model, or no chat at this address; check the model and the base URL, and `api` in [chat]",
        False,
    ),
}
"""Source: scorecard section 3.1."""

FAULT_CODES: Mapping[FaultKind, str] = {
    "unreachable": "upstream_unreachable",
    "tls": "upstream_unreachable",
    "not_http": "upstream_unreachable",
    "first_byte": "upstream_ttfb_timeout",
    "idle": "upstream_idle_timeout",
    "total": "upstream_idle_timeout",
    "reset": "upstream_reset",
    "too_large": "upstream_too_large",
    "encoding": "upstream_protocol",
}

_TIMEOUTS = frozenset({"upstream_ttfb_timeout", "upstream_idle_timeout"})


def model_error(code: str, *, status: int = 0, retry_after_s: float | None = None) -> ModelError:
    """The error for `code`; `status` is the HTTP status where one was seen."""
    failure = MODEL_FAILURES[code]
    if code in _TIMEOUTS:
        return ModelTimeout(failure.sentence, code=code, retryable=failure.retryable)
    if status in (402, 429, 529):
        overloaded = ModelOverloaded(failure.sentence, code=code, retry_after_s=retry_after_s)
        # Waiting does not fill an account.
        overloaded.retryable = failure.retryable
        return overloaded
    return ModelError(failure.sentence, code=code, retryable=failure.retryable)
