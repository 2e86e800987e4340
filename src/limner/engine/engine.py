"""The engine: owns clients, limits, worker processes and purchases in flight."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from contextlib import AsyncExitStack
from types import TracebackType
from typing import TYPE_CHECKING, Literal, Protocol

import anyio

from limner.clock import Clock, SystemClock
from limner.core.calls import NumberedPicture
from limner.core.history import continued
from limner.core.limits import Limits
from limner.core.messages import Message
from limner.core.pictures import Picture
from limner.core.state import Entry, Settings, State
from limner.core.stopping import StopWhen
from limner.errors import CallerError
from limner.images.protocol import ImageBackend
from limner.logs import log
from limner.models.protocol import Model
from limner.spending.budget import Budget
from limner.storage.protocol import Storage
from limner.tools.checking import Toolbox
from limner.tools.image import ImageTool
from limner.tools.tool import Tool

from .defaults import (
    default_budget,
    default_image_tool,
    default_inspector,
    default_limits,
    default_model,
    default_storage,
)
from .recorder import MemoryRecorder, Recorder

if TYPE_CHECKING:
    from limner.config.settings import Config
    from limner.images.inspector import Inspector

    from .conversation import Conversation
    from .opened import Opened

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
        config = config or _config(complete=model is not None and images is not None)
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
        self._system = system
        self._settings = _settings(
            self.toolbox,
            limits=limits or default_limits(config),
            tool_choice=tool_choice,
            promise_after_s=promise_after_s,
        )
        self._open: Opened | None = None

    async def __aenter__(self) -> Engine:
        if self._open is not None:
            raise CallerError("the engine is entered already; enter it once", code="engine_entered")
        from .opened import opened  # start-up time: most of the house, once there is somebody to answer

        stack = AsyncExitStack()
        for part in (self.recorder, self.storage, self.inspector, self.image_tool.backend, self.model):
            stack.push_async_callback(_close, part)
        self._open = await opened(
            stack,
            recorder=self.recorder,
            storage=self.storage,
            inspector=self.inspector,
            clock=self.clock,
        )
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        opened, self._open = self._opened(), None
        opened.doors.open = False
        # Shielded: whoever leaves in a hurry has still paid for what was ordered.
        with anyio.CancelScope(shield=True):
            self.unknown = await opened.purchases.drain(self.drain_s)
        if self.unknown:
            log.warning("engine.left_pictures", pictures=len(self.unknown))
        opened.tasks.cancel_scope.cancel()
        await opened.stack.aclose()

    def conversation(
        self,
        run: str | None = None,
        *,
        owner: str = "local",
        history: Iterable[Message] = (),
        pictures: Mapping[int, Picture] | None = None,
        model: Model | None = None,
        images: ImageTool | Literal[False] | None = None,
        tools: Iterable[Tool] | None = None,
        limits: Limits | None = None,
        budget: Budget | None = None,
        tool_choice: str | None = None,
        promise_after_s: float | Literal[False] | None = None,
        stop_when: Iterable[StopWhen] = (),
    ) -> Conversation:
        """A new conversation; nothing is recorded before its first message.

        `run`: its id in the recorder, by default a new one (`JournalError` `run_exists` at the
        first message if it is taken). `history`: earlier messages, which the model reads as they are;
        references in them stay taken. `pictures`: what those references show; they are in the store.
        `stop_when`: beside the limits, what lets the calls at hand be the last ones.

        Everything else is the engine's own unless it is given here; it stays open when the conversation
        ends. `images` False: no image tool; `promise_after_s` False: pictures are waited for.

        Raises: CallerError (`tool_duplicate`, `tool_choice_unknown`, `schema_invalid`, …).
        """
        opened = self._opened()
        toolbox = self._toolbox(images, tools)
        own = self._settings
        waits_s = None if promise_after_s is False else promise_after_s
        settings = _settings(
            toolbox,
            limits=limits or own.limits,
            tool_choice=tool_choice or ("auto" if toolbox is not self.toolbox else own.tool_choice),
            promise_after_s=own.promise_after_s if promise_after_s is None else waits_s,
            stop_when=tuple(stop_when),
        )
        import uuid  # start-up time

        name = run or uuid.uuid4().hex
        first = (Message("system", self._system),) if self._system else ()
        earlier, highest = continued(history)
        known = tuple(NumberedPicture(number, each) for number, each in sorted((pictures or {}).items()))
        state = State(
            owner=owner,
            settings=settings,
            entries=tuple(Entry(message) for message in (*first, *earlier)),
            pictures=max([highest, *(each.number for each in known)]),
            known=known,
        )
        return opened.begun(name, state, model or self.model, toolbox, budget or self.budget)

    async def resume(
        self,
        run: str,
        *,
        model: Model | None = None,
        images: ImageTool | Literal[False] | None = None,
        tools: Iterable[Tool] | None = None,
        budget: Budget | None = None,
    ) -> Conversation:
        """A conversation that the recorder knows; go on with `Conversation.resume` or `ask`.

        What it was given beside the engine's own, it has to be given again; `images` False: no image tool
        from now on.

        Raises: JournalError (`run_unknown`, `journal_busy`, `journal_unreadable`, …).
        """
        opened = self._opened()
        toolbox = self._toolbox(images, tools)
        return await opened.resumed(run, model or self.model, toolbox, budget or self.budget)

    def _toolbox(self, images: ImageTool | Literal[False] | None, tools: Iterable[Tool] | None) -> Toolbox:
        if images is None and tools is None:
            return self.toolbox
        image = self.image_tool if images is None else images or None
        return Toolbox(image, tuple(self.toolbox.tools.values() if tools is None else tools))

    def _opened(self) -> Opened:
        if self._open is None:
            raise CallerError(
                "the engine is not open; use `async with Engine() as engine`", code="engine_closed"
            )
        return self._open


def _config(*, complete: bool) -> Config:
    """What the user has said; nobody is asked where the application gives what matters itself."""
    if complete:
        from limner.config.settings import Config

        return Config()
    from limner.config.load import load_config

    return load_config()


def _settings(
    toolbox: Toolbox,
    *,
    limits: Limits,
    tool_choice: str,
    promise_after_s: float | None,
    stop_when: tuple[StopWhen, ...] = (),
) -> Settings:
    """Raises: CallerError (`tool_choice_unknown`, `promise_invalid`)."""
    names = [spec.name for spec in toolbox.specs]
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
    own = toolbox.tools.values()
    return Settings(
        image_tools=() if toolbox.image is None else (toolbox.image.name,),
        tools=tuple(each.name for each in own if each.run is not None),
        caller_tools=tuple(each.name for each in own if each.run is None),
        limits=limits,
        tool_choice=tool_choice,
        promise_after_s=promise_after_s,
        stop_when=stop_when,
    )


class _Closable(Protocol):
    async def aclose(self) -> None: ...


async def _close(part: _Closable) -> None:
    with anyio.move_on_after(CLOSE_S, shield=True):
        await part.aclose()
