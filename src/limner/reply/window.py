"""A text that is still arriving, seen through a window of bounded length."""

from __future__ import annotations

import re

__all__ = ["END", "FAR", "LIMIT", "More", "Window"]

LIMIT = 1024
"""How many characters may be held back; what they cannot decide is neutralised."""

END = ""
"""What `see` answers behind the last character of a finished text."""

FAR = "\0"
"""What `see` answers beyond the limit: a NUL never stands in the text itself."""

# A renderer would replace them too; a lone surrogate cannot even be written as UTF-8.
_UNWRITABLE = re.compile("[\0\ud800-\udfff]")


class More(Exception):
    """The answer depends on text that has not arrived yet."""


class Window:
    """The unread text; every question is answered from at most `LIMIT` characters.

    A question either has its final answer or raises `More`. So an answer is a function of the
    whole text and the reading position alone, wherever the text was cut into feeds.
    """

    __slots__ = ("at", "base", "final", "text")

    def __init__(self) -> None:
        self.text = ""
        self.at = 0
        self.base = 0
        """The position of `text[0]` in all that was read."""
        self.final = False

    def add(self, text: str) -> None:
        """Append what arrived and forget what was read."""
        self.base += self.at
        self.text = self.text[self.at :] + _UNWRITABLE.sub("\ufffd", text)
        self.at = 0

    @property
    def left(self) -> int:
        """How much has arrived and is not read."""
        return len(self.text) - self.at

    @property
    def done(self) -> bool:
        """Whether everything that arrived has been read."""
        return self.at >= len(self.text)

    @property
    def far(self) -> bool:
        """Whether the limit, not the end of the text, closes the window.

        Ask only after a search that found nothing: before it, the answer depends on what has arrived.
        """
        return len(self.text) - self.at >= LIMIT

    @property
    def edge(self) -> int:
        """Where the window ends; to be asked as `far` is."""
        return min(len(self.text), self.at + LIMIT)

    def see(self, index: int) -> str:
        """The character at `index`, `END` or `FAR`."""
        if index >= self.at + LIMIT:
            return FAR
        if index < len(self.text):
            return self.text[index]
        if self.final:
            return END
        raise More

    def search(self, pattern: re.Pattern[str], index: int) -> re.Match[str] | None:
        """The first match from `index` on inside the window.

        `pattern` must find short tokens: where one fails only because the window ends in it,
        no other may match behind it.
        """
        end = self.edge
        match = pattern.search(self.text, index, end)
        # A match that touches the end of what has arrived might be longer tomorrow.
        if (match is None or match.end() == end) and not (self.final or self.far):
            raise More
        return match

    def find(self, pattern: re.Pattern[str], index: int) -> re.Match[str] | None:
        """Like `search`, for a pattern of exactly one character: it needs nothing behind its match."""
        match = pattern.search(self.text, index, self.edge)
        if match is None and not (self.final or self.far):
            raise More
        return match

    def end_of(self, pattern: re.Pattern[str], index: int) -> int:
        """Where `pattern`, of one character, first matches from `index` on, else where the window ends."""
        match = self.find(pattern, index)
        return match.start() if match else self.edge
