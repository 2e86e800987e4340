"""Any endpoint that answers `POST /images/generations`, or something like it, with base64 or a link."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any, Literal

from anyio.lowlevel import checkpoint

from limner.beside import beside
from limner.clock import Clock
from limner.core.formats import media_type_of, suffix_of
from limner.errors import ConfigError, ParameterError
from limner.transport.bodies import Answer
from limner.transport.parcels import File, Form, Parcel, json_parcel
from limner.wire.chunks import Chunks
from limner.wire.encodings import data_url
from limner.wire.errors import Fault, picture_code
from limner.wire.images.deliveries import Delivery, pictures_in
from limner.wire.images.orders import image_order, input_references
from limner.wire.images.stream import finished, is_finished, is_partial, partial_of

from .inspection.limits import MAX_BYTES
from .partials import Listener, listeners, tell
from .protocol import MOST_PARTIAL, ImageRequest, Purchase
from .provider import ProviderImages, Terms
from .receiving import MAX_ANSWER_BYTES, receive

if TYPE_CHECKING:  # start-up time
    from .catalogue import Catalogue

__all__ = ["OpenAIImages"]

_USUAL = ((1024, 1024), (1536, 1024), (1024, 1536))
"""What every endpoint of the Images API can draw."""

_ROUNDS = 2
"""Of the event loop, within which whoever was woken has looked, on trio too."""
_NO_STREAM = re.compile(r"\b(?:stream|streaming|partial_images)\b")
"""How a server names what it refuses where it can send no picture in part."""


class OpenAIImages(ProviderImages):
    """A picture maker behind an OpenAI-compatible Images endpoint."""

    def __init__(
        self,
        model: str,
        *,
        base_url: str | None = None,
        api_key: str,
        policy: Literal["at_most_once", "idempotent"] = "at_most_once",
        concurrency: int = 8,
        timeout_s: float = 120.0,
        price_usd: float | None = None,
        size: str | None = None,
        quality: str | None = None,
        style: str | None = None,
        background: str | None = None,
        output_format: str | None = None,
        output_compression: int | None = None,
        moderation: str | None = None,
        response_format: Literal["b64_json", "url"] | None = None,
        max_references: int | None = None,
        server: str | None = None,
        catalogue: Catalogue | None = None,
        extra_body: Mapping[str, Any] | None = None,
        path: str | None = None,
        stream: bool = False,
        partial_images: int = 0,
        on_partial: Listener | None = None,
        connect_s: float = 5.0,
        download_idle_s: float = 10.0,
        clock: Clock | None = None,
    ) -> None:
        """Describe the maker; nothing is opened before the first picture.

        `policy` "idempotent" only where the provider promises one picture and one bill per
        `Idempotency-Key`. `timeout_s` is for one order, with all its pictures. `price_usd` is what
        one picture costs at most, and `max_references` how many pictures a new one may be told to
        resemble; both win over the `catalogue`, which is the packaged one by default. `size` to
        `response_format` hold where a request leaves them open. `server` names a row of `quirks`
        ("sd.cpp", "localai", …) where the address does not tell what answers there; `path` is where
        pictures are ordered below `base_url`, by default what that row says. `extra_body` is merged
        into each order; None removes a key.

        With `stream` every picture is read as a stream, in which `partial_images` (0 to 3) may come
        before it where a request asks for none itself; `on_partial` is called with the purchase, the
        place among them and the bytes of each, on the event loop. Without it those orders are streamed
        whose request asks for partial pictures of a model and server that are known to send them.

        Raises: ConfigError.
        """
        if not 0 <= partial_images <= MOST_PARTIAL:
            raise ConfigError(
                f"partial_images is {partial_images}; give 0 to {MOST_PARTIAL}", code="config_invalid_value"
            )
        if partial_images and not stream:
            raise ConfigError(
                "partial_images come in a stream alone; give stream=True beside it",
                code="config_invalid_value",
            )
        terms = Terms(
            model=model,
            base_url=base_url,
            api_key=api_key,
            policy=policy,
            concurrency=concurrency,
            timeout_s=timeout_s,
            price_usd=price_usd,
            max_references=max_references,
            server=server,
            catalogue=catalogue,
            defaults={
                "size": size,
                "quality": quality,
                "style": style,
                "background": background,
                "output_format": output_format,
                "output_compression": output_compression,
                "moderation": moderation,
                "response_format": response_format,
            },
            extra_body=extra_body,
            connect_s=connect_s,
            download_idle_s=download_idle_s,
            clock=clock,
        )
        super().__init__(terms)
        self._takes_references = self._quirk.references != "none"
        self._path = path or self._quirk.path
        self._stream = stream
        self._partial_images = partial_images
        self._refuses_streams = False
        """Found out by an order that was refused for it."""
        self._on_partial = on_partial

    def _order(self, request: ImageRequest) -> tuple[str, Parcel]:
        asked: dict[str, Any] = {
            "n": request.n if request.n > 1 else None,
            **self._shape(request),
            "quality": request.quality,
            "style": request.style,
            "background": request.background,
            "output_format": request.output_format,
            "output_compression": request.output_compression,
            "moderation": request.moderation,
            "response_format": request.response_format,
            "input_fidelity": request.input_fidelity,
        }
        if request.partial_images or (self._stream and not self._refuses_streams):
            counted = self._stream or self._quirk.partials == "partial_images"
            asked |= {"stream": True, "partial_images": request.partial_images if counted else None}
        form = bool(request.references) and self._form
        if request.references and not form:
            asked |= self._references(request.references)
        body = image_order(self._terms.model, request.prompt, asked, self._terms.extra_body)
        if form:
            return self._quirk.edits, Form(body, _files(request.references, request.mask))
        return self._path, json_parcel(body)

    @property
    def _form(self) -> bool:
        """Whether pictures to resemble are sent as files."""
        return self._quirk.references in ("form", "none")

    def _shape(self, request: ImageRequest) -> dict[str, Any]:
        """The shape by the words that this server has for it."""
        said = {"size": request.size, "aspect_ratio": None if request.size else request.aspect_ratio}
        if self._quirk.shape == "size":
            return said
        from .catalogue import AUTO, shape_of

        if request.size == AUTO:
            # These servers have no word for what is left open.
            return {"aspect_ratio": request.aspect_ratio}
        shape = shape_of(self._row, request) if self._row is not None else None
        if shape is None or shape.tier is None:
            return said
        return {"aspect_ratio": shape.aspect_ratio, "resolution": shape.tier}

    def _references(self, references: Sequence[bytes]) -> dict[str, Any]:
        if self._quirk.references == "image":
            return {"image": [data_url(data) for data in references]}
        return {"input_references": input_references(references)}

    def _edited(self, request: ImageRequest, notes: list[str]) -> ImageRequest:
        if request.mask is not None and not self._quirk.masks:
            raise ParameterError("mask", f"of {len(request.mask):,} bytes", "", model=self._terms.model)
        if request.input_fidelity is None or request.references:
            return request
        notes.append("input_fidelity is left out: there is no picture to follow")
        return replace(request, input_fidelity=None)

    def _partly(self, request: ImageRequest, notes: list[str]) -> ImageRequest:
        asked = request.partial_images
        taken = self._partial_images_of(asked, notes)
        return request if taken == asked else replace(request, partial_images=taken)

    def _partial_images_of(self, asked: int, notes: list[str]) -> int:
        """How many of `asked` partial pictures the server can be asked for."""
        if self._refuses_streams:
            why = "this server has refused to send any"
        elif self._stream:
            return asked or self._partial_images
        elif self._quirk.partials == "none":
            why = "this server is not known to send any"
        elif self._row is None or not self._row.partial_images:
            why = f"{self._terms.model} is not known to send any"
        else:
            most = self._row.partial_images
            if asked > most:
                notes.append(f"{most} partial pictures are asked for: {self._row.id} sends no more")
            return min(asked, most)
        if asked:
            notes.append(f"partial pictures are not asked for: {why}")
        return 0

    def _mended(self, request: ImageRequest, fault: Fault) -> Parcel | None:
        """In one piece, where the server cannot send it in several."""
        streamed = request.partial_images or self._stream
        if not streamed or picture_code(fault)[0] != "image_bad_request":
            return None
        if not _NO_STREAM.search(fault.message.lower()):
            return None
        self._refuses_streams = True
        return self._order(replace(request, partial_images=0))[1]

    def _unknown(self, request: ImageRequest, notes: list[str]) -> ImageRequest:
        if request.aspect_ratio is None:
            return request
        if request.size is not None:
            notes.append(f"size {request.size} wins over aspect_ratio {request.aspect_ratio}")
            return replace(request, aspect_ratio=None)
        if self._quirk.takes_ratio:
            return request
        from .catalogue.shapes import Shape, Size, nearest, parse_ratio

        ratio = parse_ratio(request.aspect_ratio)
        if ratio is None:
            notes.append(f"aspect_ratio {request.aspect_ratio!r} is no ratio, and is left out")
            return replace(request, aspect_ratio=None)
        size = str(nearest(ratio, [Shape(Size(*each)) for each in _USUAL]).size)
        notes.append(f"aspect_ratio {request.aspect_ratio} is asked for as {size}, which most servers draw")
        return replace(request, aspect_ratio=None, size=size)

    async def _received(self, request: ImageRequest, purchase: Purchase, answer: Answer) -> Delivery:
        pictures = request.n * (1 + request.partial_images)
        chunks = Chunks(pictures * MAX_ANSWER_BYTES, MAX_ANSWER_BYTES)
        read = partial(pictures_in, with_references=bool(request.references))
        events = _Events(request, purchase, listeners(purchase, self._on_partial))
        return await receive(answer, self._ordering, chunks, read, events)


class _Events:
    """The events of a streamed order."""

    def __init__(self, request: ImageRequest, purchase: Purchase, told: tuple[Listener, ...]) -> None:
        self.begun = False
        self._request = request
        self._purchase = purchase
        self._told = told
        self._finished: list[object] = []

    @property
    def complete(self) -> bool:
        """Whether all that was ordered has come."""
        return len(self._finished) >= self._request.n

    async def add(self, events: Sequence[object]) -> None:
        """Keep what is finished, and tell of what is not."""
        for event in events:
            if is_finished(event):
                self.begun = True
                self._finished.append(event)
            elif is_partial(event):
                self.begun = True
                if self._told:
                    await self._tell(event)

    def delivery(self) -> Delivery:
        """The finished pictures. Raises: PictureError."""
        return finished(self._finished, MAX_BYTES, with_references=bool(self._request.references))

    async def _tell(self, event: object) -> None:
        # Characters of base64, which is nearly all that such an event holds.
        encoded = event.get("b64_json") if isinstance(event, dict) else None
        size = len(encoded) if isinstance(encoded, str) else 0
        partial_ = await beside(size, partial(partial_of, event, MAX_BYTES))
        if partial_ is not None:
            tell(self._told, self._purchase, partial_.index, partial_.data)
            # The next one may be here already, and would take its place: first whoever was woken looks.
            for _ in range(_ROUNDS):
                await checkpoint()


def _files(references: Sequence[bytes], mask: bytes | None) -> tuple[File, ...]:
    pictures = [
        File("image[]", f"image-{number}.{suffix_of(data)}", media_type_of(data), data)
        for number, data in enumerate(references, 1)
    ]
    return (*pictures, *([] if mask is None else [File("mask", "mask.png", "image/png", mask)]))
