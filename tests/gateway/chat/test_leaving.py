"""Clients that leave, read nothing, come again, or have no money."""

from __future__ import annotations

import asyncio
import json
import socket
import threading
from collections.abc import AsyncGenerator, Iterator
from contextlib import aclosing
from pathlib import Path
from typing import Any, cast

import anyio
import httpx2
import pytest

import pictures
from chats import FOX, IMAGE, Chats, chatting, draw, drawn, read, tool_results
from gateways import Talk, key
from limner.config.settings import LimitsConfig, UpstreamConfig
from limner.gateway.chat.endpoint import ChatEndpoint
from limner.gateway.exchange import Inbound, Streamed
from limner.gateway.front.pump import Pace
from limner.gateway.ledger import Ledger
from limner.gateway.tenant import Tenant
from limner.spending.budget import Budget
from providers import STALL, Answer, Gate, Provider, Said, finish, sse, text, whole


@pytest.fixture
def upstream() -> Iterator[Provider]:
    with Provider() as running:
        running.image_script(lambda body: FOX)
        yield running


def left(chats: Chats, until: bytes, **more: Any) -> bytes:
    """Read an answer up to `until`, and leave."""
    seen = b""
    body = {
        name: value for name, value in chats.body("Draw", stream=True, **more).items() if value is not None
    }
    with httpx2.stream("POST", f"{chats.gateway.url}/chat/completions", json=body, timeout=20) as answer:
        for piece in answer.iter_bytes():
            seen += piece
            if until in seen:
                break
    return seen


@pytest.mark.parametrize("stream", [True, False])
def test_who_leaves_before_the_first_word_closes_the_models_connection(
    upstream: Provider, tmp_path: Path, stream: bool
) -> None:
    """P09, P10: within a second, also of an answer in one piece; the log says 499."""
    gate = Gate()
    upstream.chat(Answer(before=(gate, STALL)))
    with chatting(tmp_path, upstream) as chats:
        body = json.dumps(chats.body("Draw", stream=stream)).encode()
        with Talk(chats.gateway.port) as talk:
            talk.ask("POST", "/v1/chat/completions", body)
            assert gate.reached.wait(5)
        (asked,) = upstream.posts("/chat/completions")
        assert asked.closed.wait(1.0)
        (ended,) = chats.gateway.wait_for_ended(1)
        assert (ended.status, ended.code) == (499, "client_left")


def test_who_leaves_between_words_closes_the_models_connection(upstream: Provider, tmp_path: Path) -> None:
    """P10: mid-stream."""
    upstream.chat(sse(text("Once "), STALL))
    with chatting(tmp_path, upstream) as chats:
        left(chats, b"Once")
        (asked,) = upstream.posts("/chat/completions")
        assert asked.closed.wait(1.0)


def test_a_picture_that_was_ordered_is_kept_and_known_when_its_client_has_gone(
    upstream: Provider, tmp_path: Path
) -> None:
    """P10: bought is bought. The ledger knows the picture and its price, so links to it would be good."""
    gate = Gate()
    upstream.image_script(lambda body: _gated(gate))
    upstream.chat_script(drawn("See ![fox]({0}).", "a fox"))
    with chatting(tmp_path, upstream) as chats:
        left(chats, b'"generating"')
        chats.gateway.wait_for_ended(1)
        gate.open()
    (picture,) = [each for each in (tmp_path / "pictures").rglob("*") if each.is_file() and _is_fox(each)]
    assert len(upstream.posts("/images/generations")) == 1
    known, spent_usd = anyio.run(_books, tmp_path, picture.name.partition(".")[0])
    assert known == 1
    assert spent_usd == pytest.approx(0.04)


def test_pictures_that_were_promised_come_when_their_client_leaves_at_the_last_words(
    upstream: Provider, tmp_path: Path
) -> None:
    """P10: once the words are over nobody has to stay, so who leaves while the last of them are sent breaks nothing."""
    gate = Gate()
    upstream.image_script(lambda body: _gated(gate))
    upstream.chat_script(drawn("![one]({0}) ![two]({1})", "a fox", "a boat"))
    with chatting(tmp_path, upstream, image={"concurrency": 1}) as chats:
        promised = [{**IMAGE, "parameters": {"promise_after": 0}}]
        body = json.dumps(chats.body("Draw", stream=True, tools=promised)).encode()
        asking = _until_finished(
            chats.parts["chat"], Inbound("req_1", "openai", _ANYBODY, "POST", "/", "", {}, body)
        )
        lines = asyncio.run_coroutine_threadsafe(asking, chats.parts["loop"]).result(10)
        assert [line["status"] for line in lines] == ["generating", "generating"]
        gate.open()
        assert [chats.picture(line["url"]).content for line in lines] == [FOX, FOX]


