"""Ctrl-C and SIGTERM, in three steps: stop buying, stop waiting, leave."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager

import anyio
from anyio.abc import TaskStatus

from .codes import ExitCode
from .console import Console

__all__ = ["Interruption"]


class Interruption:
    """Hears signals; each one cancels the stage that is under way, or ends the process where none is."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._scope: anyio.CancelScope | None = None
        self.count = 0
        """How often somebody has asked to end."""
        self.unread = False
        """Whether the reader of standard output has left: nobody to tell, and no mistake."""

    @property
    def happened(self) -> bool:
        """Whether the work was cut short."""
        return self.count > 0 or self.unread

    @contextmanager
    def stage(self, *, after: int = 0) -> Iterator[None]:
        """What stands in this block is given up when more than `after` signals have come; nothing is raised."""
        with anyio.CancelScope() as scope:
            self._scope = scope
            if self.count > after:
                scope.cancel()
            yield
        self._scope = None

    def leave(self) -> None:
        """Give up the stage without a signal: nobody reads standard output any more."""
        self.unread = True
        if self._scope is not None:
            self._scope.cancel()

    async def listen(self, *, task_status: TaskStatus[None] = anyio.TASK_STATUS_IGNORED) -> None:
        """Hear signals until cancelled."""
        if sys.platform == "win32":
            task_status.started()  # no such loop there: Ctrl-C ends the process as KeyboardInterrupt
            return
        with anyio.open_signal_receiver(signal.SIGINT, signal.SIGTERM) as signals:
            task_status.started()
            async for _ in signals:
                self._hear()

    def _hear(self) -> None:
        self.count += 1
        if self._scope is not None and not self._scope.cancel_called:
            self._scope.cancel()
        elif self.count > 1:
            # The third time, or the second while files are written: at once means at once.
            self._console.show(())
            os._exit(ExitCode.INTERRUPTED)
