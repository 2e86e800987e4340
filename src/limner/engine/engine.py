"""The engine: owns clients, limits, worker processes and purchases in flight."""

from __future__ import annotations

import uuid
from collections.abc import Iterable
from contextlib import AsyncExitStack
from dataclasses import dataclass
from types import TracebackType
from typing import Protocol

import anyio
from anyio.abc import TaskGroup

from limner.clock import Clock, SystemClock
from limner.config import Config, load_config
from limner.core.history import continued
from limner.core.limits import Limits
from limner.core.machine import IllegalEvent
from limner.core.messages import Message
from limner.core.state import Entry, Settings, State
from limner.errors import CallerError, JournalError
from limner.images.inspector import Inspector
from limner.images.protocol import ImageBackend
from limner.logs import log
from limner.models.protocol import Model
from limner.spending.budget import Budget
from limner.spending.reservations import Reservations
from limner.storage.protocol import Storage
from limner.tools.checking import Toolbox
from limner.tools.image import ImageTool
from limner.tools.tool import Tool

from .calls import Calls
from .conversation import Conversation
from .defaults import (
    default_budget,
    default_image_tool,
    default_inspector,
    default_limits,
    default_model,
    default_storage,
)
from .purchases import Purchases
from .recorder import MemoryRecorder, Recorder
from .run import Run
from .workshop import Workshop

__all__ = ["Engine"]

CLOSE_S = 5.0
"""Seconds for giving back one client, store or process, however the engine is left."""


