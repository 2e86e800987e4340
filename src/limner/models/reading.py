"""A provider's answer as it is being read: streamed events, or one piece of JSON."""

from __future__ import annotations

from typing import Protocol

from limner.core.messages import Delta
from limner.wire.errors import Fault, read_fault
from limner.wire.parsing import parsed
from limner.wire.refrain import Refrain
from limner.wire.sse import EventTooLarge, SseEvent, SseParser

__all__ = ["Answering", "Reading"]

_MAX_WHOLE_BYTES = 16 * 1024 * 1024
_MAX_STREAMED_BYTES = 64 * 1024 * 1024
"""Of a whole stream, silence included: an endless one must not keep a turn for ever."""
_ODD = (ArithmeticError, LookupError, RecursionError, TypeError, ValueError)
"""Strategy: providers send shapes that nobody thought of; whatever trips over one ends here."""
_PADDING = b" \t\r\n\xef\xbb\xbf"
"""White space that some gateways send while they wait, and the byte order mark."""


class Answering(Protocol):
    """How the JSON of one answer is read, in the words of one API."""

    @property
    def ended(self) -> bool:
        """The answer has said that nothing follows."""
        ...

    @property
    def ends_itself(self) -> bool:
        """Whether a whole answer says that it is over; where it doesn't, its last line does."""
        ...

    @property
    def counted(self) -> bool:
        """Whether each event has a `sequence_number`."""
        ...

    def chunk(self, value: object, name: str) -> tuple[Delta, ...]:
        """What one streamed event says; `name`: as its frame calls it."""
        ...

    def words(self, value: object) -> str:
        """The text of an event that says nothing else, as any like it would until `chunk` is asked; else ""."""
        ...

    def whole(self, body: object) -> tuple[Delta, ...]:
        """What an answer in one piece says."""
        ...

    def fault(self, body: object, name: str = "") -> Fault | None:
        """The error in an event or an answer; None where there is none."""
        ...


class Reading:
    """Feed it each network read, and b"" at the end; after a failure feed it no more.

    What is said is judged by its first byte and not by its content type: some servers answer
    plain JSON to `stream: true`, and some call their streams text.
    """

    def __init__(self, answering: Answering, max_whole_bytes: int = _MAX_WHOLE_BYTES) -> None:
        self.ended = False
        """Nothing more needs to be read."""
        self.finished = False
        """The model has said that it has finished; its figures may follow."""
        self.begun = False
        """A thought, text, a call or the finish has been said."""
        self.failure: Fault | str | None = None
        """Why the answer is none, after what was said: the provider's error, or one of our codes."""
        self._answering = answering
        self._refrain = Refrain(answering.words, counted=answering.counted)
        self._spoken = False
        """Something has been said beside thoughts."""
        self._max_whole_bytes = max_whole_bytes
        self._parser: SseParser | None = None
        self._whole: bytearray | None = None
        self._events = 0
        self._received = 0

    def take(self, data: bytes) -> tuple[Delta, ...]:
        """What one read says; `failure` and `ended` may be set after it."""
        self._received += len(data)
        if self._received > _MAX_STREAMED_BYTES:
            # What the model has finished stands, however its stream goes on.
            self.ended = self.finished
            self.failure = None if self.finished else "upstream_too_large"
            return ()
        if self._parser is None and self._whole is None:
            data = self._opened(data)
        if self._whole is not None:
            deltas = self._take_whole(self._whole, data)
        elif self._parser is not None:
            deltas = self._take_events(self._parser, data)
        else:
            return ()
        self._spoken = self._spoken or any(not _only_figures(delta) for delta in deltas)
        self.begun = self._spoken or self.begun or any(delta.reasoning for delta in deltas)
        self.finished = self.finished or any(delta.finish_reason for delta in deltas)
        if self.ended and not self._spoken and self.failure is None:
            self.failure = "upstream_empty"
        return tuple(deltas)

    def _opened(self, data: bytes) -> bytes:
        """Decide by the first byte what the answer is; the data without its padding."""
        rest = data.lstrip(_PADDING)
        if rest[:1] in (b"{", b"["):
            self._whole = bytearray()
        elif rest[:1] == b"<" or not data:
            self.ended, self.failure = True, "upstream_empty"
        elif rest:
            self._parser = SseParser()
        return rest

    def _take_whole(self, whole: bytearray, data: bytes) -> list[Delta]:
        whole += data
        if len(whole) > self._max_whole_bytes:
            self.failure = "upstream_too_large"
        if data or self.failure:
            return []
        self.ended = True
        try:
            body = parsed(whole)
            self.failure = self._answering.fault(body)
            return list(self._answering.whole(body))
        except _ODD:
            self.failure = "upstream_protocol"
            return []

    def _take_events(self, parser: SseParser, data: bytes) -> list[Delta]:
        too_large = False
        try:
            events = parser.feed(data) if data else parser.close()
        except EventTooLarge as error:
            events, too_large = error.events, True
        self._events += len(events)
        deltas: list[Delta] = []
        words: list[str] = []
        for event in events:
            if event.event != "error" and (text := self._refrain.words(event.data)):
                words.append(text)
                continue
            for delta in self._take_event(event, last=not data):
                if _only_words(delta):
                    words.append(delta.text)
                    continue
                _say(deltas, words)
                deltas.append(delta)
            if self.ended or self.failure is not None:
                _say(deltas, words)
                return deltas
        _say(deltas, words)
        if too_large:
            self.failure = "upstream_too_large"
        elif not data:
            self.ended = True
            finished = self.finished or any(delta.finish_reason for delta in deltas)
            if not finished:
                self.failure = "upstream_truncated" if self._events else "upstream_empty"
        return deltas

    def _take_event(self, event: SseEvent, *, last: bool) -> tuple[Delta, ...]:
        """What one event says; `last` where the stream ended without ending it."""
        if event.data.strip() == "[DONE]":
            self.ended = True
            self.failure = "upstream_truncated" if self._answering.ends_itself else None
            return ()
        try:
            chunk = parsed(event.data)
        except ValueError:
            if event.event == "error":
                self.failure = read_fault(0, event.data)
            elif event.data.strip():
                self.failure = "upstream_truncated" if last else "upstream_protocol"
            return ()
        deltas: tuple[Delta, ...] = ()
        try:
            if event.event != "error" and (text := self._answering.words(chunk)):
                self._refrain.learn(event.data, text)
                return (Delta(text),)
            self._refrain.forget()
            deltas = self._answering.chunk(chunk, event.event)
            fault = self._answering.fault(chunk, event.event)
            self.failure = fault or (read_fault(0, chunk) if event.event == "error" else None)
            self.ended = self._answering.ended
        except _ODD:
            self.failure = "upstream_protocol"
        return deltas


def _say(deltas: list[Delta], words: list[str]) -> None:
    """Take up the words that came one after the other as one delta."""
    if words:
        deltas.append(Delta("".join(words)))
        words.clear()


def _only_words(delta: Delta) -> bool:
    return bool(delta.text) and delta == Delta(delta.text)


def _only_figures(delta: Delta) -> bool:
    said = delta.text or delta.name or delta.arguments or delta.call_id or delta.finish_reason
    return not said
