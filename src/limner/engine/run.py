"""One conversation at work: its state, and the one way in which the state changes."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from functools import reduce
from typing import Any

import anyio

from limner.core.events import Event
from limner.core.machine import IllegalEvent, apply
from limner.core.state import State
from limner.core.transcript import Transcript
from limner.errors import JournalError, ModelError

from .partials import Partials
from .recorder import Journal, Recorded

__all__ = ["Fact", "Follow", "Run"]

Follow = Callable[[str, State, State], None]
"""Is told at once what each fact of a run changed: the run's id, the state before and after."""


@dataclass(frozen=True, slots=True)
class Fact:
    """One fact, and what it changed."""

    before: State
    event: Event
    after: State


class Run:
    """Folds facts one at a time: checked, recorded, folded, then told.

    It outlives the turn that drives it, because a picture that was submitted is received even
    when nobody waits for its turn any more.
    """

    def __init__(
        self, id: str, state: State, begin: Callable[[], Awaitable[Journal]], follow: Follow
    ) -> None:
        self.id = id
        self.state = state
        self.model_error: ModelError | None = None
        """What the last failed reply raised, for as long as the process remembers."""
        self._begin = begin
        self._follow = follow
        self._journal: Journal | None = None
        # One fact after the other: what is recorded first is folded first, so a resume agrees.
        self._turn = anyio.Lock()
        self._facts: list[Fact] = []
        self._changed = anyio.Event()
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

        async def perform() -> Event:
            return event

        async with self._turn:
            apply(self.state, event)
            with anyio.CancelScope(shield=True):
                if self._journal is None:
                    self._journal = await self._begin()
                (slot,) = self._journal.reserve((key,))
                recorded = await slot.run(perform)
            if recorded != event:
                raise JournalError(
                    f"something else is recorded as {key!r}; resume the run and go on from there",
                    code="journal_conflict",
                )
            before, self.state = self.state, apply(self.state, recorded)
            self._follow(self.id, before, self.state)
            self._facts.append(Fact(before, recorded, self.state))
        self.wake()

    async def offer(self, key: str, event: Event) -> bool:
        """Record a fact that may have come too late; False where the state does not take it any more."""
        try:
            await self.record(key, event)
        except IllegalEvent:
            return False
        return True

    def let_go(self) -> None:
        """Give the run back to its recorder; whoever has a fact to record yet gets `journal_busy`."""
        self._journal, self._begin = None, _given_back

    def wake(self) -> None:
        """Let whoever drives look again."""
        self._changed.set()

    async def changed(self) -> None:
        """Wait until something was folded, or somebody called `wake`, since this last returned."""
        await self._changed.wait()
        self._changed = anyio.Event()

    def take_facts(self) -> tuple[Fact, ...]:
        """The facts that nobody was told yet, in order."""
        facts, self._facts = tuple(self._facts), []
        return facts


async def _given_back() -> Journal:
    raise JournalError(
        "this conversation has let go of its run; go on with `Engine.resume`", code="journal_busy"
    )
