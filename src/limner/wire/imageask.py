"""Requests for pictures without a chat, as JSON, and their answers.

One reader for OpenAI's `POST /images/generations` and OpenRouter's `POST /images`, because their parameters
mean the same where both have them; what differs is what must be there and how the pictures come back.
Sources: OpenAI API reference, "Create image"; OpenRouter API reference, "Images"; ARouter, "Image generation"
(read 2026-11-21).
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from .asking import AskError, flag, number, one_of, text, whole_number
from .imagelines import limner

__all__ = [
    "DrawnImage",
    "ImageAsk",
    "generations_answer",
    "images_answer",
    "read_generations_ask",
    "read_images_ask",
]

_TIERS: Mapping[str, int] = {"512": 512, "1K": 1024, "2K": 2048, "4K": 4096}
_FORMATS = ("png", "jpeg", "webp")
_LONGEST_PROMPT = 32_000
_LONGEST_WORD = 64
_LONGEST_MODEL = 256
_MOST_IMAGES = 10
_MOST_REFERENCES = 16
_LARGEST_SEED = 2**63 - 1

_PIXELS = re.compile(r"([1-9][0-9]{0,4})x([1-9][0-9]{0,4})", re.ASCII)
_RATIO = re.compile(r"([0-9]{1,3}(?:\.[0-9]{1,2})?):([0-9]{1,3}(?:\.[0-9]{1,2})?)", re.ASCII)
_RATIO_TOLERANCE = 0.02
"""1792x1024 is sold as 16:9, and is 1.6 % off."""

_READ = frozenset(
    {
        "aspect_ratio",
        "background",
        "input_references",
        "model",
        "moderation",
        "n",
        "output_compression",
        "output_format",
        "partial_images",
        "prompt",
        "provider",
        "quality",
        "resolution",
        "response_format",
        "seed",
        "size",
        "stream",
        "style",
    }
)
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
    references: tuple[str, ...] = field(default=(), repr=False)
    """Pictures to resemble: `data:` URLs and links, unchecked."""
    provider: Mapping[str, Any] | None = None
    """Which of several sellers is asked, in OpenRouter's words; for an upstream that knows them."""
    response_format: Literal["url", "b64_json"] = "url"


@dataclass(frozen=True, slots=True)
class DrawnImage:
    """One picture of an answer: a link or its bytes."""

    media_type: str
    url: str | None = None
    b64_json: str | None = field(default=None, repr=False)
    revised_prompt: str | None = None


def read_generations_ask(body: Mapping[str, Any]) -> ImageAsk:
    """A request of `POST /images/generations`.

    Raises: AskError.
    """
    answer_with = one_of(body, "response_format", ("url", "b64_json"))
    return _read(body, response_format="b64_json" if answer_with == "b64_json" else "url")


def read_images_ask(body: Mapping[str, Any]) -> ImageAsk:
    """A request of `POST /images`, whose answer always holds the pictures themselves.

    Raises: AskError.
    """
    one_of(body, "response_format", ("b64_json",))
    if body.get("model") is None:
        raise AskError("missing_parameter", "'model' is missing; name an image model.", "model")
    return _read(body, response_format="b64_json")


def generations_answer(
    created: int,
    images: Iterable[DrawnImage],
    *,
    text_in: int = 0,
    image_in: int = 0,
    tokens_out: int = 0,
    cost_usd: float | None = None,
    lines: Sequence[Mapping[str, Any]] | None = None,
    offline: bool = False,
) -> dict[str, Any]:
    """What `POST /images/generations` answers; `lines`: `limner.images[]`, also of those that failed.

    Where nobody counted tokens, none are told: zeros would be read as a price. `created`: Unix seconds.
    """
    tokens_in = text_in + image_in
    usage: dict[str, Any] = {}
    if tokens_in or tokens_out:
        usage = {
            "input_tokens": tokens_in,
            "input_tokens_details": {"text_tokens": text_in, "image_tokens": image_in},
            "output_tokens": tokens_out,
            "total_tokens": tokens_in + tokens_out,
        } | _cost(cost_usd)
    return _answer(created, images, usage, lines, offline)


def images_answer(
    created: int,
    images: Iterable[DrawnImage],
    *,
    text_in: int = 0,
    image_in: int = 0,
    tokens_out: int = 0,
    cost_usd: float | None = None,
    lines: Sequence[Mapping[str, Any]] | None = None,
    offline: bool = False,
) -> dict[str, Any]:
    """What `POST /images` answers, as `generations_answer`; all `images` hold their bytes."""
    tokens_in = text_in + image_in
    usage = {
        "prompt_tokens": tokens_in,
        "completion_tokens": tokens_out,
        "total_tokens": tokens_in + tokens_out,
        "is_byok": False,
    } | _cost(cost_usd)
    return _answer(created, images, usage, lines, offline)


def _answer(
    created: int,
    images: Iterable[DrawnImage],
    usage: Mapping[str, Any],
    lines: Sequence[Mapping[str, Any]] | None,
    offline: bool,
) -> dict[str, Any]:
    answer: dict[str, Any] = {"created": created, "data": [_item(image) for image in images]}
    if usage:
        answer["usage"] = dict(usage)
    if extension := limner(lines, offline=offline):
        answer["limner"] = extension
    return answer


