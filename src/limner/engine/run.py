"""One conversation at work: its state, and the one way in which the state changes."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from functools import reduce
from typing import Any

import anyio
import anyio.lowlevel

from limner.core.events import Event
from limner.core.machine import IllegalEvent, apply
from limner.core.state import State
from limner.core.transcript import Transcript
from limner.errors import JournalError, ModelError

from .partials import Partials
from .recorder import BulkJournal, Journal, PromptJournal, Recorded

__all__ = ["Fact", "Follow", "Noted", "Run"]

Follow = Callable[[str, State, State], None]
"""Is told at once what each fact of a run changed: the run's id, the state before and after."""


@dataclass(frozen=True, slots=True)
class Fact:
    """One fact, and what it changed."""

    before: State
    event: Event
    after: State


@dataclass(slots=True, eq=False)
class Noted:
    """A fact that was checked and is to be recorded."""

    key: str
    event: Event
    after: State
    over: bool = False
    """Whether it is folded, or never will be."""
    error: Exception | None = None
    """Why it never will be."""
    look: anyio.Event | None = None
    """Wakes whoever waits for it."""
    undo: Callable[[], None] | None = None
    """What follows if it never is folded."""

    def end(self, error: Exception | None = None) -> None:
        """It is folded, or never will be."""
        self.over, self.error = True, error
        if error is not None and self.undo is not None:
            self.undo()
        if self.look is not None:
            self.look.set()


