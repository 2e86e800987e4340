"""What a picture maker is to the engine."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Literal, Protocol

__all__ = ["Drawing", "ImageBackend", "ImageRequest", "Policy", "Purchase"]

Policy = Literal["idempotent", "job", "at_most_once"]
"""How a maker may be asked again after a crash.

idempotent: the same key again gives the same picture and one bill.
job: the same key gives the same job; its id is recorded, then polled.
at_most_once: a submission without an outcome is never sent again.
"""


@dataclass(frozen=True, slots=True)
class ImageRequest:
    """One picture, as asked for. What is None is left to the maker."""

    prompt: str
    aspect_ratio: str | None = None
    """Like "16:9"."""
    size: str | None = None
    """Like "1024x768"; wins over `aspect_ratio`."""
    quality: str | None = None
    output_format: Literal["png", "jpeg", "webp"] | None = None


@dataclass(frozen=True, slots=True)
class Purchase:
    """One submission, as the engine knows it."""

    key: str
    """The idempotency key: the same for every attempt at the same picture, unique otherwise."""
    job_id: str | None = None
    """Of a `job` maker alone: the id recorded earlier, to be polled instead of submitted again."""
    record_job: Callable[[str], Awaitable[None]] | None = None
    """Of a `job` maker alone: call it with the job's id before polling; returns once recorded."""


@dataclass(frozen=True, slots=True)
class Drawing:
    """A picture as it came from its maker; not inspected yet."""

    data: bytes
    model: str
    """What drew it, as the provider names it."""
    revised_prompt: str | None = None
    cost_usd: float | None = None
    """The provider's own figure, or one known exactly; None where unknown."""


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
    def concurrency(self) -> int:
        """How many pictures may be under way at once, > 0."""
        ...

    @property
    def timeout_s(self) -> float:
        """Seconds for one picture from submission to its last byte, > 0."""
        ...

    def price_usd(self, request: ImageRequest) -> float | None:
        """What this picture will cost at most; None where unknown."""
        ...

    async def draw(self, request: ImageRequest, purchase: Purchase) -> Drawing:
        """Make one picture.

        Raises: PictureError, with a code of the closed list.
        Cancel: safe; what was submitted may be billed all the same.
        """
        ...

    async def aclose(self) -> None:
        """Give back connections and processes; idempotent."""
        ...
