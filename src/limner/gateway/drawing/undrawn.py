"""Why an order brought no picture at all, as the client is told."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from limner.core.calls import Call
from limner.errors import CALL_CODES

from ..refusal import Refusal

__all__ = ["undrawn"]

_CODES: Mapping[str, str] = {
    "image_policy": "image_policy",
    "budget_exceeded": "budget_exceeded",
    "price_unknown": "budget_exceeded",
    "image_bad_request": "upstream_bad_request",
    "image_rate_limited": "upstream_rate_limited",
    "image_quota": "upstream_quota",
    "image_auth": "upstream_auth",
    "image_unreachable": "upstream_unreachable",
    "image_timeout": "upstream_ttfb_timeout",
    "image_download_timeout": "upstream_idle_timeout",
    "turn_deadline": "turn_deadline",
    "image_store_full": "store_unavailable",
    "cancelled": "server_draining",
}
"""Of `errors.CALL_CODES`; all others are `image_failed`."""
_RETRY_AFTER_S: Mapping[str, int] = {"upstream_rate_limited": 20, "server_draining": 5}
_SENTENCES: Mapping[str, str] = {
    "price_unknown": "What the picture costs is not known, and the money of this key is limited; "
    "name a model whose price is known.",
    "image_bad_request": "The picture provider refused the request; check its parameters.",
    "image_rate_limited": "The picture provider takes no more requests now; wait a little.",
    "image_quota": "The quota at the picture provider is spent; who runs this service must see to it.",
    "image_auth": "The picture provider refused the service's key; who runs this service must see to it.",
    "image_unreachable": "The picture provider cannot be reached; try again.",
    "image_timeout": "The picture was not drawn in time; it may have been paid for, so think before you ask again.",
    "image_download_timeout": "The picture was drawn and paid for, but its download took too long.",
    "image_store_full": "The picture was drawn and paid for, but there is no room to keep it.",
}


def undrawn(calls: Iterable[Call], *, model_unknown: bool = False) -> Refusal:
    """The refusal for pictures of which none was drawn: the first one's reason.

    `model_unknown`: the provider has nothing under the name that the client gave.
    """
    outcomes = [call.outcome for call in calls if call.outcome is not None]
    # Whoever repeats it by himself buys again what may have been paid for.
    bought = any(outcome.paid is not False for outcome in outcomes)
    code = next((outcome.code for outcome in outcomes if outcome.code is not None), "internal")
    if model_unknown and code == "image_bad_request":
        sentence = "The picture provider has no such model; see GET /v1/images/models, or leave 'model' out."
        return Refusal("model_not_found", sentence, param="model", bought=bought)
    named = _CODES.get(code, "image_failed")
    sentence = _SENTENCES.get(code, "" if named == code else CALL_CODES[code].sentence)
    return Refusal(named, sentence, retry_after_s=_RETRY_AFTER_S.get(named), bought=bought)
