"""The body of a request to a chat model: a few fields, and a history of which only what is new is written.

A conversation says all that was said before with each request. What its last request wrote is kept with the
conversation (`ChatRequest.memory`), as bytes, and stands for as long as the messages are the same objects.
"""

from __future__ import annotations

import json
from bisect import bisect_right
from collections.abc import Callable, Hashable, Iterable, Mapping
from typing import Any, Protocol

from limner.core.identity import same
from limner.core.messages import ChatRequest, Message

from .text import clean

__all__ = ["Body", "History", "Scribe", "written"]

_HEAVY = 1 << 16
"""Characters, roughly, that take more than a millisecond to write."""
_PIECE = 64
"""Messages: many at a time are written in a third of the time, and written again together."""
_MOST_KEPT_BYTES = 8 << 20
"""A longer history (whole pictures stand in it) is written again rather than held a second time."""

_encode = json.JSONEncoder(ensure_ascii=False, allow_nan=False, separators=(",", ":")).encode


def written(value: object) -> bytes:
    """`value` as JSON in valid UTF-8. Raises: TypeError or ValueError where it is none."""
    text = _encode(value)
    try:
        return text.encode()
    except UnicodeEncodeError:
        return clean(text).encode()


class Scribe(Protocol):
    """Puts messages in the words of one API, one after the other."""

    def items(self, at: int, message: Message) -> Iterable[Mapping[str, Any]]:
        """What the message amounts to that stands at `at`; those before it were asked for already."""
        ...

    def rewind(self, at: int) -> None:
        """Forget the messages from `at` on: others follow instead."""
        ...


class History:
    """The messages of a conversation as pieces of JSON, each of some that were written together."""

    def __init__(self, key: Hashable, scribe: Scribe) -> None:
        """`key`: what else is written otherwise where it differs."""
        self.key = key
        self._scribe = scribe
        self._messages: tuple[Message, ...] = ()
        self._pieces: list[bytes] = []
        self._starts: list[int] = []
        """For each piece the place of its first message."""

    def rewind(self, messages: tuple[Message, ...]) -> tuple[Message, ...]:
        """Keep what was written of the first of `messages`; the rest, which `write` has to be given."""
        # By identity: equal values can be written otherwise, as 1 and True.
        kept = same(self._messages, messages)
        if kept < len(self._messages):
            piece = bisect_right(self._starts, kept) - 1
            kept = self._starts[piece]
            del self._pieces[piece:], self._starts[piece:]
            self._scribe.rewind(kept)
        self._messages = messages[:kept]
        return messages[kept:]

    def write(self, messages: tuple[Message, ...]) -> tuple[bytes, ...]:
        """Write on; the pieces of all that was written. Raises: TypeError or ValueError, and is of no use then."""
        written_before = len(self._messages)
        for start in range(0, len(messages), _PIECE):
            first = written_before + start
            items = _items(self._scribe, messages[start : start + _PIECE], first)
            self._starts.append(first)
            self._pieces.append(written(items)[1:-1])
        self._messages += messages
        # An assistant that says nothing is not said.
        return tuple(filter(None, self._pieces))


class Body:
    """One request's body, of which `fields` can still be changed."""

    def __init__(
        self,
        fields: dict[str, Any],
        name: str,
        request: ChatRequest,
        scribe: Callable[[], Scribe],
        key: Hashable = None,
    ) -> None:
        """`fields`: None takes one away. `name`: of the field for the history; where `fields` has it, none is written.

        `scribe` is called for who writes it, `key` says in which manner; the same key, the same manner.
        """
        self.fields = {field: value for field, value in fields.items() if value is not None}
        self._name = name
        self._messages = request.messages
        self._memory = request.memory
        self._scribe = scribe
        self._history: History | None = None
        self._rest: tuple[Message, ...] = ()
        self._pieces: tuple[bytes, ...] | None = None
        if name not in fields:
            # Taken out while it is written on: whoever asks meanwhile with the same memory writes anew.
            kept = self._memory.pop(name, None)
            fits = isinstance(kept, History) and kept.key == key
            self._history = kept if fits else History(key, scribe())
            self._rest = self._history.rewind(request.messages)

    @property
    def heavy(self) -> bool:
        """Whether what is still to be written would hold others up."""
        return _heavy(self.fields, self._rest)

    def data(self) -> bytes:
        """All of it as JSON. Raises: TypeError or ValueError where it is none."""
        head = written(self.fields)
        if self._history is None:
            return head
        pieces = self._pieces
        if pieces is None:
            pieces = self._pieces = self._history.write(self._rest)
            self._rest = ()
            if sum(map(len, pieces)) <= _MOST_KEPT_BYTES:
                self._memory[self._name] = self._history
        opening = b'%b%b"%b":[' % (head[:-1], b"," if self.fields else b"", self._name.encode())
        first, *others = pieces or (b"",)
        *most, last = (opening + first, *others)
        # In one go: a second copy of the whole would cost more than all the rest.
        return b",".join((*most, last + b"]}"))

    def leave_out(self, kind: str) -> bool:
        """Send no items of that `type`; whether there were any."""
        said = self.fields.get(self._name)
        if self._history is not None:
            said = _items(self._scribe(), self._messages, 0)
        if not isinstance(said, list):
            return False
        kept = [item for item in said if not isinstance(item, Mapping) or item.get("type") != kind]
        if len(kept) == len(said):
            return False
        # This request's own from here on: the conversation's stays as it is.
        self._history, self.fields[self._name] = None, kept
        return True


def _items(scribe: Scribe, messages: tuple[Message, ...], first: int) -> list[Mapping[str, Any]]:
    return [item for at, message in enumerate(messages, first) for item in scribe.items(at, message)]


def _heavy(fields: Mapping[str, Any], messages: tuple[Message, ...]) -> bool:
    left = _HEAVY
    values: list[object] = [fields]
    for message in messages:
        left -= len(message.text) + 64
        values.extend(call.arguments for call in message.calls)
        values.append(message.reasoning if message.given is None else message.given)
        if left < 0:
            return True
    while values and left >= 0:
        value = values.pop()
        if isinstance(value, str):
            left -= len(value)
        elif isinstance(value, Mapping):
            values.extend(value.values())
        elif isinstance(value, list | tuple):
            values.extend(value)
        left -= 8
    return left < 0
