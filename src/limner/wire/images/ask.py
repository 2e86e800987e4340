"""Requests for pictures without a chat, as JSON.

One reader for OpenAI's `POST /images/generations` and OpenRouter's `POST /images`, because their parameters
mean the same where both have them; what differs is what must be there and how the pictures come back.
Requests to change pictures stand in `edit`, the answers in `said`.
Sources: OpenAI API reference, "Create image"; OpenRouter API reference, "Images"; ARouter, "Image generation"
(read 2026-11-21).
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from ..asking import AskError, flag, one_of, text, whole_number
from .shape import shape, word

__all__ = [
    "MOST_REFERENCES",
    "PICTURE_URL",
    "ImageAsk",
    "read_ask",
    "read_generations_ask",
    "read_images_ask",
]

MOST_REFERENCES = 16
PICTURE_URL = re.compile(r"(?:https?://|data:image/)", re.ASCII | re.IGNORECASE)
"""What the address of a picture begins with."""

_FORMATS = ("png", "jpeg", "webp")
_LONGEST_PROMPT = 32_000
_LONGEST_NAME = 64
_LONGEST_MODEL = 256
_MOST_IMAGES = 10
_MOST_PARTIAL = 3
_LARGEST_SEED = 2**63 - 1

_OF_ALL = frozenset(
    {
        "aspect_ratio",
        "background",
        "model",
        "moderation",
        "n",
        "output_compression",
        "output_format",
        "partial_images",
        "prompt",
        "quality",
        "resolution",
        "response_format",
        "size",
        "stream",
        "style",
    }
)
_OF_NEW = frozenset({"input_references", "provider", "seed"})
_DROPPED = frozenset({"safety_identifier", "session_id", "trace", "user"})
"""Accepted, because clients send them by themselves, and meant for nobody here."""


@dataclass(frozen=True, slots=True)
class ImageAsk:
    """Pictures of one prompt, as asked for. What is None, and what was "auto", is left to the model."""

    prompt: str
    model: str | None = None
    """None: the service's own."""
    n: int = 1
    """1 to 10."""
    size: str | None = None
    """Like "1024x768", or a tier like "2K", which `resolution` says too."""
    aspect_ratio: str | None = None
    """Like "16:9"; fits `size` where that is in pixels."""
    quality: str | None = None
    style: str | None = None
    background: str | None = None
    output_format: str | None = None
    """ "png", "jpeg" or "webp"."""
    output_compression: int | None = None
    """0 to 100."""
    moderation: str | None = None
    seed: int | None = None
    references: tuple[str | bytes, ...] = field(default=(), repr=False)
    """Pictures to resemble or to change, unchecked: bytes, `data:` URLs and links."""
    references_at: str = "input_references"
    """The field they stand in, as the client knows it."""
    mask: str | bytes | None = field(default=None, repr=False)
    """Where the first of them may be changed; as they."""
    input_fidelity: str | None = None
    """ "low" or "high"."""
    provider: Mapping[str, Any] | None = None
    """Which of several sellers is asked, in OpenRouter's words; for an upstream that knows them."""
    response_format: Literal["url", "b64_json"] = "url"
    stream: bool = False
    """Whether each picture is told as soon as it is there; always with its bytes."""
    partial_images: int = 0
    """How many pictures are shown while one is being drawn, at most: 0 to 3, and 0 without `stream`."""

    def reference_at(self, index: int) -> str:
        """The path of one of the references, as the client knows it."""
        # A form has no lists; one picture has one field.
        alone = self.references_at == "image" and len(self.references) == 1
        return self.references_at if alone else f"{self.references_at}[{index}]"


def read_generations_ask(body: Mapping[str, Any]) -> ImageAsk:
    """A request of `POST /images/generations`.

    Raises: AskError.
    """
    return read_ask(body)


