"""The restricted log: what a provider said, in its own words, for those who debug it.

It is the only place where such words are kept. Nothing is written unless the logger
`limner.debug` itself is set to DEBUG: the level of the root logger does not count.
"""

from __future__ import annotations

import logging

import structlog

__all__ = ["note_words"]

_MAX_CHARACTERS = 1000

_logger = logging.getLogger("limner.debug")
if _logger.level == logging.NOTSET:
    _logger.setLevel(logging.INFO)

_log: structlog.stdlib.BoundLogger = structlog.wrap_logger(
    _logger,
    processors=[structlog.stdlib.filter_by_level, structlog.stdlib.render_to_log_kwargs],
    wrapper_class=structlog.stdlib.BoundLogger,
)


def note_words(code: str, status: int, words: str, secret: str) -> None:
    """Note a refusal: our `code`, its HTTP `status`, the provider's `words` without our `secret`."""
    # Some providers repeat the key that they refuse.
    shown = words.replace(secret, "***") if secret else words
    _log.debug("provider.refused", code=code, status=status, words=shown[:_MAX_CHARACTERS])
