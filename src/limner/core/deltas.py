"""Fold streamed fragments into one reply. Trusts neither index nor id nor name.

Providers leave any of the three out, repeat them, or give all calls the same one (quirks 1 to
10), so each fragment is matched with the call that it can belong to, in this order: its id, its
index, the call that is still being written. A new call begins where a fragment contradicts
every call so far, or starts arguments anew after complete ones.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass, field

from .events import AskedCall
from .messages import Delta, Reasoning, Usage
from .repair import clean
from .thoughts import Thoughts

__all__ = ["MAX_ARGUMENTS", "MAX_CALLS", "MAX_TEXT", "Fold", "Folded", "fold"]

MAX_ARGUMENTS = 256 * 1024
"""Characters of one call's arguments; a runaway stream is cut there and fails as invalid (quirk 22)."""


MAX_CALLS = 512
"""Calls of one reply; those beyond are read and not kept."""
MAX_TEXT = 4 * 1024 * 1024
"""Characters of one reply; whoever says more is cut off there, as by a limit of length."""


@dataclass(frozen=True, slots=True)
class Folded:
    """One reply of a model."""

    text: str
    calls: tuple[AskedCall, ...]
    finish_reason: str | None
    """None where the stream ended without saying."""
    usage: Usage
    reasoning: Reasoning = ()
    """What the model thought, in the order of its beginnings."""


@dataclass(slots=True)
class _Writing:
    index: int | None
    id: str
    name: str
    arguments: list[str] = field(default_factory=list)
    length: int = 0

    @property
    def text(self) -> str:
        return "".join(self.arguments)

    @property
    def complete(self) -> bool:
        text = self.text.strip()
        if not text.endswith("}"):
            return False
        try:
            json.loads(text)
        except (ValueError, RecursionError):
            return False
        return True

    def write(self, fragment: str) -> None:
        if self.length < MAX_ARGUMENTS:
            self.arguments.append(fragment[: MAX_ARGUMENTS - self.length])
        self.length += len(fragment)


class Fold:
    """The reply so far; feed it deltas in the order of arrival."""

    def __init__(self) -> None:
        self._text: list[str] = []
        self._length = 0
        self._calls: list[_Writing] = []
        self._finish_reason: str | None = None
        self._usage = Usage()
        self._thoughts = Thoughts()

    @property
    def text(self) -> str:
        """What the model has said so far."""
        return "".join(self._text)

    @property
    def full(self) -> bool:
        """Whether the model has said more than it may; the rest need not be read."""
        return self._length > MAX_TEXT

    def add(self, delta: Delta) -> None:
        """Take one fragment."""
        if delta.text:
            self._text.append(delta.text)
            self._length += len(delta.text)
        if delta.finish_reason:
            self._finish_reason = delta.finish_reason
        if delta.usage is not None:
            self._usage = delta.usage
        if delta.call_id or delta.name or delta.arguments:
            self._add_call(delta)
        for fragment in delta.reasoning:
            self._thoughts.add(fragment)

    def finish(self) -> Folded:
        """The whole reply; a call that never got a name is none."""
        calls = tuple(AskedCall(clean(call.name), clean(call.text)) for call in self._calls if call.name)
        reason = "length" if self.full else self._finish_reason
        return Folded(clean(self.text), calls, reason, self._usage, self._thoughts.finish())

    def _add_call(self, delta: Delta) -> None:
        arguments = delta.arguments or ""
        call = self._find(delta, arguments)
        if call is None and len(self._calls) > MAX_CALLS:
            # The last one stands for all that are too many: it never gets a name.
            call = self._calls[-1]
            call.index, call.id, call.arguments, call.length = delta.index, delta.call_id or "", [], 0
        elif call is None:
            call = _Writing(delta.index, delta.call_id or "", "")
            self._calls.append(call)
        if len(self._calls) > MAX_CALLS and call is self._calls[-1]:
            return
        call.id = call.id or delta.call_id or ""
        if delta.name and (not call.name or delta.name.startswith(call.name)):
            call.name = delta.name
        if not arguments:
            return
        # The whole text is joined only where it can matter: a stream may have thousands of fragments.
        if call.length <= len("{}") and call.text == "{}" and arguments.lstrip().startswith("{"):
            # A placeholder before the real arguments (quirk 7).
            call.arguments, call.length = [], 0
        elif call.length == len(arguments) and call.text == arguments and call.complete:
            # The whole call once more beside the finish (quirk 8).
            return
        call.write(arguments)

    def _find(self, delta: Delta, arguments: str) -> _Writing | None:
        """The call that the fragment belongs to; None begins a new one."""
        call = self._by_id(delta) if delta.call_id else self._by_index(delta)
        if call is None or not _starts_anew(call, delta, arguments):
            return call
        return None

    def _by_id(self, delta: Delta) -> _Writing | None:
        for call in reversed(self._calls):
            if call.id == delta.call_id:
                # The same id at another index is another call (quirk 5), unless it only writes on.
                moved = delta.index is not None and call.index is not None and delta.index != call.index
                return None if moved and delta.name else call
        for call in reversed(self._calls):
            if not call.id and call.index == delta.index and not (delta.name and call.complete):
                return call
        return None

    def _by_index(self, delta: Delta) -> _Writing | None:
        if delta.index is not None:
            for call in reversed(self._calls):
                if call.index == delta.index:
                    return call
            if delta.name:
                return None
        return self._calls[-1] if self._calls else None


def _starts_anew(call: _Writing, delta: Delta, arguments: str) -> bool:
    """Whether a fragment that seems to belong to `call` begins another one all the same."""
    if delta.name and call.name and not _same_name(call.name, delta.name):
        return True
    if not delta.name or not arguments.lstrip().startswith("{"):
        return False
    # A name and an opening brace: a whole call in one chunk. Another one if the last is complete
    # and says something else; the same one repeated is no second call, because calls cost money.
    return call.complete and call.text.strip() != "{}" and call.text != arguments


def _same_name(name: str, fragment: str) -> bool:
    return name == fragment or fragment.startswith(name) or name.startswith(fragment)


def fold(deltas: Iterable[Delta]) -> Folded:
    """Fold a whole stream at once."""
    folding = Fold()
    for delta in deltas:
        folding.add(delta)
    return folding.finish()