class Engine:
    """Answers with illustrated replies; an async context manager.

    What is not given comes from the configuration (`load_config`): arguments, environment, one
    TOML file. Without a key and a base URL that is the offline default.

    `storage`: by default a folder beside the journal of an `SQLiteRecorder`, else memory.
    `inspector`: what is asked whether bytes are a picture, and how they are kept.
    `images`: a picture maker, or an `ImageTool` around one to fix size, format or the tool's text.
    `budget`: money for the pictures of this engine and of all others that are given the same one.
    `system`: the system message, if the application has one; the engine adds none by itself.
    `promise_after_s`: how long a round waits for a picture before the model writes on; None waits.
    `drain_s`: how long leaving waits for pictures that were ordered.

    Raises: ConfigError, CallerError (`tool_duplicate`, `schema_invalid`, `schema_remote_ref`).
    """

    def __init__(
        self,
        model: Model | None = None,
        images: ImageBackend | ImageTool | None = None,
        *,
        tools: Iterable[Tool] = (),
        storage: Storage | None = None,
        inspector: Inspector | None = None,
        recorder: Recorder | None = None,
        limits: Limits | None = None,
        budget: Budget | None = None,
        system: str = "",
        tool_choice: str = "auto",
        promise_after_s: float | None = None,
        drain_s: float = 30.0,
        clock: Clock | None = None,
        config: Config | None = None,
    ) -> None:
        parts: tuple[tuple[str, object], ...] = (("model", model), ("images", images))
        for part, given in parts:
            if isinstance(given, str):
                made = "OpenAIModel" if part == "model" else "OpenAIImages"
                raise CallerError(
                    f"{part} is the name {given!r}; give {made}({given!r}, api_key=…), or leave it out and "
                    "name it in the configuration",
                    code="part_invalid",
                )
        if config is None and (model is None or images is None):
            config = load_config()
        config = config or Config()
        self.clock: Clock = clock or SystemClock()
        self.model = model or default_model(config, self.clock)
        tool = images if isinstance(images, ImageTool) else images and ImageTool(images)
        self.image_tool = tool or default_image_tool(config, self.clock)
        self.recorder: Recorder = recorder or MemoryRecorder()
        self.storage = storage or default_storage(config, self.recorder, self.clock)
        self.inspector = inspector or default_inspector(config)
        self.notes: tuple[str, ...] = config.notes
        """What the configuration decided by itself, as sentences for people."""
        self.unknown: tuple[str, ...] = ()
        """After leaving: pictures that were ordered and not received, as run and call."""
        self.budget = budget or default_budget(config)
        """The money for its pictures; without a limit where none was given."""
        self.drain_s = drain_s
        self.toolbox = Toolbox(self.image_tool, tuple(tools))
        names = [spec.name for spec in self.toolbox.specs]
        if tool_choice not in ("auto", "none", "required", *names):
            raise CallerError(
                f"there is no tool {tool_choice!r} to choose; give 'auto', 'none', 'required' or one of "
                f"{', '.join(names)}",
                code="tool_choice_unknown",
            )
        if promise_after_s is not None and not promise_after_s >= 0:
            raise CallerError(
                f"promise_after_s cannot be {promise_after_s!r}; give seconds, or None to wait",
                code="promise_invalid",
            )
        own = self.toolbox.tools.values()
        self._system = system
        self._settings = Settings(
            image_tools=(self.image_tool.name,),
            tools=tuple(each.name for each in own if each.run is not None),
            caller_tools=tuple(each.name for each in own if each.run is None),
            limits=limits or default_limits(config),
            tool_choice=tool_choice,
            promise_after_s=promise_after_s,
        )
        self._open: _Open | None = None

    async def __aenter__(self) -> Engine:
        if self._open is not None:
            raise CallerError("the engine is entered already; enter it once", code="engine_entered")
        stack = AsyncExitStack()
        reservations = Reservations(self.budget)
        for part in (self.recorder, self.storage, self.inspector, self.image_tool.backend, self.model):
            stack.push_async_callback(_close, part)
        stack.callback(reservations.leave)
        tasks = await stack.enter_async_context(anyio.create_task_group())
        purchases = Purchases(
            tasks, self.image_tool, self.storage, self.inspector, reservations, clock=self.clock
        )
        workshop = Workshop(
            model=self.model,
            toolbox=self.toolbox,
            storage=self.storage,
            inspector=self.inspector,
            clock=self.clock,
            calls=Calls(self.toolbox, purchases, self.storage, self.inspector, reservations),
        )
        self._open = _Open(stack, tasks, purchases, reservations, workshop)
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        opened, self._open = self._opened(), None
        opened.workshop.is_open = False
        # Shielded: whoever leaves in a hurry has still paid for what was ordered.
        with anyio.CancelScope(shield=True):
            self.unknown = await opened.purchases.drain(self.drain_s)
        if self.unknown:
            log.warning("engine.left_pictures", pictures=len(self.unknown))
        opened.tasks.cancel_scope.cancel()
        await opened.stack.aclose()

    def conversation(
        self, run: str | None = None, *, owner: str = "local", history: Iterable[Message] = ()
    ) -> Conversation:
        """A new conversation; nothing is recorded before its first message.

        `run`: its id in the recorder, by default a new one (`JournalError` `run_exists` at the
        first message if it is taken). `history`: earlier messages, which the model reads as they are;
        references in them stay taken.
        """
        opened = self._opened()
        name = run or uuid.uuid4().hex
        first = (Message("system", self._system),) if self._system else ()
        earlier, pictures = continued(history)
        entries = tuple(Entry(message) for message in (*first, *earlier))
        state = State(owner=owner, settings=self._settings, entries=entries, pictures=pictures)
        follow = opened.reservations.follow
        begun = Run(name, state, lambda: self.recorder.begin(name, state), follow)
        return Conversation(opened.workshop, begun)

    async def resume(self, run: str) -> Conversation:
        """A conversation that the recorder knows; go on with `Conversation.resume` or `ask`.

        Raises: JournalError (`run_unknown`, `journal_busy`, `journal_unreadable`, …).
        """
        opened = self._opened()
        recorded = await self.recorder.load(run)
        try:
            found = Run.resumed(run, recorded, opened.reservations.follow)
        except IllegalEvent as error:
            raise JournalError(
                f"the journal of run {run!r} contradicts itself; restore it from a copy",
                code="journal_unreadable",
            ) from error
        return Conversation(opened.workshop, found)

    def _opened(self) -> _Open:
        if self._open is None:
            raise CallerError(
                "the engine is not open; use `async with Engine() as engine`", code="engine_closed"
            )
        return self._open


@dataclass(frozen=True, slots=True)
class _Open:
    stack: AsyncExitStack
    tasks: TaskGroup
    purchases: Purchases
    reservations: Reservations
    workshop: Workshop


class _Closable(Protocol):
    async def aclose(self) -> None: ...


async def _close(part: _Closable) -> None:
    with anyio.move_on_after(CLOSE_S, shield=True):
        await part.aclose()
