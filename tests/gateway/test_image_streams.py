"""Pictures without a chat, told as they come, and seen while they are drawn."""

from __future__ import annotations

import base64
import json
import time
from collections.abc import AsyncGenerator, Iterator
from io import BytesIO
from pathlib import Path
from typing import Any, cast

import anyio
import pytest
from openai.types import (
    ImageEditCompletedEvent,
    ImageEditPartialImageEvent,
    ImageGenCompletedEvent,
    ImageGenPartialImageEvent,
)
from PIL import Image

import pictures
from drawing_services import DrawingService, drawing_service
from forms import file, text
from limner.gateway.exchange import Streamed
from limner.gateway.refusal import Refusal
from makers import refusal
from picture_services import BOAT, FOX
from providers import Answer, Gate, Provider, sse, whole

pytestmark = pytest.mark.anyio

GENERATIONS, EDITS, IMAGES = "/v1/images/generations", "/v1/images/edits", "/api/v1/images"
SERVER = {"model": "gpt-image-2", "server": "openai"}
HALF = pictures.png(colour=(1, 2, 3))
SIZE = "x".join(map(str, Image.open(BytesIO(FOX)).size))


@pytest.fixture
def provider() -> Iterator[Provider]:
    with Provider() as running:
        yield running


def b64(data: bytes) -> str:
    return base64.b64encode(data).decode()


def event(kind: str, data: bytes, **more: Any) -> bytes:
    return (
        f"event: {kind}\ndata: ".encode()
        + json.dumps({"type": kind, "b64_json": b64(data), **more}).encode()
        + b"\n\n"
    )


def drawing(
    *partials: bytes, final: bytes = FOX, gate: Gate | None = None, kind: str = "generation"
) -> Answer:
    """A maker's stream; a gate stands before its end."""
    halves = [
        event(f"image_{kind}.partial_image", data, partial_image_index=at) for at, data in enumerate(partials)
    ]
    gates = [] if gate is None else [gate]
    return sse(*halves, *gates, event(f"image_{kind}.completed", final), done=False)


async def streamed(service: DrawingService, path: str = GENERATIONS, **asked: Any) -> Streamed:
    return await service.streamed(path, **asked)


def read(frame: bytes) -> dict[str, Any]:
    """One event of OpenAI's, whose name is its type."""
    name, data, *rest = frame.decode().split("\n")
    assert rest == ["", ""]
    told: dict[str, Any] = json.loads(data.removeprefix("data: "))
    assert name == f"event: {told['type']}"
    return told


async def heard(answer: Streamed) -> list[dict[str, Any]]:
    """All events, to the mark of the end."""
    frames = [frame async for frame in answer.frames]
    assert frames.pop() == b"data: [DONE]\n\n"
    return [read(frame) for frame in frames]


async def test_partial_pictures_come_while_the_picture_is_drawn(tmp_path: Path, provider: Provider) -> None:
    """Facts, images, 2.4: each partial picture as it comes, then the picture, in the published types."""
    gate = Gate()
    provider.images(drawing(HALF, BOAT, gate=gate))
    async with drawing_service(tmp_path, provider, image=SERVER) as service:
        answer = await streamed(service, prompt="a fox", partial_images=2, quality="low")
        frames = cast("AsyncGenerator[bytes, None]", answer.frames)
        first, second = read(await anext(frames)), read(await anext(frames))
        # Only now is the rest sent.
        gate.open()
        told = read(await anext(frames))
        assert await anext(frames) == b"data: [DONE]\n\n"
        await frames.aclose()
    for index, (partial, data) in enumerate(((first, HALF), (second, BOAT))):
        ImageGenPartialImageEvent.model_validate(partial, strict=True)
        assert base64.b64decode(partial["b64_json"]) == data
        assert (partial["partial_image_index"], partial["quality"]) == (index, "low")
        assert [each["status"] for each in partial["limner"]["images"]] == ["generating"]
    assert (first["output_format"], second["output_format"]) == ("png", "jpeg")
    ImageGenCompletedEvent.model_validate(told, strict=True)
    assert base64.b64decode(told["b64_json"]) == FOX
    assert (told["size"], told["quality"], told["background"]) == (SIZE, "low", "auto")
    (line,) = told["limner"]["images"]
    assert (line["status"], line["index"], line["number"]) == ("completed", 0, 1)
    assert told["usage"]["cost"] == line["cost_usd"] == 0.04
    (order,) = [each.json for each in provider.posts("/generations")]
    assert (order["stream"], order["partial_images"]) == (True, 2)


