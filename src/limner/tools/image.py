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
    output_format: str | None = None

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
        parameters = {
            "type": "object",
            "properties": properties,
            "required": ["prompt", "alt"],
            "additionalProperties": False,
        }
        return ToolSpec(self.name, self.description, parameters)

    def request(self, arguments: Mapping[str, Any]) -> ImageRequest:
        """The picture that checked `arguments` ask for."""
        return ImageRequest(
            prompt=arguments["prompt"],
            aspect_ratio=self.aspect_ratio or arguments.get("aspect_ratio"),
            size=self.size,
            quality=self.quality,
            output_format=self.output_format,
        )
