"""Events that go on as an earlier one did, but for their words."""

from __future__ import annotations

from collections.abc import Callable

from limner.wire.chat.upstream import read_words
from limner.wire.refrain import Refrain

__all__ = ["Echo"]

_WORDS, _PADDING = "\ufdd0", "\ufdd1"
"""No characters, so nobody says them."""


class Echo:
    """What the events of one stream have in common, and what becomes of it on the way."""

    def __init__(self) -> None:
        self._refrain = Refrain(read_words)
        self._same = False
        """They go on as they came."""
        self._around: list[str] = []
        """What stands around the words, and around the padding where there is any, once it was mended."""

    def again(self, payload: bytes) -> bytes | None:
        """The event as it goes on; None where it has to be read."""
        try:
            data = payload.decode()
        except UnicodeDecodeError:
            return None
        text = self._refrain.text(data)
        if not text:
            return None
        if self._same:
            return payload
        if len(self._around) == 2:
            return f"{self._around[0]}{text}{self._around[1]}".encode()
        if len(self._around) == 3:
            before, between, after = self._around
            return f"{before}{text}{between}{self._refrain.padding(data, text)}{after}".encode()
        return None

    def learn(self, payload: bytes, text: str, mended: Callable[[bytes], bytes | None]) -> None:
        """Remember an event that says nothing but `text`; `mended`: as any of its kind goes on."""
        data = payload.decode()
        if _PADDING in data or not self._refrain.learn(data, text):
            return
        marked = self._refrain.event(_WORDS, _PADDING)
        said = (mended(marked.encode()) or b"").decode()
        self._same = said == marked
        self._around = []
        before, found, rest = said.partition(_WORDS)
        if found and _WORDS not in rest and said.count(_PADDING) == marked.count(_PADDING):
            self._around = [before, *rest.split(_PADDING)]
