"""`limner ask`: one question, one illustrated reply."""

from __future__ import annotations

import os
import sys
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path

import anyio

from limner.config.load import load_config
from limner.config.rule import check_value
from limner.config.rules import RULES
from limner.config.settings import Config, LimitsConfig
from limner.engine.engine import Engine
from limner.engine.sqlite import SQLiteRecorder
from limner.errors import CallerError, ParameterError, StoreError
from limner.images.protocol import Resolved
from limner.storage.protocol import Storage

from .advice import advice, refused
from .codes import ExitCode
from .console import Console
from .hint import WayOn
from .output import Output, check_file, check_folder
from .summary import dollars
from .turn import interruptible, turn

__all__ = ["OPTIONS", "AskOptions", "ask", "check_order", "configure", "opened", "read_prompt", "tell_notes"]

OFFLINE = (
    "no language model is connected: the offline default plans this reply; "
    "set OPENAI_API_KEY to connect one, or LIMNER_CHAT_BASE_URL and LIMNER_CHAT_MODEL for another server"
)
OPTIONS: Mapping[tuple[str, str], str] = {
    ("chat", "model"): "--model",
    ("image", "model"): "--image-model",
    ("image", "size"): "--size",
    ("image", "aspect_ratio"): "--aspect-ratio",
    ("image", "quality"): "--quality",
    ("image", "style"): "--style",
    ("image", "style_sentence"): "--style",
    ("image", "background"): "--background",
    ("image", "output_format"): "--format",
    ("limits", "images"): "--max-images",
    ("limits", "usd"): "--budget-usd",
}
"""What the command line calls a setting."""
_NOBODYS = "A" * 43
"""The id of no picture."""


@dataclass(frozen=True, slots=True)
class AskOptions:
    """What was said on the command line."""

    output: Output
    quiet: bool = False
    system: str = ""
    promise_after_s: float | None = None
    journal: Path | None = None
    config: Path | None = None
    overrides: Mapping[str, Mapping[str, object]] | None = None
    again: Mapping[str, object] = field(default_factory=dict)
    """Option → what was said with it, of those that `limner resume` needs as well."""

    @property
    def way_on(self) -> WayOn | None:
        """How the run can be gone on with; None where it is not recorded."""
        return None if self.journal is None else WayOn(self.journal, self.again)


def ask(prompt: str | None, options: AskOptions) -> ExitCode:
    """Ask, write the reply, and say how it went. Raises: LimnerError."""
    return anyio.run(partial(_ask, read_prompt(prompt), options))


async def _ask(prompt: str, options: AskOptions) -> ExitCode:
    console = Console(quiet=options.quiet)
    options.output.check()
    config = load_config(options.config, overrides=options.overrides)
    async with (
        interruptible(console) as interruption,
        opened(config, options, console) as engine,
    ):
        tell_notes(engine, console)
        check_order(engine, config.limits, console)
        return await turn(
            engine,
            engine.conversation(),
            prompt,
            output=options.output,
            console=console,
            interruption=interruption,
            way_on=options.way_on,
        )


@asynccontextmanager
async def opened(config: Config, options: AskOptions, console: Console) -> AsyncIterator[Engine]:
    """The configured engine, with everything checked that can be checked beforehand.

    Raises: CallerError, ConfigError.
    """
    journal = options.journal
    folder = config.storage.path
    if journal is not None:
        check_file(journal, "--journal")
        if folder is None and config.storage.url is None:
            # What can be resumed must find its pictures again: the engine puts them there.
            folder = journal.with_name(f"{journal.name}.pictures")
    if folder is not None:
        check_folder(folder, "pictures", "choose another place with --journal, or `path` in [storage]")
    engine = Engine(
        recorder=None if journal is None else SQLiteRecorder(journal),
        system=options.system,
        promise_after_s=options.promise_after_s,
        # Nobody looks at partial pictures here, and they cost.
        config=replace(config, image=replace(config.image, partial_images=0)),
    )
    async with engine:
        if config.storage.url is not None:
            await _check_bucket(engine.storage)
        yield engine
    if engine.unknown:
        count = len(engine.unknown)
        pictures = "1 picture was" if count == 1 else f"{count} pictures were"
        # What costs nothing is in nobody's bill.
        doubt = "" if _usual(engine).price_usd == 0 else "; the provider may charge for it all the same"
        console.error(f"{pictures} ordered and not received{doubt}")


