"""All that a conversation is, as plain data."""

from __future__ import annotations

import enum
from dataclasses import dataclass
from typing import Literal

from .calls import Call, NumberedPicture
from .limits import Limits
from .messages import NOTHING, Message, Usage
from .pictures import Picture
from .stopping import StopWhen

__all__ = ["STATE_VERSION", "Entry", "Phase", "Settings", "State"]

STATE_VERSION = 1


class Phase(enum.Enum):
    """What a conversation is doing."""

    READY = "ready"
    """Nobody has said anything yet."""
    AWAITING_MODEL = "awaiting_model"
    AWAITING_TOOLS = "awaiting_tools"
    SETTLING = "settling"
    """The model has finished; promised pictures have not."""
    DONE = "done"
    FAILED = "failed"
    """The model could not answer; the conversation can go on."""


@dataclass(frozen=True, slots=True)
class Settings:
    """What the application fixed when the conversation began."""

    image_tools: tuple[str, ...] = ()
    tools: tuple[str, ...] = ()
    """Other tools that we run."""
    caller_tools: tuple[str, ...] = ()
    limits: Limits = Limits()
    tool_choice: str = "auto"
    """For the first round of a turn; from the second on it is "auto"."""
    promise_after_s: float | None = None
    """How long a round waits for a picture; None: until it is settled."""
    stop_when: tuple[StopWhen, ...] = ()
    """Beside the limits: what lets the calls at hand be the last ones of a turn."""


@dataclass(frozen=True, slots=True)
class Entry:
    """One message of the transcript, and the calls whose answers follow it."""

    message: Message
    call_keys: tuple[str, ...] = ()
    pictures: tuple[int, ...] = ()
    """Of a user message: the references of the pictures that came with it."""


@dataclass(frozen=True, slots=True)
class State:
    """A conversation; folded from its facts, changed by nothing else."""

    version: int = STATE_VERSION
    owner: str = "local"
    settings: Settings = Settings()
    phase: Phase = Phase.READY
    entries: tuple[Entry, ...] = ()
    calls: tuple[Call, ...] = ()
    """Of the whole conversation, in the order asked."""
    pictures: int = 0
    """How many references were given out."""
    user_pictures: tuple[Picture, ...] = ()
    """Those that came with the user's messages, in the order of their references."""
    known: tuple[NumberedPicture, ...] = ()
    """Those that the history speaks of, by the references that they have in it."""
    turns: tuple[int, ...] = ()
    """For each turn, the place of its first entry."""
    turn: int = 0
    round: int = 0
    """How often the model has replied in this turn."""
    repairs: int = 0
    closing: bool = False
    """A limit was reached: the next reply is the last, without tools."""
    overtime: Literal["", "speaking", "over"] = ""
    """Whether the limit of seconds was reached: "speaking" while the model spoke with its tools on."""
    incomplete: str | None = None
    """Why the turn ended early: the limit's name or the model's finish reason."""
    failure: str | None = None
    """The code of the model's failure in this turn."""
    interrupted: str = ""
    """What a reader had seen of a reply that came to no end."""
    resumptions: int = 0
    """How often, in this turn, the model was asked again after a failure."""
    interruptions: int = 0
    """In this turn."""
    receipt: int = 0
    """The number of the current receipt, from 1. It goes on until the conversation comes to rest."""
    requests: int = 0
    """To the model, on this receipt."""
    usage: Usage = NOTHING
    """Of those requests."""

    def call(self, key: str) -> Call:
        """The call of that name. Raises: KeyError."""
        for call in reversed(self.calls):
            if call.key == key:
                return call
        raise KeyError(key)

    @property
    def turn_calls(self) -> tuple[Call, ...]:
        """The calls of the current turn, in the order asked; pictures drawn again come last."""
        return tuple(call for call in self.recent_calls if call.turn == self.turn)

    @property
    def recent_calls(self) -> tuple[Call, ...]:
        """The calls of the current turn, and those since the last one's that draw older pictures again."""
        first = len(self.calls)
        while first and (
            self.calls[first - 1].turn == self.turn or self.calls[first - 1].redraws is not None
        ):
            first -= 1
        return self.calls[first:]

    @property
    def at_rest(self) -> bool:
        """Whether a new turn may begin without ending one early."""
        return self.phase in (Phase.READY, Phase.DONE, Phase.FAILED)
