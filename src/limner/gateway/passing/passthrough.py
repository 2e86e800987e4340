"""Chat without our tool: the request goes on as it is, and so do the model's own words.

Nothing is placed here, so nothing is rendered (decision 0018). What is added is what every client of
this service can rely on: retries before the first byte, deadlines, errors in our words, and an answer
that ends only where the model ended it.
"""

from __future__ import annotations

import math
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from typing import Any

import anyio
import msgspec

from limner.clock import Clock
from limner.core.messages import Usage
from limner.models.failures import FAULT_CODES
from limner.transport.bodies import Deadlines
from limner.transport.debug import note_words
from limner.transport.faults import TransportFault
from limner.transport.relay import Relay, RelayAnswer
from limner.transport.retries import CHAT, retry_after_s
from limner.wire.chat.ask import ChatAsk
from limner.wire.chat.said import DONE, Head
from limner.wire.errors import Fault, chat_code, read_fault

from ..exchange import Answer, Inbound, Streamed, Whole
from ..faults import UPSTREAM_SENTENCES, whole_seconds
from ..front.envelope import broken_chat
from ..naming.upstreams import Upstream
from ..refusal import Refusal
from .passage import MAX_WHOLE_BYTES, Passage, Unusable, passed_whole

__all__ = ["PassThrough"]

_ERROR_BYTES = 64 * 1024
_ERROR_BODY_S = 2.0
_DRAIN_S = 0.05
_MOST_LEARNED = 1000
_CODES: Mapping[str, str] = {"upstream_model_not_found": "model_not_found"}
"""What has another name for clients."""

_encode = msgspec.json.Encoder().encode


class PassThrough:
    """Passes chat requests on, whole and streamed."""

    def __init__(
        self,
        clock: Clock,
        *,
        turn_s: float = 300.0,
        first_byte_s: float = 60.0,
        idle_s: float = 60.0,
        tail_s: float = 2.0,
    ) -> None:
        """How long things may take.

        `turn_s`: everything, retries included; also the first byte of a whole answer, which comes last.
        `first_byte_s`: of a stream. `tail_s`: the figures, once the model has finished.
        """
        self._clock = clock
        self._turn_s = turn_s
        self._first_byte_s = first_byte_s
        self._idle_s = idle_s
        self._tail_s = min(tail_s, idle_s)
        # Shared by all requests, or each would learn it anew: (address, model) pairs.
        self._without_figures: set[tuple[Relay, str]] = set()

    async def answer(self, inbound: Inbound, ask: ChatAsk, upstream: Upstream) -> Answer:
        """What the model says to `ask`.

        Raises: Refusal; of a streamed answer its frames raise it.
        Cancel: the provider's connection is closed.
        """
        inbound.record["model"] = upstream.asked
        head = Head(
            id=f"chatcmpl-{inbound.id.removeprefix('req_')}",
            created=int(self._clock.now()),
            model=upstream.asked,
            provider=upstream.provider,
            offline=upstream.offline,
        )
        assert upstream.relay is not None, "what has no relay is asked as a model"
        passing = _Passing(inbound, ask, upstream, upstream.relay, head)
        if not ask.stream:
            return await self._whole(passing)
        return Streamed(self._frames(passing), broken=broken_chat(inbound, head))

    async def _whole(self, passing: _Passing) -> Whole:
        answer = await self._answered(passing)
        try:
            data, usage = passed_whole(
                await answer.whole(MAX_WHOLE_BYTES), passing.head, passing.inbound.dialect
            )
        except Unusable as error:
            raise _failed(error, passing.upstream) from None
        except TransportFault as fault:
            raise _broken(fault, answered=True) from fault
        finally:
            answer.close()
        _note_usage(passing.inbound, usage)
        return Whole(data)

    async def _frames(self, passing: _Passing) -> AsyncIterator[bytes]:
        """The frames of each network read; asked for with the first, so that a silent wait is filled outside."""
        answer = await self._answered(passing)
        passage = Passage(
            passing.head,
            passing.inbound.dialect,
            wants_usage=passing.ask.include_usage,
            choices=passing.ask.options.get("n", 1),
        )
        ends = math.inf
        try:
            while not passage.ended:
                if passage.finished:
                    # For all that may follow, or signs of life alone would keep the client for ever.
                    ends = min(ends, anyio.current_time() + self._tail_s)
                # What came together goes on together: a write costs more than all else on the way of a frame.
                if frames := passage.take(await self._read(answer, ends)):
                    yield b"".join(frames)
                if passage.failure is not None:
                    raise _failed(passage.failure, passing.upstream)
            yield DONE
            await answer.drain(_DRAIN_S)
        finally:
            answer.close()
            _note_usage(passing.inbound, passage.usage)

    async def _read(self, answer: RelayAnswer, ends: float) -> bytes:
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
            raise _broken(fault, answered=True) from fault

    async def _answered(self, passing: _Passing) -> RelayAnswer:
        """Send until the provider answers 200; all retries are here, before the first byte.

        Raises: Refusal.
        """
        upstream = passing.upstream
        body = _body(passing.ask, upstream.name)
        if (passing.relay, upstream.name) in self._without_figures:
            body.pop("stream_options", None)
        ends = self._clock.monotonic() + self._turn_s
        retry = 0
        while True:
            retry += 1
            wait_s: float | None = None
            left_s = ends - self._clock.monotonic()
            try:
                answer = await passing.relay.post(_encode(body), self._deadlines(body, left_s))
                if answer.status == 200:
                    return answer
                words = await _words(answer)
            except TransportFault as fault:
                refusal = _broken(fault)
                if fault.kind == "unreachable":
                    wait_s = CHAT.wait_s(retry, self._clock.jitter())
            else:
                if _refuses_figures(words, body):
                    # Clients may invent names without end.
                    if len(self._without_figures) < _MOST_LEARNED:
                        self._without_figures.add((passing.relay, upstream.name))
                    del body["stream_options"]
                    continue
                refusal, wait_s = self._refusal(words, answer.headers, retry, upstream)
            if wait_s is None or self._clock.monotonic() + wait_s >= ends:
                raise refusal
            await self._clock.sleep(wait_s)

    def _deadlines(self, body: Mapping[str, Any], left_s: float) -> Deadlines:
        if "stream" in body:
            return Deadlines(min(self._first_byte_s, left_s), self._idle_s, left_s)
        # Once it has begun to come, a whole answer has come soon.
        return Deadlines(left_s, self._idle_s, left_s + self._idle_s)

    def _refusal(
        self, words: Fault, headers: Mapping[str, str], retry: int, upstream: Upstream
    ) -> tuple[Refusal, float | None]:
        """What an answer that is no 200 means, and the seconds before another try, if any."""
        # A success without an answer, as 204 is one, refuses nothing.
        code = chat_code(words) if words.status else "upstream_protocol"
        note_words(code, words.status, words.message, upstream.api_key)
        asked_s = retry_after_s(headers, self._clock.now())
        limited = words.status in (429, 503, 529) and code != "upstream_quota"
        refusal = Refusal(
            _CODES.get(code, code),
            UPSTREAM_SENTENCES.get(code, ""),
            retry_after_s=whole_seconds(asked_s) if limited else None,
        )
        again = words.status in CHAT.statuses and code in ("upstream_rate_limited", "upstream_5xx")
        return refusal, CHAT.wait_s(retry, self._clock.jitter(), asked_s) if again else None


