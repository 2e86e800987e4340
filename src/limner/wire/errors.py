"""What a provider's refusal means, in our words.

Providers write errors in five shapes (an object, a text, `detail`, a list, a page of HTML) and
put what happened into a status, a code, a type, or only into prose. Their words are kept for
the debug log alone; everything else is one of our codes.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from .parsing import parsed
from .text import clean

__all__ = ["Fault", "chat_code", "fault_in_body", "picture_code", "read_fault", "says_no"]


_TRY_AGAIN = re.compile(r"try again in ([0-9]{1,6}(?:\.[0-9]{1,6})?) ?(ms|s|m)\b")
_UNITS_S = {"ms": 0.001, "s": 1.0, "m": 60.0}
"""Source: recorded bodies of OpenAI, "Please try again in 12s." (facts, images, 2.6)."""


@dataclass(frozen=True, slots=True)
class Fault:
    """A refusal, read."""

    status: int
    """The HTTP status; of an error inside a 200, the status that the error names, else 0."""
    words: frozenset[str]
    """Every code-like word of the error in lower case: `code`, `type`, `error_type`."""
    message: str
    """The provider's own words, for the debug log alone; at most 2,000 characters."""

    def says(self, *fragments: str) -> bool:
        """Whether one of `fragments` (in lower case) stands in the message."""
        lowered = self.message.lower()
        return any(fragment in lowered for fragment in fragments)

    @property
    def told_s(self) -> float | None:
        """The wait that the message asks for; None where it asks for none."""
        found = _TRY_AGAIN.search(self.message)
        if found is None:
            return None
        return float(found[1]) * _UNITS_S[found[2]]

    def tells(self, words: frozenset[str]) -> bool:
        """Whether one of `words` is all that tells what happened: there is no status."""
        return not self.status and bool(self.words & words)


def read_fault(status: int, body: bytes | object) -> Fault:
    """Read the body of an error answer: bytes as they came, or JSON already parsed."""
    whole = _parsed(body) if isinstance(body, bytes) else body
    error = whole
    if isinstance(whole, list) and whole:
        error = whole[0]
    if isinstance(error, dict):
        error = error.get("error") or error.get("detail") or error
    words: set[str] = set()
    _collect(error, words)
    if isinstance(whole, dict) and whole is not error:
        _collect({key: whole.get(key) for key in ("code", "type", "error_type")}, words)
        if isinstance(error, str) and isinstance(whole.get("message"), str):
            # One server writes the kind as `error` and the prose beside it.
            words.add(error.lower())
            error = whole["message"]
    return Fault(status if status >= 300 else _status(error), frozenset(words), _message(error, body)[:2000])


def fault_in_body(body: object) -> Fault | None:
    """The error inside an answer or a chunk that came with status 200; None where there is none."""
    if not isinstance(body, dict):
        return None
    if body.get("error") or body.get("object") == "error" or body.get("type") == "error":
        return read_fault(0, body)
    choices = body.get("choices")
    if isinstance(choices, list) and choices and isinstance(choices[0], dict) and choices[0].get("error"):
        return read_fault(0, choices[0])
    return None


_QUOTA_WORDS = frozenset(
    {"insufficient_quota", "billing_hard_limit_reached", "payment_required", "insufficient_credits"}
)
_QUOTA_PROSE = ("billing hard limit", "exceeded your current quota", "insufficient credits")
_CONTEXT_WORDS = frozenset(
    {"context_length_exceeded", "max_tokens_exceeded", "token_limit_exceeded", "string_too_long"}
)
_CONTEXT_PROSE = (
    "maximum context length",
    "context window",
    "context length",
    "prompt is too long",
    "too many tokens",
    "input token count",
)
_MODEL_WORDS = frozenset({"model_not_found", "model_deprecated", "no_endpoints", "deploymentnotfound"})
_MODEL_PROSE = ("not a valid model", "model not found", "no endpoints found", "has been deprecated")
_POLICY_WORDS = frozenset(
    {
        "moderation_blocked",
        "content_policy_violation",
        "image_content_policy_violation",
        "content_filter",
        "content_filtered",
        "contentfilter",
        "responsibleaipolicyviolation",
        "refusal",
        "safety",
    }
)
_POLICY_PROSE = (
    "safety system",
    "content policy",
    "content_policy",
    "contentpolicyviolation",
    "moderation",
    "flagged",
)
_POLICY_DETAILS = ("flagged_input", "moderation_details", "patterns", "reasons")
"""What stands beside a refusal only where a policy is why."""
_RATE_WORDS = frozenset(
    {"rate_limit_exceeded", "rate_limit_error", "too_many_requests", "capacity_exhausted"}
)
_AUTH_WORDS = frozenset(
    {"authentication", "authentication_error", "invalid_api_key", "permission_denied", "permission_error"}
)
_REQUEST_WORDS = frozenset(
    {"invalid_prompt", "invalid_request", "invalid_request_error", "invalid_value", "unknown_parameter"}
)
_MAX_ANSWER = 10_000
_NO_PROSE = (
    *_POLICY_PROSE,
    "against my guidelines",
    "can't create",
    "can't generate",
    "can't help with",
    "can’t create",
    "can’t generate",
    "can’t help with",
    "cannot create",
    "cannot generate",
    "safety guidelines",
    "unable to create",
    "unable to generate",
    "usage policies",
)
"""Source: recorded bodies of OpenAI, Azure, OpenRouter, vLLM and LiteLLM (facts of 2026-11-21)."""


