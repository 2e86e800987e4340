"""Where other people's clients are installed (`make clients`), and running a program that uses one."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Sequence
from functools import cache
from pathlib import Path

import pytest

__all__ = ["client_python", "node", "run_program"]

ROOT = Path(__file__).parents[1]
_MODULES = ROOT / "tests" / "clients" / "node_modules"
_OLDEST_NODE = 22


def client_python(name: str) -> Path:
    """The Python of the environment `.clients/name`; skips where that is not installed."""
    folder = ROOT / ".clients" / name
    if not (folder / ".ready").exists():
        pytest.skip(f"the client {name} is not installed; install it with: make clients")
    return folder / "bin" / "python"


def node() -> Path:
    """A Node that the clients from npm can use; skips where it or they are not installed."""
    found = _node()
    if found is None or not (_MODULES / ".ready").exists():
        pytest.skip("the clients from npm are not installed; install them with: make clients")
    return found


@cache
def _node() -> Path | None:
    installed = _MODULES / ".bin" / "node"
    for candidate in (installed if installed.exists() else None, shutil.which("node")):
        if candidate is not None:
            said = subprocess.run(
                [candidate, "--version"], capture_output=True, text=True, check=False
            ).stdout
            if said.startswith("v") and int(said[1:].partition(".")[0]) >= _OLDEST_NODE:
                return Path(candidate)
    return None


def run_program(
    command: Sequence[str | Path], folder: Path, timeout_s: float = 60
) -> subprocess.CompletedProcess[str]:
    """See a program to its end, in `folder`, with nothing in its environment that could help or lead it astray."""
    environment = {"PATH": os.environ.get("PATH", os.defpath), "HOME": str(folder), "LC_ALL": "C.UTF-8"}
    try:
        return subprocess.run(
            command,
            cwd=folder,
            env=environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            encoding="utf-8",
            timeout=timeout_s,
            check=False,
        )
    except subprocess.TimeoutExpired:
        return subprocess.CompletedProcess(command, -1, "", f"it did not end within {timeout_s} s")
