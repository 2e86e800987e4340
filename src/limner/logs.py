"""The library's own log: bound ids, never prompts, keys, links or bytes."""

from __future__ import annotations

import logging

import structlog

__all__ = ["log"]

_logger = logging.getLogger("limner")
# Silent until the application configures logging.
_logger.addHandler(logging.NullHandler())

log: structlog.stdlib.BoundLogger = structlog.wrap_logger(
    _logger,
    processors=[
        structlog.stdlib.filter_by_level,
        structlog.processors.format_exc_info,
        structlog.stdlib.render_to_log_kwargs,
    ],
    wrapper_class=structlog.stdlib.BoundLogger,
)
