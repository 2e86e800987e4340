"""What a refusal means, whatever shape it has."""

from __future__ import annotations

from typing import Any

import pytest

from limner.wire.errors import Fault, chat_code, fault_in_body, picture_code, read_fault, says_no

SHAPES: dict[str, tuple[int, Any, Fault]] = {
    "an object": (
        400,
        b'{"error":{"message":"No","type":"invalid_request_error","param":null,"code":"Invalid_Value"}}',
        Fault(400, frozenset({"invalid_request_error", "invalid_value"}), "No"),
    ),
    "a number as the code": (429, b'{"error":{"code":429,"message":"No"}}', Fault(429, frozenset(), "No")),
    "a type inside metadata": (
        400,
        b'{"error":{"code":400,"message":"No","metadata":{"error_type":"context_length_exceeded"}}}',
        Fault(400, frozenset({"context_length_exceeded"}), "No"),
    ),
    "a text": (400, b'{"error":"No"}', Fault(400, frozenset(), "No")),
    "a kind and its prose": (
        500,
        b'{"error":"server_error","message":"No"}',
        Fault(500, frozenset({"server_error"}), "No"),
    ),
    "a detail": (422, b'{"detail":"No"}', Fault(422, frozenset(), "No")),
    "flat": (
        400,
        b'{"object":"error","message":"No","type":"BadRequestError","code":400}',
        Fault(400, frozenset({"badrequesterror"}), "No"),
    ),
    "a list": (
        400,
        b'[{"error":{"message":"No","status":"INVALID"}}]',
        Fault(400, frozenset({"invalid"}), "No"),
    ),
    "HTML": (502, b"<html>No", Fault(502, frozenset(), "<html>No")),
    "no UTF-8": (502, b"\xff", Fault(502, frozenset(), "\ufffd")),
    "nothing": (500, b"", Fault(500, frozenset(), "")),
    "null": (500, b"null", Fault(500, frozenset(), "null")),
    "too deep": (500, b"[" * 100_000, Fault(500, frozenset(), "[" * 2000)),
    "a status inside a 200": (
        0,
        {"error": {"code": "502", "message": "No"}},
        Fault(502, frozenset({"502"}), "No"),
    ),
    "a moderation with its details": (
        403,
        b'{"error":{"code":403,"message":"No","metadata":{"reasons":["violence"],"flagged_input":"x"}}}',
        Fault(403, frozenset({"content_filter"}), "No"),
    ),
    "a moderation with its stage": (
        400,
        b'{"error":{"code":"moderation_blocked","type":"image_generation_user_error","message":"No",'
        b'"moderation_details":{"moderation_stage":"input","categories":["violence"]}}}',
        Fault(
            400,
            frozenset({"moderation_blocked", "image_generation_user_error", "content_filter"}),
            "No",
        ),
    ),
    "Azure's details": (
        400,
        b'{"error":{"code":"content_policy_violation","message":"No","inner_error":'
        b'{"code":"ResponsibleAIPolicyViolation","content_filter_results":{}}}}',
        Fault(400, frozenset({"content_policy_violation", "responsibleaipolicyviolation"}), "No"),
    ),
    "a relay's text as the code": (
        400,
        b'{"error":{"code":"400","type":null,"param":null,'
        b'"message":"litellm.ContentPolicyViolationError: No"}}',
        Fault(400, frozenset({"400"}), "litellm.ContentPolicyViolationError: No"),
    ),
    "a surrogate": (400, b'{"error":{"message":"\\ud800"}}', Fault(400, frozenset(), "\ufffd")),
}


@pytest.mark.parametrize(("status", "body", "fault"), SHAPES.values(), ids=SHAPES.keys())
def test_every_shape_of_an_error_is_read(status: int, body: Any, fault: Fault) -> None:
    """Images sheet 2.6 and 2.7, wire sheet 6.1."""
    assert read_fault(status, body) == fault


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"error": None},
        {"choices": []},
        {"choices": [None]},
        {"choices": [{"error": None}]},
        [],
        None,
        "error",
    ],
    ids=str,
)
def test_an_answer_without_an_error_has_none(body: Any) -> None:
    """Quirk 12: truthy errors only."""
    assert fault_in_body(body) is None


@pytest.mark.parametrize(
    "body",
    [
        {"error": {"message": "No"}},
        {"error": "No"},
        {"object": "error", "message": "No"},
        {"type": "error", "error": {"message": "No"}},
        {"choices": [{"error": {"message": "No"}}]},
    ],
    ids=["an object", "a text", "flat", "typed", "in a choice"],
)
def test_an_error_inside_an_answer_is_found(body: Any) -> None:
    """Quirk 12, wire sheet 6.3."""
    fault = fault_in_body(body)
    assert fault is not None
    assert fault.message == "No"


def fault(status: int, *words: str, message: str = "") -> Fault:
    return Fault(status, frozenset(words), message)


