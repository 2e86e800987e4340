"""What becomes of an answer whose model fails after its first event, and of pictures that come after the words."""

from __future__ import annotations

import json
import random
from pathlib import Path
from typing import Any

import httpx2
import openai
import pytest

from chats import FOX, Chats, draw, drawn, tool_results
from clocks import OwnClock
from disks import tiny_file_system
from limner.gateway.responses.recall import Recall
from limner.gateway.stored.shelf import Shelf
from limner.wire.encodings import data_url
from limner.wire.responses.ask import read_responses_ask
from providers import CUT, Gate, Provider, Said, finish, sse, text, whole
from published import valid
from responding import NATIVE, OURS, items_of, read_events, respond, stream, text_of

KINDS = pytest.mark.parametrize(
    ("tools", "publisher"),
    [(None, "openresponses"), ([OURS], "openrouter"), ([NATIVE], "openai")],
    ids=["none", "openrouter", "native"],
)


@KINDS
def test_a_broken_answer_ends_with_an_error_and_a_failed_response(
    chats: Chats, provider: Provider, tools: Any, publisher: str
) -> None:
    """Facts, wire, section 4.5: `error` in the superset of three shapes, `response.failed`, the mark of the end."""
    provider.chat(sse(text("Once there was a fox and it "), text("said"), CUT))
    told = stream(chats, "Tell", tools=tools)
    error, failed = told.events[-2:]
    assert (error["type"], failed["type"], told.done) == ("error", "response.failed", True)
    assert error["code"] == error["error"]["code"] == "upstream_reset"
    assert error["message"] == error["error"]["message"]
    assert failed["response"]["status"] == "failed"
    assert failed["response"]["error"]["code"] == "server_error"
    assert failed["response"]["error_type"] == "provider_unavailable"
    assert failed["response"]["store"] is False, "nobody can go on with it"
    for event in told.events:
        valid(f"{publisher}/response_event", event)


def test_a_broken_answer_is_an_error_of_the_official_client(chats: Chats, provider: Provider) -> None:
    """Facts, clients: only the `error` event raises; `response.failed` alone would pass for an answer."""
    provider.chat(sse(text("Once"), text(" more"), CUT))
    with openai.OpenAI(base_url=chats.gateway.url, api_key="none", max_retries=0) as client:
        events = client.responses.create(
            model="m", input="Hi", stream=True, tools=[{"type": "image_generation"}]
        )
        with pytest.raises(openai.APIError) as raised:
            list(events)
    assert raised.value.code == "upstream_reset"


def test_pictures_drawn_before_the_break_are_told(chats: Chats, provider: Provider) -> None:
    """They were paid for: the failed response has their items and their lines."""

    def script(body: dict[str, Any]) -> Any:
        return sse(text("![a fox](image://1) and"), CUT) if tool_results(body) else Said("", draw("a fox"))

    provider.chat_script(script)
    failed = stream(chats, "Draw").response
    (item,) = items_of(failed, "openrouter:image_generation")
    assert (item["status"], failed["limner"]["images"][0]["url"]) == ("completed", item["imageUrl"])
    assert [each["status"] for each in items_of(failed, "message")] == ["incomplete"]


def test_an_answer_that_its_client_does_not_hear_to_the_end_is_whole(
    chats: Chats, provider: Provider
) -> None:
    """Who is sent away is told an error; what is kept, and stored, is the answer."""
    gate = Gate()
    provider.chat(sse(text("Once there was"), gate, text(" a fox."), finish()))
    key, body = {"idempotency-key": "k"}, {"model": "m-1", "input": "Tell", "tools": [OURS], "stream": True}
    with httpx2.stream("POST", f"{chats.gateway.url}/responses", json=body, headers=key, timeout=20) as told:
        lines = told.iter_lines()
        while "Once there was" not in next(lines):
            pass
        chats.parts["loop"].call_soon_threadsafe(chats.gateway.app.stop)
        heard = "".join(lines)
    gate.open()
    assert "server_draining" in heard
    assert "response.failed" in heard
    while (
        answer := httpx2.post(f"{chats.gateway.url}/responses", json=body, headers=key, timeout=20)
    ).status_code == 409:
        pass
    again = read_events(answer.content)
    assert (text_of(again.response), again.response["status"]) == ("Once there was a fox.", "completed")


