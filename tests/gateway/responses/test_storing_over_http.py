"""Stored responses as their clients know them: told, gone on with, killed, deleted, over the whole service."""

from __future__ import annotations

import contextlib
import json
import shutil
import sqlite3
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import anyio
import httpx2
import openai
import pytest

from chats import FOX, Chats, chatting, drawn, tool_results
from clocks import OwnClock
from disks import tiny_file_system
from limner.clock import SystemClock
from limner.config.load import load_gateway_config
from limner.gateway.service import opened
from limner.gateway.stored.shelf import Shelf
from providers import Provider, finish, sse, text
from responding import NATIVE, OURS, post, read_events, respond, stream, text_of
from services import offline_service

KINDS = pytest.mark.parametrize("tool", [OURS, NATIVE], ids=["openrouter", "native"])


@pytest.fixture(autouse=True)
def _script(request: pytest.FixtureRequest) -> None:
    if "chats" in request.fixturenames:
        provider: Provider = request.getfixturevalue("provider")
        provider.chat_script(drawn("![the fox]({0}) Done.", "a fox"))


def get(chats: Chats, path: str) -> Any:
    answer = httpx2.get(f"{chats.gateway.url}/responses/{path}", timeout=20)
    assert answer.status_code == 200, answer.text
    return answer.json()


async def empty_shelf(folder: Path) -> None:
    async with Shelf(folder):
        pass


def fill(path: Path) -> Path:
    """Leave no room where `path` is."""
    with path.open("wb", buffering=0) as file, contextlib.suppress(OSError):
        while True:
            file.write(bytes(4096))
    return path


@pytest.fixture
def client(chats: Chats) -> Iterator[openai.OpenAI]:
    with openai.OpenAI(base_url=chats.gateway.url, api_key="none", max_retries=0) as client:
        yield client


@KINDS
@pytest.mark.parametrize("streamed", [False, True])
def test_what_is_told_again_is_what_was_told(chats: Chats, tool: dict[str, Any], streamed: bool) -> None:
    """The very object, with the bytes of OpenAI's own tool, which are not what was stored."""
    told = stream(chats, "Draw", tools=[tool]).response if streamed else respond(chats, "Draw", tools=[tool])
    again = get(chats, told["id"])
    assert again == told
    picture = again["output"][0]
    assert picture["status"] == "completed"
    assert bool(picture.get("result", "").startswith("iVBOR")) == (tool == NATIVE)


def test_no_picture_of_the_service_is_stored_by_value(chats: Chats) -> None:
    """The bytes stand once, in the store of pictures."""
    name = respond(chats, "Draw", tools=[NATIVE])["id"]
    connection = sqlite3.connect(chats.folder / "responses.db")
    found = connection.execute(
        "SELECT body FROM parts JOIN contents ON contents.key = parts.content"
        " JOIN responses ON responses.key = parts.response WHERE responses.id = ?",
        (name,),
    ).fetchall()
    connection.close()
    said = b"".join(zlib.decompress(body) for (body,) in found)
    assert b"limner_url" in said
    assert b"iVBOR" not in said


def test_nobody_writes_what_stands_for_a_stored_picture(chats: Chats, provider: Provider) -> None:
    """Else a request of a few bytes has a picture told a hundred times, and a message may be taken for one."""
    (picture, _) = respond(chats, "Draw", tools=[OURS])["output"]
    mark = {"limner_url": picture["imageUrl"]}
    items = [
        {"type": "image_generation_call", "id": "ig_1", "status": "completed", "result": "x", **mark},
        {"role": "user", "content": "Listen", **mark},
    ]
    name = respond(chats, items, tools=None)["id"]
    page = httpx2.get(f"{chats.gateway.url}/responses/{name}/input_items?order=asc").json()
    assert [each.get("result") for each in page["data"]] == ["x", None]
    respond(chats, "Again", previous_response_id=name, tools=None)
    assert "Listen" in json.dumps(provider.posts("/completions")[-1].json)


def test_the_official_client_reads_lists_and_deletes(chats: Chats, client: openai.OpenAI) -> None:
    """OpenAI's own client: every method that there is for what was stored."""
    told = respond(chats, "Draw", tools=[NATIVE])
    found = client.responses.retrieve(told["id"])
    assert found.output_text == text_of(told)
    (item,) = client.responses.input_items.list(told["id"]).data
    said = item.to_dict()
    assert (said["role"], said["content"]) == ("user", [{"type": "input_text", "text": "Draw"}])
    with pytest.raises(openai.BadRequestError):
        client.responses.cancel(told["id"])
    client.responses.delete(told["id"])
    with pytest.raises(openai.NotFoundError) as caught:
        client.responses.retrieve(told["id"])
    assert caught.value.code == "response_not_found"


def test_what_goes_on_with_a_deleted_response_is_refused(
    chats: Chats, provider: Provider, client: openai.OpenAI
) -> None:
    """Nobody is answered from half a conversation, and nothing is bought for one."""
    first = respond(chats, "Draw")
    second = respond(chats, "More", previous_response_id=first["id"])
    client.responses.delete(first["id"])
    provider.requests.clear()
    answer = post(chats, "Again", previous_response_id=second["id"])
    assert answer.status_code == 404
    said = answer.json()["error"]
    assert (said["code"], said["param"]) == ("response_not_found", "previous_response_id")
    assert provider.requests == []


