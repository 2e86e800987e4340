"""A chat model behind an HTTP endpoint: one request, one answer, whichever API it is asked through.

What two APIs differ in is a `Speech`: where requests go, how they are written, how answers are read.
"""

from __future__ import annotations

import copy
import math
from collections.abc import AsyncGenerator, Callable, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, Self

import anyio
import anyio.to_thread

from limner.clock import Clock, SystemClock
from limner.core.messages import ChatRequest, Delta
from limner.errors import ConfigError, ModelError
from limner.transport.bodies import Answer, Deadlines
from limner.transport.client import ProviderClient
from limner.transport.debug import note_words
from limner.transport.faults import TransportFault
from limner.transport.identity import base_url_of
from limner.transport.parcels import Json
from limner.transport.retries import CHAT, retry_after_s
from limner.wire.body import Body
from limner.wire.errors import Fault, chat_code, read_fault

from .failures import FAULT_CODES, model_error
from .reading import Answering, Reading

__all__ = ["HTTPModel", "Speech"]

_DRAIN_S = 0.05
_MOST_LEARNED = 10_000
"""Names come from clients, and may be without end."""


@dataclass(frozen=True, slots=True)
class Speech:
    """One API that chat models are asked through."""

    path: str
    """Below the base URL."""
    write: Callable[..., Body]
    """The body of a request: takes it, and `model`, `stream`, `options` and `extra` by name."""
    answering: Callable[[], Answering]
    """How one answer is read."""
    dispensable: Mapping[str, tuple[str, ...]]
    """Fields that some servers refuse and answers can do without → the words of such a refusal."""
    mended: Callable[[Fault, Body], bool] = lambda _fault, _body: False
    """Takes out of a refused body what this one request can do without; whether there was any."""


