"""A conversation: ask, and get an illustrated reply."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Awaitable, Callable, Iterable, Iterator, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import replace
from typing import Any

import anyio
from anyio import to_thread

from limner.core.actions import HandBack
from limner.core.events import AnswerAsked, RedrawAsked, TurnResumed, UserSpoke
from limner.core.history import as_of
from limner.core.machine import pending
from limner.core.messages import Delta, Message
from limner.core.pictures import Picture
from limner.core.repair import clean
from limner.core.state import Phase, State
from limner.core.transcript import messages, turn_texts
from limner.errors import CallerError, ModelError, PictureError, StoreError
from limner.reply.assembly import call_lines, known_pictures, parts, tell_turn
from limner.reply.parts import ImagePart
from limner.reply.pieces import Piece
from limner.reply.references import links_in, restore
from limner.reply.reply import Reply
from limner.spending.receipts import images_tally, receipt
from limner.storage.keeping import keep
from limner.tools.tool import picture_bytes

from .drive import Batch, Tap, drive
from .progress import Narrator, ReplyFinished, StreamEvent
from .run import Run
from .stream import Handover, ReplyStream
from .workshop import Workshop

__all__ = ["LONG_TEXT", "Conversation"]

LONG_TEXT = 16 * 1024
"""Characters beyond which a turn's text is placed off the event loop."""
_SLICE = 4 * 1024

Begin = Callable[[], Awaitable[None]]


