"""Limner, where the model writes on while its pictures are drawn."""

from __future__ import annotations

from .limner import made
from .task import Contestant

__all__ = ["opened"]


async def opened(base_url: str, *, concurrency: int) -> Contestant:
    return await made(base_url, concurrency, promise_after_s=0)
