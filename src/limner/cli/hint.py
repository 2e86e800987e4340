"""The command that goes on with a run, as it can be typed."""

from __future__ import annotations

import os
import shlex
import shutil
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from .output import Output

__all__ = ["WayOn", "called"]


@dataclass(frozen=True, slots=True)
class WayOn:
    """How a run can be gone on with."""

    journal: Path
    said: Mapping[str, object] = field(default_factory=dict)
    """Option → what was said with it; None where nothing was. Said again, or another model would answer."""

    def command(self, output: Output | None = None) -> str:
        """`limner resume`, called as this process was; with `output`, what was said about it is said again."""
        words = [*called(sys.argv[0], sys.executable), "resume", _file(self.journal)]
        for option, value in self.said.items():
            words += _option(option, value)
        if output is not None:
            words += _option("-o", output.file)
            words += _option("--images-dir", output.images_dir)
            words += ["--json"] if output.json else []
        return shlex.join(words)


def called(program: str, python: str) -> Sequence[str]:
    """What somebody types to call this command: `program` is the path that the system says."""
    name = os.path.basename(program)
    if name == "__main__.py":
        return _shortest(python), "-m", "limner.cli"
    # Called from a program of somebody else's, its own name would be a lie.
    return (_shortest(program),) if name.partition(".")[0] == "limner" else ("limner",)


def _shortest(program: str) -> str:
    """The bare name, where the search path leads to the same file."""
    name = os.path.basename(program)
    found = shutil.which(name)
    return name if found is not None and os.path.abspath(found) == os.path.abspath(program) else program


def _option(name: str, value: object) -> Sequence[str]:
    return () if value is None else (name, str(value))


def _file(journal: Path) -> str:
    # Else it would be read as an option.
    return f"./{journal}" if str(journal).startswith("-") else str(journal)
