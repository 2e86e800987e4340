"""From a conversation's state to the reply's parts."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

from limner.core.calls import REPAIR_CODES, Call
from limner.core.machine import waits_for_caller
from limner.core.pictures import Picture
from limner.core.state import Phase, State
from limner.core.transcript import turn_texts

from . import notices
from .ink import merged
from .parts import ImagePart, Part, TextPart
from .pieces import Piece, Place, Text
from .telling import Telling

__all__ = [
    "KnownPictures",
    "asked_for",
    "call_lines",
    "introduce",
    "known_pictures",
    "notice",
    "parts",
    "tell_turn",
    "what_is_missing",
]


class KnownPictures(Mapping[int, Picture]):
    """Finished pictures by number; those of earlier turns are looked for when one is asked for."""

    def __init__(self, state: State) -> None:
        self._state = state
        self._recent = _pictures(state.recent_calls)
        self._every: dict[int, Picture] | None = None

    def __getitem__(self, number: int) -> Picture:
        if number in self._recent:
            return self._recent[number]
        return self._all()[number]

    def __iter__(self) -> Iterator[int]:
        return iter(self._all())

    def __len__(self) -> int:
        return len(self._all())

    def _all(self) -> dict[int, Picture]:
        if self._every is None:
            state = self._state
            numbers = [number for entry in state.entries for number in entry.pictures]
            users = dict(zip(numbers, state.user_pictures, strict=True))
            came = {each.number: each.picture for each in state.known}
            self._every = came | _pictures(state.calls) | users
        return self._every


def known_pictures(state: State) -> KnownPictures:
    """Every finished picture of the conversation, by its number."""
    return KnownPictures(state)


def introduce(telling: Telling, state: State, *, round: int | None = None) -> None:
    """Let `telling` know the pictures of earlier turns, or those that a round of this turn gave out."""
    if round is None:
        telling.know_earlier(lambda: _earlier(state))
        return
    for call in state.turn_calls:
        if call.round != round:
            continue
        if call.number is not None:
            telling.know(call.number, call.alt)
        for number, picture in _of_tools((call,)).items():
            telling.know(number, picture.alt)


def tell_turn(state: State) -> tuple[Piece, ...]:
    """The current turn from its first word to its last, as placement decided it."""
    telling = Telling()
    introduce(telling, state)
    pieces: list[Piece] = []
    texts = dict(turn_texts(state))
    for number in range(1, max([state.round, *texts]) + 1):
        pieces.extend(telling.say(number, texts.get(number, "")))
        introduce(telling, state, round=number)
    pieces.extend(telling.end())
    if waits_for_caller(state):
        return merged(pieces)
    pieces.extend(telling.afterwards(known_pictures(state), what_is_missing(state, telling)))
    return merged(pieces)


def what_is_missing(state: State, telling: Telling) -> tuple[str, ...]:
    """The sentences that the model could not write, because it did not know, or wrote nothing."""
    silent = not any(text.strip() for number, text in turn_texts(state) if number >= state.round)
    missing = [
        notice(state, call)
        for call in state.turn_calls
        if _is_missing(call, state) and call.number not in telling.placed and (call.promised or silent)
    ]
    mute = state.phase is Phase.DONE and silent and not telling.told and not missing
    if mute and known_pictures(state).keys().isdisjoint(telling.unplaced):
        missing.append(notices.silent(_language(state, "")))
    return tuple(missing)


def asked_for(state: State, number: int) -> Call:
    """The call that a picture got its number with. Raises: StopIteration, where there is none."""
    return next(call for call in state.calls if call.number == number and call.redraws is None)


def notice(state: State, call: Call) -> str:
    """The honest sentence that stands where `call`'s picture would."""
    language = _language(state, call.alt)
    if call.outcome is None:
        return notices.awaited(call.alt, language)
    return notices.missing(call.alt, call.outcome.code or "internal", language)


