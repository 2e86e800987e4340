"""Stored responses over HTTP: told again, listed, deleted, by their own tenant alone."""

from __future__ import annotations

import asyncio
import base64
import contextlib
from collections.abc import AsyncIterator, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import quote

import httpx2
import pytest

from clocks import OwnClock
from gateways import Gateway, key, serving
from limner.core.pictures import Picture
from limner.gateway.front.app import Route
from limner.gateway.ledger import Ledger, new_promise_id
from limner.gateway.stored.restoring import Restoring
from limner.gateway.stored.retrieving import StoredEndpoints
from limner.gateway.stored.shelf import Shelf
from limner.storage.folder import FolderStorage
from limner.storage.links import LinkSigner

BYTES = b"\x89PNG\r\n\x1a\n, or what stands for it here"


@dataclass
class Stored:
    """A gateway with stored responses, and what they stand on."""

    folder: Path
    gateway: Gateway = field(init=False)
    shelf: Shelf = field(init=False)
    ledger: Ledger = field(init=False)
    storage: FolderStorage = field(init=False)
    links: LinkSigner = field(init=False)
    clock: OwnClock = field(default_factory=OwnClock)

    def ask(self, method: str, path: str, tenant: str = "alice") -> tuple[int, Any]:
        headers = {**self.gateway.auth(tenant), "content-type": "application/json"}
        answer = httpx2.request(method, f"{self.gateway.url}/responses/{path}", headers=headers)
        return answer.status_code, answer.json()

    def get(self, path: str, tenant: str = "alice") -> Any:
        status, said = self.ask("GET", path, tenant)
        assert status == 200, said
        return said

    def run(self, awaitable: Any) -> Any:
        """Do something on the gateway's own loop, where its files are open."""
        return asyncio.run_coroutine_threadsafe(awaitable, self.gateway._loop).result(10)

    def keep(
        self,
        name: str,
        *output: Mapping[str, Any],
        items: tuple[Mapping[str, Any], ...] = (),
        tenant: str = "alice",
    ) -> dict[str, Any]:
        """Keep a response, and give it as it was told."""
        response = {"id": f"resp_{name}", "object": "response", "output": list(output), "limner": {"a": 1}}
        self.run(self.shelf.keep(tenant, response, items, None))
        return response

    def picture(self, data: bytes = BYTES, tenant: str = "alice") -> str:
        """A picture of the tenant's, and its id."""
        name: str = self.run(self.storage.put(tenant, data))
        drawn = Picture(name, "0" * 64, "png", 8, 6, len(data), "A fox.", "a fox", None, "plain", 1.5, 0.04)
        self.run(self.ledger.know(tenant, drawn))
        return name


@contextlib.contextmanager
def storing(folder: Path, *, shelf: bool = True) -> Iterator[Stored]:
    stored = Stored(folder)

    @contextlib.asynccontextmanager
    async def routes() -> AsyncIterator[list[Route]]:
        stored.links = LinkSigner("http://localhost:8000", [b"k" * 32], ttl_s=3600, clock=stored.clock)
        stored.storage = FolderStorage(folder / "pictures", links=stored.links)
        async with Ledger(folder) as stored.ledger, Shelf(folder) as stored.shelf:
            restoring = Restoring(stored.ledger, stored.storage, stored.links)
            endpoints = StoredEndpoints(stored.shelf if shelf else None, restoring)
            yield endpoints.routes()

    with serving(open_routes=routes, keys=[key("alice"), key("bob")]) as stored.gateway:
        yield stored


@pytest.fixture
def stored(tmp_path: Path) -> Iterator[Stored]:
    with storing(tmp_path) as opened:
        yield opened


def message(text: str, name: str = "msg_1") -> dict[str, Any]:
    part = {"type": "output_text", "text": text, "annotations": []}
    return {"type": "message", "id": name, "role": "assistant", "status": "completed", "content": [part]}


def native(link: str, name: str = "ig_call_1") -> dict[str, Any]:
    """An item as it is kept: a link in place of the bytes."""
    return {"type": "image_generation_call", "id": name, "status": "completed", "limner_url": link}


