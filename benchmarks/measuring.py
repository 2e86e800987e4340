"""What a process costs, its children included: CPU seconds, and the most memory that it held."""

from __future__ import annotations

import os
import resource
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

__all__ = ["cpu_s", "forget_peak", "more_files", "peak_bytes", "rss_bytes"]

_PROC = Path("/proc")


def _living(pid: int) -> Iterator[int]:
    """`pid` and all that it has started and that still runs; on Linux alone."""
    yield pid
    with suppress(OSError):
        for task in (_PROC / str(pid) / "task").iterdir():
            for child in (task / "children").read_text().split():
                yield from _living(int(child))


def _threads_s(pid: int) -> float:
    """CPU seconds of a process whose threads live on, as the kernel schedules them."""
    with suppress(OSError, ValueError):
        tasks = (_PROC / str(pid) / "task").iterdir()
        return sum(int((task / "schedstat").read_text().split()[0]) for task in tasks) / 1e9
    return 0.0


def cpu_s(pid: int | None = None) -> float:
    """CPU seconds so far of this process (or of `pid`) and its children, the living and the dead.

    Of another process, threads that have ended are not counted.
    """
    if pid is None:
        own = resource.getrusage(resource.RUSAGE_SELF), resource.getrusage(resource.RUSAGE_CHILDREN)
        spent = sum(usage.ru_utime + usage.ru_stime for usage in own)
        return spent + sum(_threads_s(child) for child in [*_living(os.getpid())][1:])
    return sum(_threads_s(each) for each in _living(pid))


def _status_bytes(pid: int, name: str) -> int:
    with suppress(OSError):
        for line in (_PROC / str(pid) / "status").read_text().splitlines():
            if line.startswith(name):
                return int(line.split()[1]) * 1024
    return 0


def rss_bytes(pid: int | None = None, *, children: bool = True) -> int:
    """Memory that is held now, children included; what they share is counted for each."""
    pid = pid or os.getpid()
    return sum(_status_bytes(each, "VmRSS:") for each in (_living(pid) if children else (pid,)))


def peak_bytes(pid: int | None = None) -> int:
    """The most memory that was held since `forget_peak`; the sum of each process's own most."""
    return sum(_status_bytes(each, "VmHWM:") for each in _living(pid or os.getpid()))


def forget_peak() -> None:
    """Begin anew with `peak_bytes`."""
    for each in _living(os.getpid()):
        with suppress(OSError):
            (_PROC / str(each) / "clear_refs").write_text("5")


def more_files() -> None:
    """Let this process open as many files and connections as the system allows."""
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    with suppress(ValueError, OSError):
        resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
