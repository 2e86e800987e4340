"""The picture maker behind an OpenAI-compatible endpoint, against a real server on loopback."""

from __future__ import annotations

import base64
import json
import logging
import socket
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import anyio
import pytest

import pictures
from clocks import OwnClock
from limner.errors import ConfigError, PictureError
from limner.images.openai import OpenAIImages
from limner.images.protocol import Drawing, ImageRequest, Purchase
from providers import CUT, FIN, STALL, Answer, Gate, Provider, raw, status, wait_for, whole

pytestmark = pytest.mark.anyio

FOX = pictures.png(colour=(200, 90, 20))
B64 = base64.b64encode(FOX).decode()


@pytest.fixture
def provider() -> Iterator[Provider]:
    with Provider() as running:
        yield running


@asynccontextmanager
async def connected(provider: Provider, **options: Any) -> AsyncIterator[OpenAIImages]:
    """A maker at `provider` with short deadlines."""
    settled: dict[str, Any] = {
        "base_url": provider.base_url,
        "api_key": "sk-canary",
        "clock": OwnClock(),
        "timeout_s": 20.0,
    }
    maker = OpenAIImages("pictor-1", **(settled | options))
    try:
        yield maker
    finally:
        await maker.aclose()


async def drawn(maker: OpenAIImages, **request: Any) -> Drawing:
    """The drawing, with the bytes of a file that it came in."""
    (drawing,) = await maker.draw(ImageRequest("a fox", **request), Purchase("key-1"))
    if isinstance(drawing.data, Path):
        data = drawing.data.read_bytes()
        drawing.data.unlink()
        drawing = replace(drawing, data=data)
    return drawing


async def failed(maker: OpenAIImages) -> PictureError:
    with pytest.raises(PictureError) as caught:
        await drawn(maker)
    return caught.value


def b64(text: str = B64, **top: Any) -> Answer:
    return whole({"created": 1, "data": [{"b64_json": text}], **top})


# --- ordering --------------------------------------------------------------------------------


async def test_a_picture_arrives_as_base64(provider: Provider) -> None:
    """Images sheet, 2.3: the usual answer, with what it tells about itself."""
    entry = {"b64_json": B64, "revised_prompt": "a red fox \ud800"}
    provider.images(whole({"data": [entry], "usage": {"cost": 0.04}, "model": "pictor-1.1"}))
    async with connected(provider, price_usd=0.1) as maker:
        drawing = await drawn(maker)
    assert drawing == Drawing(FOX, "pictor-1.1", "a red fox \ufffd", 0.04)


async def test_an_order_says_only_what_was_asked_for(provider: Provider) -> None:
    """Quirk 40: what is not asked for is not sent, response_format least of all."""
    provider.images(b64())
    async with connected(provider) as maker:
        drawing = await drawn(maker)
    (order,) = provider.posts("/images/generations")
    assert order.json == {"model": "pictor-1", "prompt": "a fox"}
    assert order.headers["authorization"] == "Bearer sk-canary"
    assert "idempotency-key" not in order.headers
    assert drawing.cost_usd is None


@pytest.mark.parametrize(
    ("options", "request_", "sent"),
    [
        pytest.param({}, {"aspect_ratio": "16:9"}, {"size": "1536x1024"}, id="wide"),
        pytest.param({}, {"aspect_ratio": "9:16"}, {"size": "1024x1536"}, id="tall"),
        pytest.param({}, {"aspect_ratio": "1:1"}, {"size": "1024x1024"}, id="square"),
        pytest.param({}, {"aspect_ratio": "6:5"}, {"size": "1024x1024"}, id="nearer to the square"),
        pytest.param({}, {"aspect_ratio": "round"}, {}, id="no ratio"),
        pytest.param({"size": "512x512"}, {"aspect_ratio": "16:9"}, {"size": "512x512"}, id="size fixed"),
        pytest.param({"size": "512x512"}, {"size": "256x256"}, {"size": "256x256"}, id="size asked for"),
        pytest.param(
            {"quality": "low", "output_format": "webp", "response_format": "b64_json"},
            {"quality": "high"},
            {"quality": "high", "output_format": "webp", "response_format": "b64_json"},
            id="quality and format",
        ),
        pytest.param({"extra_body": {"seed": 7, "prompt": None}}, {}, {"seed": 7}, id="extra"),
    ],
)
async def test_what_is_asked_for_reaches_the_provider(
    provider: Provider, options: dict[str, Any], request_: dict[str, Any], sent: dict[str, Any]
) -> None:
    """Brief: `size` if given, else the nearest shape by the logarithm of the ratio."""
    provider.images(b64())
    async with connected(provider, **options) as maker:
        await drawn(maker, **request_)
    order = provider.requests[0].json
    assert {key: value for key, value in order.items() if key not in ("model", "prompt")} == sent