def test_a_response_is_told_again_until_it_is_deleted(stored: Stored) -> None:
    """OpenAI API reference, "Get a model response" and "Delete a model response"."""
    response = stored.keep("a", message("A fox."))
    assert stored.get("resp_a") == response
    assert stored.get("resp_a?include[]=reasoning.encrypted_content&stream=false") == response
    assert stored.ask("DELETE", "resp_a") == (200, {"id": "resp_a", "object": "response", "deleted": True})
    for method, path in (("GET", "resp_a"), ("DELETE", "resp_a"), ("GET", "resp_a/input_items")):
        status, said = stored.ask(method, path)
        assert (status, said["error"]["code"]) == (404, "response_not_found")


def test_another_tenant_s_responses_are_not_there(stored: Stored) -> None:
    """S17: answered like those that never were, whatever is asked of them."""
    stored.keep("a", message("Secret."), items=({"role": "user", "content": "Hi"},))
    asked = (("GET", ""), ("DELETE", ""), ("GET", "/input_items"), ("POST", "/cancel"))
    for method, suffix in asked:
        theirs = stored.ask(method, f"resp_a{suffix}", "bob")
        never = stored.ask(method, f"resp_never{suffix}", "bob")
        assert theirs[0] == never[0] == 404
        assert theirs[1]["error"] == never[1]["error"]
    assert stored.get("resp_a")["output"]


def test_a_native_picture_is_told_with_its_bytes(stored: Stored) -> None:
    """The bytes stand once, in the store; the item is told as its client had it."""
    link = stored.links.link(stored.picture())
    stored.keep("a", native(link), message("There."))
    (item, _) = stored.get("resp_a")["output"]
    assert item == {
        "type": "image_generation_call",
        "id": "ig_call_1",
        "status": "completed",
        "result": base64.b64encode(BYTES).decode(),
    }


def test_a_picture_that_is_gone_is_not_told_as_one(stored: Stored) -> None:
    """Never a picture that is none: the item has failed, with a text in `result`, and the words stay."""
    kept, gone = stored.picture(), stored.picture(b"another")
    stored.keep(
        "a", native(stored.links.link(kept), "ig_1"), native(stored.links.link(gone), "ig_2"), message("x")
    )
    for path in (stored.folder / "pictures").rglob(f"*{gone}*"):
        path.unlink()
    first, second, words = stored.get("resp_a")["output"]
    assert first["status"] == "completed"
    assert (second["status"], second["result"], second["error"]["code"]) == ("failed", "", "image_not_found")
    assert words["content"][0]["text"] == "x"


def test_a_link_of_somebody_else_brings_nothing(stored: Stored) -> None:
    """S17: an old link that was found somewhere is neither opened nor renewed by sending it here."""
    link = stored.links.link(stored.picture(tenant="bob"))
    other = stored.links.link("A" * 43)
    items = (native(link), message(f"![]({link})", "msg_2"))
    stored.keep("a", native(link), native(other, "ig_2"), native("https://elsewhere/x", "ig_3"), items=items)
    stored.clock.at_s += 7200
    output = stored.get("resp_a")["output"]
    assert [(item["status"], item["result"]) for item in output] == [("failed", "")] * 3
    words, sent = stored.get("resp_a/input_items")["data"]
    assert words["content"][0]["text"] == f"![]({link})"
    assert (sent["status"], sent["result"]) == ("failed", "")


def test_links_hold_when_they_are_told_again(stored: Stored) -> None:
    """DESIGN: links are minted when read. In texts, in items of OpenRouter's kind and in our own field."""
    name = stored.picture()
    old = stored.links.link(name)
    routed = {"type": "openrouter:image_generation", "id": "ig_2", "status": "completed", "imageUrl": old}
    stored.keep("a", routed, message(f"See ![a fox]({old}), or {old}."), items=(native(old),))
    stored.clock.at_s += 7200
    assert stored.links.verify(old) is None
    item, words = stored.get("resp_a")["output"]
    fresh = item["imageUrl"]
    assert stored.links.verify(fresh) == name
    assert words["content"][0]["text"] == f"See ![a fox]({fresh}), or {fresh}."
    (sent,) = stored.get("resp_a/input_items")["data"]
    assert sent["result"] == base64.b64encode(BYTES).decode()


