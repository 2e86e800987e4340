"""Fold the fragments of what a model thinks into whole entries, as their provider wants them back.

A fragment belongs to the last entry of its type with the same `index` (where it has none: the
last entry without one), unless it names another `id`. What is long is written one fragment after
the other, every other field is the last one told. An entry that is too long, or one too many, is
left out whole: a signature or encrypted data is worth nothing beside half of what it stands for.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from .messages import Reasoning
from .repair import clean

__all__ = ["MAX_ENTRIES", "MAX_REASONING", "Thoughts", "joined"]

MAX_REASONING = 4 * 1024 * 1024
"""Characters of one reply's reasoning, encrypted data included."""
MAX_ENTRIES = 1024

_WRITTEN_ON = ("text", "summary", "data")
"""Fields that come in fragments."""


class _Entry:
    def __init__(self) -> None:
        self.fields: dict[str, Any] = {}
        self.fragments: dict[str, list[str]] = {}
        self.whole = True

    def add(self, fragment: Mapping[str, Any]) -> None:
        for name, value in fragment.items():
            if value is None:
                self.fields.setdefault(name, None)
            elif name in _WRITTEN_ON and isinstance(value, str):
                self.fragments.setdefault(name, []).append(value)
            elif isinstance(value, str | int):
                self.fields[name] = clean(value) if isinstance(value, str) else value

    def written(self) -> dict[str, Any]:
        texts = {name: clean("".join(parts)) for name, parts in self.fragments.items()}
        return {**self.fields, **texts}


class Thoughts:
    """The entries so far; feed it fragments in the order of arrival."""

    def __init__(self) -> None:
        self._entries: list[_Entry] = []
        self._last: dict[tuple[str, int | None], _Entry] = {}
        self._length = 0

    def add(self, fragment: Mapping[str, Any]) -> None:
        """Take one fragment."""
        index = fragment.get("index")
        place = (str(fragment.get("type")), index if isinstance(index, int) else None)
        entry = self._last.get(place)
        if entry is None or _another(entry.fields.get("id"), fragment.get("id")):
            if len(self._entries) >= MAX_ENTRIES:
                # Its fragments must not be written on an older entry.
                self._last.pop(place, None)
                return
            entry = _Entry()
            self._entries.append(entry)
            self._last[place] = entry
        self._length += sum(len(value) for value in fragment.values() if isinstance(value, str))
        if self._length > MAX_REASONING:
            entry.whole, entry.fragments = False, {}
        if entry.whole:
            entry.add(fragment)

    def finish(self) -> Reasoning:
        """All that came whole."""
        return tuple(entry.written() for entry in self._entries if entry.whole)


def _another(known: object, told: object) -> bool:
    return known is not None and told is not None and known != told


def joined(details: Iterable[object]) -> tuple[object, ...]:
    """Entries as somebody has kept them, with the fragments among them made one; those without a place stay apart."""
    kept = tuple(details)
    placed = {
        at: each
        for at, each in enumerate(kept)
        if isinstance(each, Mapping) and isinstance(each.get("index"), int)
    }
    thoughts = Thoughts()
    for each in placed.values():
        thoughts.add(each)
    whole = thoughts.finish()
    if len(whole) == len(placed):
        return kept
    return (*whole, *(each for at, each in enumerate(kept) if at not in placed))
