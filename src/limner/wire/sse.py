"""Server-sent events from bytes, however they were cut.

Source: HTML Standard, "Server-sent events", parsing and interpreting an event stream
(read 2026-11-21). `id` and `retry` concern reconnecting, which nothing here does.
"""

from __future__ import annotations

import re
from typing import NamedTuple

__all__ = ["EventTooLarge", "SseEvent", "SseParser"]

_BOM = b"\xef\xbb\xbf"
_FRAME = re.compile(r"(?:event: ([^\n]+)\n)?data: ([^\n]*)\n\n")
_FRAMES = re.compile(r"(?:(?:event: [^\n]+\n)?+data: [^\n]*+\n\n)*+")


class EventTooLarge(Exception):
    """One event has more bytes than allowed; the stream can't be read any further."""

    def __init__(self, events: list[SseEvent]) -> None:
        super().__init__("one event has too many bytes")
        self.events = events
        """What the same read completed before it."""


class SseEvent(NamedTuple):
    """One event as it was dispatched."""

    data: str
    """The `data` lines joined by line feeds; invalid UTF-8 became U+FFFD."""
    event: str = ""
    """The `event` field; empty where there was none."""


class SseParser:
    """Feed it the bytes of one stream in order; any cutting gives the same events."""

    def __init__(self, max_event_bytes: int = 4 * 1024 * 1024) -> None:
        self._max_event_bytes = max_event_bytes
        # The unfinished last line, in pieces: joining at each read would cost the square of its length.
        self._pieces: list[bytes] = []
        self._data: list[bytes] = []
        self._event = b""
        self._size = 0
        self._begun = False
        self._after_cr = False

    def feed(self, data: bytes) -> list[SseEvent]:
        """The events that `data` completes.

        Raises: EventTooLarge, which carries the events that stood before the large one.
        """
        if self._after_cr and data:
            self._after_cr = False
            data = data[1:] if data.startswith(b"\n") else data
        events: list[SseEvent] = []
        if not data:
            return events
        if b"\n" not in data and b"\r" not in data:
            self._pieces.append(data)
            self._grow(len(data), events)
            return events
        held = sum(map(len, self._pieces))
        if held:
            data = b"".join((*self._pieces, data))
        self._pieces = []
        self._size -= held
        # Every line counts, so nothing was said of this event yet.
        if not self._size:
            frames = data[: data.rfind(b"\n\n") + 2]
            if len(frames) <= self._max_event_bytes and (found := _usual(frames)):
                events, data, self._begun = found, data[len(frames) :], True
        lines = data.splitlines(keepends=True)
        if lines and lines[-1][-1:] not in b"\r\n":
            self._pieces.append(lines.pop())
        # A line feed that comes with the next read belongs to this carriage return.
        self._after_cr = data.endswith(b"\r")
        for line in lines:
            self._line(line.rstrip(b"\r\n"), events)
        self._grow(sum(map(len, self._pieces)), events)
        return events

    def close(self) -> list[SseEvent]:
        """What the end of the stream completes: an event that lacks its empty line, if it has data.

        The standard drops it; providers that end with a bare `data: [DONE]` mean it.
        """
        events: list[SseEvent] = []
        if self._pieces:
            line, self._pieces = b"".join(self._pieces), []
            self._size -= len(line)
            self._line(line, events)
        self._line(b"", events)
        return events

    def _grow(self, size: int, events: list[SseEvent]) -> None:
        self._size += size
        if self._size > self._max_event_bytes:
            raise EventTooLarge(events)

    def _line(self, line: bytes, events: list[SseEvent]) -> None:
        if not self._begun:
            self._begun = True
            line = line.removeprefix(_BOM)
        if not line:
            self._dispatch(events)
            return
        # Lines that say nothing count too, or the limit would depend on how the bytes were cut.
        self._grow(len(line) + 1, events)
        name, _, value = line.partition(b":")
        value = value[1:] if value.startswith(b" ") else value
        if name == b"data":
            self._data.append(value)
        elif name == b"event":
            self._event = value

    def _dispatch(self, events: list[SseEvent]) -> None:
        if self._data and self._data != [b""]:
            data = b"\n".join(self._data).decode("utf-8", "replace")
            events.append(SseEvent(data, self._event.decode("utf-8", "replace")))
        self._data, self._event, self._size = [], b"", 0


def _usual(frames: bytes) -> list[SseEvent]:
    """The events of whole frames, where all are written as nearly everybody writes them; else none.

    Reading such frames line by line would cost more than what they say.
    """
    try:
        text = frames.decode()
    except UnicodeDecodeError:
        return []
    if "\r" in text:
        return []
    if text.startswith("data: "):
        parts = text[len("data: ") : -2].split("\n\ndata: ")
        if text.count("\n") == 2 * len(parts):
            return [SseEvent(data) for data in parts if data]
    if _FRAMES.fullmatch(text):
        return [SseEvent(data, name) for name, data in _FRAME.findall(text) if data]
    return []
