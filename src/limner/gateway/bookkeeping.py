"""What every turn leaves behind, told where it belongs as soon as it is a fact: pictures, money, promises.

It stands between the engine and its journal, because facts are recorded whoever still listens: a picture
that comes when its client has long gone is known like any other.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import reduce
from weakref import WeakValueDictionary

from limner.core.calls import Call
from limner.core.events import Event, PictureDrawn, PictureSubmitted, ToolReturned
from limner.core.machine import IllegalEvent, apply
from limner.core.money import dollars, taken
from limner.core.state import State
from limner.engine.recorder import Journal, Perform, Recorded, Recorder, Slot
from limner.errors import LimnerError
from limner.logs import log
from limner.storage.links import LinkSigner

from .ledger import Ledger
from .pictures import Promises

__all__ = ["Bookkeeping"]


class Bookkeeping:
    """A recorder over another one; the owner of a run is the tenant that pays for it."""

    def __init__(self, recorder: Recorder, ledger: Ledger, promises: Promises, links: LinkSigner) -> None:
        self._recorder = recorder
        self._ledger = ledger
        self.promises = promises
        self.links = links
        self._live: WeakValueDictionary[str, _Followed] = WeakValueDictionary()
        self._promised: dict[tuple[str, str], str] = {}
        """The promises that this process has made and not yet settled, by run and call."""

    async def begin(self, run: str, state: State) -> Journal:
        """Open a run that is new."""
        return self._followed(run, state, await self._recorder.begin(run, state))

    async def load(self, run: str) -> Recorded:
        """Open a run that is there, and tell again what a process may have been killed before telling."""
        recorded = await self._recorder.load(run)
        try:
            state = reduce(apply, recorded.events, recorded.state)
        except IllegalEvent:
            return recorded  # The engine says so, in its own words.
        followed = self._followed(run, state, recorded.journal)
        await self._write(run, state, [call for call in state.calls if call.ordered_in])
        return replace(recorded, journal=followed)

    async def runs(self) -> tuple[str, ...]:
        """The runs that are there, oldest first."""
        return await self._recorder.runs()

    async def aclose(self) -> None:
        """Let go of the journal; idempotent."""
        await self._recorder.aclose()

    def holds(self, run: str) -> bool:
        """Whether somebody in this process goes on with `run`, or still waits for a picture of it."""
        return run in self._live

    async def promise(self, run: str, call: Call) -> str:
        """A link to the picture of `call`, which is kept or broken with the fact that says what became of it.

        Raises: LimnerError, where it cannot be recorded; then there is no promise.
        """
        followed = self._live[run]
        assert call.number is not None
        link = await self.promises.make(followed.state.owner, run, call.number, call.alt)
        name = self.links.id_of(link)
        assert name is not None
        self._promised[run, call.key] = name
        # It may have been drawn while the promise was written down.
        await self._settle(run, followed.state.call(call.key))
        return link

    async def give_up(self, run: str, calls: Iterable[Call]) -> None:
        """Nobody goes on with the run: what was promised and not ordered will never come."""
        for call in calls:
            if call.outcome is None and call.submitted_at_s is None:
                name = self._promised.pop((run, call.key), None)
                if name is not None:
                    await self.promises.broken(name, "cancelled")

    async def follow(self, followed: _Followed, event: Event) -> None:
        """Take note of a fact that is on the disk; never raises, for what was bought is bought."""
        try:
            followed.state = apply(followed.state, event)
        except IllegalEvent:
            return  # The engine finds it out itself.
        if isinstance(event, PictureSubmitted | PictureDrawn | ToolReturned):
            await self._write(followed.run, followed.state, [followed.state.call(event.key)])

    async def _write(self, run: str, state: State, calls: Sequence[Call]) -> None:
        try:
            for call in calls:
                for each in call.outcome.pictures if call.outcome is not None else ():
                    await self._ledger.know(state.owner, each.picture)
            for day in {day for call in calls if (day := _day(call)) is not None}:
                spent = sum(taken(call) for call in state.calls if _day(call) == day)
                await self._ledger.spend(state.owner, day, run, dollars(spent))
        except LimnerError as error:
            # The journal has it: whoever goes on with the run tells it again.
            log.error("books.unwritten", run=run, code=error.code)
        for call in calls:
            await self._settle(run, call)

    async def _settle(self, run: str, call: Call) -> None:
        if call.outcome is None:
            return
        name = self._promised.pop((run, call.key), None)
        if name is None:
            return
        if call.outcome.pictures:
            await self.promises.kept(name, call.outcome.pictures[0].picture)
        else:
            await self.promises.broken(name, call.outcome.code or "internal")

    def _followed(self, run: str, state: State, journal: Journal) -> _Followed:
        followed = self._live[run] = _Followed(self, run, state, journal)
        return followed


class _Followed:
    """The journal of one run, whose facts are taken note of."""

    def __init__(self, books: Bookkeeping, run: str, state: State, journal: Journal) -> None:
        self.run = run
        self.state = state
        self._books = books
        self._journal = journal
        self._seen: set[str] = set()

    def reserve(self, keys: Iterable[str]) -> tuple[Slot, ...]:
        keys = tuple(keys)
        slots = self._journal.reserve(keys)
        return tuple(_FollowedSlot(self, key, slot) for key, slot in zip(keys, slots, strict=True))

    async def recorded(self, key: str, event: Event) -> None:
        if key not in self._seen:
            self._seen.add(key)
            await self._books.follow(self, event)


@dataclass(frozen=True, slots=True)
class _FollowedSlot:
    journal: _Followed
    key: str
    slot: Slot

    async def run(self, perform: Perform) -> Event:
        event = await self.slot.run(perform)
        await self.journal.recorded(self.key, event)
        return event


def _day(call: Call) -> str | None:
    """The day (UTC) on which a picture was ordered: it is that day's money."""
    if call.submitted_at_s is None:
        return None
    return datetime.fromtimestamp(call.submitted_at_s, UTC).date().isoformat()
