"""The library's own log: bound ids, never prompts, keys, links or bytes."""

from __future__ import annotations

import logging
from functools import cached_property
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import structlog

__all__ = ["Log", "log"]


class Log:
    """Events and their details, told to a logger of the standard library.

    `structlog` writes them, and is imported with the first that the logger lets through: most
    programs that embed the library hear none.
    """

    def __init__(self, name: str) -> None:
        self._logger = logging.getLogger(name)

    def debug(self, event: str, **details: object) -> None:
        """For those who look for a fault."""
        if self._logger.isEnabledFor(logging.DEBUG):
            self._written.debug(event, **details)

    def info(self, event: str, **details: object) -> None:
        """What happened as it should."""
        if self._logger.isEnabledFor(logging.INFO):
            self._written.info(event, **details)

    def warning(self, event: str, **details: object) -> None:
        """What somebody should look at one day."""
        if self._logger.isEnabledFor(logging.WARNING):
            self._written.warning(event, **details)

    def error(self, event: str, **details: object) -> None:
        """What went wrong."""
        if self._logger.isEnabledFor(logging.ERROR):
            self._written.error(event, **details)

    def exception(self, event: str, **details: object) -> None:
        """An error with the traceback of the exception that is handled just now."""
        if self._logger.isEnabledFor(logging.ERROR):
            self._written.exception(event, **details)

    @cached_property
    def _written(self) -> structlog.stdlib.BoundLogger:
        import structlog  # start-up time

        written: structlog.stdlib.BoundLogger = structlog.wrap_logger(
            self._logger,
            processors=[structlog.processors.format_exc_info, structlog.stdlib.render_to_log_kwargs],
            wrapper_class=structlog.stdlib.BoundLogger,
        ).bind()
        return written


# Silent until the application configures logging.
logging.getLogger("limner").addHandler(logging.NullHandler())

log = Log("limner")
