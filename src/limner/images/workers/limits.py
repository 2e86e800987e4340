"""What a worker process may take at most, so that bytes from strangers cannot take the machine."""

from __future__ import annotations

import sys
import time
from contextlib import suppress

__all__ = ["limit_memory", "limit_time"]


def limit_memory(most_bytes: int) -> None:
    """Of the whole process, from now on; nothing where the system has no such limit."""
    if sys.platform == "win32":
        return
    import resource  # not on every platform

    # Strategy: a decoder that asks for more gets none, and its job fails.
    with suppress(OSError, ValueError):
        _, most = resource.getrlimit(resource.RLIMIT_AS)
        resource.setrlimit(resource.RLIMIT_AS, (most_bytes, most))


def limit_time(cpu_s: int) -> None:
    """Seconds of CPU from now on, after which the process is ended: for each job anew."""
    if sys.platform == "win32":
        return
    import resource  # not on every platform

    with suppress(OSError, ValueError):
        _, most = resource.getrlimit(resource.RLIMIT_CPU)
        resource.setrlimit(resource.RLIMIT_CPU, (int(time.process_time()) + cpu_s, most))
