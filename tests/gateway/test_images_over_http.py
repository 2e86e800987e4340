"""Pictures without a chat over real HTTP: OpenAI's package, curl, and forms that none would send."""

from __future__ import annotations

import base64
import shutil
import subprocess
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path
from typing import Any

import httpx2
import openai
import pytest
from PIL import Image

import pictures
from forms import BOUNDARY, TYPE, file, form, part, text
from gateways import Gateway, key, secret, serving_app
from limner.config.settings import Config, GatewayConfig, ImageConfig
from limner.gateway.server.serving import listen
from limner.gateway.service import opened
from makers import refusal
from picture_services import BOAT, FOX
from providers import Answer, Provider, event, sse, whole

HALF = pictures.png(colour=(1, 2, 3))
EDITS = "/images/edits"


def clear() -> bytes:
    """A mask that fits the fox."""
    written = BytesIO()
    Image.new("RGBA", Image.open(BytesIO(FOX)).size).save(written, "PNG")
    return written.getvalue()


def drawn(data: bytes) -> Answer:
    return whole({"created": 1, "data": [{"b64_json": base64.b64encode(data).decode()}]})


def told_as(kind: str, data: bytes, **more: Any) -> bytes:
    return event({"type": kind, "b64_json": base64.b64encode(data).decode(), **more})


@pytest.fixture
def provider() -> Iterator[Provider]:
    with Provider() as running:
        yield running


@pytest.fixture
def gateway(tmp_path: Path, provider: Provider) -> Iterator[Gateway]:
    listener = listen("127.0.0.1", 0)
    config = Config(
        image=ImageConfig(
            model="gpt-image-2",
            server="openai",
            base_url=provider.base_url,
            api_key="sk-canary",
            price_usd=0.04,
        ),
        gateway=GatewayConfig(state=tmp_path / "state", port=listener.getsockname()[1], keys=(key("ada"),)),
    )
    with serving_app(lambda: opened(config), listener=listener) as running:
        yield running


@pytest.fixture
def client(gateway: Gateway) -> Iterator[openai.OpenAI]:
    with openai.OpenAI(base_url=gateway.url, api_key=secret("ada"), max_retries=0) as opened:
        yield opened


def bodies(provider: Provider) -> list[bytes]:
    return [each.body for each in provider.posts("/edits")]


def test_the_official_package_edits_pictures_of_every_kind(
    provider: Provider, client: openai.OpenAI, tmp_path: Path
) -> None:
    """OpenAI API reference: bytes, an open file, a named file, a list; with a mask and every scalar."""
    provider.answers("/v1/images/edits", drawn(BOAT))
    (tmp_path / "fox.png").write_bytes(FOX)
    with (tmp_path / "fox.png").open("rb") as opened:
        for image in (FOX, opened, ("fox.png", FOX, "image/png"), tmp_path / "fox.png", [FOX]):
            told = client.images.edit(image=image, prompt="the fox, at night", response_format="b64_json")
            assert told.data is not None
            assert [base64.b64decode(each.b64_json or "") for each in told.data] == [BOAT]
    assert len(bodies(provider)) == 5
    assert all(FOX in each for each in bodies(provider))
    told = client.images.edit(
        image=[FOX, BOAT],
        mask=clear(),
        prompt="the fox on the boat",
        n=2,
        size="1024x1024",
        quality="low",
        background="auto",
        output_format="webp",
        output_compression=90,
        user="u",
    )
    assert told.data is not None
    assert len(told.data) == 2
    assert told.data[0].url
    for order in bodies(provider)[5:]:
        assert 0 < order.index(FOX) < order.index(BOAT) < order.index(clear())
        for name in (b"size", b"quality", b"output_compression"):
            assert b'name="' + name + b'"' in order


def test_the_official_package_sees_pictures_while_they_are_drawn(
    provider: Provider, client: openai.OpenAI
) -> None:
    """OpenAI API reference, "Image generation streaming events": the package's own types, to the end."""
    provider.images(
        sse(
            told_as("image_generation.partial_image", HALF, partial_image_index=0),
            told_as("image_generation.partial_image", BOAT, partial_image_index=1),
            told_as("image_generation.completed", FOX),
        )
    )
    told = list(client.images.generate(prompt="a fox", stream=True, partial_images=2))
    assert [each.type for each in told] == [
        "image_generation.partial_image",
        "image_generation.partial_image",
        "image_generation.completed",
    ]
    assert [base64.b64decode(each.b64_json) for each in told] == [HALF, BOAT, FOX]
    provider.answers(
        "/v1/images/edits",
        sse(
            told_as("image_edit.partial_image", HALF, partial_image_index=0),
            told_as("image_edit.completed", BOAT),
        ),
    )
    edited = list(client.images.edit(image=FOX, prompt="at night", stream=True, partial_images=1))
    assert [each.type for each in edited] == ["image_edit.partial_image", "image_edit.completed"]
    assert [base64.b64decode(each.b64_json) for each in edited] == [HALF, BOAT]