class Run:
    """Folds facts one after the other: checked, recorded, folded, then told.

    It outlives the turn that drives it, because a picture that was submitted is received even
    when nobody waits for its turn any more.
    """

    def __init__(
        self, id: str, state: State, begin: Callable[[], Awaitable[Journal]], follow: Follow
    ) -> None:
        self.id = id
        self.state = state
        self.ahead = state
        """The state with what is noted and not recorded yet: against it the next fact is checked."""
        self.model_error: ModelError | None = None
        """What the last failed reply raised, for as long as the process remembers."""
        self._begin = begin
        self._follow = follow
        self._journal: Journal | None = None
        # One after the other: what is recorded first is folded first, so a resume agrees.
        self._line: list[Noted] = []
        self._writing = False
        self._facts: list[Fact] = []
        self._woken = False
        self._sleeper: anyio.Event | None = None
        self.partials = Partials(self.wake)
        """What is told beside the facts, and recorded nowhere."""
        self.transcript = Transcript()
        self.memory: dict[str, Any] = {}
        """The chat model's, from one request to the next."""

    @classmethod
    def resumed(cls, id: str, recorded: Recorded, follow: Follow) -> Run:
        """A run whose recorded facts are folded again.

        Raises: IllegalEvent, for a journal that contradicts itself.
        """

        async def begin() -> Journal:
            return recorded.journal

        return cls(id, reduce(apply, recorded.events, recorded.state), begin, follow)

    async def record(self, key: str, event: Event) -> None:
        """Check, record and fold one fact.

        Raises: IllegalEvent, with nothing recorded; JournalError, with nothing folded
        (`journal_conflict` where somebody else has gone on with this run).
        Cancel: before it begins or not at all.
        """
        noted = self.note(key, event)
        if not noted.over:
            await self.written(noted)

    async def offer(self, key: str, event: Event) -> bool:
        """Record a fact that may have come too late; False where the state does not take it any more."""
        noted = self.propose(key, event)
        if noted is not None and not noted.over:
            await self.written(noted)
        return noted is not None

    def propose(self, key: str, event: Event, *, undo: Callable[[], None] | None = None) -> Noted | None:
        """As `note`; None, with `undo` done, where the state does not take the fact any more."""
        try:
            return self.note(key, event, undo=undo)
        except IllegalEvent:
            if undo is not None:
                undo()
            return None

    def note(self, key: str, event: Event, *, undo: Callable[[], None] | None = None) -> Noted:
        """Check one fact, to be recorded together with all that is noted at the same moment.

        It is once `written` returns; where the journal takes no waiting, it is already. `undo` is
        called if it cannot be recorded.
        Raises: IllegalEvent, with nothing recorded; JournalError, with nothing folded.
        """
        noted = Noted(key, event, apply(self.ahead, event), undo=undo)
        journal = self._journal
        if isinstance(journal, PromptJournal) and not self._line:
            try:
                self._fold(noted, journal.note(key, event))
            except Exception as error:
                noted.end(error)
            if noted.error is not None:
                raise noted.error
        else:
            self._line.append(noted)
        self.ahead = noted.after
        return noted

    async def written(self, noted: Noted) -> None:
        """Wait until a fact is recorded and folded.

        Raises: JournalError, with nothing folded. Cancel: not at all.
        """
        with anyio.CancelScope(shield=True):
            while not noted.over:
                if self._writing:
                    # Several may wait for the same one.
                    if noted.look is None or noted.look.is_set():
                        noted.look = anyio.Event()
                    await noted.look.wait()
                else:
                    await self._write()
        if noted.error is not None:
            raise noted.error

    async def caught_up(self) -> None:
        """Wait until all that was noted is recorded and folded. Raises: JournalError. Cancel: not at all."""
        if self._line:
            await self.written(self._line[-1])

    def let_go(self) -> None:
        """Give the run back to its recorder; whoever has a fact to record yet gets `journal_busy`."""
        self._journal, self._begin = None, _given_back

    def wake(self) -> None:
        """Let whoever drives look again."""
        self._woken = True
        if self._sleeper is not None:
            self._sleeper.set()

    async def changed(self) -> None:
        """Wait until something was folded, or somebody called `wake`, since this last returned."""
        if not self._woken:
            self._sleeper = anyio.Event()
            try:
                await self._sleeper.wait()
            finally:
                self._sleeper = None
        self._woken = False

    def take_facts(self) -> tuple[Fact, ...]:
        """The facts that nobody was told yet, in order."""
        facts, self._facts = tuple(self._facts), []
        return facts

    async def _write(self) -> None:
        """Record what stands in the line: all of it at once where the journal can do that, else the first."""
        self._writing = True
        try:
            if self._journal is None:
                self._journal = await self._begin()
            if isinstance(self._journal, BulkJournal):
                # Whoever has a fact to note at the same moment has it in the line when this returns.
                await anyio.lowlevel.cancel_shielded_checkpoint()
                batch = tuple(self._line)
                recorded = await self._journal.note_all([(each.key, each.event) for each in batch])
            else:
                batch = (self._line[0],)
                recorded = (await _recorded(self._journal, batch[0]),)
        except Exception as error:
            self._fail(error)
        else:
            for noted, event in zip(batch, recorded, strict=True):
                self._fold(noted, event)
                del self._line[0]
                if noted.error is not None:
                    self._fail(noted.error)
                    break
        finally:
            self._writing = False
            for noted in self._line:
                if noted.look is not None:
                    noted.look.set()
                    break

    def _fold(self, noted: Noted, recorded: Event) -> None:
        if recorded is not noted.event and recorded != noted.event:
            conflict = JournalError(
                f"something else is recorded as {noted.key!r}; resume the run and go on from there",
                code="journal_conflict",
            )
            noted.end(conflict)
            return
        before, self.state = self.state, noted.after
        self._follow(self.id, before, self.state)
        self._facts.append(Fact(before, noted.event, self.state))
        noted.end()
        self.wake()

    def _fail(self, error: Exception) -> None:
        """What was noted later was checked against what was noted before, so it goes with it."""
        line, self._line, self.ahead = self._line, [], self.state
        for noted in line:
            noted.end(error)


async def _recorded(journal: Journal, noted: Noted) -> Event:
    async def perform() -> Event:
        return noted.event

    (slot,) = journal.reserve((noted.key,))
    return await slot.run(perform)


async def _given_back() -> Journal:
    raise JournalError(
        "this conversation has let go of its run; go on with `Engine.resume`", code="journal_busy"
    )
