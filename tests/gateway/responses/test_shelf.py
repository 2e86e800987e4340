"""Stored responses: real files, several at once, processes that are killed."""

from __future__ import annotations

import json
import os
import random
import signal
import sqlite3
import stat
import subprocess
import sys
from collections.abc import AsyncIterator, Mapping
from pathlib import Path
from typing import Any

import anyio
import pytest

from clocks import OwnClock
from disks import tiny_file_system
from limner.errors import JournalError
from limner.gateway.refusal import Refusal
from limner.gateway.stored.shelf import MOST_RESPONSES, Shelf

pytestmark = pytest.mark.anyio

DAY_S = 86_400.0


def said(name: str, text: str, *more: Mapping[str, Any]) -> dict[str, Any]:
    """A response as it was told."""
    message = {
        "type": "message",
        "id": f"msg_{name}",
        "role": "assistant",
        "status": "completed",
        "content": [{"type": "output_text", "text": text, "annotations": []}],
    }
    return {"id": f"resp_{name}", "object": "response", "output": [*more, message], "status": "completed"}


def asked(text: str) -> dict[str, Any]:
    return {"role": "user", "content": text}


def noise(size_bytes: int, seed: int = 0) -> str:
    """A text that no compression makes small."""
    return random.Random(seed).randbytes(size_bytes // 2).hex()


@pytest.fixture
async def shelf(tmp_path: Path) -> AsyncIterator[Shelf]:
    async with Shelf(tmp_path / "state", clock=OwnClock()) as opened:
        yield opened


OTHER = """
import sys, anyio
from limner.gateway.stored.shelf import Shelf

async def main():
    async with Shelf(sys.argv[1]) as shelf:
        for at in range(1000):
            response = {"id": f"resp_{at}", "output": [{"type": "message", "id": f"msg_{at}", "text": "x" * 5000}]}
            previous = f"resp_{at - 1}" if at else None
            await shelf.keep("me", response, [{"role": "user", "content": str(at)}], previous)
            print(at, flush=True)

anyio.run(main)
"""


def killed_after(count: int, folder: Path) -> int:
    """Kill a process that says what it has kept; the last that it has said."""
    process = subprocess.Popen([sys.executable, "-c", OTHER, str(folder)], stdout=subprocess.PIPE)
    assert process.stdout is not None
    with process.stdout as lines:
        for _ in range(count):
            lines.readline()
        process.send_signal(signal.SIGKILL)
        process.wait()
        return count - 1 + len(lines.readlines())


async def test_a_response_is_found_as_it_was_told(shelf: Shelf) -> None:
    """What is read back is the object that the client was given, in its order, with what it was asked with."""
    picture = {
        "type": "image_generation_call",
        "id": "ig_call_1",
        "status": "completed",
        "limner_url": "http://x/1",
    }
    response = said("a", "A fox.\u2028 \U0001f98a", picture)
    await shelf.keep("me", response, [asked("Draw a fox")], None)
    found = await shelf.find("me", "resp_a")
    assert found is not None
    assert json.dumps(found.response) == json.dumps(response)
    assert (found.id, found.previous) == ("resp_a", None)
    assert found.items == ({"role": "user", "content": "Draw a fox", "type": "message", "id": "msg_ai0"},)
    assert await shelf.find("me", "resp_b") is None


async def test_another_tenant_s_ids_are_not_there(shelf: Shelf) -> None:
    """S17: neither found nor gone on with, deleted, or told from those that never were."""
    await shelf.keep("me", said("a", "Mine."), [asked("Hi")], None)
    assert await shelf.find("you", "resp_a") is None
    assert await shelf.items_of("you", ["msg_a"]) == {}
    assert not await shelf.drop("you", "resp_a")
    refusals = []
    for name in ("resp_a", "resp_never"):
        with pytest.raises(Refusal) as caught:
            await shelf.history("you", name)
        refusals.append((caught.value.code, str(caught.value), caught.value.param))
    assert refusals[0] == refusals[1]
    assert refusals[0][0] == "response_not_found"
    await shelf.keep("you", said("a", "Yours."), [], None)
    mine = await shelf.items_of("me", ["msg_a"])
    assert mine["msg_a"]["content"][0]["text"] == "Mine."


async def test_a_conversation_is_read_from_its_beginning(shelf: Shelf) -> None:
    """What was sent, then what was told, response by response; a branch has its own."""
    call = {"type": "function_call", "id": "fc_1", "call_id": "call_1", "name": "f", "arguments": "{}"}
    result = {"type": "function_call_output", "call_id": "call_1", "output": "4"}
    await shelf.keep("me", said("a", "One.", call), [asked("1"), asked("1b")], None)
    await shelf.keep("me", said("b", "Two."), [result], "resp_a")
    await shelf.keep("me", said("c", "Three."), [asked("3")], "resp_b")
    await shelf.keep("me", said("d", "Other."), [asked("4")], "resp_a")
    ids = [item["id"] for item in await shelf.history("me", "resp_c")]
    assert ids == ["msg_ai0", "msg_ai1", "fc_1", "msg_a", "fco_bi0", "msg_b", "msg_ci0", "msg_c"]
    branch = [item["id"] for item in await shelf.history("me", "resp_d")]
    assert branch == ["msg_ai0", "msg_ai1", "fc_1", "msg_a", "msg_di0", "msg_d"]


async def test_a_conversation_whose_beginning_is_gone_is_refused(shelf: Shelf) -> None:
    """Nobody is answered from half a conversation."""
    await shelf.keep("me", said("a", "One."), [], None)
    await shelf.keep("me", said("b", "Two."), [], "resp_a")
    assert await shelf.drop("me", "resp_a")
    assert not await shelf.drop("me", "resp_a")
    with pytest.raises(Refusal) as caught:
        await shelf.history("me", "resp_b")
    assert (caught.value.code, caught.value.param) == ("response_not_found", "previous_response_id")
    found = await shelf.find("me", "resp_b")
    assert found is not None
    assert found.previous == "resp_a"


async def test_items_are_found_by_their_ids(shelf: Shelf) -> None:
    """References: what was told wins over what was sent, the newest over the older, pointers lead nowhere."""
    pointers = [
        {"type": "item_reference", "id": "msg_a"},
        {"id": "msg_a"},
        {"type": "image_generation_call", "id": "ig_1"},
    ]
    picture = {
        "type": "image_generation_call",
        "id": "ig_1",
        "status": "completed",
        "limner_url": "http://x/1",
    }
    replayed = {"type": "message", "id": "msg_a", "role": "assistant", "content": "Changed."}
    await shelf.keep("me", said("a", "Told.", picture), [], None)
    await shelf.keep("me", said("b", "Later."), [*pointers, replayed], None)
    found = await shelf.items_of("me", ["msg_a", "ig_1", "msg_b", "nothing", "msg_a"])
    assert set(found) == {"msg_a", "ig_1", "msg_b"}
    assert found["msg_a"]["content"][0]["text"] == "Told."
    assert found["ig_1"] == picture
    assert await shelf.items_of("me", []) == {}
    await shelf.drop("me", "resp_a")
    left = await shelf.items_of("me", ["msg_a", "ig_1"])
    assert left == {"msg_a": replayed}


async def test_more_items_than_a_statement_takes_are_found(shelf: Shelf) -> None:
    """A long conversation has more references than SQLite has parameters."""
    await shelf.keep("me", said("a", "x"), [asked(str(at)) for at in range(1200)], None)
    found = await shelf.items_of("me", [f"msg_ai{at}" for at in range(2000)])
    assert [item["content"] for item in found.values()] == [str(at) for at in range(1200)]


async def test_a_response_that_is_kept_again_is_the_last_one(shelf: Shelf) -> None:
    """An answer that is told again after a crash is one response, with the same ids of its items."""
    for text in ("First.", "Second."):
        await shelf.keep("me", said("a", text), [asked("Hi")], None)
    assert [item["id"] for item in await shelf.history("me", "resp_a")] == ["msg_ai0", "msg_a"]
    again = await shelf.items_of("me", ["msg_a"])
    assert again["msg_a"]["content"][0]["text"] == "Second."


async def test_a_conversation_is_bounded_in_its_responses(tmp_path: Path) -> None:
    """A chain costs a look for each link, so it has an end, and the sentence says what to do."""
    async with Shelf(tmp_path, clock=OwnClock()) as shelf:
        await shelf.keep("me", said("0", "x"), [], None)
    # As `keep` writes them, in one transaction: a thousand would take a thousand.
    connection = sqlite3.connect(tmp_path / "responses.db")
    connection.executemany(
        "INSERT INTO responses (tenant, id, previous, items_bytes, rows_bytes, used_at_s)"
        " VALUES ('me', ?, ?, 0, 0, 0)",
        [(f"resp_{at}", f"resp_{at - 1}") for at in range(1, MOST_RESPONSES + 1)],
    )
    connection.commit()
    connection.close()
    async with Shelf(tmp_path, clock=OwnClock()) as shelf:
        assert len(await shelf.history("me", f"resp_{MOST_RESPONSES - 1}")) == 1
        with pytest.raises(Refusal) as caught:
            await shelf.history("me", f"resp_{MOST_RESPONSES}")
    assert (caught.value.code, caught.value.param) == ("context_length_exceeded", "previous_response_id")


async def test_a_conversation_is_bounded_in_its_bytes(tmp_path: Path) -> None:
    """What is small on the disk must not be large in memory: the bound is on the JSON, before it is read."""
    async with Shelf(tmp_path, chain_bytes=30_000) as shelf:
        for at, previous in enumerate((None, "resp_0", "resp_1")):
            await shelf.keep("me", said(str(at), "x" * 12_000), [], previous)
        assert len(await shelf.history("me", "resp_1")) == 2
        with pytest.raises(Refusal) as caught:
            await shelf.history("me", "resp_2")
        assert (caught.value.code, caught.value.param) == ("context_length_exceeded", "previous_response_id")
        with pytest.raises(Refusal) as caught:
            await shelf.items_of("me", ["msg_0", "msg_1", "msg_2"])
        assert (caught.value.code, caught.value.param) == ("context_length_exceeded", "input")


async def test_what_is_not_gone_on_with_is_forgotten(tmp_path: Path) -> None:
    """`store_days`: a conversation that goes on is kept to its beginning, the others go, and the disk is given back."""
    clock = OwnClock()
    async with Shelf(tmp_path, clock=clock) as shelf:
        await shelf.keep("me", said("a", "x"), [], None)
        await shelf.keep("me", said("b", "x"), [], "resp_a")
        for at in range(250):
            await shelf.keep("me", said(f"old{at}", noise(20_000, at)), [], None)
        clock.at_s += 6 * DAY_S
        await shelf.keep("me", said("c", "x"), [], "resp_b")
        clock.at_s += 6 * DAY_S
        assert await shelf.prune(clock.now() - 7 * DAY_S) == 250
        assert await shelf.find("me", "resp_old0") is None
        assert await shelf.items_of("me", ["msg_old0"]) == {}
        assert len(await shelf.history("me", "resp_c")) == 3
        clock.at_s += 2 * DAY_S
        assert await shelf.prune(clock.now() - 7 * DAY_S) == 3
        assert await shelf.prune(clock.now() - 7 * DAY_S) == 0
    assert (tmp_path / "responses.db").stat().st_size < 2**18


async def test_what_is_gone_on_with_by_its_items_is_kept(tmp_path: Path) -> None:
    """Facts, clients: `@ai-sdk/openai` names items, and no response."""
    clock = OwnClock()
    async with Shelf(tmp_path, clock=clock) as shelf:
        for name in ("a", "other"):
            await shelf.keep("me", said(name, "x"), [], None)
        await shelf.keep("you", said("a", "x"), [], None)
        clock.at_s += 6 * DAY_S
        named = {"type": "item_reference", "id": "msg_a"}
        await shelf.keep("me", said("b", "x"), [named, asked("More")], None)
        clock.at_s += 6 * DAY_S
        assert await shelf.prune(clock.now() - 7 * DAY_S) == 2
        assert (await shelf.items_of("me", ["msg_a", "msg_other"])).keys() == {"msg_a"}
        assert await shelf.items_of("you", ["msg_a"]) == {}


async def test_a_tenant_takes_a_bounded_room(tmp_path: Path) -> None:
    """Nobody fills the disk: what was not gone on with for the longest goes first, of that tenant alone."""
    clock = OwnClock()
    async with Shelf(tmp_path, clock=clock, tenant_bytes=2**20) as shelf:
        await shelf.keep("you", said("yours", noise(2**19)), [], None)
        for at in range(4):
            clock.at_s += 2 * 3600
            await shelf.keep("me", said(str(at), noise(2**19, at)), [], "resp_0" if at else None)
        there = [name for name in range(4) if await shelf.find("me", f"resp_{name}") is not None]
        assert there == [0, 2, 3]
        assert await shelf.find("you", "resp_yours") is not None
        # More than all of it together is kept all the same, for as long as it is the newest.
        await shelf.keep("me", said("large", noise(6 * 2**20)), [], None)
        assert await shelf.find("me", "resp_large") is not None
        await shelf.keep("me", said("small", "x"), [], None)
        assert await shelf.find("me", "resp_large") is None
        assert await shelf.drop("me", "resp_small")
        await shelf.keep("me", said("a", noise(2**19)), [], None)
        await shelf.keep("me", said("b", noise(2**19)), [], None)
        assert await shelf.find("me", "resp_a") is not None


async def test_what_is_sent_again_and_again_stands_there_once(tmp_path: Path) -> None:
    """Some clients send the whole conversation each time, pictures in it: the disk must not grow with its square."""
    picture = {"role": "user", "content": [{"type": "input_image", "image_url": noise(400_000)}]}
    async with Shelf(tmp_path, tenant_bytes=2**20) as shelf:
        sent: list[dict[str, Any]] = [picture]
        for at in range(20):
            await shelf.keep("me", said(str(at), noise(1000, at)), sent, None)
            sent = [*sent, said(str(at), noise(1000, at))["output"][0], asked(f"More {at}")]
        first, last = await shelf.find("me", "resp_0"), await shelf.find("me", "resp_19")
        assert first is not None
        assert last is not None
        assert len(last.items) == 39
        assert first.items[0]["content"] == last.items[0]["content"] == picture["content"]
        assert (first.items[0]["id"], last.items[0]["id"]) == ("msg_0i0", "msg_19i0")
        await shelf.keep("you", said("yours", "x"), [picture], None)
        # What others still hold stays, and is counted, until the last of them is gone.
        for at in range(19):
            assert await shelf.drop("me", f"resp_{at}")
        assert await shelf.find("me", "resp_19") == last
        assert await shelf.drop("me", "resp_19")
        await shelf.keep("me", said("a", "x"), [], None)
    connection = sqlite3.connect(tmp_path / "responses.db")
    found = dict(
        connection.execute(
            "SELECT tenant, sum(bytes) FROM (SELECT tenant, length(body) AS bytes FROM contents"
            " UNION ALL SELECT tenant, rows_bytes FROM responses) GROUP BY tenant"
        ).fetchall()
    )
    kept = dict(connection.execute("SELECT tenant, size_bytes FROM kept").fetchall())
    connection.close()
    assert found == kept
    assert kept["me"] < 1000
    assert kept["you"] > 200_000


async def test_items_that_say_nothing_take_room_too(tmp_path: Path) -> None:
    """Nobody fills the disk: of thousands of items that are the same one content stands there, and a row for each."""
    async with Shelf(tmp_path, tenant_bytes=2**20) as shelf:
        for at in range(4):
            await shelf.keep("me", said(str(at), "x"), [{"type": "web_search_call"}] * 5000, None)
        there = [name for name in range(4) if await shelf.find("me", f"resp_{name}") is not None]
    assert there == [3]


async def test_an_id_of_megabytes_stands_in_no_index(tmp_path: Path) -> None:
    """What is looked up or written beside it would be compared with it, whosever it is."""
    name = "i" * 2**20
    async with Shelf(tmp_path) as shelf:
        await shelf.keep("me", said("1", "x"), [{**asked("Hi"), "id": name}], None)
        found = await shelf.find("me", "resp_1")
        assert found is not None
        assert found.items[0]["id"] == name
        assert await shelf.items_of("me", [name]) == {}
    assert (tmp_path / "responses.db").stat().st_size < 2**18


async def test_ids_that_no_encoding_can_hold_are_kept(shelf: Shelf) -> None:
    """U15: half a surrogate in an id of the model's provider fails nothing that was paid for."""
    reasoning = {"type": "reasoning", "id": "rs_\ud800", "summary": []}
    await shelf.keep("me", said("a", "x", reasoning), [], None)
    found = await shelf.find("me", "resp_a")
    assert found is not None
    assert found.response["output"][0]["id"] == "rs_\ufffd"


async def test_what_was_said_to_be_kept_survives_a_kill(tmp_path: Path) -> None:
    """P01: killed at any moment, every response that was told is there, whole, and the last is whole or not there."""
    last = killed_after(40, tmp_path)
    async with Shelf(tmp_path) as shelf:
        history = await shelf.history("me", f"resp_{last}")
        assert [
            item["id"] for item in history if item["id"].startswith("msg_") and "i" not in item["id"]
        ] == [f"msg_{at}" for at in range(last + 1)]
        more = await shelf.find("me", f"resp_{last + 1}")
        assert more is None or more.previous == f"resp_{last}"


async def test_many_processes_share_one_file(tmp_path: Path) -> None:
    """What one keeps the others go on with at once."""
    async with Shelf(tmp_path) as first, Shelf(tmp_path) as second:

        async def talk(name: str) -> None:
            previous = None
            for at in range(10):
                shelf = (first, second)[at % 2]
                if previous is not None:
                    assert len(await shelf.history("me", previous)) == at
                await shelf.keep("me", said(f"{name}{at}", "x"), [], previous)
                previous = f"resp_{name}{at}"

        async with anyio.create_task_group() as group:
            for name in "abcdef":
                group.start_soon(talk, name)


async def test_a_cancelled_keep_is_whole_or_nothing(shelf: Shelf) -> None:
    """A client that leaves while its response is written leaves nothing half-written."""
    for at in range(20):
        with anyio.CancelScope() as scope:
            async with anyio.create_task_group() as group:
                group.start_soon(shelf.keep, "me", said(str(at), noise(50_000)), [asked("Hi")], None)
                for _ in range(at):
                    await anyio.lowlevel.checkpoint()
                scope.cancel()
        found = await shelf.find("me", f"resp_{at}")
        assert found is None or (len(found.items), len(found.response["output"])) == (1, 1)


async def test_a_full_disk_is_an_error_and_harms_nothing(tmp_path: Path) -> None:
    """P04: nothing is said to be kept that is not; what was kept is read on, and there is room again later."""
    with tiny_file_system(tmp_path / "disk", "1m") as folder:
        async with Shelf(folder) as shelf:
            await shelf.keep("me", said("a", noise(200_000)), [], None)
            with pytest.raises(JournalError) as caught:
                await shelf.keep("me", said("b", noise(2_000_000)), [], "resp_a")
            assert caught.value.code == "journal_unavailable"
            assert await shelf.find("me", "resp_b") is None
            assert len(await shelf.history("me", "resp_a")) == 1
        async with Shelf(folder) as shelf:
            await shelf.keep("me", said("c", "Small."), [], "resp_a")
            assert len(await shelf.history("me", "resp_c")) == 2
        connection = sqlite3.connect(folder / "responses.db")
        assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)
        connection.close()


