"""What it costs to have a library at all: importing it, and the room that it takes."""

from __future__ import annotations

import json
import statistics
import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path

from .entries import Entry
from .measures import Run
from .processes import surroundings

__all__ = ["installed"]

_PROGRAM = """
import json, resource, sys
def spent():
    usage = resource.getrusage(resource.RUSAGE_SELF)
    return usage.ru_utime + usage.ru_stime
before = spent()
exec(sys.argv[1])
after = spent()
# In KiB on Linux, in bytes on macOS.
peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)
print(json.dumps([after - before, peak]))
"""


def _imported(entry: Entry) -> tuple[float, float]:
    """CPU seconds of importing it into a bare interpreter, and the memory of that process in megabytes."""
    found = subprocess.run(
        [entry.python, "-c", _PROGRAM, entry.imports],
        env=surroundings(),
        capture_output=True,
        text=True,
        check=True,
    )
    cpu_s, peak_bytes = json.loads(found.stdout)
    return cpu_s, peak_bytes / 1e6


def _size_mb(entry: Entry) -> float:
    """Of all that is installed in its environment, without what Python has compiled."""
    folders = [path for path in entry.python.parent.parent.rglob("site-packages") if path.is_dir()]
    files = (path for folder in folders for path in folder.rglob("*"))
    return (
        sum(
            path.stat().st_size
            for path in files
            if path.is_file() and not path.is_symlink() and path.suffix != ".pyc" and not _tool(path)
        )
        / 1e6
    )


def _tool(path: Path) -> bool:
    """Whether it belongs to what installs packages, which some environments have and others don't."""
    return any(part.split("-")[0] in ("pip", "setuptools", "wheel", "pkg_resources") for part in path.parts)


def installed(run: Run, entries: Iterable[Entry]) -> None:
    """Import time and memory, alternating, and installed size."""
    seen: set[str] = set()
    chosen: list[Entry] = []
    for entry in entries:
        if entry.environment not in seen:
            seen.add(entry.environment)
            chosen.append(entry)
    times: dict[str, list[float]] = {entry.name: [] for entry in chosen}
    # The first round reads from the disk; in a quick run the files were read by the measures before.
    warming = run.plan.imports > 1
    for round_ in range(run.plan.imports + warming):
        for entry in chosen:
            try:
                cpu_s, peak_mb = _imported(entry)
            except subprocess.CalledProcessError as error:
                print(f"  import of {entry.title}: {error.stderr.strip().splitlines()[-1]}", file=sys.stderr)
                continue
            if round_ or not warming:
                times[entry.name].append(cpu_s)
                run.note("import_peak_mb", entry.name, peak_mb)
    for entry in chosen:
        if times[entry.name]:
            run.note("import_cpu_s", entry.name, statistics.median(times[entry.name]))
        run.note("installed_mb", entry.name, _size_mb(entry))
