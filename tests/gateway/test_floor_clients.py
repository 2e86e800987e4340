"""What the official client makes of answers and errors of the floor."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Iterator

import openai
import pytest

from gateways import Gateway, key, secret, serving
from limner.gateway.exchange import Answer, Inbound, Streamed, Whole
from limner.gateway.front.app import Route
from limner.gateway.front.envelope import broken_chat
from limner.gateway.front.pump import COMMENT
from limner.gateway.refusal import Refusal
from limner.wire.chat.said import DONE, Head, finish_chunk, frame, role_chunk, text_chunk

HEAD = Head("chatcmpl-1", 1, "a-model", "limner")
ASKED: list[str] = []


async def chat(inbound: Inbound) -> Answer:
    asked = json.loads(inbound.body)
    ASKED.append(asked["model"])
    if asked["model"] == "bought":
        raise Refusal("upstream_ttfb_timeout", bought=True)
    if asked["model"] == "unknown":
        raise Refusal("model_not_found", param="model")

    async def frames() -> AsyncIterator[bytes]:
        yield frame(role_chunk(HEAD))
        for word in ("Hello", ", ", "world"):
            yield frame(text_chunk(HEAD, word))
        if asked["model"] == "breaks":
            raise Refusal("upstream_reset")
        if asked["model"] == "pauses":
            yield COMMENT
            yield COMMENT
        yield frame(finish_chunk(HEAD, "stop"))
        yield DONE

    return Streamed(frames(), broken=broken_chat(inbound, HEAD)) if asked.get("stream") else Whole(b"{}")


@pytest.fixture(scope="module")
def gateway() -> Iterator[Gateway]:
    with serving([Route("POST", "/chat/completions", chat)], keys=[key("alice")]) as running:
        yield running


@pytest.fixture
def client(gateway: Gateway) -> Iterator[openai.OpenAI]:
    ASKED.clear()
    with openai.OpenAI(base_url=gateway.url, api_key=secret("alice"), max_retries=2) as opened:
        yield opened


def _stream(client: openai.OpenAI, model: str) -> Iterator[str]:
    stream = client.chat.completions.create(
        model=model, messages=[{"role": "user", "content": "Hello"}], stream=True
    )
    with stream:
        for chunk in stream:
            yield chunk.choices[0].delta.content or ""


@pytest.mark.parametrize("model", ["speaks", "pauses"])
def test_a_stream_is_read_to_its_end(client: openai.OpenAI, model: str) -> None:
    """U08: comments in a pause are nothing to the client."""
    assert "".join(_stream(client, model)) == "Hello, world"


def test_an_error_within_a_stream_is_an_error_with_our_code(client: openai.OpenAI) -> None:
    """Never a bare end, which the client takes for success."""
    words: list[str] = []
    with pytest.raises(openai.APIError) as failed:
        words.extend(_stream(client, "breaks"))
    assert "".join(words) == "Hello, world"
    assert failed.value.code == "upstream_reset"


def test_what_may_have_been_billed_is_not_asked_again(client: openai.OpenAI) -> None:
    """U08, S29: without the header the client would ask three times."""
    with pytest.raises(openai.InternalServerError) as failed:
        client.chat.completions.create(model="bought", messages=[])
    assert (failed.value.status_code, failed.value.code) == (504, "upstream_ttfb_timeout")
    assert ASKED == ["bought"]


def test_refusals_are_the_client_s_own_kinds_of_error(gateway: Gateway, client: openai.OpenAI) -> None:
    """Status, code, parameter and request id, where the client looks for them."""
    with pytest.raises(openai.NotFoundError) as unknown:
        client.chat.completions.create(model="unknown", messages=[])
    assert (unknown.value.code, unknown.value.param) == ("model_not_found", "model")
    assert (unknown.value.request_id or "").startswith("req_")
    with (
        openai.OpenAI(base_url=gateway.url, api_key="wrong") as stranger,
        pytest.raises(openai.AuthenticationError) as refused,
    ):
        stranger.models.list()
    assert refused.value.code == "invalid_api_key"
