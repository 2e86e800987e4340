"""The ledger: real files, several at once, processes that are killed."""

from __future__ import annotations

import hashlib
import os
import signal
import sqlite3
import stat
import subprocess
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import anyio
import pytest

from clocks import OwnClock
from disks import tiny_file_system
from limner.core.pictures import Picture
from limner.errors import JournalError
from limner.gateway.ledger import KEYED_S, UNKEYED_S, Ledger, Promise, new_promise_id
from limner.storage.ids import valid_id

pytestmark = pytest.mark.anyio

DAY = "2026-11-21"


def picture(name: str, alt: str = "A fox.") -> Picture:
    digest = hashlib.sha256(name.encode())
    return Picture(
        digest.hexdigest()[:43], digest.hexdigest(), "png", 8, 6, 120, alt, "a fox", None, "plain", 1.5, 0.04
    )


@pytest.fixture
async def ledger(tmp_path: Path) -> AsyncIterator[Ledger]:
    async with Ledger(tmp_path / "state", clock=OwnClock()) as opened:
        yield opened


OTHER = """
import sys, anyio
from limner.gateway.ledger import Ledger

async def main():
    async with Ledger(sys.argv[1]) as ledger:
        await ledger.promise("theirs", "me", "run", 1, "A fox.")
        await ledger.spend("me", "2026-11-21", "run", 0.25)
        claim = await ledger.claims.claim("me", "key", b"request")
        await ledger.claims.begun(claim.id, "run")
        unkeyed = await ledger.claims.note("me", b"again", "other run")
        done = await ledger.claims.claim("me", "done", b"request")
        await ledger.claims.finish(done.id, "me", "head", b"body")
        print(ledger.number, claim.standing, flush=True)
        await anyio.sleep_forever()

anyio.run(main)
"""


class Other:
    """A process that shares the folder, has said what `OTHER` says, and waits to be killed."""

    def __init__(self, folder: Path) -> None:
        command = [sys.executable, "-c", OTHER, str(folder)]
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE)
        assert self.process.stdout is not None
        self.said = self.process.stdout.readline().decode().split()

    def kill(self) -> None:
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()
        assert self.process.stdout is not None
        self.process.stdout.close()


async def test_a_tenant_finds_its_own_pictures_and_no_others(ledger: Ledger) -> None:
    """S17: another tenant's picture is like one that never was."""
    fox, owl = picture("fox"), picture("owl", 'An "owl"\n🦉')
    await ledger.know("me", fox)
    await ledger.know("me", owl)
    await ledger.know("you", fox)
    assert await ledger.pictures("me", [owl.id, "unknown", owl.id]) == {owl.id: owl}
    assert await ledger.pictures("you", [owl.id, fox.id]) == {fox.id: fox}
    assert await ledger.pictures("nobody", [owl.id, fox.id]) == {}
    assert await ledger.pictures("me", []) == {}
    renamed = picture("fox", "The same fox.")
    await ledger.know("me", renamed)
    assert (await ledger.pictures("me", [fox.id]), await ledger.pictures("you", [fox.id])) == (
        {fox.id: renamed},
        {fox.id: fox},
    )


async def test_more_pictures_than_a_statement_takes_are_found(ledger: Ledger) -> None:
    """A long conversation has more links than SQLite has parameters."""
    await ledger.know("me", picture("fox"))
    ids = [*(f"unknown {at}" for at in range(2000)), picture("fox").id]
    assert list(await ledger.pictures("me", ids)) == [picture("fox").id]


async def test_a_promise_is_settled_once(ledger: Ledger) -> None:
    """A link that was given out leads to one picture, or to none, and never to another later."""
    kept, broken = new_promise_id(), new_promise_id()
    assert valid_id(kept)
    assert kept != broken
    assert await ledger.promised(kept) is None
    await ledger.promise(kept, "me", "run", 1, "A fox.")
    await ledger.promise(broken, "me", "run", 2, "An owl.")
    made = Promise(kept, "me", "run", 1, "A fox.", made_at_s=1_700_000_000.0)
    assert await ledger.promised(kept) == made
    assert made.state == "pending"
    await ledger.keep_promise(kept, "picture")
    await ledger.keep_promise(kept, "another")
    await ledger.break_promise(kept, "internal")
    await ledger.break_promise(broken, "image_policy")
    await ledger.keep_promise(broken, "picture")
    found, lost = await ledger.promised(kept), await ledger.promised(broken)
    assert found is not None
    assert lost is not None
    assert (found.state, found.picture, found.code) == ("kept", "picture", None)
    assert (lost.state, lost.picture, lost.code) == ("broken", None, "image_policy")


