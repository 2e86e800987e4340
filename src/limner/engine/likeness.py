"""Which pictures a new one should resemble: from what the model wrote to the pictures themselves."""

from __future__ import annotations

from collections.abc import Iterable

from limner.core.calls import Call
from limner.core.pictures import Picture
from limner.core.state import State
from limner.errors import StoreError
from limner.logs import log
from limner.reply.assembly import known_pictures
from limner.reply.references import meant, parse_reference
from limner.storage.protocol import Storage

__all__ = ["UnknownLikeness", "liked", "newest", "reference_bytes"]


class UnknownLikeness(Exception):
    """The model named a picture that was never asked for, or not yet."""

    def __init__(self, item: str) -> None:
        super().__init__(
            f"`like` names {item!r}, and no picture before this one is called so; give an imageUrl from an "
            "earlier result, or the `name` of an earlier call"
        )


def liked(state: State, call: Call, items: Iterable[str]) -> tuple[int, ...]:
    """The references that `items` of `call` mean, each once.

    Raises: UnknownLikeness.
    """
    numbers: dict[int, None] = {}
    for item in items:
        text = item.strip()
        # A reference first: it was given to one picture, and no name takes it away.
        number = parse_reference(text) or _named(state, call, text.casefold()) or meant(text)
        if number is None or not 1 <= number <= state.pictures:
            raise UnknownLikeness(item)
        numbers[number] = None
    return tuple(numbers)


def _named(state: State, call: Call, name: str) -> int | None:
    # The latest of a name is meant: a character may be drawn anew in a later turn.
    for each in reversed(state.calls):
        if each.label and each is not call and each.label.casefold() == name:
            return each.number
    return None


def newest(state: State, call: Call) -> tuple[int, ...]:
    """The reference that is meant where `call` has to resemble something and names nothing: the highest that is there."""
    return tuple(sorted(number for number in known_pictures(state) if number != call.number)[-1:])


async def reference_bytes(state: State, call: Call, storage: Storage) -> tuple[bytes, ...]:
    """The pictures that `call` should resemble, as far as they are there.

    One that failed or was lost is left out: the prompt says by itself what to draw.
    """
    known = known_pictures(state)
    pictures = [known[number] for number in call.like if number in known]
    return tuple([data for picture in pictures for data in await _read(storage, picture)])


async def _read(storage: Storage, picture: Picture) -> tuple[bytes, ...]:
    try:
        return (await storage.open(picture.id),)
    except StoreError as error:
        log.warning("reference.lost", code=error.code)
        return ()
