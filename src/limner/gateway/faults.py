"""From whatever went wrong to what the client is told: one refusal of the closed list."""

from __future__ import annotations

import math
from collections.abc import Mapping

from limner.errors import (
    CallerError,
    JournalError,
    LimnerError,
    ModelError,
    ModelOverloaded,
    ParameterError,
    PictureError,
    StoreError,
)

from .refusal import REFUSALS, Refusal

__all__ = ["UPSTREAM_SENTENCES", "refusal_of", "whole_seconds"]

_SHORTEST_S, _LONGEST_S = 1, 120

_ALIASES: Mapping[str, str] = {
    # What has another name inside.
    "upstream_model_not_found": "model_not_found",
    "conversation_busy": "turn_busy",
    "journal_busy": "turn_busy",
    "journal_conflict": "turn_busy",
    "journal_foreign": "turn_unknown",
    "run_unknown": "turn_unknown",
    "results_unknown": "turn_unknown",
    "engine_closed": "server_draining",
}

UPSTREAM_SENTENCES: Mapping[str, str] = {
    # The name was let in here, so a list of names is no help; a wrong `api` is answered like this as well.
    "upstream_model_not_found": "The model's provider has no such model, or nothing at its address; check the "
    "model's name, and let the operator check the `base_url` and `api` of its endpoint.",
}
"""What a provider's answer means, where the sentence of our own refusal would mislead."""

_SAID = frozenset(
    {
        # Sentences about what the client itself has sent; the others speak of this service's insides.
        "message_empty",
        "nothing_to_answer",
        "part_invalid",
        "picture_not_bytes",
        "promise_invalid",
        "results_missing",
        "schema_invalid",
        "schema_remote_ref",
        "tool_choice_unknown",
        "tool_duplicate",
        "tool_name_invalid",
        "tool_result_not_json",
    }
)

_PASSES_S: Mapping[str, int] = {"store_unavailable": 5, "server_draining": 5, "turn_busy": 2}
"""When to ask again for what passes by itself. Source: scorecard, row P04."""

_MAYBE_BILLED = frozenset({"upstream_ttfb_timeout", "upstream_empty"})
"""The provider may have billed for what nobody received. Source: scorecard U08, U19."""


def refusal_of(error: BaseException) -> Refusal:
    """What the client is told of `error`; never its own words, unless they are ours and about the request."""
    error = _leaf(error)
    if isinstance(error, Refusal):
        return error
    if isinstance(error, ModelError):
        return _of_model(error)
    if isinstance(error, CallerError):
        return _of_caller(error)
    if isinstance(error, PictureError):
        return Refusal("image_policy" if error.code == "image_policy" else "image_failed", bought=True)
    code = _ALIASES.get(error.code, error.code) if isinstance(error, LimnerError) else "internal"
    if isinstance(error, StoreError | JournalError) and (code not in REFUSALS or code == "internal"):
        code = "store_unavailable"
    return Refusal(code if code in REFUSALS else "internal", retry_after_s=_PASSES_S.get(code))


def whole_seconds(seconds: float | None) -> int | None:
    """What `Retry-After` may say: 1 to 120, or nothing where the figure is none (scorecard U02)."""
    if seconds is None or not math.isfinite(seconds) or seconds < 0:
        return None
    return min(_LONGEST_S, max(_SHORTEST_S, math.ceil(seconds)))


def _leaf(error: BaseException) -> BaseException:
    """The one that says most, where several things went wrong at the same time."""
    if not isinstance(error, BaseExceptionGroup):
        return error
    leaves = [_leaf(each) for each in error.exceptions]
    for kind in (Refusal, LimnerError):
        for leaf in leaves:
            if isinstance(leaf, kind):
                return leaf
    return leaves[0]


def _of_model(error: ModelError) -> Refusal:
    code = _ALIASES.get(error.code, error.code)
    if code not in REFUSALS:
        code = "upstream_5xx"
    retry_after_s = whole_seconds(error.retry_after_s) if isinstance(error, ModelOverloaded) else None
    bought = code in _MAYBE_BILLED or bool(getattr(error.reply, "images", ()))
    sentence = UPSTREAM_SENTENCES.get(error.code, "")
    return Refusal(code, sentence, retry_after_s=retry_after_s, bought=bought)


def _of_caller(error: CallerError) -> Refusal:
    if isinstance(error, ParameterError):
        return Refusal("parameter_refused", str(error), param=error.param)
    code = _ALIASES.get(error.code, error.code)
    sentence = str(error) if error.code in _SAID else ""
    if code in REFUSALS and code != "internal":
        return Refusal(code, sentence, retry_after_s=_PASSES_S.get(code))
    if sentence:
        return Refusal("invalid_value", sentence)
    # The configuration is at fault, or one of us: nothing that the client could mend.
    return Refusal("internal")