class HTTPModel:
    """A chat model behind an endpoint; its subclasses say which API is spoken there."""

    offline = False
    speech: ClassVar[Speech]

    def __init__(
        self,
        model: str,
        *,
        base_url: str | None = None,
        api_key: str,
        stream: bool = True,
        first_byte_s: float = 60.0,
        idle_s: float = 60.0,
        tail_s: float = 2.0,
        connect_s: float = 5.0,
        clock: Clock | None = None,
        extra_body: Mapping[str, Any] | None = None,
    ) -> None:
        """Describe the model; nothing is opened before the first request.

        `base_url` None: OpenAI's own, or what the SDK's environment variables say. An empty
        `api_key` sends none. `stream` False asks for whole answers, whose first byte comes last:
        raise `first_byte_s` with it. `tail_s` is how long its figures are waited for once the model
        has finished. `extra_body` is merged into each request as it stands; None removes a key.

        Raises: ConfigError, where the model, the address or the key can't be used.
        """
        if not model:
            raise ConfigError("the chat model has no name; name one", code="model_missing")
        self._model = model
        self._base_url = base_url
        self._api_key = api_key
        self._stream = stream
        self._deadlines = Deadlines(first_byte_s, idle_s)
        self._tail_s = min(tail_s, idle_s)
        self._clock = clock or SystemClock()
        self._extra = dict(extra_body or {})
        self._options: dict[str, Any] = {}
        self._client = ProviderClient(base_url=base_url, api_key=api_key, connect_s=connect_s)
        self._owns_client = True
        # Shared by all names of an endpoint, or each turn would learn it anew.
        self._refused: set[tuple[str, str]] = set()

    def named(self, model: str, options: Mapping[str, Any] | None = None) -> Self:
        """Another model at the same endpoint: its connections and deadlines, with parameters of its own.

        `options`: as Chat Completions calls them, whichever API is spoken. Closing it closes nothing.
        """
        other = copy.copy(self)
        other._model = model
        other._extra = {}
        other._options = dict(options or {})
        other._owns_client = False
        return other

    @property
    def name(self) -> str:
        """The model's id at its provider."""
        return self._model

    @property
    def base_url(self) -> str:
        """Where its requests go: as given, else where the SDK sends them."""
        return base_url_of(self._base_url)

    async def stream(self, request: ChatRequest) -> AsyncGenerator[tuple[Delta, ...], None]:
        """Answer `request`; one tuple of deltas per network read.

        Raises: ModelError; what was said before stands.
        Cancel: safe at any time; the provider's stream is closed first.
        """
        answer = await self._answered(request)
        reading = Reading(self.speech.answering())
        ends = math.inf
        try:
            while not reading.ended:
                if reading.finished:
                    # For all that may follow, or signs of life alone would keep the turn for ever.
                    ends = min(ends, anyio.current_time() + self._tail_s)
                deltas = reading.take(await self._read(answer, ends))
                if deltas:
                    yield deltas
                if reading.failure is not None:
                    raise self._failed(reading)
            await answer.drain(_DRAIN_S)
        finally:
            await answer.aclose()

    async def aclose(self) -> None:
        """Give back the connections; idempotent."""
        if self._owns_client:
            await self._client.aclose()

    async def _read(self, answer: Answer, ends: float) -> bytes:
        """The next read; once the model has finished, not later than `ends`."""
        try:
            if ends == math.inf:
                return await answer.read()
            left_s = ends - anyio.current_time()
            return await answer.read(left_s) if left_s > 0 else b""
        except TransportFault as fault:
            if ends < math.inf:
                # The model has said all; only the end of the stream is missing.
                return b""
            raise model_error(FAULT_CODES[fault.kind]) from fault

    def _failed(self, reading: Reading) -> ModelError:
        failure = reading.failure
        if not isinstance(failure, Fault):
            return model_error(failure or "upstream_protocol")
        # Once the answer has begun, that it broke off is all that matters.
        code = "upstream_stream_error" if reading.begun or not failure.status else chat_code(failure)
        note_words(code, failure.status, failure.message, self._api_key)
        return model_error(code, status=failure.status)

    async def _answered(self, request: ChatRequest) -> Answer:
        """Send until the provider answers 200; all retries are here, before the first word.

        Raises: ModelError.
        """
        body = self.speech.write(
            request, model=self._model, stream=self._stream, options=self._options, extra=self._extra
        )
        for field in self.speech.dispensable:
            if (self._model, field) in self._refused:
                body.fields.pop(field, None)
        # What is left out at once is no retry: those are for what passes.
        retry = 1
        while True:
            wait_s: float | None = None
            try:
                # A conversation may be megabytes, with pictures in it.
                data = await anyio.to_thread.run_sync(body.data) if body.heavy else body.data()
                answer = await self._client.post(self.speech.path, Json(data), self._deadlines)
                if answer.status == 200:
                    return answer
                words = await self._words(answer)
            except TransportFault as fault:
                error = model_error(FAULT_CODES[fault.kind])
                error.__cause__ = fault
                if fault.kind == "unreachable":
                    wait_s = CHAT.wait_s(retry, self._clock.jitter())
            else:
                if self._relaxed(words, body):
                    continue
                error, wait_s = self._refusal(words, answer.headers, retry)
            if wait_s is None:
                raise error
            await self._clock.sleep(wait_s)
            retry += 1

    async def _words(self, answer: Answer) -> Fault:
        """What an answer says that is no 200. Raises: TransportFault."""
        try:
            return read_fault(answer.status, await answer.whole(1 << 17))
        finally:
            await answer.aclose()

    def _refusal(
        self, fault: Fault, headers: Mapping[str, str], retry: int
    ) -> tuple[ModelError, float | None]:
        """The error for an answer that is no 200, and the seconds before another try, if any."""
        # A success without an answer, as 204 is one, refuses nothing.
        code = chat_code(fault) if fault.status else "upstream_protocol"
        note_words(code, fault.status, fault.message, self._api_key)
        asked_s = retry_after_s(headers, self._clock.now())
        told_s = None if asked_s is None or not math.isfinite(asked_s) else asked_s
        error = model_error(code, status=fault.status, retry_after_s=told_s)
        if fault.status not in CHAT.statuses or not error.retryable:
            return error, None
        return error, CHAT.wait_s(retry, self._clock.jitter(), asked_s)

    def _relaxed(self, fault: Fault, body: Body) -> bool:
        """Leave out from now on what the provider refuses, if it can be done without (quirk 36)."""
        for field, words in self.speech.dispensable.items():
            if fault.status in (400, 422) and field in body.fields and fault.says(*words):
                if len(self._refused) < _MOST_LEARNED:
                    self._refused.add((self._model, field))
                del body.fields[field]
                return True
        return self.speech.mended(fault, body)