async def test_promises_of_a_killed_process_are_given_to_one_other(tmp_path: Path) -> None:
    """P01: nobody waits for ever for a process that is gone, and no two settle for it."""
    other = Other(tmp_path)
    async with Ledger(tmp_path) as first, Ledger(tmp_path) as second:
        await first.promise("mine", "me", "run", 1, "")
        assert (await first.abandoned(), await second.abandoned()) == ((), ())
        other.kill()
        (found,) = (*await first.abandoned(), *await second.abandoned())
        assert (found.id, found.tenant, found.run, found.number, found.alt) == (
            "theirs",
            "me",
            "run",
            1,
            "A fox.",
        )
        await first.aclose()
        assert [promise.id for promise in await second.abandoned()] == ["theirs", "mine"]
        await second.keep_promise("theirs", "picture")
        assert await second.abandoned() == ()


async def test_what_a_killed_process_has_written_is_there(tmp_path: Path) -> None:
    """S27 and P01: kill -9 loses nothing that was said to be written."""
    other = Other(tmp_path)
    assert other.said == ["0", "ours"]
    other.kill()
    async with Ledger(tmp_path) as ledger:
        assert ledger.number == 0
        assert await ledger.spent_usd("me", DAY) == 0.25
        done = await ledger.claims.claim("me", "done", b"request")
        assert (done.standing, done.head, done.body) == ("finished", "head", b"body")
        keyed = await ledger.claims.claim("me", "key", b"request")
        assert (keyed.standing, keyed.run) == ("ours", "run")
        unkeyed = await ledger.claims.recall("me", b"again", ())
        assert unkeyed is not None
        assert (unkeyed.standing, unkeyed.run) == ("ours", "other run")


async def test_a_claim_belongs_to_the_process_that_has_it_until_that_ends(tmp_path: Path) -> None:
    """P16: two processes never execute the same request at once."""
    other = Other(tmp_path)
    async with Ledger(tmp_path) as ledger:
        claims = ledger.claims
        assert (await claims.claim("me", "key", b"request")).standing == "running"
        assert (await claims.claim("me", "key", b"other request")).standing == "mismatch"
        assert (await claims.claim("you", "key", b"other request")).standing == "ours"
        waiting = await claims.recall("me", b"again", ())
        assert waiting is not None
        assert waiting.standing == "running"
        assert await claims.recall("you", b"again", ()) is None
        other.kill()
        # Its number is taken again by somebody else, who is not it.
        async with Ledger(tmp_path) as third:
            assert third.number == 0
            taken = await claims.claim("me", "key", b"request")
            assert (taken.standing, taken.run) == ("ours", "run")
            assert (await third.claims.claim("me", "key", b"request")).standing == "running"


async def test_a_claim_is_kept_as_what_became_of_it(ledger: Ledger) -> None:
    """S27: an answer is told again, what bought nothing is forgotten, what may have is gone on with."""
    claims = ledger.claims
    first = await claims.claim("me", "a", b"request")
    assert (first.standing, first.run) == ("ours", None)
    await claims.release(first.id)
    again = await claims.claim("me", "a", b"another request")
    assert (again.standing, again.run) == ("ours", None)
    await claims.begun(again.id, "run")
    await claims.interrupt(again.id)
    third = await claims.claim("me", "a", b"another request")
    assert (third.standing, third.run) == ("ours", "run")
    await claims.finish(third.id, "me", "head", b"\x00body")
    told = await claims.claim("me", "a", b"another request")
    assert (told.standing, told.run, told.head, told.body) == ("finished", "run", "head", b"\x00body")
    large = await claims.claim("me", "b", b"request")
    await claims.finish(large.id, "me", None, b"")
    unkept = await claims.claim("me", "b", b"request")
    assert (unkept.standing, unkept.head) == ("finished", None)
    shown = await claims.claim("me", "c", b"request")
    await claims.begun(shown.id, "run")
    await claims.finish(shown.id, "me", None, b"")
    retold = await claims.claim("me", "c", b"request")
    assert (retold.standing, retold.run) == ("ours", "run")


async def test_a_retry_without_a_key_finds_first_what_was_cut_off(ledger: Ledger) -> None:
    """S28: what can be gone on with comes before what was answered, and those under way here are known."""
    claims = ledger.claims
    done = await claims.note("me", b"request", "done")
    await claims.finish(done, "me", "head", b"body")
    cut = await claims.note("me", b"request", "cut off")
    await claims.interrupt(cut)
    here = await claims.note("me", b"request", "here")
    found = [
        await claims.recall("me", b"request", [here]),
        await claims.recall("me", b"request", [here, cut]),
    ]
    assert [(each.standing, each.run, each.body) for each in found if each is not None] == [
        ("ours", "cut off", None),
        ("finished", "done", b"body"),
    ]
    assert await claims.recall("me", b"other request", []) is None


