"""The illustrated reply."""

from __future__ import annotations

import base64
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from limner.core.messages import ToolCall

from .markdown import image_markdown
from .parts import ImagePart, Part, TextPart

__all__ = ["Reply"]


@dataclass(frozen=True, slots=True)
class Reply:
    """Text and pictures in the order in which a person reads them, every picture once."""

    parts: tuple[Part, ...]
    calls: tuple[Mapping[str, Any], ...] = ()
    """Every call of the turn in the order asked: `call_id`, `tool`, `status` ("ok", "error" or
    "pending"), `code` (None unless "error") and, of a picture, `number`, `alt`, `prompt`, `paid`, and
    `rescued` (the file that holds a picture which was paid for and could not be kept) and
    `made_good` (whether it failed and the model asked again and got it)."""
    receipt: Mapping[str, Any] = field(default_factory=dict)
    """What the turn cost: `chat`, `images`, `cost_usd` (None where a price is unknown)."""
    offline: bool = False
    """True where no language model was connected: the words came from the offline default."""
    incomplete: str | None = None
    """Why the turn ended early: "seconds", "max_tool_rounds", "limit", "interrupted", or the model's
    finish reason."""
    run: str = ""
    """The id of the run in its recorder."""
    waiting: tuple[ToolCall, ...] = ()
    """Calls that the caller executes; hand the results to `Conversation.resume`."""
    read: Callable[[str], Awaitable[bytes]] | None = field(default=None, repr=False, compare=False)
    """Reads a picture's bytes by its store id."""

    @property
    def images(self) -> tuple[ImagePart, ...]:
        """The pictures alone, in reading order."""
        return tuple(part for part in self.parts if isinstance(part, ImagePart))

    @property
    def text(self) -> str:
        """The words alone."""
        return "".join(part.text for part in self.parts if isinstance(part, TextPart))

    @property
    def complete(self) -> bool:
        """Whether every picture that was asked for is there."""
        return all(call["status"] == "ok" or call["made_good"] for call in self.calls if "prompt" in call)

    def markdown(self, link: Callable[[ImagePart], str] | None = None) -> str:
        """The reply as CommonMark; `link` says where each picture is found (the store's link by default)."""
        find = link or (lambda part: part.link)
        return "".join(
            part.text if isinstance(part, TextPart) else image_markdown(part.alt, find(part))
            for part in self.parts
        )

    async def data_urls(self) -> Callable[[ImagePart], str]:
        """A `link` for `markdown` that carries each picture in itself, as a `data:` URL.

        Raises: StoreError, where a picture cannot be read.
        """
        assert self.read is not None, "a reply that a conversation gave can read its pictures"
        urls: dict[str, str] = {}
        for part in self.images:
            picture = part.picture
            data = base64.b64encode(await self.read(picture.id)).decode("ascii")
            urls[picture.id] = f"data:image/{picture.format};base64,{data}"
        return lambda part: urls[part.picture.id]

    def to_dict(self, path: Callable[[ImagePart], str | None] | None = None) -> dict[str, Any]:
        """The reply as JSON-shaped data; `path` says where each picture was written, if it was."""
        find = path or (lambda _: None)
        return {
            "parts": [_part_dict(part, find) for part in self.parts],
            "images": [dict(call) for call in self.calls if "prompt" in call],
            "offline": self.offline,
            "incomplete": self.incomplete,
            "run": self.run,
            "receipt": dict(self.receipt),
        }


def _part_dict(part: Part, path: Callable[[ImagePart], str | None]) -> dict[str, Any]:
    if isinstance(part, TextPart):
        return {"type": "text", "text": part.text}
    picture = part.picture
    return {
        "type": "image",
        "alt": part.alt,
        "sha256": picture.sha256,
        "path": path(part),
        "width": picture.width,
        "height": picture.height,
        "format": picture.format,
        "seconds": picture.seconds,
        "cost_usd": picture.cost_usd,
        "prompt": picture.prompt,
        "revised_prompt": picture.revised_prompt,
        "model": picture.model,
    }
