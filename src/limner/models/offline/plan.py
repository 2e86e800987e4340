"""The offline model's whole mind: a pure function from the request to its answer."""

from __future__ import annotations

from dataclasses import dataclass, replace

from limner.core.messages import Message, ToolSpec

from .answer import Result, chat_text, illustrated_text, results_of
from .calls import call, choose, draws, picture_arguments, picture_name, some_arguments
from .followup import Reading, read_conversation
from .outline import Step, outline
from .recall import Shown, attached, shown
from .request import Brief
from .wording import capital, shorten, tidy

__all__ = ["plan"]

_HEADING_COLUMNS = 60


def plan(
    messages: tuple[Message, ...], tools: tuple[ToolSpec, ...] = (), tool_choice: str = "auto"
) -> Message:
    """Answer as an assistant: either calls alone, or text alone.

    The first answer to a user's message orders all its pictures at once; the next one is the text.
    """
    start = max((place for place, message in enumerate(messages) if message.role == "user"), default=-1)
    turn = messages[start + 1 :]
    said = [attached(message.text) for message in messages if message.role == "user"]
    reading = read_conversation(text for text, _ in said)
    drawing = frozenset(tool.name for tool in tools if draws(tool))
    tool = choose(tools, tool_choice)
    results = results_of(turn, drawing | _drew(turn))
    insisted = tool_choice == "required" or (tool is not None and tool_choice == tool.name)
    if tool is not None and not _called(turn, tool.name) and not (results and insisted):
        order = _Order(tool, insisted, len(messages), shown(messages[:start]), said[-1][1] if said else ())
        answer = _ordered(reading, order)
        if answer is not None:
            return answer
    return Message("assistant", _text(reading, results, drawing, tool_choice))


def _called(turn: tuple[Message, ...], name: str) -> bool:
    return any(made.name == name for message in turn for made in message.calls)


def _drew(turn: tuple[Message, ...]) -> frozenset[str]:
    """Tools that are no longer offered, but were told a prompt: their answers are about pictures."""
    return frozenset(made.name for message in turn for made in message.calls if '"prompt"' in made.arguments)


@dataclass(frozen=True, slots=True)
class _Order:
    """What decides how the pictures are ordered, apart from the message itself."""

    tool: ToolSpec
    insisted: bool
    turn: int
    earlier: Shown
    brought: tuple[str, ...]
    """References of the pictures that came with the message."""


def _ordered(reading: Reading, order: _Order) -> Message | None:
    """All calls of the turn; None where nothing is to be drawn."""
    tool = order.tool
    if not draws(tool):
        arguments = some_arguments(tool, tidy(reading.brief.text))
        return Message("assistant", "", (call(0, order.turn, tool.name, arguments),))
    steps = reading.outline.pictures if reading.outline else ()
    if not steps and order.insisted:
        steps = outline(_insisted(reading.brief)).pictures
    shape = reading.brief.shape
    calls = (
        call(
            position,
            order.turn,
            tool.name,
            picture_arguments(tool, step, shape, position, _like(step, reading.brief, order)),
        )
        for position, step in enumerate(steps)
    )
    return Message("assistant", "", tuple(calls)) if steps else None


def _like(step: Step, brief: Brief, order: _Order) -> tuple[str, ...]:
    """What the step's picture should resemble: one of this reply, an earlier one, those that were brought."""
    named = picture_name(order.tool, step.like) if step.like else ""
    known = order.earlier.of(step.after, step.after_alt) if step.after else None
    brought = order.brought if brief.intent in {"picture", "story"} else ()
    return tuple(dict.fromkeys(item for item in (named, known, *brought) if item))


def _insisted(brief: Brief) -> Brief:
    """A picture of the user's own words, whatever they are: the caller wants one."""
    phrase = brief.phrase or shorten(tidy(brief.text), 110)
    kind = "noun" if phrase else "none"
    return replace(brief, intent="picture", kind=kind, phrase=phrase, items=(), pictures=1, steps=None)


def _chat(brief: Brief, results: tuple[Result, ...]) -> str:
    """Nothing can be set out: say so under a short heading."""
    language = brief.language
    if brief.intent == "picture":
        return chat_text(language, language.say("chat", "asked"), "vague", results)
    words = capital(shorten(tidy(brief.text), _HEADING_COLUMNS))
    return chat_text(language, words or language.say("chat", "title"), "body", results)


def _text(reading: Reading, results: tuple[Result, ...], drawing: frozenset[str], tool_choice: str) -> str:
    language, found = reading.brief.language, reading.outline
    pictured = any(not result.data for result in results)
    if found is None:
        if not pictured:
            return _chat(reading.brief, results)
        found = outline(_insisted(reading.brief))
    remarks: tuple[str, ...] = ()
    if found.pictures and not pictured:
        off = tool_choice == "none" and drawing
        remarks = (language.say("note", "stopped" if off else "no_tool"),)
    return illustrated_text(found, results, remarks)
