"""What a refusal means, whatever shape it has."""

from __future__ import annotations

from typing import Any

import pytest

from limner.wire.errors import Fault, chat_code, fault_in_body, picture_code, read_fault

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
    ],
)
def test_a_picture_refusal_has_its_code_and_its_bill(read: Fault, code: str, billed: str) -> None:
    """Scorecard I01 to I03: "no" only where the provider is known not to charge."""
    assert picture_code(read) == (code, billed)


def test_an_error_nested_without_end_is_read_all_the_same() -> None:
    """Attack: details within details, a thousand deep."""
    deep: dict[str, Any] = {}
    for _ in range(5000):
        deep = {"metadata": deep, "type": "odd"}
    fault = read_fault(0, {"error": {"code": 429, "metadata": deep}})
    assert (fault.status, fault.words) == (429, frozenset({"odd"}))
    assert read_fault(0, {"error": deep}).status == 0
