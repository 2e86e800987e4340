"""The service's log: one JSON object on each line, of requests and of what else happens.

Never content, keys or links: what is written is chosen field by field. No character of anybody else's
can end a line or move a terminal's cursor.
"""

from __future__ import annotations

import json
import logging
import sys
import threading
from collections import deque
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any, TextIO

from .ended import Ended

__all__ = ["AccessLog", "JsonHandler", "LogLines", "json_line"]

_MOST_WAITING = 10_000
_GATHER_S = 0.05
_LONGEST = 200
_RECORDED = ("model", "turn", "pictures", "cost_usd")
"""What endpoints may have added to a request's line."""

_STANDARD = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime", "exception"}


def json_line(event: str, at_s: float, values: Mapping[str, Any]) -> str:
    """One line without its end; ASCII, so that nothing in it is more than text."""
    time = datetime.fromtimestamp(at_s, UTC).isoformat(timespec="milliseconds")
    shown = {name: _shown(value) for name, value in values.items() if value is not None}
    line = json.dumps({"time": time, "event": event, **shown}, allow_nan=False, separators=(",", ":"))
    return line.replace("\x7f", "\\u007f")


def _shown(value: Any) -> Any:
    if isinstance(value, bool | int):
        return value
    if isinstance(value, float):
        return round(value, 6) if abs(value) < 1e15 else str(value)
    if isinstance(value, list | tuple):
        return [_shown(each) for each in value[:50]]
    text = str(value)
    return text if len(text) <= _LONGEST else text[:_LONGEST] + "…"


class LogLines:
    """Writes lines from a thread of its own, a few times a second: a full pipe must not hold up the service.

    What cannot be written in time is dropped, and how much that was is said.
    """

    def __init__(self, stream: TextIO | None = None) -> None:
        """`stream`: None is the standard error output."""
        self._stream = stream or sys.stderr
        self._waiting: deque[str] = deque()
        self._dropped = 0
        self._some = threading.Event()
        self._closing = threading.Event()
        self._thread = threading.Thread(target=self._write, name="limner-log", daemon=True)
        self._thread.start()

    def write(self, line: str) -> None:
        """Write it soon."""
        if len(self._waiting) >= _MOST_WAITING:
            self._dropped += 1
            return
        self._waiting.append(line)
        if not self._some.is_set():
            self._some.set()

    def close(self, timeout_s: float = 1.0) -> None:
        """Write what waits, if that is possible in this time."""
        self._closing.set()
        self._some.set()
        self._thread.join(timeout_s)

    def _write(self) -> None:
        while True:
            self._some.wait()
            # To wake this thread for every line would cost a request more than all else that is done for it.
            self._closing.wait(_GATHER_S)
            closing = self._closing.is_set()
            self._some.clear()
            lines = [self._waiting.popleft() for _ in range(len(self._waiting))]
            if self._dropped:
                lines.append(json.dumps({"event": "log.dropped", "lines": self._dropped}))
                self._dropped = 0
            try:
                self._stream.write("".join(f"{line}\n" for line in lines))
                self._stream.flush()
            except (OSError, ValueError):
                # Nobody reads the log any more: that is no reason to stop serving.
                self._dropped += len(lines)
            if closing:
                return


class AccessLog:
    """An observer that writes one line for each request."""

    def __init__(self, write: Callable[[str], None], now: Callable[[], float]) -> None:
        """`now`: seconds since 1970."""
        self._write = write
        self._now = now

    def __call__(self, ended: Ended) -> None:
        """Write the line."""
        values = {
            "request_id": ended.id,
            "tenant": ended.tenant,
            "method": ended.method or None,
            "route": ended.route or None,
            "status": ended.status,
            "code": ended.code,
            "seconds": ended.seconds,
            **{name: ended.record.get(name) for name in _RECORDED},
        }
        self._write(json_line("request.ended", self._now(), values))


class JsonHandler(logging.Handler):
    """Writes what is logged beside requests as lines of the same kind.

    Of other libraries only that they said something: their words may be anybody's.
    """

    def __init__(self, write: Callable[[str], None]) -> None:
        super().__init__()
        self._write_line = write

    def emit(self, record: logging.LogRecord) -> None:
        """Write the event and its data; of an error its kind, since its words may be anybody's."""
        ours = record.name.partition(".")[0] == "limner"
        values: dict[str, Any] = {"logger": record.name}
        if ours:
            values = {name: value for name, value in vars(record).items() if name not in _STANDARD}
        if record.exc_info and record.exc_info[0] is not None:
            values.setdefault("error", record.exc_info[0].__qualname__)
        level = {"level": record.levelname.lower()}
        # The message's arguments are not filled in: whoever logs data names them.
        event = str(record.msg) if ours else "library.reported"
        self._write_line(json_line(event, record.created, level | values))
