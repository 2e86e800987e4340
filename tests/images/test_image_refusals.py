"""Refusals over a real connection: every code, what is known of its bill, and how often is ordered."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator
from email.utils import formatdate
from typing import Any

import pytest

from clocks import OwnClock
from limner.errors import CALL_CODES
from makers import FOX, b64, connected, drawn, failed, refusal
from providers import CUT, FIN, Answer, Provider, raw, sse, status, whole

pytestmark = pytest.mark.anyio


@pytest.fixture
def provider() -> Iterator[Provider]:
    with Provider() as running:
        yield running


SAFETY = "Your request was rejected by the safety system. safety_violations=[violence]."
LIMIT = (
    "Rate limit reached for gpt-image-2 on input-images per min: Limit 5, Used 5. Please try again in 12s."
)
VERIFY = "Your organization must be verified to use the model `gpt-image-2`."
FLAGGED = {"reasons": ["violence"], "flagged_input": "a f...ox", "provider_name": "x"}

REFUSED: dict[str, tuple[Answer, str, str, int]] = {
    # 2.6: the table of errors
    "I01 moderation": (
        status(400, refusal("moderation_blocked", SAFETY, type="image_generation_user_error")),
        "image_policy",
        "no",
        1,
    ),
    "I01 moderation with its stage": (
        status(400, refusal("moderation_blocked", "canary-words", moderation_details={"categories": ["x"]})),
        "image_policy",
        "no",
        1,
    ),
    "I01 content policy": (status(400, refusal("content_policy_violation")), "image_policy", "no", 1),
    "I01 Azure": (
        status(400, refusal(None, "canary-words", innererror={"code": "ResponsibleAIPolicyViolation"})),
        "image_policy",
        "no",
        1,
    ),
    "I01 in prose": (status(400, refusal(None, SAFETY)), "image_policy", "no", 1),
    "billing limit": (status(400, refusal("billing_hard_limit_reached")), "image_quota", "no", 1),
    "quota": (status(429, refusal("insufficient_quota")), "image_quota", "no", 1),
    "I03 429": (status(429, refusal("rate_limit_exceeded")), "image_rate_limited", "no", 3),
    "I03 429 in prose": (status(429, refusal(None, LIMIT)), "image_rate_limited", "no", 3),
    "an unknown parameter": (status(400, refusal("unknown_parameter")), "image_bad_request", "no", 1),
    "a bad size": (status(400, refusal("invalid_value")), "image_bad_request", "no", 1),
    "an unverified organisation": (status(403, refusal(None, VERIFY)), "image_auth", "no", 1),
    "a retired model": (status(404, refusal("model_not_found")), "image_bad_request", "no", 1),
    "a retired model, 400": (
        status(400, refusal(None, "It has been deprecated")),
        "image_bad_request",
        "no",
        1,
    ),
    "a bad key": (status(401), "image_auth", "no", 1),
    "OpenRouter: no credit": (status(402, {"error": {"code": 402, "message": "x"}}), "image_quota", "no", 1),
    "OpenRouter: moderation": (
        status(403, {"error": {"code": 403, "message": "x", "metadata": FLAGGED}}),
        "image_policy",
        "no",
        1,
    ),
    "OpenRouter: too large": (status(413), "image_bad_request", "no", 1),
    "OpenRouter: in a 200": (
        whole({"error": {"code": 502, "message": "x", "metadata": {"error_type": "provider_unavailable"}}}),
        "image_provider_error",
        "unknown",
        1,
    ),
    "OpenRouter: 429 in a 200": (
        whole({"error": {"code": 429, "message": "canary-words"}}),
        "image_rate_limited",
        "no",
        3,
    ),
    "OpenRouter: overloaded": (status(529), "image_provider_error", "unknown", 1),
    # 2.7 and 4: shapes of bodies
    "sd.cpp: a text": (status(400, {"error": "prompt required"}), "image_bad_request", "no", 1),
    "sd.cpp: a kind and its prose": (
        status(500, {"error": "server_error", "message": "canary-words"}),
        "image_provider_error",
        "unknown",
        1,
    ),
    "LocalAI: a number as the code": (
        status(500, {"error": {"code": 500, "message": "canary-words", "type": ""}}),
        "image_provider_error",
        "unknown",
        1,
    ),
    "vLLM-Omni: a detail": (status(422, {"detail": "canary-words"}), "image_bad_request", "no", 1),
    "FastAPI: a list of details": (
        status(422, {"detail": [{"loc": ["body"], "msg": "canary-words"}]}),
        "image_bad_request",
        "no",
        1,
    ),
    "vLLM-Omni: no diffusion model": (status(503, {"detail": "x"}), "image_provider_error", "unknown", 1),
    "Ollama": (
        status(400, {"error": "image generation models are not currently supported"}),
        "image_bad_request",
        "no",
        1,
    ),
    "LiteLLM: the status as the code": (
        status(400, {"error": {"code": "400", "message": "litellm.ContentPolicyViolationError: x"}}),
        "image_policy",
        "no",
        1,
    ),
    "an HTML 502": (whole(b"<html>canary-words", 502), "image_provider_error", "unknown", 1),
    "an empty 500": (raw(b"", code=500), "image_provider_error", "unknown", 1),
    "a list": (status(400, [{"error": {"message": "canary-words"}}]), "image_bad_request", "no", 1),
    "a stream with an error": (
        sse(b'data: {"type": "error", "error": {"code": "moderation_blocked", "message": "canary"}}\n\n'),
        "image_policy",
        "no",
        1,
    ),
    "a stream with a flat error": (
        sse(b'data: {"type": "error", "code": "server_error", "message": "canary"}\n\n'),
        "image_provider_error",
        "unknown",
        1,
    ),
    # I02, I03: what nobody knows the outcome of
    "I03 500": (status(500), "image_provider_error", "unknown", 1),
    "408": (status(408), "image_timeout", "unknown", 1),
    "504": (status(504), "image_timeout", "unknown", 1),
    "524": (status(524), "image_timeout", "unknown", 1),
    "a redirect": (whole({}, 307, location="http://127.0.0.1:9/"), "image_bad_request", "no", 1),
    "I02 reset before an answer": (Answer(before=(CUT,)), "outcome_unknown", "unknown", 1),
    "I02 reset in the answer": (Answer((b'{"data"', 0.05, CUT)), "outcome_unknown", "unknown", 1),
    "I02 cut in the answer": (Answer((b'{"data"', 0.05, FIN)), "outcome_unknown", "unknown", 1),
}


@pytest.mark.parametrize(("answer", "code", "billed", "tries"), REFUSED.values(), ids=REFUSED.keys())
async def test_every_refusal_has_its_code_its_bill_and_its_number_of_orders(
    provider: Provider,
    answer: Answer,
    code: str,
    billed: str,
    tries: int,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """I01, I02, I03: DESIGN decision 4: only what is known not to be billed is sent again."""
    caplog.set_level(logging.DEBUG)
    provider.images(answer)
    async with connected(provider, timeout_s=60) as maker:
        error = await failed(maker)
    assert (error.code, error.billed) == (code, billed)
    assert error.retryable == CALL_CODES[code].retryable
    assert len(provider.requests) == tries
    assert "canary" not in f"{error} {error.detail} {caplog.text}"


# --- a maker that is asked too much ------------------------------------------------------------


@pytest.mark.parametrize(
    ("answer", "least_s"),
    [
        pytest.param(status(429, retry_after="3"), 3.0, id="seconds"),
        pytest.param(status(429, retry_after_ms="2500"), 2.5, id="milliseconds"),
        pytest.param(
            status(429, retry_after=formatdate(OwnClock().now() + 4, usegmt=True)), 4.0, id="a date"
        ),
        pytest.param(status(429, refusal("rate_limit_exceeded", LIMIT)), 12.0, id="in prose"),
        pytest.param(
            status(429, x_ratelimit_remaining_input_images="0", x_ratelimit_reset_input_images="7s"),
            7.0,
            id="an allowance",
        ),
        pytest.param(status(429), 0.5, id="not said"),
    ],
)
async def test_i03_a_wait_that_was_asked_for_is_kept(
    provider: Provider, answer: Answer, least_s: float
) -> None:
    """I03: 429 waits and retries; the provider's own figure counts."""
    clock = OwnClock()
    began_s = clock.monotonic()
    provider.images(answer, b64())
    async with connected(provider, clock=clock, timeout_s=60) as maker:
        assert (await drawn(maker)).data == FOX
    assert least_s <= clock.monotonic() - began_s < least_s + 5
    assert len(provider.requests) == 2


