"""Pictures of a request that is no chat, as server-sent events: OpenAI's and OpenRouter's.

    type                     image_generation.… or image_edit.…
      .partial_image         how far a picture is: `partial_image_index` from 0, `b64_json`
      .completed             a picture, always as `b64_json`, and its `usage`
      error                  nothing came of it; alone in the form that OpenAI's package raises an error of
    OpenAI's: an `event:` line with the same type, `created_at`, `size`, `quality`, `background`, `output_format`
    OpenRouter's: `created`, `media_type`, `usage` as in a chat

Which of several pictures an event is about stands in `limner.images[]`, as in a chat's chunks; so does what
failed before it. Tokens are 0 where nobody counted them: OpenAI's types cannot do without.
Sources: OpenAI API reference, "Image generation streaming events"; OpenRouter API reference, "Images"
(read 2026-11-21); facts, images, sections 2.4 and 2.7.
"""

from __future__ import annotations

import base64
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from ..dialects import Dialect
from ..envelopes import ErrorWords, error_body
from ..frames import event_frame, frame
from .lines import limner

__all__ = ["ImageEvents"]

_QUALITIES = ("low", "medium", "high", "xhigh", "max")
_BACKGROUNDS = ("transparent", "opaque")
_AUTO = "auto"


@dataclass(frozen=True, slots=True)
class ImageEvents:
    """The words of one answer; each method gives one frame."""

    kind: Literal["image_generation", "image_edit"]
    words: Dialect
    """Whose events they are; not whose errors."""
    size: str | None = None
    """As it was ordered; None where it is left to the model. The same of the two that follow."""
    quality: str | None = None
    background: str | None = None
    offline: bool = False

    def partial(
        self, index: int, data: bytes, *, created: int, format: str, line: Mapping[str, Any]
    ) -> bytes:
        """How far a picture is; `line`: of `limner.images[]`, which picture it is."""
        event: dict[str, Any] = {
            "type": f"{self.kind}.partial_image",
            "partial_image_index": index,
            "b64_json": _base64(data),
        }
        if self.words == "openai":
            event |= self._ordered(created, format, self.size or _AUTO)
        return self._frame(event, [line])

    def completed(
        self,
        data: bytes,
        *,
        created: int,
        format: str,
        width: int,
        height: int,
        cost_usd: float | None,
        lines: Sequence[Mapping[str, Any]],
    ) -> bytes:
        """A picture that is there. `created`: Unix seconds. `lines`: of `limner.images[]`, also of those that failed."""
        event: dict[str, Any] = {"type": f"{self.kind}.completed", "b64_json": _base64(data)}
        usage: dict[str, Any]
        if self.words == "openai":
            event |= self._ordered(created, format, f"{width}x{height}")
            usage = {
                "input_tokens": 0,
                "input_tokens_details": {"text_tokens": 0, "image_tokens": 0},
                "output_tokens": 0,
                "total_tokens": 0,
            }
        else:
            event |= {"media_type": f"image/{format}", "created": created}
            usage = {"prompt_tokens": 0, "completion_tokens": 0, "total_tokens": 0, "is_byok": False}
        if cost_usd is not None:
            usage["cost"] = max(0.0, cost_usd)
        return self._frame(event | {"usage": usage}, lines)

    def failed(self, dialect: Dialect, words: ErrorWords) -> bytes:
        """The error that ends a stream."""
        # Flat, OpenAI's package would take it for a picture; so it does any type that it does not know.
        return self._written({"type": "error", **error_body(dialect, words)})

    def _ordered(self, created: int, format: str, size: str) -> dict[str, Any]:
        # Others than these words are not in the published types.
        return {
            "created_at": created,
            "size": size,
            "quality": self.quality if self.quality in _QUALITIES else _AUTO,
            "background": self.background if self.background in _BACKGROUNDS else _AUTO,
            "output_format": format,
        }

    def _frame(self, event: Mapping[str, Any], lines: Sequence[Mapping[str, Any]]) -> bytes:
        return self._written({**event, "limner": limner(lines, offline=self.offline)})

    def _written(self, event: Mapping[str, Any]) -> bytes:
        return event_frame(event) if self.words == "openai" else frame(event)


def _base64(data: bytes) -> str:
    return base64.b64encode(data).decode("ascii")
