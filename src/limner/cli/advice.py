"""What somebody who sits at a command line can do about what went wrong."""

from __future__ import annotations

from collections.abc import Mapping

from limner.errors import CallerError, ParameterError

__all__ = ["advice", "refused"]

_ADVICE: Mapping[str, str] = {
    "image_auth": "Check the key: LIMNER_IMAGE_API_KEY, or your provider's own variable.",
    "image_quota": "Top up your account with the provider, or name another image model.",
    "image_unreachable": "Check your network, and LIMNER_IMAGE_BASE_URL if you set it.",
    "image_rate_limited": "Wait a little, or set a lower `concurrency` in [image].",
    "image_bad_request": "Check the model's name and options; LIMNER_DEBUG=1 shows what the provider says.",
    "image_provider_error": "Try again later; LIMNER_DEBUG=1 shows what the provider says.",
    "image_policy": "Say it in other words.",
    "image_bad_payload": (
        "Check that LIMNER_IMAGE_BASE_URL is an Images endpoint; "
        'a model that draws only in a chat needs `api = "chat"` in [image].'
    ),
    "image_type_not_allowed": "If it is a GIF or an AVIF, name that in `accept` in [image].",
    "image_url_expired": "Try again; it was fetched at once, so the fault is the provider's.",
    "image_fetch_blocked": (
        "Links are followed to the open internet and to the provider's own address, nowhere else; "
        "ask the provider for base64."
    ),
    "image_timeout": "Raise `timeout_s` in [image] if your provider is slow.",
    "price_unknown": 'Say it with `price_usd` in [image], or go on with `unknown_prices = "allow"` in [limits].',
    "budget_exceeded": "Raise the budget, or ask for fewer pictures.",
}
"""By the code of a failed call."""


def advice(code: str) -> str:
    """A sentence that says what to do; empty where only trying again is left."""
    return _ADVICE.get(code, "")


def refused(error: ParameterError, options: Mapping[str, str]) -> CallerError:
    """The refusal, with where it was said at its head: an option of `options` by parameter, else the file."""
    place = options.get(error.param)
    if place is None:
        place = "the prompt" if error.param == "prompt" else f"{error.param!r} in [image]"
    instead = ""
    if error.param == "style":
        # What people mean by it most often is no parameter of a model.
        instead = ", or write it into the prompt" if error.allowed else " and write it into the prompt"
    return CallerError(f"{place}: {error}{instead}", code=error.code)
