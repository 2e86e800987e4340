"""What all makers at a provider have in common: what they are configured with, and how an order goes."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import partial
from typing import TYPE_CHECKING, Any, Literal
from urllib.parse import urlsplit

import anyio.to_thread

from limner.clock import Clock, SystemClock
from limner.errors import ConfigError, ParameterError
from limner.transport.bodies import Answer
from limner.transport.client import ProviderClient
from limner.transport.identity import base_url_of
from limner.transport.parcels import Parcel
from limner.wire.errors import Fault
from limner.wire.images.deliveries import Delivery

from .drawings import drawings, usage_of
from .ordering import Order, Ordering
from .protocol import Content, Drawing, ImageRequest, Purchase, Resolved
from .quirks import Quirk, quirk_of
from .throttle import Throttle, shared_throttle

if TYPE_CHECKING:  # the catalogue is imported when the first maker is made: start-up time
    from .catalogue import Catalogue, ImageModel

__all__ = ["ProviderImages", "Terms"]

_MARGIN_S = 1.0
_PASSED_ON = "the catalogue does not know this image model: everything is passed on as asked"


@dataclass(frozen=True, slots=True, kw_only=True)
class Terms:
    """What a maker at a provider is configured with."""

    model: str
    base_url: str | None = field(repr=False)
    """It may hold a name and a password."""
    api_key: str = field(repr=False)
    policy: Literal["at_most_once", "idempotent"]
    concurrency: int
    timeout_s: float
    price_usd: float | None
    """Of one picture; wins over the catalogue."""
    max_references: int | None
    """Wins over the catalogue, which may not know."""
    server: str | None
    """The name of a row of `quirks`, where the address does not tell."""
    catalogue: Catalogue | None
    defaults: Mapping[str, Any]
    """What holds where a request leaves it open, by the names of `ImageRequest`."""
    extra_body: Mapping[str, Any] | None
    connect_s: float
    download_idle_s: float
    clock: Clock | None

    def check(self) -> None:
        """Raises: ConfigError."""
        if not self.model:
            raise ConfigError("the image model has no name; name one", code="model_missing")
        if self.concurrency < 1:
            raise ConfigError(
                f"concurrency is {self.concurrency}, so nothing would ever be ordered; give 1 or more",
                code="config_invalid_value",
            )


class ProviderImages(ABC):
    """A maker at a provider; who derives from it says how an order is written and its answer read."""

    offline = False
    _takes_references = True
    """Whether it is known how this server is shown pictures to resemble."""

    def __init__(self, terms: Terms) -> None:
        """Describe the maker; nothing is opened before the first picture. Raises: ConfigError."""
        terms.check()
        self._terms = terms
        self._base_url = base_url_of(terms.base_url)
        self._clock = terms.clock or SystemClock()
        self._held: Throttle | None = None
        self._client = ProviderClient(
            base_url=self._base_url,
            api_key=terms.api_key,
            connect_s=terms.connect_s,
            # One that has died unnoticed costs nothing where the order is sent again under its key.
            keep_connections=terms.policy == "idempotent",
        )
        self._quirk: Quirk = quirk_of(self._base_url, terms.server)
        self._row = _row(terms, self._base_url)
        self._ordering = Ordering(
            self._client,
            api_key=terms.api_key,
            idempotent=terms.policy == "idempotent",
            unbilled=self._quirk.unbilled,
            throttle=lambda: self.throttle,
            clock=self._clock,
        )

    @property
    def name(self) -> str:
        """Address and model."""
        parts = urlsplit(self._base_url)
        return f"{parts.netloc.rpartition('@')[2]}{parts.path.rstrip('/')} {self._terms.model}"

    @property
    def policy(self) -> Literal["at_most_once", "idempotent"]:
        """How it may be asked again after a crash."""
        return self._terms.policy

    @property
    def throttle(self) -> Throttle:
        """How many orders may be under way at once; shared by all makers of this key and model."""
        parts = urlsplit(self._base_url)
        origin = f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}".lower()
        # Held, for what it has learned would be lost with it.
        self._held = shared_throttle(
            origin, self._terms.api_key, self._terms.model, self._terms.concurrency, clock=self._clock
        )
        return self._held

    @property
    def max_references(self) -> int:
        """How many pictures a new one may be told to resemble."""
        if self._terms.max_references is not None:
            return self._terms.max_references
        if self._row is None or not self._takes_references:
            return 0
        return self._row.max_references or 0

    @property
    def timeout_s(self) -> float:
        """Seconds for one order from submission to its last byte."""
        return self._terms.timeout_s

    def resolve(self, request: ImageRequest) -> Resolved:
        """What will be ordered, at what price at most; nothing is sent.

        Raises: ParameterError.
        """
        from datetime import UTC, datetime

        from .catalogue import check_always, resolve

        notes: list[str] = []
        said = self._harmless(self._filled(request), notes)
        taken = self.max_references
        if len(said.references) > taken:
            allowed = f"at most {taken}" if taken else ""
            raise ParameterError("references", len(said.references), allowed, model=self._terms.model)
        check_always(self._terms.model, said)
        said = self._partly(self._edited(said, notes), notes)
        if self._row is None:
            if said.n < 1:
                raise ParameterError("n", said.n, "1 or more", model=self._terms.model)
            said = self._unknown(said, notes)
            price_usd = self._terms.price_usd
            if price_usd is not None:
                return Resolved(said, price_usd * said.n, (_PASSED_ON, *notes))
        today = datetime.fromtimestamp(self._clock.now(), UTC).date()
        resolved = resolve(self._row, said, today=today)
        return replace(resolved, notes=(*resolved.notes, *notes)) if notes else resolved

    async def draw(self, request: ImageRequest, purchase: Purchase) -> tuple[Drawing, ...]:
        """Order the pictures and receive them.

        Raises: PictureError, ParameterError.
        Cancel: safe; what was submitted may be billed all the same.
        """
        said = self.resolve(request).request
        timeout_s = self._terms.timeout_s
        # A little before the engine gives it up: what has come by then is told, or why nothing has.
        ends_s = self._clock.monotonic() + timeout_s - min(_MARGIN_S, timeout_s / 10)
        # Reference pictures are megabytes, and JSON wants them as text.
        path, parcel = (
            await anyio.to_thread.run_sync(self._order, said) if said.references else self._order(said)
        )
        order = Order(path, parcel, purchase, ends_s)
        delivery = await self._ordering.place(
            order, partial(self._received, said, purchase), partial(self._mended, said)
        )
        return await drawings(
            delivery,
            partial(self._fetched, ends_s),
            asked=said.n,
            model=self._terms.model,
            cost_usd=self._cost_usd(delivery),
        )

    async def aclose(self) -> None:
        """Give back the connections; idempotent."""
        await self._client.aclose()

    @abstractmethod
    def _order(self, request: ImageRequest) -> tuple[str, Parcel]:
        """Where a resolved request is sent, and what."""

    @abstractmethod
    async def _received(self, request: ImageRequest, purchase: Purchase, answer: Answer) -> Delivery:
        """The pictures of a 2xx answer. Raises: Refusal, PictureError, TransportFault."""

    def _mended(self, request: ImageRequest, fault: Fault) -> Parcel | None:  # noqa: ARG002 - for those who know
        """What to send instead after an error that costs nothing; None where nobody knows."""
        return None

    @abstractmethod
    def _edited(self, request: ImageRequest, notes: list[str]) -> ImageRequest:
        """`request` with what its server takes beside pictures to edit. Raises: ParameterError."""

    @abstractmethod
    def _partly(self, request: ImageRequest, notes: list[str]) -> ImageRequest:
        """`request` with as many partial pictures as its server can be asked for."""

    @abstractmethod
    def _unknown(self, request: ImageRequest, notes: list[str]) -> ImageRequest:
        """A request to a model that nobody knows, as its server can be asked at all."""

    def _filled(self, request: ImageRequest) -> ImageRequest:
        """`request` with the defaults where it leaves something open."""
        missing = {
            name: value
            for name, value in self._terms.defaults.items()
            if value is not None and getattr(request, name) is None
        }
        from .catalogue import ANY

        filled = replace(request, **missing) if missing else request
        wanted = self._quirk.response_format
        # Some models refuse to be told how to answer.
        taken = self._row.response_formats if self._row is not None else (ANY,)
        if filled.response_format is None and {wanted, ANY} & set(taken):
            filled = replace(filled, response_format=wanted)
        return filled

    def _harmless(self, request: ImageRequest, notes: list[str]) -> ImageRequest:
        """`request` without what in its prompt would command the server."""
        prompt = request.prompt
        for each in self._quirk.removed:
            # By a space, or what stood around it could become the same again.
            prompt = prompt.replace(each, " ")
        if prompt == request.prompt:
            return request
        commands = " and ".join(repr(each) for each in self._quirk.removed)
        notes.append(f"{commands} would command this server, so they are taken out of the prompt")
        return replace(request, prompt=prompt)

    def _cost_usd(self, delivery: Delivery) -> float | None:
        """What an order has cost, where that is known and not only estimated."""
        if delivery.cost_usd is not None:
            return delivery.cost_usd
        if self._row is None or delivery.tokens is None:
            return None
        from .catalogue import cost_from_usage

        return cost_from_usage(self._row, usage_of(delivery.tokens))

    async def _fetched(self, ends_s: float, url: str) -> Content:
        """The picture behind `url`. Raises: PictureError."""
        left_s = max(0.001, ends_s - self._clock.monotonic())
        idle_s = min(self._terms.download_idle_s, left_s)
        # Where no address was configured, one of the environment may hold, and what it is nobody here knows.
        trusted, api_key = self._terms.base_url, self._terms.api_key
        from .download import fetch_picture  # start-up time

        return await fetch_picture(url, trusted=trusted, api_key=api_key, left_s=left_s, idle_s=idle_s)


def _row(terms: Terms, base_url: str) -> ImageModel | None:
    """What the catalogue knows of the model, and what the maker was told."""
    from .catalogue import load_catalogue
    from .catalogue.model import PerImage

    row = (terms.catalogue or load_catalogue()).find(terms.model, base_url=base_url)
    if row is not None and terms.max_references is not None:
        row = replace(row, max_references=terms.max_references)
    if row is not None and terms.price_usd is not None:
        row = replace(row, prices=(PerImage(terms.price_usd),))
    return row
