"""Pictures that are being drawn. They belong to the engine, not to the turn that asked.

A turn that is cancelled stops buying, not receiving: once a submission is recorded, its
picture is waited for, stored and recorded here, whoever has left meanwhile.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass, replace
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
from limner.images.throttle import Waiter
from limner.logs import log
from limner.spending.reservations import Reservations
from limner.storage.keeping import discard, keep, rescue
from limner.storage.protocol import Storage
from limner.tools.image import ImageTool

from .cancellation import guarded
from .closing import closed
from .likeness import reference_bytes
from .run import Run

__all__ = ["Order", "Purchases"]

KEEP_S = 60.0
"""Seconds for inspecting and storing one picture."""


@dataclass(slots=True, eq=False)
class Order:
    """One picture of one run, from the wish to its end."""

    run: Run
    key: str
    """Of the call."""
    tool: ImageTool
    reservations: Reservations
    told: Callable[[Order], None] | None
    """Hears of its end, for as long as anybody waits for it."""
    waiter: Waiter
    """Its place in the throttle's line."""
    waiting: anyio.CancelScope | None = None
    withdrawn: bool = False
    leaving: bool = False
    left: anyio.Event | None = None
    in_flight: bool = False
    again: bool = False
    """Whether a process that is gone has ordered it before: nobody knows what that has cost."""
    error: LimnerError | None = None
    """Why it came to no end: a JournalError, or a CallerError (`engine_closed`) where it was not ordered yet."""

    def withdraw(self) -> None:
        """Nobody waits for it any more, and it is not ordered unless it is leaving already."""
        self.told = None
        if not self.leaving and not self.in_flight:
            self.withdrawn = True
            if self.waiting is not None:
                self.waiting.cancel()

    async def decided(self) -> None:
        """Wait until it has left or will not. Cancel: not at all."""
        if self.leaving:
            self.left = anyio.Event()
            with anyio.CancelScope(shield=True):
                await self.left.wait()