async def test_claims_end_with_their_time(tmp_path: Path) -> None:
    """S27: 24 hours with a key. S28: 10 minutes without one."""
    clock = OwnClock()
    async with Ledger(tmp_path, clock=clock) as ledger:
        claims = ledger.claims
        keyed = await claims.claim("me", "key", b"request")
        await claims.finish(keyed.id, "me", "head", b"body")
        noted = await claims.note("me", b"request", "run")
        await claims.finish(noted, "me", "head", b"body")
        clock.at_s += UNKEYED_S - 1
        assert await claims.recall("me", b"request", ()) is not None
        clock.at_s += 2
        assert await claims.recall("me", b"request", ()) is None
        clock.at_s += KEYED_S - UNKEYED_S - 2
        assert (await claims.claim("me", "key", b"request")).standing == "finished"
        await ledger.prune(7)
        assert (await claims.claim("me", "key", b"request")).standing == "finished"
        clock.at_s += 2
        assert (await claims.claim("me", "key", b"other request")).standing == "ours"
        clock.at_s += 2 * KEYED_S
        await ledger.prune(7)
    connection = sqlite3.connect(tmp_path / "ledger.db")
    counts = [connection.execute(f"SELECT count(*) FROM {each}").fetchone() for each in ("claims", "answers")]
    connection.close()
    assert counts == [(0,), (0,)]


async def test_answers_of_a_tenant_take_a_bounded_room_which_is_given_back(tmp_path: Path) -> None:
    """Nobody fills the disk: the oldest answers go first, and the file shrinks when their time is over."""
    clock = OwnClock()
    async with Ledger(tmp_path, clock=clock, answers_bytes=2**20) as ledger:
        for number in range(5):
            claim = await ledger.claims.claim("me", f"{number}", b"request")
            await ledger.claims.begun(claim.id, "run")
            await ledger.claims.finish(claim.id, "me", "head", bytes(240 * 2**10))
        other = await ledger.claims.claim("you", "0", b"request")
        await ledger.claims.finish(other.id, "you", "head", b"body")
        # What was dropped is gone on with, which tells it again without buying it.
        standings = [(await ledger.claims.claim("me", f"{at}", b"request")).standing for at in range(5)]
        assert standings == ["ours", "finished", "finished", "finished", "finished"]
        assert (await ledger.claims.claim("you", "0", b"request")).body == b"body"
        clock.at_s += KEYED_S + 1
        await ledger.prune(7)
    assert (tmp_path / "ledger.db").stat().st_size < 2**18


async def test_room_that_was_given_back_is_room_again(tmp_path: Path) -> None:
    """Expired, or replaced by another answer of the same request: neither counts any more."""
    clock = OwnClock()
    async with Ledger(tmp_path, clock=clock, answers_bytes=1000) as ledger:
        for day in range(3):
            claims = [await ledger.claims.claim("me", f"{day}/{at}", b"request") for at in range(4)]
            for claim in (*claims, *claims, *claims):
                await ledger.claims.finish(claim.id, "me", "head", bytes(250))
            again = [await ledger.claims.claim("me", f"{day}/{at}", b"request") for at in range(4)]
            assert [claim.body for claim in again] == [bytes(250)] * 4
            clock.at_s += KEYED_S + 1
            await ledger.prune(7)


async def test_client_calls_lead_back_to_their_turn(ledger: Ledger) -> None:
    """The turn of a client's own tools is found by the ids of its calls, by its tenant alone (S17)."""
    await ledger.hand_out(["call_a", "call_b"], "me", "run", "Said so far. ")
    await ledger.hand_out(["call_c"], "me", "other run", "")
    found = await ledger.handed_out("me", ["call_b", "call_a"])
    assert found is not None
    assert (found.run, found.told) == ("run", "Said so far. ")
    assert await ledger.handed_out("you", ["call_a"]) is None
    assert await ledger.handed_out("me", ["call_a", "call_c"]) is None
    assert await ledger.handed_out("me", ["call_a", "unknown"]) is None
    assert await ledger.handed_out("me", []) is None


