"""Orders that are read as a stream: what is finished counts, however the stream ends."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from typing import Any

import anyio
import pytest

import pictures
from limner.images.protocol import ImageUsage, Purchase
from makers import B64, BOAT, BOAT_B64, FOX, b64, connected, drawings, drawn, failed, linked
from providers import CUT, FIN, STALL, Answer, Provider, raw, sse, status

pytestmark = pytest.mark.anyio

HALF = base64.b64encode(pictures.png(colour=(1, 2, 3))).decode()


@pytest.fixture
def provider() -> Iterator[Provider]:
    with Provider() as running:
        yield running


def told(kind: str, named: bool = True, **event: Any) -> bytes:
    """An event, with its name above it as OpenAI writes it."""
    name = f"event: {kind}\n".encode() if named else b""
    return name + b"data: " + json.dumps({"type": kind, **event}).encode() + b"\n\n"


def half(index: int = 0, **event: Any) -> bytes:
    return told("image_generation.partial_image", b64_json=HALF, partial_image_index=index, **event)


def done(text: str = B64, **event: Any) -> bytes:
    return told("image_generation.completed", b64_json=text, created_at=1, **event)


USAGE = {"input_tokens": 5, "output_tokens": 9, "input_tokens_details": {"text_tokens": 5}}
STREAMS: dict[str, Answer] = {
    "OpenAI": sse(half(0), half(1), done(size="1024x1024", usage=USAGE), done=False),
    "OpenAI, no partial pictures": sse(done(usage=USAGE), done=False),
    "OpenAI, an edit": sse(
        told("image_edit.partial_image", b64_json=HALF, partial_image_index=0),
        told("image_edit.completed", b64_json=B64),
        done=False,
    ),
    "OpenRouter": sse(
        b": OPENROUTER PROCESSING\n\n",
        told("image_generation.partial_image", named=False, b64_json=HALF, partial_image_index=0),
        told("image_generation.completed", named=False, b64_json=B64, media_type="image/png", created=1),
    ),
    "the finished one before all partial ones": sse(half(0), done(), half(1)),
    "types that nobody knows": sse(
        told("image_generation.text_chunk", text="<svg", phase="draft"),
        told("image_generation.sketch", b64_json=HALF),
        half(),
        done(),
        told("image_generation.summary"),
    ),
    "words in between": sse(b"data: ping\n\n", half(), done()),
    "cut to pieces": sse(*(done()[at : at + 9] for at in range(0, len(done()), 9))),
    "an answer that was no stream": b64(),
    "an answer that was no stream, with a link": linked("/fox.png"),
    "the picture itself": raw(FOX, "image/png"),
    "a whole answer as an event": sse(
        b'data: {"created": 1, "data": [{"b64_json": "%s"}]}\n\n' % B64.encode()
    ),
    "no end, but a finished picture": sse(half(), done(), FIN, done=False),
    "broken off after the picture": sse(half(), done(), 0.05, CUT, done=False),
    "an error after the picture": sse(half(), done(), told("error", message="x", code="server_error")),
}


@pytest.mark.parametrize("answer", STREAMS.values(), ids=STREAMS.keys())
async def test_every_stream_with_a_finished_picture_gives_it(provider: Provider, answer: Answer) -> None:
    """Images sheet, 2.4 and 2.7; quirk 47: what was finished and paid for is never lost."""
    provider.images(answer)
    provider.pictures["/fox.png"] = raw(FOX)
    async with connected(provider, stream=True, partial_images=2) as maker:
        assert (await drawn(maker)).data == FOX
    assert {"stream": True, "partial_images": 2}.items() <= provider.requests[0].json.items()
    assert len(provider.posts("/images/generations")) == 1


async def test_a_finished_picture_is_not_lost_to_silence(provider: Provider) -> None:
    """I02: the stream stays open, but all that was ordered has come.

    Fails if what follows the last picture is waited for as long as the picture was.
    """
    provider.images(sse(half(), done(), STALL, done=False))
    async with connected(provider, stream=True, timeout_s=600) as maker:
        with anyio.fail_after(10):
            assert (await drawn(maker)).data == FOX


async def test_a_finished_picture_is_not_held_up_by_signs_of_life(provider: Provider) -> None:
    """I02: a comment every now and then keeps a connection open for ever, and the links in it die."""
    provider.images(sse(done(), *([0.4, b": still here\n\n"] * 100), done=False))
    async with connected(provider, stream=True, timeout_s=600) as maker:
        with anyio.fail_after(10):
            assert (await drawn(maker)).data == FOX


async def test_i20_pictures_that_have_come_are_not_lost_to_one_that_does_not(provider: Provider) -> None:
    """I20: the maker's own deadline comes before the one at which the engine gives it up."""
    provider.images(sse(done(), STALL, done=False))
    async with connected(provider, stream=True, timeout_s=3.0) as maker:
        with anyio.fail_after(maker.timeout_s):
            assert [each.data for each in await drawings(maker, n=2)] == [FOX]


