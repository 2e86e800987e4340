"""Likeness over real HTTP: who is ordered when, and what goes along, at each kind of maker."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable
from typing import Any

import anyio
import pytest

from limner import Engine, ImageBackend, OpenAIImages, OpenAIModel
from limner.images.chat import ChatImages
from pictures import png
from providers import Gate, Provider, Recorded, Said, wait_for, whole

pytestmark = pytest.mark.anyio

FOX = png(40, 30)
ENCODED = base64.b64encode(FOX).decode()


def four(body: dict[str, Any]) -> Said:
    """The same fox four times."""
    answers = [json.loads(each["content"]) for each in body["messages"] if each["role"] == "tool"]
    if answers:
        return Said("\n\n".join(f"![fox]({each['imageUrl']})" for each in answers))
    calls: list[tuple[str, dict[str, Any]]] = [
        ("generate_image", {"prompt": "a fox", "alt": "a fox", "name": "fox"})
    ]
    for place in ("rain", "snow", "wood"):
        arguments = {"prompt": f"the fox in the {place}", "alt": place, "like": ["fox"]}
        calls.append(("generate_image", arguments))
    return Said("A fox, four times.", calls=calls)


def picture(colour: int, gate: Gate | None = None) -> Any:
    data = FOX if gate is None else png(40, 30, (colour, 0, 0))
    body = {"data": [{"b64_json": base64.b64encode(data).decode()}]}
    return whole(body, before=() if gate is None else (gate,))


def in_chat(answer: Any, data: bytes) -> Any:
    url = f"data:image/png;base64,{base64.b64encode(data).decode()}"
    message = {
        "role": "assistant",
        "content": "",
        "images": [{"type": "image_url", "image_url": {"url": url}}],
    }
    return whole({"choices": [{"message": message, "finish_reason": "stop"}]}, before=answer.before)


def edits(provider: Provider) -> ImageBackend:
    return OpenAIImages("m", base_url=provider.base_url, api_key="k", max_references=4)


def references(provider: Provider) -> ImageBackend:
    return OpenAIImages("m", base_url=provider.base_url, api_key="k", max_references=4, server="openrouter")


def chat(provider: Provider) -> ImageBackend:
    return ChatImages("m", base_url=provider.base_url, api_key="k", max_references=4)


@pytest.mark.parametrize(
    ("make", "first_path", "next_path"),
    [
        pytest.param(edits, "/v1/images/generations", "/v1/images/edits", id="form"),
        pytest.param(references, "/v1/images", "/v1/images", id="input_references"),
        pytest.param(chat, "/v1/chat/completions", "/v1/chat/completions", id="chat"),
    ],
)
async def test_of_four_alike_the_first_is_ordered_alone_and_the_rest_at_once_with_its_bytes(
    make: Callable[[Provider], ImageBackend], first_path: str, next_path: str
) -> None:
    """DESIGN, "What nobody else has", 9: on every kind of maker."""
    gates = [Gate(), Gate(), Gate()]
    answers = [picture(0), *(picture(at, gate) for at, gate in enumerate(gates, start=1))]
    if make is chat:
        answers = [
            in_chat(each, FOX if not at else png(40, 30, (at, 0, 0))) for at, each in enumerate(answers)
        ]
    with Provider() as talk, Provider() as provider:
        talk.chat_script(four)
        if first_path == next_path:
            provider.answers(first_path, *answers)
        else:
            provider.answers(first_path, answers[0])
            provider.answers(next_path, *answers[1:])
        model = OpenAIModel("chat", base_url=talk.base_url, api_key="k")
        async with Engine(model, make(provider)) as engine, anyio.create_task_group() as tasks:
            replies: list[Any] = []

            async def ask() -> None:
                replies.append(await engine.conversation().ask("the same fox, four times"))

            tasks.start_soon(ask)
            for gate in gates:
                # None of the three has its answer before all of them have come.
                await wait_for(gate.reached)
            for gate in gates:
                gate.open()
        (reply,) = replies
        assert reply.complete
        assert [part.number for part in reply.images] == [1, 2, 3, 4]
        first, *rest = provider.requests
        assert (first.path, {each.path for each in rest}) == (first_path, {next_path})
        assert not carries_fox(first)
        assert len(rest) == 3
        assert all(carries_fox(each) for each in rest)
        # Never base64 in the model's context.
        assert ENCODED not in "".join(request.body.decode() for request in talk.requests)


def carries_fox(order: Recorded) -> bool:
    return FOX in order.body or ENCODED.encode() in order.body