def test_the_official_package_raises_what_went_wrong(provider: Provider, client: openai.OpenAI) -> None:
    """Facts, images, 2.7: by status where nothing was sent yet, and as an error in the middle of a stream."""
    provider.images(
        whole(refusal("moderation_blocked"), 400),
        sse(told_as("image_generation.partial_image", HALF, partial_image_index=0), done=False),
    )
    with pytest.raises(openai.BadRequestError) as refused:
        list(client.images.generate(prompt="a fox", stream=True, partial_images=1))
    assert refused.value.code == "image_policy"
    told: list[str] = []
    with pytest.raises(openai.APIError) as broken:
        told.extend(
            each.type for each in client.images.generate(prompt="a fox", stream=True, partial_images=1)
        )
    assert broken.value.code == "image_failed"
    with pytest.raises(openai.BadRequestError) as wrong:
        client.images.edit(image=b"words", prompt="at night")
    assert (wrong.value.code, wrong.value.param) == ("invalid_value", "image")


@pytest.mark.parametrize("prefix", ["/v1", "/api/v1"])
def test_a_form_that_is_sent_again_buys_nothing(provider: Provider, gateway: Gateway, prefix: str) -> None:
    """The same form has another boundary each time it is sent; with its key it is one request all the same."""
    provider.answers("/v1/images/edits", drawn(BOAT))
    answers = [
        httpx2.post(
            f"{gateway.origin}{prefix}{EDITS}",
            content=form([file("image", FOX), text("prompt", "at night")], boundary),
            headers=gateway.auth("ada")
            | {"content-type": f"multipart/form-data; boundary={boundary}", "idempotency-key": "the-same"},
        )
        for boundary in ("one", "another")
    ]
    assert [each.status_code for each in answers] == [200, 200]
    assert answers[0].content == answers[1].content
    assert answers[1].headers["idempotent-replayed"] == "true"
    assert len(bodies(provider)) == 1
    other = httpx2.post(
        f"{gateway.origin}{prefix}{EDITS}",
        content=form([file("image", FOX), text("prompt", "at noon")]),
        headers=gateway.auth("ada") | {"content-type": TYPE, "idempotency-key": "the-same"},
    )
    assert other.status_code == 422


@pytest.mark.parametrize("path", ["/v1/images/generations", "/api/v1/images"])
def test_a_stream_that_is_asked_for_again_is_told_again(
    provider: Provider, gateway: Gateway, path: str
) -> None:
    """With an Idempotency-Key a streamed answer is kept, to the byte."""
    provider.images(
        sse(
            told_as("image_generation.partial_image", HALF, partial_image_index=0),
            told_as("image_generation.completed", FOX),
        )
    )
    asked = {"model": "gpt-image-2", "prompt": "a fox", "stream": True, "partial_images": 1}
    answers = [
        httpx2.post(
            gateway.origin + path,
            json=asked,
            headers=gateway.auth("ada") | {"idempotency-key": "the-same"},
        )
        for _ in range(2)
    ]
    assert answers[0].headers["content-type"].startswith("text/event-stream")
    assert answers[0].content == answers[1].content
    assert answers[0].content.endswith(b"data: [DONE]\n\n")
    assert answers[1].headers["idempotent-replayed"] == "true"
    assert len(provider.posts("/generations")) == 1


@pytest.mark.skipif(shutil.which("curl") is None, reason="there is no curl here; install it")
def test_curl_sends_its_forms(provider: Provider, gateway: Gateway, tmp_path: Path) -> None:
    """The sample of OpenAI's reference: `-F "image[]=@…"`, and `-F prompt=…`."""
    provider.answers("/v1/images/edits", drawn(BOAT))
    (tmp_path / "fox.png").write_bytes(FOX)
    (tmp_path / "boat.jpg").write_bytes(BOAT)
    ran = subprocess.run(
        [
            *("curl", "-sS", "--fail-with-body", f"{gateway.url}{EDITS}"),
            *("-H", f"Authorization: Bearer {secret('ada')}"),
            *("-F", "image[]=@fox.png", "-F", "image[]=@boat.jpg", "-F", "prompt=both of them"),
        ],
        cwd=tmp_path,
        capture_output=True,
        timeout=30,
        check=False,
    )
    assert ran.returncode == 0, ran
    assert b'"url"' in ran.stdout
    (order,) = bodies(provider)
    assert 0 < order.index(FOX) < order.index(BOAT)