def test_a_repeated_request_is_answered_by_the_same_events(chats: Chats, provider: Provider) -> None:
    """S27: byte by byte, ids and sequence numbers included; drawn once."""
    provider.chat_script(drawn("![the fox]({0})", "a fox"))
    body = {"model": "m", "input": "Draw", "tools": [NATIVE], "stream": True}
    headers = {"idempotency-key": "the-key"}
    url = f"{chats.gateway.origin}/v1/responses"
    first, second = (httpx2.post(url, json=body, headers=headers, timeout=20) for _ in range(2))
    assert first.content == second.content
    assert second.headers["idempotent-replayed"] == "true"
    assert len(provider.posts("/images/generations")) == 1
    assert read_events(second.content).types[-1] == "response.completed"


@pytest.mark.parametrize("tool", [OURS, NATIVE], ids=["openrouter", "native"])
def test_words_do_not_wait_for_promised_pictures_but_the_answer_does(
    chats: Chats, provider: Provider, tool: dict[str, Any]
) -> None:
    """Every item of an answer is final when it ends; its words are there before."""
    gate = Gate()
    entry = {"b64_json": data_url(FOX).partition(",")[2]}
    provider.image_script(lambda body: whole({"created": 1, "data": [entry]}, before=(gate,)))
    provider.chat_script(drawn("See ![the fox]({0}) there.", "a fox"))
    body = {"model": "m", "input": "Draw", "tools": [{**tool, "promise_after": 0}], "stream": True}
    content = b""
    with httpx2.stream("POST", f"{chats.gateway.origin}/v1/responses", json=body, timeout=20) as answer:
        for piece in answer.iter_raw():
            content += piece
            if b"![the fox](" in content:
                gate.open()
    told = read_events(content)
    kinds = told.types
    done = next(
        place
        for place, each in enumerate(told.events)
        if each["type"] == "response.output_item.done" and each["item"]["type"] != "message"
    )
    assert kinds.index("response.output_text.delta") < done
    (item, _) = sorted(told.response["output"], key=lambda each: each["type"] == "message")
    assert item["status"] == "completed"
    assert told.response["limner"]["images"][0]["status"] == "completed"


def test_a_client_that_leaves_stops_the_buying_and_not_the_receiving(
    chats: Chats, provider: Provider
) -> None:
    """As for chats: what was ordered is received and kept."""
    gate = Gate()
    entry = {"b64_json": data_url(FOX).partition(",")[2]}
    provider.image_script(lambda body: whole({"created": 1, "data": [entry]}, before=(gate,)))
    provider.chat_script(drawn("See ![the fox]({0}) there.", "a fox"))
    body = {"model": "m", "input": "Draw", "tools": [NATIVE], "stream": True}
    with httpx2.stream("POST", f"{chats.gateway.origin}/v1/responses", json=body, timeout=20) as answer:
        for piece in answer.iter_raw():
            if b"generating" in piece:
                break
    gate.open()
    respond(chats, "Again", tools=[NATIVE])
    assert len(provider.posts("/images/generations")) == 2


@pytest.mark.anyio
async def test_what_cannot_be_stored_is_told_all_the_same(tmp_path: Path) -> None:
    """A full disk takes no answer that was paid for; it says that nobody can go on with it."""
    disk = tmp_path / "state"
    with tiny_file_system(disk, "512k"):
        async with Shelf(disk, clock=OwnClock()) as shelf:
            read = read_responses_ask({"model": "m", "input": "x"})
            keep = Recall(shelf).keeper("alice", read)
            assert keep is not None
            message = {"type": "message", "id": "msg_1", "content": [{"type": "output_text", "text": "hi"}]}
            assert await keep({"id": "resp_1", "output": [message]}, {})
            large = {**message, "content": [{"type": "output_text", "text": noise(2 << 20)}]}
            assert not await keep({"id": "resp_2", "output": [large]}, {})
            assert [each["id"] for each in await shelf.history("alice", "resp_1")][-1] == "msg_1"


def noise(size: int) -> str:
    """Text that cannot be compressed."""
    return json.dumps(random.Random(1).randbytes(size // 2).hex())
