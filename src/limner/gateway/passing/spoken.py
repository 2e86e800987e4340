"""Answers without our tool that cannot be passed on as bytes: the model's own words in the words of an interface.

So a client of one interface reaches models that speak only the other, and the offline model. Nothing is placed
here, so nothing is rendered (decision 0018).
"""

from __future__ import annotations

import secrets
from collections.abc import AsyncGenerator, Callable, Mapping
from contextlib import aclosing
from typing import Any

import anyio

from limner.beside import beside
from limner.clock import Clock
from limner.core.deltas import Fold, Folded
from limner.core.messages import ChatRequest, Delta, ToolCall, Usage
from limner.errors import LimnerError
from limner.wire.chat.history import history
from limner.wire.chat.tools import unused_name

from ..exchange import OFFLINE_HEADERS, Answer, Streamed, Whole
from ..faults import refusal_of
from ..refusal import Refusal
from ..turns.answering import Asked
from ..turns.telling import finish_of
from ..turns.voice import Chunk, Ended, Voice
from ..turns.writing import frames_of, whole_of

__all__ = ["SpokenAnswers"]

_ALPHABET = "0123456789abcdefghijklmnopqrstuvwxyz"
_ENDS = (None, "stop", "tool_calls")
"""How a model finishes by itself; it is cut off by anything else."""


class SpokenAnswers:
    """Asks a model and tells what it says."""

    def __init__(self, clock: Clock, *, turn_s: float = 300.0) -> None:
        """`turn_s`: for everything that a model says, retries and silence included."""
        self._clock = clock
        self._turn_s = turn_s

    async def answer(self, asked: Asked, speak: Callable[[str], Voice]) -> Answer:
        """What the model says; `speak` is given the answer's id.

        Raises: Refusal, LimnerError; of a streamed answer its frames raise it.
        Cancel: the provider's connection is closed.
        """
        voice = speak(asked.inbound.id.removeprefix("req_"))
        headers = OFFLINE_HEADERS if asked.upstream.offline else {}
        pieces = self._told(asked, voice)
        if asked.ask.stream:
            return Streamed(frames_of(pieces, voice), headers, voice.broken)
        return Whole(await whole_of(pieces, voice), headers=headers)

    async def _told(self, asked: Asked, voice: Voice) -> AsyncGenerator[Chunk, None]:
        request = await beside(asked.size_bytes, lambda: _request(asked))
        model = asked.upstream.model(asked.upstream.name, asked.ask.options)
        ends_s = self._clock.monotonic() + self._turn_s
        fold, begun = Fold(), False
        try:
            async with aclosing(model.stream(request)) as stream:
                while (deltas := await self._next(stream, ends_s)) is not None:
                    for delta in deltas:
                        fold.add(delta)
                        pieces = voice.thought(delta.reasoning) if delta.reasoning else []
                        pieces += voice.words(delta.text) if delta.text else []
                        if pieces and not begun:
                            begun, pieces = True, [*voice.begin(), *pieces]
                        for piece in pieces:
                            yield piece
                    if fold.full:
                        break
        except (LimnerError, Refusal) as error:
            refusal = refusal_of(error)
            # Whoever asks again, asks for another answer.
            refusal.bought = refusal.bought or begun
            raise refusal from error
        folded = fold.finish()
        _note(asked, folded.usage)
        if not begun:
            for piece in voice.begin():
                yield piece
        for piece in await voice.end(_ended(asked, folded)):
            yield piece

    async def _next(
        self, stream: AsyncGenerator[tuple[Delta, ...], None], ends_s: float
    ) -> tuple[Delta, ...] | None:
        """What the model says next; None at the end. Raises: ModelError, Refusal (`turn_deadline`)."""
        with anyio.move_on_after(ends_s - self._clock.monotonic()):
            return await anext(stream, None)
        raise Refusal("turn_deadline")


def _request(asked: Asked) -> ChatRequest:
    ask = asked.ask
    # A name that no tool of the client has: calls of ours in the history are told under it.
    told = unused_name("generate_image", ask.tools)
    return ChatRequest(history(ask.messages, {}, image_tool=told), ask.tools, ask.tool_choice)


def _ended(asked: Asked, folded: Folded) -> Ended:
    reason = None if folded.finish_reason in _ENDS else folded.finish_reason
    # Of an answer that was cut off nobody knows which calls are whole (scorecard U22).
    asked_for = () if reason is not None else folded.calls
    calls = [ToolCall(_new_id(), each.name, each.arguments) for each in asked_for]
    finish, incomplete = finish_of(reason, calls)
    return Ended(finish, incomplete, calls, (), _figures(folded.usage, offline=asked.upstream.offline))


def _new_id() -> str:
    """Nine letters and digits, which the strictest provider takes back (quirk 27)."""
    return "".join(secrets.choice(_ALPHABET) for _ in range(9))


def _figures(usage: Usage, *, offline: bool) -> dict[str, Any]:
    """As `wire.chat.said.usage` has them."""
    said: dict[str, Any] = {
        "prompt_tokens": usage.prompt_tokens,
        "completion_tokens": usage.completion_tokens,
        "total_tokens": usage.prompt_tokens + usage.completion_tokens,
    }
    if offline:
        return said | {"cost": 0.0}
    said |= {
        "prompt_tokens_details": {"cached_tokens": usage.cached_tokens},
        "completion_tokens_details": {"reasoning_tokens": usage.reasoning_tokens},
    }
    return said if usage.cost_usd is None else said | {"cost": usage.cost_usd}


def _note(asked: Asked, usage: Usage) -> None:
    record: Mapping[str, Any] = {
        "prompt_tokens": usage.prompt_tokens,
        "completion_tokens": usage.completion_tokens,
        "cost_usd": usage.cost_usd,
    }
    asked.inbound.record.update({name: value for name, value in record.items() if value is not None})
