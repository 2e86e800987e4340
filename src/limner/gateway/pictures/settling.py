"""Promises of processes that are gone: kept where the journal has the picture, else broken. Nothing is bought."""

from __future__ import annotations

from itertools import groupby

from limner.core.machine import IllegalEvent
from limner.core.state import State
from limner.engine.recorder import Recorder
from limner.engine.run import Run
from limner.errors import JournalError
from limner.logs import log

from ..ledger import Ledger, Promise

__all__ = ["Settling"]

_LOST = frozenset({"run_unknown", "journal_unreadable", "journal_newer", "journal_foreign"})
"""Nobody will ever learn from the journal what became of the picture."""


class Settling:
    """Settles them from the recorded facts; each promise is given to one of the living processes."""

    def __init__(self, ledger: Ledger, recorder: Recorder) -> None:
        """`recorder`: of the journals of all processes, those that have ended included."""
        self._ledger = ledger
        self._recorder = recorder
        self._left: tuple[Promise, ...] = ()
        """Given to us, of runs that somebody has in hand."""

    async def settle(self) -> int:
        """Settle what is found; how many. To be said at the start, and every minute: others end, too.

        Raises: JournalError, where the ledger cannot be read or written; it can be said again.
        Cancel: safe.
        """
        self._left = (*self._left, *await self._ledger.abandoned())
        settled = 0
        for run, promises in groupby(sorted(self._left, key=_by_run), key=lambda each: each.run):
            made = tuple(promises)
            if await self._settled(run, made):
                settled += len(made)
                self._left = tuple(each for each in self._left if each.run != run)
        if settled:
            log.info("promises.settled", promises=settled)
        return settled

    async def _settled(self, run: str, promises: tuple[Promise, ...]) -> bool:
        try:
            state = await self._state(run)
        except JournalError as error:
            if error.code not in _LOST:
                # Somebody goes on with the run, or the disk is away: later it will be known.
                log.info("promises.deferred", run=run, code=error.code)
                return False
            log.warning("promises.lost", run=run, code=error.code)
            state = State()
        for promise in promises:
            await self._settle(promise, state)
        return True

    async def _state(self, run: str) -> State:
        """The run as it was recorded; it is let go of at once. Raises: JournalError."""
        recorded = await self._recorder.load(run)
        try:
            return Run.resumed(run, recorded, lambda *_: None).state
        except IllegalEvent as error:
            raise JournalError(
                f"the journal of run {run!r} contradicts itself; restore it from a copy",
                code="journal_unreadable",
            ) from error

    async def _settle(self, promise: Promise, state: State) -> None:
        calls = [call for call in state.calls if call.number == promise.number]
        # Where it was drawn again, the last one that came is what a reader would see.
        drawn = [call for call in calls if call.drawn]
        call = drawn[-1] if drawn else calls[0] if calls else None
        outcome = call.outcome if call is not None else None
        if outcome is not None and outcome.pictures:
            picture = outcome.pictures[0].picture
            # Known first: what a working link leads to can be spoken of in the next turn.
            await self._ledger.know(promise.tenant, picture)
            await self._ledger.keep_promise(promise.id, picture.id)
        elif outcome is not None and outcome.code is not None:
            await self._ledger.break_promise(promise.id, outcome.code)
        else:
            unordered = call is not None and call.submitted_at_s is None
            await self._ledger.break_promise(promise.id, "cancelled" if unordered else "outcome_unknown")


def _by_run(promise: Promise) -> tuple[str, int]:
    return promise.run, promise.number
