"""One turn of a conversation, from its first event to the last file that is written."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import anyio

from limner.engine.conversation import Conversation
from limner.engine.engine import Engine
from limner.engine.progress import ReplyFinished, StreamEvent
from limner.errors import LimnerError, ModelError
from limner.reply.reply import Reply

from .album import Album
from .codes import ExitCode, exit_code
from .console import Console
from .hint import WayOn
from .interruption import Interruption
from .output import Output, write_instead
from .printer import Printer
from .progress import Progress
from .standing import anything_said, missing_notice, under_way
from .summary import missing_pictures, summary

__all__ = ["Turn", "interruptible", "turn"]

WAIT_S = 120.0
"""How long the first Ctrl-C waits for pictures that were ordered: they are paid for, and a slow one
takes a minute and a half. The second one leaves at once."""
_LOOK_S = 0.05


@asynccontextmanager
async def interruptible(console: Console) -> AsyncIterator[Interruption]:
    """Hear Ctrl-C and SIGTERM inside this block."""
    interruption = Interruption(console)
    failure: Exception | None = None
    async with anyio.create_task_group() as tasks:
        await tasks.start(interruption.listen)
        try:
            yield interruption
        except Exception as error:
            # Raised below, as itself and not as a group of one.
            failure = error
        tasks.cancel_scope.cancel()
    if failure is not None:
        raise failure


async def turn(
    engine: Engine,
    conversation: Conversation,
    text: str | None,
    *,
    output: Output,
    console: Console,
    interruption: Interruption,
    way_on: WayOn | None,
) -> ExitCode:
    """Ask `text`, or without it finish what the conversation left open, and write the reply.

    Raises: LimnerError, except for a ModelError, which is told here beside what exists all the same.
    """
    work = Turn(engine, conversation, output, console, interruption, way_on)
    return await work.run(text)


@dataclass(slots=True)
class Turn:
    """The work of `turn`."""

    engine: Engine
    conversation: Conversation
    output: Output
    console: Console
    interruption: Interruption
    way_on: WayOn | None
    """None: nothing was recorded."""
    error: ModelError | None = None
    failure: LimnerError | None = None
    """What is raised once all that was bought before it is written."""
    unwritten: OSError | None = None
    """Why standard output takes no more."""
    began_s: float = field(default_factory=time.monotonic)
    printer: Printer | None = None

    async def run(self, text: str | None) -> ExitCode:
        """See `turn`."""
        if self.output.streams and self.output.folder is not None:
            album = Album(self.output.folder, self.console)
            self.printer = Printer(self.console.write, album, self.engine.storage.open)
        progress = Progress(self.console, lasting=not (self.output.streams and self.console.shared))
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(progress.keep_live)
            reply = await self._listen(text, progress) or await self._wait(progress)
            tasks.cancel_scope.cancel()
        progress.end()
        written = await self._write(reply)
        # What is not received by now is not waited for a second time.
        self.engine.drain_s = 0.0
        if self.failure is not None:
            raise self.failure
        return await self._result(reply, written)

    async def _listen(self, text: str | None, progress: Progress) -> Reply | None:
        """The whole reply; None where it was cut short."""
        reply: Reply | None = None
        with self.interruption.stage():
            try:
                async with self.conversation.stream(text) as stream:
                    async for event in stream:
                        progress.hear(event)
                        await self._print(event)
                        if isinstance(event, ReplyFinished):
                            reply = event.reply
            except ModelError as error:
                # Some kind of reply exists all the same.
                self.error = error
                reply = error.reply if isinstance(error.reply, Reply) else None
            except LimnerError as error:
                self.failure = error
        return reply

    async def _print(self, event: StreamEvent) -> None:
        if self.printer is None or self.unwritten is not None:
            return
        if self.conversation.state.failure and not anything_said(self.conversation.state):
            return  # the error says it better
        await self._out(lambda printer: printer.hear(event))

    async def _out(self, write: Callable[[Printer], Awaitable[None]]) -> None:
        if self.printer is None:
            return
        try:
            await write(self.printer)
        except BrokenPipeError:
            self.interruption.leave()
        except OSError as error:
            self.unwritten = error

    async def _wait(self, progress: Progress) -> Reply:
        """What there is once the pictures that were ordered are there, or nobody wants to wait any more."""
        ordered = under_way(self.conversation.state)
        if ordered:
            pictures = "a picture that is" if len(ordered) == 1 else f"{len(ordered)} pictures that are"
            self.console.note(
                f"stopping: nothing more is ordered; waiting up to {WAIT_S:.0f} s for {pictures} "
                "ordered already (Ctrl-C again to leave now)"
            )
        with self.interruption.stage(after=1), anyio.move_on_after(WAIT_S):
            # The state is plain data and tells nobody when it changes.
            while under_way(self.conversation.state):
                await anyio.sleep(_LOOK_S)
                progress.look(self.conversation.state)
        return self.conversation.reply

    async def _write(self, reply: Reply) -> bool:
        """Write all that is not written yet; whether everything is where it was wanted."""
        state = self.conversation.state
        if self.printer is None:
            await self.console.end()
            cut_short = self.interruption.happened or self.error is not None or self.failure is not None
            if cut_short and not anything_said(state):
                return True
            return await self._write_files(reply)
        await self._out(lambda printer: printer.give_up(reply, lambda number: missing_notice(state, number)))
        await self._out(lambda _: self.console.end())
        # Pictures that the text did not come to were paid for as well.
        await self.printer.album.save(reply)
        if self.unwritten is not None:
            self.console.error(f"error: standard output cannot be written ({self.unwritten.strerror})")
            await write_instead("reply.md", reply, self.printer.album, self.console)
        return self.unwritten is None and self.printer.album.problem is None

    async def _write_files(self, reply: Reply) -> bool:
        try:
            return await self.output.write(reply, self.console)
        except BrokenPipeError:
            self.interruption.leave()
            return True

    async def _result(self, reply: Reply, written: bool) -> ExitCode:
        missing = missing_pictures(reply)
        if written and self._worth_telling(reply):
            folder = self.printer.album.folder if self.printer is not None else self.output.folder
            self.console.note(summary(reply, self.output, folder, time.monotonic() - self.began_s))
        if missing and not self.interruption.happened:
            self.console.error(missing)
        if self.error is not None:
            self.console.error(f"error: {self.error}")
        if self.interruption.count:
            self.console.error("interrupted" + self._how_to_go_on())
            return ExitCode.INTERRUPTED
        if self.error is not None:
            if self.way_on is not None:
                self.console.note(f"to try again: {self.way_on.command(self.output)}")
            return exit_code(self.error)
        if not written:
            self.console.error(self._where_pictures_are())
            return ExitCode.USAGE
        return ExitCode.PICTURES if missing else ExitCode.DONE

    def _worth_telling(self, reply: Reply) -> bool:
        """Whether something was written that a reader has not seen."""
        if self.error is None and not self.interruption.happened:
            return True
        if self.output.streams:
            return bool(reply.images)
        return anything_said(self.conversation.state)

    def _how_to_go_on(self) -> str:
        if self.way_on is None or self.conversation.state.at_rest:
            return ""
        return f"; to go on: {self.way_on.command(self.output)}"

    def _where_pictures_are(self) -> str:
        if self.way_on is None:
            return "error: not everything could be written where it was wanted"
        # Without the place that could not be written.
        command = self.way_on.command()
        return f"error: not everything could be written; nothing is lost: the pictures are kept; {command} writes them again"