async def test_a_stream_without_partial_pictures_is_the_picture_alone(
    tmp_path: Path, provider: Provider
) -> None:
    """Facts, images, 2.4; and a maker that sends none, and is not asked for a stream, is enough."""
    provider.image_script(lambda _: FOX)
    async with drawing_service(tmp_path, provider) as service:
        for partial_images in (0, 2):
            answer = await streamed(service, prompt="a fox", partial_images=partial_images)
            assert [each["type"] for each in await heard(answer)] == ["image_generation.completed"]
    assert not any("stream" in each.json for each in provider.posts("/generations"))


async def test_an_edit_is_told_in_its_own_words(tmp_path: Path, provider: Provider) -> None:
    """Facts, images, 2.4: `image_edit.…`, also where the request is a form."""
    provider.answers("/v1/images/edits", drawing(HALF, kind="edit", final=BOAT))
    async with drawing_service(tmp_path, provider, image=SERVER) as service:
        parts = [
            file("image", FOX),
            text("prompt", "the fox, at night"),
            text("stream", "true"),
            text("partial_images", "1"),
        ]
        partial, told = await heard(await streamed(service, EDITS, form=parts))
    ImageEditPartialImageEvent.model_validate(partial, strict=True)
    ImageEditCompletedEvent.model_validate(told, strict=True)
    assert base64.b64decode(told["b64_json"]) == BOAT


async def test_openrouters_endpoint_streams_in_its_words(tmp_path: Path, provider: Provider) -> None:
    """Wire, 5.1: `created`, `media_type`, a chat's usage with its cost, no names above the events."""
    provider.images(drawing(HALF))
    async with drawing_service(tmp_path, provider, image=SERVER) as service:
        answer = await streamed(service, IMAGES, model="gpt-image-2", prompt="a fox", partial_images=1)
        frames = [frame async for frame in answer.frames]
    assert frames.pop() == b"data: [DONE]\n\n"
    partial, told = [json.loads(frame.removeprefix(b"data: ")) for frame in frames]
    assert partial.keys() == {"type", "partial_image_index", "b64_json", "limner"}
    assert (told["type"], told["media_type"]) == ("image_generation.completed", "image/png")
    assert abs(told["created"] - time.time()) < 60
    assert base64.b64decode(told["b64_json"]) == FOX
    assert told["usage"] == {
        "prompt_tokens": 0,
        "completion_tokens": 0,
        "total_tokens": 0,
        "is_byok": False,
        "cost": 0.04,
    }


async def test_each_of_several_pictures_is_told_when_it_is_there(tmp_path: Path, provider: Provider) -> None:
    """`n`: one completed event each; which one it is, and what failed before it, stands in `limner.images[]`."""
    gate = Gate()
    drawn = whole({"created": 1, "data": [{"b64_json": b64(FOX)}]})
    provider.images(
        whole(refusal("moderation_blocked"), 400),
        drawn,
        whole({"created": 1, "data": [{"b64_json": b64(BOAT)}]}, before=[gate]),
    )
    async with drawing_service(tmp_path, provider, image={"concurrency": 1}) as service:
        answer = await streamed(service, prompt="a fox", n=3)
        frames = cast("AsyncGenerator[bytes, None]", answer.frames)
        first = read(await anext(frames))
        gate.open()
        second = read(await anext(frames))
        assert await anext(frames) == b"data: [DONE]\n\n"
        await frames.aclose()
    assert [(each["index"], each["status"]) for each in first["limner"]["images"]] == [
        (0, "failed"),
        (1, "completed"),
    ]
    assert [(each["index"], each["status"]) for each in second["limner"]["images"]] == [(2, "completed")]
    assert [base64.b64decode(each["b64_json"]) for each in (first, second)] == [FOX, BOAT]