def read_images_ask(body: Mapping[str, Any]) -> ImageAsk:
    """A request of `POST /images`, whose answer always holds the pictures themselves.

    Raises: AskError.
    """
    one_of(body, "response_format", ("b64_json",))
    if body.get("model") is None:
        raise AskError("missing_parameter", "'model' is missing; name an image model.", "model")
    return read_ask(body, response_format="b64_json")


def read_ask(
    body: Mapping[str, Any],
    also: frozenset[str] = _OF_NEW,
    *,
    response_format: Literal["url", "b64_json"] | None = None,
) -> ImageAsk:
    """What all requests for pictures have in common; `also`: the parameters of this kind beside those.

    `response_format`: None where the request may say it.
    Raises: AskError.
    """
    _refuse_unknown(body, _OF_ALL | also)
    prompt = text(body, "prompt", most=_LONGEST_PROMPT)
    if prompt is None:
        raise AskError("missing_parameter", "'prompt' is missing; say what to draw.", "prompt")
    if not prompt.strip():
        raise AskError("invalid_value", "'prompt' is empty; say what to draw.", "prompt")
    if response_format is None:
        said = one_of(body, "response_format", ("url", "b64_json"))
        response_format = "b64_json" if said == "b64_json" else "url"
    size, ratio = shape(body)
    stream, partial_images = _streaming(body)
    return ImageAsk(
        prompt=prompt,
        model=text(body, "model", least=1, most=_LONGEST_MODEL),
        n=whole_number(body, "n", least=1, most=_MOST_IMAGES) or 1,
        size=size,
        aspect_ratio=ratio,
        quality=word(body, "quality"),
        style=word(body, "style"),
        background=word(body, "background"),
        output_format=one_of(body, "output_format", _FORMATS),
        output_compression=whole_number(body, "output_compression", least=0, most=100),
        moderation=word(body, "moderation"),
        seed=whole_number(body, "seed", least=-_LARGEST_SEED, most=_LARGEST_SEED),
        references=_references(body),
        provider=_provider(body),
        response_format=response_format,
        stream=stream,
        partial_images=partial_images,
    )


def _refuse_unknown(body: Mapping[str, Any], known: frozenset[str]) -> None:
    # In the order written, so that the same request is always refused by the same name.
    for name in body:
        if name not in known and name not in _DROPPED:
            shown = name[:_LONGEST_NAME]
            raise AskError(
                "unsupported_parameter",
                f"{shown!r} is not a parameter of this endpoint; leave it out.",
                shown,
            )


def _streaming(body: Mapping[str, Any]) -> tuple[bool, int]:
    stream = bool(flag(body, "stream"))
    partial_images = whole_number(body, "partial_images", least=0, most=_MOST_PARTIAL) or 0
    if partial_images and not stream:
        raise AskError(
            "invalid_value",
            "'partial_images' are sent in a stream alone; say 'stream': true as well, or leave it out.",
            "partial_images",
        )
    return stream, partial_images


def _references(body: Mapping[str, Any]) -> tuple[str, ...]:
    given = body.get("input_references")
    if given is None:
        return ()
    if not isinstance(given, list) or len(given) > MOST_REFERENCES:
        raise AskError(
            "invalid_value",
            f"'input_references' must be a list of at most {MOST_REFERENCES} pictures.",
            "input_references",
        )
    return tuple(_reference(item, f"input_references[{index}]") for index, item in enumerate(given))


def _reference(item: object, at: str) -> str:
    image = item.get("image_url") if isinstance(item, dict) and item.get("type") == "image_url" else None
    url = image.get("url") if isinstance(image, dict) else None
    if isinstance(url, str) and PICTURE_URL.match(url):
        return url
    raise AskError(
        "invalid_value",
        f'{at!r} must be {{"type": "image_url", "image_url": {{"url": …}}}} with a data: URL or a link.',
        at,
    )


def _provider(body: Mapping[str, Any]) -> Mapping[str, Any] | None:
    given = body.get("provider")
    if given is None or isinstance(given, dict):
        return given
    raise AskError("invalid_value", "'provider' must be an object; leave it out if in doubt.", "provider")
