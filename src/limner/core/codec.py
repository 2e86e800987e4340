"""State and facts as JSON and back; the only place that knows how they are written down."""

from __future__ import annotations

import dataclasses
import enum
import json
import types
import typing
from functools import cache
from typing import Any, TypeVar

from limner.errors import JournalError

from . import events
from .state import STATE_VERSION, State

__all__ = ["decode_event", "decode_state", "encode_event", "encode_state"]

T = TypeVar("T")

_EVENTS: dict[str, type[Any]] = {kind.__name__: kind for kind in typing.get_args(events.Event)}


def encode_event(event: events.Event) -> str:
    """One fact as one line of JSON."""
    return json.dumps({"event": type(event).__name__, **_plain(event)})


def decode_event(text: str) -> events.Event:
    """Raises: JournalError (`journal_unreadable`)."""
    try:
        value = json.loads(text)
        kind = _EVENTS[value.pop("event")]
        return typing.cast("events.Event", _build(kind, value))
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise _unreadable() from error


def encode_state(state: State) -> str:
    """A whole state as one line of JSON."""
    return json.dumps(_plain(state))


def decode_state(text: str) -> State:
    """Raises: JournalError (`journal_unreadable`, `journal_newer` for a later version's)."""
    try:
        value = json.loads(text)
        version = value["version"]
    except (ValueError, KeyError, TypeError) as error:
        raise _unreadable() from error
    if version != STATE_VERSION:
        raise JournalError(
            f"the journal is of version {version!r}, this Limner reads {STATE_VERSION}; use the Limner that wrote it",
            code="journal_newer",
        )
    try:
        return _build(State, value)
    except (ValueError, KeyError, TypeError) as error:
        raise _unreadable() from error


def _unreadable() -> JournalError:
    return JournalError(
        "the journal holds something unreadable; restore it from a copy", code="journal_unreadable"
    )


def _plain(value: Any) -> Any:
    if dataclasses.is_dataclass(value):
        return {field.name: _plain(getattr(value, field.name)) for field in dataclasses.fields(value)}
    if isinstance(value, tuple):
        return [_plain(each) for each in value]
    return value.value if isinstance(value, enum.Enum) else value


@cache
def _hints(kind: Any) -> dict[str, Any]:
    return typing.get_type_hints(kind)


def _build(kind: type[T], value: dict[str, Any]) -> T:
    hints = _hints(typing.cast("Any", kind))
    # A key that this version does not know raises: guessing would lose what it meant.
    return kind(**{name: _value(hints[name], each) for name, each in value.items()})


def _value(hint: Any, value: Any) -> Any:
    if value is None:
        return None
    origin = typing.get_origin(hint)
    if origin in (typing.Union, types.UnionType):
        (hint,) = (each for each in typing.get_args(hint) if each is not type(None))
        return _value(hint, value)
    if origin is tuple:
        return tuple(_value(typing.get_args(hint)[0], each) for each in value)
    if dataclasses.is_dataclass(hint):
        return _build(typing.cast("type[Any]", hint), value)
    if isinstance(hint, type) and issubclass(hint, enum.Enum):
        return hint(value)
    return value
