"""An order of pictures as a turn of the engine, in which nobody thinks: the calls are dictated.

So pictures without a chat go the way of all others: recorded before they are ordered, paid for from
the same budget, bought at most once, kept on arrival, received also when the client has left.
"""

from __future__ import annotations

import json
from collections.abc import AsyncGenerator
from dataclasses import dataclass, field, replace
from typing import Any

from limner.core.messages import NOTHING, ChatRequest, Delta, ToolSpec
from limner.errors import PictureError
from limner.images.protocol import Drawing, ImageBackend, ImageRequest, Policy, Purchase, Resolved
from limner.images.throttle import Throttle
from limner.tools.image import ImageTool

__all__ = ["DictatedTool", "Dictation", "Overheard"]

_NAME = "draw"


@dataclass(frozen=True, slots=True)
class DictatedTool(ImageTool):
    """Draws exactly `asked`, whatever its calls say."""

    name: str = _NAME
    asked: ImageRequest = field(default=ImageRequest(""), repr=False)

    @property
    def spec(self) -> ToolSpec:
        """Calls differ by their number: the same call again would be taken for a mistake."""
        properties: dict[str, Any] = {
            "prompt": {"type": "string"},
            "number": {"type": "integer"},
            "like": {"type": "array", "items": {"type": "string"}},
        }
        parameters = {"type": "object", "properties": properties, "required": ["prompt", "number"]}
        return ToolSpec(self.name, "Draw.", parameters)

    def request(self, arguments: Any, references: tuple[bytes, ...] = ()) -> ImageRequest:  # noqa: ARG002  as asked
        """What was asked for."""
        return replace(self.asked, references=references)


class Dictation:
    """A model that asks for `count` pictures at once, which resemble those with the numbers `like`."""

    name = "dictation"
    offline = True

    def __init__(self, prompt: str, count: int, like: tuple[int, ...] = ()) -> None:
        references = [f"image://{number}" for number in like]
        self._calls = tuple(
            {"prompt": prompt, "number": number, **({"like": references} if references else {})}
            for number in range(1, count + 1)
        )

    async def stream(self, request: ChatRequest) -> AsyncGenerator[tuple[Delta, ...], None]:
        """All calls, then nothing more: also for a turn that is taken up again."""
        if request.messages[-1].role != "user":
            yield (Delta(text="Drawn.", finish_reason="stop", usage=NOTHING),)
            return
        calls = [
            Delta(index=at, call_id=f"call_{at}", name=_NAME, arguments=json.dumps(arguments))
            for at, arguments in enumerate(self._calls)
        ]
        yield (*calls, Delta(finish_reason="tool_calls", usage=NOTHING))

    async def aclose(self) -> None:
        """Nothing is held."""


class Overheard:
    """A maker, and what its orders failed of beyond their codes."""

    def __init__(self, backend: ImageBackend) -> None:
        self._backend = backend
        self._orders = 0
        self.details: list[str] = []
        """Of all failures: "status 404". Never a provider's own words."""

    @property
    def name(self) -> str:
        """Of the maker."""
        return self._backend.name

    @property
    def offline(self) -> bool:
        """Of the maker."""
        return self._backend.offline

    @property
    def policy(self) -> Policy:
        """Of the maker."""
        return self._backend.policy

    @property
    def throttle(self) -> Throttle:
        """Of the maker."""
        return self._backend.throttle

    @property
    def max_references(self) -> int:
        """Of the maker."""
        return self._backend.max_references

    @property
    def timeout_s(self) -> float:
        """Of the maker."""
        return self._backend.timeout_s

    def resolve(self, request: ImageRequest) -> Resolved:
        """As the maker."""
        return self._backend.resolve(request)

    async def draw(self, request: ImageRequest, purchase: Purchase) -> tuple[Drawing, ...]:
        """As the maker, each order another picture; what fails is noted."""
        variation, self._orders = self._orders, self._orders + 1
        try:
            return await self._backend.draw(replace(request, variation=variation), purchase)
        except PictureError as error:
            self.details.append(error.detail)
            raise

    async def aclose(self) -> None:
        """It stays open: it is somebody else's."""