FAILURES: dict[str, tuple[Answer, str, str]] = {
    "cut after a partial picture": (sse(half(), 0.05, CUT, done=False), "outcome_unknown", "unknown"),
    "ended after a partial picture": (sse(half(), done=False), "outcome_unknown", "unknown"),
    "ended early, chunked": (sse(half(), 0.05, FIN, done=False), "outcome_unknown", "unknown"),
    "ended before anything": (sse(b": hello\n\n", done=False), "outcome_unknown", "unknown"),
    "cut in the finished picture": (
        sse(half(), done()[:80], 0.05, CUT, done=False),
        "image_truncated",
        "yes",
    ),
    "ended in the finished picture": (
        sse(half(), done()[:80], done=False),
        "image_truncated",
        "yes",
    ),
    "cut in a partial picture": (sse(half()[:80], 0.05, CUT, done=False), "outcome_unknown", "unknown"),
    "said to be over after a partial picture": (sse(half()), "image_bad_payload", "unknown"),
    "a finished picture that is none": (sse(done("%")), "image_bad_payload", "unknown"),
    "silence after a partial picture": (sse(half(), STALL, done=False), "image_timeout", "unknown"),
    "an error": (
        sse(told("error", error={"message": "canary", "code": "moderation_blocked"})),
        "image_policy",
        "no",
    ),
    "a flat error": (sse(told("error", code="moderation_blocked", message="canary")), "image_policy", "no"),
    "an error by its name alone": (
        sse(b'event: error\ndata: {"message": "canary", "code": "moderation_blocked"}\n\n'),
        "image_policy",
        "no",
    ),
    "an error after a partial picture": (
        sse(half(), told("error", error={"message": "canary", "code": "moderation_blocked"})),
        "image_policy",
        "unknown",
    ),
    "asked too much, after a partial picture": (
        sse(half(), told("error", code="rate_limit_exceeded", message="canary")),
        "image_rate_limited",
        "unknown",
    ),
    "an error and no stream": (status(400, {"error": {"code": "moderation_blocked"}}), "image_policy", "no"),
    "an event without end": (
        sse(b'data: {"type": "image_generation.completed", "b64_json": "', *([b"A" * (1 << 20)] * 51)),
        "image_too_large",
        "yes",
    ),
    "events without end": (
        sse(*([b": " + b"x" * (1 << 20) + b"\n\n"] * 160), done=False),
        "image_too_large",
        "yes",
    ),
}


