"""The image tool as a request declares it: its model, its options, and what they cost."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, fields, replace
from typing import Any

from limner.errors import ParameterError
from limner.tools.image import ImageTool
from limner.wire.chat.ask import IMAGE, ChatAsk, ImageOptions
from limner.wire.chat.tools import NATIVE_IMAGE, unused_name

from ..naming.makers import Makers
from ..refusal import Refusal

__all__ = ["Declared", "Masks", "declared", "option_path"]

_OPTIONS = (
    "quality",
    "size",
    "aspect_ratio",
    "background",
    "output_format",
    "output_compression",
    "moderation",
    "style",
    "input_fidelity",
    "partial_images",
    "action",
)
_PROBE = {"prompt": "a picture"}
_MASK = "input_image_mask"

Masks = Callable[[str, str], Awaitable[bytes]]
"""Reads a mask: its address, and the path of the option that says it. Raises: Refusal."""


@dataclass(frozen=True, slots=True)
class Declared:
    """The tool of one request."""

    tool: ImageTool
    price_usd: float | None
    """Of one picture at most; None where unknown."""


async def declared(
    ask: ChatAsk, body: Mapping[str, Any], makers: Makers, masks: Masks, *, partials: bool
) -> Declared:
    """What draws for `ask`, whose image tool is on; checked before anything is sent anywhere.

    `partials`: whether anybody is told of partial pictures; they are paid for only then.

    What the client says wins over what is configured, and what is configured for one model is left out
    where another does not take it.

    Raises: Refusal (`model_not_found`, `parameter_refused`, …), whose `param` is the option's path in `body`.
    """
    options = ask.image
    assert options is not None
    try:
        configured = await makers.find(options.model)
    except Refusal as refusal:
        if refusal.param is not None:
            refusal.param = option_path(body, refusal.param)
        raise
    said = {name: value for name in _OPTIONS if (value := getattr(options, name)) is not None}
    if options.mask is not None:
        said["mask"] = await masks(options.mask, option_path(body, _MASK))
    if not partials or options.partial_images is None:
        # Who does not know them reads megabytes for nothing, and pays for them.
        said["partial_images"] = 0
    name = unused_name(configured.name, ask.tools)
    try:
        tool = replace(_shaped(configured, options), name=name, **said)
    except ParameterError as error:
        path = option_path(body, error.param)
        raise Refusal("parameter_refused", str(error), param=path) from error
    for _ in fields(ImageTool):
        try:
            resolved = tool.backend.resolve(tool.request(_PROBE, _resembled(tool)))
        except ParameterError as error:
            if error.param in said or error.param not in _OPTIONS or getattr(tool, error.param) is None:
                path = option_path(body, error.param)
                raise Refusal("parameter_refused", str(error), param=path) from error
            cleared: Any = None
            tool = replace(tool, **{error.param: cleared})
        else:
            return Declared(tool, resolved.price_usd)
    raise AssertionError("each option is left out once at most")


def _resembled(tool: ImageTool) -> tuple[bytes, ...]:
    """What a picture resembles whose options only mean something then; to say what it takes, the number is enough."""
    edits = tool.action == "edit" or tool.mask is not None or tool.input_fidelity is not None
    return (b"",) if edits else ()


def _shaped(tool: ImageTool, options: ImageOptions) -> ImageTool:
    """Without the configured shape where the client says another one."""
    if options.size is not None or options.aspect_ratio is not None:
        return replace(tool, size=None, aspect_ratio=None)
    return tool


def option_path(body: Mapping[str, Any], option: str) -> str:
    """Where the client says `option`, or would: "tools[0].parameters.quality"."""
    tools = body.get("tools")
    for place, tool in enumerate(tools if isinstance(tools, list) else ()):
        if isinstance(tool, Mapping) and tool.get("type") in (IMAGE, NATIVE_IMAGE):
            return f"tools[{place}].{option}" if option in tool else f"tools[{place}].parameters.{option}"
    return option
