"""Events that repeat an earlier one but for their words.

Of a stream's events nearly all differ in nothing else, and reading one whole costs ten times what
telling that costs. Nothing is guessed: JSON in which one string stands for another has the same
shape, so what was true of the one event is true of the other.
"""

from __future__ import annotations

import re
from collections.abc import Callable

from .parsing import parsed
from .text import clean

__all__ = ["Refrain"]

_PLAIN = re.compile(r'[^"\\\x00-\x1f]*').fullmatch
"""What stands in a JSON string as it is."""
_PADDING = re.compile(r'"obfuscation": ?"([^"\\\x00-\x1f]*)"')
"""Noise that hides the length of the words, and that nobody reads.

Source: OpenAI API reference, `stream_options.include_obfuscation` (read 2026-11-21).
"""
_NUMBER = re.compile(r'"sequence_number": ?(?:0|[1-9][0-9]*)(?=[,}])')
_NO_NUMBER = '"sequence_number":0'
_MARK = "\ufdd0"
"""No character, so nobody says it."""
_LONGEST_PAUSE = 255


class Refrain:
    """What the events of one stream have in common, once one of them was read."""

    def __init__(self, words: Callable[[object], str], *, counted: bool = False) -> None:
        """`words`: the text of an event that says nothing else, else ""; it does not read `obfuscation`.

        `counted`: each event has a `sequence_number`, which it does not read either.
        """
        self._words = words
        self._counted = counted
        self._head = self._tail = ""
        self._close: str | None = None
        """What follows the padding, where there is any."""
        self._heard = True
        """The last event that was learnt has come again."""
        self._pause = self._wait = 0

    def words(self, data: str) -> str:
        """The text of an event that says nothing else, escapes and all; "" where it has to be read."""
        raw = self._raw(_NUMBER.sub(_NO_NUMBER, data, 1) if self._counted else data)
        if not raw or _PLAIN(raw):
            return raw
        try:
            text = parsed(f'"{raw}"')
        except ValueError:
            return ""
        return clean(text) if isinstance(text, str) else ""

    def text(self, data: str) -> str:
        """The same where it is written as it is, without an escape."""
        raw = self._raw(data)
        return raw if _PLAIN(raw) else ""

    def forget(self) -> None:
        """Something else was said: events like the last one may mean something else from now on."""
        self._head = ""

    def _raw(self, data: str) -> str:
        """What stands where the words do, which may be no text at all; "" where the rest differs."""
        head, tail = self._head, self._tail
        if not head or not data.startswith(head):
            return ""
        end = len(data) - len(tail)
        if self._close is not None:
            end = data.find(tail, len(head))
            begin, close = end + len(tail), len(data) - len(self._close)
            # One quote is not both the first of the padding and its last.
            if end < 0 or begin > close or not data.endswith(self._close) or not _PLAIN(data, begin, close):
                return ""
        elif not data.endswith(tail):
            return ""
        self._heard = True
        return data[len(head) : end]

    def padding(self, data: str, text: str) -> str:
        """What hides the length of `text` in an event that says it."""
        if self._close is None:
            return ""
        return data[len(self._head) + len(text) + len(self._tail) : len(data) - len(self._close)]

    def event(self, text: str, padding: str) -> str:
        """An event like the one that was learnt."""
        end = "" if self._close is None else f"{padding}{self._close}"
        return f"{self._head}{text}{self._tail}{end}"

    def learn(self, data: str, text: str) -> bool:
        """Remember an event that was read and says nothing but `text`: whether there is one to remember."""
        data = _NUMBER.sub(_NO_NUMBER, data, 1) if self._counted else data
        found = data.rfind(f':"{text}"') + 2
        found = found if found > 1 else data.rfind(f': "{text}"') + 3
        if found < 3 or _MARK in data or not _PLAIN(text):
            return False
        if self._wait:
            self._wait -= 1
            return False
        # Where every event differs from the next, each would be read twice.
        self._pause = 0 if self._heard else min(2 * self._pause + 1, _LONGEST_PAUSE)
        self._wait, self._heard = self._pause, False
        head, tail, close = data[:found], data[found + len(text) :], None
        if padding := _PADDING.search(tail):
            tail, close = tail[: padding.start(1)], tail[padding.end(1) :]
        # The text may stand elsewhere too: it is the right place if the words there are what is said.
        try:
            said = self._words(parsed(f"{head}{_MARK}{tail}{close or ''}"))
        except ValueError:
            return False
        if said == _MARK:
            self._head, self._tail, self._close = head, tail, close
        return said == _MARK
