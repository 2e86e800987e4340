"""From whatever went wrong to one code of the closed list."""

from __future__ import annotations

from dataclasses import dataclass, field

import pytest

from limner.errors import (
    CALL_CODES,
    CallerError,
    ConfigError,
    JournalError,
    LimnerError,
    ModelError,
    ModelOverloaded,
    PictureError,
    StoreError,
)
from limner.gateway.faults import UPSTREAM_SENTENCES, refusal_of, whole_seconds
from limner.gateway.refusal import REFUSALS, Refusal
from limner.models.failures import MODEL_FAILURES, model_error

STATUS = {
    "upstream_rate_limited": 429,
    "upstream_quota": 429,
    "upstream_ttfb_timeout": 504,
    "upstream_idle_timeout": 504,
    "context_length_exceeded": 400,
    "upstream_bad_request": 400,
    "upstream_model_not_found": 404,
}


@pytest.mark.parametrize("code", sorted(MODEL_FAILURES))
def test_every_failure_of_a_model_has_a_status_and_words_of_ours(code: str) -> None:
    """U01 to U19: 502, but for what has a status of its own; never the model's provider's words."""
    refusal = refusal_of(model_error(code, status=429 if "rate" in code or "quota" in code else 0))
    assert refusal.kind.status == STATUS.get(code, 502)
    assert str(refusal) == UPSTREAM_SENTENCES.get(code, refusal.kind.sentence) != ""
    assert refusal.bought == (code in ("upstream_ttfb_timeout", "upstream_empty"))


@pytest.mark.parametrize(
    ("seconds", "said"),
    [
        (2.0, 2),
        (0.2, 1),
        (0, 1),
        (1.2, 2),
        (120, 120),
        (3600, 120),
        (-1, None),
        (float("nan"), None),
        (float("inf"), None),
        (None, None),
    ],
)
def test_a_wait_is_said_in_whole_seconds_within_bounds(seconds: float | None, said: int | None) -> None:
    """U02: a sane Retry-After, or none."""
    assert whole_seconds(seconds) == said
    error = ModelOverloaded("", code="upstream_rate_limited", retry_after_s=seconds)
    assert refusal_of(error).retry_after_s == said


@dataclass
class Half:
    """What there is of a reply."""

    images: list[str] = field(default_factory=list)


@pytest.mark.parametrize("pictures", [[], ["a picture"]])
def test_after_a_picture_was_bought_nobody_asks_again_by_himself(pictures: list[str]) -> None:
    """S29: a failure after something was paid for."""
    error = ModelError("", code="upstream_5xx", retryable=True)
    error.reply = Half(pictures)
    assert refusal_of(error).bought == bool(pictures)


@pytest.mark.parametrize("code", sorted(CALL_CODES))
def test_a_picture_that_is_all_that_was_asked_for_and_fails_is_an_error(code: str) -> None:
    """A refusal by policy is the caller's, the rest is not; it may have been billed."""
    refusal = refusal_of(PictureError(code, detail="their own words"))
    assert refusal.code == ("image_policy" if code == "image_policy" else "image_failed")
    assert refusal.bought
    assert "their own words" not in str(refusal)


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (CallerError("tool 'a' is declared twice; rename one", code="tool_duplicate"), "invalid_value"),
        (CallerError("busy", code="conversation_busy"), "turn_busy"),
        (CallerError("closed", code="engine_closed"), "server_draining"),
        (CallerError("no run 'x' in /state/journal.db", code="run_unknown"), "turn_unknown"),
        (CallerError("give results", code="results_missing"), "results_missing"),
        (ConfigError("/etc/limner.toml: no key", code="config_incomplete"), "internal"),
        (JournalError("locked: /state/journal.db", code="journal_busy"), "turn_busy"),
        (JournalError("locked: /state/journal.db", code="journal_unavailable"), "store_unavailable"),
        (StoreError("gone", code="image_not_found"), "image_not_found"),
        (StoreError("/state is full", code="image_store_full"), "store_unavailable"),
        (StoreError("odd", code="internal"), "store_unavailable"),
        (LimnerError("odd", code="odd"), "internal"),
        (KeyError("x"), "internal"),
        (
            BaseExceptionGroup("", [KeyError("x"), ExceptionGroup("", [StoreError("", code="a")])]),
            "store_unavailable",
        ),
        (ExceptionGroup("", [StoreError("", code="a"), Refusal("turn_busy")]), "turn_busy"),
    ],
)
def test_every_error_is_a_row(error: BaseException, code: str) -> None:
    """S32: its own words are told only where they are ours and about the request."""
    refusal = refusal_of(error)
    assert refusal.code == code
    if code not in ("invalid_value", "results_missing"):
        assert str(refusal) == REFUSALS[code].sentence


@pytest.mark.parametrize(
    "error",
    [
        JournalError("the disk is full", code="journal_unavailable"),
        StoreError("the disk is full", code="store_full"),
        JournalError("somebody goes on with it", code="journal_busy"),
        CallerError("the engine is closed", code="engine_closed"),
    ],
    ids=lambda error: error.code,
)
def test_what_passes_by_itself_says_when_to_ask_again(error: LimnerError) -> None:
    """P04: a full disk, a busy turn and a service that ends say in whole seconds when to come back."""
    wait_s = refusal_of(error).retry_after_s
    assert wait_s is not None
    assert 1 <= wait_s <= 120
