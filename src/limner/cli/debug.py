"""The library's log on standard error, providers' own words included, for whoever sets LIMNER_DEBUG."""

from __future__ import annotations

import logging

from .control import visible

__all__ = ["hide_log", "show_log"]

_OWN = frozenset(vars(logging.makeLogRecord({})))


class _Formatter(logging.Formatter):
    """The event and its data, on one line; a traceback below where there is one."""

    def format(self, record: logging.LogRecord) -> str:
        record.message = record.getMessage()
        data = " ".join(
            f"{key}={value!r}" for key, value in vars(record).items() if key not in _OWN | {"message"}
        )
        line = f"{record.levelname.lower()}: {record.message} {data}".rstrip()
        return visible(f"{line}\n{self.formatException(record.exc_info)}" if record.exc_info else line)


def show_log() -> None:
    """Write every line of the library's log."""
    handler = logging.StreamHandler()
    handler.setFormatter(_Formatter())
    logger = logging.getLogger("limner")
    logger.addHandler(handler)
    logger.setLevel(logging.DEBUG)
    # What providers say has a level of its own, which no level above it sets.
    logging.getLogger("limner.debug").setLevel(logging.DEBUG)


def hide_log() -> None:
    """Leave the log to a service, which writes each of its lines as JSON."""
    logger = logging.getLogger("limner")
    for handler in tuple(logger.handlers):
        if isinstance(handler.formatter, _Formatter):
            logger.removeHandler(handler)
