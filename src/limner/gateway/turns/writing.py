"""An answer on its way out: pieces as frames, or their sum as a body."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import aclosing

from anyio import to_thread

from limner.wire.frames import DONE, json_bytes

from .voice import Chunk, Voice

__all__ = ["frames_of", "whole_of"]


async def frames_of(pieces: AsyncGenerator[Chunk, None], voice: Voice) -> AsyncGenerator[bytes, None]:
    """An answer as a stream is written."""
    async with aclosing(pieces):
        async for piece in pieces:
            yield await to_thread.run_sync(voice.frame, piece) if voice.heavy(piece) else voice.frame(piece)
    yield DONE


async def whole_of(pieces: AsyncGenerator[Chunk, None], voice: Voice) -> bytes:
    """An answer in one piece."""
    async with aclosing(pieces):
        async for _ in pieces:
            pass
    return await to_thread.run_sync(lambda: json_bytes(voice.whole()))