def _item(image: DrawnImage) -> dict[str, Any]:
    item = {
        "url": image.url,
        "b64_json": image.b64_json,
        "media_type": image.media_type,
        "revised_prompt": image.revised_prompt,
    }
    return {key: value for key, value in item.items() if value is not None}


def _cost(cost_usd: float | None) -> dict[str, Any]:
    return {} if cost_usd is None else {"cost": max(0.0, cost_usd)}


def _read(body: Mapping[str, Any], *, response_format: Literal["url", "b64_json"]) -> ImageAsk:
    _refuse_unknown(body)
    prompt = text(body, "prompt", most=_LONGEST_PROMPT)
    if prompt is None:
        raise AskError("missing_parameter", "'prompt' is missing; say what to draw.", "prompt")
    if not prompt.strip():
        raise AskError("invalid_value", "'prompt' is empty; say what to draw.", "prompt")
    size, ratio = _shape(body)
    return ImageAsk(
        prompt=prompt,
        model=text(body, "model", least=1, most=_LONGEST_MODEL),
        n=whole_number(body, "n", least=1, most=_MOST_IMAGES) or 1,
        size=size,
        aspect_ratio=ratio,
        quality=_word(body, "quality"),
        style=_word(body, "style"),
        background=_word(body, "background"),
        output_format=one_of(body, "output_format", _FORMATS),
        output_compression=whole_number(body, "output_compression", least=0, most=100),
        moderation=_word(body, "moderation"),
        seed=whole_number(body, "seed", least=-_LARGEST_SEED, most=_LARGEST_SEED),
        references=_references(body),
        provider=_provider(body),
        response_format=response_format,
    )


def _refuse_unknown(body: Mapping[str, Any]) -> None:
    # In the order written, so that the same request is always refused by the same name.
    for name in body:
        if name not in _READ and name not in _DROPPED:
            shown = name[:_LONGEST_WORD]
            raise AskError(
                "unsupported_parameter",
                f"{shown!r} is not a parameter of this endpoint; leave it out.",
                shown,
            )
    if flag(body, "stream"):
        raise AskError(
            "unsupported_parameter", "Pictures are not streamed here; leave 'stream' out.", "stream"
        )
    if number(body, "partial_images", least=0, most=3):
        raise AskError(
            "unsupported_parameter",
            "Pictures are not sent in part here; leave 'partial_images' out.",
            "partial_images",
        )


def _word(body: Mapping[str, Any], name: str) -> str | None:
    """What only the model's own row in the catalogue can judge."""
    word = text(body, name, least=1, most=_LONGEST_WORD)
    return None if word == "auto" else word


def _shape(body: Mapping[str, Any]) -> tuple[str | None, str | None]:
    size, ratio = _word(body, "size"), _word(body, "aspect_ratio")
    resolution = one_of(body, "resolution", tuple(_TIERS))
    proportion = _proportion(ratio) if ratio is not None else None
    if size is None:
        return resolution, ratio
    if size in _TIERS:
        if resolution not in (None, size):
            raise _contradiction("resolution", resolution, size)
        return size, ratio
    pixels = _PIXELS.fullmatch(size)
    if pixels is None:
        tiers = ", ".join(_TIERS)
        raise AskError("invalid_value", f"'size' must be like 1024x1024, or one of {tiers}, auto.", "size")
    width, height = int(pixels[1]), int(pixels[2])
    if proportion is not None and abs(width / height / proportion - 1) > _RATIO_TOLERANCE:
        raise _contradiction("aspect_ratio", ratio, size)
    if resolution is not None and resolution not in _tiers_of(width, height):
        raise _contradiction("resolution", resolution, size)
    # Pixels say it all.
    return size, None if proportion is not None else ratio


def _proportion(ratio: str) -> float:
    sides = _RATIO.fullmatch(ratio)
    if sides is None or not float(sides[1]) or not float(sides[2]):
        raise AskError("invalid_value", "'aspect_ratio' must be like 16:9, or auto.", "aspect_ratio")
    return float(sides[1]) / float(sides[2])


def _tiers_of(width: int, height: int) -> set[str]:
    """What people may call so many pixels: by the longer side, or by the side of a square of that area."""
    sides = (max(width, height), math.sqrt(width * height))
    return {min(_TIERS, key=lambda tier: abs(math.log(side / _TIERS[tier]))) for side in sides}


def _contradiction(name: str, value: str | None, size: str) -> AskError:
    return AskError(
        "invalid_value", f"{name!r} is {value}, and 'size' is {size}; leave one of them out.", name
    )


def _references(body: Mapping[str, Any]) -> tuple[str, ...]:
    given = body.get("input_references")
    if given is None:
        return ()
    if not isinstance(given, list) or len(given) > _MOST_REFERENCES:
        raise AskError(
            "invalid_value",
            f"'input_references' must be a list of at most {_MOST_REFERENCES} pictures.",
            "input_references",
        )
    return tuple(_reference(item, f"input_references[{index}]") for index, item in enumerate(given))


def _reference(item: object, at: str) -> str:
    image = item.get("image_url") if isinstance(item, dict) and item.get("type") == "image_url" else None
    url = image.get("url") if isinstance(image, dict) else None
    if isinstance(url, str) and re.match(r"(?:https?://|data:image/)", url, re.ASCII | re.IGNORECASE):
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
