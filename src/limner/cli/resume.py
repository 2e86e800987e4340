"""`limner resume`: go on with a run that a journal knows."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from pathlib import Path

import anyio

from limner.config.load import load_config
from limner.core.state import Phase, State
from limner.engine.conversation import Conversation
from limner.engine.engine import Engine
from limner.errors import CallerError
from limner.reply.markdown import tidy

from .ask import AskOptions, check_order, opened, tell_notes
from .codes import ExitCode
from .console import Console
from .turn import interruptible, turn

__all__ = ["resume"]


def resume(run: str | None, options: AskOptions) -> ExitCode:
    """Finish a run, or write it out again, and say how it went. Raises: LimnerError."""
    return anyio.run(partial(_resume, run, options))


async def _resume(run: str | None, options: AskOptions) -> ExitCode:
    console = Console(quiet=options.quiet)
    assert options.journal is not None
    if not options.journal.is_file():
        raise CallerError(
            f"there is no journal {str(options.journal)!r}; name the file that was given to --journal",
            code="journal_missing",
        )
    options.output.check()
    config = load_config(options.config, overrides=options.overrides)
    async with (
        interruptible(console) as interruption,
        opened(config, options, console) as engine,
    ):
        conversation = await _find(engine, run, options.journal)
        _check_tools(conversation.state)
        if not _finished(conversation.state):
            tell_notes(engine, console)
            # The turn keeps to what was said when it began.
            begun = conversation.state.settings.limits
            limits = replace(
                config.limits,
                usd=begun.usd,
                conversation_usd=begun.conversation_usd,
                unknown_prices=begun.unknown_prices,
            )
            check_order(engine, limits, console)
        console.note(_told(conversation))
        return await turn(
            engine,
            conversation,
            None,
            output=options.output,
            console=console,
            interruption=interruption,
            way_on=options.way_on,
        )


async def _find(engine: Engine, run: str | None, journal: Path) -> Conversation:
    """The run of that name; else the newest that is unfinished, else the newest."""
    if run is not None:
        conversation = await engine.resume(run)
        if conversation.state.phase is not Phase.READY:
            return conversation
    else:
        newest: Conversation | None = None
        for name in reversed(await engine.recorder.runs()):
            conversation = await engine.resume(name)
            if not _finished(conversation.state):
                return conversation
            if conversation.state.phase is not Phase.READY:
                newest = newest or conversation
        if newest is not None:
            return newest
    raise CallerError(f"nothing was said yet in {str(journal)!r}; use limner ask", code="nothing_to_resume")


def _finished(state: State) -> bool:
    """Whether nothing is left to do; a turn that failed can be tried again."""
    return state.at_rest and state.phase is not Phase.FAILED


def _check_tools(state: State) -> None:
    others = [*state.settings.tools, *state.settings.caller_tools]
    if others and not _finished(state):
        raise CallerError(
            f"this run uses tools of an application ({', '.join(others)}); go on with it there",
            code="tools_elsewhere",
        )


def _told(conversation: Conversation) -> str:
    state = conversation.state
    said = next(entry.message.text for entry in reversed(state.entries) if entry.message.role == "user")
    line = tidy(said)
    short = line if len(line) <= 60 else line[:59] + "…"
    if state.phase is Phase.FAILED:
        return f"run {conversation.id} had failed; asking the model again: {short}"
    if state.at_rest:
        return f"run {conversation.id} is finished; writing it again: {short}"
    return f"going on with run {conversation.id}: {short}"