async def test_turns_are_forgotten_after_some_days(tmp_path: Path) -> None:
    """`keep_days`: what clients were told is not kept for ever; pictures and money are."""
    clock = OwnClock()
    async with Ledger(tmp_path, clock=clock) as ledger:
        await ledger.hand_out(["old"], "me", "run", "told")
        await ledger.know("me", picture("fox"))
        await ledger.spend("me", DAY, "run", 0.04)
        clock.at_s += 3 * KEYED_S
        await ledger.hand_out(["new"], "me", "run", "told")
        clock.at_s += 5 * KEYED_S
        await ledger.prune(7)
        assert await ledger.handed_out("me", ["old"]) is None
        assert await ledger.handed_out("me", ["new"]) is not None
        assert await ledger.pictures("me", [picture("fox").id]) != {}
        assert await ledger.spent_usd("me", DAY) == 0.04


async def test_money_may_be_said_twice_and_adds_up_exactly(tmp_path: Path) -> None:
    """A tenant's day over all its runs and processes; three times 0.1 is 0.3."""
    async with Ledger(tmp_path) as first, Ledger(tmp_path) as second:
        assert await first.spent_usd("me", DAY) == 0
        for each in (first, second):
            await each.spend("me", DAY, "a", 0.1)
        await second.spend("me", DAY, "b", 0.1)
        await second.spend("me", DAY, "c", 0.05)
        await first.spend("me", DAY, "c", 0.1)
        await first.spend("me", "2026-11-22", "a", 5)
        await first.spend("you", DAY, "d", 7)
        assert await first.spent_usd("me", DAY) == 0.3


async def test_many_at_once_lose_nothing(tmp_path: Path) -> None:
    """Several processes write at the same time; none is told that the file is busy."""
    async with Ledger(tmp_path) as first, Ledger(tmp_path) as second, anyio.create_task_group() as group:
        for at in range(50):
            for name, each in (("first", first), ("second", second)):
                group.start_soon(each.spend, "me", DAY, f"{name} {at}", 0.01)
    async with Ledger(tmp_path) as ledger:
        assert await ledger.spent_usd("me", DAY) == 1.0


async def test_processes_that_start_together_share_one_ledger(tmp_path: Path) -> None:
    """The file is made by one of them, and each has a number of its own."""
    ledgers = [Ledger(tmp_path / "state") for _ in range(8)]
    async with anyio.create_task_group() as group:
        for each in ledgers:
            group.start_soon(each.open)
    assert sorted(each.number for each in ledgers) == list(range(8))
    for each in ledgers:
        await each.aclose()
        await each.aclose()


async def test_nobody_else_can_read_the_ledger(tmp_path: Path) -> None:
    """Prompts, alt texts and whole answers stand in it."""
    async with Ledger(tmp_path / "state") as ledger:
        await ledger.spend("me", DAY, "run", 1)
        modes = {each.name: stat.S_IMODE(each.stat().st_mode) for each in ledger.folder.iterdir()}
        assert stat.S_IMODE(ledger.folder.stat().st_mode) == 0o700
    assert set(modes) >= {"ledger.db", "ledger.db-wal", "process-0.lock"}
    assert set(modes.values()) == {0o600}


async def test_a_foreign_file_is_refused_untouched(tmp_path: Path) -> None:
    """P05: somebody else's database is neither taken over nor written beside."""
    path = tmp_path / "ledger.db"
    connection = sqlite3.connect(path)
    connection.execute("CREATE TABLE theirs (x)")
    connection.execute("PRAGMA journal_mode=WAL")
    connection.close()
    before = path.read_bytes()
    with pytest.raises(JournalError) as caught:
        await Ledger(tmp_path).open()
    assert caught.value.code == "journal_foreign"
    assert path.read_bytes() == before
    assert sorted(os.listdir(tmp_path)) == ["ledger.db", "ledger.lock"]


@pytest.mark.parametrize("content", [b"x", b"not a database at all. " * 100])
async def test_what_is_no_database_is_refused_untouched(tmp_path: Path, content: bytes) -> None:
    """P05: no guess, no deletion."""
    path = tmp_path / "ledger.db"
    path.write_bytes(content)
    with pytest.raises(JournalError) as caught:
        await Ledger(tmp_path).open()
    assert caught.value.code == "journal_unreadable"
    assert path.read_bytes() == content


async def test_a_newer_ledger_is_refused_untouched(tmp_path: Path) -> None:
    """P05: an unknown newer version is never migrated by guess."""
    async with Ledger(tmp_path):
        pass
    connection = sqlite3.connect(tmp_path / "ledger.db")
    connection.execute("PRAGMA user_version=2")
    connection.close()
    before = (tmp_path / "ledger.db").read_bytes()
    with pytest.raises(JournalError) as caught:
        await Ledger(tmp_path).open()
    assert caught.value.code == "journal_newer"
    assert (tmp_path / "ledger.db").read_bytes() == before