def parts(state: State, pieces: Iterable[Piece], link: Callable[[str], str]) -> tuple[Part, ...]:
    """What a reader gets: each place holds its picture, or the reason why there is none.

    A place whose picture was promised and broken never shows a picture.
    """
    pictures = known_pictures(state)
    resolved: list[Piece] = []
    for piece in pieces:
        if isinstance(piece, Place) and piece.number not in pictures:
            resolved.append(Text(notice(state, asked_for(state, piece.number))))
        else:
            resolved.append(piece)
    result: list[Part] = []
    for piece in merged(resolved):
        if isinstance(piece, Text):
            result.append(TextPart(piece.text))
        else:
            picture = pictures[piece.number]
            result.append(ImagePart(piece.number, piece.alt or picture.alt, picture, link(picture.id)))
    return tuple(result)


def call_lines(state: State) -> tuple[dict[str, Any], ...]:
    """Every call of the current turn, in the order asked, as JSON-shaped data."""
    return tuple(_line(call, state) for call in state.turn_calls)


def _line(call: Call, state: State) -> dict[str, Any]:
    outcome = call.outcome
    line: dict[str, Any] = {
        "call": call.key,
        "call_id": call.id,
        "tool": call.name,
        "status": "pending" if outcome is None else "error" if outcome.code else "ok",
        "code": outcome.code if outcome is not None else None,
    }
    if call.kind == "image":
        line |= {
            "number": call.number,
            "alt": call.alt,
            "prompt": call.prompt,
            "paid": outcome.paid if outcome is not None else None,
            "rescued": outcome.rescued or None if outcome is not None else None,
            "made_good": _made_good(call, state),
            "like": list(call.like),
            "redraws": call.redraws,
        }
    return line


def _is_missing(call: Call, state: State) -> bool:
    failed = call.outcome is None or call.outcome.code is not None
    return call.kind == "image" and failed and call.redraws is None and not _made_good(call, state)


def _made_good(call: Call, state: State) -> bool:
    """Whether a picture that failed was asked for again and is there."""
    code = call.outcome.code if call.outcome is not None else None
    if code is None:
        return False
    number = call.number if call.redraws is None else call.redraws
    if number is not None and any(each.number == number and each.drawn for each in state.calls):
        return True
    later = [
        each
        for each in state.turn_calls
        if each.kind == "image"
        and each.round > call.round
        and each.outcome is not None
        and not each.outcome.code
    ]
    # What could not be read has no prompt to compare: any later picture is what was meant.
    return any(code in REPAIR_CODES or each.prompt == call.prompt for each in later)


def _pictures(calls: Iterable[Call]) -> dict[int, Picture]:
    # One that was drawn again stands after the first, and takes its number over.
    outcomes = [call.outcome for call in calls if call.outcome is not None]
    return {each.number: each.picture for outcome in outcomes for each in outcome.pictures}


def _of_tools(calls: Iterable[Call]) -> dict[int, Picture]:
    """The pictures that other tools than the image tool returned."""
    return {
        each.number: each.picture
        for call in calls
        if call.kind != "image" and call.outcome is not None
        for each in call.outcome.pictures
    }


def _earlier(state: State) -> dict[int, str]:
    """The pictures that turns before this one gave out, by number; those that are still drawn, too."""
    calls = [call for call in state.calls if call.turn != state.turn]
    alts = {call.number: call.alt for call in calls if call.number is not None}
    of_tools = {number: picture.alt for number, picture in _of_tools(calls).items()}
    numbers = [number for entry in state.entries for number in entry.pictures]
    users = {number: each.alt for number, each in zip(numbers, state.user_pictures, strict=True)}
    came = {each.number: each.picture.alt for each in state.known}
    return {**came, **alts, **of_tools, **users}


def _language(state: State, alt: str) -> str:
    """Of the reply: its alt texts are written in it; else of what the user said."""
    said = next((entry.message.text for entry in reversed(state.entries) if entry.message.role == "user"), "")
    alts = " ".join([alt, *(call.alt for call in state.turn_calls)])
    return notices.language(alts if alts.strip() else said)
