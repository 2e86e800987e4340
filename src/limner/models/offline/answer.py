"""The reply's Markdown: steps, and pictures where their results say that they exist."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from limner.core.messages import Message, ToolCall

from .language import Language
from .outline import Outline
from .wording import clean, escape, shorten, tidy

__all__ = ["Result", "chat_text", "illustrated_text", "results_of"]

_LINK = re.compile(r"[^\s<>\x00-\x1f\x7f]{1,4000}")
_DATA_CHARS = 2_000
_APOSTROPHE = re.compile(r"(?<=\w)['’](?=\w)")

REASONS: Mapping[str, str] = {
    "image_policy": "policy",
    "too_many_calls": "limit",
    "too_many_images": "limit",
    "turn_deadline": "time",
    "budget_exceeded": "budget",
    "price_unknown": "budget",
    "tool_timeout": "time",
    "image_timeout": "time",
    "image_download_timeout": "time",
    "tool_failed": "provider",
    "image_rate_limited": "provider",
    "image_quota": "provider",
    "image_auth": "provider",
    "image_bad_request": "provider",
    "image_unreachable": "provider",
    "image_provider_error": "provider",
    "image_bad_payload": "bytes",
    "image_type_not_allowed": "bytes",
    "image_truncated": "bytes",
    "image_too_large": "bytes",
    "image_too_many_pixels": "bytes",
    "image_decode_failed": "bytes",
    "image_url_expired": "bytes",
    "image_fetch_blocked": "bytes",
    "image_store_full": "store",
    "outcome_unknown": "unknown",
    "cancelled": "cancelled",
    "unknown_tool": "arguments",
    "arguments_invalid_json": "arguments",
    "arguments_not_object": "arguments",
    "arguments_schema": "arguments",
    "arguments_truncated": "arguments",
    "repeated_call": "arguments",
    "internal": "inside",
}
"""Code of a failed call → row of the table `missing`."""


@dataclass(frozen=True, slots=True)
class Result:
    """How one call of this turn was answered."""

    call: ToolCall
    prompt: str
    alt: str
    link: str | None
    """Of a picture alone, exactly as the tool gave it."""
    failed: bool
    code: str
    error: str
    data: str
    """What another tool said; "" for pictures."""


def results_of(turn: tuple[Message, ...], drawing: frozenset[str]) -> tuple[Result, ...]:
    """The calls of a turn in their order, each with the result that carries its id.

    `drawing` names the tools that draw: what they answer without a link is a missing picture.
    """
    answers = {message.call_id: message.text for message in turn if message.role == "tool"}
    calls = [call for message in turn if message.role == "assistant" for call in message.calls]
    return tuple(_result(call, answers.get(call.id), call.name in drawing) for call in calls)


def _result(call: ToolCall, text: str | None, draws: bool) -> Result:
    told, said = _object(call.arguments), _object(text or "")
    prompt, alt = _words(told.get("prompt")), _words(told.get("alt"))
    link = said.get("imageUrl")
    failed = said.get("status") == "error"
    if isinstance(link, str) and _LINK.fullmatch(link) and not failed:
        return Result(call, prompt, alt, link, False, "", "", "")
    if not draws and text is not None:
        return Result(call, prompt, alt, None, False, "", "", text)
    error = said.get("error") if failed else None
    if isinstance(error, Mapping):
        error = error.get("message")
    return Result(call, prompt, alt, None, True, _words(said.get("code")), _words(error), "")


def _object(text: str) -> Mapping[str, Any]:
    try:
        found = json.loads(text)
    except (ValueError, RecursionError):  # a result that is no JSON says nothing about pictures
        return {}
    return found if isinstance(found, Mapping) else {}


def _words(value: object) -> str:
    return value if isinstance(value, str) else ""


def chat_text(language: Language, heading: str, key: str, results: tuple[Result, ...]) -> str:
    """No pictures wanted: say what this is, and what other tools said."""
    title = f"# {_shown(heading, language)}"
    return "\n\n".join([title, language.say("chat", key), *_extras(results, (), language, set())])


def illustrated_text(plan: Outline, results: tuple[Result, ...], remarks: tuple[str, ...]) -> str:
    """The whole reply; every link of `results` stands in it once."""
    language = plan.brief.language
    placed: set[str] = set()
    by_step = _matched(plan, results)
    gap = language.say("shape", "gap")
    blocks = [f"# {_shown(plan.title, language)}", "> " + escape(gap.join((*plan.remarks, *remarks)))]
    for position, step in enumerate(plan.steps):
        if step.heading and len(plan.steps) > 1:
            blocks.append(f"## {position + 1}. {_shown(step.heading, language)}")
        if step.say:
            blocks.append(_shown(step.say, language))
        result = by_step.get(position)
        if result is not None:
            blocks += _picture(result, step.alt, language, placed)
    used = tuple(by_step.values())
    blocks += _extras(results, used, language, placed)
    return "\n\n".join(block for block in blocks if block)


def _shown(text: str, language: Language) -> str:
    """`text` as Markdown, with one kind of apostrophe on the page."""
    mark = language.say("shape", "apostrophe")
    return escape(text if mark == "'" else _APOSTROPHE.sub(mark, text))


def _matched(plan: Outline, results: tuple[Result, ...]) -> dict[int, Result]:
    """Step → result: by the prompt that the call carried, else in the order of the calls."""
    pictured = [position for position, step in enumerate(plan.steps) if step.pictured]
    left = [result for result in results if not result.data]
    matched: dict[int, Result] = {}
    for position in pictured:
        prompt = plan.steps[position].prompt
        found = next((result for result in left if result.prompt == prompt), None)
        if found:
            matched[position] = found
            left.remove(found)
    # Prompts that were cut to fit a schema: their calls stand in the order of the steps.
    for position in pictured:
        if position not in matched and left and _same_start(left[0].prompt, plan.steps[position].prompt):
            matched[position] = left.pop(0)
    return matched


def _same_start(cut: str, whole: str) -> bool:
    return bool(cut) and whole.startswith(re.sub(r" ?\d*\.*$", "", cut))


def _picture(result: Result, alt: str, language: Language, placed: set[str]) -> list[str]:
    if result.link is None:
        return [_missing(result, alt, language)]
    if result.link in placed:
        return []
    placed.add(result.link)
    link = f"<{result.link}>" if re.search(r"[()\\&]", result.link) else result.link
    return [f"![{_shown(alt.strip(), language) or language.say('note', 'more')}]({link})"]


def _missing(result: Result, alt: str, language: Language) -> str:
    reason = REASONS.get(result.code)
    error = shorten(tidy(clean(result.error)), 160)
    if reason is None:
        reason = "told" if error else "silent"
    stop = language.say("shape", "stop")
    shown = alt.strip() or language.say("note", "more")
    return _shown(language.say("missing", reason).format(alt=shown, error=error + stop), language)


def _extras(
    results: tuple[Result, ...], used: tuple[Result, ...], language: Language, placed: set[str]
) -> list[str]:
    """What no step of the plan asked for: pictures of other calls, and the words of other tools."""
    pictures: list[str] = []
    data: list[str] = []
    for result in results:
        if result.data:
            data += _quoted(result, language)
        elif result not in used:
            alt = shorten(tidy(clean(result.alt or result.prompt)), 140)
            pictures += _picture(result, alt, language, placed)
    heading = [f"## {escape(language.say('note', 'more'))}"] if pictures and used else []
    return [*heading, *pictures, *data]


def _quoted(result: Result, language: Language) -> list[str]:
    name = re.sub(r"[^\w.:-]", "", result.call.name)[:64]
    body = result.data[:_DATA_CHARS] + ("…" if len(result.data) > _DATA_CHARS else "")
    longest = max((len(run) for run in re.findall("`+", body)), default=0)
    fence = "`" * max(3, longest + 1)
    return [language.say("note", "data").format(name=name), f"{fence}text\n{body}\n{fence}"]
