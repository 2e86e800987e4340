"""What every contestant is asked to do: the words, the tool, and where pictures are kept."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Callable
from typing import Any, Protocol

__all__ = [
    "CLIENT",
    "INSTRUCTIONS",
    "MODEL",
    "PARAMETERS",
    "TOOL",
    "TOOL_DESCRIPTION",
    "Contestant",
    "Conversation",
    "Pictures",
    "Told",
]

MODEL = "gpt-4o"
CLIENT: dict[str, Any] = {"api_key": "k", "max_retries": 0, "timeout": 600.0}
"""Of every client of the `openai` package: nothing is asked twice, and as much time to connect as to answer.

By default it gives up a connection after 5 s, which a thousand conversations at once outlast, and asks again.
"""
INSTRUCTIONS = (
    "You illustrate what you explain. Call the image tool, and place each picture where it belongs."
)
TOOL = "generate_image"
TOOL_DESCRIPTION = "Draws one picture and answers with its address."
PARAMETERS: dict[str, Any] = {
    "type": "object",
    "properties": {
        "prompt": {"type": "string", "description": "What the picture shows."},
        "alt": {"type": "string", "description": "The picture in a few words, for those who cannot see it."},
    },
    "required": ["prompt", "alt"],
    "additionalProperties": False,
}

Told = Callable[[str], None]
"""Is handed each piece of a streamed text as soon as the contestant hands it out."""


class Conversation(Protocol):
    """One transcript; each call below is one more turn of it."""

    async def ask(self, text: str) -> str:
        """The text of the whole illustrated reply."""
        ...

    async def stream(self, text: str, told: Told) -> str:
        """The same, piece by piece."""
        ...


class Contestant(Protocol):
    """A library, ready to talk."""

    def conversation(self) -> Conversation:
        """A new one."""
        ...

    async def aclose(self) -> None:
        """Give everything back."""
        ...


class Pictures:
    """Keeps pictures, as every contestant has to."""

    def __init__(self) -> None:
        self._kept: dict[str, bytes] = {}

    def keep(self, b64_json: str) -> dict[str, str]:
        """The tool's answer for one picture."""
        data = base64.b64decode(b64_json)
        name = hashlib.sha256(data).hexdigest()[:24]
        self._kept[name] = data
        return {"status": "ok", "imageUrl": f"https://pictures.example/{name}.png"}
