"""Facts that come at the same moment are recorded at the price of one, and none is acted on before."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import anyio
import anyio.lowlevel
import pytest

from limner import Budget, Engine, SQLiteRecorder
from limner.core.events import Event
from limner.core.state import State
from limner.engine.purchases import purchase_key
from limner.engine.recorder import BulkJournal, Journal, MemoryRecorder, Slot
from limner.errors import JournalError
from limner.images.protocol import ImageRequest, Purchase
from limner.testing import PlainImages, Say, ScriptedModel

pytestmark = pytest.mark.anyio

CALLS = [("generate_image", {"prompt": word, "alt": word}) for word in ("fox", "boat", "sea")]


class Tape(MemoryRecorder):
    """A recorder that takes its time, and remembers what it was given at once."""

    def __init__(self, full_at: int | None = None) -> None:
        super().__init__()
        self.batches: list[list[str]] = []
        self.written: set[str] = set()
        self.full_at = full_at
        """Which batch finds no room."""

    async def begin(self, run: str, state: State) -> Journal:
        return _Taped(self, await super().begin(run, state))


class _Taped(BulkJournal):
    def __init__(self, tape: Tape, journal: Journal) -> None:
        self.tape = tape
        self.journal = journal

    def reserve(self, keys: Iterable[str]) -> tuple[Slot, ...]:
        return self.journal.reserve(keys)

    async def note_all(self, facts: Sequence[tuple[str, Event]]) -> tuple[Event, ...]:
        self.tape.batches.append([key for key, _ in facts])
        for _ in range(5):
            await anyio.lowlevel.checkpoint()
        if len(self.tape.batches) - 1 == self.tape.full_at:
            raise JournalError("no room", code="journal_unavailable")
        self.tape.written |= {key for key, _ in facts}
        return tuple(event for _, event in facts)


async def test_a_round_is_recorded_at_once_before_its_orders_leave() -> None:
    """A submission is recorded before the order leaves, and with it all that it came from."""
    tape, unrecorded = Tape(), list[str]()

    async def look(request: ImageRequest, purchase: Purchase) -> None:
        keys = {purchase_key("run", key.removesuffix("/submitted")) for key in tape.written}
        unrecorded.extend({purchase.key} - keys)

    images = PlainImages(before=look)
    async with Engine(ScriptedModel([Say(calls=CALLS), Say("done")]), images, recorder=tape) as engine:
        reply = await engine.conversation("run").ask("draw")
    assert len(reply.images) == 3
    assert unrecorded == []
    user, asked, *_ = tape.batches
    assert user == ["t1/user"]
    assert asked[:4] == ["t1/r1/model", *(f"t1/r1/c{at}/generate_image/reserved" for at in range(3))]
    # One batch more where tasks take turns in no order.
    assert sum(key.endswith("/submitted") for batch in tape.batches[1:3] for key in batch) == 3


async def test_what_found_no_room_was_not_begun_and_holds_no_money() -> None:
    """All of a batch or none: nothing of it is folded, ordered or kept from others."""
    tape, images = Tape(full_at=1), PlainImages(price=0.04)
    model = ScriptedModel([Say(calls=CALLS), Say(calls=CALLS), Say("done")])
    budget = Budget(0.12)
    async with Engine(model, images, recorder=tape, budget=budget) as engine:
        conversation = engine.conversation("run")
        with pytest.raises(JournalError):
            await conversation.ask("draw")
        assert (images.submissions, conversation.state.calls) == ([], ())
        assert (budget.spent_usd, budget.reserved_usd) == (0.0, 0.0)
        reply = await conversation.resume()
    assert len(reply.images) == len(images.submissions) == 3


async def test_facts_of_many_conversations_keep_their_own_order(
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    """However they share transactions, each run can be folded again."""
    path = tmp_path_factory.mktemp("journal") / "journal.db"
    model = ScriptedModel(lambda request: Say("done") if len(request.messages) > 2 else Say(calls=CALLS))
    async with (
        Engine(model, PlainImages(), recorder=SQLiteRecorder(path)) as engine,
        anyio.create_task_group() as tasks,
    ):
        for at in range(20):
            tasks.start_soon(engine.conversation(f"run {at}").ask, "draw")
    async with Engine(model, PlainImages(), recorder=SQLiteRecorder(path)) as engine:
        for at in range(20):
            conversation = await engine.resume(f"run {at}")
            assert conversation.state.at_rest
            assert len(conversation.reply.images) == 3