async def test_a_half_made_ledger_is_made_again(tmp_path: Path) -> None:
    """P02: a power cut while it is made leaves another name, never half a ledger."""
    (tmp_path / "ledger.new").write_bytes(b"SQLite format 3\0 and then the power went")
    async with Ledger(tmp_path) as ledger:
        await ledger.spend("me", DAY, "run", 1)
    assert "ledger.new" not in os.listdir(tmp_path)


async def test_a_folder_that_cannot_be_is_an_error_that_says_what_to_do(tmp_path: Path) -> None:
    """P05: a start without a place to write ends with one line."""
    (tmp_path / "file").write_text("")
    with pytest.raises(JournalError) as caught:
        await Ledger(tmp_path / "file" / "state").open()
    assert caught.value.code == "journal_unavailable"
    (tmp_path / "state" / "ledger.db").mkdir(parents=True)
    with pytest.raises(JournalError) as caught:
        await Ledger(tmp_path / "state").open()
    assert caught.value.code == "journal_unavailable"


async def test_a_closed_ledger_says_so(tmp_path: Path) -> None:
    """Nothing is written nowhere."""
    ledger = Ledger(tmp_path)
    with pytest.raises(JournalError) as caught:
        await ledger.spent_usd("me", DAY)
    assert caught.value.code == "journal_unavailable"
    with pytest.raises(JournalError):
        _ = ledger.number


async def test_a_full_disk_refuses_what_would_have_to_be_remembered(tmp_path: Path) -> None:
    """P04: nothing is claimed where nothing can be written. The limit on a file's size stands for the disk."""
    script = (
        "import resource, signal, sys, anyio\n"
        "from limner.errors import JournalError\nfrom limner.gateway.ledger import Ledger\n"
        "async def main():\n"
        "    async with Ledger(sys.argv[1]) as ledger:\n"
        "        await ledger.spend('me', 'day', 'run', 1)\n"
        "        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)\n"
        "        resource.setrlimit(resource.RLIMIT_FSIZE, (400_000, 400_000))\n"
        "        try:\n            await ledger.hand_out(['call'], 'me', 'run', 'x' * 600_000)\n"
        "        except JournalError as error:\n            print(error.code)\n"
        "        print(await ledger.handed_out('me', ['call']), await ledger.spent_usd('me', 'day'))\n"
        "anyio.run(main)"
    )
    done = await anyio.run_process([sys.executable, "-c", script, str(tmp_path)])
    assert done.stdout.decode().split("\n") == ["journal_unavailable", "None 1.0", ""]


async def test_a_ledger_whose_disk_was_full_is_opened_again(tmp_path: Path) -> None:
    """P04: what SQLite had begun to write back when there was no more room is no damage."""
    with tiny_file_system(tmp_path / "disk", "1m") as folder:
        async with Ledger(folder) as ledger:
            await ledger.hand_out(["first"], "me", "run", "x" * 400_000)
            with pytest.raises(JournalError):
                await ledger.hand_out(["second"], "me", "run", "x" * 2_000_000)
        async with Ledger(folder) as ledger:
            assert await ledger.handed_out("me", ["first"]) is not None
            assert await ledger.handed_out("me", ["second"]) is None


async def test_what_is_ordered_is_set_aside_where_every_process_looks(tmp_path: Path) -> None:
    """S26: looked at and written down in one step; it gives way to what the run has really cost."""
    async with Ledger(tmp_path) as first, Ledger(tmp_path) as second:
        assert await first.order("me", DAY, "a", "c1", 0.06, most_usd=0.1)
        assert not await second.order("me", DAY, "b", "c1", 0.06, most_usd=0.1)
        assert await second.order("you", DAY, "b", "c1", 0.06, most_usd=0.1)
        assert await second.order("me", "2026-11-22", "b", "c1", 0.06, most_usd=0.1)
        # Said again, it is the same order.
        assert await first.order("me", DAY, "a", "c1", 0.06, most_usd=0.1)
        await first.spend("me", DAY, "a", 0.04, ordered=["c1"])
        assert await second.spent_usd("me", DAY) == pytest.approx(0.04)
        assert await second.order("me", DAY, "b", "c1", 0.06, most_usd=0.1)
        await second.cancel("me", "b", "c1")
        assert await first.spent_usd("me", DAY) == pytest.approx(0.04)
