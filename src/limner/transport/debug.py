"""The restricted log: what a provider said, in its own words, for those who debug it.

It is the only place where such words are kept. Nothing is written unless the logger
`limner.debug` itself is set to DEBUG: the level of the root logger does not count.
"""

from __future__ import annotations

import logging

from limner.logs import Log

__all__ = ["note_words", "redacted"]

_MAX_CHARACTERS = 1000
_TELLING = 4
"""Characters of a secret's beginning that say something about it."""

_logger = logging.getLogger("limner.debug")
if _logger.level == logging.NOTSET:
    _logger.setLevel(logging.INFO)

_log = Log(_logger.name)


def redacted(words: str, secret: str) -> str:
    """`words` without `secret`: some providers repeat the key that they refuse.

    Do this before any cut. Where the words were cut already, the beginning of a secret at their
    end goes too.
    """
    if not secret:
        return words
    words = words.replace(secret, "***")
    for length in range(min(len(secret), len(words)), min(_TELLING, len(secret)) - 1, -1):
        if words.endswith(secret[:length]):
            return words[:-length] + "***"
    return words


def note_words(code: str, status: int, words: str, secret: str) -> None:
    """Note a refusal: our `code`, its HTTP `status`, the provider's `words` without our `secret`."""
    shown = redacted(words, secret)[:_MAX_CHARACTERS]
    _log.debug("provider.refused", code=code, status=status, words=shown)
