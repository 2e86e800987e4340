"""An endpoint that sells something, and what a test needs to ask it: what is bought must be bought once."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field

import anyio
import anyio.lowlevel

from clocks import OwnClock
from limner.gateway.exchange import Answer, Inbound, Streamed, Whole
from limner.gateway.front.envelope import broken_chat
from limner.gateway.tenant import Tenant
from limner.spending.budget import Budget
from limner.wire.chat.said import Head
from limner.wire.frames import DONE

__all__ = ["FRAMES", "WHOLE", "HeldClock", "Shop", "heard", "request"]

WHOLE = b'{"id": "chatcmpl-1", "words": "a fox \xf0\x9f\xa6\x8a"}'
FRAMES = (
    b'data: {"n": 1}\n\n',
    b'data: {"n": 2, "words": "\xf0\x9f\xa6\x8a"}\n\n',
    b'data: {"n": 3}\n\n',
    DONE,
)


class HeldClock(OwnClock):
    """Who sleeps is woken by the test."""

    def __init__(self) -> None:
        super().__init__()
        self.wake = anyio.Event()

    async def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        await self.wake.wait()


def request(
    *,
    key: str | None = None,
    retry: int | None = None,
    tenant: str = "me",
    body: bytes = b'{"ask": 1}',
    path: str = "/v1/chat/completions",
) -> Inbound:
    """A request as it is let in."""
    headers: dict[str, str] = {}
    if key is not None:
        headers["idempotency-key"] = key
    if retry is not None:
        headers["x-stainless-retry-count"] = str(retry)
    return Inbound("req_1", "openai", Tenant(tenant, Budget()), "POST", path, "", headers, body)


@dataclass
class Shop:
    """Buys once per run, then answers when `gate` is open: `WHOLE`, or the frames."""

    stream: bool = False
    with_run: bool = True
    gate: anyio.Event = field(default_factory=anyio.Event)
    frames: tuple[bytes, ...] = FRAMES
    whole: bytes = WHOLE
    before: Callable[[], None] = lambda: None
    """Called where an endpoint looks at its request: may refuse it, with nothing bought."""
    after: Callable[[], None] = lambda: None
    """Called when everything was bought and told."""
    bought: list[str] = field(default_factory=list)
    """The runs that something was bought for, in their order."""
    resumed: list[str] = field(default_factory=list)
    """The runs that were gone on with."""
    runs: int = 0
    told: int = 0
    """Frames that were taken."""
    closed: int = 0
    """Executions that have ended, however they did."""

    async def answer(self, inbound: Inbound) -> Answer:
        self.before()
        try:
            if inbound.resume_run is not None:
                self.resumed.append(inbound.resume_run)
            else:
                self.runs += 1
                run = f"run {self.runs}"
                if self.with_run:
                    await inbound.begun(run)
                self.bought.append(run)
                inbound.record["turn"] = run
            if self.stream:
                head = Head("chatcmpl-1", 1, "model", "limner")
                return Streamed(self._frames(), {"x-extra": "1"}, broken_chat(inbound, head))
            await self.gate.wait()
            self.after()
            return Whole(self.whole, headers={"x-extra": "1"})
        finally:
            self.closed += not self.stream

    async def _frames(self) -> AsyncIterator[bytes]:
        try:
            for at, frame in enumerate(self.frames):
                if at == 1:
                    await self.gate.wait()
                if at == len(self.frames) - 1:
                    self.after()
                self.told += 1
                yield frame
                await anyio.lowlevel.checkpoint()
        finally:
            self.closed += 1


async def heard(answer: Answer) -> bytes:
    """All that is said."""
    if isinstance(answer, Whole):
        return answer.body
    return b"".join([frame async for frame in answer.frames])
