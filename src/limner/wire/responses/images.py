"""A picture as an item of the Responses API, under both of its names.

`image_generation_call` where the client declared OpenAI's own tool: the picture itself, in base64, and events of
its own. `openrouter:image_generation` else: a link, and no events but that it was added and is done.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from limner.core.pictures import Picture
from limner.errors import CALL_CODES

from .output import Event, Item, OutputItem

__all__ = ["ImageItem"]

_PARTIAL = "response.image_generation_call.partial_image"


class ImageItem(OutputItem):
    """One call of the image tool."""

    def __init__(self, id: str, index: int, prompt: str | None, *, native: bool) -> None:
        super().__init__(id, index)
        self._native = native
        self._prompt = prompt or None
        self._told: Item = {}

    def open(self) -> list[Event]:
        """Its first events."""
        return [self._added(), *self._progress("in_progress")]

    def generating(self) -> list[Event]:
        """It was ordered."""
        if not self._native or self.status == "generating":
            return []
        self.status = "generating"
        return self._progress("generating")

    def partial(self, index: int, b64: str, known: Mapping[str, str | None]) -> list[Event]:
        """It takes shape; `known`: of `output_format`, `quality`, `background`.

        Under OpenRouter's name too: somebody asked and pays for it, its client takes this event for any item,
        and there is no other.
        """
        fields = {name: value for name, value in known.items() if value is not None}
        return [self._of(_PARTIAL, partial_image_index=index, partial_image_b64=b64, **fields)]

    def finish(
        self,
        *,
        url: str | None,
        b64: str | None,
        picture: Picture | None,
        prompt: str | None,
        revised_prompt: str | None,
        options: Mapping[str, str | None],
    ) -> list[Event]:
        """It is there. `options`: what it was ordered with, of `background` and `quality`."""
        prompt = prompt or self._prompt
        if self._native:
            shown = picture and {"output_format": picture.format, "size": f"{picture.width}x{picture.height}"}
            told = {"revised_prompt": revised_prompt or prompt, **(shown or {}), **options}
            self._told = {"result": b64 or "", **_known(told)}
        else:
            told = {"imageUrl": url, "prompt": prompt, "revisedPrompt": revised_prompt}
            self._told = {"result": url, **_known(told)}
        # A maker can be so quick that nobody heard of the order before the picture.
        return [*self.generating(), *self._progress("completed"), self._ended({"status": "completed"})]

    def fail(self, code: str, sentence: str | None, prompt: str | None) -> list[Event]:
        """There is no such picture; `sentence`: why, None for the usual one of `code`."""
        prompt = prompt or self._prompt
        message = sentence or CALL_CODES.get(code, CALL_CODES["internal"]).sentence
        if self._native:
            # Not null: Vercel's client refuses the whole answer for a call without a text here.
            error = {"type": "image_generation_error", "code": code, "message": message, "param": None}
            self._told = {"result": "", "error": error, **_known({"revised_prompt": prompt})}
        else:
            self._told = {"error": message, **_known({"prompt": prompt})}
        return [self._ended({"status": "failed"})]

    def _left(self) -> Item:
        # It may still come. OpenAI's has no word for that, and it has not failed.
        return {"status": self.status, "result": ""} if self._native else {"status": "incomplete"}

    def _shape(self) -> Item:
        name = "image_generation_call" if self._native else "openrouter:image_generation"
        item: Item = {"id": self.id, "type": name, "status": self.status, "result": None}
        if not self._native and self._prompt:
            item["prompt"] = self._prompt
        return item | self._told

    def _progress(self, what: str) -> list[Event]:
        return [self._of(f"response.image_generation_call.{what}")] if self._native else []


def _known(fields: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in fields.items() if value is not None}
