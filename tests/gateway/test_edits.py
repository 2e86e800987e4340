"""`POST /images/edits`: pictures that are given, and changed."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

import pictures
from drawing_services import DrawingService, drawing_service
from forms import file, text
from limner.gateway.given.references import References
from limner.gateway.refusal import Refusal
from picture_services import BOAT, FOX, picture_service
from providers import Provider, whole
from published import valid

pytestmark = pytest.mark.anyio

EDITS = "/v1/images/edits"
TAKES = {"max_references": 4, "server": "openai"}


def mask(size: tuple[int, int] = (8, 6), mode: str = "RGBA") -> bytes:
    written = BytesIO()
    Image.new(mode, size).save(written, "PNG")
    return written.getvalue()


def palette(size: tuple[int, int]) -> bytes:
    """Without an alpha channel, and yet transparent: by its `tRNS`."""
    written = BytesIO()
    Image.new("P", size).save(written, "PNG", transparency=0)
    return written.getvalue()


CLEAR = palette(Image.open(BytesIO(FOX)).size)
FITS = mask(Image.open(BytesIO(FOX)).size)
WRONG = mask((9, 9))


@pytest.fixture
def provider() -> Iterator[Provider]:
    with Provider() as running:
        drawn = whole({"created": 1, "data": [{"b64_json": base64.b64encode(BOAT).decode()}]})
        running.answers("/v1/images/edits", *[drawn] * 8)
        yield running


def data_url(data: bytes) -> str:
    return f"data:image/png;base64,{base64.b64encode(data).decode()}"


async def told(service: DrawingService, *parts: bytes, **body: Any) -> dict[str, Any]:
    """The answer to a form of these parts, or to a JSON body."""
    answer = await service.post(EDITS, form=parts or None, **body)
    found: dict[str, Any] = json.loads(answer.body)
    return found


async def refused(service: DrawingService, *parts: bytes, **body: Any) -> tuple[str, str | None]:
    """Its code and whom it names; nothing was begun, and so nothing ordered."""
    with pytest.raises(Refusal) as caught:
        await service.post(EDITS, form=parts or None, **body)
    assert caught.value.kind.status == 400
    assert not caught.value.bought
    assert service.runs == []
    return caught.value.code, caught.value.param


async def test_a_picture_in_a_form_is_sent_to_the_maker(tmp_path: Path, provider: Provider) -> None:
    """OpenAI API reference, "Create image edit": the declared type is not asked, what it is stands in its bytes."""
    async with drawing_service(tmp_path, provider, image=TAKES) as service:
        answer = await told(
            service,
            file("image", FOX),
            text("prompt", "the fox, at night"),
            text("n", "2"),
            text("stream", "false"),
            text("response_format", "b64_json"),
            text("user", "u"),
        )
        assert [base64.b64decode(each["b64_json"]) for each in answer["data"]] == [BOAT] * 2
        valid("openai/images", answer)
    orders = provider.posts("/edits")
    assert len(orders) == 2
    assert all(FOX in each.body and b"the fox, at night" in each.body for each in orders)


async def test_several_pictures_keep_their_order(tmp_path: Path, provider: Provider) -> None:
    """`image[]`, as the official package sends a list; a repeated `image`, as curl does."""
    async with drawing_service(tmp_path, provider, image=TAKES) as service:
        for name in ("image[]", "image"):
            await told(service, file(name, FOX), text("prompt", "both"), file(name, BOAT))
    orders = [each.body for each in provider.posts("/edits")]
    assert len(orders) == 2
    assert all(0 < each.index(FOX) < each.index(BOAT) for each in orders)


async def test_json_names_pictures_by_their_addresses(tmp_path: Path, provider: Provider) -> None:
    """OpenAI API reference: `images[].image_url`, a link or a data: URL; a link of ours is the tenant's own."""
    async with drawing_service(tmp_path, provider, image=TAKES) as service:
        own = await service.pictures.keep(FOX)
        link = service.pictures.links.link(own.id)
        for url in (link, data_url(FOX)):
            answer = await told(service, images=[{"image_url": url}], prompt="the fox, at night")
            assert answer["data"][0]["url"]
        with pytest.raises(Refusal) as caught:
            await service.post(EDITS, tenant="eve", images=[{"image_url": link}], prompt="the fox")
        assert (caught.value.code, caught.value.param) == ("invalid_value", "images[0]")
    assert all(FOX in each.body for each in provider.posts("/edits"))
    assert len(provider.posts("/edits")) == 2


