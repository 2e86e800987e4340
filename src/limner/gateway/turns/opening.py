"""Which turn a request asks for: a new one, one that waits for its client, or one that was cut off."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from limner.beside import beside
from limner.core.state import Phase
from limner.engine.conversation import Conversation
from limner.engine.engine import Engine
from limner.errors import JournalError
from limner.reply.assembly import known_pictures

from ..books.bookkeeping import Bookkeeping
from ..exchange import Inbound
from ..ledger import Ledger
from ..refusal import Refusal
from . import mixed
from .callids import new_run_id
from .mixed import Return
from .planning import Plan
from .remembering import Memory, Remembered
from .turns import Begin

__all__ = ["Opened", "Opening"]

_SOON_S = 2


@dataclass(frozen=True, slots=True)
class Opened:
    """A conversation whose next turn is to be told."""

    conversation: Conversation
    begin: Begin | None
    """Opens the stream of its events; None where the turn has ended already."""
    rounds_before: int = 0
    told_before: int = 0
    """How much of it other answers have told; see `mixed.told_before`."""
    told_usage: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Opening:
    """Opens turns."""

    engine: Engine
    memory: Memory
    ledger: Ledger
    books: Bookkeeping

    async def open(self, inbound: Inbound, plan: Plan) -> Opened:
        """The turn that `inbound` asks for.

        Raises: Refusal (`results_missing`, `turn_busy`), LimnerError.
        """
        back = await beside(plan.size_bytes, lambda: mixed.read_return(plan.ask.messages))
        found, run = None, inbound.resume_run
        if run is not None and back is not None and run != back.run:
            # It came back to one turn and began another, which may have bought something.
            found = await self._again(inbound, plan, run)
        if found is None and back is not None:
            found = await self._returned(inbound, plan, back)
        if found is None and run is not None:
            found = await self._again(inbound, plan, run)
        if found is not None:
            return found
        remembered = await self.memory.remember(
            inbound.tenant.name,
            plan.ask.messages,
            image_tool=plan.image_tool,
            resembling=plan.resembling,
            size_bytes=plan.size_bytes,
        )
        return self._new(inbound, plan, remembered)

    def _new(self, inbound: Inbound, plan: Plan, remembered: Remembered) -> Opened:
        conversation = self.engine.conversation(
            new_run_id(),
            owner=inbound.tenant.name,
            history=remembered.messages,
            pictures=remembered.pictures,
            model=plan.upstream.model(plan.upstream.name, plan.ask.options),
            images=plan.tool or False,
            tools=plan.tools,
            limits=plan.limits,
            budget=inbound.tenant.budget,
            tool_choice=plan.tool_choice,
            promise_after_s=False if plan.promise_after_s is None else plan.promise_after_s,
            stop_when=plan.stop_when,
        )
        return Opened(conversation, conversation.stream_answer)

    async def _again(self, inbound: Inbound, plan: Plan, run: str) -> Opened | None:
        """A turn that was cut off: gone on with, or told again; None where nobody knows it any more."""
        conversation = await self._resumed(inbound, plan, run)
        if conversation is None:
            return None
        state = conversation.state
        if state.turn == 0:
            return Opened(conversation, conversation.stream_answer)
        ended = state.phase is Phase.DONE or bool(mixed.waiting_calls(state))
        return Opened(conversation, None if ended else partial(conversation.stream, None))

    async def _returned(self, inbound: Inbound, plan: Plan, back: Return) -> Opened | None:
        """The turn whose calls were handed out; None where it is not known here, or not as it was.

        Then the messages are a history like any other: what they say of our tool is in them.
        """
        tenant = inbound.tenant.name
        handed = await self.ledger.handed_out(tenant, tuple(back.handed))
        if handed is None or handed.run != back.run:
            return None
        conversation = await self._resumed(inbound, plan, back.run)
        if conversation is None:
            return None
        try:
            opened = await self._gone_on(inbound, plan, back, conversation, json.loads(handed.told))
        except BaseException:
            # Whoever puts it right comes back.
            conversation.let_go()
            raise
        if opened is None or opened.conversation is not conversation:
            conversation.let_go()
        return opened

    async def _gone_on(
        self,
        inbound: Inbound,
        plan: Plan,
        back: Return,
        conversation: Conversation,
        told_usage: Mapping[str, Any],
    ) -> Opened | None:
        tenant, state = inbound.tenant.name, conversation.state
        links = await self.memory.numbers_in(
            tenant, plan.ask.messages, known_pictures(state), size_bytes=plan.size_bytes
        )
        results: dict[str, str] | None = None
        if mixed.goes_on(state, back):
            results = mixed.results(back.run, mixed.waiting_calls(state), back, links)
            if back.after or not _fits(conversation, plan):
                history = mixed.continued(state, results, back, links, self.memory.ours)
                return self._new(inbound, plan, Remembered(history, known_pictures(state)))
        elif back.after:
            return None
        ended = results is None and (state.phase is Phase.DONE or bool(mixed.waiting_calls(state)))
        return Opened(
            conversation,
            # A turn that has ended since is told again: its words were paid for, and nothing is bought twice.
            begin=None if ended else partial(conversation.stream, None, results=results),
            rounds_before=back.round,
            told_before=mixed.told_before(state, back.round),
            told_usage=told_usage,
        )

    async def _resumed(self, inbound: Inbound, plan: Plan, run: str) -> Conversation | None:
        """Raises: Refusal (`turn_busy`), where another request goes on with it."""
        try:
            return await self.engine.resume(
                run,
                model=plan.upstream.model(plan.upstream.name, plan.ask.options),
                images=plan.tool or False,
                tools=plan.tools,
                budget=inbound.tenant.budget,
            )
        except JournalError as error:
            if error.code == "journal_busy" and self.books.holds(run):
                raise Refusal("turn_busy", retry_after_s=_SOON_S) from error
            # In another process, or forgotten: what the client says of it has to do.
            if error.code in ("journal_busy", "run_unknown"):
                return None
            raise


def _fits(conversation: Conversation, plan: Plan) -> bool:
    """Whether the request declares what the turn began with, or less of it, and lets its tools be used."""
    settings = conversation.state.settings
    # A choice that names a tool means the first round alone; this one means all that follow.
    if plan.tool_choice == "none" and settings.tool_choice != "none":
        return False
    ours = plan.tool is None or plan.tool.name in settings.image_tools
    return ours and {tool.name for tool in plan.tools} <= set(settings.caller_tools)