@pytest.mark.parametrize(
    ("read", "code"),
    [
        (fault(429), "upstream_rate_limited"),
        (fault(429, "insufficient_quota"), "upstream_quota"),
        (fault(402), "upstream_quota"),
        (fault(401), "upstream_auth"),
        (fault(403), "upstream_auth"),
        (fault(500), "upstream_5xx"),
        (fault(529), "upstream_5xx"),
        (fault(408), "upstream_5xx"),
        (fault(400, "context_length_exceeded"), "context_length_exceeded"),
        (fault(400, message="Prompt is too long: 9 tokens"), "context_length_exceeded"),
        (fault(413), "context_length_exceeded"),
        (fault(404), "upstream_model_not_found"),
        (fault(400, "model_not_found"), "upstream_model_not_found"),
        (fault(400), "upstream_bad_request"),
        (fault(422), "upstream_bad_request"),
        (fault(307), "upstream_protocol"),
        (fault(0), "upstream_stream_error"),
    ],
)
def test_a_chat_refusal_has_its_code(read: Fault, code: str) -> None:
    """Scorecard U01 to U12."""
    assert chat_code(read) == code


@pytest.mark.parametrize(
    ("read", "code", "billed"),
    [
        (fault(400, "moderation_blocked"), "image_policy", "no"),
        (fault(0, "content_policy_violation"), "image_policy", "no"),
        (fault(400, message="rejected by the safety system"), "image_policy", "no"),
        (fault(500, message="our safety system is down"), "image_provider_error", "unknown"),
        (fault(429, "insufficient_quota"), "image_quota", "no"),
        (fault(400, "billing_hard_limit_reached"), "image_quota", "no"),
        (fault(429), "image_rate_limited", "no"),
        (fault(401), "image_auth", "no"),
        (fault(408), "image_timeout", "unknown"),
        (fault(524), "image_timeout", "unknown"),
        (fault(404), "image_bad_request", "no"),
        (fault(502), "image_provider_error", "unknown"),
        (fault(0), "image_provider_error", "unknown"),
        (fault(0, "rate_limit_exceeded"), "image_rate_limited", "no"),
        (fault(0, "insufficient_quota", "rate_limit_error"), "image_quota", "no"),
        (fault(0, "authentication_error"), "image_auth", "no"),
        (fault(0, "invalid_request_error"), "image_bad_request", "no"),
        (fault(0, "server_error"), "image_provider_error", "unknown"),
        (fault(500, "invalid_request_error"), "image_provider_error", "unknown"),
        (fault(503), "image_provider_error", "unknown"),
        (fault(529), "image_provider_error", "unknown"),
    ],
)
def test_a_picture_refusal_has_its_code_and_its_bill(read: Fault, code: str, billed: str) -> None:
    """Scorecard I01 to I03: "no" only where the provider is known not to charge."""
    assert picture_code(read) == (code, billed)


@pytest.mark.parametrize(
    ("message", "seconds"),
    [
        ("Rate limit reached for gpt-image-1: Limit 5. Please try again in 12s.", 12),
        ("Please try again in 1.5s", 1.5),
        ("Try again in 20ms.", None),
        ("please try again in 20ms", 0.02),
        ("try again in 2m", 2 * 60),
        ("try again in 2 months", None),
        ("try again later", None),
        ("", None),
    ],
)
def test_a_message_may_say_when_to_try_again(message: str, seconds: float | None) -> None:
    """Images sheet, 2.6: real strings of 429 answers for pictures, which document no header."""
    assert fault(429, message=message).told_s == seconds


@pytest.mark.parametrize(
    ("text", "refuses"),
    [
        ("I can't help with that.", True),
        ("Unfortunately I am UNABLE TO GENERATE this image.", True),
        ("This violates our usage policies.", True),
        ("Here is the fox that you asked for.", False),
        ("", False),
        ("a" * 20_000 + "I can't create", False),
    ],
)
def test_a_model_that_declines_in_words_is_known(text: str, refuses: bool) -> None:
    """Quirk 46: a moderation refusal as text."""
    assert says_no(text) is refuses


def test_a_relays_refusal_is_known_by_its_prose() -> None:
    """Images sheet, 4: LiteLLM writes the status as a text and the kind into the message."""
    assert picture_code(fault(400, "400", message="litellm.ContentPolicyViolationError: No")) == (
        "image_policy",
        "no",
    )


def test_an_error_nested_without_end_is_read_all_the_same() -> None:
    """Attack: details within details, a thousand deep."""
    deep: dict[str, Any] = {}
    for _ in range(5000):
        deep = {"metadata": deep, "type": "odd"}
    fault = read_fault(0, {"error": {"code": 429, "metadata": deep}})
    assert (fault.status, fault.words) == (429, frozenset({"odd"}))
    assert read_fault(0, {"error": deep}).status == 0
