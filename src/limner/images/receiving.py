"""A provider's answer to an order, read to its end under limits: whole, or streamed."""

from __future__ import annotations

import contextlib
import math
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from typing import Any, Protocol

import anyio
import anyio.to_thread

from limner.beside import beside
from limner.core.formats import HEAD_BYTES, format_of
from limner.errors import PictureError
from limner.transport.bodies import Answer
from limner.transport.faults import TransportFault
from limner.wire.chunks import Chunks
from limner.wire.errors import fault_in_body, read_fault
from limner.wire.figures import money
from limner.wire.images.deliveries import Delivery, FoundPicture
from limner.wire.images.stream import speaks_of_finished
from limner.wire.unpacking import Unpacking

from .inspection.limits import MAX_BYTES
from .ordering import Ordering
from .quirks import COST_HEADERS

__all__ = ["MAX_ANSWER_BYTES", "Gathering", "Reader", "receive"]

MAX_ANSWER_BYTES = 2 * MAX_BYTES
"""For one picture: base64 takes four bytes for three; the rest is room for what stands around it."""
_NOTED_BYTES = 64 * 1024
"""Of an answer that nobody understands, for the debug log."""
_TAIL_S = 2.0
"""How long the end of a stream is waited for once everything has come."""

Reader = Callable[[object, int], Delivery]
"""Finds the pictures of a whole answer, each with at most so many bytes. Raises: PictureError."""


class Gathering(Protocol):
    """What a streamed answer has said so far."""

    @property
    def begun(self) -> bool:
        """Whether something was drawn already, be it unfinished."""
        ...

    @property
    def complete(self) -> bool:
        """Whether all that was ordered has come, whether or not the stream says that it ends."""
        ...

    async def add(self, events: Sequence[object]) -> None:
        """Take the events of one read."""
        ...

    def delivery(self) -> Delivery:
        """The finished pictures. Raises: PictureError where there is none; may take long."""
        ...


async def receive(
    answer: Answer, ordering: Ordering, chunks: Chunks, read: Reader, gathering: Gathering
) -> Delivery:
    """The pictures of `answer`, which `chunks` takes apart: `read` where it is whole, else gathered.

    Raises: Refusal, PictureError, TransportFault.
    """
    fault = await _read_through(answer, chunks, gathering)
    if chunks.kind == "events":
        delivery = await _gathered(answer, ordering, chunks, gathering, fault)
    else:
        if chunks.too_large:
            raise _too_large()
        delivery = await _whole(answer, ordering, chunks.whole, read, fault)
    return _with_cost_header(delivery, answer)


async def _read_through(answer: Answer, chunks: Chunks, gathering: Gathering) -> TransportFault | None:
    """Read to the end; returns what broke the connection, for what came before it may be enough."""
    ends = math.inf
    while not (chunks.ended or chunks.too_large or chunks.fault is not None):
        fault = None
        if gathering.complete and gathering.begun:
            # All of it, whatever keeps the connection alive: links die, and the time runs.
            ends = min(ends, anyio.current_time() + _TAIL_S)
            if anyio.current_time() >= ends:
                return None
        try:
            data = await answer.read(_TAIL_S if gathering.complete else None)
        except TransportFault as error:
            # What is left over tells what was cut off.
            data, fault = b"", error
        # One line may be megabytes of JSON, which take tens of milliseconds.
        heavy = chunks.heavy(data)
        events = await anyio.to_thread.run_sync(chunks.take, data) if heavy else chunks.take(data)
        if events:
            await gathering.add(events)
        if not data:
            return fault
    return None


async def _gathered(
    answer: Answer, ordering: Ordering, chunks: Chunks, gathering: Gathering, fault: TransportFault | None
) -> Delivery:
    """What a stream delivered, however it ended; else why it delivered nothing."""
    try:
        return await beside(chunks.size_bytes, gathering.delivery)
    except PictureError as nothing:
        if chunks.fault is not None:
            refusal = ordering.refused(chunks.fault, answer.headers)
            if gathering.begun:
                # It was at work already; nobody knows what that costs.
                refusal.error.billed, refusal.again = "unknown", False
            raise refusal from None
        if chunks.too_large:
            raise _too_large() from None
        if chunks.cut is not None and speaks_of_finished(chunks.cut):
            raise PictureError("image_truncated", billed="yes", detail="cut") from fault
        if fault is not None:
            raise fault from None
        if not (chunks.ended or gathering.complete):
            raise PictureError("outcome_unknown", detail="the stream ended early") from None
        raise nothing


async def _whole(
    answer: Answer, ordering: Ordering, body: Unpacking, read: Reader, broken: TransportFault | None
) -> Delivery:
    """What an answer in one piece delivered; `broken`: the connection broke, maybe after all had come."""
    if format_of(body.beginning(HEAD_BYTES)):
        if broken is not None:
            raise broken
        # Some servers answer with the picture itself.
        data = body.whole()
        if len(data) > MAX_BYTES:
            raise _too_large()
        return Delivery((FoundPicture(data, None),), None, None, None)
    try:
        # JSON that was cut off is none.
        return await beside(body.text_bytes, partial(_read_whole, body, read))
    except (_Unread, PictureError) as unread:
        if broken is not None:
            raise broken from None
        if isinstance(unread, PictureError):
            raise
        fault = fault_in_body(unread.value)
        if fault is not None:
            raise ordering.refused(fault, answer.headers) from None
        words = read_fault(0, body.beginning(_NOTED_BYTES)).message
        ordering.note("image_bad_payload", answer.status, words)
        raise PictureError("image_bad_payload", detail="no JSON") from None


class _Unread(Exception):
    def __init__(self, value: object) -> None:
        super().__init__("unread")
        self.value = value


def _read_whole(body: Unpacking, read: Reader) -> Delivery:
    try:
        value = body.value()
    except ValueError:
        raise _Unread(None) from None
    if fault_in_body(value) is None:
        return read(value, MAX_BYTES)
    # What was drawn before it failed is there and paid for; to order it again would be to buy it twice.
    with contextlib.suppress(PictureError):
        return read(_delivered(value), MAX_BYTES)
    raise _Unread(value)


def _delivered(value: object) -> dict[str, Any]:
    """What an answer with an error has beside it; an error's own text and links are no pictures."""
    answer = value if isinstance(value, dict) else {}
    lists = {key: answer[key] for key in ("data", "images", "choices") if isinstance(answer.get(key), list)}
    entries = {key: [each for each in found if isinstance(each, dict)] for key, found in lists.items()}
    return {**entries, "model": answer.get("model"), "usage": answer.get("usage")}


def _with_cost_header(delivery: Delivery, answer: Answer) -> Delivery:
    """With what a relay says in a header, where the answer itself says nothing of money."""
    if delivery.cost_usd is None:
        for name in COST_HEADERS:
            told = money(answer.headers.get(name))
            if told is not None:
                return replace(delivery, cost_usd=told)
    return delivery


def _too_large() -> PictureError:
    return PictureError("image_too_large", billed="yes", detail="too_large")
