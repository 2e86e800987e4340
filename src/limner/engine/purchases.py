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
from limner.core.events import PictureDrawn, PictureSubmitted, ToolReturned
from limner.errors import JournalError, PictureError
from limner.images.protocol import Drawing, ImageRequest, Purchase
from limner.logs import log
from limner.storage.keeping import keep, rescue
from limner.storage.protocol import Storage
from limner.tools.image import ImageTool

from .run import Run

__all__ = ["Purchases"]


@dataclass(slots=True, eq=False)
class _Order:
    run: Run
    key: str
    settled: anyio.Event = field(default_factory=anyio.Event)
    error: JournalError | None = None


class Purchases:
    """The pictures under way in one engine, at most `backend.concurrency` at once."""

    def __init__(self, tasks: TaskGroup, tool: ImageTool, storage: Storage, clock: Clock) -> None:
        self._tasks = tasks
        self._tool = tool
        self._storage = storage
        self._clock = clock
        self._limiter = anyio.CapacityLimiter(tool.backend.concurrency)
        self._orders: dict[tuple[str, str], _Order] = {}
        self._idle = anyio.Event()
        self._idle.set()

    @property
    def under_way(self) -> tuple[str, ...]:
        """The pictures being drawn now, as run and call."""
        return tuple(f"{run}:{key}" for run, key in self._orders)

    async def settle(self, run: Run, call: Call) -> None:
        """See `call` to its outcome; places the order unless it is placed already.

        Raises: JournalError.
        Cancel: safe; before the submission nothing is bought, after it the picture is received
        without anybody waiting.
        """
        order = self._orders.get((run.id, call.key)) or await self._place(run, call)
        if order is None:
            return
        await order.settled.wait()
        if order.error is not None:
            raise order.error

    def adopt(self, run: Run, call: Call) -> None:
        """See a call to its outcome without waiting; for those that nobody waits for."""
        if (run.id, call.key) not in self._orders:
            self._tasks.start_soon(self._adopt, run, call)

    async def drain(self, seconds: float) -> tuple[str, ...]:
        """Wait for all orders, `seconds` at most; the rest is given up and returned."""
        with anyio.move_on_after(seconds):
            await self._idle.wait()
        return self.under_way

    async def _adopt(self, run: Run, call: Call) -> None:
        try:
            await self.settle(run, call)
        except JournalError as error:
            log.error("picture.unrecorded", run=run.id, call=call.key, code=error.code)

    async def _place(self, run: Run, call: Call) -> _Order | None:
        resumed = call.submitted_at_s is not None
        if resumed and self._tool.backend.policy == "at_most_once":
            # The process that submitted it is gone, and with it the answer. Never bought again.
            await run.offer(call.key, ToolReturned(call.key, code="outcome_unknown"))
            return None
        order = _Order(run, call.key)
        await self._limiter.acquire_on_behalf_of(order)
        placed = False
        try:
            # From the recorded submission to the order in flight nobody may be cancelled.
            with anyio.CancelScope(shield=True):
                submitted = PictureSubmitted(call.key, self._clock.now())
                if resumed or await run.offer(f"{call.key}/submitted", submitted):
                    self._start(order, run.state.call(call.key))
                    placed = True
        finally:
            if not placed:
                self._limiter.release_on_behalf_of(order)
        return order if placed else None

    def _start(self, order: _Order, call: Call) -> None:
        if not self._orders:
            self._idle = anyio.Event()
        self._orders[order.run.id, order.key] = order
        self._tasks.start_soon(self._fill, order, call)

    async def _fill(self, order: _Order, call: Call) -> None:
        run = order.run
        try:
            event = await self._draw(run, call)
            with anyio.CancelScope(shield=True):
                await run.record(call.key, event)
        except JournalError as error:
            order.error = error
        except anyio.get_cancelled_exc_class():
            with anyio.CancelScope(shield=True):
                await self._give_up(run, call)
            raise
        finally:
            self._limiter.release_on_behalf_of(order)
            self._orders.pop((run.id, order.key), None)
            if not self._orders:
                self._idle.set()
            order.settled.set()

    async def _give_up(self, run: Run, call: Call) -> None:
        """The engine is being left. What can be asked again later stays open in the journal."""
        if self._tool.backend.policy == "at_most_once":
            try:
                await run.offer(call.key, ToolReturned(call.key, code="outcome_unknown"))
            except JournalError as error:
                log.error("picture.unrecorded", run=run.id, call=call.key, code=error.code)

    async def _draw(self, run: Run, call: Call) -> PictureDrawn | ToolReturned:
        """Draw one picture; every way in which that can fail is an event."""
        backend = self._tool.backend
        started = self._clock.monotonic()
        drawing: Drawing | None = None
        try:
            with anyio.fail_after(backend.timeout_s):
                drawing = await backend.draw(self._request(call), self._purchase(run, call))
            picture = await keep(self._storage, run.state.owner, drawing.data, alt=call.alt)
        except TimeoutError:
            return self._failed(call, "image_timeout", None)
        except PictureError as error:
            paid = {"no": False, "yes": True, "unknown": None}[error.billed]
            if drawing is None:
                return self._failed(call, error.code, paid)
            rescued = ""
            if error.code == "image_store_full":
                # It was paid for, so it is not thrown away, wherever there is room.
                rescued = await rescue(drawing.data, purchase_key(run.id, call.key))
            return replace(self._failed(call, error.code, True), rescued=rescued)
        except Exception as error:
            # Strategy: a maker may raise anything; it becomes the call's result here and nowhere else.
            log.exception("picture.broke", call=call.key, error=type(error).__name__)
            return self._failed(call, "internal", True if drawing is not None else None)
        picture = replace(
            picture,
            prompt=call.prompt,
            revised_prompt=drawing.revised_prompt,
            model=drawing.model,
            seconds=round(self._clock.monotonic() - started, 3),
            cost_usd=drawing.cost_usd,
        )
        log.info("picture.drawn", call=call.key, elapsed_s=picture.seconds)
        return PictureDrawn(call.key, picture)

    def _failed(self, call: Call, code: str, paid: bool | None) -> ToolReturned:
        log.info("picture.failed", call=call.key, code=code)
        return ToolReturned(call.key, code=code, paid=paid)

    def _request(self, call: Call) -> ImageRequest:
        arguments: dict[str, Any] = {"prompt": call.prompt, "aspect_ratio": call.aspect_ratio}
        return self._tool.request(arguments)

    def _purchase(self, run: Run, call: Call) -> Purchase:
        async def record_job(job_id: str) -> None:
            event = PictureSubmitted(call.key, self._clock.now(), job_id)
            with anyio.CancelScope(shield=True):
                await run.record(f"{call.key}/job", event)

        return Purchase(purchase_key(run.id, call.key), call.job_id, record_job)


def purchase_key(run: str, call: str) -> str:
    """The idempotency key of one picture: the same after a crash, unique among all runs."""
    return hashlib.sha256(f"{run}\n{call}".encode()).hexdigest()[:32]
