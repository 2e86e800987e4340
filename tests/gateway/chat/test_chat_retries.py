"""The official SDK sends a lost request again by itself: the pictures it was answered with are bought once."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import openai
import pytest

from chats import FOX, IMAGE, PUBLIC, Chats, chatting, draw, tool_results
from droppers import PATIENCE_S, Dropper
from gateways import key, secret
from providers import Gate, Provider, Said, finish, sse, text


@pytest.fixture
def upstream() -> Iterator[Provider]:
    with Provider() as running:
        running.image_script(lambda body: FOX)
        yield running


@pytest.fixture
def chats(upstream: Provider, tmp_path: Path) -> Iterator[Chats]:
    with chatting(tmp_path, upstream, keys=[key("alice", usd=1.0)]) as running:
        yield running


def illustrated(gate: Gate) -> Callable[[dict[str, Any]], Any]:
    """A model that draws a fox, and waits at the gate before it says where."""

    def script(body: dict[str, Any]) -> Any:
        results = tool_results(body)
        if not results:
            return Said("", draw("a fox"))
        return sse(gate, text(f"See ![fox]({results[0]['imageUrl']})."), finish())

    return script


def ask(port: int, *, stream: bool, idempotency_key: str | None) -> str:
    headers = {"Idempotency-Key": idempotency_key} if idempotency_key else {}
    base_url = f"http://127.0.0.1:{port}/v1"
    with openai.OpenAI(base_url=base_url, api_key=secret("alice"), timeout=PATIENCE_S) as client:
        create: Any = client.chat.completions.create
        answer = create(
            model="m-1",
            messages=[{"role": "user", "content": "a fox"}],
            tools=[IMAGE],
            stream=stream,
            extra_headers=headers,
        )
        if not stream:
            return str(answer.choices[0].message.content)
        return "".join(chunk.choices[0].delta.content or "" for chunk in answer if chunk.choices)


@pytest.mark.parametrize("idempotency_key", [None, "k"])
@pytest.mark.parametrize("stream", [False, True], ids=["whole", "stream"])
@pytest.mark.parametrize("answered", [False, True], ids=["under-way", "answered"])
def test_a_turn_whose_answer_was_lost_buys_its_picture_once(
    chats: Chats, upstream: Provider, answered: bool, stream: bool, idempotency_key: str | None
) -> None:
    """S28: lost after the picture was bought, under way or answered to its end; one order, one turn, one price."""
    gate = Gate()
    upstream.chat_script(illustrated(gate))

    def lost() -> object:
        if not answered:
            return gate.reached.wait(PATIENCE_S)
        gate.open()
        return chats.gateway.wait_for_ended(1, PATIENCE_S)

    with Dropper(chats.gateway.port, when=lost, then=gate.open) as dropper:
        said = ask(dropper.port, stream=stream, idempotency_key=idempotency_key)
    assert dropper.connections == 2
    assert said.startswith(f"See ![fox]({PUBLIC}/images/")
    assert chats.picture(said.partition("(")[2].partition(")")[0]).content == FOX
    assert len(upstream.posts("/images/generations")) == 1
    assert len(upstream.posts("/chat/completions")) == 2, "the model spoke twice in one turn, not in two"
    day = datetime.now(UTC).date().isoformat()
    spent = asyncio.run_coroutine_threadsafe(
        chats.parts["ledger"].spent_usd("alice", day), chats.parts["loop"]
    )
    assert spent.result(PATIENCE_S) == pytest.approx(0.04)


def test_the_same_words_of_a_second_question_are_a_second_turn(chats: Chats, upstream: Provider) -> None:
    """S28: only what the SDK says it sends again is a repetition; who asks twice wants two pictures."""
    gate = Gate()
    gate.open()
    upstream.chat_script(illustrated(gate))
    for _ in range(2):
        ask(chats.gateway.port, stream=False, idempotency_key=None)
    assert len(upstream.posts("/images/generations")) == 2