class Purchases:
    """The pictures under way in one engine, each in a place of its backend's throttle."""

    def __init__(self, tasks: TaskGroup, storage: Storage, inspector: Inspector, *, clock: Clock) -> None:
        self._tasks = tasks
        self._storage = storage
        self._inspector = inspector
        self._clock = clock
        self._orders: dict[tuple[str, str], Order] = {}
        self._unrecorded: dict[tuple[str, str], Event] = {}
        """What happened to pictures and could not be recorded; offered again when somebody asks."""
        self._closing = False
        self._idle = anyio.Event()
        self._idle.set()

    @property
    def under_way(self) -> tuple[str, ...]:
        """The pictures being drawn now, as run and call."""
        return tuple(f"{run}:{key}" for (run, key), order in self._orders.items() if order.in_flight)

    def settle(
        self,
        run: Run,
        call: Call,
        tool: ImageTool,
        reservations: Reservations,
        told: Callable[[Order], None] | None = None,
    ) -> Order:
        """See `call` to its outcome; places the order with `tool` unless it is placed already.

        Pictures are ordered in the order in which this is called. `told` hears of the end; without
        it nobody waits.
        Raises: CallerError (`engine_closed`).
        """
        order = self._orders.get((run.id, call.key))
        if order is not None:
            order.told = told or order.told
            return order
        if self._closing:
            raise closed()
        order = Order(run, call.key, tool, reservations, told, tool.backend.throttle.line_up())
        # Known before it waits for its turn, so that nobody places it a second time.
        self._orders[run.id, call.key] = order
        if self._idle.is_set():
            self._idle = anyio.Event()
        self._tasks.start_soon(self._see, order)
        return order

    async def drain(self, seconds: float) -> tuple[str, ...]:
        """Order nothing more and wait for what is ordered, `seconds` at most; the rest is returned."""
        self._closing = True
        with anyio.move_on_after(seconds):
            await self._idle.wait()
        return self.under_way

    async def _see(self, order: Order) -> None:
        try:
            if await self._entered(order) and await self._submit(order):
                await self._fill(order)
        except Exception as error:
            order.error = error if isinstance(error, LimnerError) else _unrecorded(order.key, error)
        except anyio.get_cancelled_exc_class():
            # The engine is being left.
            order.error = None if order.in_flight else closed()
            raise
        finally:
            order.tool.backend.throttle.leave(order)
            self._forget(order)

    def _forget(self, order: Order) -> None:
        del self._orders[order.run.id, order.key]
        if not self._orders:
            self._idle.set()
        if order.told is not None:
            order.told(order)
        elif order.error is not None:
            log.error("picture.unsettled", run=order.run.id, call=order.key, code=order.error.code)

    async def _entered(self, order: Order) -> bool:
        """Wait for a place at the maker; False where the order was withdrawn meanwhile."""
        throttle = order.tool.backend.throttle
        if order.withdrawn:
            throttle.step_out(order.waiter)
        elif not throttle.slip_in(order, order.waiter):
            with anyio.CancelScope() as order.waiting:
                await throttle.enter(order, order.waiter)
        return not order.withdrawn

    async def _submit(self, order: Order) -> bool:
        """Order the picture, unless that is no longer wanted or not known to be safe."""
        run, key = order.run, order.key
        missed = self._unrecorded.get((run.id, key))
        if missed is not None:
            await run.offer(key, missed)
            del self._unrecorded[run.id, key]
            return False
        # As it is now: the turn may have given it up while it waited for its turn, and what could not
        # be recorded was never reserved.
        call = run.ahead.call(key)
        if call.outcome is not None or call.number is None:
            return False
        order.again = call.submitted_at_s is not None
        if order.again and order.tool.backend.policy == "at_most_once":
            # The process that submitted it is gone, and with it the answer. Never bought again.
            await run.offer(key, ToolReturned(key, code="outcome_unknown"))
            return False
        if self._closing:
            raise closed()
        order.leaving = True
        try:
            order.in_flight = order.again or await self._may_leave(order, call)
        finally:
            order.leaving = False
            if order.left is not None:
                order.left.set()
        return order.in_flight

    async def _may_leave(self, order: Order, call: Call) -> bool:
        """Record that the order leaves now, if there is money for it still."""
        run, reservations = order.run, order.reservations
        code = reservations.renew(run.id, run.ahead, call)
        if code is None and reservations.shared:
            # What other processes see of it nobody may cut short.
            with anyio.CancelScope(shield=True):
                return await self._leave_shared(order, call)
        if code is not None:
            await run.offer(call.key, ToolReturned(call.key, code=code, paid=False))
            return False
        return await self._left(order, call)

    async def _leave_shared(self, order: Order, call: Call) -> bool:
        run = order.run
        code = await order.reservations.order(run.id, call)
        if code is not None:
            await run.offer(call.key, ToolReturned(call.key, code=code, paid=False))
            return False
        left = False
        try:
            left = await self._left(order, call)
        finally:
            if not left:
                await order.reservations.cancel(run.id, call)
        return left

    async def _left(self, order: Order, call: Call) -> bool:
        event = PictureSubmitted(call.key, self._clock.now())
        return await order.run.offer(f"{call.key}/submitted", event)

    async def _fill(self, order: Order) -> None:
        """Draw, keep and record one picture; whatever happens, it takes nothing else with it."""
        run, call = order.run, order.run.state.call(order.key)
        event: Event | None = None
        if self._inspector.lacks_worker(order.tool.output_format):
            # While the picture is drawn.
            self._tasks.start_soon(self._inspector.warm)
        try:
            event = await self._draw(order, call)
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

    async def _give_up(self, order: Order, call: Call) -> None:
        """The engine is being left. What can be asked again later stays open in the journal."""
        run = order.run
        if order.tool.backend.policy == "at_most_once":
            try:
                await run.offer(call.key, ToolReturned(call.key, code="outcome_unknown"))
            except Exception as error:
                log.error("picture.unrecorded", run=run.id, call=call.key, error=type(error).__name__)

    async def _draw(self, order: Order, call: Call) -> PictureDrawn | ToolReturned:
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
        return await self._keep(run, call, drawing, seconds)

    async def _keep(
        self, run: Run, call: Call, drawing: Drawing, seconds: float
    ) -> PictureDrawn | ToolReturned:
        try:
            # Shielded: it is here and paid for, so leaving the engine waits for the store.
            with anyio.fail_after(KEEP_S, shield=True):
                picture = await keep(
                    self._storage, self._inspector, run.state.owner, drawing.data, alt=call.alt
                )
        except Exception as error:
            code = error.code if isinstance(error, PictureError) else "image_store_full"
            # It was paid for, so it is not thrown away, wherever there is room.
            with anyio.CancelScope(shield=True):
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

    async def _request(self, order: Order, call: Call) -> ImageRequest:
        arguments: dict[str, Any] = {"prompt": call.prompt, "aspect_ratio": call.aspect_ratio}
        references = await reference_bytes(order.run.state, call, self._storage) if call.like else ()
        request = order.tool.request(arguments, references)
        if (
            not request.partial_images
            or order.run.partials.watched
            or order.tool.backend.policy != "at_most_once"
        ):
            return request
        # Nobody would see them, and they cost. Where a key is sent again, the order has to be the same again.
        return replace(request, partial_images=0)

    def _purchase(self, run: Run, call: Call) -> Purchase:
        async def record_job(job_id: str) -> None:
            event = PictureSubmitted(call.key, self._clock.now(), job_id)
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