async def test_a_maker_says_what_the_engine_needs_to_know(provider: Provider) -> None:
    """Protocol: address and model, never a key."""
    url = provider.base_url.replace("http://", "http://user:sk-canary@")
    async with connected(provider, base_url=url, price_usd=0.02, concurrency=2) as maker:
        assert maker.name == f"{provider.origin.removeprefix('http://')}/v1 pictor-1"
        assert (maker.policy, maker.throttle.most, maker.timeout_s, maker.offline) == (
            "at_most_once",
            2,
            20,
            False,
        )
        assert maker.resolve(ImageRequest("a fox")).price_usd == 0.02


async def test_each_order_goes_over_a_new_connection(provider: Provider) -> None:
    """DESIGN decision 4: in a kept connection that has died an order has an unknown outcome."""
    provider.images(b64())
    async with connected(provider) as maker:
        await drawn(maker)
        await drawn(maker)
    assert provider.connections == 2


# --- answers ---------------------------------------------------------------------------------

PLAIN = pictures.jpeg()
SHAPES: dict[str, Answer] = {
    "I05 with line breaks": b64("\n".join(B64[at : at + 60] for at in range(0, len(B64), 60))),
    "I05 with a data prefix": b64(f"data:image/png;base64,{B64}"),
    "I05 without padding": b64(B64.rstrip("=")),
    "I05 in the URL alphabet": b64(base64.urlsafe_b64encode(FOX).decode()),
    "a data URL as the link": whole({"data": [{"url": f"data:image/png;base64,{B64}"}]}),
    "an empty base64 beside a data URL": whole({"data": [{"b64_json": "", "url": f"data:;base64,{B64}"}]}),
    "null in front": whole({"data": [None, {"b64_json": B64}]}),
    "one object and no list": whole({"data": {"b64_json": B64}}),
    "a list of texts": whole({"images": [B64]}),
    "a link in an object": whole({"images": [{"image_url": {"url": f"data:image/png;base64,{B64}"}}]}),
    "the picture itself": raw(FOX, "image/png"),
    "status 201": whole({"data": [{"b64_json": B64}]}, 201),
    "odd figures": b64(usage={"cost": -1, "input_tokens_details": None}),
}


@pytest.mark.parametrize("answer", SHAPES.values(), ids=SHAPES.keys())
async def test_every_shape_of_an_answer_gives_the_picture(provider: Provider, answer: Answer) -> None:
    """Scorecard I05, quirks 39, 43 and 45."""
    provider.images(answer)
    async with connected(provider) as maker:
        assert (await drawn(maker)).data == FOX