PROMPT = text("prompt", "the fox, at night")
PICTURE = file("image", FOX)
FORMS: dict[str, tuple[tuple[bytes, ...], str, str]] = {
    "no picture": ((PROMPT,), "missing_parameter", "image"),
    "no file chosen": ((PROMPT, file("image", b"", "")), "missing_parameter", "image"),
    "no prompt": ((PICTURE,), "missing_parameter", "prompt"),
    "too many": ((PROMPT, *[file("image[]", FOX)] * 17), "invalid_value", "image"),
    "no picture at all": ((PROMPT, file("image", b"words")), "invalid_value", "image"),
    "the second of them": (
        (PROMPT, file("image[]", FOX), file("image[]", b"@fox.png")),
        "invalid_value",
        "image[1]",
    ),
    "gif": ((PROMPT, file("image", pictures.gif())), "invalid_value", "image"),
    "twice": ((PICTURE, PROMPT, PROMPT), "invalid_value", "prompt"),
    "a file": ((PICTURE, file("prompt", b"the fox")), "invalid_value", "prompt"),
    "a number": ((PICTURE, PROMPT, text("n", "two")), "invalid_value", "n"),
    "a list": ((PICTURE, PROMPT, text("n[]", "2")), "unsupported_parameter", "n[]"),
    "a flag": ((PICTURE, PROMPT, text("stream", "perhaps")), "invalid_value", "stream"),
    "unknown": ((PICTURE, PROMPT, text("colour", "red")), "unsupported_parameter", "colour"),
    "seed": ((PICTURE, PROMPT, text("seed", "1")), "unsupported_parameter", "seed"),
    "no text": (
        (PICTURE, b'Content-Disposition: form-data; name="prompt"\r\n\r\n\xff'),
        "invalid_value",
        "prompt",
    ),
    "fidelity": ((PICTURE, PROMPT, text("input_fidelity", "some")), "invalid_value", "input_fidelity"),
    "two masks": ((PICTURE, PROMPT, file("mask", FITS), file("mask[]", FITS)), "invalid_value", "mask"),
}


@pytest.mark.parametrize("case", FORMS)
async def test_what_is_wrong_in_a_form_is_refused_by_its_name(
    tmp_path: Path, provider: Provider, case: str
) -> None:
    """Errors: 400 with `param`, before anything is ordered."""
    parts, code, param = FORMS[case]
    async with drawing_service(tmp_path, provider, image=TAKES) as service:
        assert await refused(service, *parts) == (code, param)
    assert provider.requests == []


BODIES: dict[str, tuple[dict[str, Any], str, str]] = {
    "no picture": ({}, "missing_parameter", "images"),
    "no pictures": ({"images": []}, "missing_parameter", "images"),
    "too many": ({"images": [{"image_url": data_url(FOX)}] * 17}, "invalid_value", "images"),
    "a file": ({"images": [{"file_id": "file-1"}]}, "unsupported_parameter", "images[0].file_id"),
    "a mask's file": (
        {"images": [{"image_url": data_url(FOX)}], "mask": {"file_id": "file-1"}},
        "unsupported_parameter",
        "mask.file_id",
    ),
    "another scheme": ({"images": [{"image_url": "file:///etc/passwd"}]}, "invalid_value", "images[0]"),
    "a text": ({"images": [data_url(FOX)]}, "invalid_value", "images[0]"),
    "a form's field": ({"image": data_url(FOX)}, "unsupported_parameter", "image"),
    "no picture at all": ({"images": [{"image_url": data_url(b"words")}]}, "invalid_value", "images[0]"),
}


@pytest.mark.parametrize("case", BODIES)
async def test_what_is_wrong_in_json_is_refused_by_its_name(
    tmp_path: Path, provider: Provider, case: str
) -> None:
    """Errors: 400 with `param`; `file_id` is refused by name, for no files are kept here."""
    body, code, param = BODIES[case]
    async with drawing_service(tmp_path, provider, image=TAKES) as service:
        assert await refused(service, **{"prompt": "the fox"}, **body) == (code, param)
    assert provider.requests == []


