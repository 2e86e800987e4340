"""What a client of the Responses API is answered: its events, and the answer in one piece.

One builder for both. Each of its methods gives the events that it makes, each with the next `sequence_number`; the
object of the last event is the whole answer. What clients need beyond one published schema:

    response.reasoning_text.*   OpenAI's names; Open Responses calls them `response.reasoning.*`
    error                       OpenAI's flat fields, and Open Responses' nested ones beside them
    usage.cost, error_type, …   OpenRouter's, which other clients pass over
    limner                      pictures as in `wire.images.lines`; `incomplete`, our own word for why an answer
                                ended early; `offline`. Only where there is something to say

Sources: Open Responses (version 2026-04-24); OpenAI API reference, "Responses", "Streaming events"; OpenRouter API
reference, "Responses"; the packages openai 3.54 and 7.57, @openrouter/sdk 1.3.19 and @ai-sdk/openai 4.0.118
(read 2026-11-21).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, TypeVar

from limner.core.messages import ToolCall
from limner.core.pictures import Picture
from limner.core.thoughts import MAX_ENTRIES

from ..envelopes import ErrorWords
from ..images.lines import limner
from .images import ImageItem
from .object import ResponseHead, failure, response_object, responses_usage
from .output import CallItem, Event, MessageItem, OutputItem
from .reasoning import LONGEST_ID, OWN_ID, ReasoningItem, tells_reasoning

__all__ = ["Event", "ResponseBuilder", "ResponseHead", "responses_usage"]

_ItemT = TypeVar("_ItemT", bound=OutputItem)

_CUT: Mapping[str, str] = {"length": "max_output_tokens", "content_filter": "content_filter"}
"""How an answer is cut off → OpenAI's word for it."""