async def _check_bucket(storage: Storage) -> None:
    """See that pictures could be read, and so kept, before any is paid for. Raises: StoreError."""
    try:
        await storage.open(_NOBODYS)
    except StoreError as error:
        if error.code != "image_not_found":
            raise


def check_order(engine: Engine, limits: LimitsConfig, console: Console) -> None:
    """See that the image model takes what every picture has in common, before the chat model is asked.

    Raises: CallerError, which names what it does not take.
    """
    try:
        usual = _usual(engine)
    except ParameterError as error:
        raise refused(error, {}) from error
    for note in (*usual.notes, *_too_dear(usual.price_usd, limits)):
        console.note(f"note: {note}")


def _too_dear(price_usd: float | None, limits: LimitsConfig) -> Iterator[str]:
    """Why no picture will be bought, before words are paid for that speak of pictures."""
    said = [each for each in (limits.usd, limits.conversation_usd, limits.process_usd) if each is not None]
    if not said:
        return
    if price_usd is None and limits.unknown_prices == "refuse":
        yield f"no picture is bought under a budget, for its price is unknown. {advice('price_unknown')}"
    elif price_usd is not None and price_usd > min(said):
        yield f"a picture costs up to {dollars(price_usd)}, which is more than the budget of {dollars(min(said))}"


def _usual(engine: Engine) -> Resolved:
    """What becomes of a picture for which the model says nothing but a prompt. Raises: ParameterError."""
    return engine.image_tool.backend.resolve(engine.image_tool.request({"prompt": "a picture"}))


def tell_notes(engine: Engine, console: Console) -> None:
    """Say what a person should know before the reply begins."""
    for note in engine.notes:
        console.note(f"note: {note}")
    if engine.model.offline:
        console.note(f"note: {OFFLINE}")


def configure(
    *,
    model: str | None = None,
    image: Mapping[str, object] | None = None,
    images: int | None = None,
    usd: float | None = None,
) -> dict[str, dict[str, object]]:
    """What `load_config` takes as `overrides`; `image` is of its [image]. Raises: ConfigError, which names the option."""
    overrides: dict[str, dict[str, object]] = {
        "chat": {"model": model},
        "image": dict(image or {}),
        "limits": {"images": images, "usd": usd},
    }
    for (table, key), option in OPTIONS.items():
        value = overrides[table].get(key)
        if value is not None:
            overrides[table][key] = check_value(value, RULES[table][key], option)
    return overrides


def read_prompt(argument: str | None, command: str = "ask") -> str:
    """The prompt of `command`: the argument, else standard input.

    Raises: CallerError (`message_empty`).
    """
    if argument is None and sys.stdin is not None and sys.stdin.isatty():
        raise CallerError(
            f'there is no prompt; say what you would like: limner {command} "…", or pipe it in',
            code="message_empty",
        )
    if argument is not None and argument != "-":
        prompt = _as_typed(argument)
    else:
        # Notepad begins a file with a byte order mark.
        piped = sys.stdin.buffer.read() if sys.stdin is not None else b""
        prompt = piped.decode("utf-8-sig", "replace")
    if not prompt.strip():
        raise CallerError(
            f'the prompt is empty; say what you would like: limner {command} "…"', code="message_empty"
        )
    return prompt


def _as_typed(argument: str) -> str:
    """An argument is bytes: UTF-8 wherever it can be, also where the locale says something else."""
    try:
        return os.fsencode(argument).decode("utf-8")
    except UnicodeError:
        return argument.encode("utf-8", "replace").decode("utf-8")
