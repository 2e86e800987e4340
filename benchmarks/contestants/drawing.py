"""The image tool as a function, for frameworks that make their tools of functions and draw nothing themselves."""

from __future__ import annotations

import json

import openai

from .task import CLIENT, Pictures

__all__ = ["Drawing"]


class Drawing:
    """Draws with a client of its own, which all conversations share."""

    def __init__(self, base_url: str) -> None:
        self._client = openai.AsyncOpenAI(base_url=base_url, **CLIENT)
        self._pictures = Pictures()

    # Its words are the model's: `TOOL_DESCRIPTION` and `PARAMETERS`, in the style that frameworks read.
    async def generate_image(self, prompt: str, alt: str) -> str:  # noqa: ARG002  the model says it, and places it
        """Draws one picture and answers with its address.

        Args:
            prompt: What the picture shows.
            alt: The picture in a few words, for those who cannot see it.

        """
        drawn = await self._client.images.generate(model="gpt-image-1", prompt=prompt)
        assert drawn.data is not None
        return json.dumps(self._pictures.keep(drawn.data[0].b64_json or ""))

    async def aclose(self) -> None:
        await self._client.close()