@dataclass(frozen=True, slots=True)
class _Passing:
    """One request on its way."""

    inbound: Inbound
    ask: ChatAsk
    upstream: Upstream
    relay: Relay
    head: Head


def _failed(error: Unusable, upstream: Upstream) -> Refusal:
    if error.fault is not None:
        note_words(error.code, error.fault.status, error.fault.message, upstream.api_key)
    # The model was asked and has answered: whoever asks again, asks for another answer.
    return Refusal(_CODES.get(error.code, error.code), UPSTREAM_SENTENCES.get(error.code, ""), bought=True)


def _body(ask: ChatAsk, name: str) -> dict[str, Any]:
    """The request as it goes on: what the client wrote, under the model's own name."""
    body: dict[str, Any] = {"model": name, "messages": ask.messages, **ask.options}
    if ask.tools:
        body["tools"] = [tool.given for tool in ask.tools]
        # "auto" is the default everywhere, and some servers refuse the field itself (quirk 36).
        if ask.tool_choice in ("none", "required"):
            body["tool_choice"] = ask.tool_choice
        elif ask.tool_choice != "auto":
            body["tool_choice"] = {"type": "function", "function": {"name": ask.tool_choice}}
    if ask.stream:
        body["stream"] = True
        # Asked for always, because what a request cost is noted; passed on where the client asked.
        body["stream_options"] = {"include_usage": True}
    return body


async def _words(answer: RelayAnswer) -> Fault:
    """What an answer says that is no 200; its status is worth more than its prose."""
    try:
        return read_fault(answer.status, await answer.beginning(_ERROR_BYTES, _ERROR_BODY_S))
    finally:
        answer.close()


def _refuses_figures(words: Fault, body: Mapping[str, Any]) -> bool:
    return words.status in (400, 422) and "stream_options" in body and words.says("stream_options")


def _broken(fault: TransportFault, *, answered: bool = False) -> Refusal:
    """`answered`: the provider had begun its answer, so it is billed; silence may be."""
    code = "turn_deadline" if fault.kind == "total" else FAULT_CODES[fault.kind]
    return Refusal(code, bought=answered or fault.kind in ("first_byte", "total"))


def _note_usage(inbound: Inbound, usage: Usage | None) -> None:
    if usage is not None:
        inbound.record["prompt_tokens"] = usage.prompt_tokens
        inbound.record["completion_tokens"] = usage.completion_tokens
        if usage.cost_usd is not None:
            inbound.record["cost_usd"] = usage.cost_usd
