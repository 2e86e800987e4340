"""The same loop, with the `openai` package's other transport."""

from __future__ import annotations

import openai

from .by_hand import _ByHand
from .task import CLIENT, Contestant

__all__ = ["opened"]


async def opened(base_url: str, *, concurrency: int) -> Contestant:  # noqa: ARG001  the SDK's own limit holds
    client = openai.AsyncOpenAI(base_url=base_url, **CLIENT, http_client=openai.DefaultAioHttpClient())
    return _ByHand(client)
