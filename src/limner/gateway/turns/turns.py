"""Turns on their way to a client, and those whose words have arrived while their pictures are still drawn."""

from __future__ import annotations

import json
from collections.abc import AsyncGenerator, Callable, Mapping
from contextlib import AbstractAsyncContextManager, aclosing
from dataclasses import dataclass
from typing import Any

import anyio
from anyio import to_thread
from anyio.abc import TaskGroup

from limner.core.messages import ToolCall
from limner.core.money import dollars, taken
from limner.core.state import Phase, State
from limner.core.transcript import turn_texts
from limner.engine.conversation import LONG_TEXT, Conversation
from limner.engine.progress import Narrator, ReplyFinished, StreamEvent
from limner.engine.stream import ReplyStream
from limner.errors import LimnerError
from limner.logs import log
from limner.reply.assembly import call_lines
from limner.spending.receipts import receipt
from limner.wire.chat.said import usage

from ..books.bookkeeping import Bookkeeping
from ..exchange import Inbound
from ..faults import refusal_of
from ..ledger import Ledger
from ..refusal import Refusal
from .callids import public_id
from .figures import less
from .mixed import waiting_calls
from .telling import Teller
from .voice import Chunk

__all__ = ["Late", "Turn", "Turns"]

Begin = Callable[[], AbstractAsyncContextManager[ReplyStream]]
Late = Callable[[str, Mapping[str, Any]], None]
"""Told of a tenant's pictures that came after their answer: the keys of `Inbound.record`."""


@dataclass(frozen=True, slots=True)
class Turn:
    """One turn, ready to be told."""

    inbound: Inbound
    conversation: Conversation
    teller: Teller
    model: str
    """The chat model's name at its provider, for the receipt."""
    offline: bool
    """Whether the chat model is none."""
    begin: Begin | None
    """Opens the stream of events; None where the turn has ended, and is told again from its journal."""
    told_usage: Mapping[str, Any]
    """What an earlier answer of the same turn has told of its cost."""

    @property
    def state(self) -> State:
        """As it is now."""
        return self.conversation.state

    def receipt(self) -> dict[str, Any]:
        """What the turn has cost so far."""
        return receipt(self.state, chat_model=self.model, offline=self.offline)

    def usage(self) -> dict[str, Any]:
        """The same in the client's words, with what earlier answers have told."""
        return usage(self.receipt(), call_lines(self.state))

    def new_usage(self) -> dict[str, Any]:
        """The same without what earlier answers have told."""
        return less(self.usage(), self.told_usage)

    def waiting(self) -> tuple[ToolCall, ...]:
        """The calls that the client executes, under the ids that it knows."""
        calls = waiting_calls(self.state)
        return tuple(
            ToolCall(public_id(self.conversation.id, each.id), each.name, each.tool_call.arguments)
            for each in calls
        )


