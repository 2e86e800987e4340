"""The image tool: what the model may say about a picture, and what the application fixed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, get_args

from limner.core.messages import ToolSpec
from limner.errors import ParameterError
from limner.images.protocol import MOST_PARTIAL, ImageBackend, ImageRequest

__all__ = ["ASPECT_RATIOS", "Action", "ImageTool"]

ASPECT_RATIOS = ("1:1", "3:2", "2:3", "4:3", "3:4", "16:9", "9:16")
"""What most image models can draw. Source: facts, images, section 3."""

Action = Literal["auto", "generate", "edit"]
"""Whether pictures resemble others: as the model likes, none, or each of them."""

MOST_LIKE = 4
"""More pictures to resemble make a picture dearer, not more alike."""

DESCRIPTION = (
    "Draw one picture for the reply. Call it once for each picture, all calls of a reply in one turn. "
    'The result is {"status": "ok", "imageUrl": …} or {"status": "error", "error": …}. '
    "To show a picture, write ![alt](imageUrl) in your reply at the place where it belongs, with the "
    "imageUrl exactly as given, each picture once. A result with an error has no picture: go on without "
    "it and say so. Never invent an imageUrl and never write any other image link."
)


@dataclass(frozen=True, slots=True)
class ImageTool:
    """A picture maker as a tool. What is not None here is fixed, whatever the model says."""

    backend: ImageBackend
    name: str = "generate_image"
    description: str = DESCRIPTION
    aspect_ratio: str | None = None
    size: str | None = None
    quality: str | None = None
    style: str | None = None
    """The model's parameter, like "vivid"."""
    background: str | None = None
    output_format: str | None = None
    output_compression: int | None = None
    moderation: str | None = None
    style_sentence: str = ""
    """One visual voice: what every prompt carries, like "watercolour, soft light"."""
    partial_images: int = 0
    """How many pictures are told on the way to each, 0 to 3; they cost extra, and come in streams alone."""
    action: Action = "auto"
    """"generate": no picture resembles another. "edit": each does, by itself the newest of the conversation."""
    input_fidelity: str | None = None
    """How closely those are followed that a picture resembles: "low" or "high"."""
    mask: bytes | None = field(default=None, repr=False)
    """A PNG as large as the first of those; where it is transparent, the new picture may differ."""

    def __post_init__(self) -> None:
        """Raises: ParameterError, for what can never be drawn."""
        if not 0 <= self.partial_images <= MOST_PARTIAL:
            allowed = f"0 to {MOST_PARTIAL}"
            raise ParameterError("partial_images", self.partial_images, allowed, model=self.backend.name)
        if self.action not in get_args(Action):
            raise ParameterError(
                "action", self.action, '"auto", "generate" or "edit"', model=self.backend.name
            )
        if self.action == "edit" and self.most_like == 0:
            # Nothing that a chat model says could change it.
            raise ParameterError(
                "action",
                self.action,
                '"auto" or "generate", or max_references where it takes pictures to edit after all',
                model=self.backend.name,
            )

    @property
    def spec(self) -> ToolSpec:
        """The tool as the model sees it."""
        properties: dict[str, Any] = {
            "prompt": {
                "type": "string",
                "minLength": 1,
                "maxLength": 4000,
                "description": "What to draw: subject, setting, style. Complete in itself; "
                "the painter sees nothing else of the conversation.",
            },
            "alt": {
                "type": "string",
                "minLength": 1,
                "maxLength": 500,
                "description": "What the picture shows, in one short sentence in the language of the reply, "
                "for people who can't see it.",
            },
        }
        if self.aspect_ratio is None and self.size is None:
            properties["aspect_ratio"] = {
                "type": "string",
                "enum": list(ASPECT_RATIOS),
                "description": "Width to height.",
            }
        if self.most_like:
            properties |= _likeness(self.most_like, _LIKE[self.action])
        parameters = {
            "type": "object",
            "properties": properties,
            "required": ["prompt", "alt"],
            "additionalProperties": False,
        }
        return ToolSpec(self.name, self.description, parameters)

    @property
    def most_like(self) -> int:
        """How many pictures a new one may be told to resemble."""
        return 0 if self.action == "generate" else min(MOST_LIKE, self.backend.max_references)

    def request(self, arguments: Mapping[str, Any], references: tuple[bytes, ...] = ()) -> ImageRequest:
        """The picture that checked `arguments` ask for.

        Raises: ParameterError, where each picture resembles another and this one does not.
        """
        if self.action == "edit" and not references:
            raise ParameterError(
                "references", "none", "a picture in `like`, once there is one", model=self.backend.name
            )
        prompt = arguments["prompt"]
        return ImageRequest(
            prompt=f"{prompt}\n\nStyle: {self.style_sentence}" if self.style_sentence else prompt,
            aspect_ratio=self.aspect_ratio or arguments.get("aspect_ratio"),
            size=self.size,
            quality=self.quality,
            style=self.style,
            background=self.background,
            output_format=self.output_format,
            output_compression=self.output_compression,
            moderation=self.moderation,
            references=references,
            mask=self.mask if references else None,
            input_fidelity=self.input_fidelity if references else None,
            partial_images=self.partial_images,
        )


_LIKE: Mapping[Action, str] = {
    "auto": "Only for the same character, thing or place again: the pictures to resemble.",
    "edit": "The pictures to change; left out, the newest one is meant.",
}


def _likeness(most: int, meaning: str) -> dict[str, Any]:
    return {
        "name": {
            "type": "string",
            "minLength": 1,
            "maxLength": 40,
            "description": "A short name for this picture, needed only where another call of this turn "
            "has it in `like`.",
        },
        "like": {
            "type": "array",
            "items": {"type": "string", "minLength": 1, "maxLength": 80},
            "maxItems": most,
            "description": f"{meaning} Each is an imageUrl that was given to you, or the `name` of an earlier call of this turn.",
        },
    }
