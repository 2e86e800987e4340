"""The image tool: what the model may say about a picture, and what the application fixed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from limner.core.messages import ToolSpec
from limner.images.protocol import ImageBackend, ImageRequest

__all__ = ["ASPECT_RATIOS", "ImageTool"]

ASPECT_RATIOS = ("1:1", "3:2", "2:3", "4:3", "3:4", "16:9", "9:16")
"""What most image models can draw. Source: facts, images, section 3."""

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
            properties |= _likeness(self.most_like)
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
        return min(MOST_LIKE, self.backend.max_references)

    def request(self, arguments: Mapping[str, Any], references: tuple[bytes, ...] = ()) -> ImageRequest:
        """The picture that checked `arguments` ask for."""
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
        )


def _likeness(most: int) -> dict[str, Any]:
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
            "description": "Only for the same character, thing or place again: the pictures to resemble. "
            "Each is an imageUrl that was given to you, or the `name` of an earlier call of this turn.",
        },
    }
