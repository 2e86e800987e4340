"""Models that draw in a chat: `POST /chat/completions` with `modalities`, pictures beside the words."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, Literal

from limner.clock import Clock
from limner.errors import ParameterError
from limner.transport.bodies import Answer
from limner.transport.parcels import Parcel, json_parcel
from limner.wire.chunks import Chunks
from limner.wire.errors import Fault
from limner.wire.images.chat import ChatGathering, chat_pictures_in
from limner.wire.images.deliveries import Delivery
from limner.wire.images.orders import chat_order

from .catalogue import Catalogue, Shape, shape_of
from .catalogue.shapes import AUTO, ListedSizes, SteppedSizes, nearest, parse_ratio, parse_size
from .inspection.limits import MAX_BYTES
from .protocol import ImageRequest, Purchase, Resolved
from .provider import ProviderImages, Terms
from .quirks import CHAT_RATIOS, IMAGE_ONLY
from .receiving import MAX_ANSWER_BYTES, receive

__all__ = ["ChatImages"]

_BOTH = ("image", "text")
_ALONE = ("image",)


class ChatImages(ProviderImages):
    """A picture maker behind an endpoint for chat whose models draw."""

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
        modalities: Sequence[str] | None = None,
        max_references: int | None = None,
        server: str | None = None,
        catalogue: Catalogue | None = None,
        extra_body: Mapping[str, Any] | None = None,
        path: str = "/chat/completions",
        stream: bool = False,
        connect_s: float = 5.0,
        download_idle_s: float = 10.0,
        clock: Clock | None = None,
    ) -> None:
        """Describe the maker; nothing is opened before the first picture.

        One order draws one picture. A shape is asked for by `image_config`, as a ratio and perhaps a
        tier, for a chat has no pixels; so are `quality` and the others. `modalities` is what the
        answer may hold, by default pictures and words, and pictures alone for models that say no
        words. With `stream` the answer is read as a stream, which keeps slow connections alive. The
        rest is as for `OpenAIImages`.

        Raises: ConfigError.
        """
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
            },
            extra_body=extra_body,
            connect_s=connect_s,
            download_idle_s=download_idle_s,
            clock=clock,
        )
        super().__init__(terms)
        self._path = path
        self._stream = stream
        alone = model.lower().startswith(IMAGE_ONLY)
        self._modalities = tuple(modalities) if modalities is not None else _ALONE if alone else _BOTH

    def resolve(self, request: ImageRequest) -> Resolved:
        """What will be ordered, at what price at most; nothing is sent.

        Raises: ParameterError.
        """
        if request.n > 1:
            raise ParameterError(
                "n", request.n, "1, and order each picture by itself", model=self._terms.model
            )
        # A chat answers as it answers.
        resolved = super().resolve(replace(request, response_format=None))
        ratio, exact = self._ratio(resolved.request)
        if exact:
            return resolved
        note = f"size {resolved.request.size} is asked for as aspect_ratio {ratio}: a chat has no pixels"
        return replace(resolved, notes=(*resolved.notes, note))

    def _order(self, request: ImageRequest) -> tuple[str, Parcel]:
        return self._path, self._parcel(request)

    def _parcel(self, request: ImageRequest) -> Parcel:
        ratio, _ = self._ratio(request)
        config = {
            "aspect_ratio": ratio,
            "image_size": self._tier(request),
            "quality": request.quality,
            "style": request.style,
            "background": request.background,
            "output_format": request.output_format,
            "output_compression": request.output_compression,
            "moderation": request.moderation,
        }
        streamed = {"stream": True, "stream_options": {"include_usage": True}} if self._stream else {}
        return json_parcel(
            chat_order(
                self._terms.model,
                request.prompt,
                modalities=self._modalities,
                image_config=config,
                references=request.references,
                extra={**streamed, **(self._terms.extra_body or {})},
            )
        )

    def _mended(self, request: ImageRequest, fault: Fault) -> Parcel | None:
        """Without the words, where the model says that it has none."""
        if not fault.says("output modalities"):
            return None
        self._modalities = _ALONE
        return self._parcel(request)

    def _edited(self, request: ImageRequest, notes: list[str]) -> ImageRequest:  # noqa: ARG002 - as all makers
        for param, given in (
            ("mask", None if request.mask is None else f"of {len(request.mask):,} bytes"),
            ("input_fidelity", request.input_fidelity),
        ):
            if given is not None:
                raise ParameterError(param, given, "", model=self._terms.model)
        return request

    def _partly(self, request: ImageRequest, notes: list[str]) -> ImageRequest:
        if not request.partial_images:
            return request
        notes.append("partial pictures are not asked for: a chat sends none")
        return replace(request, partial_images=0)

    def _unknown(self, request: ImageRequest, notes: list[str]) -> ImageRequest:
        if request.size is None or request.aspect_ratio is None or parse_size(request.size) is None:
            return request
        notes.append(f"size {request.size} wins over aspect_ratio {request.aspect_ratio}")
        return replace(request, aspect_ratio=None)

    def _shape(self, request: ImageRequest) -> Shape:
        if self._row is not None and self._row.sizes is not None:
            return shape_of(self._row, request)
        size = parse_size(request.size or "")
        tier = request.size if size is None else None
        return Shape(size, request.aspect_ratio, tier)

    def _tier(self, request: ImageRequest) -> str | None:
        tier = self._shape(request).tier
        return None if tier == AUTO else tier

    def _ratio(self, request: ImageRequest) -> tuple[str | None, bool]:
        """The ratio that is asked for, and whether it is the one of the size that was chosen."""
        shape = self._shape(request)
        rule = self._row.sizes if self._row is not None else None
        fixed = rule is not None and not isinstance(rule, ListedSizes | SteppedSizes)
        if shape.size is None or (fixed and shape.aspect_ratio is not None):
            return shape.aspect_ratio, True
        if shape.aspect_ratio in CHAT_RATIOS:
            return shape.aspect_ratio, True
        name = nearest(shape.size.ratio, (Shape(aspect_ratio=each) for each in CHAT_RATIOS)).aspect_ratio
        return name, parse_ratio(name or "") == shape.size.ratio

    async def _received(self, request: ImageRequest, purchase: Purchase, answer: Answer) -> Delivery:  # noqa: ARG002 - as all makers
        chunks = Chunks(2 * MAX_ANSWER_BYTES, MAX_ANSWER_BYTES)
        return await receive(answer, self._ordering, chunks, chat_pictures_in, _Events())


class _Events:
    """The chunks of a streamed answer."""

    def __init__(self) -> None:
        self._gathering = ChatGathering()

    @property
    def begun(self) -> bool:
        """Whether a picture has come."""
        return self._gathering.drawn

    @property
    def complete(self) -> bool:
        """Whether the model has said that it has finished."""
        return self._gathering.finished

    async def add(self, events: Sequence[object]) -> None:
        """Keep what they say."""
        for event in events:
            self._gathering.add(event)

    def delivery(self) -> Delivery:
        """The pictures. Raises: PictureError."""
        return chat_pictures_in(self._gathering.whole(), MAX_BYTES)