async def test_where_nothing_is_drawn_there_is_no_stream_but_a_status(
    tmp_path: Path, provider: Provider
) -> None:
    """Errors before the first frame are plain answers; one after it is what OpenAI's package raises (2.7)."""
    provider.images(
        whole(refusal("moderation_blocked"), 400),
        sse(event("image_generation.partial_image", HALF, partial_image_index=0), done=False),
    )
    async with drawing_service(tmp_path, provider, image=SERVER) as service:
        answer = await streamed(service, prompt="a fox", partial_images=1)
        with pytest.raises(Refusal) as caught:
            await heard(answer)
        assert caught.value.code == "image_policy"
        answer = await streamed(service, prompt="a fox", partial_images=1)
        frames = cast("AsyncGenerator[bytes, None]", answer.frames)
        assert read(await anext(frames))["type"] == "image_generation.partial_image"
        with pytest.raises(Refusal) as caught:
            await anext(frames)
        assert caught.value.bought
        assert answer.broken is not None
        (frame,) = answer.broken(caught.value)
        told = read(frame)
        assert told["type"] == "error"
        assert told["error"]["code"] == "image_failed"


async def test_wrong_words_are_refused_before_a_stream_begins(tmp_path: Path, provider: Provider) -> None:
    """Errors: `partial_images` is 0 to 3, and belongs to a stream."""
    async with drawing_service(tmp_path, provider) as service:
        wrong: list[dict[str, Any]] = [{"partial_images": 4, "stream": True}, {"partial_images": 1}]
        for asked in wrong:
            with pytest.raises(Refusal) as caught:
                await service.post(GENERATIONS, prompt="a fox", **asked)
            assert (caught.value.code, caught.value.param) == ("invalid_value", "partial_images")
    assert provider.requests == []


async def test_a_client_that_leaves_a_stream_hears_it_when_it_asks_again(
    tmp_path: Path, provider: Provider
) -> None:
    """What was ordered is received and kept; the same request goes on with the run, and tells it once more."""
    gate = Gate()
    provider.images(drawing(HALF, gate=gate))
    async with drawing_service(tmp_path, provider, image=SERVER) as service:
        answer = await streamed(service, prompt="a fox", partial_images=1)
        frames = cast("AsyncGenerator[bytes, None]", answer.frames)
        assert read(await anext(frames))["type"] == "image_generation.partial_image"
        await frames.aclose()
        (run,) = service.runs
        gate.open()
        with anyio.fail_after(20):
            for _ in range(2):
                answer = await streamed(service, prompt="a fox", partial_images=1, resume_run=run)
                told = (await heard(answer))[-1]
                assert base64.b64decode(told["b64_json"]) == FOX
                assert told["limner"]["images"][0]["index"] == 0
        assert service.runs == [run]
    assert len(provider.posts("/generations")) == 1


async def test_offline_the_painter_shows_its_work_and_says_so(tmp_path: Path) -> None:
    """`limner serve --offline`: each event says that no image model is connected."""
    async with drawing_service(tmp_path, offline=True) as service:
        answer = await streamed(service, prompt="a red fox", partial_images=2, size="512x512")
        assert answer.headers["x-limner-offline"] == "true"
        *partials, told = await heard(answer)
        assert [each["partial_image_index"] for each in partials] == [0, 1]
        assert all(each["limner"]["offline"] for each in (*partials, told))
        assert told["size"] == "512x512"