async def test_a_refusal_says_how_the_picture_is_to_be_given(tmp_path: Path, provider: Provider) -> None:
    """Errors say what to do: a link that nobody may open is no matter of formats, and JSON has no `image`."""
    said: dict[str, dict[str, Any]] = {
        "a link that everybody can open": {"images": [{"image_url": "http://192.168.0.1/fox.png"}]},
        "PNG, JPEG or WebP": {"images": [{"image_url": data_url(b"words")}]},
        "'images': [{\"image_url\": …}]": {"image": data_url(FOX)},
    }
    async with drawing_service(tmp_path, provider, image=TAKES) as service:
        for fix, body in said.items():
            with pytest.raises(Refusal) as caught:
                await service.post(EDITS, prompt="the fox", **body)
            assert fix in str(caught.value)


async def test_a_model_that_takes_no_pictures_is_refused_before_they_are_read(
    tmp_path: Path, provider: Provider
) -> None:
    """Errors: `parameter_refused` names the field as the client knows it."""
    async with drawing_service(tmp_path, provider) as service:
        assert await refused(service, file("image", b"words"), PROMPT) == ("parameter_refused", "image")
        images = [{"image_url": f"{provider.origin}/fox.png"}]
        assert await refused(service, images=images, prompt="a fox") == ("parameter_refused", "images")
    assert provider.requests == []


@pytest.mark.parametrize("transparent", [mask(Image.open(BytesIO(FOX)).size), CLEAR], ids=["alpha", "tRNS"])
async def test_a_mask_is_sent_to_the_maker_beside_its_picture(
    tmp_path: Path, provider: Provider, transparent: bytes
) -> None:
    """Facts, images, 2.2: as a file, under either name, and by its address."""
    async with drawing_service(tmp_path, provider, image=TAKES) as service:
        for name in ("mask", "mask[]"):
            await told(service, PICTURE, PROMPT, file(name, transparent), text("input_fidelity", "high"))
        await told(
            service,
            prompt="a fox",
            images=[{"image_url": data_url(FOX)}],
            mask={"image_url": data_url(transparent)},
        )
    orders = provider.posts("/edits")
    assert len(orders) == 3
    assert all(transparent in each.body and FOX in each.body for each in orders)
    assert [b'name="input_fidelity"' in each.body for each in orders] == [True, True, False]


MASKS: dict[str, bytes] = {
    "jpeg": pictures.jpeg(*Image.open(BytesIO(FOX)).size),
    "without alpha": mask(Image.open(BytesIO(FOX)).size, "RGB"),
    "another size": WRONG,
    "no picture": b"words",
}


@pytest.mark.parametrize("case", MASKS)
async def test_a_mask_that_does_not_fit_is_refused(tmp_path: Path, provider: Provider, case: str) -> None:
    """Facts, images, 2.2: a PNG with alpha, as large as the first picture."""
    async with drawing_service(tmp_path, provider, image=TAKES) as service:
        assert await refused(service, PICTURE, PROMPT, file("mask", MASKS[case])) == (
            "invalid_value",
            "mask",
        )
        body = {"images": [{"image_url": data_url(FOX)}], "mask": {"image_url": data_url(MASKS[case])}}
        assert await refused(service, prompt="a fox", **body) == ("invalid_value", "mask")
    assert provider.requests == []


async def test_the_same_request_goes_on_with_its_run(tmp_path: Path, provider: Provider) -> None:
    """Exchange, `resume_run`: nothing is bought twice, and nothing is kept that was not sent."""
    async with drawing_service(tmp_path, provider, image=TAKES) as service:
        first = await told(service, PICTURE, PROMPT)
        (run,) = service.runs
        again = await told(service, PICTURE, PROMPT, resume_run=run)
        assert [each["limner"]["images"][0]["number"] for each in (first, again)] == [2, 2]
        assert service.runs == [run]
    assert len(provider.posts("/edits")) == 1


async def test_no_request_waits_for_links_without_end(tmp_path: Path) -> None:
    """All links together have a time, and what was not fetched by then is named."""
    async with picture_service(tmp_path) as service:
        references = References(service.ledger, service.storage, service.inspector, links_s=0)
        data = f"data:image/png;base64,{base64.b64encode(FOX).decode()}"
        assert len(await references.kept("ada", [("images[0].image_url", data)])) == 1
        given = [("images[0].image_url", data), ("images[1].image_url", "https://pictures.example/a.png")]
        with pytest.raises(Refusal) as caught:
            await references.kept("ada", given)
    assert caught.value.param == "images[1].image_url"
    assert "image_download_timeout" in str(caught.value)
