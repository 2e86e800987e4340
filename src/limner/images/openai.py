"""Any endpoint that answers `POST /images/generations` with base64 or a link."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any, Literal
from urllib.parse import urlsplit

import anyio.to_thread

from limner.clock import Clock, SystemClock
from limner.errors import ConfigError, PictureError
from limner.transport.bodies import Deadlines
from limner.transport.client import ProviderClient
from limner.transport.debug import redacted
from limner.transport.faults import FaultKind, TransportFault
from limner.transport.retries import IDEMPOTENT_PICTURES, PAID_PICTURES, RetryPolicy, retry_after_s
from limner.wire.errors import Fault, fault_in_body, picture_code, read_fault
from limner.wire.images import FoundPicture, image_body, nearest_size, picture_in
from limner.wire.parsing import parsed

from .download import fetch_picture
from .inspection import MAX_BYTES
from .protocol import Content, Drawing, ImageRequest, Purchase, Resolved
from .quirks import quirk_of
from .throttle import Throttle

__all__ = ["OpenAIImages"]

_MAX_ANSWER_BYTES = 2 * MAX_BYTES
"""Base64 takes four bytes for three; the rest is room for what stands around it."""
_MAX_DETAIL = 200
_DEFAULT_URL = "https://api.openai.com/v1"
_MAGIC = (b"\x89PNG\r\n\x1a\n", b"\xff\xd8\xff", b"RIFF")
_MAY_PASS = frozenset({"image_rate_limited", "image_provider_error"})
"""Refusals that are retried where their status is; a spent quota is a 429 too and is none of them."""
_BROKEN: Mapping[FaultKind, tuple[str, Literal["no", "yes", "unknown"]]] = {
    "unreachable": ("image_unreachable", "no"),
    "tls": ("image_unreachable", "no"),
    "not_http": ("image_unreachable", "no"),
    "first_byte": ("image_timeout", "unknown"),
    "idle": ("image_timeout", "unknown"),
    "total": ("image_timeout", "unknown"),
    "reset": ("outcome_unknown", "unknown"),
    "too_large": ("image_too_large", "yes"),
    "encoding": ("image_bad_payload", "unknown"),
}
"""What a broken order means, and what is known of its bill. Source: scorecard I02, I03."""


class OpenAIImages:
    """A picture maker behind an OpenAI-compatible Images endpoint."""

    offline = False

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
        output_format: str | None = None,
        response_format: Literal["b64_json", "url"] | None = None,
        extra_body: Mapping[str, Any] | None = None,
        path: str | None = None,
        connect_s: float = 5.0,
        download_idle_s: float = 10.0,
        clock: Clock | None = None,
    ) -> None:
        """Describe the maker; nothing is opened before the first picture.

        `policy` "idempotent" only where the provider promises one picture and one bill per
        `Idempotency-Key`. `price_usd` is what one picture costs. `size`, `quality` and
        `output_format` hold where a request leaves them open. `extra_body` is merged into each
        order; None removes a key. `path` is where pictures are ordered below `base_url`, by default
        what `quirks` says of that provider.

        Raises: ConfigError.
        """
        if not model:
            raise ConfigError("the image model has no name; name one", code="model_missing")
        self._model = model
        self._base_url = base_url
        self._api_key = api_key
        self._policy: Literal["at_most_once", "idempotent"] = policy
        self._throttle = Throttle(concurrency, clock=clock)
        self._timeout_s = timeout_s
        self._price_usd = price_usd
        self._size = size
        self._quality = quality
        self._output_format = output_format
        self._response_format = response_format
        self._extra = dict(extra_body or {})
        self._path = path or quirk_of(base_url or _DEFAULT_URL).path
        self._download_idle_s = download_idle_s
        self._clock = clock or SystemClock()
        self._client = ProviderClient(
            base_url=base_url, api_key=api_key, connect_s=connect_s, keep_connections=False
        )

    @property
    def name(self) -> str:
        """Address and model."""
        parts = urlsplit(self._base_url or _DEFAULT_URL)
        return f"{parts.netloc.rpartition('@')[2]}{parts.path.rstrip('/')} {self._model}"

    @property
    def policy(self) -> Literal["at_most_once", "idempotent"]:
        """How it may be asked again after a crash."""
        return self._policy

    @property
    def throttle(self) -> Throttle:
        """How many orders may be under way at once."""
        return self._throttle

    @property
    def max_references(self) -> int:
        """None yet."""
        return 0

    @property
    def timeout_s(self) -> float:
        """Seconds for one picture from submission to its last byte."""
        return self._timeout_s

    def resolve(self, request: ImageRequest) -> Resolved:
        """As it is, at the price that was configured."""
        return Resolved(request, self._price_usd)

    async def draw(self, request: ImageRequest, purchase: Purchase) -> tuple[Drawing, ...]:
        """Order one picture and receive it.

        Raises: PictureError.
        Cancel: safe; what was submitted may be billed all the same.
        """
        ends_s = self._clock.monotonic() + self._timeout_s
        received = await self._ordered(request, purchase, ends_s)
        # Ten megabytes of base64 take tens of milliseconds of CPU.
        found = await anyio.to_thread.run_sync(self._found, received)
        data = await self._downloaded(found.url, ends_s) if found.url else found.data or b""
        cost_usd = self._price_usd if found.cost_usd is None else found.cost_usd
        return (Drawing(data, found.model or self._model, found.revised_prompt, cost_usd),)

    async def aclose(self) -> None:
        """Give back the connections; idempotent."""
        await self._client.aclose()

    async def _ordered(self, request: ImageRequest, purchase: Purchase, ends_s: float) -> bytes:
        """Submit, again only where that cannot be billed twice, until the provider answers 2xx.

        Raises: PictureError.
        """
        body, retry = self._body(request), 0
        while True:
            retry += 1
            again, asked_s = False, None
            try:
                status, headers, received = await self._submitted(body, purchase, ends_s)
            except TransportFault as fault:
                code, billed = _BROKEN[fault.kind]
                error = PictureError(code, billed=billed, detail=fault.kind)
                error.__cause__ = fault
                again = fault.kind == "unreachable" or (fault.kind == "reset" and self._idempotent)
            else:
                if 200 <= status < 300:
                    return received
                asked_s = retry_after_s(headers, self._clock.now())
                words = read_fault(status, received)
                error = self._refused(words, asked_s)
                again = status in self._retries.statuses and error.code in _MAY_PASS
            wait_s = self._retries.wait_s(retry, self._clock.jitter(), asked_s) if again else None
            if wait_s is None or self._clock.monotonic() + wait_s >= ends_s:
                raise error
            await self._clock.sleep(wait_s)

    async def _submitted(
        self, body: Mapping[str, Any], purchase: Purchase, ends_s: float
    ) -> tuple[int, Mapping[str, str], bytes]:
        """One submission: status, headers and body. Raises: TransportFault."""
        left_s = max(0.001, ends_s - self._clock.monotonic())
        headers = {"Idempotency-Key": purchase.key} if self._idempotent else {}
        # A maker is silent while it draws: only the whole matters.
        deadlines = Deadlines(left_s, left_s, left_s)
        answer = await self._client.post(self._path, body, deadlines, headers)
        try:
            return answer.status, answer.headers, await answer.whole(_MAX_ANSWER_BYTES)
        finally:
            await answer.aclose()

    def _body(self, request: ImageRequest) -> dict[str, Any]:
        return image_body(
            self._model,
            request.prompt,
            size=request.size or self._size or nearest_size(request.aspect_ratio),
            quality=request.quality or self._quality,
            output_format=request.output_format or self._output_format,
            response_format=self._response_format,
            extra=self._extra,
        )

    def _found(self, received: bytes) -> FoundPicture:
        """The picture in a 2xx answer. Raises: PictureError."""
        if received.startswith(_MAGIC):
            # Some servers answer with the picture itself.
            return FoundPicture(received, None, None, None, None)
        try:
            body = parsed(received)
        except ValueError:
            words = redacted(received.decode("utf-8", "replace"), self._api_key)
            raise PictureError("image_bad_payload", detail=repr(words[:_MAX_DETAIL])) from None
        fault = fault_in_body(body)
        if fault is not None:
            raise self._refused(fault, None)
        return picture_in(body, MAX_BYTES)

    def _refused(self, fault: Fault, asked_s: float | None) -> PictureError:
        code, billed = picture_code(fault)
        words = redacted(fault.message, self._api_key)
        told_s = asked_s if asked_s is not None and math.isfinite(asked_s) else None
        return PictureError(code, billed=billed, detail=f"{fault.status} {words}", retry_after_s=told_s)

    async def _downloaded(self, url: str, ends_s: float) -> Content:
        """What is behind `url`. Raises: PictureError."""
        left_s = max(0.001, ends_s - self._clock.monotonic())
        return await fetch_picture(
            url,
            trusted=self._base_url or _DEFAULT_URL,
            left_s=left_s,
            idle_s=min(self._download_idle_s, left_s),
        )

    @property
    def _idempotent(self) -> bool:
        return self._policy == "idempotent"

    @property
    def _retries(self) -> RetryPolicy:
        return IDEMPOTENT_PICTURES if self._idempotent else PAID_PICTURES