GOOD = form([file("image", FOX), text("prompt", "a fox")])
HOSTILE: dict[str, tuple[str, bytes, int, str]] = {
    "no boundary": ("multipart/form-data", GOOD, 400, "invalid_form"),
    "two boundaries": (f"{TYPE}; boundary=other", GOOD, 400, "invalid_form"),
    "a long boundary": (f"multipart/form-data; boundary={'b' * 71}", GOOD, 400, "invalid_form"),
    "another boundary": ("multipart/form-data; boundary=other", GOOD, 400, "invalid_form"),
    "nothing": (TYPE, b"", 400, "invalid_form"),
    "json": (TYPE, b'{"prompt": "a fox"}', 400, "invalid_form"),
    "cut short": (TYPE, GOOD[:-6], 400, "invalid_form"),
    "cut in a picture": (TYPE, GOOD[:200], 400, "invalid_form"),
    "no parts": (TYPE, f"--{BOUNDARY}--\r\n".encode(), 400, "missing_parameter"),
    "thousands of parts": (TYPE, form([text("prompt", "a")] * 5000), 413, "body_too_large"),
    "lookalikes": (TYPE, form([file("image", f"\r\n--{BOUNDARY}x".encode() * 50_000)]), 400, "invalid_form"),
    "padding": (
        TYPE,
        f"--{BOUNDARY}".encode() + b" " * 5_000_000 + b"\r\n" + GOOD,
        400,
        "invalid_form",
    ),
    "a closed form in a form": (
        TYPE,
        form([file("image", b"x--" + BOUNDARY.encode() + b"--" + b"\r\n--limner-of-the-testsx" * 50_000)]),
        400,
        "invalid_form",
    ),
    "many headers": (
        TYPE,
        form([part("\r\n".join(f"X-{at}: 1" for at in range(9)), b"x")]),
        400,
        "invalid_form",
    ),
    "a long header": (TYPE, form([part(f"X-Long: {'x' * 2000}", b"x")]), 400, "invalid_form"),
    "a header twice": (
        TYPE,
        form([part('Content-Disposition: form-data; name="a"\r\n' * 2 + "X: 1", b"x")]),
        400,
        "invalid_form",
    ),
    "no name": (TYPE, form([part("Content-Disposition: form-data", b"x")]), 400, "invalid_form"),
    "no headers": (TYPE, form([b"\r\nx"]), 400, "invalid_form"),
    "encoded": (
        TYPE,
        form(
            [
                part(
                    'Content-Disposition: form-data; name="prompt"\r\nContent-Transfer-Encoding: base64',
                    b"YQ==",
                )
            ]
        ),
        400,
        "invalid_form",
    ),
    "lines without CR": (TYPE, GOOD.replace(b"\r\n", b"\n"), 400, "invalid_form"),
    "another kind": ("multipart/mixed; boundary=b", GOOD, 415, "unsupported_media_type"),
    "too large": (TYPE, b"x" * (20 << 20) + b"x", 413, "body_too_large"),
}


@pytest.mark.parametrize("case", HOSTILE)
def test_a_form_that_is_none_is_refused(provider: Provider, gateway: Gateway, case: str) -> None:
    """Errors: in the documented statuses, with nothing ordered; the service answers on."""
    content_type, body, status, code = HOSTILE[case]
    headers = gateway.auth("ada") | {"content-type": content_type}
    answer = httpx2.post(f"{gateway.url}{EDITS}", content=body, headers=headers)
    assert answer.status_code == status
    assert answer.json()["error"]["code"] == code
    assert provider.requests == []
    assert httpx2.get(f"{gateway.origin}/healthz").status_code == 200


def test_forms_are_read_at_one_place_alone(gateway: Gateway) -> None:
    """Everywhere else only JSON is read: 415."""
    headers = gateway.auth("ada") | {"content-type": TYPE}
    for path in ("/v1/images/generations", "/v1/chat/completions", "/api/v1/images", "/v1/responses"):
        answer = httpx2.post(gateway.origin + path, content=GOOD, headers=headers)
        assert (answer.status_code, answer.json()["error"]["message"]) == (
            415,
            "Send JSON, with Content-Type: application/json.",
        )
    answer = httpx2.post(
        f"{gateway.url}{EDITS}", content=b"x", headers=gateway.auth("ada") | {"content-type": "image/png"}
    )
    assert answer.status_code == 415
    assert "multipart/form-data" in answer.json()["error"]["message"]