NO_PICTURE: dict[str, tuple[Answer, str, str]] = {
    "I04 HTML": (raw(b"<html>canary-words", "text/html"), "image_bad_payload", "unknown"),
    "I04 neither link nor base64": (whole({"data": [{"prompt": "x"}]}), "image_bad_payload", "unknown"),
    "I04 no data": (whole({"data": []}), "image_bad_payload", "unknown"),
    "I04 data null": (whole({"data": None}), "image_bad_payload", "unknown"),
    "I04 a list": (whole([]), "image_bad_payload", "unknown"),
    "a picture filtered away": (
        whole({"data": [{"url": None, "is_image_safe": False}]}),
        "image_policy",
        "unknown",
    ),
    "I05 no base64": (b64("%%%canary-words%%%"), "image_bad_payload", "unknown"),
    "I05 base64 that is too long": (b64("A" * (36 << 20)), "image_too_large", "yes"),
    "I05 an answer without end": (Answer([b" " * (1 << 20)] * 52), "image_too_large", "yes"),
    "an error in a 200": (
        whole({"error": {"code": 502, "message": "canary-words"}}),
        "image_provider_error",
        "unknown",
    ),
    "a refusal in a 200": (
        whole({"error": {"code": "content_policy_violation", "message": "canary-words"}}),
        "image_policy",
        "no",
    ),
    "I18 a file": (whole({"data": [{"url": "file:///etc/passwd"}]}), "image_fetch_blocked", "yes"),
    "I17 a name in front of the host": (
        whole({"data": [{"url": "http://a@127.0.0.1/fox.png"}]}),
        "image_fetch_blocked",
        "yes",
    ),
    "I17 a tab": (whole({"data": [{"url": "http://127.0.0.1/\tfox.png"}]}), "image_fetch_blocked", "yes"),
    "I17 a backslash": (
        whole({"data": [{"url": "http://a\\@127.0.0.1/fox.png"}]}),
        "image_fetch_blocked",
        "yes",
    ),
}


@pytest.mark.parametrize(("answer", "code", "billed"), NO_PICTURE.values(), ids=NO_PICTURE.keys())
async def test_an_answer_without_a_picture_has_its_code(
    provider: Provider, answer: Answer, code: str, billed: str
) -> None:
    """Scorecard I04, I05, I17, I18: never ordered again."""
    provider.images(answer)
    async with connected(provider) as maker:
        error = await failed(maker)
    assert (error.code, error.billed) == (code, billed)
    assert len(provider.posts("/images/generations")) == 1
    assert "canary" not in str(error)


def refusal(code: str | None, message: str = "canary-words") -> dict[str, Any]:
    return {"error": {"message": message, "type": "invalid_request_error", "param": None, "code": code}}


REFUSED: dict[str, tuple[Answer, str, str, int]] = {
    "I01 moderation": (status(400, refusal("moderation_blocked")), "image_policy", "no", 1),
    "I01 content policy": (status(400, refusal("content_policy_violation")), "image_policy", "no", 1),
    "I01 in prose": (
        status(400, refusal(None, "Your request was rejected by our safety system")),
        "image_policy",
        "no",
        1,
    ),
    "I01 a forbidden prompt": (
        status(403, {"error": {"code": 403, "message": "Flagged", "metadata": {"reasons": ["violence"]}}}),
        "image_policy",
        "no",
        1,
    ),
    "I03 429": (status(429), "image_rate_limited", "no", 3),
    "I03 quota": (status(429, refusal("insufficient_quota")), "image_quota", "no", 1),
    "I03 billing limit": (status(400, refusal("billing_hard_limit_reached")), "image_quota", "no", 1),
    "no credit": (status(402), "image_quota", "no", 1),
    "a bad key": (status(401), "image_auth", "no", 1),
    "an unverified account": (status(403), "image_auth", "no", 1),
    "an unknown parameter": (status(400, refusal("unknown_parameter")), "image_bad_request", "no", 1),
    "a text": (status(400, {"error": "prompt required"}), "image_bad_request", "no", 1),
    "a detail": (status(422, {"detail": [{"msg": "canary-words"}]}), "image_bad_request", "no", 1),
    "no such model": (status(404), "image_bad_request", "no", 1),
    "a redirect": (whole({}, 307, location="http://127.0.0.1:9/"), "image_bad_request", "no", 1),
    "I03 500": (status(500), "image_provider_error", "unknown", 1),
    "I03 502 as HTML": (whole(b"<html>", 502), "image_provider_error", "unknown", 1),
    "504": (status(504), "image_timeout", "unknown", 1),
    "I02 reset before an answer": (Answer(before=(CUT,)), "outcome_unknown", "unknown", 1),
    "I02 reset in the answer": (Answer((b'{"data"', 0.05, CUT)), "outcome_unknown", "unknown", 1),
    "I02 cut in the answer": (Answer((b'{"data"', 0.05, FIN)), "outcome_unknown", "unknown", 1),
}