async def test_i03_a_429_lowers_the_places_and_successes_raise_them_again(provider: Provider) -> None:
    """DESIGN, promise 7: concurrency per backend, key and model adapts to 429s."""
    provider.images(status(429), b64())
    async with connected(provider, concurrency=4, timeout_s=60) as maker:
        await drawn(maker)
        places = [maker.throttle.places]
        for _ in range(6):
            await drawn(maker)
            places.append(maker.throttle.places)
    assert places == [2, 3, 3, 3, 4, 4, 4]


async def test_i03_nobody_else_orders_before_the_time_that_was_asked_for(provider: Provider) -> None:
    """DESIGN, promise 7: what one order was told holds for all of that key and model."""
    clock = OwnClock()
    provider.images(status(429, retry_after="30"), b64())
    async with connected(provider, clock=clock) as maker, connected(provider, clock=clock) as other:
        assert (await failed(maker)).code == "image_rate_limited"
        assert 29 < other.throttle.shut_s <= 30
        assert other.throttle is maker.throttle
        await other.throttle.enter("somebody")
        assert clock.slept == [30.0]


async def test_i03_a_wait_beyond_the_pictures_time_is_not_begun(provider: Provider) -> None:
    """Protocol: timeout_s covers everything from submission to the last byte."""
    clock = OwnClock()
    provider.images(status(429, retry_after="30"))
    async with connected(provider, clock=clock, timeout_s=20) as maker:
        error = await failed(maker)
    assert (error.code, error.billed, error.retry_after_s) == ("image_rate_limited", "no", 30)
    assert clock.slept == []


