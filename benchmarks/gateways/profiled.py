"""`limner` under a profiler: SIGUSR1 begins, SIGUSR2 ends and prints on standard error."""

from __future__ import annotations

import cProfile
import pstats
import signal
import sys

from limner.cli.main import main


def _watch() -> None:
    profiler = cProfile.Profile()

    def begin(_number: int, _frame: object) -> None:
        profiler.enable()

    def end(_number: int, _frame: object) -> None:
        profiler.disable()
        pstats.Stats(profiler, stream=sys.stderr).sort_stats("tottime").print_stats(45)
        sys.stderr.flush()
        profiler.clear()

    signal.signal(signal.SIGUSR1, begin)
    signal.signal(signal.SIGUSR2, end)


if __name__ == "__main__":
    _watch()
    main()
