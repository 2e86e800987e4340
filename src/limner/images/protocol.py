"""What a picture maker is to the engine."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Literal, Protocol

if TYPE_CHECKING:  # start-up time
    from .throttle import Throttle

__all__ = [
    "MOST_PARTIAL",
    "Content",
    "Drawing",
    "ImageBackend",
    "ImageRequest",
    "ImageUsage",
    "Policy",
    "Purchase",
    "Resolved",
]

Content = bytes | Path
"""A picture's bytes, or the temporary file that holds them; the file belongs to whoever was given it."""

Policy = Literal["idempotent", "job", "at_most_once"]
"""How a maker may be asked again after a crash.

idempotent: the same key again gives the same picture and one bill.
job: the same key gives the same job; its id is recorded, then polled.
at_most_once: a submission without an outcome is never sent again.
"""


MOST_PARTIAL = 3
"""Source: OpenAI API reference, create image, `partial_images` (read 2026-11-21)."""


@dataclass(frozen=True, slots=True)
class ImageRequest:
    """Pictures of one prompt, as asked for. What is None is left to the maker."""

    prompt: str
    aspect_ratio: str | None = None
    """Like "16:9"."""
    size: str | None = None
    """Like "1024x768"; wins over `aspect_ratio`."""
    quality: str | None = None
    style: str | None = None
    """The model's own parameter, like "vivid"; a style in words belongs into the prompt."""
    background: str | None = None
    output_format: str | None = None
    """Like "png"."""
    output_compression: int | None = None
    """0 to 100, of formats that lose something."""
    moderation: str | None = None
    response_format: Literal["url", "b64_json"] | None = None
    n: int = 1
    """How many pictures, >= 1."""
    variation: int = 0
    """Which of several pictures of this very request, >= 0: for makers that draw the same each time."""
    references: tuple[bytes, ...] = field(default=(), repr=False)
    """Pictures that the new one should resemble, as PNG, JPEG or WebP bytes."""
    mask: bytes | None = field(default=None, repr=False)
    """A PNG as large as the first reference; where it is transparent, the new picture may differ from it."""
    input_fidelity: str | None = None
    """How closely references are followed: "low" or "high"."""
    partial_images: int = 0
    """How many pictures are sent while the final one is being drawn, at most: 0 to 3. A maker that sends none says so."""


@dataclass(frozen=True, slots=True)
class Resolved:
    """A request as its model takes it."""

    request: ImageRequest
    """What will be ordered: sizes chosen, nothing in it that the model refuses."""
    price_usd: float | None
    """What all `n` pictures cost at most; None where unknown."""
    notes: tuple[str, ...] = ()
    """What was decided on the way, as sentences for people."""


@dataclass(frozen=True, slots=True)
class ImageUsage:
    """What a provider counted for an order, in tokens."""

    text_in: int = 0
    image_in: int = 0
    text_out: int = 0
    image_out: int = 0


@dataclass(frozen=True, slots=True)
class Purchase:
    """One submission, as the engine knows it."""

    key: str
    """The idempotency key: the same for every attempt at the same picture, unique otherwise."""
    job_id: str | None = None
    """Of a `job` maker alone: the id recorded earlier, to be polled instead of submitted again."""
    record_job: Callable[[str], Awaitable[None]] | None = None
    """Of a `job` maker alone: call it with the job's id before polling; returns once recorded."""
    on_partial: Callable[[int, bytes], None] | None = None
    """Is told of each partial picture: which, from 0, and its bytes; on the event loop, and must not wait."""


@dataclass(frozen=True, slots=True)
class Drawing:
    """A picture as it came from its maker; not inspected yet."""

    data: Content = field(repr=False)
    model: str
    """What drew it, as the provider names it."""
    revised_prompt: str | None = None
    cost_usd: float | None = None
    """Of this picture: the provider's own figure, or one known exactly; None where unknown."""
    usage: ImageUsage | None = None
    """Of this picture, where the provider counts tokens."""


class ImageBackend(Protocol):
    """A maker of pictures."""

    @property
    def name(self) -> str:
        """Which backend this is, for limits, receipts and logs: address and model, never a key."""
        ...

    @property
    def offline(self) -> bool:
        """True where the picture is not made by an image model."""
        ...

    @property
    def policy(self) -> Policy:
        """How it may be asked again after a crash."""
        ...

    @property
    def throttle(self) -> Throttle:
        """How many orders may be under way at once; whoever calls `draw` holds one of its places."""
        ...

    @property
    def max_references(self) -> int:
        """How many pictures a new one may be told to resemble; 0 where it takes none."""
        ...

    @property
    def timeout_s(self) -> float:
        """Seconds for one picture from submission to its last byte, > 0."""
        ...

    def resolve(self, request: ImageRequest) -> Resolved:
        """What will be ordered for `request`, and what it costs at most; nothing is sent.

        Raises: ParameterError, where the model does not take what was asked for.
        """
        ...

    async def draw(self, request: ImageRequest, purchase: Purchase) -> tuple[Drawing, ...]:
        """Make `request.n` pictures; fewer is a success, none is not.

        Raises: PictureError, with a code of the closed list; ParameterError, as `resolve`.
        Cancel: safe; what was submitted may be billed all the same.
        """
        ...

    async def aclose(self) -> None:
        """Give back connections and processes; idempotent."""
        ...