@pytest.mark.parametrize(("answer", "code", "billed"), FAILURES.values(), ids=FAILURES.keys())
async def test_a_stream_without_a_finished_picture_says_why_and_is_not_ordered_again(
    provider: Provider, answer: Answer, code: str, billed: str
) -> None:
    """Images sheet, 2.7; quirk 47: a partial picture is never taken for the finished one."""
    provider.images(answer)
    timeout_s = 0.5 if code == "image_timeout" else 20.0
    async with connected(provider, stream=True, partial_images=2, timeout_s=timeout_s) as maker:
        error = await failed(maker)
    assert (error.code, error.billed) == (code, billed)
    assert len(provider.requests) == 1
    assert "canary" not in f"{error} {error.detail}"


async def test_i03_a_stream_that_was_refused_before_it_drew_is_ordered_again(provider: Provider) -> None:
    """I03: 429 waits and retries, also where it comes as an event."""
    refused = told("error", code="rate_limit_exceeded", message="Please try again in 3s.")
    provider.images(sse(refused), sse(done()))
    async with connected(provider, stream=True, timeout_s=60) as maker:
        assert (await drawn(maker)).data == FOX
    assert len(provider.requests) == 2


async def test_a_streamed_picture_tells_what_it_cost(provider: Provider) -> None:
    """Images sheet, 2.4: usage without details of what went out, or OpenRouter's with its cost."""
    cost = {"prompt_tokens": 1, "completion_tokens": 2, "cost": 0.04}
    provider.images(sse(half(), done(usage=USAGE)), sse(done(usage=cost)))
    async with connected(provider, stream=True) as maker:
        first, second = await drawn(maker), await drawn(maker)
    assert (first.usage, first.cost_usd) == (ImageUsage(text_in=5, image_out=9), None)
    assert second.cost_usd == 0.04


@pytest.mark.parametrize(
    ("steps", "data"),
    [
        pytest.param([half(), done(), half(), done(BOAT_B64)], [FOX, BOAT], id="both"),
        pytest.param([half(), done(), half(), 0.05, CUT], [FOX], id="I20 one before it broke"),
    ],
)
async def test_i20_several_streamed_pictures_are_all_kept(
    provider: Provider, steps: list[Any], data: list[bytes]
) -> None:
    """I20: each finished event is a picture."""
    provider.images(sse(*steps, done=False))
    async with connected(provider, stream=True) as maker:
        assert [each.data for each in await drawings(maker, n=2)] == data


async def test_who_listens_hears_of_each_partial_picture(provider: Provider) -> None:
    """Images sheet, 2.4: for a person who waits; with the purchase that it belongs to."""
    heard: list[tuple[str, int, bytes]] = []

    def listen(purchase: Purchase, index: int, data: bytes) -> None:
        heard.append((purchase.key, index, data))

    provider.images(sse(half(0), half(1), done()))
    async with connected(provider, stream=True, partial_images=2, on_partial=listen) as maker:
        assert (await drawn(maker)).data == FOX
    assert heard == [("key-1", 0, base64.b64decode(HALF)), ("key-1", 1, base64.b64decode(HALF))]


async def test_a_listener_that_fails_costs_no_picture(
    provider: Provider, caplog: pytest.LogCaptureFixture
) -> None:
    """What is being paid for must not be lost to who looks on."""

    def listen(*_: object) -> None:
        raise RuntimeError("canary")

    broken = told("image_generation.partial_image", b64_json="%")
    provider.images(sse(half(), broken, done()))
    async with connected(provider, stream=True, partial_images=2, on_partial=listen) as maker:
        assert (await drawn(maker)).data == FOX
    assert "picture.listener_failed" in caplog.text


async def test_a_picture_may_be_one_line_of_megabytes(provider: Provider) -> None:
    """Images sheet, 6: image events are single lines of many megabytes."""
    large = base64.b64encode(FOX + b"\0" * (12 << 20)).decode()
    body = done(large)
    provider.images(sse(*(body[at : at + (1 << 20)] for at in range(0, len(body), 1 << 20))))
    async with connected(provider, stream=True) as maker:
        drawing = await drawn(maker)
    assert isinstance(drawing.data, bytes)
    assert len(drawing.data) > 12 << 20