def test_references_in_a_stored_conversation_are_known_later(chats: Chats, provider: Provider) -> None:
    """What was named by its id in one request is read by the model in the next one that goes on with it."""
    first = respond(chats, "Draw")
    named = [{"type": "item_reference", "id": item["id"]} for item in first["output"]]
    provider.chat(sse(text("Yes."), finish()))
    second = respond(chats, [*named, {"role": "user", "content": "Really?"}])
    provider.chat(sse(text("Again."), finish()))
    respond(chats, "And now?", previous_response_id=second["id"])
    body = provider.requests[-1].json
    assert len(tool_results(body)) == 1
    assert "![the fox](image://1) Done." in json.dumps(body)


def test_a_reference_to_nothing_is_named_where_its_client_wrote_it(chats: Chats, provider: Provider) -> None:
    """Counted in the request's own `input`, whatever the conversation before it holds."""
    first = respond(chats, "Draw")
    nothing = {"type": "item_reference", "id": "msg_none"}
    more = {"role": "user", "content": "More"}
    refused = post(chats, [more, nothing], previous_response_id=first["id"])
    assert (refused.status_code, refused.json()["error"]["param"]) == (400, "input[1].id")
    provider.chat(sse(text("Yes."), finish()))
    named = respond(chats, [{"type": "item_reference", "id": first["output"][0]["id"]}, more])
    assert httpx2.delete(f"{chats.gateway.url}/responses/{first['id']}", timeout=20).status_code == 200
    lost = post(chats, [more], previous_response_id=named["id"])
    assert (lost.status_code, lost.json()["error"]["param"]) == (400, "previous_response_id")


@KINDS
def test_an_answer_that_cannot_be_stored_is_told_all_the_same(tmp_path: Path, tool: dict[str, Any]) -> None:
    """P04: it was paid for. It says that nobody can go on with it, and there is room again later."""
    anyio.run(empty_shelf, tmp_path / "made")
    with tiny_file_system(tmp_path / "disk", "1m") as disk, Provider() as provider:
        shutil.copy(tmp_path / "made" / "responses.db", disk)
        folder = tmp_path / "gateway"
        folder.mkdir()
        # What it keeps with is elsewhere: all else has room.
        (folder / "responses.db").symlink_to(disk / "responses.db")
        provider.image_script(lambda body: FOX)
        provider.chat_script(drawn("![the fox]({0}) Done.", "a fox"))
        with chatting(folder, provider) as chats:
            filled = fill(disk / "full")
            told = stream(chats, "Draw", tools=[tool]).response
            assert (told["status"], told["store"]) == ("completed", False)
            assert text_of(told).endswith("Done.")
            assert httpx2.get(f"{chats.gateway.url}/responses/{told['id']}").status_code == 404
            filled.unlink()
            later = respond(chats, "Draw", tools=[tool])
            assert later["store"] is True
            assert get(chats, later["id"]) == later


def test_what_one_process_was_asked_another_goes_on_with(tmp_path: Path) -> None:
    """P16: several processes share a state folder, and a client does not know which one it meets."""
    body = {"model": "any", "input": "Tell of a fox, with a picture."}
    with offline_service(tmp_path) as first, offline_service(tmp_path) as second:
        told = first.post("/v1/responses", body).json
        assert second.get(f"/v1/responses/{told['id']}").json == told
        more = second.post("/v1/responses", {**body, "previous_response_id": told["id"]}).json
        assert more["previous_response_id"] == told["id"]
        listed = first.get(f"/v1/responses/{more['id']}/input_items").json["data"]
        assert [item["content"][0]["text"] for item in listed] == [body["input"]]


@pytest.mark.anyio
async def test_a_service_forgets_what_is_too_old(tmp_path: Path) -> None:
    """`store_days`: looked after by the running service, from its start on; what is younger stays."""
    path = tmp_path / "limner.toml"
    path.write_text('[gateway]\nstate = "state"\nstore_days = 2\n', encoding="utf-8")
    config = load_gateway_config(path, environ={"HOME": str(tmp_path)}, offline=True)
    assert config.gateway.state is not None
    now_s = SystemClock().now()
    for name, days in (("old", 3), ("young", 1)):
        async with Shelf(config.gateway.state, clock=OwnClock(now_s - days * 86_400)) as shelf:
            await shelf.keep("local", {"id": f"resp_{name}", "output": []}, [], None)
    async with Shelf(config.gateway.state) as shelf, opened(config, offline=True):
        with anyio.fail_after(20):
            while await shelf.find("local", "resp_old") is not None:
                await anyio.lowlevel.checkpoint()
        assert await shelf.find("local", "resp_young") is not None


def test_what_a_client_was_told_survives_a_kill(tmp_path: Path) -> None:
    """P01: killed the moment its client has the last event, the service has the response when it is back."""
    body = {"model": "any", "input": "Tell of a fox, with a picture.", "tools": [NATIVE]}
    with offline_service(tmp_path) as service:
        whole = service.post("/v1/responses", body).json
        streamed = service.post("/v1/responses", {**body, "stream": True})
        service.running.process.kill()
        service.running.process.wait(20)
    last = read_events(streamed.body).response
    assert last["status"] == "completed"
    with offline_service(tmp_path) as service:
        for told in (whole, last):
            # Its port is another one, and with it the links; the pictures are the same.
            assert service.get(f"/v1/responses/{told['id']}").json["output"] == told["output"]
        more = {**body, "input": "And an owl.", "previous_response_id": last["id"]}
        assert service.post("/v1/responses", more).json["status"] == "completed"
