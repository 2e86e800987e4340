"""All contestants, one run: a table in Markdown, the figures as JSON, and two plots.

    make bench              # in less than three minutes
    make bench FULL=1       # for releases; the results go into the documentation

Or, once the environments are there, `python -m benchmarks [--full] [--only limner,by_hand] [--measure turns,long]
[--out FOLDER]`.
"""

from __future__ import annotations

import argparse
import datetime
import json
import os
import platform
import re
import subprocess
import sys
import time
from contextlib import ExitStack
from dataclasses import asdict
from pathlib import Path
from typing import Any

from .entries import ENTRIES, Entry, present, versions
from .installed import installed
from .measures import FULL, MEASURES, QUICK, Plan, Run
from .plots import machine_plot, reader_plot
from .processes import ROOT, Upstream, Worker
from .table import written

DOCS = ROOT / "docs"
PAGE = DOCS / "benchmarks.md"
_BEGIN, _END = "<!-- results -->", "<!-- end of results -->"
_OTHERS = ("installed", "gateways")


def _machine() -> str:
    """The processor's name and how many cores this process may use."""
    name = platform.processor() or platform.machine()
    try:
        found = re.search(r"^model name\s*:\s*(.+)$", Path("/proc/cpuinfo").read_text(), re.MULTILINE)
    except OSError:
        found = None
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    return f"{found[1] if found else name}, {cores} cores"


def _commit() -> str:
    found = subprocess.run(
        ["git", "describe", "--always", "--dirty"], cwd=ROOT, capture_output=True, text=True, check=False
    )
    return found.stdout.strip() or "without git"


def _measured(plan: Plan, entries: list[Entry], wanted: set[str]) -> Run:
    with ExitStack() as stack:
        upstream = stack.enter_context(Upstream(sys.executable))
        workers = {entry.name: stack.enter_context(Worker(entry.python, entry.name)) for entry in entries}
        run = Run(plan, upstream, workers)
        for name, measure in MEASURES.items():
            if not wanted or name in wanted:
                _timed(name, lambda measure=measure: measure(run))
    if not wanted or "installed" in wanted:
        _timed("installed", lambda: installed(run, entries))
    return run


def _timed(name: str, work: Any) -> None:
    started = time.perf_counter()
    print(f"{name} …", flush=True)
    work()
    print(f"  {time.perf_counter() - started:.0f} s", flush=True)


def _published(text: str) -> None:
    """Put the results into the documentation's page, between their marks."""
    page = PAGE.read_text()
    before, _, rest = page.partition(_BEGIN)
    _, _, after = rest.partition(_END)
    PAGE.write_text(f"{before}{_BEGIN}\n\n{text}\n{_END}{after}")


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__.partition("\n")[0])
    parser.add_argument("--full", action="store_true", help="everything, as for a release")
    parser.add_argument("--only", default="", metavar="NAMES", help=", ".join(each.name for each in ENTRIES))
    parser.add_argument("--measure", default="", metavar="NAMES", help=", ".join((*MEASURES, *_OTHERS)))
    parser.add_argument("--out", type=Path, default=ROOT / "bench-results", metavar="FOLDER")
    parser.add_argument(
        "--publish", action="store_true", help="write the results into docs/benchmarks.md too"
    )
    args = parser.parse_args()
    wanted = set(filter(None, args.measure.split(",")))
    if unknown := wanted - {*MEASURES, *_OTHERS}:
        parser.error(f"no measure {sorted(unknown)[0]!r}; there are {', '.join((*MEASURES, *_OTHERS))}")
    entries, absent = present(filter(None, args.only.split(",")))
    for entry in absent:
        print(f"{entry.title} is left out: {entry.python} is not there; `make bench-environments` makes it")
    if not entries:
        parser.error("nobody takes part; run `make bench-environments` first")
    plan = FULL if args.full else QUICK
    started = time.perf_counter()
    run = _measured(plan, entries, wanted)
    if not wanted or "gateways" in wanted:
        from .gateways import measured

        def gateways() -> None:
            for measure, values in measured(quick=not args.full).items():
                run.results[measure] = values

        _timed("gateways", gateways)
    meta = {
        "date": datetime.datetime.now(datetime.UTC).date().isoformat(),
        "machine": _machine(),
        "system": f"{platform.system()} {platform.release()}",
        "python": platform.python_version(),
        "commit": _commit(),
        "extent": "full run" if args.full else "quick run",
        "versions": {name: version for entry in entries for name, version in versions(entry).items()},
        "failures": run.failures,
    }
    report = written(run.results, entries, meta=meta, plan=asdict(plan))
    args.out.mkdir(parents=True, exist_ok=True)
    (args.out / "results.json").write_text(
        json.dumps({"meta": meta, "results": run.results}, indent=1) + "\n"
    )
    (args.out / "results.md").write_text(report)
    plots = {}
    if run.results.get("reader_complete_s"):
        plots["reader.svg"] = reader_plot(run.results, entries, plan.picture_s)
    if run.results.get("whole_turn_cpu_ms"):
        plots["machine.svg"] = machine_plot(run.results, entries)
    for name, plot in plots.items():
        (args.out / name).write_text(plot)
    if args.publish:
        folder = DOCS / "benchmarks"
        folder.mkdir(exist_ok=True)
        for name, plot in plots.items():
            (folder / name).write_text(plot)
        _published(report)
    print(f"\n{report}\n{time.perf_counter() - started:.0f} s; written to {args.out}")


if __name__ == "__main__":
    main()
