"""An answer as JSON values, streamed as events or whole; what it is, its first byte says.

Some servers answer plain JSON where a stream was asked for, some stream where none was, some send
the picture itself, and content types tell nothing of it.
"""

from __future__ import annotations

from typing import Literal

from .errors import Fault, fault_in_body, read_fault
from .parsing import marks, parsed
from .sse import EventTooLarge, SseEvent, SseParser
from .unpacking import Unpacking

__all__ = ["Chunks"]

_PADDING = b" \t\r\n\xef\xbb\xbf"
"""White space that some gateways send while they wait, and the byte order mark."""
_FIELDS = (b":", b"d", b"e", b"i", b"r")
"""What a stream begins with: a comment, or the name of one of its four fields. Neither JSON, nor HTML,
nor a picture begins so."""


_MUCH_BYTES = 1 << 20
_MUCH_JSON_BYTES = 128 << 10
_FEW_VALUES = 200
"""Of an event that counts for nothing: no delta has more, and no picture."""
_MOST_VALUES = 1_000_000
"""Of all other events of a stream: whoever gathers them may have to keep each."""


class Chunks:
    """Feed it each network read, and b"" at the end."""

    def __init__(self, max_bytes: int, max_event_bytes: int) -> None:
        """`max_bytes`: of everything; `max_event_bytes`: of one event of a stream."""
        self.kind: Literal["", "whole", "events"] = ""
        """What it turned out to be; "" as long as nothing has come."""
        self.ended = False
        """The stream has said that it is over; what may follow says nothing."""
        self.fault: Fault | None = None
        """The error that the stream ended with."""
        self.too_large = False
        self.whole = Unpacking()
        """Everything, where it is no stream."""
        self.cut: str | None = None
        """The beginning of an event that the end of the stream cut off."""
        self._max_bytes = max_bytes
        self._max_event_bytes = max_event_bytes
        self._size = 0
        self._values = 0
        self._unread = 0
        """Bytes of a stream since its last event, at most."""
        self._parser: SseParser | None = None

    @property
    def size_bytes(self) -> int:
        """Of everything that has come."""
        return self._size

    def heavy(self, data: bytes) -> bool:
        """Whether taking `data` may take long: it is much, or ends a line of much JSON."""
        if self._parser is None:
            return len(data) > _MUCH_BYTES
        ends = not data or b"\n" in data or b"\r" in data
        return ends and self._unread + len(data) > _MUCH_JSON_BYTES

    def take(self, data: bytes) -> list[object]:
        """The values that one read completes; `fault`, `ended` or `too_large` may be set after it."""
        self._size += len(data)
        if self._size > self._max_bytes:
            self.too_large = True
            return []
        if not self.kind:
            data = self._opened(data)
        if self.kind == "whole":
            self.whole.add(data)
        return self._events(self._parser, data) if self._parser is not None else []

    def _opened(self, data: bytes) -> bytes:
        """Decide by the first byte what the answer is; the data without its padding."""
        rest = data.lstrip(_PADDING)
        if rest and rest[:1] in _FIELDS:
            self.kind, self._parser = "events", SseParser(self._max_event_bytes)
        elif rest:
            self.kind = "whole"
        return rest

    def _events(self, parser: SseParser, data: bytes) -> list[object]:
        try:
            events = parser.feed(data) if data else parser.close()
        except EventTooLarge as error:
            events, self.too_large = error.events, True
        self._unread = len(data) + (0 if events else self._unread)
        values: list[object] = []
        for event in events:
            if self.ended or self.fault is not None:
                break
            self._event(event, values, last=not data)
        return values

    def _event(self, event: SseEvent, values: list[object], *, last: bool) -> None:
        """One event; `last` where the stream ended without ending it."""
        if event.data.strip() == "[DONE]":
            self.ended = True
            return
        here = marks(event.data, _MOST_VALUES)
        self._values += here if here > _FEW_VALUES else 0
        if self._values > _MOST_VALUES:
            self.too_large = True
            return
        try:
            value = parsed(event.data)
        except ValueError:
            if event.event == "error":
                self.fault = read_fault(0, event.data)
            elif last:
                self.cut = f"{event.event} {event.data[:200]}"
            return
        self.fault = read_fault(0, value) if event.event == "error" else fault_in_body(value)
        if self.fault is None:
            values.append(value)