class Turns:
    """Tells turns; an async context manager that owns what outlives its request."""

    def __init__(
        self,
        books: Bookkeeping,
        ledger: Ledger,
        *,
        drain_s: float = 30.0,
        late: Late = lambda _tenant, _record: None,
    ) -> None:
        """`drain_s`: how long leaving waits for pictures that were promised. `late` must not wait."""
        self._late = late
        self._books = books
        self._ledger = ledger
        self._drain_s = drain_s
        self._under_way = 0
        self._idle: anyio.Event | None = None
        self._tasks: TaskGroup | None = None

    @property
    def under_way(self) -> int:
        """Turns whose words have been told, and whose pictures have not all come."""
        return self._under_way

    async def __aenter__(self) -> Turns:
        self._tasks = await anyio.create_task_group().__aenter__()
        return self

    async def __aexit__(self, *exception: object) -> None:
        tasks, self._tasks = self._tasks, None
        if tasks is None:
            return
        with anyio.move_on_after(self._drain_s):
            while self._under_way:
                self._idle = anyio.Event()
                await self._idle.wait()
        tasks.cancel_scope.cancel()
        await tasks.__aexit__(None, None, None)

    async def tell(self, turn: Turn) -> AsyncGenerator[Chunk, None]:
        """The chunks of the answer.

        To be iterated and closed in one task. Closing it early stops buying, not receiving.
        Raises: Refusal, LimnerError.
        """
        told = False
        try:
            async with aclosing(
                _again(turn) if turn.begin is None else self._live(turn, turn.begin)
            ) as chunks:
                async for chunk in chunks:
                    yield chunk
            last = await self._ended(turn)
            # Whoever leaves now leaves a turn that is somebody else's already.
            told = True
            for chunk in last:
                yield chunk
        except LimnerError as error:
            raise _refused(error, turn) from error
        finally:
            if not told:
                self._note(turn)
            if not told or not turn.teller.words_over:
                _let_go(turn.conversation)
                with anyio.CancelScope(shield=True):
                    await self._books.give_up(turn.conversation.id, turn.state.turn_calls)

    async def _live(self, turn: Turn, begin: Begin) -> AsyncGenerator[Chunk, None]:
        """The words and pictures of a turn as they come, to the end of the words."""
        async with begin() as stream:
            try:
                async for event in stream:
                    for chunk in await self._heard(turn, event):
                        yield chunk
                    if turn.teller.words_over:
                        for chunk in await self._rest(turn):
                            yield chunk
                        return
            except GeneratorExit:
                # Nobody listens any more. The stream's own tasks would make a group of errors of it.
                return

    async def _heard(self, turn: Turn, event: StreamEvent) -> list[Chunk]:
        if isinstance(event, ReplyFinished):
            # What the stream raises at its end says why.
            failed = turn.state.phase is Phase.FAILED
            return await turn.teller.break_off(turn.receipt()) if failed else []
        return await turn.teller.hear(event)

    async def _rest(self, turn: Turn) -> list[Chunk]:
        """The end of the words, while pictures are still drawn."""
        long = sum(len(text) for _, text in turn_texts(turn.state)) > LONG_TEXT
        teller = turn.teller
        pieces = await to_thread.run_sync(teller.as_promised) if long else teller.as_promised()
        return await teller.rest(pieces)

    async def _ended(self, turn: Turn) -> list[Chunk]:
        """What comes after the words; from here on the turn is nobody's, its client's or the background's."""
        state, waiting = turn.state, turn.waiting()
        if waiting:
            said = json.dumps(turn.usage())
            names = [call.id for call in waiting]
            # Before the client sees them: whoever comes back must be known.
            await self._ledger.hand_out(names, turn.inbound.tenant.name, turn.conversation.id, said)
        chunks = await turn.teller.end(turn.receipt(), waiting, state.incomplete, turn.new_usage())
        # Before the background has it: what comes from now on is noted as late.
        self._note(turn, so_far=turn.teller.words_over)
        if turn.teller.words_over and self._tasks is not None:
            self._under_way += 1
            self._tasks.start_soon(self._finish, turn)
        else:
            _let_go(turn.conversation)
        return chunks

    async def _finish(self, turn: Turn) -> None:
        """See the pictures of a turn to their end; who has its words looks at their links."""
        conversation = turn.conversation
        try:
            await conversation.resume()
        except Exception as error:  # Strategy: nobody is there to be told; what was ordered is received
            log.error("turn.unfinished", turn=conversation.id, error=type(error).__name__)
        finally:
            with anyio.CancelScope(shield=True):
                await self._books.give_up(conversation.id, conversation.state.calls)
            self._note_late(turn)
            self._under_way -= 1
            if self._idle is not None:
                self._idle.set()

    def _note(self, turn: Turn, *, so_far: bool = False) -> None:
        """For the log and the figures. `so_far`: the money of pictures under way is noted when they have come."""
        figures = _figures(turn)
        if so_far and figures["cost_usd"] is not None:
            open_usd = dollars(sum(taken(call) for call in turn.state.turn_calls if call.outcome is None))
            figures["cost_usd"] = max(0.0, round(figures["cost_usd"] - open_usd, 9))
        turn.inbound.record.update(figures)

    def _note_late(self, turn: Turn) -> None:
        """What has come since the request was noted: it has a line of its own, and is counted."""
        noted, now = turn.inbound.record, _figures(turn)
        before = noted.get("failures", {})
        record = {
            "turn": turn.conversation.id,
            "pictures": now["pictures"] - noted.get("pictures", 0),
            "failures": {
                code: count - before.get(code, 0)
                for code, count in now["failures"].items()
                if count > before.get(code, 0)
            },
            "cost_usd": max(0.0, round((now["cost_usd"] or 0.0) - (noted.get("cost_usd") or 0.0), 9)),
        }
        tenant = turn.inbound.tenant.name
        log.info(
            "turn.finished",
            turn=record["turn"],
            tenant=tenant,
            pictures=record["pictures"],
            cost_usd=record["cost_usd"],
        )
        self._late(tenant, record)


def _figures(turn: Turn) -> dict[str, Any]:
    """What is known now of the pictures and the money of one answer."""
    asked = (call for call in turn.state.turn_calls if call.kind == "image")
    calls = [call for call in asked if call.round > turn.teller.rounds_before]
    codes = [call.outcome.code for call in calls if call.outcome is not None and call.outcome.code]
    cost_usd = turn.new_usage().get("cost")
    if cost_usd is None:
        # Of words without a price nobody knows the money; that of pictures was spent all the same.
        cost_usd = dollars(sum(taken(call) for call in calls if call.submitted_at_s is not None)) or None
    return {
        "pictures": sum(call.drawn for call in calls),
        "failures": {code: codes.count(code) for code in dict.fromkeys(codes)},
        "cost_usd": cost_usd,
    }


def _let_go(conversation: Conversation) -> None:
    """Give the run back, so that whoever comes next can go on with it, unless pictures of it are still to come."""
    calls = conversation.state.calls
    if not any(call.submitted_at_s is not None and call.outcome is None for call in calls):
        conversation.let_go()


async def _again(turn: Turn) -> AsyncGenerator[Chunk, None]:
    """The words and places of a turn that has ended, from its journal."""
    state = turn.state
    # Where pictures are found is the teller's to say.
    narrator = Narrator(state, lambda _: "")
    for event in (*narrator.so_far(), *narrator.end(state)):
        for chunk in await turn.teller.hear(event):
            yield chunk


def _refused(error: LimnerError, turn: Turn) -> Refusal:
    """With what is known of money: nobody should send again by himself what has bought something (S29)."""
    refusal, state = refusal_of(error), turn.state
    ordered = any(call.submitted_at_s is not None for call in state.turn_calls)
    refusal.bought = refusal.bought or ordered or state.round > 0 or bool(state.interrupted)
    turn.inbound.record["turn"] = turn.conversation.id
    return refusal
