"""Answers with status 200 over a real connection: every shape with a picture, and every one without.

What the shapes mean is tested in `tests/wire`; here stands what becomes of them: how often is ordered,
what is known of the bill, and where the provider's words go.
"""

from __future__ import annotations

import base64
import io
import zipfile
from collections.abc import Iterator

import pytest

import pictures
from makers import B64, FOX, FOX_URL, b64, connected, drawn, failed, refusal
from providers import FIN, Answer, Provider, raw, sse, whole

pytestmark = pytest.mark.anyio

PADDING = b"\r\n" * 50


@pytest.fixture
def provider() -> Iterator[Provider]:
    with Provider() as running:
        yield running


SHAPES: dict[str, Answer] = {
    # 2.3: OpenAI
    "with everything that OpenAI says": b64(
        background="opaque", output_format="png", quality="high", size="1024x1024", safety_identifier="u"
    ),
    "status 201": whole({"data": [{"b64_json": B64}]}, 201),
    # I05: base64
    "I05 with line breaks": b64("\n".join(B64[at : at + 60] for at in range(0, len(B64), 60))),
    "I05 with a data prefix": b64(FOX_URL),
    "I05 without padding": b64(B64.rstrip("=")),
    "I05 in the URL alphabet": b64(base64.urlsafe_b64encode(FOX).decode()),
    # 4: servers of one's own
    "sd.cpp: no usage, a format": whole({"data": [{"b64_json": B64}], "output_format": "png"}),
    "LocalAI: an id, an index, no tokens": b64(
        id="i", usage={"input_tokens": 0, "output_tokens": 0, "total_tokens": 0}
    ),
    "vLLM-Omni: nulls and extras": whole(
        {"data": [{"b64_json": B64, "revised_prompt": None}], "metrics": {}, "cot_output": None}
    ),
    "vLLM-Omni: the picture itself": raw(FOX, "image/png"),
    "SGLang: a path on its disk beside it": whole(
        {"data": [{"b64_json": B64, "file_path": "/srv/out.png"}], "usage": {"image_count": 1}}
    ),
    "A1111: a list of texts": whole({"images": [B64], "info": "{}"}),
    "a data URL as the link": whole({"data": [{"url": FOX_URL}]}),
    # 5: others, which relays hand on as they are
    "one object and no list": whole({"data": {"b64_json": B64}}),
    "null in front": whole({"data": [None, {"b64_json": B64}]}),
    "Gemini": whole({"candidates": [{"content": {"parts": [{"inlineData": {"data": B64}}]}}]}),
    "Imagen": whole({"predictions": [{"bytesBase64Encoded": B64}]}),
    "Stability": whole({"image": B64, "finish_reason": "SUCCESS"}),
    # 2.7 and others: what surrounds it
    "the wrong content type": raw(b'{"data": [{"b64_json": "%s"}]}' % B64.encode(), "text/html"),
    "padding while it was drawn": Answer(
        (PADDING, PADDING, b'{"data": [{"b64_json": "%s"}]}' % B64.encode()),
        headers={"content-type": "application/json"},
    ),
    "43 odd figures": b64(usage={"cost": -1, "input_tokens_details": None}),
    "an empty error beside it": b64(error=None),
    "an error that struck the others": b64(error={"code": 429, "message": "canary-words"}),
    "a stream that nobody asked for": sse(
        b'data: {"type": "image_generation.completed", "b64_json": "%s"}\n\n' % B64.encode()
    ),
    "whole, though more was announced": Answer(
        (b'{"data": [{"b64_json": "%s"}]}' % B64.encode(), FIN),
        headers={"content-length": "99999999"},
        chunked=False,
    ),
    "words that are no text": whole(
        b'{"data": [{"b64_json": "%s", "revised_prompt": "a \xff fox"}]}' % B64.encode()
    ),
}


@pytest.mark.parametrize("answer", SHAPES.values(), ids=SHAPES.keys())
async def test_every_shape_of_an_answer_gives_the_picture(provider: Provider, answer: Answer) -> None:
    """I05: images sheet, 2.3, 2.7, 4 and 5; quirks 39, 43 and 45."""
    provider.images(answer)
    async with connected(provider) as maker:
        assert (await drawn(maker)).data == FOX


