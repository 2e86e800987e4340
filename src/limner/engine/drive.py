"""The one loop. Whole, streamed, promised and resumed replies are arguments, not copies."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import aclosing, suppress
from dataclasses import dataclass, field
from functools import partial

import anyio
from anyio.abc import TaskGroup

from limner.clock import Clock
from limner.core.actions import CallModel, HandBack, RunTool
from limner.core.calls import Call
from limner.core.deltas import Fold
from limner.core.events import (
    LimitReached,
    ModelFailed,
    ModelInterrupted,
    ModelReplied,
    ToolPromised,
)
from limner.core.machine import pending
from limner.core.messages import ChatRequest, Delta, ToolSpec
from limner.core.repair import clean
from limner.core.state import Phase, State
from limner.errors import JournalError, LimnerError, ModelError
from limner.models.protocol import Model
from limner.spending.chat_prices import priced

from .alarms import Alarm, Alarms
from .calls import Calls
from .cancellation import foreign
from .partials import PartialPicture
from .purchases import Order
from .run import Fact, Run

__all__ = ["Batch", "Tap", "drive"]

Batch = tuple[Delta, ...] | tuple[Fact, ...] | tuple[PartialPicture, ...]
Tap = Callable[[Batch], Awaitable[None]]
"""Is told what happens, in batches, in order: deltas as they arrive, facts once they are recorded, and
partial pictures between the fact that theirs was ordered and the one that says what became of it."""


async def drive(
    run: Run,
    *,
    model: Model,
    specs: tuple[ToolSpec, ...],
    calls: Calls,
    tap: Tap,
    clock: Clock,
    alarms: Alarms,
    watched: bool = True,
) -> None:
    """Start what is pending and not in flight, fold one fact at a time, ask again.

    `watched`: whether anybody is told what `tap` hears; else there are no partial pictures.
    Returns when the conversation is at rest or waits for its caller.
    Raises: JournalError; a model's failure is a state, not an exception.
    Cancel: nothing more is started; what was submitted is received by the engine. The
    conversation can be resumed, or go on with the user's next message.
    """
    if watched:
        run.partials.watch()
    driving = _Drive(run=run, model=model, specs=specs, calls=calls, tap=tap, clock=clock, alarms=alarms)
    driving.beside = calls.take_up(run)
    try:
        await driving.finish()
    except BaseExceptionGroup as group:
        # What went wrong is the caller's to know; that tasks ran side by side is not.
        ending, rest = group.split((KeyboardInterrupt, SystemExit))
        if ending is not None:
            raise _leaves(ending)[0] from group
        if isinstance(rest, ExceptionGroup):
            leaves = _leaves(rest)
            raise next((error for error in leaves if isinstance(error, LimnerError)), leaves[0]) from group
        raise
    finally:
        run.partials.unwatch()
        calls.put_down(run)


@dataclass(kw_only=True, slots=True)
class _Drive:
    run: Run
    model: Model
    specs: tuple[ToolSpec, ...]
    calls: Calls
    tap: Tap
    clock: Clock
    alarms: Alarms
    beside: bool = False
    """Whether pictures of earlier turns may come meanwhile."""
    in_flight: set[str] = field(default_factory=set)
    orders: dict[str, Order] = field(default_factory=dict)
    """The pictures among those."""
    error: LimnerError | None = None
    """Why a picture came to no end."""
    timed: dict[str, Alarm] = field(default_factory=dict)
    """Pictures whose time to be promised runs, or is over."""
    asking: anyio.CancelScope | None = None
    late: bool = False
    """The time for the model's last words is over too."""

    async def finish(self) -> None:
        """Come to rest, and leave nothing behind that is not ordered yet."""
        async with anyio.create_task_group() as tasks:
            limit: Alarm | None = None
            if not self._only_redraws():
                seconds = self.run.state.settings.limits.seconds
                limit = self.alarms.set(seconds, partial(tasks.start_soon, self._out_of_time))
            try:
                await self.run_to_rest(tasks)
            finally:
                for alarm in (limit, *self.timed.values()):
                    if alarm is not None:
                        alarm.turn_off()
                orders = tuple(self.orders.values())
                for order in orders:
                    order.withdraw()
                for order in orders:
                    await order.decided()
                # Whoever leaves in a hurry leaves nothing behind that is only noted.
                with suppress(JournalError):
                    await self.run.caught_up()
            tasks.cancel_scope.cancel()

    def _only_redraws(self) -> bool:
        """Nobody speaks: how long a picture may take that is drawn again is its maker's alone to say."""
        state = self.run.state
        return state.phase is Phase.SETTLING and all(
            call.redraws for call in state.turn_calls if not call.outcome
        )

    async def run_to_rest(self, tasks: TaskGroup) -> None:
        while True:
            # While a fact is being told, the next one may be folded: rest only when all are told.
            while facts := self.run.take_facts():
                await self._tell(facts)
            if partials := self.run.partials.take(self.run.state):
                await self.tap(partials)
                continue
            if self.error is not None:
                raise self.error
            # What the model has asked for can be looked at while its asking is recorded.
            wanted = self._wanted(self.run.ahead)
            fresh = [action for action in wanted if action.key not in self.in_flight]
            if fresh:
                await self._start(tasks, fresh)
            elif self.run.ahead is not self.run.state:
                await self.run.caught_up()
            elif wanted:
                await self.run.changed()
            else:
                break

    def _wanted(self, state: State) -> list[CallModel | RunTool]:
        return [action for action in pending(state) if not isinstance(action, HandBack)]

    async def _tell(self, facts: tuple[Fact, ...]) -> None:
        """Tell facts; a partial picture before the final one that came at the same moment, and none after it."""
        if not self.run.partials.waiting:
            await self.tap(facts)
            return
        for fact in facts:
            if partials := self.run.partials.take(fact.before):
                await self.tap(partials)
            await self.tap((fact,))

    async def _start(self, tasks: TaskGroup, fresh: list[CallModel | RunTool]) -> None:
        prepared = {action.key for action in fresh}
        self.calls.prepare(self.run, [each.call for each in fresh if isinstance(each, RunTool)])
        # Preparing refused some and numbered others: start what is still wanted, as it is now. What
        # has come up meanwhile is not prepared yet and waits for the next look.
        for wish in self._wanted(self.run.ahead):
            if isinstance(wish, RunTool) and wish.key in prepared and self.calls.draws(wish.call):
                # None leaves before that it leaves is recorded, and with it all that was noted before.
                self.in_flight.add(wish.key)
                self.orders[wish.key] = self.calls.order(self.run, wish.call, self._ended)
        # All others begin with what is recorded.
        if self.run.ahead is not self.run.state:
            await self.run.caught_up()
        if facts := self.run.take_facts():
            await self._tell(facts)
        after_s = self.run.state.settings.promise_after_s
        if after_s is not None:
            self._time_promises(tasks, after_s)
        wishes = [wish for wish in self._wanted(self.run.state) if wish.key not in self.in_flight]
        for wish in wishes:
            if isinstance(wish, CallModel):
                if len(wishes) == 1 and not self.in_flight and not self.beside:
                    # Nothing else can happen that anybody had to be told of meanwhile.
                    await self._ask(wish)
                    return
                self._begin(tasks, wish.key, partial(self._ask, wish))
            elif wish.key in prepared:
                self._begin(tasks, wish.key, partial(self.calls.settle, self.run, wish.call))

    def _time_promises(self, tasks: TaskGroup, after_s: float) -> None:
        """A round waits as long for a picture that waits for another as for any."""
        for call in self.run.state.turn_calls:
            if call.number is not None and call.outcome is None and call.key not in self.timed:
                ring = partial(tasks.start_soon, self._promise, call)
                self.timed[call.key] = self.alarms.set(after_s, ring)

    def _ended(self, order: Order) -> None:
        """A picture's order came to an end, or to none."""
        self.in_flight.discard(order.key)
        del self.orders[order.key]
        self.error = self.error or order.error
        self.run.wake()

    def _begin(self, tasks: TaskGroup, key: str, work: Callable[[], Awaitable[None]]) -> None:
        async def perform() -> None:
            try:
                await work()
            finally:
                self.in_flight.discard(key)
                self.run.wake()

        self.in_flight.add(key)
        tasks.start_soon(perform)

    async def _promise(self, call: Call) -> None:
        await self.run.offer(f"{call.key}/promised", ToolPromised(call.key))

    async def _out_of_time(self) -> None:
        state = self.run.state
        await self.run.offer(f"t{state.turn}/seconds{state.resumptions or ''}", LimitReached("seconds"))
        await self.clock.sleep(state.settings.limits.closing_s)
        self.late = True
        if self.asking is not None:
            self.asking.cancel()

    async def _ask(self, action: CallModel) -> None:
        """Ask the model once; its reply, or its failure, is a fact."""
        fold = Fold()
        event: ModelReplied | ModelFailed
        self.asking = scope = anyio.CancelScope()
        if self.late:
            scope.cancel()
        try:
            with scope:
                event = await self._listen(action, fold)
        except anyio.get_cancelled_exc_class():
            await self._interrupted(action, fold.text)
            raise
        if scope.cancelled_caught:
            error = ModelError(
                "the model was still speaking when the time for the turn was over; raise `seconds`",
                code="turn_deadline",
            )
            self.run.model_error = error
            event = ModelFailed(action.key, error.code, clean(fold.text))
        self.run.note(action.key, event)

    async def _listen(self, action: CallModel, fold: Fold) -> ModelReplied | ModelFailed:
        messages = self.run.transcript.messages(self.run.state)
        request = ChatRequest(messages, self.specs, action.tool_choice, self.run.memory)
        try:
            # Closed here, not by the garbage collector: leaving must release the provider's connection.
            async with aclosing(self.model.stream(request)) as stream:
                async for batch in stream:
                    for delta in batch:
                        fold.add(delta)
                    await self.tap(batch)
                    if fold.full:
                        break
        except ModelError as error:
            self.run.model_error = error
            return ModelFailed(action.key, error.code, clean(fold.text))
        except asyncio.CancelledError as cancelled:
            if not foreign():
                raise
            self.run.model_error = ModelError(
                "the chat model's own code cancelled its reply; ask again",
                code="upstream_failed",
                retryable=True,
            )
            self.run.model_error.__cause__ = cancelled
            return ModelFailed(action.key, self.run.model_error.code, clean(fold.text))
        folded = fold.finish()
        reason = folded.finish_reason or ("tool_calls" if folded.calls else "stop")
        usage = await priced(
            folded.usage,
            model=self.model.name,
            base_url=getattr(self.model, "base_url", None),
            at_s=self.clock.now(),
        )
        return ModelReplied(action.key, folded.text, folded.calls, reason, usage, folded.reasoning)

    async def _interrupted(self, action: CallModel, text: str) -> None:
        if text and self.run.state.phase is Phase.AWAITING_MODEL:
            with anyio.CancelScope(shield=True):
                key = f"{action.key}/interrupted{self.run.state.interruptions}"
                await self.run.offer(key, ModelInterrupted(action.key, clean(text)))


def _leaves(group: BaseExceptionGroup[BaseException]) -> list[BaseException]:
    """The errors in a group of groups, in order."""
    return [
        leaf
        for error in group.exceptions
        for leaf in (_leaves(error) if isinstance(error, BaseExceptionGroup) else [error])
    ]
