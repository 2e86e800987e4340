"""What differs between servers of pictures: data, each row with its source and date."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal
from urllib.parse import urlsplit

from limner.errors import ConfigError

__all__ = ["CHAT_RATIOS", "COST_HEADERS", "IMAGE_ONLY", "QUIRKS", "Quirk", "quirk_of"]


@dataclass(frozen=True, slots=True)
class Quirk:
    """One server's own way."""

    name: str
    """How a user names it, where its address does not tell."""
    source: str
    as_of: str
    hosts: tuple[str, ...] = ()
    """Of its base URLs; subdomains count."""
    path: str = "/images/generations"
    """Where pictures are ordered, below the base URL."""
    references: Literal["form", "input_references", "image", "none"] = "form"
    """How pictures to resemble are sent: as files of a form to `edits`, or in the order itself under
    that name; or nobody knows."""
    edits: str = "/images/edits"
    """Where orders with pictures to resemble go, where those are sent in a form."""
    masks: bool = True
    """Whether there is a way to send a mask beside them."""
    partials: Literal["partial_images", "stream", "none"] = "partial_images"
    """How partial pictures are asked for: by their number in a stream, by the stream alone, or not at all."""
    shape: Literal["size", "ratio"] = "size"
    """Whether a shape that has a name is said in pixels, or as a ratio and a resolution."""
    takes_ratio: bool = False
    """Whether `aspect_ratio` may be sent to a model that nobody knows."""
    response_format: Literal["b64_json"] | None = None
    """What is asked for where nobody says anything; None: nothing."""
    unbilled: frozenset[int] = frozenset()
    """Statuses of errors after which nothing is billed, beside those that say so everywhere."""
    removed: tuple[str, ...] = ()
    """What in a prompt would command the server instead of describing a picture."""


_NO_BILL = frozenset({500, 502, 503})
"""Of servers of one's own: nobody bills, and while a model is being loaded they answer 503."""
_ENGINE_ARGUMENTS = ("<sd_cpp_extra_args>", "</sd_cpp_extra_args>")
"""Between these a prompt sets parameters of the engine. Source: stable-diffusion.cpp, examples/server."""

QUIRKS = (
    Quirk(
        "openai",
        "OpenAI API reference, create image and create image edit",
        "2026-11-21",
        hosts=("api.openai.com", "openai.azure.com"),
    ),
    Quirk(
        "openrouter",
        "OpenRouter API reference, images; facts, wire, section 5.1: all or nothing is billed, and "
        "/images/generations answers 404",
        "2026-11-21",
        hosts=("openrouter.ai",),
        path="/images",
        references="input_references",
        masks=False,
        partials="stream",
        shape="ratio",
        takes_ratio=True,
        unbilled=frozenset({502}),
    ),
    Quirk(
        "xai",
        "xAI documentation, image generation; facts, images, section 1b: `size` is refused",
        "2026-11-21",
        hosts=("api.x.ai",),
        references="none",
        masks=False,
        partials="none",
        shape="ratio",
        takes_ratio=True,
    ),
    Quirk(
        "byteplus",
        "BytePlus ModelArk, Seedream: references stand in `image` of the same order",
        "2026-11-21",
        hosts=("bytepluses.com", "volces.com"),
        references="image",
        masks=False,
        partials="none",
    ),
    Quirk(
        "sd.cpp",
        "facts, images, section 4: stable-diffusion.cpp, examples/server (2026-08-19)",
        "2026-11-21",
        partials="none",
        unbilled=_NO_BILL,
        removed=_ENGINE_ARGUMENTS,
    ),
    Quirk(
        "localai",
        "facts, images, section 4: LocalAI (2026-08-22); a bar parts what to draw from what not to",
        "2026-11-21",
        response_format="b64_json",
        partials="none",
        unbilled=_NO_BILL,
        removed=("|",),
    ),
    Quirk(
        "vllm-omni",
        "facts, images, section 4: vLLM-Omni; `url` answers 422",
        "2026-11-21",
        response_format="b64_json",
        partials="none",
        unbilled=_NO_BILL,
    ),
    Quirk(
        "sglang",
        "facts, images, section 4: SGLang-diffusion; links are relative, or paths on its disk",
        "2026-11-21",
        response_format="b64_json",
        partials="none",
        unbilled=_NO_BILL,
    ),
    Quirk(
        "xinference",
        "facts, images, section 4: Xinference (2026-08-23); a link is a path on its disk",
        "2026-11-21",
        response_format="b64_json",
        partials="none",
        unbilled=_NO_BILL,
    ),
    Quirk(
        "",
        "OpenAI API reference, create image; facts, images, section 4: it may be anything",
        "2026-11-21",
        removed=_ENGINE_ARGUMENTS,
    ),
)
"""The last one is for everybody else."""

COST_HEADERS = ("x-litellm-response-cost",)
"""Where relays, at any address, say in US dollars what an order has cost.

Source: facts, images, section 4: LiteLLM 1.109.1 (2026-11-21)."""

IMAGE_ONLY = (
    "black-forest-labs/",
    "bytedance-seed/",
    "openai/gpt-image-",
    "sourceful/",
    "x-ai/grok-imagine-",
)
"""How the ids of models begin that say no words beside their pictures, and so refuse to be asked for both.

Source: facts, quirk 41; public reports of "No endpoints found that support the requested output
modalities" (read 2026-11-21). A model that is not here and refuses is asked once more."""

CHAT_RATIOS = ("1:1", "2:3", "3:2", "3:4", "4:3", "4:5", "5:4", "9:16", "16:9", "21:9")
"""What an order in chat may ask for, where its model does not say.

Source: OpenRouter, image_config.aspect_ratio (2026-06-16); facts, images, section 3."""


def quirk_of(base_url: str, server: str | None = None) -> Quirk:
    """The row of the server of that name, else of the one behind `base_url`.

    Raises: ConfigError (`config_invalid_value`) for a name that no row has.
    """
    if server is not None:
        named = next((quirk for quirk in QUIRKS if quirk.name and quirk.name == server), None)
        if named is None:
            names = ", ".join(quirk.name for quirk in QUIRKS if quirk.name)
            raise ConfigError(
                f"there is no image server {server!r}; give one of {names}", code="config_invalid_value"
            )
        return named
    host = (urlsplit(base_url).hostname or "").rstrip(".")
    return next(
        (quirk for quirk in QUIRKS if any(host == each or host.endswith(f".{each}") for each in quirk.hosts)),
        QUIRKS[-1],
    )