_Row = tuple[Callable[[Fault], bool], str]

_CHAT_ROWS: tuple[_Row, ...] = (
    (lambda fault: bool(fault.words & _QUOTA_WORDS) or fault.status == 402, "upstream_quota"),
    (lambda fault: fault.status == 429, "upstream_rate_limited"),
    (lambda fault: fault.status in (401, 403), "upstream_auth"),
    (lambda fault: fault.status >= 500 or fault.status == 408, "upstream_5xx"),
    (
        lambda fault: (
            fault.status == 413 or bool(fault.words & _CONTEXT_WORDS) or fault.says(*_CONTEXT_PROSE)
        ),
        "context_length_exceeded",
    ),
    (
        lambda fault: fault.status == 404 or bool(fault.words & _MODEL_WORDS) or fault.says(*_MODEL_PROSE),
        "upstream_model_not_found",
    ),
    (lambda fault: fault.status >= 400, "upstream_bad_request"),
    (lambda fault: fault.status >= 300, "upstream_protocol"),
)
"""The first row that fits wins. Source: scorecard U01 to U12."""

_PICTURE_ROWS: tuple[_Row, ...] = (
    (
        lambda fault: (
            bool(fault.words & _POLICY_WORDS)
            or (fault.status in (0, 400, 403, 422) and fault.says(*_POLICY_PROSE))
        ),
        "image_policy",
    ),
    (
        lambda fault: bool(fault.words & _QUOTA_WORDS) or fault.status == 402 or fault.says(*_QUOTA_PROSE),
        "image_quota",
    ),
    (lambda fault: fault.status == 429 or fault.tells(_RATE_WORDS), "image_rate_limited"),
    (lambda fault: fault.status in (401, 403) or fault.tells(_AUTH_WORDS), "image_auth"),
    # A timeout that somebody on the way reports says nothing about what the maker went on to do.
    (lambda fault: fault.status in (408, 504, 524), "image_timeout"),
    (lambda fault: 300 <= fault.status < 500 or fault.tells(_REQUEST_WORDS), "image_bad_request"),
)
"""The first row that fits wins. Source: scorecard I01 to I04."""


def chat_code(fault: Fault) -> str:
    """Our code for a chat provider's refusal."""
    return next((code for fits, code in _CHAT_ROWS if fits(fault)), "upstream_stream_error")


def picture_code(fault: Fault) -> tuple[str, Literal["no", "unknown"]]:
    """Our code for a picture maker's refusal, and whether it was billed."""
    code = next((code for fits, code in _PICTURE_ROWS if fits(fault)), "image_provider_error")
    return code, "unknown" if code in ("image_timeout", "image_provider_error") else "no"


def says_no(text: str) -> bool:
    """Whether a model that was asked for a picture answers in words that it won't draw it."""
    lowered = text[:_MAX_ANSWER].lower()
    return any(fragment in lowered for fragment in _NO_PROSE)


def _parsed(body: bytes) -> object:
    try:
        return parsed(body)
    except ValueError:
        return body.decode("utf-8", "replace")


def _collect(error: object, words: set[str], depth: int = 3) -> None:
    """Gather the code-like words of `error` and of the details that it nests, a few levels down."""
    if not isinstance(error, Mapping) or not depth:
        return
    for key in ("code", "type", "error_type", "status"):
        value = error.get(key)
        if isinstance(value, str) and value:
            words.add(value.lower())
    if any(error.get(key) for key in _POLICY_DETAILS):
        words.add("content_filter")
    for key in ("metadata", "inner_error", "innererror"):
        _collect(error.get(key), words, depth - 1)


def _status(error: object) -> int:
    """The HTTP status that an error inside a 200 names; 0 where it names none."""
    code: Any = error.get("code") if isinstance(error, Mapping) else None
    if isinstance(code, str) and code.isascii() and code.isdigit() and len(code) == 3:
        code = int(code)
    return code if isinstance(code, int) and not isinstance(code, bool) and 400 <= code <= 599 else 0


def _message(error: object, body: object) -> str:
    said: Any = error.get("message") if isinstance(error, Mapping) else error
    if isinstance(said, str):
        return clean(said)
    if isinstance(body, bytes):
        return clean(body.decode("utf-8", "replace"))
    try:
        return clean(repr(body))
    except RecursionError:
        return ""
