"""Pictures that are being drawn. They belong to the engine, not to the turn that asked.

A turn that is cancelled stops buying, not receiving: once a submission is recorded, its
picture is waited for, stored and recorded here, whoever has left meanwhile.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field, replace
from typing import Any

import anyio
from anyio.abc import TaskGroup

from limner.clock import Clock
from limner.core.calls import Call
from limner.core.events import Event, PictureDrawn, PictureSubmitted, ToolReturned
from limner.core.money import price
from limner.core.repair import clean
from limner.errors import JournalError, LimnerError, ParameterError, PictureError
from limner.images.inspector import Inspector
from limner.images.protocol import Drawing, ImageRequest, Purchase
from limner.logs import log
from limner.spending.reservations import Reservations
from limner.storage.keeping import discard, keep, rescue
from limner.storage.protocol import Storage
from limner.tools.image import ImageTool

from .cancellation import guarded
from .closing import closed
from .likeness import reference_bytes
from .run import Run

__all__ = ["Purchases"]

KEEP_S = 60.0
"""Seconds for inspecting and storing one picture."""


@dataclass(slots=True, eq=False)
class _Order:
    run: Run
    key: str
    tool: ImageTool
    reservations: Reservations
    settled: anyio.Event = field(default_factory=anyio.Event)
    in_flight: bool = False
    again: bool = False
    """Whether a process that is gone has ordered it before: nobody knows what that has cost."""
    error: JournalError | None = None


class Purchases:
    """The pictures under way in one engine, each in a place of its backend's throttle."""

    def __init__(self, tasks: TaskGroup, storage: Storage, inspector: Inspector, *, clock: Clock) -> None:
        self._tasks = tasks
        self._storage = storage
        self._inspector = inspector
        self._clock = clock
        self._orders: dict[tuple[str, str], _Order] = {}
        self._unrecorded: dict[tuple[str, str], Event] = {}
        """What happened to pictures and could not be recorded; offered again when somebody asks."""
        self._closing = False
        self._idle = anyio.Event()
        self._idle.set()

    @property
    def under_way(self) -> tuple[str, ...]:
        """The pictures being drawn now, as run and call."""
        return tuple(f"{run}:{key}" for (run, key), order in self._orders.items() if order.in_flight)

    async def settle(self, run: Run, call: Call, tool: ImageTool, reservations: Reservations) -> None:
        """See `call` to its outcome; places the order with `tool` unless it is placed already.

        Raises: JournalError; CallerError (`engine_closed`), where it was not ordered yet.
        Cancel: safe; before the submission nothing is bought, after it the picture is received
        without anybody waiting.
        """
        order = self._orders.get((run.id, call.key))
        if order is None:
            order = _Order(run, call.key, tool, reservations)
            # Known before it waits for its turn, so that nobody places it a second time.
            self._orders[run.id, call.key] = order
            self._idle = anyio.Event()
            try:
                placed = await self._place(order)
            except BaseException:
                self._forget(order)
                raise
            if not placed:
                self._forget(order)
                return
        await order.settled.wait()
        if order.error is not None:
            raise order.error

    def adopt(self, run: Run, call: Call, tool: ImageTool, reservations: Reservations) -> None:
        """See a call to its outcome without waiting; for those that nobody waits for."""
        if (run.id, call.key) not in self._orders:
            self._tasks.start_soon(self._adopt, run, call, tool, reservations)

    async def drain(self, seconds: float) -> tuple[str, ...]:
        """Order nothing more and wait for what is ordered, `seconds` at most; the rest is returned."""
        self._closing = True
        with anyio.move_on_after(seconds):
            await self._idle.wait()
        return self.under_way

    def _forget(self, order: _Order) -> None:
        self._orders.pop((order.run.id, order.key), None)
        if not self._orders:
            self._idle.set()
        order.settled.set()

    async def _adopt(self, run: Run, call: Call, tool: ImageTool, reservations: Reservations) -> None:
        try:
            await self.settle(run, call, tool, reservations)
        except LimnerError as error:
            log.error("picture.unsettled", run=run.id, call=call.key, code=error.code)

    async def _place(self, order: _Order) -> bool:
        """Order the picture, unless that is no longer wanted or not known to be safe."""
        run, key = order.run, order.key
        missed = self._unrecorded.get((run.id, key))
        if missed is not None:
            await run.offer(key, missed)
            del self._unrecorded[run.id, key]
            return False
        if run.state.call(key).submitted_at_s is not None and order.tool.backend.policy == "at_most_once":
            # The process that submitted it is gone, and with it the answer. Never bought again.
            await run.offer(key, ToolReturned(key, code="outcome_unknown"))
            return False
        throttle = order.tool.backend.throttle
        await throttle.enter(order)
        placed = False
        try:
            # From the recorded submission to the order in flight nobody may be cancelled.
            with anyio.CancelScope(shield=True):
                placed = await self._submit(order)
        finally:
            if not placed:
                throttle.leave(order)
        return placed

    async def _submit(self, order: _Order) -> bool:
        if self._closing:
            raise closed()
        run, key = order.run, order.key
        # As it is now: the turn may have given it up while it waited for its turn.
        call = run.state.call(key)
        if call.outcome is not None:
            return False
        if call.submitted_at_s is None and not await self._may_leave(order, call):
            return False
        # While the picture is drawn.
        order.again = call.submitted_at_s is not None
        if not self._inspector.warmed:
            self._tasks.start_soon(self._inspector.warm)
        self._tasks.start_soon(self._fill, order, run.state.call(key))
        order.in_flight = True
        return True

    async def _may_leave(self, order: _Order, call: Call) -> bool:
        """Record that the order leaves now, if there is money for it still."""
        run = order.run
        code = order.reservations.renew(run.id, run.state, call)
        if code is None:
            code = await order.reservations.order(run.id, call)
        if code is not None:
            await run.offer(call.key, ToolReturned(call.key, code=code, paid=False))
            return False
        left = False
        try:
            left = await run.offer(f"{call.key}/submitted", PictureSubmitted(call.key, self._clock.now()))
        finally:
            if not left:
                await order.reservations.cancel(run.id, call)
        return left

    async def _fill(self, order: _Order, call: Call) -> None:
        """Draw, keep and record one picture; whatever happens, it takes nothing else with it."""
        run = order.run
        event: Event | None = None
        try:
            event = await self._draw(order, call)
            with anyio.CancelScope(shield=True):
                await run.record(call.key, event)
        except anyio.get_cancelled_exc_class():
            with anyio.CancelScope(shield=True):
                await self._give_up(order, call)
            raise
        except Exception as error:
            # What was paid for must not be forgotten because it could not be written down.
            if event is not None:
                self._unrecorded[run.id, call.key] = event
            log.error("picture.unrecorded", run=run.id, call=call.key, error=type(error).__name__)
            order.error = error if isinstance(error, JournalError) else _unrecorded(call.key, error)
        finally:
            order.tool.backend.throttle.leave(order)
            self._forget(order)

    async def _give_up(self, order: _Order, call: Call) -> None:
        """The engine is being left. What can be asked again later stays open in the journal."""
        run = order.run
        if order.tool.backend.policy == "at_most_once":
            try:
                await run.offer(call.key, ToolReturned(call.key, code="outcome_unknown"))
            except Exception as error:
                log.error("picture.unrecorded", run=run.id, call=call.key, error=type(error).__name__)

    async def _draw(self, order: _Order, call: Call) -> PictureDrawn | ToolReturned:
        """Draw one picture and keep it; every way in which that can fail is an event."""
        backend, run = order.tool.backend, order.run
        started = self._clock.monotonic()
        unsent: bool | None = None if order.again else False
        paid = unsent
        try:
            with anyio.fail_after(backend.timeout_s):
                request = await self._request(order, call)
                paid = None
                drawn = await guarded(backend.draw(request, self._purchase(run, call)))
        except TimeoutError:
            return self._failed(call, "image_timeout", paid)
        except ParameterError:
            # It takes less than when the price was named; it has refused before anything was sent.
            return self._failed(call, "image_bad_request", unsent)
        except PictureError as error:
            # What refuses an order now says nothing of the first time that it left; a job's end says all.
            free = unsent if call.job_id is None else False
            paid = {"no": free, "yes": True, "unknown": None}[error.billed]
            return self._failed(call, error.code, paid, error.cost_usd)
        except JournalError:
            # The job's id could not be recorded; the job is asked for again under the same key.
            raise
        except Exception as error:
            # Strategy: a maker may raise anything; it becomes the call's result here and nowhere else.
            log.exception("picture.broke", call=call.key, error=type(error).__name__)
            return self._failed(call, "internal", paid)
        if not drawn:
            return self._failed(call, "image_bad_payload", None)
        drawing, *unasked = drawn
        for each in unasked:
            await discard(each.data)
        seconds = round(self._clock.monotonic() - started, 3)
        # Shielded: it is here and paid for, so leaving the engine waits for the store.
        with anyio.CancelScope(shield=True):
            kept = await self._keep(run, call, drawing, seconds)
        return kept  # noqa: RET504  for the type checker a scope may swallow what is returned inside

    async def _keep(
        self, run: Run, call: Call, drawing: Drawing, seconds: float
    ) -> PictureDrawn | ToolReturned:
        try:
            with anyio.fail_after(KEEP_S):
                picture = await keep(
                    self._storage, self._inspector, run.state.owner, drawing.data, alt=call.alt
                )
        except Exception as error:
            code = error.code if isinstance(error, PictureError) else "image_store_full"
            # It was paid for, so it is not thrown away, wherever there is room.
            rescued = await rescue(drawing.data, purchase_key(run.id, call.key))
            return replace(self._failed(call, code, True, drawing.cost_usd), rescued=rescued)
        revised = drawing.revised_prompt
        picture = replace(
            picture,
            prompt=call.prompt,
            revised_prompt=clean(revised) if revised is not None else None,
            model=clean(drawing.model),
            seconds=seconds,
            cost_usd=price(drawing.cost_usd),
        )
        log.info("picture.drawn", call=call.key, elapsed_s=seconds)
        return PictureDrawn(call.key, picture)

    def _failed(
        self, call: Call, code: str, paid: bool | None, cost_usd: float | None = None
    ) -> ToolReturned:
        log.info("picture.failed", call=call.key, code=code)
        return ToolReturned(call.key, code=code, paid=paid, cost_usd=price(cost_usd))

    async def _request(self, order: _Order, call: Call) -> ImageRequest:
        arguments: dict[str, Any] = {"prompt": call.prompt, "aspect_ratio": call.aspect_ratio}
        request = order.tool.request(arguments, await reference_bytes(order.run.state, call, self._storage))
        if order.run.partials.watched or order.tool.backend.policy != "at_most_once":
            return request
        # Nobody would see them, and they cost. Where a key is sent again, the order has to be the same again.
        return replace(request, partial_images=0)

    def _purchase(self, run: Run, call: Call) -> Purchase:
        async def record_job(job_id: str) -> None:
            event = PictureSubmitted(call.key, self._clock.now(), job_id)
            with anyio.CancelScope(shield=True):
                await run.record(f"{call.key}/job", event)

        partial = run.partials.listener(call.key, self._inspector.glance)
        return Purchase(purchase_key(run.id, call.key), call.job_id, record_job, partial)


def _unrecorded(key: str, error: Exception) -> JournalError:
    wrong = JournalError(
        f"what became of {key} could not be recorded ({type(error).__name__}); resume the run",
        code="journal_unavailable",
    )
    wrong.__cause__ = error
    return wrong


def purchase_key(run: str, call: str) -> str:
    """The idempotency key of one picture: the same after a crash, unique among all runs."""
    return hashlib.sha256(f"{run}\n{call}".encode()).hexdigest()[:32]
