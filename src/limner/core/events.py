"""Facts: the only inputs of `machine.apply`. Past tense, frozen, JSON-shaped.

`key` names the action that a fact belongs to; it is the same when a turn is run again.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

from .messages import Reasoning, Usage
from .pictures import Picture

__all__ = [
    "AnswerAsked",
    "AskedCall",
    "Event",
    "LimitReached",
    "ModelFailed",
    "ModelInterrupted",
    "ModelReplied",
    "PictureDrawn",
    "PictureReserved",
    "PictureSubmitted",
    "RedrawAsked",
    "ToolPromised",
    "ToolReturned",
    "TurnResumed",
    "UserSpoke",
]


@dataclass(frozen=True, slots=True)
class UserSpoke:
    """A person said something; a turn begins, and one that was left open ends."""

    text: str
    at_s: float
    pictures: tuple[Picture, ...] = ()


@dataclass(frozen=True, slots=True)
class AnswerAsked:
    """Somebody wants the transcript answered as it stands; a turn begins, and one that was left open ends."""

    at_s: float


@dataclass(frozen=True, slots=True)
class AskedCall:
    """A call as the model wrote it."""

    name: str
    arguments: str


@dataclass(frozen=True, slots=True)
class ModelReplied:
    """The model finished a reply."""

    key: str
    text: str
    calls: tuple[AskedCall, ...] = ()
    finish_reason: str = "stop"
    usage: Usage = Usage()
    reasoning: Reasoning = field(default=(), hash=False)
    """What its provider wants back beside it; kept whole, because half of it is refused."""


@dataclass(frozen=True, slots=True)
class ModelInterrupted:
    """Somebody left while the model was speaking; it may be asked again."""

    key: str
    text: str
    """What the reader had seen by then."""


@dataclass(frozen=True, slots=True)
class ModelFailed:
    """The model could not answer; the turn ends when its pictures are settled."""

    key: str
    code: str
    text: str = ""
    """What it had said by then."""


@dataclass(frozen=True, slots=True)
class TurnResumed:
    """Somebody wants the model asked again that could not answer."""


@dataclass(frozen=True, slots=True)
class PictureReserved:
    """A picture was checked, numbered, and its money set aside."""

    key: str
    prompt: str
    alt: str
    aspect_ratio: str | None = None
    price_usd: float | None = None
    """What was set aside; None where the price is unknown."""
    label: str = ""
    """What later calls may name it by."""
    like: tuple[int, ...] = ()
    """The references of the pictures that it should resemble."""


@dataclass(frozen=True, slots=True)
class PictureSubmitted:
    """A picture is about to be ordered; from here on it may have been paid for."""

    key: str
    at_s: float
    job_id: str | None = None
    """Of a `job` maker, in a second fact: the id to poll."""


@dataclass(frozen=True, slots=True)
class PictureDrawn:
    """A picture is in the store."""

    key: str
    picture: Picture


@dataclass(frozen=True, slots=True)
class ToolPromised:
    """A round stopped waiting for this picture; the model may write on."""

    key: str


@dataclass(frozen=True, slots=True)
class ToolReturned:
    """A call ended without a picture of the image tool: another tool's result, or a failure."""

    key: str
    content: str = ""
    code: str | None = None
    error: str = ""
    pictures: tuple[Picture, ...] = ()
    paid: bool | None = None
    cost_usd: float | None = None
    """Of a failure: what the provider said it cost all the same."""
    rescued: str = ""
    """Where the bytes of a picture lie that was paid for and could not be kept; empty where none do."""


@dataclass(frozen=True, slots=True)
class RedrawAsked:
    """Somebody wants a picture drawn again; the text stays as it is."""

    key: str
    number: int
    """The picture's reference; the new one takes it over."""
    name: str
    """The image tool's."""
    prompt: str
    alt: str
    aspect_ratio: str | None = None
    like: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class LimitReached:
    """The time for the turn is over."""

    limit: Literal["seconds"]


Event = (
    UserSpoke
    | AnswerAsked
    | ModelReplied
    | ModelInterrupted
    | ModelFailed
    | TurnResumed
    | PictureReserved
    | PictureSubmitted
    | PictureDrawn
    | ToolPromised
    | ToolReturned
    | RedrawAsked
    | LimitReached
)
