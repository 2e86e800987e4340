"""Partial pictures: told to who asked for them and can know them, never taken for the final one."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable
from typing import Any

import httpx2
import pytest

import pictures
from chats import FOX, IMAGE, Chats, drawn, read
from providers import Gate, Provider, sse
from published import valid
from responding import NATIVE, OURS, items_of, picture_in, read_events, respond

SKETCH = pictures.png(colour=(1, 2, 3))
KNOWN = "gpt-image-2"
"""A model of which it is known that it sends them."""


BOTH = pytest.mark.parametrize(
    ("tool", "publisher"), [(OURS, "openrouter"), (NATIVE, "openai")], ids=["openrouter", "native"]
)


def b64(data: bytes) -> str:
    return base64.b64encode(data).decode("ascii")


def streaming(gate: Gate) -> Callable[[dict[str, Any]], Any]:
    """A maker that sends as many pictures as it was asked for, and the final one when the gate is opened."""

    def script(body: dict[str, Any]) -> Any:
        if not body.get("stream"):
            return FOX
        kind = "image_generation.partial_image"
        sent = [
            _event({"type": kind, "partial_image_index": index, "b64_json": b64(SKETCH)})
            for index in range(body["partial_images"])
        ]
        return sse(*sent, gate, _event({"type": "image_generation.completed", "b64_json": b64(FOX)}))

    return script


def until_partial(chats: Chats, provider: Provider, path: str, body: dict[str, Any]) -> bytes:
    """A stream whose final picture is drawn when a partial one has come."""
    gate = Gate()
    provider.image_script(streaming(gate))
    content = b""
    with httpx2.stream(
        "POST", f"{chats.gateway.url}{path}", json=body | {"stream": True}, timeout=20
    ) as answer:
        for piece in answer.iter_raw():
            content += piece
            if b64(SKETCH).encode() in content:
                gate.open()
    return content


def _event(said: dict[str, Any]) -> bytes:
    return f"event: {said['type']}\ndata: {json.dumps(said)}\n\n".encode()


@pytest.fixture(autouse=True)
def _script(provider: Provider) -> None:
    provider.chat_script(drawn("![the fox]({0})", "a fox"))
    provider.image_script(lambda body: FOX)


@BOTH
def test_the_responses_api_tells_them_as_events(
    chats: Chats, provider: Provider, tool: dict[str, Any], publisher: str
) -> None:
    """Facts, wire, section 4.4: between generating and completed, with their indices."""
    tool = {**tool, "partial_images": 2, "model": KNOWN}
    body = {"model": "m", "input": "Draw", "tools": [tool]}
    told = read_events(until_partial(chats, provider, "/responses", body))
    partial = told.of("response.image_generation_call.partial_image")
    assert [each["partial_image_index"] for each in partial][-1:] == [1]
    assert all(base64.b64decode(each["partial_image_b64"]) == SKETCH for each in partial)
    kinds = told.types
    first, last = kinds.index(partial[0]["type"]), kinds.index("response.output_item.done")
    assert kinds.index("response.output_item.added") < first < last
    if publisher == "openai":
        (item,) = items_of(told.response, "image_generation_call")
        assert picture_in(item) == FOX
    assert b64(SKETCH) not in json.dumps(told.response)
    for each in told.events:
        valid(f"{publisher}/response_event", each)


def test_chats_tell_them_as_progress(chats: Chats, provider: Provider) -> None:
    """Text: progress in chat streams, never mistaken for the final one."""
    tool = {**IMAGE, "parameters": {"partial_images": 1, "model": KNOWN}}
    body = chats.body("Draw", tools=[tool])
    told = read(until_partial(chats, provider, "/chat/completions", body))
    lines = [line for line in told.progress if "partial_image_b64" in line]
    assert [(line["status"], line["partial_image_index"]) for line in lines] == [("generating", 0)]
    assert base64.b64decode(lines[0]["partial_image_b64"]) == SKETCH
    assert lines[0]["partial_image_format"] == "png"
    assert b64(SKETCH) not in json.dumps([told.content, told.images, told.details, told.lines])
    assert told.lines[0]["status"] == "completed"


@pytest.mark.parametrize("tool", [OURS, NATIVE], ids=["openrouter", "native"])
def test_nobody_pays_for_what_nobody_sees(chats: Chats, provider: Provider, tool: dict[str, Any]) -> None:
    """Whole answers have no place for them, so none is ordered."""
    respond(chats, "Draw", tools=[{**tool, "partial_images": 3, "model": KNOWN}])
    chats.ask("Draw", tools=[{**IMAGE, "parameters": {"partial_images": 3, "model": KNOWN}}])
    orders = [each.json for each in provider.posts("/images/generations")]
    assert orders
    assert not any("partial_images" in each or "stream" in each for each in orders)


def test_too_many_are_refused_by_name(chats: Chats) -> None:
    """0 to 3."""
    status, error = chats.refused("Draw", tools=[{**IMAGE, "parameters": {"partial_images": 4}}])
    assert (status, error["param"]) == (400, "tools[0].parameters.partial_images")