_ANYBODY = Tenant("local", Budget())


async def _until_finished(chat: ChatEndpoint, inbound: Inbound) -> list[dict[str, Any]]:
    """Hear an answer up to the end of its words, and leave; the pictures it has spoken of."""
    answer = await chat.answer(inbound)
    assert isinstance(answer, Streamed)
    async with aclosing(cast("AsyncGenerator[bytes]", answer.frames)) as frames:
        async for frame in frames:
            told = read(frame)
            if told.finish:
                return told.lines
    raise AssertionError("an answer finishes")


def _is_fox(path: Path) -> bool:
    return path.read_bytes() == FOX


async def _books(folder: Path, id: str) -> tuple[int, float]:
    from datetime import UTC, datetime

    async with Ledger(folder) as ledger:
        known = await ledger.pictures("local", [id])
        return len(known), await ledger.spent_usd("local", datetime.now(UTC).date().isoformat())


def _gated(gate: Gate) -> Answer:
    import base64

    return whole({"created": 1, "data": [{"b64_json": base64.b64encode(FOX).decode()}]}, before=(gate,))


def test_a_request_that_comes_again_with_its_key_goes_on_with_what_it_has_bought(
    upstream: Provider, tmp_path: Path
) -> None:
    """P10, S27: the client has gone in the middle; who repeats the request buys nothing twice."""
    gate = Gate()
    answers = [sse(gate, text("See ![fox](image://1)."), finish()), None]

    def script(body: dict[str, Any]) -> Said | Answer:
        if not tool_results(body):
            return Said("", draw("a fox"))
        return answers.pop(0) or Said("See ![fox](image://1).")

    upstream.chat_script(script)
    with chatting(tmp_path, upstream) as chats:
        headers = {"idempotency-key": "one"}
        body = json.dumps(chats.body("Draw")).encode()
        with Talk(chats.gateway.port) as talk:
            talk.ask("POST", "/v1/chat/completions", body, "Idempotency-Key: one")
            assert gate.reached.wait(5)
        assert upstream.posts("/chat/completions")[1].closed.wait(3)
        chats.gateway.wait_for_ended(1)
        answer = _until_answered(chats, headers, body)
        message = answer.json()["choices"][0]["message"]
        assert message["content"].startswith("See ![fox](")
        assert len(upstream.posts("/images/generations")) == 1
        again = _posted(chats, headers, body)
        assert again.content == answer.content
        assert again.headers["idempotent-replayed"] == "true"


def _posted(chats: Chats, headers: dict[str, str], body: bytes) -> httpx2.Response:
    sent = {**headers, "content-type": "application/json"}
    return httpx2.post(f"{chats.gateway.url}/chat/completions", content=body, headers=sent, timeout=20)


def _until_answered(chats: Chats, headers: dict[str, str], body: bytes) -> httpx2.Response:
    """As a client's own retries: 409 says that the one before is still being put away."""
    for _ in range(100):
        answer = _posted(chats, headers, body)
        if answer.status_code != 409:
            break
    assert answer.status_code == 200, answer.text
    return answer


def test_who_reads_nothing_stops_the_model(upstream: Provider, tmp_path: Path) -> None:
    """P11: a stalled reader is cut off after the time for writes, and the model's connection with it."""
    large = pictures.png(extra=pictures.png_chunk(b"prVt", bytes(3 << 20)))
    upstream.image_script(lambda body: large)

    def script(body: dict[str, Any]) -> Said | Answer:
        results = tool_results(body)
        if not results:
            return Said("", draw("a", "b", "c", "d"))
        places = "\n\n".join(f"![p]({each['imageUrl']})" for each in results)
        return sse(text(places + "\n\nAnd then "), STALL)

    upstream.chat_script(script)
    tools = [{**IMAGE, "urls": "data"}]
    with chatting(tmp_path, upstream, pace=Pace(write_s=0.5)) as chats:
        body = json.dumps(chats.body("Draw", stream=True, tools=tools)).encode()
        with Talk(chats.gateway.port) as talk:
            talk.ask("POST", "/v1/chat/completions", body)
            talk.until(b"![p](data:image/png")
            (ended,) = chats.gateway.wait_for_ended(1, timeout_s=20)
            assert ended.code == "client_stalled"
        assert upstream.posts("/chat/completions")[1].closed.wait(5)


