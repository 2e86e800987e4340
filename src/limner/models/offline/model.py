"""The offline model behind the protocol of every chat model."""

from __future__ import annotations

from collections.abc import AsyncGenerator

import anyio.lowlevel

from limner.core.messages import ChatRequest, Delta, Message, Usage

from .plan import plan
from .wording import pieces

__all__ = ["OfflineModel"]

_BATCH = 24
"""Words in one tuple of deltas: a page arrives in a few."""


class OfflineModel:
    """No language model: the reply is planned from the request alone, the same each time."""

    @property
    def name(self) -> str:
        """For receipts and logs."""
        return "offline"

    @property
    def offline(self) -> bool:
        """Always true."""
        return True

    async def stream(self, request: ChatRequest) -> AsyncGenerator[tuple[Delta, ...], None]:
        """Answer `request`; the tuples come as from a model that streams.

        Cancel: safe at any time; nothing is held open.
        """
        answer = plan(request.messages, request.tools, request.tool_choice)
        for batch in _batches(answer):
            await anyio.lowlevel.checkpoint()
            yield batch
        await anyio.lowlevel.checkpoint()
        reason = "tool_calls" if answer.calls else "stop"
        yield (Delta(finish_reason=reason), Delta(usage=Usage(0, 0, 0.0)))

    async def aclose(self) -> None:
        """Nothing to give back."""


def _batches(answer: Message) -> list[tuple[Delta, ...]]:
    words = [Delta(text=piece) for piece in pieces(answer.text)] if answer.text else []
    spoken = [tuple(words[start : start + _BATCH]) for start in range(0, len(words), _BATCH)]
    ordered = [
        (Delta(index=index, call_id=made.id, name=made.name, arguments=made.arguments),)
        for index, made in enumerate(answer.calls)
    ]
    return [*spoken, *ordered]
