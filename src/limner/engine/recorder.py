"""Where facts are recorded, and the recorder that keeps them in memory alone.

One contract for all recorders:
- A slot is reserved by name before its action begins; the same name is the same slot for ever.
- `Slot.run` returns the recorded fact if there is one and performs nothing; otherwise it
  performs once, records the fact, and returns it. When it returns, the fact survives what the
  recorder promises to survive.
- Facts are loaded in the order in which they were recorded.
- A run has one owner: while a journal of it is held, or another process has the recorder's file,
  `load` raises JournalError (`journal_busy`). `aclose` lets go of all.

A recorder keeps its runs until somebody forgets them: `SQLiteRecorder.forget(before_s)`.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol
from weakref import WeakValueDictionary

from limner.errors import JournalError

if TYPE_CHECKING:  # start-up time
    from limner.core.events import Event
    from limner.core.state import State

__all__ = [
    "BulkJournal",
    "Journal",
    "MemoryRecorder",
    "Perform",
    "PromptJournal",
    "Recorded",
    "Recorder",
    "Slot",
]

Perform = Callable[[], Awaitable["Event"]]


class Slot(Protocol):
    """The place of one fact."""

    async def run(self, perform: Perform) -> Event:
        """The recorded fact, or perform once and record it.

        Raises: JournalError (`journal_unavailable`); what `perform` raises, with nothing recorded.
        Cancel: while performing, nothing is recorded; a record that has begun is finished.
        """
        ...


class Journal(Protocol):
    """The facts of one run."""

    def reserve(self, keys: Iterable[str]) -> tuple[Slot, ...]:
        """Slots for `keys`, in their order; does not wait."""
        ...


class PromptJournal(ABC):
    """A journal that never waits. It says so by deriving from this class, and is asked for no slots."""

    @abstractmethod
    def reserve(self, keys: Iterable[str]) -> tuple[Slot, ...]:
        """As every journal."""

    @abstractmethod
    def note(self, key: str, event: Event) -> Event:
        """What is recorded as `key`: what was before, else `event`."""


class BulkJournal(ABC):
    """A journal that records several facts at the price of one. It says so as above."""

    @abstractmethod
    def reserve(self, keys: Iterable[str]) -> tuple[Slot, ...]:
        """As every journal."""

    @abstractmethod
    async def note_all(self, facts: Sequence[tuple[str, Event]]) -> tuple[Event, ...]:
        """Record all of them in their order, or none; what is recorded under their names, as `Slot.run`.

        Raises: JournalError. Cancel: what has begun is finished.
        """


@dataclass(frozen=True, slots=True)
class Recorded:
    """A run as it was found."""

    state: State
    """Before its first fact."""
    events: tuple[Event, ...]
    journal: Journal


class Recorder(Protocol):
    """Keeps the facts of many runs."""

    async def begin(self, run: str, state: State) -> Journal:
        """Open a run that is new.

        Raises: JournalError (`run_exists`, `journal_busy`, `journal_unavailable`).
        """
        ...

    async def load(self, run: str) -> Recorded:
        """Open a run that is there.

        Raises: JournalError (`run_unknown`, `journal_busy`, `journal_unreadable`, …).
        """
        ...

    async def runs(self) -> tuple[str, ...]:
        """The runs that are there, oldest first."""
        ...

    async def aclose(self) -> None:
        """Let go of the journal; idempotent."""
        ...


def owned(run: str) -> JournalError:
    """Somebody wants a run that another conversation of this process goes on with."""
    return JournalError(
        f"run {run!r} is in use by another conversation; go on with that one", code="journal_busy"
    )


class MemoryRecorder:
    """Records nothing that outlives the process."""

    def __init__(self) -> None:
        self._runs: dict[str, tuple[State, dict[str, Event]]] = {}
        self._owned: WeakValueDictionary[str, _MemoryJournal] = WeakValueDictionary()

    async def begin(self, run: str, state: State) -> Journal:
        """Open a run that is new."""
        if run in self._runs:
            raise JournalError(
                f"run {run!r} exists already; resume it or choose another id", code="run_exists"
            )
        facts: dict[str, Event] = {}
        self._runs[run] = (state, facts)
        return self._own(run, facts)

    async def load(self, run: str) -> Recorded:
        """Open a run that is there."""
        if run not in self._runs:
            raise JournalError(
                f"there is no run {run!r}; begin it with Engine.conversation()", code="run_unknown"
            )
        if run in self._owned:
            raise owned(run)
        state, facts = self._runs[run]
        return Recorded(state, tuple(facts.values()), self._own(run, facts))

    def _own(self, run: str, facts: dict[str, Event]) -> _MemoryJournal:
        self._owned[run] = journal = _MemoryJournal(facts)
        return journal

    async def runs(self) -> tuple[str, ...]:
        """The runs of this process, oldest first."""
        return tuple(self._runs)

    async def aclose(self) -> None:
        """Let go of every run."""
        self._owned.clear()


class _MemoryJournal(PromptJournal):
    def __init__(self, facts: dict[str, Event]) -> None:
        self._facts = facts

    def reserve(self, keys: Iterable[str]) -> tuple[Slot, ...]:
        return tuple(_MemorySlot(self._facts, key) for key in keys)

    def note(self, key: str, event: Event) -> Event:
        return self._facts.setdefault(key, event)


@dataclass(frozen=True, slots=True)
class _MemorySlot:
    facts: dict[str, Event]
    key: str

    async def run(self, perform: Perform) -> Event:
        if self.key not in self.facts:
            self.facts[self.key] = await perform()
        return self.facts[self.key]
