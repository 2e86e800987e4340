"""What an engine has between entering and leaving, and the conversations that are held meanwhile."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import AsyncExitStack
from dataclasses import dataclass, field

import anyio
from anyio.abc import TaskGroup

from limner.clock import Clock
from limner.core.machine import IllegalEvent
from limner.core.state import State
from limner.errors import JournalError
from limner.images.inspector import Inspector
from limner.models.protocol import Model
from limner.spending.budget import Budget
from limner.spending.reservations import Reservations
from limner.storage.protocol import Storage
from limner.tools.checking import Toolbox

from .alarms import Alarms
from .calls import Calls
from .conversation import Conversation
from .purchases import Purchases
from .recorder import Recorder
from .run import Run
from .workshop import Doors, Workshop

__all__ = ["Opened", "opened"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Opened:
    """An engine that was entered: what it owns until it is left."""

    stack: AsyncExitStack
    tasks: TaskGroup
    alarms: Alarms
    purchases: Purchases
    recorder: Recorder
    storage: Storage
    inspector: Inspector
    clock: Clock
    accounts: dict[Budget, Reservations]
    """What this engine has set aside, by whose money it is."""
    doors: Doors = field(default_factory=Doors)

    def begun(self, run: str, state: State, model: Model, toolbox: Toolbox, budget: Budget) -> Conversation:
        """A conversation that nobody knows yet; nothing is recorded before its first message."""
        reservations = self._reservations(budget)
        begun = Run(run, state, lambda: self.recorder.begin(run, state), reservations.follow)
        return Conversation(self._workshop(model, toolbox, reservations), begun)

    async def resumed(self, run: str, model: Model, toolbox: Toolbox, budget: Budget) -> Conversation:
        """A conversation that the recorder knows. Raises: JournalError."""
        reservations = self._reservations(budget)
        recorded = await self.recorder.load(run)
        try:
            found = Run.resumed(run, recorded, reservations.follow)
        except IllegalEvent as error:
            raise JournalError(
                f"the journal of run {run!r} contradicts itself; restore it from a copy",
                code="journal_unreadable",
            ) from error
        return Conversation(self._workshop(model, toolbox, reservations), found)

    def _workshop(self, model: Model, toolbox: Toolbox, reservations: Reservations) -> Workshop:
        return Workshop(
            model=model,
            toolbox=toolbox,
            storage=self.storage,
            inspector=self.inspector,
            clock=self.clock,
            alarms=self.alarms,
            calls=Calls(toolbox, self.purchases, self.storage, self.inspector, reservations),
            doors=self.doors,
        )

    def _reservations(self, budget: Budget) -> Reservations:
        if budget not in self.accounts:
            self.accounts[budget] = Reservations(budget)
        return self.accounts[budget]


async def opened(
    stack: AsyncExitStack, *, recorder: Recorder, storage: Storage, inspector: Inspector, clock: Clock
) -> Opened:
    """Begin what an engine owns; it ends with `stack`."""
    accounts: dict[Budget, Reservations] = {}
    stack.callback(_leave, accounts)
    tasks = await stack.enter_async_context(anyio.create_task_group())
    return Opened(
        stack=stack,
        tasks=tasks,
        alarms=Alarms(tasks, clock),
        purchases=Purchases(tasks, storage, inspector, clock=clock),
        recorder=recorder,
        storage=storage,
        inspector=inspector,
        clock=clock,
        accounts=accounts,
    )


def _leave(accounts: Mapping[Budget, Reservations]) -> None:
    for each in accounts.values():
        each.leave()