class Conversation:
    """One transcript, turn after turn. One turn at a time; `Engine.conversation` makes it."""

    def __init__(self, workshop: Workshop, run: Run) -> None:
        self._workshop = workshop
        self._run = run
        self._busy = False
        self._spent = images_tally()
        self._told = run.state
        """What the last reply was made of."""

    @property
    def id(self) -> str:
        """The run's id in the recorder."""
        return self._run.id

    @property
    def state(self) -> State:
        """All that the conversation is, as plain data."""
        return self._run.state

    @property
    def messages(self) -> tuple[Message, ...]:
        """What the model would read now: the transcript with the truth of this moment."""
        return messages(self._run.state)

    @property
    def reply(self) -> Reply:
        """The current turn as it stands, finished or not: what was said, and the pictures that are there."""
        return self._reply(self._run.state)

    def let_go(self) -> None:
        """Give the run back, so that `Engine.resume` can go on with it; this conversation ends.

        Raises: CallerError (`conversation_busy`), while it is answering.
        """
        if self._busy:
            raise self._is_busy()
        self._run.let_go()

    async def ask(self, text: str, *, pictures: Iterable[bytes] = ()) -> Reply:
        """Say something and get the illustrated reply.

        `pictures`: PNG, JPEG or WebP bytes that come with the text; the model reads their references.

        Raises:
            ModelError: the model could not answer; `.reply` holds what exists all the same.
            JournalError: facts cannot be recorded; nothing more was bought.
            StoreError: pictures that came with the text cannot be kept; nothing was sent.
            CallerError: the conversation is busy, the engine is closed, the text is empty.

        Cancel: stops buying, not receiving; the conversation can be resumed, or asked again.

        """
        return await self._whole(lambda: self._speak(text, pictures))

    async def answer(self) -> Reply:
        """Answer what the history ends with; nothing new is said.

        Raises: as `ask`; CallerError (`nothing_to_answer`) where there is no message at all.
        """
        return await self._whole(self._answer_asked)

    async def resume(self, results: Mapping[str, Any] | None = None) -> Reply:
        """Finish the turn that was interrupted, that failed, or that waits for its caller.

        `results`: for each call in `Reply.waiting` its id and what `Tool.run` would return.
        Raises: as `ask`; CallerError (`results_missing`, `results_unknown`, `nothing_to_resume`).
        """
        return await self._whole(lambda: self._hand_in(results or {}))

    async def redraw(self, picture: int | ImagePart, remark: str = "", *, alt: str | None = None) -> Reply:
        """Draw one picture again, with a remark; the text stays untouched, and so does the picture's reference.

        `picture`: the number of its reference, or its part of a reply; one that failed can be asked
        for again like one that was drawn. `remark`: what should be different, like "at night".
        `alt`: what the new picture shows, where the old words do not hold any more.

        Returns the reply that the picture belongs to. Where the new picture fails the old one stays, and
        the last of `Reply.calls` says why. The receipt is that of the new picture alone.

        Raises: CallerError (`redraw_unknown`, `redraw_unfinished`, `conversation_busy`), JournalError.
        Cancel: as `ask`; `resume` finishes what was begun.
        """
        number = picture.number if isinstance(picture, ImagePart) else picture
        await self._whole(lambda: self._ask_again(number, remark, alt))
        state = self._run.state
        call = next(call for call in reversed(state.calls) if call.redraws == number)
        return self._reply(as_of(state, call.turn))

    def stream(
        self,
        text: str | None = None,
        *,
        pictures: Iterable[bytes] = (),
        results: Mapping[str, Any] | None = None,
    ) -> AbstractAsyncContextManager[ReplyStream]:
        """The same as `ask`, or without `text` as `resume`, event by event.

        `async with conversation.stream(…) as stream: async for event in stream: …`
        Leaving the block early closes the provider's stream; pictures that were ordered are
        still received, and the conversation can go on.
        """
        if text is None:
            return self._streamed(lambda: self._hand_in(results or {}))
        return self._streamed(lambda: self._speak(text, pictures))

    def stream_answer(self) -> AbstractAsyncContextManager[ReplyStream]:
        """The same as `answer`, event by event, as `stream`."""
        return self._streamed(self._answer_asked)

    async def _whole(self, begin: Begin) -> Reply:
        async def ignore(_: object) -> None:
            return None

        async def quiet() -> Tap:
            return ignore

        return await self._turn(begin, quiet, watched=False)

    @asynccontextmanager
    async def _streamed(self, begin: Begin) -> AsyncGenerator[ReplyStream, None]:
        # A context manager, because a task group must not straddle a `yield` that a caller can abandon.
        handover = Handover()
        narrator: Narrator | None = None
        failure: BaseException | None = None

        async def tell(events: tuple[StreamEvent, ...]) -> None:
            if events:
                await handover.put(events)

        async def listen() -> Tap:
            nonlocal narrator
            narrator = Narrator(self._run.state, self._workshop.link)
            await tell(tuple(narrator.so_far()))
            hear = narrator.hear

            async def tap(batch: Batch) -> None:
                for part in _slices(batch):
                    await tell(hear(part))

            return tap

        async def pump() -> None:
            nonlocal failure
            reply: object | None = None
            try:
                try:
                    reply = await self._turn(begin, listen)
                except ModelError as error:
                    failure, reply = error, error.reply
                except Exception as error:
                    # Raised at the end of the block, as itself and not as a group of one.
                    failure = error
                if narrator is not None and isinstance(reply, Reply):
                    await tell((*narrator.end(self._told), ReplyFinished(reply)))
            finally:
                handover.end()

        async with anyio.create_task_group() as tasks:
            tasks.start_soon(pump)
            try:
                yield ReplyStream(handover)
            except (Exception, KeyboardInterrupt, SystemExit) as error:
                failure = error
            tasks.cancel_scope.cancel()
        if failure is not None:
            raise failure

    async def _turn(
        self, begin: Begin, listen: Callable[[], Awaitable[Tap]], *, watched: bool = True
    ) -> Reply:
        if self._busy:
            raise self._is_busy()
        self._busy = True
        try:
            self._workshop.check_open()
            await begin()
            await drive(
                self._run,
                model=self._workshop.model,
                specs=self._workshop.toolbox.specs,
                calls=self._workshop.calls,
                tap=await listen(),
                clock=self._workshop.clock,
                alarms=self._workshop.alarms,
                watched=watched,
            )
        finally:
            self._busy = False
        state = self._run.state
        pieces = None
        if sum(len(text) for _, text in turn_texts(state)) > LONG_TEXT:
            # Placing takes up to 50 µs a character where every one of them is hostile.
            pieces = await to_thread.run_sync(tell_turn, state)
        self._told = state
        reply = self._reply(state, pieces)
        if state.phase is Phase.FAILED:
            raise self._model_error(reply)
        return reply

    def _is_busy(self) -> CallerError:
        return CallerError(
            f"conversation {self.id} is already answering; wait for its reply or open another one",
            code="conversation_busy",
        )

    async def _speak(self, text: str, pictures: Iterable[bytes]) -> None:
        if not text.strip():
            raise CallerError("the message is empty; say what you would like", code="message_empty")
        state = self._run.state
        kept = tuple([await self._kept(data) for data in pictures])
        said = text
        if links_in(text):
            numbers = {each.id: number for number, each in known_pictures(state).items()}
            # Beside the event loop: there may be thousands, and a store may have to look for each.
            said = await to_thread.run_sync(self._restored, text, numbers) if numbers else text
        self._run.take_facts()
        event = UserSpoke(clean(said), self._workshop.clock.now(), kept)
        await self._run.record(f"t{state.turn + 1}/user", event)
        self._run.take_facts()

    async def _answer_asked(self) -> None:
        state = self._run.state
        if not state.entries:
            raise CallerError("there is no message to answer; give a history", code="nothing_to_answer")
        self._run.take_facts()
        await self._run.record(f"t{state.turn + 1}/asked", AnswerAsked(self._workshop.clock.now()))
        self._run.take_facts()

    def _restored(self, text: str, numbers: dict[str, int]) -> str:
        """`text` with each link of ours as what the model knows it by: `numbers` by the store's ids."""
        ids = {link: self._workshop.storage.linked(link) for link in links_in(text)}
        return restore(text, {link: numbers[found] for link, found in ids.items() if found in numbers})

    async def _ask_again(self, number: int, remark: str, alt: str | None) -> None:
        state = self._run.state
        if state.phase is not Phase.DONE:
            raise CallerError(
                "the turn is not finished; finish it with `resume`, then draw a picture again",
                code="redraw_unfinished",
            )
        numbered = [call for call in state.calls if call.number == number and call.kind == "image"]
        if not numbered or numbered[0].outcome is None:
            raise CallerError(
                f"there is no picture {number!r} of this conversation to draw again; "
                "give the number of a picture that the image tool was asked for",
                code="redraw_unknown",
            )
        # What was changed before stays changed: the last one that came is drawn on.
        latest = next((call for call in reversed(numbered) if call.drawn), numbered[-1])
        said = clean(remark).strip()
        again = sum(call.redraws is not None for call in state.calls) + 1
        tool = self._workshop.toolbox.image
        takes = tool is not None and tool.most_like > 0
        event = RedrawAsked(
            key=f"t{latest.turn}/redraw{again}/{latest.name}",
            number=number,
            name=latest.name,
            prompt=f"{latest.prompt}\n\nChange: {said}" if said else latest.prompt,
            alt=clean(alt) if alt is not None else latest.alt,
            aspect_ratio=latest.aspect_ratio,
            like=(number,) if takes and latest.drawn else (),
        )
        self._run.take_facts()
        await self._run.record(f"{event.key}/asked", event)
        self._run.take_facts()

    async def _kept(self, data: bytes) -> Picture:
        content, owner = picture_bytes(data), self._run.state.owner
        try:
            return await keep(self._workshop.storage, self._workshop.inspector, owner, content)
        except PictureError as error:
            if isinstance(error.__cause__, StoreError):
                raise error.__cause__ from None
            accepted = ", ".join(name.upper() for name in self._workshop.inspector.formats)
            raise CallerError(
                f"a picture that came with the message cannot be used ({error.code}); send one of {accepted}",
                code=error.code,
            ) from error

    async def _hand_in(self, results: Mapping[str, Any]) -> None:
        if self._run.state.turn == 0:
            raise CallerError("nobody has said anything yet; begin with `ask`", code="nothing_to_resume")
        if self._run.state.phase is Phase.FAILED and not results:
            self._run.take_facts()
            key = f"t{self._run.state.turn}/resumed{self._run.state.resumptions}"
            await self._run.record(key, TurnResumed())
            self._run.take_facts()
        waiting = {call.id: call for call in self._waiting()}
        unknown = sorted(set(results) - set(waiting))
        if unknown:
            raise CallerError(
                f"no call {unknown[0]!r} waits for a result; waiting: {', '.join(waiting) or 'none'}",
                code="results_unknown",
            )
        missing = sorted(set(waiting) - set(results))
        if missing and (results or not self._has_work()):
            raise CallerError(
                f"call {missing[0]!r} has no result; hand in all at once", code="results_missing"
            )
        # All are looked at before the first is recorded: one that cannot be used leaves all to be handed in.
        returned = [
            await self._workshop.calls.returned(self._run, waiting[call_id], result)
            for call_id, result in results.items()
        ]
        for event in returned:
            await self._run.record(event.key, event)

    def _has_work(self) -> bool:
        return any(not isinstance(action, HandBack) for action in pending(self._run.state))

    def _waiting(self) -> tuple[Any, ...]:
        for action in pending(self._run.state):
            if isinstance(action, HandBack):
                return action.calls
        return ()

    def _reply(self, state: State, pieces: tuple[Piece, ...] | None = None) -> Reply:
        model = self._workshop.model
        return Reply(
            parts=parts(state, tell_turn(state) if pieces is None else pieces, self._workshop.link),
            calls=call_lines(state),
            # Of now, also where the reply is of an earlier turn.
            receipt=receipt(self._run.state, chat_model=model.name, offline=model.offline, spent=self._spent),
            offline=model.offline,
            run=self.id,
            incomplete=state.incomplete or (None if state.at_rest or self._waiting() else "interrupted"),
            waiting=tuple(call.tool_call for call in self._waiting()),
            read=self._workshop.storage.open,
        )

    def _model_error(self, reply: Reply) -> ModelError:
        error = self._run.model_error or ModelError(
            f"the model could not answer ({self._run.state.failure}); ask again",
            code=self._run.state.failure or "upstream_failed",
        )
        error.reply = reply
        return error


def _slices(batch: Batch) -> Iterator[Batch]:
    """The same batch, long deltas in slices: the event loop gets its turn in between."""
    if not any(isinstance(each, Delta) and len(each.text) > _SLICE for each in batch):
        yield batch
        return
    for each in batch:
        if isinstance(each, Delta):
            for at in range(0, max(1, len(each.text)), _SLICE):
                yield (replace(each, text=each.text[at : at + _SLICE]),)