class ResponseBuilder:
    """Writes one answer. After its last event it has nothing more to say."""

    def __init__(
        self, head: ResponseHead, echo: Mapping[str, Any], *, native: bool, offline: bool = False
    ) -> None:
        """`echo`: what the answer repeats of the request. `native`: pictures as OpenAI's own tool tells them.

        `offline`: nothing is connected, and the answer says so.
        """
        self._head = head
        self._echo = echo
        self._native = native
        self._offline = offline
        self._sequence = 0
        self._begun = False
        self._ids: set[str] = set()
        self._items: list[OutputItem] = []
        self._message: MessageItem | None = None
        self._reasoning: ReasoningItem | None = None
        self._thoughts = 0
        """Trains of thought, and their parts."""
        self._images: dict[str, ImageItem] = {}
        self._called: set[str] = set()
        self._last: dict[str, Any] | None = None

    @property
    def ended(self) -> bool:
        """Whether the last event was told."""
        return self._last is not None

    def begin(self) -> list[Event]:
        """The first events; the other methods put them before their own where this one was not called."""
        return self._told([])

    def text(self, text: str) -> list[Event]:
        """More words; a picture's Markdown is one `text` of its own."""
        if not text or self.ended:
            return []
        events = self._close_reasoning()
        if self._message is None:
            self._message = self._new(MessageItem(self._own_id("msg_"), len(self._items)))
            events += self._message.open()
        events.append(self._message.write(text))
        return self._told(events)

    def reasoning(self, details: Sequence[Mapping[str, Any]]) -> list[Event]:
        """Fragments of what the model thinks, as in `core.messages.Delta.reasoning`."""
        events: list[Event] = []
        for fragment in () if self.ended else details:
            if not tells_reasoning(fragment):
                continue
            item = self._reasoning
            begins = item is None or not item.takes(fragment) or item.begins(fragment)
            if begins and self._thoughts >= MAX_ENTRIES:
                # What has no end is not told to its end: each is an object of its own, here and there.
                continue
            self._thoughts += begins
            if item is None or not item.takes(fragment):
                events += self._close_reasoning()
                source = str(fragment.get("id") or "")
                known = 0 < len(source) <= LONGEST_ID
                item_id = self._unique(source) if known else self._own_id(OWN_ID)
                item = self._reasoning = self._new(ReasoningItem(item_id, len(self._items), fragment))
                events += item.open()
            events += item.write(fragment)
        return self._told(events)

    def image_queued(self, call_id: str, prompt: str | None = None) -> list[Event]:
        """A picture was asked for."""
        events: list[Event] = []
        self._image(call_id, prompt, events)
        return self._told(events)

    def image_generating(self, call_id: str) -> list[Event]:
        """A picture was ordered."""
        events: list[Event] = []
        if item := self._image(call_id, None, events):
            events += item.generating()
        return self._told(events)

    def image_partial(
        self,
        call_id: str,
        index: int,
        b64: str,
        *,
        format: str | None = None,
        quality: str | None = None,
        background: str | None = None,
    ) -> list[Event]:
        """A picture that is not finished; `index` from 0. It is in no item."""
        events: list[Event] = []
        if item := self._image(call_id, None, events):
            known = {"output_format": format, "quality": quality, "background": background}
            events += item.partial(index, b64, known)
        return self._told(events)

    def image_finished(
        self,
        call_id: str,
        *,
        url: str | None,
        b64: str | None = None,
        picture: Picture | None = None,
        prompt: str | None = None,
        revised_prompt: str | None = None,
        quality: str | None = None,
        background: str | None = None,
    ) -> list[Event]:
        """A picture is there: `url` where it is found; `b64` its bytes, which a native item carries."""
        events: list[Event] = []
        if item := self._image(call_id, prompt, events):
            events += item.finish(
                url=url,
                b64=b64,
                picture=picture,
                prompt=prompt,
                revised_prompt=revised_prompt,
                options={"quality": quality, "background": background},
            )
        return self._told(events)

    def image_failed(
        self, call_id: str, code: str, sentence: str | None = None, *, prompt: str | None = None
    ) -> list[Event]:
        """There is no such picture, queued before or not; `code` of `errors.CALL_CODES`."""
        events: list[Event] = []
        if item := self._image(call_id, prompt, events):
            events += item.fail(code, sentence, prompt)
        return self._told(events)

    def calls(self, calls: Iterable[ToolCall]) -> list[Event]:
        """Calls that the client executes, each told once: else it would be executed twice."""
        if self.ended:
            return []
        events = self._close_reasoning()
        for call in calls:
            if call.id in self._called:
                continue
            self._called.add(call.id)
            item_id = self._unique(f"fc_{call.id}")
            item = self._new(CallItem(item_id, len(self._items), call.id, call.name))
            # Clients parse what stands here, and several of them stumble over nothing.
            events += item.tell(call.arguments or "{}")
        return self._told(events)

    def end(
        self,
        *,
        usage: Mapping[str, Any] | None = None,
        completed_at: int,
        finish: str = "stop",
        incomplete: str | None = None,
        lines: Sequence[Mapping[str, Any]] | None = None,
    ) -> list[Event]:
        """The last events.

        `usage`: as `responses_usage` gives it. `finish`: as chats have it. `incomplete`: why the turn ended early,
        where `finish` does not say it. `lines`: `limner.images[]`.
        """
        if self.ended:
            return []
        cut = _CUT.get(finish)
        events = self._close_all("completed" if cut is None else "incomplete")
        extension = limner(lines, offline=self._offline)
        if incomplete is not None and incomplete not in _CUT:
            extension["incomplete"] = incomplete
        status = "completed" if cut is None else "incomplete"
        told = self._told(events)
        self._last = response_object(
            self._head,
            self._echo,
            [item.now() for item in self._items],
            status=status,
            completed_at=completed_at if cut is None else None,
            usage=usage,
            incomplete=cut,
            extension=extension,
        )
        return [*told, *self._numbered([{"type": f"response.{status}", "response": self._last}])]

    def fail(self, words: ErrorWords, *, lines: Sequence[Mapping[str, Any]] | None = None) -> list[Event]:
        """The last events of an answer that broke.

        What is open stays so: nobody is told that it is done.
        """
        if self.ended:
            return []
        told = self._told([])
        self._last = response_object(
            self._head,
            # Whatever was asked for: what broke off is stored nowhere, and nobody goes on with it.
            {**self._echo, "store": False},
            [item.broken_off() for item in self._items],
            status="failed",
            error=failure(words),
            error_type=words.error_type,
            extension=limner(lines, offline=self._offline),
        )
        named = {"request_id": words.request_id, "partial": words.partial}
        named = {name: value for name, value in named.items() if value is not None}
        flat = {"code": words.code, "message": words.sentence, "param": words.param}
        metadata = {"error_type": words.error_type, "status": words.status, **named}
        error = {"type": "error", **flat, "error": {"type": words.type, **flat, "metadata": metadata}}
        return [*told, *self._numbered([error, {"type": "response.failed", "response": self._last}])]

    def response(self) -> dict[str, Any]:
        """The answer as it is now; after the last event, the whole of it."""
        return self._now([item.now() for item in self._items]) if self._last is None else self._last

    def _now(self, output: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
        extension = limner(offline=self._offline)
        return response_object(self._head, self._echo, output, status="in_progress", extension=extension)

    def _image(self, call_id: str, prompt: str | None, events: list[Event]) -> ImageItem | None:
        """The item of a call, begun where it was not; None where nothing can be said of it any more."""
        if self.ended:
            return None
        item = self._images.get(call_id)
        if item is None:
            events += self._close_reasoning()
            item_id = self._unique(f"ig_{call_id}")
            item = self._new(ImageItem(item_id, len(self._items), prompt, native=self._native))
            self._images[call_id] = item
            events += item.open()
        return item if item.done is None else None

    def _new(self, item: _ItemT) -> _ItemT:
        self._items.append(item)
        return item

    def _own_id(self, prefix: str) -> str:
        return self._unique(prefix + self._head.id.removeprefix("resp_"))

    def _unique(self, id: str) -> str:
        """`id`, or one of its own for an item whose name another has: clients tell items apart by it."""
        unique, count = id, 1
        while unique in self._ids:
            count += 1
            unique = f"{id}_{count}"
        self._ids.add(unique)
        return unique

    def _close_reasoning(self) -> list[Event]:
        item, self._reasoning = self._reasoning, None
        return [] if item is None else item.close("completed")

    def _close_all(self, status: str) -> list[Event]:
        events: list[Event] = []
        for item in self._items:
            if item.done is None:
                events += item.close(status)
        self._reasoning = None
        return events

    def _told(self, events: list[Event]) -> list[Event]:
        if self._begun:
            return self._numbered(events)
        self._begun = True
        first: list[Event] = [
            {"type": "response.created", "response": self._now([])},
            {"type": "response.in_progress", "response": self._now([])},
        ]
        return self._numbered([*first, *events])

    def _numbered(self, events: list[Event]) -> list[Event]:
        for event in events:
            event["sequence_number"] = self._sequence
            self._sequence += 1
        return events
