"""The runs of requests for pictures: begun, and gone on with where they were cut off."""

from __future__ import annotations

import uuid
from collections import OrderedDict
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace

from limner.core.limits import Limits
from limner.engine.conversation import Conversation
from limner.engine.engine import Engine
from limner.errors import JournalError

from ..exchange import Inbound
from ..given.masks import read_mask
from ..given.references import References
from .orders import Order

__all__ = ["Runs"]

_ROUNDS = 2
_MOST_LEFT = 256


class Runs:
    """Each request is a run of its own, whose facts are recorded like those of any other."""

    def __init__(self, engine: Engine, references: References, limits: Limits) -> None:
        self._engine = engine
        self._references = references
        self._limits = limits
        self._left: OrderedDict[str, Conversation] = OrderedDict()
        """Of requests that were cancelled, by their runs."""

    async def opened(self, inbound: Inbound, order: Order) -> Conversation:
        """The run that was cut off, where the request goes on with one, else a new one; nothing is ordered yet.

        Raises: Refusal, LimnerError.
        """
        conversation = None
        if inbound.resume_run is not None:
            conversation = await self._found(inbound.resume_run, inbound, order)
        if conversation is None:
            conversation = await self._begun(inbound, order)
        inbound.record["turn"] = conversation.id
        return conversation

    @contextmanager
    def held(self, conversation: Conversation) -> Iterator[None]:
        """Give the run back at the end. What is cut off is kept: whoever asks again waits for its orders."""
        try:
            yield
        except BaseException:
            self._left[conversation.id] = conversation
            while len(self._left) > _MOST_LEFT:
                self._left.popitem(last=False)
            raise
        conversation.let_go()

    async def _begun(self, inbound: Inbound, order: Order) -> Conversation:
        ask, tenant = order.ask, inbound.tenant.name
        given = [(ask.reference_at(index), each) for index, each in enumerate(ask.references)]
        known = await self._references.kept(tenant, given)
        if ask.mask is not None:
            mask = await read_mask(self._references, self._engine.storage, tenant, ask.mask, known[1])
            order = order.masked(mask)
        run = uuid.uuid4().hex
        conversation = self._engine.conversation(
            run,
            owner=tenant,
            pictures=known,
            model=order.dictation,
            images=order.tool,
            tools=(),
            limits=replace(self._limits, rounds=_ROUNDS, calls=ask.n, images=ask.n),
            budget=inbound.tenant.budget,
            promise_after_s=False,
        )
        # First of all, so that whoever repeats the request goes on with this run.
        await inbound.begun(run)
        return conversation

    async def _found(self, run: str, inbound: Inbound, order: Order) -> Conversation | None:
        """The run as this process or another left it; None where nobody knows it any more."""
        left = self._left.pop(run, None)
        if left is not None:
            return left
        mask = order.ask.mask
        if mask is not None:
            tenant = inbound.tenant.name
            order = order.masked(
                await read_mask(self._references, self._engine.storage, tenant, mask, over=None)
            )
        try:
            return await self._engine.resume(
                run,
                model=order.dictation,
                images=order.tool,
                tools=(),
                budget=inbound.tenant.budget,
            )
        except JournalError as error:
            if error.code != "run_unknown":
                raise
            return None
