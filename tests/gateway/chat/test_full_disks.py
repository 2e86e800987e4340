"""Disks that are full: of the pictures, and of the journal. Real ones, as small as they come."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path

import httpx2

from chats import FOX, chatting, drawn
from disks import tiny_file_system
from providers import Provider


@contextlib.contextmanager
def full(folder: Path) -> Iterator[None]:
    """Nothing more goes onto the disk of `folder` until the context is left."""
    filler = folder / "filler"
    handle = os.open(filler, os.O_CREAT | os.O_WRONLY)
    with contextlib.suppress(OSError):
        while True:
            os.write(handle, b"x" * 512)
    os.close(handle)
    yield
    filler.unlink()


@contextlib.contextmanager
def drawing() -> Iterator[Provider]:
    with Provider() as provider:
        provider.image_script(lambda body: FOX)
        provider.chat_script(drawn("Here ![it]({0}) is.", "a fox"))
        yield provider


def test_without_room_for_a_picture_the_words_come_and_say_so(tmp_path: Path) -> None:
    """P03: `image_store_full` in an answer that is one; nothing half-written stays, and there is room again later."""
    disk = tmp_path / "pictures"
    with tiny_file_system(disk, "256k"), drawing() as provider, chatting(tmp_path, provider) as chats:
        with full(disk):
            answer = chats.ask("Draw")
        (line,) = answer["limner"]["images"]
        assert (line["status"], line["code"], line["paid"]) == ("failed", "image_store_full", True)
        assert answer["choices"][0]["message"]["content"].startswith("Here ")
        assert [each for each in disk.rglob("*") if each.is_file() and each.stat().st_size] == []
        (line,) = chats.ask("Draw again")["limner"]["images"]
        assert chats.picture(line["url"]).content == FOX


def test_without_room_for_the_journal_nothing_is_asked_of_anybody(tmp_path: Path) -> None:
    """P04: 503 before anything is submitted, whose client may come again; the service lives on."""
    disk = tmp_path / "state"
    with tiny_file_system(disk, "2m"), drawing() as provider, chatting(disk, provider) as chats:
        with full(disk):
            refused = chats.post("Draw")
            assert refused.status_code == 503
            assert refused.json()["error"]["code"] == "store_unavailable"
            assert "x-should-retry" not in refused.headers
            assert 1 <= int(refused.headers["retry-after"]) <= 120
            assert provider.requests == []
            plain = httpx2.post(
                f"{chats.gateway.url}/chat/completions",
                json={"model": "m-1", "messages": [{"role": "user", "content": "Hello"}]},
                timeout=20,
            )
            assert plain.status_code == 200
        (line,) = chats.ask("Draw")["limner"]["images"]
        assert chats.picture(line["url"]).content == FOX