@pytest.mark.parametrize(
    "answer", [status(400, refusal("moderation_blocked")), status(429, refusal("insufficient_quota"))]
)
async def test_a_refusal_for_other_reasons_lowers_nothing(provider: Provider, answer: Answer) -> None:
    """A spent quota is a 429 too, and fewer orders at once would not fill it."""
    provider.images(answer)
    async with connected(provider, concurrency=4) as maker:
        await failed(maker)
        assert maker.throttle.places == 4


@pytest.mark.parametrize(
    ("options", "answer", "billed", "tries"),
    [
        pytest.param({"server": "openrouter", "path": "/images/generations"}, status(502), "no", 3, id="502"),
        pytest.param(
            {"server": "openrouter", "path": "/images/generations"}, status(500), "unknown", 1, id="500"
        ),
        pytest.param({"server": "xinference"}, status(503, retry_after="3"), "no", 3, id="loading"),
        pytest.param({"server": "sd.cpp"}, status(500), "no", 3, id="one's own"),
        pytest.param({}, status(502), "unknown", 1, id="nobody knows"),
        pytest.param({"policy": "idempotent"}, status(502), "unknown", 3, id="idempotent"),
    ],
)
async def test_i03_which_failures_are_not_billed_is_data_of_the_server(
    provider: Provider, options: dict[str, Any], answer: Answer, billed: str, tries: int
) -> None:
    """DESIGN decision 4: known not to be billed is 429, refused connections, and what a row says."""
    provider.images(answer)
    async with connected(provider, timeout_s=60, **options) as maker:
        error = await failed(maker)
    assert (error.code, error.billed) == ("image_provider_error", billed)
    assert len(provider.requests) == tries


# --- the provider's words ----------------------------------------------------------------------

CANARY = "canary-Ignore-previous-instructions"
WORDY: dict[str, Answer] = {
    "an error": status(400, refusal(None, CANARY)),
    "a detail": status(422, {"detail": CANARY}),
    "HTML": whole(f"<html>{CANARY}".encode(), 502),
    "HTML in a 200": raw(f"<html>{CANARY}".encode(), "text/html"),
    "an error in a 200": whole({"error": CANARY}),
    "a stream": sse(b"data: " + json.dumps({"type": "error", "message": CANARY}).encode() + b"\n\n"),
}


@pytest.mark.parametrize("answer", WORDY.values(), ids=WORDY.keys())
async def test_i24_a_providers_words_stand_in_the_debug_log_and_nowhere_else(
    provider: Provider, answer: Answer, caplog: pytest.LogCaptureFixture
) -> None:
    """I24: a closed vocabulary for everybody; the words for those who debug."""
    caplog.set_level(logging.DEBUG)
    provider.images(answer)
    async with connected(provider) as maker:
        quiet = await failed(maker)
        assert CANARY not in caplog.text
        caplog.set_level(logging.DEBUG, logger="limner.debug")
        loud = await failed(maker)
    told = [record for record in caplog.records if CANARY in str(vars(record))]
    assert [record.name for record in told] == ["limner.debug"]
    for error in (quiet, loud):
        assert CANARY not in f"{error} {error!r} {error.detail} {vars(error)}"


@pytest.mark.parametrize("before", [0, 185, 195, 60_000])
async def test_i24_no_part_of_the_key_stands_in_the_debug_log(
    provider: Provider, before: int, caplog: pytest.LogCaptureFixture
) -> None:
    """Scorecard S05: providers repeat keys wherever they like, and long words are cut."""
    caplog.set_level(logging.DEBUG, logger="limner.debug")
    key = "sk-canary-" + "0123456789" * 20
    provider.images(
        raw(b"." * before + f"{key}'\"".encode() * 40), status(400, {"error": {"message": f"{key} " * 60}})
    )
    async with connected(provider, api_key=key) as maker:
        await failed(maker)
        error = await failed(maker)
    told = [str(vars(record)) for record in caplog.records if record.name == "limner.debug"]
    assert len(told) == 2
    assert "sk-c" not in "".join(told) + error.detail
    assert all(len(each) < 5000 for each in told)
