"""Promises of processes that are gone: kept where the journal has the picture, else broken. Nothing is bought."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from itertools import groupby
from pathlib import Path

from anyio import to_thread

from limner.core.calls import Call
from limner.core.machine import IllegalEvent
from limner.core.state import State
from limner.engine.recorder import Recorder
from limner.engine.run import Run
from limner.engine.sqlite import SQLiteRecorder
from limner.errors import JournalError
from limner.logs import log

from ..ledger import Ledger, Promise

__all__ = ["settle_abandoned"]

_JOURNALS = "journal-*.db"


async def settle_abandoned(ledger: Ledger, recorder: Recorder) -> int:
    """Settle every promise whose process has ended; how many there were.

    To be said at the start, and now and then: each promise is given to one of the living processes.
    `recorder` is that of this process; the journals of others that are gone are read beside it.

    Raises: JournalError, where the ledger cannot be read or written; then it can be said again.
    """
    promises = await ledger.abandoned()
    for run, made in groupby(sorted(promises, key=_by_run), key=lambda each: each.run):
        await _settle(ledger, tuple(made), await _state(ledger, recorder, run))
    if promises:
        log.info("promises.settled", promises=len(promises))
    return len(promises)


def _by_run(promise: Promise) -> tuple[str, int]:
    return promise.run, promise.number


async def _settle(ledger: Ledger, promises: Iterable[Promise], state: State | None) -> None:
    calls: Mapping[int, Call] = {}
    if state is not None:
        # The last call of a number that was drawn is what a reader would see.
        calls = {call.number: call for call in state.calls if call.number is not None}
        calls |= {call.number: call for call in state.calls if call.number is not None and call.drawn}
    for promise in promises:
        call = calls.get(promise.number)
        outcome = call.outcome if call is not None else None
        if outcome is not None and outcome.pictures:
            picture = outcome.pictures[0].picture
            # Known first: a link that works leads to a picture that can be spoken of.
            await ledger.know(promise.tenant, picture)
            await ledger.keep_promise(promise.id, picture.id)
        elif outcome is not None and outcome.code is not None:
            await ledger.break_promise(promise.id, outcome.code)
        else:
            # Ordered or not: nobody goes on with it, and whether it was drawn nobody saw.
            ordered = call is None or call.submitted_at_s is not None
            await ledger.break_promise(promise.id, "outcome_unknown" if ordered else "cancelled")


async def _state(ledger: Ledger, recorder: Recorder, run: str) -> State | None:
    """What became of `run`, as far as any journal knows that nobody else holds."""
    found = await _read(recorder, run)
    if found is not None:
        return found
    for path in await to_thread.run_sync(_others, ledger.folder, ledger.journal):
        other = SQLiteRecorder(path)
        try:
            found = await _read(other, run)
        finally:
            await other.aclose()
        if found is not None:
            return found
    return None


def _others(folder: Path, own: str) -> list[Path]:
    return sorted(path for path in folder.glob(_JOURNALS) if path.name != own)


async def _read(recorder: Recorder, run: str) -> State | None:
    try:
        recorded = await recorder.load(run)
        return Run.resumed(run, recorded, lambda *_: None).state
    except (JournalError, IllegalEvent) as error:
        code = error.code if isinstance(error, JournalError) else "journal_unreadable"
        if code != "run_unknown":
            log.warning("promise.unread", run=run, code=code)
        return None