async def test_a_damaged_response_is_an_error_that_says_so(tmp_path: Path) -> None:
    """P06: wrong bytes are never told."""
    async with Shelf(tmp_path) as shelf:
        await shelf.keep("me", said("a", "x"), [], None)
        connection = sqlite3.connect(tmp_path / "responses.db")
        connection.execute("UPDATE contents SET body = x'00'")
        connection.commit()
        connection.close()
        for read in (shelf.find, shelf.history):
            with pytest.raises(JournalError) as caught:
                await read("me", "resp_a")
            assert caught.value.code == "journal_unreadable"


async def test_nobody_else_can_read_what_is_kept(tmp_path: Path) -> None:
    """Whole conversations stand in it."""
    async with Shelf(tmp_path / "state") as shelf:
        await shelf.keep("me", said("a", "x"), [], None)
        modes = {each.name: stat.S_IMODE(each.stat().st_mode) for each in (tmp_path / "state").iterdir()}
    assert set(modes) >= {"responses.db", "responses.db-wal"}
    assert set(modes.values()) == {0o600}


async def test_another_file_is_refused_untouched(tmp_path: Path) -> None:
    """P05: neither a ledger nor somebody else's database is taken over; a newer version is not guessed at."""
    async with Shelf(tmp_path):
        pass
    path = tmp_path / "responses.db"
    for pragma, code in (("user_version=99", "journal_newer"), ("application_id=1", "journal_foreign")):
        connection = sqlite3.connect(path)
        connection.execute(f"PRAGMA {pragma}")
        connection.close()
        before = path.read_bytes()
        with pytest.raises(JournalError) as caught:
            await Shelf(tmp_path).__aenter__()
        assert (caught.value.code, path.read_bytes()) == (code, before)
        assert "stored responses" in str(caught.value) or code == "journal_newer"
    os.unlink(path)
