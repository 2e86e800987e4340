"""What a client asks for, as an order that its maker takes."""

from __future__ import annotations

from dataclasses import dataclass, replace

from limner.errors import ParameterError
from limner.images.protocol import ImageRequest, Resolved
from limner.tools.image import ImageTool
from limner.wire.images.ask import ImageAsk

from ..refusal import Refusal
from .dictation import DictatedTool, Dictation, Overheard

__all__ = ["Order", "order_of"]

_SAID = (
    "size",
    "aspect_ratio",
    "quality",
    "style",
    "background",
    "output_format",
    "output_compression",
    "moderation",
    "input_fidelity",
)
_LIKE_A_MASK = b"\x89PNG\r\n\x1a\n"
_NOT_PASSED_ON = ("seed", "provider")


@dataclass(frozen=True, slots=True)
class Order:
    """One request, ready to be drawn."""

    ask: ImageAsk
    tool: DictatedTool
    overheard: Overheard
    resolved: Resolved
    """As the maker takes it."""

    @property
    def dictation(self) -> Dictation:
        """Who asks for its pictures."""
        return Dictation(self.ask.prompt, self.ask.n, tuple(range(1, len(self.ask.references) + 1)))

    def masked(self, mask: bytes) -> Order:
        """The same, of pictures that may be changed only where `mask` says."""
        return replace(self, tool=replace(self.tool, asked=replace(self.tool.asked, mask=mask)))


def order_of(ask: ImageAsk, tool: ImageTool) -> Order:
    """What will be drawn.

    Raises: Refusal (`unsupported_parameter`, `parameter_refused`).
    """
    for name in _NOT_PASSED_ON:
        if getattr(ask, name) is not None:
            raise Refusal(
                "unsupported_parameter",
                f"{name!r} is not passed on to image models; leave it out.",
                param=name,
            )
    overheard = Overheard(tool.backend)
    request = _request(ask, tool)
    try:
        # To say what it takes, the number of pictures and whether there is a mask are enough.
        mask = None if ask.mask is None else _LIKE_A_MASK
        resolved = overheard.resolve(replace(request, references=(b"",) * len(ask.references), mask=mask))
    except ParameterError as error:
        param = ask.references_at if error.param == "references" else error.param
        raise Refusal("parameter_refused", str(error), param=param) from error
    return Order(ask, DictatedTool(overheard, asked=request), overheard, resolved)


def _request(ask: ImageAsk, tool: ImageTool) -> ImageRequest:
    """One picture as the client asked for it; what it left open is as configured."""
    said = {name: value for name in _SAID if (value := getattr(ask, name)) is not None}
    request = tool.request({"prompt": ask.prompt})
    # One says the shape; the other may contradict it.
    if "size" in said:
        request = replace(request, aspect_ratio=None)
    elif "aspect_ratio" in said:
        request = replace(request, size=None)
    return replace(request, n=1, partial_images=ask.partial_images, **said)
