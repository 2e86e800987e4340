"""What every turn leaves behind, told where it belongs as soon as it is a fact: pictures, money, promises.

It stands between the engine and its journal, because facts are recorded whoever still listens: a picture
that comes when its client has long gone is known like any other.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from weakref import WeakValueDictionary

from limner.core.calls import Call, NumberedPicture, Outcome
from limner.core.events import Event, PictureDrawn, PictureReserved, PictureSubmitted, ToolReturned
from limner.core.money import dollars, taken
from limner.core.state import State
from limner.engine.recorder import Journal, Perform, Recorded, Recorder, Slot
from limner.errors import LimnerError
from limner.logs import log
from limner.storage.links import LinkSigner

from ..ledger import Ledger
from ..pictures import Promises

__all__ = ["Bookkeeping"]


class Bookkeeping:
    """A recorder over another one; the owner of a run is the tenant that pays for it."""

    def __init__(self, recorder: Recorder, ledger: Ledger, promises: Promises, links: LinkSigner) -> None:
        self.promises = promises
        self.links = links
        self._recorder = recorder
        self._ledger = ledger
        self._live: WeakValueDictionary[str, _Followed] = WeakValueDictionary()
        self._promised: dict[tuple[str, str], str] = {}
        """The promises that this process has made and not yet settled, by run and call."""

    async def begin(self, run: str, state: State) -> Journal:
        """Open a run that is new."""
        return self._followed(run, state, await self._recorder.begin(run, state))

    async def load(self, run: str) -> Recorded:
        """Open a run that is there, and tell again what a process may have been killed before telling."""
        recorded = await self._recorder.load(run)
        followed = self._followed(run, recorded.state, recorded.journal)
        for event in recorded.events:
            followed.account.take(event)
        await self._write(followed, tuple(followed.account.orders))
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
        link = await self.promises.make(followed.owner, run, call.number, call.alt)
        name = self.links.id_of(link)
        assert name is not None
        self._promised[run, call.key] = name
        # It may have been drawn while the promise was written down.
        await self._settle(followed, call.key)
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
        key = followed.account.take(event)
        if key is not None:
            await self._write(followed, (key,))

    async def _write(self, followed: _Followed, keys: Collection[str]) -> None:
        account = followed.account
        pictures = [each.picture for each in account.pictures_of(keys)]
        spent_usd = account.news_of(keys)
        try:
            if pictures or spent_usd:
                await self._ledger.note(followed.owner, followed.run, pictures, spent_usd, keys)
        except LimnerError as error:
            # The journal has it: whoever goes on with the run tells it again.
            account.forget(spent_usd)
            log.error("books.unwritten", run=followed.run, code=error.code)
        for key in keys:
            await self._settle(followed, key)

    async def _settle(self, followed: _Followed, key: str) -> None:
        outcome = followed.account.outcome(key)
        if outcome is None:
            return
        name = self._promised.pop((followed.run, key), None)
        if name is None:
            return
        if outcome.pictures:
            await self.promises.kept(name, outcome.pictures[0].picture)
        else:
            await self.promises.broken(name, outcome.code or "internal")

    def _followed(self, run: str, state: State, journal: Journal) -> _Followed:
        followed = self._live[run] = _Followed(self, run, state.owner, journal)
        return followed


class _Account:
    """What one run has ordered, and what became of it: of its facts the few that say so."""

    def __init__(self) -> None:
        self.orders: dict[str, Call] = {}
        """By name, as far as money goes."""
        self._told_usd: dict[str, float] = {}
        """What the ledger was told last of each day, and with which calls in it."""
        self._told: set[str] = set()

    def take(self, event: Event) -> str | None:
        """Note a fact; the call of which something is new."""
        if isinstance(event, PictureReserved):
            self.orders[event.key] = _order(event.key, event.price_usd)
            return None
        if not isinstance(event, PictureSubmitted | PictureDrawn | ToolReturned):
            return None
        order = self.orders.get(event.key) or _order(event.key, None)
        if isinstance(event, PictureSubmitted):
            if order.submitted_at_s is not None:
                return None
            order = replace(order, submitted_at_s=event.at_s)
        elif isinstance(event, PictureDrawn):
            drawn = (NumberedPicture(0, event.picture),)
            order = replace(order, outcome=Outcome(pictures=drawn, paid=True))
        else:
            came = tuple(NumberedPicture(0, each) for each in event.pictures)
            outcome = Outcome(event.code, pictures=came, paid=event.paid, cost_usd=event.cost_usd)
            order = replace(order, outcome=outcome)
        self.orders[event.key] = order
        return event.key

    def outcome(self, key: str) -> Outcome | None:
        """How a call ended, if it has."""
        order = self.orders.get(key)
        return None if order is None else order.outcome

    def pictures_of(self, keys: Iterable[str]) -> list[NumberedPicture]:
        """The pictures that these calls brought."""
        outcomes = (self.outcome(key) for key in keys)
        return [each for outcome in outcomes if outcome is not None for each in outcome.pictures]

    def news_of(self, keys: Collection[str]) -> dict[str, float]:
        """What was ordered on each day of these calls, where the ledger does not know it; now it is told."""
        days = {day for key in keys if (day := _day(self.orders[key])) is not None}
        spent_usd = {day: self.spent_usd(day) for day in days}
        if self._told.issuperset(keys):
            spent_usd = {day: usd for day, usd in spent_usd.items() if self._told_usd.get(day) != usd}
        self._told_usd |= spent_usd
        self._told.update(keys)
        return spent_usd

    def forget(self, days: Iterable[str]) -> None:
        """The ledger has not heard of these days."""
        self._told.clear()
        for day in days:
            self._told_usd.pop(day, None)

    def spent_usd(self, day: str) -> float:
        """What was ordered on `day`: it is that day's money, whenever the pictures come."""
        return dollars(sum(taken(order) for order in self.orders.values() if _day(order) == day))


class _Followed:
    """The journal of one run, whose facts are taken note of."""

    def __init__(self, books: Bookkeeping, run: str, owner: str, journal: Journal) -> None:
        self.run = run
        self.owner = owner
        self.account = _Account()
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


def _order(key: str, price_usd: float | None) -> Call:
    return Call(key, 0, 0, "", "", "", "image", reserved_usd=price_usd)


def _day(order: Call) -> str | None:
    """The day (UTC) of an order; None where nothing was ordered."""
    if order.submitted_at_s is None:
        return None
    return datetime.fromtimestamp(order.submitted_at_s, UTC).date().isoformat()