def test_a_promised_picture_is_told_as_it_stands(stored: Stored) -> None:
    """A link that was given out before its picture leads to what became of it."""
    pending, kept, broken, theirs = (new_promise_id() for _ in range(4))
    for name in (pending, kept, broken):
        stored.run(stored.ledger.promise(name, "alice", "run", 1, "A fox."))
    stored.run(stored.ledger.promise(theirs, "bob", "run", 1, "A fox."))
    stored.run(stored.ledger.keep_promise(kept, stored.picture()))
    stored.run(stored.ledger.keep_promise(theirs, stored.picture()))
    stored.run(stored.ledger.break_promise(broken, "image_policy"))
    names = (pending, kept, broken, theirs)
    stored.keep("a", *(native(stored.links.link(name), f"ig_{at}") for at, name in enumerate(names)))
    told = [(item["status"], bool(item["result"])) for item in stored.get("resp_a")["output"]]
    assert told == [("in_progress", False), ("completed", True), ("failed", False), ("failed", False)]


def test_input_items_come_a_page_at_a_time(stored: Stored) -> None:
    """OpenAI API reference, "List input items": newest first unless asked otherwise, 20 at a time."""
    sent = tuple({"role": "user", "content": str(at)} for at in range(25))
    stored.keep("a", message("x"), items=sent)
    page = stored.get("resp_a/input_items")
    assert (page["object"], len(page["data"]), page["has_more"]) == ("list", 20, True)
    assert page["data"][0] == {
        "type": "message",
        "id": page["first_id"],
        "role": "user",
        "content": [{"type": "input_text", "text": "24"}],
    }
    rest = stored.get(f"resp_a/input_items?after={page['last_id']}")
    assert [item["content"][0]["text"] for item in rest["data"]] == ["4", "3", "2", "1", "0"]
    assert not rest["has_more"]
    one = stored.get("resp_a/input_items?order=asc&limit=1")
    assert ([item["content"][0]["text"] for item in one["data"]], one["has_more"]) == (["0"], True)
    assert one["first_id"] == one["last_id"]
    end = stored.get(f"resp_a/input_items?after={rest['last_id']}")
    assert end == {"object": "list", "data": [], "first_id": None, "last_id": None, "has_more": False}


@pytest.mark.parametrize(
    ("path", "code", "param"),
    [
        ("resp_a?stream=true", "unsupported_parameter", "stream"),
        ("resp_a?starting_after=3", "unsupported_parameter", "starting_after"),
        ("resp_a/input_items?limit=0", "invalid_value", "limit"),
        ("resp_a/input_items?limit=101", "invalid_value", "limit"),
        ("resp_a/input_items?limit=٣", "invalid_value", "limit"),
        ("resp_a/input_items?order=newest", "invalid_value", "order"),
        ("resp_a/input_items?after=msg_never", "invalid_value", "after"),
        (f"resp_a?{'a=1&' * 200}", "invalid_value", None),
    ],
)
def test_what_cannot_be_is_refused_by_name(stored: Stored, path: str, code: str, param: str | None) -> None:
    """A parameter that would be ignored is a promise unkept."""
    stored.keep("a", message("x"))
    path, _, query = path.partition("?")
    status, said = stored.ask("GET", f"{path}?{quote(query, safe='=&')}")
    assert (status, said["error"]["code"], said["error"]["param"]) == (400, code, param)


def test_nothing_is_cancelled_that_has_ended(stored: Stored) -> None:
    """OpenAI API reference, "Cancel a response": only one in the background can be cancelled."""
    stored.keep("a", message("x"))
    status, said = stored.ask("POST", "resp_a/cancel")
    assert (status, said["error"]["code"]) == (400, "invalid_value")
    assert stored.ask("POST", "resp_never/cancel")[0] == 404
    assert stored.ask("PUT", "resp_a")[0] == 405
    assert stored.ask("GET", "resp_a/cancel")[0] == 405


def test_odd_ids_are_not_found(stored: Stored) -> None:
    """Whatever stands in the path is an id that nobody has."""
    for odd in ("%00", "%ff", "a%2Fb", "a/b", "x" * 5000, "%F0%9F%A6%8A", "%27%20OR%201=1", "/input_items"):
        for suffix in ("", "/input_items"):
            assert stored.ask("GET", f"{odd}{suffix}")[0] == 404


def test_where_nothing_is_stored_there_is_nothing(tmp_path: Path) -> None:
    """`store_days = 0`: the paths are there, and say why they have nothing."""
    with storing(tmp_path, shelf=False) as stored:
        for method, suffix in (("GET", ""), ("DELETE", ""), ("GET", "/input_items"), ("POST", "/cancel")):
            status, said = stored.ask(method, f"resp_a{suffix}")
            assert (status, said["error"]["code"]) == (404, "response_not_found")
            assert "not stored" in said["error"]["message"]