@pytest.mark.parametrize(("answer", "code", "billed", "tries"), REFUSED.values(), ids=REFUSED.keys())
async def test_every_refusal_has_its_code_its_bill_and_its_number_of_orders(
    provider: Provider, answer: Answer, code: str, billed: str, tries: int
) -> None:
    """Scorecard I01 to I03, DESIGN decision 4: only what is known not to be billed is sent again."""
    provider.images(answer)
    async with connected(provider, timeout_s=60) as maker:
        error = await failed(maker)
    assert (error.code, error.billed) == (code, billed)
    assert len(provider.requests) == tries
    assert "canary" not in str(error)


async def test_i03_a_wait_that_was_asked_for_is_kept(provider: Provider) -> None:
    """Scorecard I03: 429 waits and retries; the provider's own figure counts."""
    clock = OwnClock()
    provider.images(status(429, retry_after="3"), b64())
    async with connected(provider, clock=clock, timeout_s=60) as maker:
        assert (await drawn(maker)).data == FOX
    assert len(clock.slept) == 1
    assert 3 <= clock.slept[0] < 4


async def test_i03_a_wait_beyond_the_pictures_time_is_not_begun(provider: Provider) -> None:
    """Protocol: timeout_s covers everything from submission to the last byte."""
    clock = OwnClock()
    provider.images(status(429, retry_after="30"))
    async with connected(provider, clock=clock, timeout_s=20) as maker:
        error = await failed(maker)
    assert (error.code, error.retry_after_s, clock.slept) == ("image_rate_limited", 30, [])


async def test_i03_an_idempotent_order_is_sent_again_with_the_same_key(provider: Provider) -> None:
    """DESIGN: `idempotent` sends the same key again."""
    provider.images(status(500), Answer(before=(CUT,)), b64())
    async with connected(provider, policy="idempotent", timeout_s=60) as maker:
        assert (await drawn(maker)).data == FOX
    assert [order.headers["idempotency-key"] for order in provider.requests] == ["key-1"] * 3


async def test_a_refused_connection_is_tried_three_times_and_costs_nothing() -> None:
    """DESIGN decision 4: a refused connection is known not to be billed."""
    clock = OwnClock()
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{closed.getsockname()[1]}/v1"
        maker = OpenAIImages("m", base_url=url, api_key="k", clock=clock)
        error = await failed(maker)
        await maker.aclose()
    assert (error.code, error.billed) == ("image_unreachable", "no")
    assert len(clock.slept) == 2


@pytest.mark.parametrize(
    "answer",
    [Answer(before=(STALL,)), Answer((b'{"data"', STALL))],
    ids=["I02 before the headers", "I02 in the answer"],
)
async def test_i02_silence_ends_in_time_and_is_not_ordered_again(provider: Provider, answer: Answer) -> None:
    """Scorecard I02: submissions == 1, the bill is unknown."""
    provider.images(answer)
    async with connected(provider, timeout_s=0.3) as maker:
        error = await failed(maker)
    assert (error.code, error.billed) == ("image_timeout", "unknown")
    assert len(provider.requests) == 1


async def test_cancelling_closes_the_connection(provider: Provider) -> None:
    """Protocol: safe to cancel."""
    gate = Gate()
    provider.images(Answer(before=(gate, STALL)))
    async with connected(provider) as maker:
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(drawn, maker)
            await gate.wait_until_reached()
            tasks.cancel_scope.cancel()
        await wait_for(provider.requests[0].closed)


# --- links -----------------------------------------------------------------------------------


def linked(url: str) -> Answer:
    return whole({"data": [{"url": url}]})


