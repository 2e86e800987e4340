"""Errors in both dialects, judged by the published schemas and by the openai package."""

from __future__ import annotations

import json
from typing import Any, Literal

import httpx2
import openai
import pytest
from hypothesis import given
from hypothesis import strategies as st

from limner.gateway.refusal import REFUSALS
from limner.wire.chat.said import Head
from limner.wire.envelopes import ErrorWords, error_body, error_frame
from limner.wire.frames import json_bytes
from limner.wire.sse import SseParser
from published import valid

DIALECTS: tuple[Literal["openai", "openrouter"], ...] = ("openai", "openrouter")
HEAD = Head(id="gen-1", created=1_795_000_000, model="openai/gpt-4o", provider="limner")

anything = st.text(st.characters(exclude_categories=()))


def facts(code: str) -> dict[str, Any]:
    kind = REFUSALS[code]
    return {
        "status": kind.status,
        "code": code,
        "type": kind.type,
        "error_type": kind.error_type,
        "sentence": kind.sentence or "This is wrong; change it.",
    }


def read(data: bytes) -> Any:
    events = SseParser(1 << 20).feed(data)
    assert len(events) == 1
    return json.loads(events[0].data)


@pytest.mark.parametrize("code", REFUSALS)
@pytest.mark.parametrize("dialect", DIALECTS)
def test_every_refusal_fits_its_dialects_schema(code: str, dialect: Literal["openai", "openrouter"]) -> None:
    """S33: no answer outside the documented set; `error_type` is one of OpenRouter's own list."""
    body = error_body(dialect, ErrorWords(**facts(code), param="tools[0].type", request_id="req_1"))
    valid(f"{dialect}/error", json.loads(json_bytes(body)))
    chunk = read(error_frame(dialect, HEAD, ErrorWords(**facts(code), request_id="req_1")))
    # Each refusal's `error_type` is closed in this schema alone.
    valid("openrouter/chunk" if dialect == "openrouter" else "openai/error", chunk)


def test_openais_envelope_has_its_four_fields() -> None:
    """Wire sheet, 6.1: all four are required, and nothing else is needed."""
    body = error_body("openai", ErrorWords(**facts("invalid_json"), request_id="req_1"))
    assert body == {
        "error": {
            "message": REFUSALS["invalid_json"].sentence,
            "type": "invalid_request_error",
            "param": None,
            "code": "invalid_json",
        }
    }


def test_openrouters_envelope_serves_openais_clients_too() -> None:
    """Wire sheet, 6.1: `code` is the status; the rest of both stands side by side."""
    body = error_body(
        "openrouter", ErrorWords(**facts("upstream_reset"), param="model", request_id="req_1", partial="t")
    )
    assert body == {
        "error": {
            "code": 502,
            "message": REFUSALS["upstream_reset"].sentence,
            "type": "upstream_error",
            "param": "model",
            "metadata": {
                "error_type": "provider_unavailable",
                "code": "upstream_reset",
                "request_id": "req_1",
                "partial": "t",
            },
        }
    }


@pytest.mark.parametrize("dialect", DIALECTS)
def test_answers_without_a_request_id_are_the_same_bytes(dialect: Literal["openai", "openrouter"]) -> None:
    """S01, S17: who may not know the difference finds none."""
    bodies = {json_bytes(error_body(dialect, ErrorWords(**facts("invalid_api_key")))) for _ in range(2)}
    assert len(bodies) == 1
    assert b"request_id" not in bodies.pop()


def test_what_is_kept_of_a_broken_turn_is_named() -> None:
    """U09: the body carries the `partial` turn's id."""
    assert (
        error_body("openai", ErrorWords(**facts("upstream_idle_timeout"), partial="t"))["error"]["partial"]
        == "t"
    )


@pytest.mark.parametrize("head", [HEAD, None])
def test_an_error_in_a_stream_stands_alone_for_openais_clients(head: Head | None) -> None:
    """@ai-sdk/openai takes a chunk or an error, in this order: what is both would pass for an empty chunk."""
    assert list(read(error_frame("openai", head, ErrorWords(**facts("upstream_reset"))))) == ["error"]


@pytest.mark.parametrize("head", [HEAD, None])
def test_an_error_in_a_stream_stands_in_a_chunk_for_openrouters_clients(head: Head | None) -> None:
    """Wire sheet, 6.3: HTTP 200, `finish_reason` "error"."""
    chunk = read(error_frame("openrouter", head, ErrorWords(**facts("upstream_reset"), request_id="req_1")))
    assert chunk["id"] == (head.id if head else "req_1")
    assert chunk["choices"] == [{"index": 0, "delta": {"content": ""}, "finish_reason": "error"}]
    assert chunk["error"]["code"] == 502
    valid("openrouter/chunk", chunk)


@given(st.sampled_from(DIALECTS), anything, anything, st.none() | anything)
def test_an_error_frame_is_one_frame_whatever_it_says(
    dialect: Literal["openai", "openrouter"], sentence: str, param: str, request_id: str | None
) -> None:
    """S12, U15: no line of its own, and valid UTF-8."""
    told = facts("invalid_value") | {"sentence": sentence}
    data = error_frame(dialect, HEAD, ErrorWords(**told, param=param, request_id=request_id))
    assert len(data.decode().splitlines()) == 2
    assert read(data)["error"]["message"] == json.loads(json_bytes(sentence))


@pytest.mark.parametrize(
    ("dialect", "code"), [("openai", "upstream_reset"), ("openrouter", "502")], ids=["openai", "openrouter"]
)
def test_the_openai_package_raises_the_error_of_a_stream(
    dialect: Literal["openai", "openrouter"], code: str
) -> None:
    """Facts, clients: `data: {"error": …}` raises `APIError` with our code, in either dialect."""
    data = error_frame(dialect, HEAD, ErrorWords(**facts("upstream_reset"), request_id="req_1"))
    client = openai.OpenAI(api_key="k", base_url="http://127.0.0.1:9/v1")
    response = httpx2.Response(200, content=data, request=httpx2.Request("POST", "http://127.0.0.1:9/v1"))
    with client, pytest.raises(openai.APIError) as raised:
        list(openai.Stream(cast_to=dict[str, Any], response=response, client=client))
    assert str(raised.value.code) == code
    assert raised.value.type == "upstream_error"
    assert raised.value.message == REFUSALS["upstream_reset"].sentence
