"""What a request is answered with when it cannot be answered: one row per code.

The closed list of everything that can be wrong. Sentences are ours; nothing that an upstream or a
library says is ever repeated to a client.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

__all__ = ["REFUSALS", "Kind", "Refusal"]


@dataclass(frozen=True, slots=True)
class Kind:
    """What a code means on the wire."""

    status: int
    type: str
    """OpenAI's `error.type`."""
    error_type: str
    """OpenRouter's `error.metadata.error_type`."""
    sentence: str = ""
    """Said where the one who refuses has nothing more exact to say."""


_INVALID = "invalid_request_error"
_RATE = "rate_limit_error"
_UPSTREAM = "upstream_error"

REFUSALS: Mapping[str, Kind] = {
    # Who asks.
    "invalid_api_key": Kind(
        401,
        "authentication_error",
        "authentication",
        "The API key is missing or wrong; send Authorization: Bearer <key>.",
    ),
    "host_invalid": Kind(
        400, _INVALID, "invalid_request", "The Host header names no host that is served here."
    ),
    "origin_forbidden": Kind(
        403,
        _INVALID,
        "permission_denied",
        "Pages of other sites are not answered; ask from a server, or from a page of this address.",
    ),
    # What is asked, before it is read.
    "http_invalid": Kind(400, _INVALID, "invalid_request", "This is not a valid HTTP/1.1 request."),
    "url_too_long": Kind(414, _INVALID, "invalid_request", "The URL is too long; send what is long as JSON."),
    "headers_too_large": Kind(
        431, _INVALID, "invalid_request", "The headers are too many or too large; send fewer."
    ),
    "head_timeout": Kind(408, _INVALID, "timeout", "The headers did not arrive in time; send them again."),
    "not_found": Kind(
        404,
        _INVALID,
        "not_found",
        "There is nothing at this path; there are POST /v1/chat/completions, POST /v1/responses, "
        "POST /v1/images/generations, POST /v1/images/edits and GET /v1/models.",
    ),
    "method_not_allowed": Kind(
        405, _INVALID, "invalid_request", "The path is right, the method is not; Allow says which one is."
    ),
    "unsupported_media_type": Kind(
        415, _INVALID, "invalid_request", "Send JSON, with Content-Type: application/json."
    ),
    "body_too_large": Kind(
        413, _INVALID, "payload_too_large", "The body is larger than is accepted here; send less."
    ),
    "request_timeout": Kind(408, _INVALID, "timeout", "The body did not arrive in time; send it again."),
    "invalid_json": Kind(400, _INVALID, "invalid_request", "The body is not valid JSON."),
    "json_too_deep": Kind(
        400, _INVALID, "invalid_request", "The body is nested too deeply; send it flatter."
    ),
    "invalid_form": Kind(
        400, _INVALID, "invalid_request", "The body is not a valid form; send it as multipart/form-data."
    ),
    # What is asked, read.
    "missing_parameter": Kind(400, _INVALID, "invalid_request"),
    "invalid_value": Kind(400, _INVALID, "invalid_request"),
    "unsupported_parameter": Kind(400, _INVALID, "invalid_request"),
    "parameter_refused": Kind(400, _INVALID, "invalid_request"),
    "schema_invalid": Kind(400, _INVALID, "invalid_request"),
    "schema_remote_ref": Kind(400, _INVALID, "invalid_request"),
    "schema_too_complex": Kind(400, _INVALID, "invalid_request"),
    "model_not_found": Kind(404, _INVALID, "not_found", "There is no such model here; see GET /v1/models."),
    "context_length_exceeded": Kind(
        400,
        _INVALID,
        "context_length_exceeded",
        "The conversation is longer than the model can read; shorten it.",
    ),
    "upstream_bad_request": Kind(
        400, _INVALID, "invalid_request", "The model's provider refused the request; check its parameters."
    ),
    "results_missing": Kind(400, _INVALID, "invalid_request"),
    "turn_unknown": Kind(
        409,
        _INVALID,
        "invalid_request",
        "The turn of these tool calls is not known here any more; ask again.",
    ),
    "turn_busy": Kind(
        409, _INVALID, "invalid_request", "The turn is being answered already; wait for that answer."
    ),
    "response_not_found": Kind(
        404,
        _INVALID,
        "not_found",
        "There is no such response, or it is not kept any more; send the whole conversation as input.",
    ),
    # Pictures by link.
    "link_invalid": Kind(
        403,
        _INVALID,
        "permission_denied",
        "The link is cut short or changed, or has expired; open it as it was given, or ask for a new picture.",
    ),
    "image_not_found": Kind(
        404, _INVALID, "image_not_found", "There is no such picture; open the whole link, as it was given."
    ),
    "image_corrupt": Kind(404, _INVALID, "image_not_found", "The picture is damaged; ask for a new one."),
    "range_invalid": Kind(
        416, _INVALID, "invalid_request", "The range lies outside the picture; ask for the whole of it."
    ),
    # Too much at once.
    "rate_limited": Kind(429, _RATE, "rate_limit_exceeded", "This key asks too often; wait a little."),
    "too_many_requests": Kind(
        429,
        _RATE,
        "rate_limit_exceeded",
        "This key has as many requests under way as it may; wait for one to end.",
    ),
    "budget_exceeded": Kind(
        429,
        _RATE,
        "rate_limit_exceeded",
        "What is left of this key's money for pictures is not enough; ask for fewer, or tomorrow (UTC).",
    ),
    "overloaded": Kind(
        503, "overloaded_error", "provider_overloaded", "There is too much to do now; try again soon."
    ),
    "server_draining": Kind(
        503, "overloaded_error", "provider_overloaded", "The service is stopping; try again."
    ),
    "store_unavailable": Kind(
        503,
        "overloaded_error",
        "provider_overloaded",
        "Nothing can be kept now, so nothing is bought; try again.",
    ),
    # Idempotency.
    "idempotency_in_progress": Kind(
        409,
        _INVALID,
        "invalid_request",
        "A request with this Idempotency-Key is under way; wait for its end.",
    ),
    "idempotency_mismatch": Kind(
        422, _INVALID, "unprocessable", "This Idempotency-Key was used with another body; use a new one."
    ),
    "idempotency_not_kept": Kind(
        409,
        _INVALID,
        "invalid_request",
        "The answer to this request was too large to be kept; what it bought is not bought again. "
        "Use a new Idempotency-Key to ask anew.",
    ),
    # The model's provider.
    "upstream_rate_limited": Kind(
        429, _RATE, "rate_limit_exceeded", "The model's provider takes no more requests now; wait a little."
    ),
    "upstream_quota": Kind(
        429,
        _RATE,
        "payment_required",
        "The quota at the model's provider is spent; who runs this service must see to it.",
    ),
    "upstream_5xx": Kind(502, _UPSTREAM, "provider_unavailable", "The model's provider failed; try again."),
    "upstream_auth": Kind(
        502,
        _UPSTREAM,
        "provider_unavailable",
        "The model's provider refused the service's key; who runs this service must see to it.",
    ),
    "upstream_unreachable": Kind(
        502,
        _UPSTREAM,
        "provider_unavailable",
        "The model's provider cannot be reached; try again a little later.",
    ),
    "upstream_ttfb_timeout": Kind(
        504, "upstream_timeout", "timeout", "The model's provider sent nothing in time; try again."
    ),
    "upstream_idle_timeout": Kind(
        504,
        "upstream_timeout",
        "timeout",
        "The model's provider stopped in the middle of its answer; try again.",
    ),
    "turn_deadline": Kind(
        504, "upstream_timeout", "timeout", "The time for this turn is over; ask for less at once."
    ),
    "upstream_reset": Kind(
        502, _UPSTREAM, "provider_unavailable", "The connection to the model's provider broke; try again."
    ),
    "upstream_truncated": Kind(
        502,
        _UPSTREAM,
        "provider_unavailable",
        "The answer of the model's provider ended without its end; try again.",
    ),
    "upstream_stream_error": Kind(
        502,
        _UPSTREAM,
        "provider_unavailable",
        "The model's provider reported an error in its answer; try again.",
    ),
    "upstream_protocol": Kind(
        502,
        _UPSTREAM,
        "provider_unavailable",
        "The answer of the model's provider cannot be read; try again, or another model.",
    ),
    "upstream_too_large": Kind(
        502,
        _UPSTREAM,
        "provider_unavailable",
        "The answer of the model's provider is larger than is accepted; ask for less.",
    ),
    "upstream_empty": Kind(
        502,
        _UPSTREAM,
        "provider_unavailable",
        "The answer of the model's provider holds no message; try again, or another model.",
    ),
    "image_failed": Kind(
        502,
        _UPSTREAM,
        "provider_unavailable",
        "The picture could not be drawn; try again, or describe another one.",
    ),
    "image_policy": Kind(
        400,
        "image_generation_user_error",
        "content_policy_violation",
        "The content policy refused the picture.",
    ),
    # Ours.
    "internal": Kind(
        500, "server_error", "server", "Something went wrong inside; the request id says where to look."
    ),
}
"""Source: scorecard sections 3.1, 3.3 and 3.4."""


class Refusal(Exception):
    """A request that cannot be answered, or not to its end."""

    def __init__(
        self,
        code: str,
        sentence: str = "",
        *,
        param: str | None = None,
        retry_after_s: int | None = None,
        bought: bool = False,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        """`code` is a row of `REFUSALS`; `sentence` says it more exactly, with what to do.

        `retry_after_s`: whole seconds, 1 to 120. `bought`: something was paid for, so nobody should
        send the same again by himself (`x-should-retry: false`).
        """
        super().__init__(sentence or REFUSALS[code].sentence)
        self.code = code
        self.kind = REFUSALS[code]
        self.param = param
        self.retry_after_s = retry_after_s
        self.bought = bought
        self.headers: Mapping[str, str] = headers or {}
