"""The service as a process: one event loop, and the signals that end it."""

from __future__ import annotations

import asyncio
import gc
import os
import signal
import socket
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from dataclasses import replace
from types import FrameType

from limner.gateway.front.app import App

from .limits import ServerLimits
from .serving import Server

__all__ = ["run"]

_MOST_FILES = 65_536
_SIGNALS = (signal.SIGTERM, signal.SIGINT)


def run(
    opened: Callable[[], AbstractAsyncContextManager[App]],
    listener: socket.socket,
    limits: ServerLimits,
    *,
    drain_s: float,
    ready: Callable[[], None] = lambda: None,
) -> None:
    """Open the application, and serve it until the process is told to end.

    The first SIGTERM or SIGINT drains; the second ends the process at once, with 128 and the signal's number:
    what was recorded is on the disk, and the next process goes on with it.
    """
    ending = _Ending()
    limits = replace(limits, connections=min(limits.connections, _files() // 2))

    async def main() -> None:
        stop = ending.on_this_loop()
        async with opened() as app:
            # What was made by now stays to the end: looking through it again and again holds up every stream.
            gc.collect()
            gc.freeze()
            await Server(app, limits).serve(listener, stop=stop, drain_s=drain_s, ready=ready)

    before = {number: signal.signal(number, ending.told) for number in _SIGNALS}
    try:
        with asyncio.Runner(loop_factory=_loop) as runner:
            runner.run(main())
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


class _Ending:
    def __init__(self) -> None:
        self._told = False
        self._loop: asyncio.AbstractEventLoop | None = None
        self._stop: asyncio.Event | None = None

    def on_this_loop(self) -> asyncio.Event:
        self._loop, self._stop = asyncio.get_running_loop(), asyncio.Event()
        if self._told:
            self._stop.set()
        return self._stop

    def told(self, number: int, _frame: FrameType | None) -> None:
        if self._told:
            os._exit(128 + number)
        self._told = True
        if self._loop is not None and self._stop is not None:
            self._loop.call_soon_threadsafe(self._stop.set)


def _files() -> int:
    """How many files may be open, as many as the system allows; every second one is for a client.

    The other half is for the providers: who is let in must not find that nothing can be opened for him.
    """
    try:
        import resource
    except ImportError:  # not to be had on Windows
        return _MOST_FILES
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = _MOST_FILES if hard == resource.RLIM_INFINITY else min(hard, _MOST_FILES)
    if soft == resource.RLIM_INFINITY or soft >= wanted:
        return _MOST_FILES if soft == resource.RLIM_INFINITY else soft
    resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
    return wanted


def _loop() -> asyncio.AbstractEventLoop:
    try:
        import uvloop
    except ImportError:  # not to be had on Windows
        return asyncio.new_event_loop()
    return uvloop.new_event_loop()