async def test_i19_a_link_is_fetched_at_once_and_without_credentials(provider: Provider) -> None:
    """Scorecard I19: no credentials to image hosts, be it the provider's own host."""
    provider.images(linked(f"{provider.origin}/pic/fox.png"))
    provider.pictures["/pic/fox.png"] = raw(FOX)
    async with connected(provider) as maker:
        assert (await drawn(maker)).data == FOX
    (fetched,) = [request for request in provider.requests if request.method == "GET"]
    assert not {"authorization", "cookie", "referer"} & set(fetched.headers)
    assert "canary" not in json.dumps(fetched.headers)


GONE = raw(b"canary-words", code=404)
FETCHES: dict[str, tuple[list[Answer], str | None, int]] = {
    "I06 gone once": ([GONE, raw(FOX)], None, 2),
    "I06 gone": ([GONE], "image_url_expired", 2),
    "I06 forbidden": ([raw(b"", code=403)], "image_url_expired", 2),
    "a server error once": ([raw(b"", code=500), raw(FOX)], None, 2),
    "a server error": ([raw(b"", code=500)], "image_provider_error", 2),
    "I08 too short for its length, once": (
        [Answer((FOX[:50], FIN), headers={"content-length": "999"}, chunked=False), raw(FOX)],
        None,
        2,
    ),
    "I08 too short for its length": (
        [Answer((FOX[:50], FIN), headers={"content-length": "999"}, chunked=False)],
        "image_truncated",
        2,
    ),
    "I08 without its end marker, once": ([raw(FOX[:-12]), raw(FOX)], None, 2),
    "I08 a JPEG cut in half, once": ([raw(PLAIN[: len(PLAIN) // 2]), raw(FOX)], None, 2),
    "reset once": ([Answer((FOX[:50], 0.05, CUT)), raw(FOX)], None, 2),
    "I13 claims five gigabytes": (
        [Answer((b"",), headers={"content-length": "5000000000"}, chunked=False)],
        "image_too_large",
        1,
    ),
    "I13 has no end": ([Answer([b"x" * (1 << 20)] * 26)], "image_too_large", 1),
    "I15 a redirect": ([whole(b"", 302, location="http://127.0.0.1:9/")], "image_fetch_blocked", 1),
    "I14 stalls": ([Answer((FOX[:50], STALL))], "image_download_timeout", 1),
    "I14 never begins": ([Answer(before=(STALL,))], "image_download_timeout", 1),
}


@pytest.mark.parametrize(("answers", "code", "gets"), FETCHES.values(), ids=FETCHES.keys())
async def test_a_failed_download_is_tried_once_more_and_never_ordered_again(
    provider: Provider, answers: list[Answer], code: str | None, gets: int
) -> None:
    """Scorecard I06, I08, I13 to I15: it is paid for, so one more GET, never a second order."""
    provider.images(linked(f"{provider.origin}/fox.png"))
    provider.pictures["/fox.png"] = [*answers]
    idle_s = 0.3 if code == "image_download_timeout" else 10.0
    async with connected(provider, download_idle_s=idle_s) as maker:
        if code is None:
            assert (await drawn(maker)).data == FOX
        else:
            error = await failed(maker)
            assert (error.code, error.billed) == (code, "yes")
    methods = [request.method for request in provider.requests]
    assert methods == ["POST", *["GET"] * gets]


async def test_a_link_into_the_house_is_blocked_and_paid(provider: Provider) -> None:
    """Scorecard I15: the maker's own origin is trusted, its private neighbour is not."""
    with socket.create_server(("127.0.0.1", 0)) as canary:
        canary.setblocking(False)
        provider.images(linked(f"http://127.0.0.1:{canary.getsockname()[1]}/fox.png"))
        async with connected(provider) as maker:
            error = await failed(maker)
        with pytest.raises(BlockingIOError):
            canary.accept()
    assert (error.code, error.billed) == ("image_fetch_blocked", "yes")


# --- secrets ---------------------------------------------------------------------------------


async def test_a_redirect_never_takes_an_order_or_the_key_elsewhere(provider: Provider) -> None:
    """DESIGN decision 10: an unguarded 307 re-sends a paid POST with its key to another host."""
    with Provider() as elsewhere:
        elsewhere.images(b64())
        provider.images(whole({}, 307, location=f"{elsewhere.base_url}/images/generations"))
        async with connected(provider) as maker:
            error = await failed(maker)
    assert error.code == "image_bad_request"
    assert elsewhere.requests == []


async def test_i06_no_log_holds_the_link_the_prompt_or_the_key(
    provider: Provider, caplog: pytest.LogCaptureFixture
) -> None:
    """Scorecard I06, S05: the link of a picture is a secret; libraries log too."""
    caplog.set_level(logging.DEBUG)
    provider.images(linked(f"{provider.origin}/fox.png?signature=canary-signature"))
    provider.pictures["/fox.png"] = raw(FOX)
    async with connected(provider) as maker:
        await drawn(maker)
    told = "".join(str(vars(record)) for record in caplog.records)
    assert "canary" not in told
    assert "a fox" not in told


async def test_i24_the_providers_words_are_detail_without_the_key(provider: Provider) -> None:
    """Scorecard I24: a closed vocabulary for everybody; the words are for the debug log."""
    provider.images(status(401, refusal("invalid_api_key", "Incorrect key: sk-canary")))
    async with connected(provider) as maker:
        error = await failed(maker)
    assert "Incorrect key" not in error.detail + str(error)


async def test_a_maker_without_a_model_or_an_address_is_refused() -> None:
    """CONVENTIONS, errors."""
    with pytest.raises(ConfigError) as nameless:
        OpenAIImages("", api_key="k")
    with pytest.raises(ConfigError) as homeless:
        OpenAIImages("m", base_url="ftp://example.org", api_key="k")
    assert (nameless.value.code, homeless.value.code) == ("model_missing", "base_url_invalid")


@pytest.mark.parametrize("digits", [401, 5000])
async def test_an_absurd_price_does_not_cost_the_picture(provider: Provider, digits: int) -> None:
    """Attack: a figure of hundreds of digits beside a picture that is paid for."""
    answer = json.dumps({"data": [{"b64_json": B64}], "usage": {"cost": 1}})
    answer = answer.replace('"cost": 1', f'"cost": {"1" * digits}')
    provider.images(raw(answer.encode(), content_type="application/json"))
    async with connected(provider, price_usd=0.1) as maker:
        drawing = await drawn(maker)
    assert drawing.data == FOX


async def test_a_picture_survives_words_that_are_no_text(provider: Provider) -> None:
    """Attack: one byte that is no UTF-8 beside a picture that is paid for."""
    answer = b'{"data": [{"b64_json": "%s", "revised_prompt": "a \xff fox"}]}' % B64.encode()
    provider.images(raw(answer, content_type="application/json"))
    async with connected(provider) as maker:
        assert (await drawn(maker)).revised_prompt == "a \ufffd fox"


@pytest.mark.parametrize("before", [0, 185, 195, 60_000])
async def test_no_part_of_the_key_stands_in_the_detail(provider: Provider, before: int) -> None:
    """Scorecard, keys: the detail may be logged, and providers repeat keys wherever they like."""
    provider.images(raw(b"." * before + b"sk-canary'\"" * 40))
    async with connected(provider) as maker:
        error = await failed(maker)
    assert error.code == "image_bad_payload"
    assert "sk-c" not in error.detail
    assert len(error.detail) < 300


async def test_a_key_that_was_cut_does_not_stand_in_the_detail(provider: Provider) -> None:
    """Scorecard, keys: the end of long words is cut, and a key with it."""
    key = "sk-" + "0123456789" * 20
    provider.images(status(400, {"error": {"message": f"{key} " * 60}}))
    async with connected(provider, api_key=key) as maker:
        error = await failed(maker)
    assert error.code == "image_bad_request"
    assert "sk-0" not in error.detail
