"""What a provider of the Responses API answers, streamed or whole, as deltas.

Every event is told once: what a stream has said in fragments, the events that end an item and the
answer say again, and some servers say nothing but those. Items are told apart by their place, for
some servers give an item a new id in each event.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any

from limner.core.messages import Delta

from ..chat.upstream import read_usage
from ..errors import Fault, read_fault
from ..text import clean
from .reasoning import LONGEST_ID

__all__ = ["FORMAT", "ResponsesAnswer"]

FORMAT = "openai-responses-v1"
"""How OpenRouter names reasoning in the shape of this API."""

_CALLS: Mapping[str, str] = {"function_call": "arguments", "custom_tool_call": "input"}
"""Items that the caller executes → where their arguments stand. What a provider runs itself is passed over."""
_ENDS = frozenset(
    {
        "response.completed",
        "response.incomplete",
        "response.failed",
        "response.cancelled",
        "response.done",
    }
)
_FAILED = ("failed", "cancelled")
_ARGUMENTS = ("arguments", 0)
_STATUSES: Mapping[int, frozenset[str]] = {
    401: frozenset({"authentication", "authentication_error", "invalid_api_key"}),
    402: frozenset({"insufficient_credits", "insufficient_quota", "payment_required"}),
    404: frozenset({"model_not_found", "not_found"}),
    429: frozenset({"rate_limit_exceeded", "too_many_requests"}),
    503: frozenset({"overloaded", "provider_overloaded", "server_is_overloaded", "slow_down"}),
    400: frozenset({"context_length_exceeded", "invalid_prompt", "invalid_request", "invalid_request_error"}),
    500: frozenset({"server", "server_error", "model_error"}),
}
"""What a word that stands in for a status means; the first row that fits wins."""


@dataclass(slots=True, eq=False)
class _Item:
    """One item of the answer, as far as it was told."""

    kind: str
    id: str | None
    place: int = 0
    """Of a thought: before which item of the message it stands; 0 is the words, from 1 the calls."""
    number: int = 0
    """Of a call: which one it is."""
    announced: bool = False
    held: list[str] = field(default_factory=list)
    """Arguments of a call whose name is not known yet."""
    told: dict[tuple[str, int], int] = field(default_factory=dict)
    """Field and part → the number of what was told of it."""


class ResponsesAnswer:
    """One answer; feed it events in the order of arrival, or the whole of it."""

    ends_itself = True
    counted = True

    def __init__(self) -> None:
        self.ended = False
        """The answer has said that it is over."""
        self._at: dict[int, _Item] = {}
        self._named: dict[str, _Item] = {}
        self._items: list[_Item] = []
        self._calls = 0
        self._thoughts = 0
        self._speaking: _Item | None = None
        """The item whose words were told last."""

    def chunk(self, event: object, name: str = "") -> tuple[Delta, ...]:
        """What one streamed event says; () where it says nothing that we keep. `name`: of the frame."""
        if not isinstance(event, Mapping):
            return ()
        kind = event.get("type") or name
        if kind in _ENDS:
            return self._over(_object(event.get("response")), kind)
        told = _EVENTS.get(kind) if isinstance(kind, str) else None
        return tuple(told(self, event)) if told is not None else ()

    def words(self, event: object) -> str:
        """The text of an event that goes on with the words that were told last, and changes nothing; else ""."""
        if not isinstance(event, Mapping) or event.get("type") != "response.output_text.delta":
            return ""
        at, named, text = event.get("output_index"), event.get("item_id"), event.get("delta")
        entry = self._at.get(at) if isinstance(at, int) else None
        if entry is None or entry is not self._speaking or not isinstance(text, str):
            return ""
        if ("text", _number(event, "content_index")) not in entry.told or event.get("error"):
            return ""
        if event.get("status") in _FAILED or (named and self._at_name(named) is not entry):
            return ""
        return clean(text)

    def whole(self, body: object) -> tuple[Delta, ...]:
        """What a whole answer says; () where it holds none."""
        if not isinstance(body, Mapping) or not isinstance(body.get("output"), list):
            return ()
        status = body.get("status", "completed")
        # One that runs in the background has not answered yet.
        return () if status in ("queued", "in_progress") else self._over(body, f"response.{status}")

    def fault(self, body: object, name: str = "") -> Fault | None:
        """The error that an event or a whole answer tells of; None where it tells of none."""
        if not isinstance(body, Mapping):
            return None
        kind = body.get("type") or name
        response = body.get("response")
        if kind in _ENDS and isinstance(response, Mapping):
            body, kind = response, "response.failed" if response.get("status") in _FAILED else kind
        failed = kind in ("response.failed", "response.cancelled") or body.get("status") in _FAILED
        if not (failed or body.get("error") or kind in ("error", "response.error")):
            return None
        fault = read_fault(0, dict(body))
        meant = next((status for status, words in _STATUSES.items() if fault.words & words), 0)
        return fault if fault.status else replace(fault, status=meant)

    # --- events ------------------------------------------------------------------------------

    def _added(self, event: Mapping[str, Any]) -> Iterator[Delta]:
        item = _object(event.get("item"))
        entry = self._entry(event, str(item.get("type")), item.get("id"))
        if entry.kind in _CALLS:
            yield from self._announced(entry, item)

    def _done(self, event: Mapping[str, Any]) -> Iterator[Delta]:
        item = _object(event.get("item"))
        yield from self._whole_item(self._entry(event, str(item.get("type")), item.get("id")), item)

    def _words(self, event: Mapping[str, Any], said: str, *, once: bool = False) -> Iterator[Delta]:
        """A fragment of what is said; `once`: all of it, which was told already where any of it was."""
        entry, part = self._entry(event, "message"), _number(event, "content_index")
        if not (once and ("text", part) in entry.told):
            yield from self._say(entry, part, event.get(said))

    def _arguments(
        self, event: Mapping[str, Any], said: str, *, once: bool = False, kind: str = "function_call"
    ) -> Iterator[Delta]:
        entry = self._entry(event, kind)
        if entry.kind in _CALLS:
            yield from self._announced(entry, event)
            if not (once and _ARGUMENTS in entry.told):
                yield from self._argue(entry, event.get(said))

    def _thought(
        self, event: Mapping[str, Any], said: str, *, once: bool = False, kind: str = "text"
    ) -> Iterator[Delta]:
        entry = self._entry(event, "reasoning")
        part = _number(event, "summary_index" if kind == "summary" else "content_index")
        if not (once and (kind, part) in entry.told):
            yield from self._think(entry, kind, part, event.get(said))

    # --- items -------------------------------------------------------------------------------

    def _whole_item(self, entry: _Item, item: Mapping[str, Any]) -> Iterator[Delta]:
        """All of an item that was not told yet."""
        if entry.kind == "message":
            for at, part in enumerate(_objects(item.get("content"))):
                if ("text", at) not in entry.told:
                    yield from self._say(entry, at, part.get("text") or part.get("refusal"))
        elif entry.kind in _CALLS:
            yield from self._announced(entry, item)
            if _ARGUMENTS not in entry.told:
                yield from self._argue(entry, item.get(_CALLS[entry.kind]))
        elif entry.kind == "reasoning":
            for kind, parts in (("summary", item.get("summary")), ("text", item.get("content"))):
                for at, part in enumerate(_objects(parts)):
                    if (kind, at) not in entry.told:
                        yield from self._think(entry, kind, at, part.get("text"))
            if ("data", 0) not in entry.told:
                yield from self._think(entry, "data", 0, item.get("encrypted_content"))
            if not entry.told:
                # Its id alone: a provider that keeps its answers wants that back.
                yield from self._think(entry, "summary", 0, "", empty=True)

    def _announced(self, entry: _Item, item: Mapping[str, Any]) -> Iterator[Delta]:
        """The beginning of a call, once its name is known."""
        name, call_id = item.get("name"), item.get("call_id")
        if not entry.announced and isinstance(name, str) and name:
            entry.announced = True
            known = clean(call_id) if isinstance(call_id, str) and call_id else None
            # Arguments without a name would look like another call's.
            held = "".join(entry.held) or None
            entry.held.clear()
            yield Delta(index=entry.number, call_id=known, name=clean(name), arguments=held)

    def _argue(self, entry: _Item, arguments: object) -> Iterator[Delta]:
        if not isinstance(arguments, str) or not arguments:
            return
        entry.told[_ARGUMENTS] = 1
        if entry.announced:
            yield Delta(index=entry.number, arguments=clean(arguments))
        else:
            entry.held.append(clean(arguments))

    def _say(self, entry: _Item, part: int, text: object) -> Iterator[Delta]:
        if not isinstance(text, str) or not text or entry.kind != "message":
            return
        # Several messages of one answer are paragraphs of it.
        gap = "\n\n" if self._speaking not in (None, entry) else ""
        self._speaking = entry
        entry.told[("text", part)] = 1
        yield Delta(text=gap + clean(text))

    def _think(
        self, entry: _Item, kind: str, part: int, text: object, *, empty: bool = False
    ) -> Iterator[Delta]:
        if entry.kind != "reasoning" or not isinstance(text, str) or not (text or empty):
            return
        if (kind, part) not in entry.told:
            entry.told[(kind, part)] = self._thoughts
            self._thoughts += 1
        detail: dict[str, Any] = {
            "type": f"reasoning.{'encrypted' if kind == 'data' else kind}",
            kind: clean(text),
            "format": FORMAT,
            "index": entry.told[(kind, part)],
        }
        if entry.id and len(entry.id) <= LONGEST_ID:
            detail["id"] = clean(entry.id)
        if entry.place:
            detail["place"] = entry.place
        yield Delta(reasoning=(detail,))

    def _entry(self, event: Mapping[str, Any], kind: str, id: object = None) -> _Item:
        """The item that an event speaks of, known already or new."""
        at, named = event.get("output_index"), id or event.get("item_id")
        found: list[_Item | None] = [self._at.get(at) if isinstance(at, int) else None]
        found.append(self._at_name(named))
        if at is None and not named and self._items:
            found.append(self._items[-1])
        # What is at that place and of another kind is another item.
        entry = next((each for each in found if each is not None and _alike(each.kind, kind)), None)
        if entry is None:
            entry = self._begun(kind, named if isinstance(named, str) and named else None)
        if isinstance(at, int):
            self._at[at] = entry
        if isinstance(named, str) and named:
            self._named[named] = entry
        return entry

    def _at_name(self, named: object) -> _Item | None:
        return self._named.get(named) if isinstance(named, str) else None

    def _begun(self, kind: str, id: str | None) -> _Item:
        entry = _Item(kind, id)
        if kind in _CALLS:
            entry.number = self._calls
            self._calls += 1
        elif kind == "reasoning":
            entry.place = self._calls + 1 if self._calls or self._speaking else 0
        self._items.append(entry)
        return entry

    # --- the end -----------------------------------------------------------------------------

    def _over(self, response: Mapping[str, Any], kind: str) -> tuple[Delta, ...]:
        """What is left to tell of an answer that is over, and its end, unless it failed."""
        self.ended = True
        begun = {item.kind for item in self._items if item.told or item.announced}
        deltas: list[Delta] = []
        for at, item in enumerate(_objects(response.get("output"))):
            type_, named = str(item.get("type")), item.get("id")
            entry = self._named.get(named) if isinstance(named, str) else None
            entry = entry or self._at.get(at)
            if entry is None or not _alike(entry.kind, type_):
                if type_ in begun:
                    # Told in the stream, under another name and place.
                    continue
                entry = self._begun(type_, named if isinstance(named, str) and named else None)
            deltas.extend(self._whole_item(entry, item))
        status = response.get("status") or kind.removeprefix("response.")
        if status not in _FAILED:
            finish = self._finish(str(status), response)
            deltas.append(Delta(finish_reason=finish, usage=read_usage(response.get("usage"))))
        return tuple(deltas)

    def _finish(self, status: str, response: Mapping[str, Any]) -> str:
        if status == "incomplete":
            reason = _object(response.get("incomplete_details")).get("reason")
            return "content_filter" if reason == "content_filter" else "length"
        return "tool_calls" if self._calls else "stop"


def _alike(one: str, other: str) -> bool:
    return one == other or (one in _CALLS and other in _CALLS)


def _object(value: object) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}


def _objects(value: object) -> list[Mapping[str, Any]]:
    return [_object(each) for each in value] if isinstance(value, list) else []


def _number(event: Mapping[str, Any], name: str) -> int:
    number = event.get(name)
    return number if isinstance(number, int) else 0


_Teller = Callable[[ResponsesAnswer, Mapping[str, Any]], Iterator[Delta]]
_SUMMARY = partial(ResponsesAnswer._thought, kind="summary")
_INPUT = partial(ResponsesAnswer._arguments, kind="custom_tool_call")

_EVENTS: Mapping[str, _Teller] = {
    "response.output_item.added": ResponsesAnswer._added,
    "response.output_item.done": ResponsesAnswer._done,
    "response.output_text.delta": partial(ResponsesAnswer._words, said="delta"),
    "response.output_text.done": partial(ResponsesAnswer._words, said="text", once=True),
    "response.refusal.delta": partial(ResponsesAnswer._words, said="delta"),
    "response.refusal.done": partial(ResponsesAnswer._words, said="refusal", once=True),
    "response.function_call_arguments.delta": partial(ResponsesAnswer._arguments, said="delta"),
    "response.function_call_arguments.done": partial(ResponsesAnswer._arguments, said="arguments", once=True),
    "response.custom_tool_call_input.delta": partial(_INPUT, said="delta"),
    "response.custom_tool_call_input.done": partial(_INPUT, said="input", once=True),
    "response.reasoning_summary_text.delta": partial(_SUMMARY, said="delta"),
    "response.reasoning_summary_text.done": partial(_SUMMARY, said="text", once=True),
    # Two names of one event: OpenAI's, and Open Responses'.
    "response.reasoning_text.delta": partial(ResponsesAnswer._thought, said="delta"),
    "response.reasoning_text.done": partial(ResponsesAnswer._thought, said="text", once=True),
    "response.reasoning.delta": partial(ResponsesAnswer._thought, said="delta"),
    "response.reasoning.done": partial(ResponsesAnswer._thought, said="text", once=True),
}
"""Events that say something; all others are ignored. Source: facts, wire, 4.4."""