def test_without_money_the_words_come_and_say_so(upstream: Provider, tmp_path: Path) -> None:
    """S26, DESIGN decision 5: money for one of two pictures; the other is an error that the model reads."""
    upstream.chat_script(drawn("Done.", "a fox", "a boat"))
    with chatting(tmp_path, upstream, keys=[key("alice", usd=0.05)]) as chats:
        first = chats.ask("Draw", tenant="alice")
        codes = [line.get("code") for line in first["limner"]["images"]]
        assert codes == [None, "budget_exceeded"]
        second = chats.ask("Draw", tenant="alice")
        assert {line["code"] for line in second["limner"]["images"]} == {"budget_exceeded"}
        assert second["choices"][0]["finish_reason"] == "stop"
    assert len(upstream.posts("/images/generations")) == 1


def test_a_request_for_a_picture_alone_is_refused_where_there_is_no_money(
    upstream: Provider, tmp_path: Path
) -> None:
    """S26: 429 before anything is sent, where the choice of tools says that a picture is all that is wanted."""
    with chatting(tmp_path, upstream, keys=[key("alice", usd=0.03)]) as chats:
        code, error = chats.refused("Draw", tenant="alice", tool_choice=IMAGE)
        assert (code, error["type"], error["code"]) == (429, "rate_limit_error", "budget_exceeded")
    assert upstream.requests == []


def test_a_hundred_who_race_for_the_last_picture_get_one(upstream: Provider, tmp_path: Path) -> None:
    """S26: reserved before it is spent; overshoot is no picture at all."""
    upstream.chat_script(drawn("Done.", "a fox"))
    with chatting(tmp_path, upstream, keys=[key("alice", usd=0.05)]) as chats:
        drawn_by: list[int] = []

        def ask() -> None:
            answer = chats.ask("Draw", tenant="alice", timeout_s=60)
            drawn_by.append(len(answer["choices"][0]["message"].get("images", [])))

        threads = [threading.Thread(target=ask) for _ in range(100)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(60)
    assert sorted(drawn_by) == [0] * 99 + [1]
    assert len(upstream.posts("/images/generations")) == 1


def test_a_limit_of_the_service_holds_whatever_the_client_asks(upstream: Provider, tmp_path: Path) -> None:
    """The configuration is the ceiling of `max_tool_calls`."""
    upstream.chat_script(drawn("Done.", "a", "b", "c"))
    with chatting(tmp_path, upstream, limits=LimitsConfig(images=2)) as chats:
        answer = chats.ask("Draw", max_tool_calls=30)
    assert [line.get("code") for line in answer["limner"]["images"]] == [None, None, "too_many_images"]


def test_a_time_that_is_over_is_the_end_of_the_turn_and_not_of_its_words(
    upstream: Provider, tmp_path: Path
) -> None:
    """U32: a picture that takes too long is given up, and the model finishes without it."""
    gate = Gate()
    upstream.image_script(lambda body: _gated(gate))
    upstream.chat_script(drawn("Done.", "a fox"))
    with chatting(tmp_path, upstream, limits=LimitsConfig(seconds=0.5)) as chats:
        told = chats.stream("Draw")
        gate.open()
        assert told.finish == "length"
        assert [each["x_incomplete"]["reason"] for each in told.chunks if "x_incomplete" in each] == [
            "seconds"
        ]
        assert "Done." in told.content


def test_offline_says_so_in_each_answer(tmp_path: Path) -> None:
    """Nothing is connected: never silently."""
    with chatting(tmp_path) as chats:
        answer = chats.post("Write a short guide with two pictures: a fox and a boat")
        assert answer.headers["x-limner-offline"] == "true"
        assert answer.json()["limner"]["offline"] is True
        assert answer.json()["choices"][0]["message"]["images"]
        raw = chats.post("Draw a fox", stream=True)
        assert raw.headers["x-limner-offline"] == "true"
        assert read(raw.content).chunks[0]["limner"] == {"offline": True}


def test_an_image_model_that_is_not_offered_is_not_there(upstream: Provider, tmp_path: Path) -> None:
    """404, and the path of what was asked."""
    with chatting(tmp_path, upstream, image_models=("pictor-*",)) as chats:
        tools = [{**IMAGE, "parameters": {"model": "other-1"}}]
        code, error = chats.refused("Draw", tools=tools)
        assert (code, error["code"], error["param"]) == (404, "model_not_found", "tools[0].parameters.model")
    assert upstream.requests == []


def test_a_provider_that_cannot_be_reached_is_said_to_be_so(upstream: Provider, tmp_path: Path) -> None:
    """U07: after two more tries; never with its address."""
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        port = closed.getsockname()[1]
        dead = UpstreamConfig("dead/", f"http://127.0.0.1:{port}/v1", "sk-canary")
        with chatting(tmp_path, upstream, upstreams=(dead,)) as chats:
            answer = chats.post("Draw", model="dead/m")
            assert (answer.status_code, answer.json()["error"]["code"]) == (502, "upstream_unreachable")
            assert str(port) not in answer.text
            assert len(chats.parts["waits"].slept) == 2