def zipped() -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr("fox.png", FOX)
    return file.getvalue()


NO_PICTURE: dict[str, tuple[Answer, str, str]] = {
    "I04 HTML": (raw(b"<html>canary-words", "text/html"), "image_bad_payload", "unknown"),
    "I04 nothing": (raw(b"", "application/json"), "image_bad_payload", "unknown"),
    "I04 half an answer": (raw(b'{"data": [{"b64_json": "canary'), "image_bad_payload", "unknown"),
    "I04 neither link nor base64": (whole({"data": [{"prompt": "x"}]}), "image_bad_payload", "unknown"),
    "I04 no data": (whole({"data": []}), "image_bad_payload", "unknown"),
    "I04 data null": (whole({"created": 1, "data": None}), "image_bad_payload", "unknown"),
    "I04 a list": (whole([]), "image_bad_payload", "unknown"),
    "I04 an archive": (raw(zipped(), "application/zip"), "image_bad_payload", "unknown"),
    "I05 no base64": (b64("%%%canary-words%%%"), "image_bad_payload", "unknown"),
    "I05 base64 that is too long": (b64("A" * (36 << 20)), "image_too_large", "yes"),
    "I05 an answer without end": (Answer([b" " * (1 << 20)] * 52), "image_too_large", "yes"),
    "I05 a picture without end": (
        Answer([pictures.png()[:8], *([b"x" * (1 << 20)] * 26)]),
        "image_too_large",
        "yes",
    ),
    "Ideogram, filtered": (
        whole({"data": [{"url": None, "is_image_safe": False}]}),
        "image_policy",
        "unknown",
    ),
    "Stability, filtered": (
        whole({"image": B64, "finish_reason": "CONTENT_FILTERED"}),
        "image_policy",
        "unknown",
    ),
    "an error in a 200": (
        whole({"error": {"code": 502, "message": "canary-words"}}),
        "image_provider_error",
        "unknown",
    ),
    "a text as the error in a 200": (whole({"error": "canary-words"}), "image_provider_error", "unknown"),
    "an error with a list that holds none": (
        whole({"error": {"code": 400, "url": "http://127.0.0.1/help"}, "data": ["Zm94"]}),
        "image_bad_request",
        "no",
    ),
    "a refusal in a 200": (whole(refusal("content_policy_violation")), "image_policy", "no"),
    "I18 a file": (whole({"data": [{"url": "file:///etc/passwd"}]}), "image_fetch_blocked", "yes"),
    "I18 data of a field without end": (
        whole({"data": [{"url": "data:image/png;base64"}]}),
        "image_bad_payload",
        "unknown",
    ),
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
    "I17 a host without a scheme": (
        whole({"data": [{"url": "//127.0.0.1/fox.png"}]}),
        "image_fetch_blocked",
        "yes",
    ),
}


@pytest.mark.parametrize(("answer", "code", "billed"), NO_PICTURE.values(), ids=NO_PICTURE.keys())
async def test_an_answer_without_a_picture_has_its_code(
    provider: Provider, answer: Answer, code: str, billed: str, caplog: pytest.LogCaptureFixture
) -> None:
    """I04, I05, I17, I18: never ordered again, and nobody reads the provider's words."""
    provider.images(answer)
    async with connected(provider) as maker:
        error = await failed(maker)
    assert (error.code, error.billed) == (code, billed)
    assert [request.method for request in provider.requests] == ["POST"]
    assert "canary" not in f"{error} {error.detail} {caplog.text}"


async def test_i05_a_large_answer_is_not_kept_when_it_is_refused(provider: Provider) -> None:
    """I05: the reading stops, and the connection with it."""
    provider.images(Answer([b" " * (1 << 20)] * 400))
    async with connected(provider) as maker:
        assert (await failed(maker)).code == "image_too_large"
    assert provider.requests[0].closed.wait(5)
